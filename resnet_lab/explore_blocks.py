"""What the sliders over options and depths show, as plain functions of their values.

Paper: Sections 3.2, 3.3 and 4.1; Figures 2, 3 and 5; Table 1.
Notebook: notebooks/02_shortcuts.py, notebooks/03_bottlenecks.py.
Tests: tests/test_explore_blocks.py.
"""

import torch
from matplotlib.figure import Figure

from resnet_lab import anatomy, cost, drawings, figures, paper
from resnet_lab.blocks import Block
from resnet_lab.claims.nets import layers, total, weightless, weightless_vgg
from resnet_lab.errors import InputError
from resnet_lab.resnet import imagenet
from resnet_lab.table_1 import SIDE

OPTIONS = ("none", "A", "B", "C")
# the first block of conv3_x of ResNet-34, and a block of its conv2_x: c_in, width, stride
PLACES = {"changes shape": (64, 128, 2), "same shape": (64, 64, 1)}
MAP = 56  # side of the map that goes into either


def block_of(option: str, place: str = "changes shape") -> Block:
    """A block of ResNet-34 with that shortcut, without numbers in its weights.

    Raises: InputError for a place or an option that there is not.
    """
    if place not in PLACES:
        raise InputError(f"a block {' or '.join(PLACES)}, got {place!r}")
    with torch.device("meta"):
        return Block(*PLACES[place], shortcut=option)


def option_view(option: str, place: str = "changes shape") -> Figure:
    """The block drawn to scale, with what it costs and what of that is the shortcut.

    Raises: InputError for a place or an option that there is not.
    """
    found, bare = (anatomy.of_block(block_of(o, place), MAP) for o in (option, "none"))
    figure, (ax,) = figures.sheet(1, width=8.2, height=3.5)
    drawings.block(ax, found, widest=128, highest=MAP)
    more = found.parameters - bare.parameters
    work = found.multiply_adds - bare.multiply_adds
    name = "no shortcut" if option == "none" else f"option {option}"
    ax.set_title(
        f"{name}, {place}: {found.parameters:,} parameters ({more:,} in the shortcut), "
        f"{found.multiply_adds / 1e6:.1f}e6 multiply-adds ({work / 1e6:.1f}e6)",
        fontsize="medium",
    )
    return figure


TABLE_3 = {  # row of Table 3: depth and option of the net
    "plain_34": (34, "none"),
    "resnet_34_A": (34, "A"),
    "resnet_34_B": (34, "B"),
    "resnet_34_C": (34, "C"),
    "resnet_50": (50, "B"),
    "resnet_101": (101, "B"),
    "resnet_152": (152, "B"),
}


