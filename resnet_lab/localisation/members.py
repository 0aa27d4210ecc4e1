"""The trained nets of a run, read back from its folder.

Paper: Appendix C.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_run.py.
"""

import hashlib
from pathlib import Path

from torch import nn

from resnet_lab import checkpoint
from resnet_lab.detection import backbones, sources
from resnet_lab.errors import InputError
from resnet_lab.localisation import record as records
from resnet_lab.localisation.config import LocaliserConfig
from resnet_lab.localisation.nets import NETS
from resnet_lab.localisation.record import LocalisationRecord
from resnet_lab.localisation.testing import Member


def loaded(net: nn.Module, path: Path) -> nn.Module:
    """`net` with the weights at `path`. Raises: InputError if they do not fit."""
    sources.load(net, checkpoint.read_weights(path), str(path))
    return net


def member(
    config: LocaliserConfig, folder: Path, stages: tuple[str, ...], device: str = "cpu"
) -> Member:
    """The trained nets in `folder`. Raises: InputError if one is missing or does not fit."""
    net = loaded(backbones.classifier(config.detector), folder / "classifier.safetensors")
    nets = {
        stage: loaded(NETS[stage](config), folder / f"{stage}.safetensors").eval().to(device)
        for stage in stages
    }
    return Member(config=config, classifier=net.eval().to(device), **nets)


def trained(folder: Path, device: str = "cpu") -> tuple[LocalisationRecord, Member]:
    """The record and nets that a run left in `folder`.

    Raises: InputError if something is missing, damaged, or does not belong together.
    """
    found = records.load(folder / "record.json")
    if not isinstance(found, LocalisationRecord):
        raise InputError(f"{folder} holds an ensemble's record, not a run")
    for name, digest in found.weights_sha256.items():
        path = folder / f"{name}.safetensors"
        checkpoint.read_weights(path)
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise InputError(f"{path} does not belong to the record beside it; train the run again")
    return found, member(found.run.config, folder, found.run.stages, device)
