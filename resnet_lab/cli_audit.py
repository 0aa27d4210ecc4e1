"""The command `resnet-lab audit`.

Paper: Tables 1 and 6 (what a net is compared with).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit_cli.py.
"""

import json
from typing import Annotated

import typer


def audit(
    thing: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_MODULE",
            help="A .safetensors file, a state dict saved by torch (read with weights_only: no "
            "code in it runs), or package.module:factory, which is imported and called: that "
            "runs its code.",
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
) -> None:
    """Which ResNet is this really? What a net is, and every difference from the paper's.

    Judged by shapes, and for a module by running it. What a file cannot say is undecidable.
    """
    from resnet_lab.audit import audit as examine

    report = examine(thing)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=1, allow_nan=False))
        return
    from resnet_lab.audit.table import print_report

    print_report(report)
