"""The explorer of nets: every depth, shortcut and block of the paper, taken apart by stages.

Paper: Section 3.3; Table 1; the table in Section 4.2; Figures 3 and 5.
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_explorers.py.
"""

from collections.abc import Iterator, Sequence
from functools import cache

from torch import nn

from resnet_lab import cost
from resnet_lab.claims.nets import Layer, layers, total, weightless, weightless_vgg
from resnet_lab.explorers import net_charts
from resnet_lab.explorers.explorer import Choice, Explorer, Rows, Slider
from resnet_lab.explorers.runs import SHORTCUTS
from resnet_lab.resnet import IMAGENET_BLOCKS, ResNetConfig, cifar, imagenet
from resnet_lab.table_1 import SIDE, STAGES
from resnet_lab.vgg import CONVOLUTIONS

FAMILIES = (
    ("cifar", "CIFAR-10, basic blocks (6n+2)"),
    ("bottleneck", "CIFAR-10, bottlenecks (9n+2)"),
    ("imagenet", "ImageNet, Table 1"),
    ("vgg", "VGG, for comparison"),
)
DEPTHS = {
    "cifar": (20, 26, 32, 38, 44, 50, 56, 74, 92, 110, 1202),
    "bottleneck": (20, 29, 38, 47, 56, 83, 110, 164),
    "imagenet": tuple(IMAGENET_BLOCKS),
    "vgg": tuple(CONVOLUTIONS),
}
START = {"cifar": 56, "bottleneck": 56, "imagenet": 50, "vgg": 16}
FIELDS = {
    "key": "family, depth and shortcut, with a bar between: what the controls choose",
    "net": "the paper's name of the net",
    "input": "pixels of a side of the image",
    "layers": "with weights, projections not counted, as in the paper's names",
    "parameters": "learned values: of the net, or of the stage",
    "multiply_adds": "of one image, convolutions and linear layers: of the net, or of the stage",
    "order": "of the stage in the net, from 0",
    "stage": "name of the stage",
    "blocks": "building blocks of the stage; null outside the stages of a ResNet",
    "block_layers": "layers of one of them",
    "size": "side of the output map, 1 for a vector",
    "channels": "of the output",
    "carried": "what the stage's first shortcut is: identity, zero padding, projection or none",
    "repeated": "what its other shortcuts are",
}


@cache
def explorer() -> Explorer:
    """The page, from the nets themselves; no record is needed."""
    nets, stages = [], []
    for family, depth, shortcut, net, side in every():
        row, rows = taken_apart(net, side)
        key = f"{family}|{depth}|{shortcut}"
        name = f"VGG-{depth}" if family == "vgg" else net.config.name
        nets.append({"key": key, "net": name} | row)
        stages += [{"key": key, "order": order} | one for order, one in enumerate(rows)]
    stops = {family: tuple(map(str, depths)) for family, depths in DEPTHS.items()}
    start = {family: stops[family].index(str(depth)) for family, depth in START.items()}
    return Explorer(
        stem="explore_nets",
        title="Nets: what depth, shortcuts and bottlenecks cost",
        lead="Each net is taken apart as one image passes through it: shapes, parameters and "
        "multiply-adds are counted on the module itself.",
        data={"nets": nets, "stages": stages},
        fields=FIELDS,
        controls=(
            Slider(name="depth", label="Depth", stops=stops, start=start, by="family"),
            Choice(name="family", label="Nets", options=FAMILIES, start="cifar"),
            Choice(name="shortcut", label="Shortcut", options=SHORTCUTS, start="A"),
        ),
        charts=net_charts.charts(DEPTHS, sentences(nets)),
        status="drawing",
        note="Multiply-adds are those of convolutions and linear layers, which is how the paper "
        "counts FLOPs. Bottlenecks of Table 1 have their stride in the first 1x1 convolution. The "
        "paper's own depths on CIFAR-10 are 20, 32, 44, 56, 110 and 1202, with option A; its "
        "18 and 34 layers on ImageNet have option A, 50 and more option B.",
    )