def table_3() -> str:
    """The nets of Table 3: what ours cost, and the errors the paper prints.

    No run of ours is on ImageNet, so its last column says "not run" for every net.
    Units: multiply-adds of one 224x224 image; errors in percent, 10-crop, ImageNet validation.
    """
    lines = [
        "| net | projections | parameters | multiply-adds | more than plain-34 "
        "| paper: top-1 | top-5 | ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    bare = weightless(imagenet(34, shortcut="none"))
    for row, (depth, option) in TABLE_3.items():
        net = weightless(imagenet(depth, shortcut=option))
        count, work = cost.parameters(net), total(net, SIDE)
        projections = sum(layer.in_shortcut for layer in layers(net, SIDE))
        more = (100 * (count / cost.parameters(bare) - 1), 100 * (work / total(bare, SIDE) - 1))
        share = f"{more[0]:.1f} % and {more[1]:.1f} %" if depth == 34 else "another depth"
        errors = [paper.leaf(f"tables.table3.{row}.{error}").value for error in ("top1", "top5")]
        lines.append(
            f"| {row.replace('_', '-').replace('resnet', 'ResNet')} | {projections} | {count:,} "
            f"| {work / 1e9:.3f}e9 | {share} | {errors[0]:.2f} | {errors[1]:.2f} | not run |"
        )
    return "\n".join(lines)


def extra_projections() -> str:
    """A sentence: how many projections C adds to B in ResNet-34, and what the paper prints."""
    counts = {
        option: sum(
            layer.in_shortcut for layer in layers(weightless(imagenet(34, shortcut=option)), SIDE)
        )
        for option in ("B", "C")
    }
    leaf = paper.leaf("architecture.shortcut_options.C_extra_projections")
    return (
        f"option C has {counts['C'] - counts['B']} projections more than option B; "
        f"the paper (Section {leaf.source}) says {leaf.value}"
    )


def depth_view(depth: int, kind: str = "residual") -> Figure:
    """An ImageNet net of Table 1 layer by layer, with what it costs.

    Raises: InputError for a depth that Table 1 does not have.
    """
    config = imagenet(depth, shortcut="none" if kind == "plain" else None)
    net = weightless(config)
    figure, (ax,) = figures.sheet(1, width=8.2, height=2.9)
    drawings.net(ax, *anatomy.of_net(net, SIDE))
    blocks = ", ".join(map(str, config.blocks))
    design = "bottlenecks" if config.bottleneck else "basic blocks"
    ax.set_title(
        f"{config.name}: {blocks} {design}, {cost.parameters(net) / 1e6:.1f} million parameters, "
        f"{total(net, SIDE) / 1e9:.2f}e9 multiply-adds",
        fontsize="medium",
    )
    return figure


def figure_3() -> Figure:
    """VGG-19, plain-34 and ResNet-34, one above the other, as in Figure 3."""
    nets = {
        "VGG-19": weightless_vgg(19),
        "34-layer plain": weightless(imagenet(34, shortcut="none")),
        "34-layer residual": weightless(imagenet(34)),
    }
    found = {name: anatomy.of_net(net, SIDE) for name, net in nets.items()}
    slots = max(len(bars) for bars, _ in found.values())
    figure = Figure(figsize=(8.2, 6.4), layout="constrained", dpi=100)
    for ax, (name, (bars, arcs)) in zip(figure.subplots(3), found.items(), strict=True):
        drawings.net(ax, bars, arcs, slots=slots)
        work = f"{total(nets[name], SIDE) / 1e9:.2f}e9 multiply-adds"
        ax.set_title(f"{name}, {work}", loc="left", fontsize="medium")
    return figure


def designs() -> dict[str, Block]:
    """The two blocks of Figure 5, without numbers in their weights."""
    with torch.device("meta"):
        return {
            "basic, 64-d": Block(64, 64, 1),
            "bottleneck, 256-d": Block(256, 64, 1, bottleneck=True),
        }


def figure_5() -> Figure:
    """A basic block of ResNet-34 above a bottleneck of ResNet-50, on one scale, as in Figure 5."""
    figure = Figure(figsize=(8.2, 5.6), layout="constrained", dpi=100)
    panels = figure.subplots(2)
    for ax, (name, block) in zip(panels, designs().items(), strict=True):
        found = anatomy.of_block(block, MAP)
        drawings.block(ax, found, widest=256, highest=MAP)
        ax.set_title(
            f"{name}: {found.parameters:,} parameters, "
            f"{found.multiply_adds / 1e6:.1f}e6 multiply-adds",
            fontsize="medium",
        )
    right = max(ax.get_xlim()[1] for ax in panels)
    for ax in panels:  # the same scale for both
        ax.set_xlim(right=right)
    return figure


def projected_bottleneck() -> str:
    """A sentence: what a projection instead of the identity costs a bottleneck (Section 4.1)."""
    with torch.device("meta"):
        blocks = [Block(256, 64, 1, bottleneck=True, shortcut=option) for option in ("A", "C")]
    bare, projected = (anatomy.of_block(block, MAP) for block in blocks)
    return (
        f"identity: {bare.parameters:,} parameters, "
        f"{bare.multiply_adds / 1e6:.1f}e6 multiply-adds\n"
        f"projection: {projected.parameters:,} and {projected.multiply_adds / 1e6:.1f}e6, "
        f"{projected.parameters / bare.parameters:.2f} and "
        f"{projected.multiply_adds / bare.multiply_adds:.2f} times as many"
    )
