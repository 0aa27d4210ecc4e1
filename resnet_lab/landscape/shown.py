"""Which stored slices a figure or table shows: by net, BN mode, dimensions and images.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_landscape_roughness.py.
"""

from collections.abc import Sequence

from resnet_lab import arms
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.landscape.targets import NETS
from resnet_lab.style import QUICK


def net_of(finding: Finding) -> str:
    """What figures call its net: "plain-20"."""
    if finding.scale not in ("quick", "paper"):
        return finding.run.net.name
    arm = arms.arm_of(finding.run, finding.scale)
    return arm.label if arm else finding.run.net.name


def select(
    found: Sequence[Finding],
    *,
    dimensions: int,
    bn: str,
    images: str,
    net: str | None = None,
    seed: int | None = None,
) -> list[Finding]:
    """Those of `found` that are so, the nets in a fixed order, each in the order of its seeds.

    Raises: InputError if there is none.
    """
    chosen = [
        f
        for f in found
        if (f.settings["dimensions"], f.settings["bn"]) == (dimensions, bn)
        and f.run.images.name == images
        and (net is None or net_of(f) == net)
        and (seed is None or f.run.recipe.seed == seed)
    ]
    if not chosen:
        which = f"{net or 'any net'}{'' if seed is None else f', seed {seed}'}"
        raise InputError(
            f"no {dimensions}-D slice of {which} on {images} with bn {bn} is stored; "
            "`resnet-lab landscape` measures it"
        )
    order = {name: place for place, name in enumerate(NETS)}
    return sorted(
        chosen, key=lambda f: (order.get(net_of(f), len(order)), net_of(f), f.run.recipe.seed)
    )


def images_with(found: Sequence[Finding], wanted: str) -> tuple[str, str]:
    """The image set whose slices a chapter shows, `wanted` if there are any; and a sentence on it.

    Raises: InputError if there are no 1-D slices at all.
    """
    there = {f.run.images.name for f in found if f.settings["dimensions"] == 1}
    names = {"cifar10": "CIFAR-10", "embedded": "embedded data"}
    if not there:
        raise InputError("no slice is stored; `resnet-lab landscape --dimensions 1` measures some")
    if wanted in there:
        return wanted, f"Slices: of nets trained on {names[wanted]}."
    other = sorted(there)[0]
    return other, (
        f"Slices: of nets trained on {names[other]}; of nets trained on {names[wanted]} none are "
        "stored."
    )


def by_net(found: Sequence[Finding]) -> dict[str, list[Finding]]:
    """Slices grouped by their net, in the order in which they come."""
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        groups.setdefault(net_of(finding), []).append(finding)
    return groups


def describe(found: Sequence[Finding]) -> str:
    """What a figure of `found` must say on its face: images, scale, subset, BN and directions.

    Raises: InputError if they differ in one of these.
    """
    kinds = {
        (f.scale, f.run.images.name, *(f.settings[k] for k in ("split", "n", "bn"))) for f in found
    }
    if len(kinds) != 1:
        raise InputError("a figure shows slices of one scale, one set of images and one BN mode")
    scale, name, split, n, bn = kinds.pop()
    images = {"cifar10": "CIFAR-10", "embedded": "embedded data"}[name]
    steps = " or ".join(f"{k:,}" for k in sorted({f.run.recipe.steps for f in found}))
    word = {"train": "training", "test": "test"}[split]
    reduced = f"; {QUICK.format(steps=steps)}" if scale == "quick" else ""
    kept = "kept" if bn == "running" else "recomputed at every point"
    return f"{n:,} {word} images of {images}{reduced}\nBN statistics {kept}"
