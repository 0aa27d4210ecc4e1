"""Table 1 recomputed cell by cell from the nets, beside what the paper prints.

Paper: Table 1; Section 3.3 ("FLOPs (multiply-adds)").
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_table_1.py.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor

import torch
from torch import nn

from resnet_lab import paper
from resnet_lab.claims.nets import Layer, layers, total, weightless
from resnet_lab.resnet import IMAGENET_BLOCKS, ResNetConfig, imagenet

DEPTHS = tuple(IMAGENET_BLOCKS)
SIDE = 224  # pixels of an ImageNet crop
STAGES = ("conv2_x", "conv3_x", "conv4_x", "conv5_x")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A row of Table 1 for one net: map side, and the convolutions of a block, times `repeat`."""

    name: str
    size: int
    block: tuple[tuple[int, int], ...]  # (kernel, filters) of each convolution
    repeat: int
    strides: tuple[int, ...]  # of each convolution of the first block

    @property
    def words(self) -> str:
        """ "3x3, 64; 3x3, 64 (x3)"."""
        return f"{'; '.join(f'{k}x{k}, {c}' for k, c in self.block)} (x{self.repeat})"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One entry of the table: what our net has, and what the paper prints."""

    row: str
    depth: int
    ours: str
    printed: str
    agrees: bool
    note: str = ""


def convolutions(config: ResNetConfig) -> dict[int, dict[int, list[Layer]]]:
    """Stage -> block -> its convolutions, as an image of 224x224 meets them; no projections."""
    found: dict[int, dict[int, list[Layer]]] = {}
    for layer in layers(weightless(config), SIDE):
        if layer.name.startswith("stages.") and not layer.in_shortcut:
            _, stage, block, *_ = layer.name.split(".")
            found.setdefault(int(stage), {}).setdefault(int(block), []).append(layer)
    return found


def stages(config: ResNetConfig) -> list[Stage]:
    """The stages of a net of Table 1, read off the net and not off its configuration.

    Raises: ValueError if the blocks of a stage are not alike.
    """
    rows = []
    for name, blocks in zip(STAGES, convolutions(config).values(), strict=True):
        listings = {tuple((x.kernel, x.c_out) for x in found) for found in blocks.values()}
        sizes = {found[-1].size for found in blocks.values()}
        if len(listings) != 1 or len(sizes) != 1:
            raise ValueError(f"the blocks of {name} differ: {listings}, {sizes}")
        rows.append(
            Stage(
                name=name,
                size=sizes.pop(),
                block=listings.pop(),
                repeat=len(blocks),
                strides=tuple(x.stride for x in blocks[0]),
            )
        )
    return rows


def as_printed(count: int, printed: float) -> tuple[bool, str]:
    """Whether `count` rounds to `printed`, one decimal of 1e9; if not, what it does round to."""
    digits, said = count / 1e9, f"{printed / 1e9:.1f}"
    if f"{digits:.1f}" == said:
        return True, ""
    return False, f"rounded {digits:.1f}, cut off {floor(digits * 10) / 10:.1f}"


def stem_cells(depth: int) -> list[Cell]:
    """The rows conv1 and, in conv2_x, the max pool."""
    net, at = weightless(imagenet(depth)), "tables.table1.common"
    conv = layers(net, SIDE)[0]
    pool = next(m for m in net.stem if isinstance(m, nn.MaxPool2d))
    found = {
        "conv1": f"{conv.kernel}x{conv.kernel}, {conv.c_out} filters, stride {conv.stride}",
        "conv1_output": f"{conv.size}x{conv.size}",
        "maxpool": f"{pool.kernel_size}x{pool.kernel_size} max pool, stride {pool.stride}",
    }
    names = {"conv1": "conv1", "conv1_output": "conv1, output size", "maxpool": "conv2_x, pool"}
    cells = []
    for key, ours in found.items():
        # behind its first two parts the leaf says where in the table the pool stands
        printed = ", ".join(paper.value(f"{at}.{key}").split(", ")[: 2 if key == "maxpool" else 3])
        cells.append(
            Cell(row=names[key], depth=depth, ours=ours, printed=printed, agrees=ours == printed)
        )
    return cells


def cells(depth: int) -> list[Cell]:
    """Every cell of the column of a net: ours and printed.

    Raises: InputError (a ValueError) for a depth that Table 1 does not have.
    """
    config, at = imagenet(depth), "tables.table1"
    found = stem_cells(depth)
    for stage in stages(config):
        size = f"{stage.size}x{stage.size}"
        printed_size = paper.value(f"{at}.stage_output.{stage.name}")
        said = paper.value(f"{at}.networks.{depth}.stages.{stage.name}")
        block = tuple((kernel, filters) for kernel, filters in said["block"])
        printed = Stage(
            name=stage.name, size=0, block=block, repeat=said["repeat"], strides=()
        ).words
        for row, ours, theirs in (
            (f"{stage.name}, output size", size, printed_size),
            (stage.name, stage.words, printed),
        ):
            found.append(
                Cell(row=row, depth=depth, ours=ours, printed=theirs, agrees=ours == theirs)
            )
    printed = paper.value(f"{at}.networks.{depth}.flops")
    ours = total(weightless(config), SIDE)
    agrees, note = as_printed(ours, printed)
    return [
        *found,
        Cell(
            row="FLOPs",
            depth=depth,
            ours=f"{ours / 1e9:.3f}e9",
            printed=f"{printed / 1e9:.1f}e9",
            agrees=agrees,
            note=note,
        ),
    ]


def markdown(depths: Iterable[int] = DEPTHS) -> str:
    """Table 1 from our nets; a cell that differs from the print, or needs a word, says so."""
    columns = {depth: cells(depth) for depth in depths}
    head = "| | " + " | ".join(f"{depth}-layer" for depth in columns) + " |"
    lines = [head, "|---" * (len(columns) + 1) + "|"]
    for row in zip(*columns.values(), strict=True):
        lines.append(f"| {row[0].row} | " + " | ".join(shown(cell) for cell in row) + " |")
    return "\n".join(lines)


def shown(cell: Cell) -> str:
    """A cell as text: ours, then the paper's print where the two are not the same text."""
    mark = "=" if cell.agrees else "**differs**"
    if cell.ours == cell.printed:
        return f"{cell.ours.replace('; ', '<br>')} ="
    note = f" ({cell.note})" if cell.note else ""
    return f"{cell.ours}<br>printed: {cell.printed} {mark}{note}"


