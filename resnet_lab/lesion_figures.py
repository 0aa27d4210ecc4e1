"""Lesions as ink: the error without each block, without several, and with blocks swapped.

Paper: nowhere; after Veit et al. 2016 (arXiv 1605.06431), with the paper's CIFAR nets.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_lesion_figures.py.
"""

from collections.abc import Callable, Sequence
from statistics import mean, stdev

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from resnet_lab import figures
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.signal_figures import describe
from resnet_lab.style import label_ends

CHANCE = 90.0  # percent: ten classes of equal size
NONE = "Not run: no net was looked at on these images."


def name_of(found: Finding) -> str:
    """The paper's name of the net: "plain-56"."""
    net = found.run.net
    return f"{'plain' if net.shortcut == 'none' else 'ResNet'}-{net.depth}"


def by_net(findings: Sequence[Finding], bn: str = "running") -> dict[str, list[Finding]]:
    """Net -> its findings with that treatment of BN, shallow nets first, seeds in order."""
    chosen = [f for f in findings if f.settings["bn"] == bn]
    order = sorted(
        chosen, key=lambda f: (f.run.net.depth, f.run.net.shortcut != "none", f.run.recipe.seed)
    )
    groups: dict[str, list[Finding]] = {}
    for found in order:
        groups.setdefault(name_of(found), []).append(found)
    return groups


def first_of_stage(found: Finding) -> list[int]:
    """The blocks that change the shape: the first of every stage but the first."""
    at, firsts = 0, []
    for count in found.run.net.blocks[:-1]:
        at += count
        firsts.append(at)
    return firsts


def single(ax: Axes, runs: Sequence[Finding]) -> None:
    """Test error of one net without each of its blocks, a dot a run; rings change the shape.

    The dashed line is the whole net, the mean over the runs.

    Units: errors in percent.
    Raises: InputError for no run, or runs of several nets.
    """
    names = {name_of(found) for found in runs}
    if len(names) != 1:
        raise InputError("a panel shows the lesions of one net, and at least one run of it")
    colour, firsts = figures.colour(names.pop()), first_of_stage(runs[0])
    blocks = range(len(runs[0].values["single"]))
    for found in runs:
        errors = found.values["single"]
        inside = [k for k in blocks if k not in firsts]
        ax.plot(inside, [errors[k] for k in inside], "o", color=colour, ms=3.5, alpha=0.7)
        look = dict(ms=6.5, mfc="none", mew=1.3)
        ax.plot(firsts, [errors[k] for k in firsts], "o", color=colour, **look)
    whole = mean(found.values["whole"][0] for found in runs)
    ax.axhline(whole, color=colour, ls="--", lw=1)
    ax.set(ylim=(0, 100), xlim=(-1, len(blocks)), xlabel="block left out")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title(f"{name_of(runs[0])} (n={len(runs)})", fontsize="medium", color=colour)


def every_single(findings: Sequence[Finding], nets: Sequence[str]) -> Figure | str:
    """`single` for each of `nets` that was looked at, on one scale; a sentence if none was."""
    groups = {n: runs for n, runs in by_net(findings).items() if n in nets}
    if not groups:
        return NONE
    figure, panels = figures.sheet(len(groups), width=1 + 1.8 * len(groups), height=2.6)
    for ax, runs in zip(panels, groups.values(), strict=True):
        single(ax, runs)
    panels[0].set_ylabel("test error (%)")
    any_run = next(iter(groups.values()))[0]
    figure.suptitle(describe(any_run), fontsize="small", color="0.35")
    return figure


def several(ax: Axes, findings: Sequence[Finding]) -> None:
    """Test error against the number of blocks left out at random: a dot a draw, lines the means.

    Units: errors in percent.
    """
    ends = {}
    for name, runs in by_net(findings).items():
        steps = runs[0].values["drops"]
        rows = [[e for f in runs for e in f.values["drop_errors"][k]] for k in range(len(steps))]
        for k, errors in zip(steps, rows, strict=True):
            ax.plot([k] * len(errors), errors, "o", color=figures.colour(name), ms=2.5, alpha=0.25)
        means = [mean(errors) for errors in rows]
        ax.plot(steps, means, color=figures.colour(name), lw=1.6)
        ends[name] = (steps[-1], means[-1])
    ax.axhline(CHANCE, color="0.6", lw=0.8, ls=":")
    ax.set(xlabel="blocks left out at random", ylabel="test error (%)", ylim=(0, 100))
    ax.set_xlim(left=0)
    ax.xaxis.get_major_locator().set_params(integer=True)
    label_ends(ax, ends)


def swapped(ax: Axes, findings: Sequence[Finding]) -> None:
    """Test error against how much of the order is left, by Kendall's tau: a dot an order.

    Units: errors in percent; tau is 1 for the net's own order.
    """
    ends = {}
    for name, runs in by_net(findings).items():
        points = sorted(
            (tau, error)
            for f in runs
            for row in zip(f.values["swap_taus"], f.values["swap_errors"], strict=True)
            for tau, error in zip(*row, strict=True)
        )
        x, y = zip(*points, strict=True)
        ax.plot(x, y, "o", color=figures.colour(name), ms=3, alpha=0.5)
        ends[name] = (min(x), mean(y[: max(1, len(y) // 5)]))
    ax.axhline(CHANCE, color="0.6", lw=0.8, ls=":")
    ax.set(xlabel="Kendall's tau (1: as trained)", ylabel="test error (%)", ylim=(0, 100))
    ax.invert_xaxis()
    label_ends(ax, ends)


def groups_of_blocks(findings: Sequence[Finding]) -> Figure | str:
    """Several blocks left out on the left, blocks swapped on the right; a sentence if none was."""
    if not by_net(findings):
        return NONE
    figure, panels = figures.sheet(2, width=7.6, height=2.8)
    several(panels[0], findings)
    swapped(panels[1], findings)
    figure.suptitle(describe(findings[0]), fontsize="small", color="0.35")
    return figure


def spread(values: Sequence[float]) -> str:
    """ "37.1 ± 1.2"; of one value no spread."""
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def table(findings: Sequence[Finding], bn: str = "running") -> str:
    """Each net whole and without one block, as a Markdown table; mean and spread over seeds.

    "Inside": blocks that keep the shape; "first": those that change it.
    Units: test errors in percent.
    """
    lines = [
        "| net | runs | images | whole | without one block inside: median | worst "
        "| without the first of a stage: mean |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, runs in by_net(findings, bn).items():
        firsts = first_of_stage(runs[0])

        def over(
            pick: Callable[[list[float]], float],
            among: Callable[[int], bool],
            runs: Sequence[Finding] = runs,
        ) -> str:
            rows = ([e for k, e in enumerate(f.values["single"]) if among(k)] for f in runs)
            return spread([pick(row) for row in rows])

        def inside(k: int, firsts: Sequence[int] = firsts) -> bool:
            return k not in firsts

        images = " or ".join(sorted({f"{f.settings['images']:,}" for f in runs}))
        lines.append(
            f"| {name} | {len(runs)} | {images} | {spread([f.values['whole'][0] for f in runs])} "
            f"| {over(lambda row: sorted(row)[len(row) // 2], inside)} | {over(max, inside)} "
            f"| {over(mean, lambda k, firsts=firsts: k in firsts)} |"
        )
    return "\n".join(lines) if len(lines) > 2 else NONE
