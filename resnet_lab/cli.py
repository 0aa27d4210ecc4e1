"""The command resnet-lab: parses, calls one function of the package, prints.

Paper: all of it.
Notebook: notebooks/00_start_here.py. Tests: tests/test_cli.py.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.cli_audit import audit
from resnet_lab.cli_bench import bench_app
from resnet_lab.cli_bench_imagenet import EPILOG, bench_imagenet
from resnet_lab.cli_book import EPILOG as BOOK_EPILOG
from resnet_lab.cli_book import book
from resnet_lab.cli_data import data_app
from resnet_lab.cli_detection_train import TRAIN_EPILOG, train_detection
from resnet_lab.cli_evaluate import CifarByDefault, evaluate_app
from resnet_lab.cli_imagenet import imagenet_app
from resnet_lab.cli_landscape import BENCH_EPILOG, bench_landscape, landscape
from resnet_lab.cli_landscape import EPILOG as LANDSCAPE_EPILOG
from resnet_lab.cli_localisation import TRAIN_EPILOG as LOCALISATION_EPILOG
from resnet_lab.cli_localisation import train_localisation
from resnet_lab.cli_look import look_app
from resnet_lab.cli_notebooks import EPILOG as NOTEBOOKS_EPILOG
from resnet_lab.cli_notebooks import notebooks
from resnet_lab.cli_responses import EPILOG as RESPONSES_EPILOG
from resnet_lab.cli_responses import responses
from resnet_lab.errors import InputError
from resnet_lab.options import AtOnce, Data, Device, ImagesName, Out, Scale, recipe_options

app = typer.Typer(
    name="resnet-lab",
    help="An interactive companion to Deep Residual Learning (He, Zhang, Ren, Sun, 2015).",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(bench_app, name="bench")
app.add_typer(data_app, name="data")
app.command(epilog="Example: resnet-lab audit torchvision.models:resnet50. Seconds.")(audit)
app.add_typer(evaluate_app, name="evaluate")
app.command(epilog=RESPONSES_EPILOG)(responses)
app.add_typer(imagenet_app, name="imagenet")
app.command(epilog=LANDSCAPE_EPILOG)(landscape)
app.add_typer(look_app, name="look")
app.command(epilog=BOOK_EPILOG)(book)
train_app = typer.Typer(
    cls=CifarByDefault,
    help="Train a CIFAR-10 net, a detector or a localiser. Options right behind it are those of "
    "`train cifar`.",
    epilog="Example: resnet-lab train --depth 56 --shortcut none --steps 500. "
    "A quick ResNet-20 takes about a minute on two cores.",
)
app.add_typer(train_app, name="train")


@app.command(
    epilog="Example: resnet-lab reproduce --data ~/cifar10. About 8 minutes on two cores. "
    "--scale paper needs a GPU; how long was not measured yet."
)
def reproduce(
    experiments: Annotated[
        list[str] | None,
        typer.Argument(
            help="degradation, figure_1, figure_6, figure_7, table_6, warm_up, shortcuts, "
            "bottlenecks, longer or pre_activation; detection, or a part of it: "
            "detection_backbones, detection_improvements, detection_training. None: run every "
            "notebook."
        ),
    ] = None,
    scale: Scale = "quick",
    budget: Annotated[
        str | None, typer.Option(help="Stop training after this long: 90s, 25m or 2h.")
    ] = None,
    data: Data = None,
    images: ImagesName = None,
    out: Out = Path("out"),
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs of each net.")] = None,
    deepest: Annotated[
        int | None, typer.Option(help="Leave deeper nets out: 110 does without 1202.")
    ] = None,
    device: Device = None,
    at_once: AtOnce = None,
) -> None:
    """Train what has no record yet, then draw, compare with the paper and write the book.

    Can be stopped with Ctrl-C and started again: it goes on where it was.
    """
    from resnet_lab import reproduce as steps

    limit = None if budget is None else steps.seconds(budget)
    if any(name.startswith("detection") for name in experiments or []):
        from resnet_lab.detection import experiments as detectors

        how = dict(out=out, seeds=seeds, device=device, at_once=at_once, budget=limit)
        raise typer.Exit(detectors.carry_out(detectors.plan(experiments, **how), typer.echo))
    plan = steps.plan(
        experiments or [],
        scale=scale,
        root=data,
        images=images,
        out=out,
        seeds=seeds,
        deepest=deepest,
        device=device,
        at_once=at_once,
        budget=limit,
    )
    raise typer.Exit(steps.run(plan))


@train_app.command(
    "cifar",
    epilog="Example: resnet-lab train cifar --depth 56 --shortcut none --steps 500. "
    "A quick ResNet-20 takes about a minute on two cores.",
)
@recipe_options
def train(
    depth: Annotated[int, typer.Option(help="Weighted layers, 6n+2.")] = 20,
    shortcut: Annotated[str, typer.Option(help="none (the plain net), A, B or C.")] = "A",
    width: Annotated[int | None, typer.Option(min=1, help="Filters of the first stage.")] = None,
    scale: Scale = "quick",
    data: Data = None,
    images: ImagesName = None,
    held_out: Annotated[
        int, typer.Option(help="Training images kept for validation: 5000 is the paper's 45k/5k.")
    ] = 0,
    out: Out = Path("out"),
    device: Device = None,
    **changes: object,
) -> None:
    """Train one net; its record and weights are written to the folder of --out.

    The recipe is that of the scale, with the options below changed.
    """
    from resnet_lab import single

    given = {name: value for name, value in changes.items() if value is not None}
    job, dataset = single.plan(
        depth,
        shortcut,
        width,
        scale=scale,
        root=data,
        images=images,
        held_out=held_out,
        changes=given,
    )
    raise typer.Exit(single.run(job, dataset, root=data, out=out, device=device))


@app.command(epilog="Example: resnet-lab claims --json. Seconds.")
def claims(
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of objects.")] = False,
    out: Out = Path("out"),
) -> None:
    """What the paper says, and whether we see it: from records and from the nets themselves.

    Uses the records and findings in --out and those that ship with the package.
    """
    from resnet_lab import claims as ledger
    from resnet_lab import findings, records
    from resnet_lab.localisation import record

    folder = out / "records"
    rows = ledger.ledger(
        records.load_all(folder, records.SHIPPED),
        measured=findings.load_every(folder / "findings", findings.SHIPPED),
        detectors=ledger.detection.Evidence.of([out, records.SHIPPED]),
        localised=record.load_all(out, record.SHIPPED),
    )
    if as_json:
        typer.echo(json.dumps(ledger.as_json(rows), indent=1, allow_nan=False))
        return
    from resnet_lab import tables

    tables.print_claims(rows)


@app.command(epilog="Example: resnet-lab figures figure_1 --out out. Seconds.")
def figures(
    names: Annotated[list[str], typer.Argument(help="Experiments; readme: its tables.")],
    scale: Scale = "quick",
    images: Annotated[str, typer.Option(help="cifar10 or embedded.")] = "cifar10",
    out: Out = Path("out"),
) -> None:
    """Draw figures and tables from the records in --out and those that ship with the package."""
    from resnet_lab import tables

    for path in tables.write_all(names, scale, images, out):
        typer.echo(path)


@app.command(epilog="Example: resnet-lab doctor. Seconds.")
def doctor(data: Data = None, out: Out = Path("out")) -> None:
    """What is here and what is missing: Python, torch, device, data, disk, memory."""
    from resnet_lab import doctor as checks
    from resnet_lab.doctor_finding import print_findings

    findings = checks.check(data, out)
    print_findings(findings)
    raise typer.Exit(0 if checks.ok(findings) else 1)


app.command(epilog=NOTEBOOKS_EPILOG)(notebooks)
bench_app.command("imagenet", epilog=EPILOG)(bench_imagenet)
bench_app.command("landscape", epilog=BENCH_EPILOG)(bench_landscape)
train_app.command("detection", epilog=TRAIN_EPILOG)(train_detection)
train_app.command("localisation", epilog=LOCALISATION_EPILOG)(train_localisation)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point: the user's mistakes are one sentence on stderr and exit code 2."""
    try:
        app(arguments)
    except InputError as error:
        typer.echo(f"resnet-lab: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("resnet-lab: interrupted; the same command goes on where it was", err=True)
        sys.exit(130)