def summary(depths: Iterable[int] = DEPTHS) -> str:
    """A sentence: how many cells were compared, and how many agree."""
    every = [cell for depth in depths for cell in cells(depth)]
    agree = sum(cell.agrees for cell in every)
    others = [
        f"{c.depth}-layer {c.row}: ours {c.ours} ({c.note}), printed {c.printed}"
        for c in every
        if not c.agrees
    ]
    return "\n".join([f"{agree} of {len(every)} cells agree with the paper's print", *others])


def counted_by_torch(net: nn.Module) -> int:
    """Multiply-adds of one 224x224 image by torch's own counter, which shares no code with ours.

    It counts two operations, a product and a sum, for each multiply-add.
    """
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.zeros(1, 3, SIDE, SIDE, device=next(net.parameters()).device))
    return counter.get_total_flops() // 2


def counters(depths: Iterable[int] = DEPTHS) -> str:
    """Multiply-adds of every net and both places of the stride, by our counter and by torch's."""
    lines = [
        "| net | stride in | ours | torch's counter | printed |",
        "|---|---|---|---|---|",
    ]
    for depth in depths:
        places = ("1x1", "3x3") if IMAGENET_BLOCKS[depth][1] else ("",)
        for place in places:
            config = imagenet(depth, stride_in=place or "1x1")
            ours, theirs = total(weightless(config), SIDE), counted_by_torch(weightless(config))
            printed = paper.value(f"tables.table1.networks.{depth}.flops") / 1e9
            lines.append(
                f"| {depth}-layer | {place or 'first 3x3'} | {ours:,} "
                f"| {theirs:,} {'=' if ours == theirs else '**differs**'} | {printed:.1f}e9 |"
            )
    return "\n".join(lines)


def moved_stride(depth: int = 50) -> str:
    """Which layers cost what when the stride moves from the first 1x1 to the 3x3."""
    at_1x1, at_3x3 = (
        layers(weightless(imagenet(depth, stride_in=place)), SIDE) for place in ("1x1", "3x3")
    )
    lines = [
        "| layer | | stride in the 1x1 | stride in the 3x3 | difference |",
        "|---|---|---|---|---|",
    ]
    for a, b in zip(at_1x1, at_3x3, strict=True):
        if a != b:
            stage = STAGES[int(a.name.split(".")[1])]
            gap = (b.multiply_adds - a.multiply_adds) / 1e6
            lines.append(
                f"| {stage.replace('_x', '_1')} | {a.kernel}x{a.kernel}, {a.c_out} "
                f"| {a.multiply_adds / 1e6:.1f}e6, /{a.stride}, {a.size}x{a.size} "
                f"| {b.multiply_adds / 1e6:.1f}e6, /{b.stride}, {b.size}x{b.size} | {gap:+.1f}e6 |"
            )
    sums = [sum(layer.multiply_adds for layer in found) for found in (at_1x1, at_3x3)]
    gap = (sums[1] - sums[0]) / 1e6
    lines.append(
        f"| the whole net | | {sums[0] / 1e9:.3f}e9 | {sums[1] / 1e9:.3f}e9 | {gap:+.1f}e6 |"
    )
    return "\n".join(lines)
