"""Ours against the paper, as rows; claims on a terminal.

Paper: Table 6; Figures 1 and 6.
Notebook: notebooks/00_start_here.py. Tests: tests/test_tables.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from resnet_lab import arms, experiments, figures, paper, records
from resnet_lab import readme as readme_file
from resnet_lab.arms import QUICK_SIZE, QUICK_WIDTH, recipe_at
from resnet_lab.data import NAMES
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.layer_responses import written
from resnet_lab.records import Record

HOW_TO_READ = (
    "Errors are test errors in percent after the last update, never the best one. "
    "Ours is the mean over n seeds ± their standard deviation; with n = 1 there is no spread to "
    "give. At reduced scale the size of an error means nothing beside the paper's; the order does."
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One row of "ours against the paper". Errors are test errors in percent."""

    net: str
    paper: float | None  # None where the paper prints no number
    source: str
    ours: tuple[float, ...]  # one value per seed, last update, never the best one
    differs: str = ""  # what we did differently, in words

    def row(self) -> str:
        """The row as Markdown: net, paper, source, ours, gap, what differs."""
        printed = "–" if self.paper is None else f"{self.paper:.2f}"
        if not self.ours:
            return f"| {self.net} | {printed} | {self.source} | not run | – | {self.differs} |"
        spread = f" ± {stdev(self.ours):.2f}" if len(self.ours) > 1 else ""
        # a reduced run's error means nothing beside the paper's, so no difference is printed
        comparable = self.paper is not None and not self.differs.startswith("reduced")
        gap = f"{mean(self.ours) - self.paper:+.2f}" if comparable else "–"
        return (
            f"| {self.net} | {printed} | {self.source} "
            f"| {mean(self.ours):.2f}{spread} (n={len(self.ours)}) | {gap} | {self.differs} |"
        )


HEAD = "| net | paper | source | ours | gap | differs |\n|---|---|---|---|---|---|"


def markdown(rows: Sequence[Comparison]) -> str:
    """The rows as a Markdown table with its head."""
    return "\n".join([HEAD, *(row.row() for row in rows)])


def printed_error(net: str) -> tuple[float | None, str]:
    """The paper's test error of a CIFAR net and its place: for 110 layers the mean of five runs."""
    kind, depth, *others = net.replace(",", "-").split("-")
    if net.endswith("no warm-up"):
        return None, "footnote 5 (no number printed)"
    if others:
        return None, "not in the paper"
    if kind == "plain":
        return None, "Figure 6 (no number printed)"
    name = "error_mean" if depth == "110" else "error"
    leaf = paper.leaf(f"tables.table6.resnet_{depth}.{name}")
    return leaf.value, leaf.source


def differs(scale: str, images: str, found: Sequence[Record] = ()) -> str:
    """What runs at `scale` do otherwise than the paper; at paper scale read off `found`."""
    data = "CIFAR-10" if images == "cifar10" else "embedded data"
    if scale == "paper":
        words = [] if images == "cifar10" else [data]
        if any(record.how.precision != "float32" for record in found):
            words.append("products in bfloat16")
        if any(r.run.recipe.warm_up and r.net != "ResNet-110" for r in found):
            words.append("warm-up as for ResNet-110")
        return ", ".join(words)
    recipe = recipe_at("quick", 20)
    return (
        f"reduced: {data} at {QUICK_SIZE}x{QUICK_SIZE}, first width {QUICK_WIDTH}, "
        f"{recipe.steps:,} updates, the first {recipe.warm_up_steps} at rate 0.01 for every net, "
        f"one drop at {recipe.drops[0]:,}, flips but no crops"
    )


def compare(
    found: Sequence[Record], nets: Sequence[str], scale: str, images: str
) -> list[Comparison]:
    """A row for each net, "not run" where there is no record."""
    rows = []
    for net in nets:
        chosen = arms.select(found, label=net, scale=scale, images=images)
        printed, source = printed_error(net)
        rows.append(
            Comparison(
                net=net,
                paper=printed,
                source=source,
                ours=tuple(record.final.test_error for record in chosen),
                differs=differs(scale, images, chosen),
            )
        )
    return rows


def nets_of(name: str) -> list[str]:
    """Names of the nets of an experiment, plain first. Raises: InputError for a wrong name."""
    return [arm.label for arm in experiments.get(name).arms]


def draw(name: str, chosen: Sequence[Record]) -> Figure:
    """The figure of an experiment from its records: its own, else that of Figure 1."""
    function, columns, width = {
        "figure_6": (figures.figure_6, 3, 11.4),
        "warm_up": (figures.warm_up, 2, 8.6),
    }.get(name, (figures.degradation, 2, 8.2))
    figure, panels = figures.sheet(columns, width=width, height=3.9 if columns == 3 else 3.6)
    function(panels, chosen)
    return figure


