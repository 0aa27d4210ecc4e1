"""The command `resnet-lab book`: the book in seconds, from what is committed, or run anew.

Paper: all of it.
Notebook: notebooks/00_start_here.py. Tests: tests/test_book_saved.py, tests/test_book_server.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.options import Data

EPILOG = (
    "Example: resnet-lab book --serve. Seconds with the committed outputs; with --run the "
    "notebooks' minutes."
)


def book(
    out: Annotated[Path, typer.Option("--out", help="Folder for the pages.")] = Path("out/book"),
    run: Annotated[
        bool, typer.Option("--run", help="Run every notebook instead of taking its saved outputs.")
    ] = False,
    data: Data = None,
    records: Annotated[
        Path, typer.Option("--records", help="Folder of your own results, as --out of reproduce.")
    ] = Path("out"),
    serve: Annotated[bool, typer.Option("--serve", help="Then show it on 127.0.0.1.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="For --serve; 0: any.")] = 8000,
) -> None:
    """Write the book: chapters, explorers and the scoreboard, for a browser without a kernel.

    Chapters are taken as they are committed where the .ipynb has the cells of its .py; others
    are run. Explorers and scoreboard are always made from the records of this moment.
    """
    from resnet_lab.book import server, site

    if serve:
        server.free(port)  # before the work, not after it
    failed = site.write(out, records, run=run, data=data, say=typer.echo)
    if serve:
        server.serve(out, port, typer.echo)
    raise typer.Exit(1 if failed else 0)
