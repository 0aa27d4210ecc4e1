"""Why something is no ResNet, in one sentence.

Paper: Figure 5, whose two blocks are what is looked for.
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit.py.
"""

from collections import Counter
from collections.abc import Sequence

from resnet_lab.audit.chain import Chain
from resnet_lab.audit.differences import paper_net
from resnet_lab.audit.evidence import Evidence
from resnet_lab.audit.layers import Layer, natural
from resnet_lab.audit.report import plural
from resnet_lab.audit.trace import Tape

START = "This is no ResNet: "
EVEN_STAGES = 3  # of equally many blocks: Section 4.2's 6n+2
MANY = 6  # blocks that no usual stack of pairs has


def why(layers: Sequence[Layer], longest: Chain | None, tape: Tape | None) -> str:
    """One sentence about a net that does not consist of the paper's blocks."""
    convs = [layer for layer in layers if layer.kind == "conv"]
    linear = [layer for layer in layers if layer.kind == "linear"]
    wide = [layer for layer in convs if layer.spatial]
    if not wide:
        rest = f" (linear layers: {len(linear)})" if linear else ""
        return f"{START}it has no convolution wider than a pixel{rest}."
    if len(linear) > 2 * len(convs):
        return (
            f"{START}it has mostly linear layers ({len(linear)}, and convolutions: {len(convs)}), "
            "as a transformer or a perceptron does."
        )
    deep = [layer for layer in wide if layer.c_in == 1 and layer.c_out > 1 and layer is not wide[0]]
    if 2 * len(deep) >= len(wide):
        return (
            f"{START}{len(deep)} of its {len(wide)} spatial convolutions are depthwise, as in "
            "MobileNet, EfficientNet or ConvNeXt."
        )
    given = {layer.c_out for layer in convs}
    joined = [layer for layer in convs[1:] if layer.c_in not in given and layer.c_in > 4]
    if 4 * len(joined) > len(convs) and not residual(tape):
        return (
            f"{START}{len(joined)} of its {len(convs)} convolutions take more channels than any "
            "layer gives: maps are concatenated, as in DenseNet or Inception."
        )
    if found := residual(tape):
        return f"{START}{found}"
    if len(convs) == 1:
        return f"{START}it has a single convolution."
    if len(wide) == len(convs) and stacked(convs) and (longest is None or longest.left_over):
        return (
            f"{START}{len(convs)} convolutions follow one another in no pairs that a shortcut "
            "could bridge, as in VGG or AlexNet."
        )
    return START + broken(longest)


def stacked(convs: Sequence[Layer]) -> bool:
    """Whether each convolution takes what the one before gives."""
    order = sorted(convs, key=lambda layer: natural(layer.name))
    return all(a.c_out == b.c_in for a, b in zip(order, order[1:], strict=False))


def residual(tape: Tape | None) -> str:
    """What shortcuts of a run bridge, if there are any."""
    if tape is None or not tape.shortcuts:
        return ""
    papers = {"3x3, 3x3", "1x1, 3x3, 1x1"}
    bridged = (["x".join(map(str, c.kernel)) for c in one.main[:6]] for one in tape.shortcuts)
    kinds = Counter(", ".join(kernels) for kernels in bridged)
    others = Counter({kind: many for kind, many in kinds.items() if kind not in papers})
    many = plural(len(tape.shortcuts), "shortcut")
    if not others:
        return f"it has {many} over blocks like the paper's, but they are no chain of such blocks."
    most, of_these = others.most_common(1)[0]
    return (
        f"it has {many}, but not only over the paper's blocks (3x3, 3x3 or 1x1, 3x3, 1x1): "
        f"{of_these} bridge {most}."
    )


def broken(longest: Chain | None) -> str:
    """Where a chain of the paper's blocks ends."""
    if longest is not None and not longest.left_over and longest.blocks:
        many = len(longest.blocks)
        return (
            "its convolutions give fewer channels again towards the end, as a decoder's do."
            if not longest.grows
            else f"its convolutions would make {many} block{'s' * (many > 1)}, but nothing bridges "
            "them, and a stack of layers is made alike."
        )
    if longest is None or not longest.left_over:
        return "no convolution takes an image and begins a chain of the paper's blocks."
    layer, blocks = longest.left_over[0], len(longest.blocks)
    before = f"after {blocks} block{'s' * (blocks > 1)} that would fit, " if blocks else ""
    return (
        f"{before}{layer.name} ({layer.shown}) and what follows form neither a basic block "
        "(3x3, 3x3) nor a bottleneck (1x1, 3x3, 1x1)."
    )


def is_stack(e: Evidence) -> bool:
    """Whether blocks were found in what is only a stack of layers, or parts of another net.

    Two layers of equal width are no evidence of a shortcut; a plain net of the paper at least
    ends in a global average pool, and has the paper's stages or a good many blocks.
    """
    if any(e.shortcuts):
        return False
    if any(block.projection for block in e.blocks):  # a run that adds none of them has seen others
        return e.tape is not None and paper_net(e) is None and not e.reused
    if e.bottleneck:
        return False
    out = e.blocks[-1].c_out
    kernels = {max(layer.kernel) for block in e.blocks for layer in block.main}
    if kernels != {3} or (e.linear and e.linear[0].c_in > out and e.linear[0].c_in % out == 0):
        return True
    equal = len(e.counts) >= EVEN_STAGES and len(set(e.counts)) == 1
    return not (equal or len(e.blocks) >= MANY or paper_net(e))
