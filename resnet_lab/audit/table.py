"""A report of an audit on a terminal.

Paper: Tables 1 and 6 (what a net is compared with).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit_cli.py.
"""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from resnet_lab.audit.report import UNDECIDABLE, Report


def print_report(report: Report, console: Console | None = None) -> None:
    """What an audit found: the verdict, the facts, the differences."""
    console = console or Console()
    console.print(escape(f"{report.source}: {report.verdict}"), soft_wrap=True)
    if report.is_resnet:
        table = Table(show_lines=False, header_style="bold")
        for title in ("fact", "value", "why"):
            table.add_column(title, overflow="fold")
        for fact in report.facts:
            table.add_row(fact.name, audited(fact.value), escape(fact.why))
        console.print(table)
    for difference in report.differences:
        console.print(f"- {escape(difference)}", soft_wrap=True)


def audited(value: object) -> str:
    """A fact's value as a cell shows it."""
    if isinstance(value, dict):
        return "; ".join(f"{escape(name)}: {number:,}" for name, number in value.items())
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if value == UNDECIDABLE:
        return "[yellow]undecidable[/]"
    return f"{value:,}" if isinstance(value, int) else escape(str(value or "none"))
