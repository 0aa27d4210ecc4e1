"""Layer responses on a terminal.

Paper: Figure 7.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_cli_responses.py.
"""

from collections.abc import Mapping
from statistics import median

from rich.console import Console
from rich.table import Table

from resnet_lab.layer_responses.find import count
from resnet_lab.layer_responses.measure import Responses
from resnet_lab.layer_responses.written import rows


def print_responses(
    found: Responses, settings: Mapping[str, object], console: Console | None = None
) -> None:
    """A row a layer, then what was counted, what was missed, and over which images."""
    console = console or Console()
    table = Table(header_style="bold")
    for name in ("layer", "name", "kernel", "role", "std", "channel std"):
        table.add_column(name, justify="right" if "std" in name else "left")
    for row in rows(found):
        std, channel = (f"{row[name]:.4f}" for name in ("std", "channel_std"))
        table.add_row(str(row["layer"]), row["name"], row["kernel"], row["role"], std, channel)
    console.print(table)
    for line in summary(found, settings):
        console.print(line, highlight=False, soft_wrap=True)


def summary(found: Responses, settings: Mapping[str, object]) -> list[str]:
    """Sentences: numbers of layers by role, the median, the settings, and what was missed."""
    sorts = ", ".join(f"{n} {role}" for role, n in count(found.layers).items())
    lines = [
        f"{found.net}: {len(found.layers)} layers ({sorts}), median std {median(found.std):.4f}"
    ]
    ends = [layer.std for layer in found.layers if layer.role == "end"]
    others = [layer.std for layer in found.layers if layer.role in ("stem", "inside")]
    if ends and others:
        lines.append(
            f"ends of residual branches: median {median(ends):.4f}; "
            f"layers before them: {median(others):.4f}"
        )
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    if found.missed:
        lines.append(f"not reached: {len(found.missed)} layers. {found.missed[0]}")
    return lines
