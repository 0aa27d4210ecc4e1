"""The README's tables, put in their place: what `resnet-lab figures readme` does.

Paper: Table 6; Figures 1 and 6.
Notebook: notebooks/05_cifar.py. Tests: tests/test_readme.py.
"""

from pathlib import Path

from resnet_lab.errors import InputError
from resnet_lab.files import write_whole

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- table: quick -->\n", "<!-- end -->"


def parts(text: str) -> tuple[str, str, str]:
    """What stands before, between and after the two marks. Raises: InputError without them."""
    before, start, rest = text.partition(START)
    between, end, after = rest.partition(END)
    if not start or not end:
        raise InputError(f"there is no place for the tables: {START.strip()}, then {END}")
    return before, between, after


def write(tables: str, path: Path = README) -> Path:
    """Put `tables` between the marks of the file at `path`; the rest stays as it is.

    Raises: InputError if it cannot be read, as in an installation without the clone, or written,
    or has no marks.
    """
    try:
        before, _, after = parts(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); work in a clone") from error
    write_whole(path, f"{before}{START}{tables}\n{END}{after}")
    return path
