"""Claims of Section 4.2 about how the nets are built, which need no training.

Paper: Section 4.2; Table 6.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from torch import nn

from resnet_lab import cost, paper
from resnet_lab.claims.nets import Layer, body, by_size, layers, weighted, weightless
from resnet_lab.claims.row import Row, fact
from resnet_lab.resnet import cifar

SIDE = 32  # pixels of a CIFAR-10 image
PLACE = "Section 4.2"


def in_n(text: str, n: int) -> int:
    """The value of "6n+2" or "1+2n"."""
    terms = text.split("+")
    return sum(int(t[:-1] or 1) * n if t.endswith("n") else int(t) for t in terms)


def section_4_2_nets() -> list[Row]:
    """How the nets are built."""
    return [first_layer(), *depths(), *maps(), head(), *shortcuts()]


def first_layer() -> Row:
    """The stem."""
    first = layers(weightless(cifar(20)), SIDE)[0]
    return fact(
        "4.2-first-layer",
        PLACE,
        "The first layer is a 3x3 convolution on the full map.",
        paper=paper.value("architecture.cifar.first_layer"),
        ours=f"{first.kernel}x{first.kernel}, stride {first.stride}, on {first.size}x{first.size}",
        holds=(first.kernel, first.stride, first.size) == (3, 1, SIDE),
    )


def depths() -> list[Row]:
    """Depth as a function of n; the n of each net."""
    n_of = {int(depth): n for depth, n in paper.value("architecture.cifar.n_values").items()}
    formula = paper.value("architecture.cifar.depth_formula")
    counted = {n: len(weighted(weightless(cifar(depth)))) for depth, n in n_of.items()}
    built = {depth: weightless(cifar(depth)).config.blocks for depth in n_of}
    return [
        fact(
            "4.2-depth-formula",
            PLACE,
            "A net with n blocks per map size has 6n+2 layers with weights.",
            paper=formula,
            ours=", ".join(f"n={n}: {layers}" for n, layers in counted.items()),
            holds=all(in_n(formula.split()[0], n) == found for n, found in counted.items()),
        ),
        fact(
            "4.2-n-of-each-depth",
            "Section 4.2; Table 6",
            "The nets of Table 6 are those with n = " + ", ".join(map(str, n_of.values())) + ".",
            paper=", ".join(f"{depth}: {n}" for depth, n in n_of.items()),
            ours=", ".join(f"{depth}: {blocks[0]}" for depth, blocks in built.items()),
            holds=all(built[depth] == (n, n, n) for depth, n in n_of.items()),
        ),
    ]


def traced_depths() -> list[int]:
    """All depths but 1202: a pass through it takes a second and shows nothing new."""
    return paper.value("architecture.cifar.plain_depths")


def convolutions(depth: int) -> dict[int, list[Layer]]:
    """Map size -> its convolutions, with the first one: the paper's table says 1+2n."""
    every = layers(weightless(cifar(depth)), SIDE)
    return by_size([layer for layer in every if layer.kind == "conv"])


def maps() -> list[Row]:
    """Map sizes, filters and layers per map size, for every depth but 1202."""
    n_of = paper.value("architecture.cifar.n_values")
    groups = {depth: convolutions(depth) for depth in traced_depths()}
    sizes, filters, counts = (
        paper.value(f"architecture.cifar.{name}")
        for name in ("map_sizes", "filters", "layers_per_size")
    )
    widths = [[{x.c_out for x in group} for group in found.values()] for found in groups.values()]
    counted = {depth: [len(group) for group in found.values()] for depth, found in groups.items()}
    wanted = {depth: [in_n(text, n_of[str(depth)]) for text in counts] for depth in groups}
    return [
        fact(
            "4.2-map-sizes",
            PLACE,
            f"The maps are {', '.join(map(str, sizes))} pixels wide.",
            paper=sizes,
            ours=list(groups[20]),
            holds=all(list(found) == sizes for found in groups.values()),
        ),
        fact(
            "4.2-filters",
            PLACE,
            f"The filter counts on them are {', '.join(map(str, filters))}.",
            paper=filters,
            ours=[min(found) for found in widths[0]],
            holds=all(found == [{width} for width in filters] for found in widths),
        ),
        fact(
            "4.2-layers-per-map-size",
            PLACE,
            f"There are {', '.join(counts)} convolutions on them.",
            paper=counts,
            ours=f"{', '.join(map(str, counted[20]))} for n = {n_of['20']}",
            holds=counted == wanted,
            why=f"checked for {', '.join(map(str, groups))} layers",
        ),
        *strides(sizes),
    ]


