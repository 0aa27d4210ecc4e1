"""Error of one net or an ensemble on a whole folder, as a row beside the paper's.

Paper: Section 4.1; Tables 2 to 5.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_scores.py.
"""

import hashlib
import json
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from resnet_lab import checkpoint, distributed, imagenet_evaluation, provenance, train
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.imagenet_evaluation import Protocol
from resnet_lab.imagenet_folder import Files
from resnet_lab.imagenet_loader import Broken, broken_policy, test_batches
from resnet_lab.imagenet_rows import Printed, differences, printed
from resnet_lab.imagenet_weights import Source


@dataclass(frozen=True, kw_only=True)
class Score:
    """Errors of a net or an ensemble, in percent, and how they were measured."""

    net: str
    weights: tuple[str, ...]
    weights_sha256: tuple[str, ...]  # of each net's tensors under our names
    protocol: Protocol
    top1: float
    top5: float
    images: int  # that were read and scored
    classes: int
    broken_files: tuple[str, ...]  # left out of the errors
    bn_images: int  # training images that BN statistics were measured on before; 0: as stored
    statistics: tuple[str, ...]  # what each net's images were normalised with
    paper: Printed
    differs: tuple[str, ...]  # from the paper's own test
    data: str  # hash of the list of images
    how: dict[str, str | int | float]


def score(
    sources: Sequence[Source],
    files: Files,
    protocol: Protocol,
    *,
    here: World,
    batch: int = 32,
    workers: int = 2,
    precision: train.Precision = "float32",
    broken: str = "fail",
    bn_images: int = 0,
    report: Callable[[int], None] = lambda done: None,
) -> Score:
    """Errors of `sources`, averaged as an ensemble if there are several, on all of `files`.

    `report` gets the number of this process's images done so far; `bn_images` is for the result.

    Raises: InputError if classes do not fit, or an image is broken and the policy is to fail.
    """
    met = broken_policy(broken)
    check_classes(sources, files)
    began = time.perf_counter()
    sums = count_mistakes(sources, files, protocol, met, here, batch, workers, precision, report)
    names = sorted(set(sum(distributed.gathered([*met.names], here), [])))
    top1, top5, count = distributed.total(sums, here).tolist()
    if not count:
        raise InputError(f"none of the {len(files):,} images of {files.place} can be read")
    config = sources[0].net.config
    return Score(
        net=" + ".join(one.net.config.name for one in sources),
        weights=tuple(one.name for one in sources),
        weights_sha256=tuple(
            hashlib.sha256(checkpoint.weights(one.net)).hexdigest() for one in sources
        ),
        protocol=protocol,
        top1=100 * top1 / count,
        top5=100 * top5 / count,
        images=int(count),
        classes=len(files.classes),
        broken_files=tuple(names),
        bn_images=bn_images,
        statistics=tuple(one.statistics.source for one in sources),
        paper=printed(config, protocol, len(sources)),
        differs=tuple(differences(sources, files, len(names))),
        data=files.hash,
        how=how(here, precision, time.perf_counter() - began),
    )


def count_mistakes(
    sources: Sequence[Source],
    files: Files,
    protocol: Protocol,
    met: Broken,
    here: World,
    batch: int,
    workers: int,
    precision: train.Precision,
    report: Callable[[int], None],
) -> Tensor:
    """Of this process's share: images wrong at one, wrong at five, and images.

    Shapes: -> float64 (3,).
    """
    nets = [one.net.to(here.device, memory_format=torch.channels_last).eval() for one in sources]
    statistics = [one.statistics.to(here.device) for one in sources]
    sums = torch.zeros(3, dtype=torch.float64, device=here.device)
    mine, done = list(range(here.rank, len(files), here.size)), 0
    for images, labels, names in test_batches(
        files, protocol, mine, batch=batch, workers=workers, device=here.device
    ):
        met.meet(names, len(files))
        if images:
            scores = imagenet_evaluation.ensemble(
                nets, statistics, images, protocol, here.device, precision
            )
            wrong = imagenet_evaluation.mistakes(scores.cpu(), torch.tensor(labels))
            sums += torch.tensor([*wrong, len(labels)], dtype=torch.float64).to(sums.device)
        done += len(labels) + len(names)
        report(done)
    return sums


def how(here: World, precision: train.Precision, seconds: float) -> dict[str, str | int | float]:
    """On what a result was measured."""
    return {
        "device": provenance.device_name(here.device.split(":")[0]),
        "processes": here.size,
        "precision": precision,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "git": provenance.git_revision(),
        "seconds": round(seconds, 2),
    }


def check_classes(sources: Sequence[Source], files: Files) -> None:
    """Nothing. Raises: InputError if a net does not tell as many classes as there are labels."""
    for one in sources:
        known = one.net.config.classes
        if known != len(files.classes):
            raise InputError(
                f"{one.name} tells {known} classes, {files.place} has {len(files.classes)}; "
                f"--synsets FILE names the {known} in their order, one a line"
            )


def table(score: Score) -> str:
    """The result for people: our row, the paper's, and what differs."""

    def number(value: float | None) -> str:
        return f"{value:8.2f}" if isinstance(value, float) else f"{'–':>8}"

    label, own = f"{score.net}, ours", (score.top1, score.top5)
    width = max(len(label), len(score.paper.place), 24) + 2
    views = score.protocol.name
    if views == "multi-scale":
        views += " " + "/".join(map(str, score.protocol.sides))
    lines = [
        f"{views}, {score.images:,} images; error in percent",
        f"{'':{width}}{'top-1':>8}{'top-5':>8}",
        f"{label:{width}}{number(own[0])}{number(own[1])}",
        f"{score.paper.place:{width}}{number(score.paper.top1)}{number(score.paper.top5)}",
    ]
    lines += [
        f"weights: {w}; normalised with {s}"
        for w, s in zip(score.weights, score.statistics, strict=True)
    ]
    if score.bn_images:
        lines.append(f"BN statistics: plain average over up to {score.bn_images:,} training images")
    lines += [f"differs: {one}" for one in score.differs]
    lines += [f"skipped, broken: {name}" for name in score.broken_files]
    return "\n".join(lines)


def as_json(score: Score) -> str:
    """The result as strict JSON."""
    return json.dumps(asdict(score), indent=1, allow_nan=False) + "\n"


def save(score: Score, out: Path) -> Path:
    """Write the result under `out`; the name says net, protocol, and what else named it."""
    named = json.dumps(
        [score.weights_sha256, asdict(score.protocol), score.data, score.how["precision"]]
    )
    digits = hashlib.sha256(named.encode()).hexdigest()[:10]
    net = score.net.replace(" + ", "+") if len(score.weights) < 4 else "ensemble"
    path = out / "imagenet" / "evaluations" / f"{net}-{score.protocol.name}-{digits}.json"
    write_whole(path, as_json(score))
    return path


def read_synsets(path: Path) -> list[str]:
    """Class names in the order of a net's outputs: the first word of each line.

    Raises: InputError if the file is missing or names a class twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as a list of classes ({error})") from error
    names = [line.split()[0] for line in lines if line.strip()]
    if not names or len(set(names)) != len(names):
        raise InputError(f"{path} must name every class once, one a line")
    return names
