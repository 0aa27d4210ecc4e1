"""The paper's row for a net and a protocol, and what sets a measurement of ours apart from it.

Paper: Tables 2 to 5.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_scores.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from resnet_lab import paper
from resnet_lab.imagenet_evaluation import Protocol
from resnet_lab.imagenet_folder import Files
from resnet_lab.imagenet_weights import Source
from resnet_lab.resnet import ResNetConfig, imagenet

IMAGENET_WIDTHS = imagenet(50).widths
VALIDATION = 50_000  # images of ImageNet's validation set (Section 4.1)


@dataclass(frozen=True, kw_only=True)
class Printed:
    """The paper's row. Errors are percent; None where it prints none."""

    top1: float | None
    top5: float | None
    place: str


def printed(config: ResNetConfig, protocol: Protocol, nets: int) -> Printed:
    """The row of the paper, or of the authors' notes, that the same net and test stand in."""
    kind = "plain" if config.shortcut == "none" else "resnet"
    name = f"{kind}_{config.depth}"
    if nets > 1:
        found = paper.leaf("tables.table5.resnet_ilsvrc15")
        return Printed(
            top1=None, top5=found.value, place=f"{found.source} (six models, on the test set)"
        )
    if config.depth == 34 and kind == "resnet":
        name += f"_{config.shortcut}"
    groups = {
        "10-crop": ("tables.table3", "tables.table2"),
        "multi-scale": ("tables.table4",),
        "centre": ("recipes.imagenet_from_authors_release.one_crop",),
    }
    for group in groups[protocol.name]:
        for found in ((f"{group}.{name}.top1", f"{group}.{name}.top5"), (f"{group}.{name}", None)):
            if found[0] in paper.paths():
                if config.depth == 18 and config.shortcut not in ("none", "A"):
                    continue  # Table 2's nets have no other shortcuts
                first = paper.leaf(found[0])
                top5 = paper.leaf(found[1]).value if found[1] else None
                return Printed(top1=first.value, top5=top5, place=first.source)
    return Printed(top1=None, top5=None, place="not in the paper")


def differences(sources: Sequence[Source], files: Files, broken: int) -> list[str]:
    """What sets this measurement apart from the paper's."""
    found = []
    for one in sources:
        if one.name.startswith("torchvision:"):
            found.append(f"{one.name}: trained by torchvision's recipe, not the paper's")
        if one.net.config.bottleneck and one.net.config.stride_in == "3x3":
            found.append(f"{one.name}: stride in the 3x3 convolution")
        if one.net.config.widths != IMAGENET_WIDTHS:
            found.append(f"{one.name}: filters {one.net.config.widths}, not Table 1's")
        if one.statistics.std is not None:
            found.append(f"{one.name}: images divided by the channels' deviation")
    if len(files) != VALIDATION:
        found.append(
            f"{len(files):,} images of {len(files.classes)} classes, not the {VALIDATION:,} of 1000"
        )
    if broken:
        found.append(f"{broken} broken files left out")
    return list(dict.fromkeys(found))
