"""What names a run: net, recipe and images. The same three never train twice.

Paper: Section 4.2; Table 6.
Notebook: notebooks/01_degradation.py. Tests: tests/test_runs.py.
"""

import hashlib
import json
from dataclasses import asdict, dataclass

from resnet_lab.recipe import Recipe
from resnet_lab.resnet import ResNetConfig


@dataclass(frozen=True, kw_only=True)
class Images:
    """Which images a run sees. Defaults: all of CIFAR-10 as it is."""

    name: str = "cifar10"  # or "embedded"
    size: int = 32  # pixels; below 32 each pixel is the mean of a square
    held_out: int = 0  # training images kept for validation, which then stands in for the test set
    content_hash: str = ""  # of all images and labels, whatever their order


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run, fully named; device, precision and threads are not part of the name."""

    net: ResNetConfig
    recipe: Recipe
    images: Images

    @property
    def hash(self) -> str:
        """Ten hexadecimal digits that change with every field of the three parts."""
        text = json.dumps(fields_of(self), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def stem(self) -> str:
        """Name of the run's files, without an ending: "plain-20_seed0-1f2e3d4c5b"."""
        held = f"-held{self.images.held_out}" if self.images.held_out else ""
        return f"{self.net.name}{held}_seed{self.recipe.seed}-{self.hash}"


# fields of the net that are younger than the first records, with the value those had
YOUNGER = {"activation": "post"}


def fields_of(run: Run) -> dict[str, dict]:
    """What names `run`, as plain values.

    A younger field of the net is left out where it has the value that all nets had before, so that
    a run keeps its name.
    """
    fields = asdict(run)
    for name, before in YOUNGER.items():
        if fields["net"][name] == before:
            del fields["net"][name]
    return fields