def strides(sizes: list[int]) -> list[Row]:
    """Where the maps are halved, and what that does to the work of a layer."""
    found = [
        [x for x in body(weightless(cifar(d)), SIDE) if x.stride == 2] for d in traced_depths()
    ]
    work = {x.multiply_adds for x in body(weightless(cifar(20)), SIDE) if x.c_in == x.c_out}
    return [
        fact(
            "4.2-stride-2-subsampling",
            PLACE,
            "Subsampling is done by convolutions with stride 2, one at each change of map size.",
            paper=paper.value("architecture.cifar.subsampling"),
            ours=f"{len(found[0])} strided convolutions",
            holds=all([x.size for x in net] == sizes[1:] for net in found),
        ),
        fact(
            "4.2-time-per-layer",
            "Sections 3.3 and 4.2",
            "Halved maps and doubled filters keep the multiply-adds: every layer whose width does "
            "not change takes as many, in each stage.",
            paper=paper.value("architecture.plain_design_rules.rule2"),
            ours=" and ".join(f"{count:,}" for count in sorted(work)),
            holds=len(work) == 1,
        ),
    ]


def head() -> Row:
    """The classifier."""
    last = layers(weightless(cifar(20)), SIDE)[-1]
    classes = paper.number("architecture.cifar.head", after="pooling, ")
    width = paper.value("architecture.cifar.filters")[-1]
    return fact(
        "4.2-head",
        PLACE,
        "The nets end with global average pooling and one linear layer.",
        paper=paper.value("architecture.cifar.head"),
        ours=f"{last.kind}, {last.c_in} inputs (one per channel), {last.c_out} outputs",
        holds=(last.kind, last.c_in, last.c_out) == ("linear", width, classes),
    )


def shortcuts() -> list[Row]:
    """Number and kind of shortcuts; equality with the plain nets."""
    n_of = paper.value("architecture.cifar.n_values")
    said = paper.value("architecture.cifar.shortcuts")
    found = {
        depth: [block.shortcut for stage in weightless(cifar(depth)).stages for block in stage]
        for depth in map(int, n_of)
    }
    wanted = {depth: in_n(said.split(",")[0], n_of[str(depth)]) for depth in found}
    learned = sum(p.numel() for shortcut in found[110] for p in shortcut.parameters())
    return [
        fact(
            "4.2-3n-shortcuts",
            PLACE,
            "There are 3n shortcuts, one for each pair of 3x3 layers.",
            paper=said,
            ours=", ".join(f"{depth}: {len(every)}" for depth, every in found.items()),
            holds={depth: len(every) for depth, every in found.items()} == wanted,
        ),
        fact(
            "4.2-identity-shortcuts",
            "Section 4.2, option A",
            "All shortcuts are identities (option A) and learn nothing.",
            paper=paper.value("architecture.shortcut_options.used_on_cifar"),
            ours=f"{learned} parameters in the {len(found[110])} shortcuts of ResNet-110",
            holds=learned == 0,
        ),
        same_as_plain(),
    ]


def same_as_plain() -> Row:
    """Every residual net beside its plain twin."""
    twins = paper.value("architecture.cifar.plain_depths")
    pairs = [[weightless(cifar(d, shortcut=s)) for s in ("none", "A")] for d in twins]
    return fact(
        "4.2-same-size-as-plain",
        PLACE,
        "A residual net has exactly the depth, width and parameters of its plain twin.",
        paper=paper.value("architecture.cifar.same_size_as_plain"),
        ours=", ".join(
            f"{depth}: {cost.parameters(plain):,} and {cost.parameters(residual):,}"
            for depth, (plain, residual) in zip(twins, pairs, strict=True)
        ),
        holds=all(shapes(plain) == shapes(residual) for plain, residual in pairs),
        why="compared name by name and shape by shape",
    )


def shapes(net: nn.Module) -> dict[str, tuple[int, ...]]:
    """Name -> shape of everything that the net would store."""
    return {name: tuple(tensor.shape) for name, tensor in net.state_dict().items()}