def every() -> Iterator[tuple[str, int, str, nn.Module, int]]:
    """Family, depth, shortcut, the net without numbers in its weights, and side of its images."""
    for depth in DEPTHS["vgg"]:  # which has no shortcuts to choose
        yield "vgg", depth, "none", weightless_vgg(depth), SIDE
    for shortcut, _ in SHORTCUTS:
        for depth in DEPTHS["cifar"]:
            if depth == 1202 and shortcut in ("B", "C"):
                continue  # seconds for a net that nobody trained; the page says so
            yield "cifar", depth, shortcut, weightless(cifar(depth, shortcut=shortcut)), 32
        for depth in DEPTHS["bottleneck"]:
            config = cifar(depth, shortcut=shortcut, bottleneck=True)
            yield "bottleneck", depth, shortcut, weightless(config), 32
        for depth in DEPTHS["imagenet"]:
            yield "imagenet", depth, shortcut, weightless(imagenet(depth, shortcut=shortcut)), SIDE


def taken_apart(net: nn.Module, side: int) -> tuple[dict[str, object], Rows]:
    """What the whole net costs, and a row for each of its stages."""
    found = layers(net, side)
    row = {
        "input": side,
        "layers": sum(not layer.in_shortcut for layer in found),
        "parameters": cost.parameters(net),
        "multiply_adds": total(net, side),
    }
    return row, vgg_stages(net, found) if isinstance(net, nn.Sequential) else stages(net, found)


def stages(net: nn.Module, found: Sequence[Layer]) -> Rows:
    """Stem, stages and classifier of a ResNet."""
    config: ResNetConfig = net.config
    names = STAGES if config.stem == "imagenet" else ("stage 1", "stage 2", "stage 3")
    stem = "conv1" if config.stem == "imagenet" else "first 3x3"
    rows = [stage_row(stem, net.stem, of(found, "stem."))]
    for number, (name, module) in enumerate(zip(names, net.stages, strict=True)):
        kinds = [shortcut_of(block) for block in module]
        rows.append(
            stage_row(name, module, of(found, f"stages.{number}."))
            | {"blocks": len(module), "block_layers": 3 if config.bottleneck else 2}
            | {"carried": kinds[0], "repeated": kinds[-1]}
        )
    return [*rows, stage_row("classifier", net.classifier, of(found, "classifier"))]


def vgg_stages(net: nn.Sequential, found: Sequence[Layer]) -> Rows:
    """The convolutions of each map size of VGG, then its linear layers."""
    modules = dict(net.named_children())
    sizes = list(dict.fromkeys(layer.size for layer in found))
    rows = []
    for size in sizes:
        mine = [layer for layer in found if layer.size == size]
        part = nn.ModuleList(modules[layer.name] for layer in mine)
        rows.append(stage_row(f"{size}x{size}" if size > 1 else "linear", part, mine))
    return rows


def stage_row(name: str, module: nn.Module, mine: Sequence[Layer]) -> dict[str, object]:
    """One stage: what comes out, and what it costs."""
    depth = [layer for layer in mine if not layer.in_shortcut]
    return {
        "stage": name,
        "layers": len(depth),
        "size": depth[-1].size,
        "channels": depth[-1].c_out,
        "parameters": cost.parameters(module),
        "multiply_adds": sum(layer.multiply_adds for layer in mine),
        "blocks": None,
        "block_layers": None,
        "carried": None,
        "repeated": None,
    }


def of(found: Sequence[Layer], prefix: str) -> list[Layer]:
    """The layers of a part of the net, its projections too."""
    return [layer for layer in found if layer.name.startswith(prefix)]


def shortcut_of(block: nn.Module) -> str:
    """What the shortcut of a block is, in the words of the paper."""
    if block.shortcut is None:
        return "none"
    kinds = {"Identity": "identity", "PadShortcut": "zero padding"}
    return kinds.get(type(block.shortcut).__name__, "projection")


def sentences(nets: Rows) -> dict[str, str]:
    """Key -> what the net is and costs, in words."""
    return {
        str(row["key"]): f"{row['net']}: {row['layers']:,} layers with weights, "
        f"{row['parameters']:,} parameters, {row['multiply_adds']:,} multiply-adds for one image "
        f"of {row['input']}x{row['input']} pixels"
        for row in nets
    }
