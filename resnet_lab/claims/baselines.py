"""Claims of Section 3.3 about the 34-layer nets, which the nets answer without training.

Paper: Section 3.3; Figure 3; Table 1.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

from itertools import pairwise

from torch import nn

from resnet_lab import cost, paper
from resnet_lab.claims.nets import (
    body,
    by_size,
    layers,
    total,
    weighted,
    weightless,
    weightless_vgg,
)
from resnet_lab.claims.row import Row, fact
from resnet_lab.resnet import imagenet

SIDE = 224  # pixels of an ImageNet crop


def section_3_3() -> list[Row]:
    """Design rules and cost of the 34-layer nets; shortcut options."""
    return [*design_rules(), *cost_of_34_layers(), *shortcut_options()]


def design_rules() -> list[Row]:
    """The two rules of the plain net, its depth and its downsampling."""
    plain = weightless(imagenet(34, shortcut="none"))
    sizes = by_size(body(plain, SIDE))
    filters = {size: sorted({layer.c_out for layer in group}) for size, group in sizes.items()}
    text = ", ".join(f"{size}x{size}: {'/'.join(map(str, f))}" for size, f in filters.items())
    halved = all(
        small * 2 == big and filters[small][0] == 2 * filters[big][0]
        for big, small in pairwise(filters)
    )
    work = {x.multiply_adds for group in sizes.values() for x in group if x.c_in == x.c_out}
    return [
        fact(
            "3.3-same-map-same-filters",
            "Section 3.3, rule (i)",
            "Layers of the plain 34-layer net with the same map size have the same filter count.",
            paper=paper.value("architecture.plain_design_rules.rule1"),
            ours=text,
            holds=all(len(found) == 1 for found in filters.values()),
        ),
        fact(
            "3.3-half-map-double-filters",
            "Section 3.3, rule (ii)",
            "Where the map size halves, the filter count doubles.",
            paper=paper.value("architecture.plain_design_rules.rule2"),
            ours=text,
            holds=halved,
        ),
        fact(
            "3.3-time-per-layer",
            "Section 3.3, rule (ii)",
            "So every layer whose width does not change, within a stage and from stage to stage, "
            "takes the same number of multiply-adds.",
            paper=paper.value("architecture.plain_design_rules.rule2"),
            ours=" and ".join(f"{count:,}" for count in sorted(work)),
            holds=len(work) == 1,
        ),
        *depth_and_downsampling(),
    ]


def depth_and_downsampling() -> list[Row]:
    """What halves the maps of the plain net, and how deep it is."""
    plain = weightless(imagenet(34, shortcut="none"))
    sizes = by_size(body(plain, SIDE))
    strided = [layer for layer in body(plain, SIDE) if layer.stride == 2]
    pools = [m for m in plain.stages.modules() if isinstance(m, nn.MaxPool2d | nn.AvgPool2d)]
    return [
        fact(
            "3.3-stride-2-downsampling",
            "Section 3.3",
            "Convolutions with stride 2 do the downsampling within the body, no pooling.",
            paper=paper.value("architecture.plain_design_rules.downsampling"),
            ours=f"{len(strided)} strided convolutions for {len(sizes) - 1} halvings, "
            f"{len(pools)} pools",
            holds=len(strided) == len(sizes) - 1 and not pools,
        ),
        fact(
            "3.3-34-weighted-layers",
            "Section 3.3; Figure 3",
            "The plain baseline has 34 layers with weights.",
            paper=paper.value("architecture.plain_design_rules.weighted_layers"),
            ours=len(weighted(plain)),
            holds=len(weighted(plain))
            == paper.value("architecture.plain_design_rules.weighted_layers"),
        ),
    ]


def fewer_filters() -> Row:
    """Filters of plain-34 beside those of VGG-19, map size by map size."""
    plain, vgg_19 = weightless(imagenet(34, shortcut="none")), weightless_vgg(19)
    widest = [
        {size: max(x.c_out for x in group) for size, group in by_size(convolutions).items()}
        for convolutions in (
            [x for x in layers(net, SIDE) if x.kind == "conv"] for net in (plain, vgg_19)
        )
    ]
    common = [size for size in widest[0] if size in widest[1]]
    return fact(
        "3.3-fewer-filters-than-vgg",
        "Section 3.3; Figure 3",
        "The plain 34-layer net has fewer filters than VGG-19 on every map size both have.",
        paper="fewer filters and lower complexity",
        ours=", ".join(f"{s}x{s}: {widest[0][s]} against {widest[1][s]}" for s in common),
        holds=all(widest[0][size] < widest[1][size] for size in common),
    )


def cost_of_34_layers() -> list[Row]:
    """Multiply-adds of plain-34, ResNet-34 and VGG-19."""
    plain, residual = weightless(imagenet(34, shortcut="none")), weightless(imagenet(34))
    vgg_19 = weightless_vgg(19)
    printed = {
        34: paper.value("tables.table1.networks.34.flops"),
        19: paper.value("tables.table1.vgg_reference.vgg19_flops"),
    }
    said = paper.value("tables.table1.vgg_reference.plain34_share_of_vgg19")
    share = 100 * total(plain, SIDE) / total(vgg_19, SIDE)
    # the paper divides two printed values and rounds again: half a unit of each last digit
    allowed = 0.5 + said * (0.05e9 / printed[34] + 0.05e9 / printed[19])
    rows = [fewer_filters()]
    for id, name, net, depth in (
        ("plain-34", "The plain 34-layer net", plain, 34),
        ("resnet-34", "The residual 34-layer net (option A)", residual, 34),
        ("vgg-19", "VGG-19", vgg_19, 19),
    ):
        ours = total(net, SIDE)
        rows.append(
            fact(
                f"3.3-{id}-multiply-adds",
                "Section 3.3; Figure 3",
                f"{name} takes {printed[depth] / 1e9:.1f}e9 multiply-adds.",
                paper=printed[depth],
                ours=ours,
                holds=round(ours / 1e9, 1) == round(printed[depth] / 1e9, 1),
                why="equal when rounded as printed",
            )
        )
    share_row = fact(
        "3.3-18-percent-of-vgg-19",
        "Section 3.3",
        f"The plain 34-layer net takes {said} % of the multiply-adds of VGG-19.",
        paper=said,
        ours=round(share, 2),
        holds=abs(share - said) <= allowed,
        why=f"within {allowed:.2f} points, which the printed, rounded values leave open",
    )
    return [*rows, share_row]


def shortcut_options() -> list[Row]:
    """Options A and B on the 34-layer net."""
    nets = {option: weightless(imagenet(34, shortcut=option)) for option in ("none", "A", "B")}
    extra = cost.parameters(nets["A"]) - cost.parameters(nets["none"])
    projections = [layer for layer in layers(nets["B"], SIDE) if layer.in_shortcut]
    strides = {
        option: [
            block.shortcut.stride if option == "A" else block.shortcut[0].stride[0]
            for stage in nets[option].stages
            for block in stage
            if not isinstance(block.shortcut, nn.Identity)
        ]
        for option in ("A", "B")
    }
    return [
        fact(
            "3.3-option-a-no-parameters",
            "Section 3.3, option A",
            "Zero padding where dimensions increase adds no parameter.",
            paper=paper.value("architecture.shortcut_options.A"),
            ours=f"{extra} more than plain-34",
            holds=extra == 0,
        ),
        fact(
            "3.3-option-b-projections",
            "Section 3.3, option B",
            "Option B projects, by 1x1 convolutions, only where dimensions increase.",
            paper=paper.value("architecture.shortcut_options.B"),
            ours=", ".join(f"{p.kernel}x{p.kernel} {p.c_in}-{p.c_out}" for p in projections),
            holds=[(p.kernel, p.c_out // p.c_in) for p in projections] == [(1, 2)] * 3,
        ),
        fact(
            "3.3-shortcut-stride-2",
            "Section 3.3",
            "Shortcuts that cross two map sizes have stride 2, with either option.",
            paper=paper.value("architecture.shortcut_options.stride"),
            ours=f"strides A {strides['A']}, B {strides['B']}",
            holds=strides["A"] == strides["B"] == [2, 2, 2],
        ),
    ]
