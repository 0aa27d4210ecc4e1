"""Differences of a net from the nearest one of the paper, as sentences.

Paper: Table 1 (ImageNet), Section 4.2 and Table 6 (CIFAR-10), Section 4.1 (options).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

import re
from collections.abc import Iterator

from resnet_lab.audit.evidence import Evidence
from resnet_lab.audit.report import UNDECIDABLE, Fact, plural
from resnet_lab.audit.seen import seen
from resnet_lab.resnet import IMAGENET_BLOCKS

CIFAR_DEPTHS = (20, 32, 44, 56, 110, 1202)
CLAIM = re.compile(
    r"(?:resnet|resnext|resnest|plain(?:net)?|wrn|preact|(?<![a-z])res|(?<![a-z])rn)"
    r"[-_ ]?(?:v\d[-_ ]?|d)?(\d{2,4})(?!\d|x\d|px)"
)


def on_cifar(e: Evidence) -> bool:
    """Whether Section 4.2 is the place to compare with, rather than Table 1."""
    return e.stem == "cifar"


def paper_net(e: Evidence) -> str | None:
    """Table 1's or Section 4.2's net with these blocks, widths and outputs, if there is one."""
    scale = 4 if e.bottleneck else 1
    kernels = {layer.kernel for block in e.blocks for layer in block.main if layer.spatial}
    if e.rank != 4 or kernels != {(3, 3)}:
        return None
    if on_cifar(e):
        alike = e.widths == (16, 32, 64) and e.outputs == (16, 32, 64)
        equal = len(set(e.counts)) == 1 and e.depth in CIFAR_DEPTHS
        return f"{e.depth}" if alike and equal and not e.bottleneck else None
    widths = (64, 128, 256, 512)
    alike = e.widths == widths and e.outputs == tuple(scale * w for w in widths)
    found = IMAGENET_BLOCKS.get(e.depth) == (e.counts, e.bottleneck)
    return f"{e.depth}" if alike and found else None


def name(e: Evidence) -> str:
    """What the net is usually called, plain or residual as its shortcuts say."""
    kind, behind = "ResNet", ""
    first, usual = e.widths[0], 16 if on_cifar(e) else 64
    if e.bottleneck and e.outputs == e.widths and on_cifar(e):
        kind, behind = "RegNet-like net", f" (first width {first})"
    elif max(block.groups for block in e.blocks) > 1:
        kind = "ResNeXt"
        behind = f" ({e.blocks[0].groups}x{first // e.blocks[0].groups}d)"
    elif e.bottleneck and e.outputs[0] != 4 * first and first > 64:
        kind, behind = "Wide ResNet", f" (x{first / 64:g})"
    elif factor := widened(e):
        kind, behind = "Wide ResNet", f" (x{factor})"
    elif first != usual:
        behind = f" with first width {first}"
    if e.stem == "deep":
        behind += " with a deep stem"
    if e.gated:
        behind += " with channel attention"
    before = "pre-activation " if e.order == "pre" else ""
    return f"{before}{kind}-{e.depth}{behind}"


def widened(e: Evidence) -> int:
    """By how much a wide net for CIFAR is wider; 0 if it is none."""
    factor, rest = divmod(e.widths[0], 16)
    alike = e.widths == (e.widths[0], 2 * e.widths[0], 4 * e.widths[0])
    narrow = e.chain.stem[-1].c_out == 16
    return factor if alike and narrow and not rest and factor > 1 and not e.bottleneck else 0


def differences(e: Evidence, facts: dict[str, Fact]) -> Iterator[str]:
    """One sentence for each thing that the paper does otherwise."""
    yield from claimed(e)
    yield from (in_cifar(e, facts) if on_cifar(e) else in_imagenet(e, facts))
    yield from in_blocks(e, facts)
    yield from in_stem_and_head(e, facts)
    yield from seen(e)


def claimed(e: Evidence) -> Iterator[str]:
    """Depths that the file or factory says, and that are not there."""
    n_projections = sum(block.projection is not None for block in e.blocks)
    said = {int(depth) for depth in CLAIM.findall(e.claim.lower())} - {*range(1990, 2100)}  # years
    # wide nets' own way of counting takes projections in and the classifier out
    for depth in sorted(said - {e.depth, e.depth + n_projections - 1}):
        blocks = sum(e.counts)
        yield (
            f"It is called {depth}, but has depth {e.depth} by counting weighted layers: "
            f"{blocks} blocks of {len(e.blocks[0].main)}, a stem and a classifier"
            + (f"; {blocks} basic blocks would make {depth}" if 2 * blocks + 2 == depth else "")
            + "."
        )


def in_cifar(e: Evidence, facts: dict[str, Fact]) -> Iterator[str]:
    """Against Section 4.2."""
    option = facts["shortcut"].value
    if len(e.counts) != 3:
        yield f"{plural(len(e.counts), 'stage')}, where Section 4.2 has three."
    elif len(set(e.counts)) > 1:
        yield f"Stages of {e.counts} blocks, where Section 4.2 has the same number n in each."
    if e.widths[0] != 16:
        yield f"First width {e.widths[0]} under a 3x3 stem: Section 4.2 has 16, 32, 64."
    elif e.widths != (16, 32, 64):
        yield f"Widths {e.widths}: Section 4.2 has 16, 32, 64."
    if e.bottleneck and len(e.counts) == 3 and len(set(e.counts)) == 1:
        n = e.counts[0]
        yield (
            "Bottleneck blocks (9n+2 layers): Section 4.2 uses basic ones (6n+2); "
            f"n = {n} gives {9 * n + 2} layers here and {6 * n + 2} there."
        )
    elif e.bottleneck:
        yield "Bottleneck blocks: Section 4.2 uses basic ones."
    elif len(set(e.counts)) == 1 and len(e.counts) == 3 and e.depth not in CIFAR_DEPTHS:
        yield f"Depth {e.depth} is 6n+2 but not one of Table 6's {CIFAR_DEPTHS}."
    if factor := widened(e):
        yield (
            f"{factor} times the widths of Section 4.2 (Wide ResNet, arXiv 1605.07146, where "
            f"this is {e.depth + 2} layers: projections count, the classifier does not)."
        )
    if option in ("B", "C"):
        yield f"Option {option} on a CIFAR net, where Section 4.2 uses A."


def in_imagenet(e: Evidence, facts: dict[str, Fact]) -> Iterator[str]:
    """Against Table 1."""
    option, depth = facts["shortcut"].value, e.depth
    kind = "bottleneck" if e.bottleneck else "basic"
    if IMAGENET_BLOCKS.get(depth) != (e.counts, e.bottleneck):
        yield f"Stages of {e.counts} {kind} blocks: Table 1 has no such net."
    scale = e.outputs[0] / e.widths[0]
    grouped = max(block.groups for block in e.blocks) > 1
    if e.bottleneck and scale != 4:
        yield (
            f"Widths {e.widths}, outputs {scale:g} times as wide: Table 1 has 64, 128, 256, 512, "
            "and four times" + (" (a wide net)." if e.widths[0] > 64 and not grouped else ".")
        )
    elif e.widths != (64, 128, 256, 512):
        yield f"Widths {e.widths}: Table 1 has 64, 128, 256, 512."
    if option == "B" and not e.bottleneck:
        place = "Table 3 tests B on 34 layers; " if depth == 34 else ""
        yield f"Option B: {place}Table 2's nets of basic blocks use A."
    if option == "C" and depth != 34:
        yield "Option C: the paper tests it on 34 layers only (Table 3)."
    if option == "A" and e.bottleneck:
        yield "Option A with bottlenecks: Section 4.1 uses B for 50 layers and more."
    stride = facts.get("stride in")
    if stride and stride.value == "3x3":
        yield (
            "Stride in the 3x3 convolution: Table 1's cost (3.8e9 for 50 layers) needs it in the "
            "first 1x1."
        )
    elif stride and stride.value not in ("1x1", UNDECIDABLE):
        yield f"Stride in {stride.value}: Table 1's cost needs it in the first 1x1."


def in_blocks(e: Evidence, facts: dict[str, Fact]) -> Iterator[str]:
    """What no block of the paper has."""
    groups = sorted({block.groups for block in e.blocks} - {1})
    if groups:
        shown = f"{groups[0]}" if len(groups) == 1 else f"{groups[0]} to {groups[-1]}"
        yield f"Grouped 3x3 convolutions, {shown} groups (ResNeXt, arXiv 1611.05431)."
    if e.bottleneck and e.outputs == e.widths and on_cifar(e):
        yield "Outputs as wide as the 3x3 convolutions (RegNet); a bottleneck's are four times."
    if any(b.projection and b.projection.spatial for b in e.blocks):
        yield "Projections wider than a pixel; the paper's are 1x1."
    kernels = {max(x.kernel) for b in e.blocks for x in b.main if x.spatial} - {3}
    if kernels:
        yield f"Blocks with kernels of {sorted(kernels)} pixels, not 3."
    if e.gated:
        yield f"Channel attention (as in SENet) in {e.gated} of {len(e.blocks)} blocks."
    if e.order == "pre":
        yield "Pre-activation: BN and ReLU before each convolution (arXiv 1603.05027)."
    elif e.order == "mixed":
        yield "Norms before and after the convolutions of a block; the paper's follow them."
    if e.norm == "none":
        yield "No batch normalisation; the paper has one after each convolution (Section 3.4)."
    elif e.norm != "BN":
        shown = "Normalisation without running statistics"
        shown = shown if e.tape is None else e.norm[0].upper() + e.norm[1:]
        yield f"{shown} in place of BN (Section 3.4)."
    if facts["bias"].value:
        idle = "; before a BN it does nothing" if e.norm == "BN" else ""
        many = facts["bias"].value
        yield f"{plural(many, 'convolution')} {'has' if many == 1 else 'have'} a bias{idle}."
    mixed = facts["shortcut"].value
    if str(mixed).startswith("mixed"):
        yield f"Shortcuts are {mixed}; the paper's nets have one in every block or in none."
    if e.rank != 4:
        yield f"{e.rank - 2}-D convolutions; the paper's images have two dimensions."
    if "where the shape stays" in facts["shortcut"].why:
        yield f"Option B with {facts['shortcut'].why.split('; ')[0]}."
    behind = [b for b in e.blocks if b.projection and b.projection.name.endswith(".1")]
    if e.tape is None and behind:
        yield (
            "Projections stand second in their sequence, behind something without weights: "
            "probably an average pool (ResNet-D, arXiv 1812.01187)."
        )


def in_stem_and_head(e: Evidence, facts: dict[str, Fact]) -> Iterator[str]:
    """Input, stem and classifier."""
    first, cifar = e.chain.stem[0], on_cifar(e)
    if e.stem == "deep":
        yield "Deep stem of 3x3 convolutions (ResNet-C, -D): Table 1 has one 7x7."
    elif e.stem == "imagenet" and max(first.kernel) != 7:
        yield f"A stem of {max(first.kernel)}x{max(first.kernel)}: Table 1 has 7x7."
    if first.c_in != 3:
        yield f"Images of {plural(first.c_in, 'channel')}, not 3."
    if e.chain.stem[-1].c_out != (16 if cifar else 64) and e.chain.stem[-1].c_out != e.widths[0]:
        given = plural(e.chain.stem[-1].c_out, "channel")
        yield f"The stem gives {given}, the first width is {e.widths[0]}."
    if cifar and e.pooled:
        yield "The stem shrinks the image; Section 4.2's does not."
    if not cifar and e.pooled is False:
        yield "The stem does not shrink the image; Table 1's does, four times."
    usual, classes = 10 if cifar else 1000, facts["classes"].value
    if classes is None:
        yield "No classifier: a backbone."
    elif classes != usual:
        yield f"Classifier with {plural(classes, 'class', 'es')}; the paper's has {usual}."
    if len(e.linear) > 1:
        yield f"{len(e.linear)} linear layers at the end; the paper has one."
    elif e.linear and e.linear[0].c_in != e.outputs[-1]:
        yield (
            f"The classifier takes {e.linear[0].c_in} values from {e.outputs[-1]} channels: no "
            "global average pool before it."
        )