def runs_of(name: str, found: Sequence[Record], scale: str, images: str) -> list[Record]:
    """Those of `found` that an experiment compares, arm by arm, in the order of their seeds."""
    nets = nets_of(name)
    return [r for net in nets for r in arms.select(found, label=net, scale=scale, images=images)]


def write_experiment(
    name: str, found: Sequence[Record], scale: str, images: str, folder: Path
) -> list[Path]:
    """The figure and the table of an experiment from its records; returns the files written.

    Raises: InputError if there is no experiment of that name, or no record of it.
    """
    nets = nets_of(name)
    recipe_at(scale, 20)  # refuses an unknown scale
    if images not in NAMES:
        raise InputError(f"there is no data set {images!r}; choose {' or '.join(NAMES)}")
    chosen = runs_of(name, found, scale, images)
    if not chosen:
        raise InputError(
            f"no run of {name} at {scale} scale on {images} is recorded; "
            f"run `resnet-lab reproduce {name} --scale {scale} --images {images}` first"
        )
    stem = f"{name}_{scale}_{images}"
    if name == "figure_7":  # drawn from what was measured on the nets, not from their records
        return written.write(chosen, folder.parent / "records", folder / stem)
    figures.save(draw(name, chosen), folder / f"{stem}.png")
    table = markdown(compare(found, nets, scale, images))
    write_whole(folder / f"{stem}.md", f"{HOW_TO_READ}\n\n{table}\n")
    return [folder / f"{stem}.png", folder / f"{stem}.md"]


def write_all(names: Sequence[str], scale: str, images: str, out: Path) -> list[Path]:
    """`write_experiment` for each name, from the records in `out` and the shipped ones.

    "readme" writes the README's tables, from the shipped ones alone.
    """
    found, written = records.load_all(out / "records", records.SHIPPED), []
    for name in names:
        if name == "readme":
            written.append(readme_file.write(readme(records.load_all(records.SHIPPED))))
        else:
            written += write_experiment(name, found, scale, images, out / "figures")
    return written


VERDICT_STYLE = {"seen": "green", "not seen": "red", "undecided": "yellow", "not run": "dim"}


def print_claims(rows: Sequence, console: Console | None = None) -> None:
    """The ledger of claims on a terminal."""
    console = console or Console()
    table = Table(show_lines=False, header_style="bold", expand=True)
    for title, ratio in (("place", 3), ("statement", 8), ("paper", 3), ("ours", 4), ("scale", 4)):
        table.add_column(title, ratio=ratio, overflow="fold")
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        n = f" (n={row.n})" if row.n else ""
        spread = f" ± {row.spread:.2f}" if row.spread is not None else ""
        style = VERDICT_STYLE[row.verdict]
        table.add_row(
            row.place,
            row.statement,
            text(row.paper),
            f"[dim]{row.why}[/]" if row.ours is None else f"{text(row.ours)}{spread}{n}",
            row.scale,
            f"[{style}]{row.verdict}[/]",
        )
    console.print(table)
    counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICT_STYLE}
    console.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


def text(value: object) -> str:
    """A number or words as a cell shows them."""
    return f"{value:,.4g}" if isinstance(value, float) else "" if value is None else str(value)


def readme(found: Sequence[Record]) -> str:
    """The README's tables: the reduced scale on both image sets, then the paper's scale.

    At the paper's scale every net of Table 6 and Figure 6 has a row; reduced, those with runs.
    """
    every = list(dict.fromkeys(nets_of("figure_6") + nets_of("warm_up")))
    parts = []
    for scale, images, title in (
        ("quick", "cifar10", "Reduced scale, CIFAR-10"),
        ("quick", "embedded", "Reduced scale, embedded data"),
        ("paper", "cifar10", "Paper scale"),
    ):
        rows = compare(found, every, scale, images)
        kept = [row for row in rows if row.ours or scale == "paper"]
        parts.append(f"**{title}**\n\n{shared(kept)}")
    return "\n\n".join(parts)


def shared(rows: Sequence[Comparison]) -> str:
    """`markdown`, with what the rows of a reduced scale share said once, above the table."""
    if not rows:
        return "not run"
    if not rows[0].differs.startswith("reduced: "):
        return markdown(rows)
    short = [
        replace(row, differs="reduced, see above" + ", but no warm-up" * ("no warm-up" in row.net))
        for row in rows
    ]
    return f"What differs: {rows[0].differs.removeprefix('reduced: ')}.\n\n{markdown(short)}"
