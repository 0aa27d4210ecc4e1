"""Layer responses of recorded runs, as findings: measured, stored, read again.

Paper: Figure 7; Section 4.2, "Analysis of Layer Responses".
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_stored.py.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from resnet_lab import arms, data, findings, prepared, trained
from resnet_lab.batches import normalise
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.layer_responses.measure import BnMode, Responses, measure
from resnet_lab.records import Record

LENS = "layer_responses"
SPLITS = ("test", "train")
LETTERS = {"plain": "p", "stem": "s", "inside": "i", "end": "e", "shortcut": "x", "unknown": "u"}
ROLES = {letter: role for role, letter in LETTERS.items()}
BATCH = 500  # images at once; with running statistics the numbers do not depend on it


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What Figure 7 leaves open. The default is what our figure and claims use.

    Test images, because a response to an image that shaped the weights says less about the
    function; stored statistics of BN, because that is the net whose error is reported, and because
    then a response depends on its image alone and not on the others of its batch.
    """

    split: str = "test"
    bn: BnMode = "running"
    images: int | None = None  # the first so many; None: all of the split
    batch: int = 128  # images that share statistics with `bn` "batch"; as in training

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise InputError(f"the split must be {' or '.join(SPLITS)}, got {self.split!r}")
        if self.images is not None and self.images < 1:
            raise InputError(f"at least one image is needed, got {self.images}")


def views(
    images: Tensor, mean: Tensor, std: Tensor | None = None, batch: int = BATCH
) -> Iterator[Tensor]:
    """Batches of images as a net takes them: single views, `mean` subtracted.

    Shapes: uint8 (N, C, H, W), mean (C, H, W) or (C, 1, 1) -> float32 (batch, C, H, W) each.
    """
    for chunk in images.split(batch):
        yield normalise(chunk, mean, std)


def of_record(
    record: Record, ready: prepared.Prepared, folders: Sequence[Path], choice: Choice
) -> Finding:
    """The responses of the net of `record` over the images it was trained or tested with.

    `ready` are the images of its run, from `prepared.prepare`.
    Raises: InputError if its weights are in none of `folders`.
    """
    began = time.monotonic()
    net = trained.load(record, folders)
    images = ready.test_images if choice.split == "test" else ready.train_images
    images = images[: choice.images]
    size = choice.batch if choice.bn == "batch" else BATCH
    found = measure(net, views(images, ready.mean, batch=size), bn=choice.bn)
    return Finding(
        format=findings.FORMAT,
        lens=LENS,
        scale=record.scale,
        run=record.run,
        weights_sha256=record.weights_sha256,
        settings={
            "split": choice.split,
            "images": len(images),
            "bn": choice.bn,
            "batch": size if choice.bn == "batch" else None,
            "kernels": "3x3",
            "after": "bn",
        },
        values=values_of(found),
        how=findings.how(time.monotonic() - began),
    )


def values_of(found: Responses) -> dict[str, findings.Value]:
    """The numbers as a finding keeps them: six digits, and a letter for each layer's role."""
    return {
        "std": [short(layer.std) for layer in found.layers],
        "channel_std": [short(layer.channel_std) for layer in found.layers],
        "roles": "".join(LETTERS[layer.role] for layer in found.layers),
    }


def short(value: float) -> float:
    """`value` to six digits: more than the choice of images leaves certain."""
    return float(f"{value:.6g}")


def matches(finding: Finding, choice: Choice) -> bool:
    """Whether a finding was made with that split and mode, and with as many images."""
    settings = finding.settings
    images = choice.images is None or settings["images"] == choice.images
    return (settings["split"], settings["bn"]) == (choice.split, choice.bn) and images


def of_records(
    recorded: Iterable[Record], found: Iterable[Finding], choice: Choice | None = None
) -> list[tuple[Record, Finding]]:
    """The records of which a finding looked at these very weights, each with its finding."""
    choice = choice or Choice()
    by_run = {(f.run.hash, f.weights_sha256): f for f in found if matches(f, choice)}
    pairs = ((r, by_run.get((r.run.hash, r.weights_sha256))) for r in recorded)
    return [(record, finding) for record, finding in pairs if finding]


def load(*folders: Path) -> list[Finding]:
    """The responses stored beside the records of `folders`, then those that ship."""
    return findings.load_all(LENS, *(folder / "findings" for folder in folders), findings.SHIPPED)


def missing(
    recorded: Iterable[Record], found: Iterable[Finding], folders: Sequence[Path], choice: Choice
) -> list[Record]:
    """Those with weights in `folders` and without a finding."""
    recorded = list(recorded)
    have = {id(record) for record, _ in of_records(recorded, found, choice)}
    return [r for r in recorded if id(r) not in have and trained.weights_of(r, folders)]


def measure_missing(
    recorded: Iterable[Record],
    dataset: data.Dataset,
    folders: Sequence[Path],
    out: Path,
    choice: Choice | None = None,
    *,
    known: Iterable[Finding] = (),
    tell: Callable[[str], None] = lambda text: None,
) -> list[Finding]:
    """Measure the records on `dataset` that have weights in `folders` and no finding yet.

    Each finding is written under `out` as soon as it is there: what is stopped goes on from there.
    """
    choice = choice or Choice()
    known = [*known, *findings.load_all(LENS, out)]
    here = [r for r in recorded if r.run.images.content_hash == dataset.content_hash]
    ready: dict[object, prepared.Prepared] = {}
    made = []
    for record in missing(here, known, folders, choice):
        images = record.run.images
        if images not in ready:
            ready[images] = prepared.prepare(dataset, images)
        made.append(of_record(record, ready[images], folders, choice))
        path = findings.save(made[-1], out)
        tell(f"{arms.label_of(record)}, seed {record.run.recipe.seed}: {path}")
    return made


def origin(pairs: Sequence[tuple[Record, Finding]]) -> str:
    """A sentence: what the numbers were measured on, by which code, and that they are stored."""
    images = {"cifar10": "CIFAR-10", "embedded": "embedded data"}
    names = sorted({images[record.run.images.name] for record, _ in pairs})
    code = sorted({finding.how.git or "unknown" for _, finding in pairs})
    devices = sorted({finding.how.device for _, finding in pairs})
    return (
        f"Stored responses of {len(pairs)} nets, measured on {' and '.join(names)} "
        f"by revision {', '.join(code)} on {', '.join(devices)}."
    )
