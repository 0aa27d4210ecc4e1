"""The commands `resnet-lab look signals` and `resnet-lab look lesion`: findings about nets.

Paper: Section 4.1 (signals); the lesions are those of Veit et al. 2016.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_cli_look.py.
"""

from pathlib import Path
from typing import Annotated

import typer

from resnet_lab.errors import InputError
from resnet_lab.options import Data, ImagesName, Out, Scale

look_app = typer.Typer(
    help="Look into nets; what is seen is written to the folder of --out.", no_args_is_help=True
)
Depth = Annotated[int, typer.Option(help="Weighted layers, 6n+2.")]
Shortcut = Annotated[str, typer.Option(help="none (the plain net) or A.")]
Seed = Annotated[int, typer.Option(min=0, help="Of the run.")]
SIGNALS = (
    "Example: resnet-lab look signals --depth 56 --shortcut none. It trains the net of a quick "
    "run, as `reproduce` does: minutes on two cores. --start looks at the untrained net: seconds."
)
LESION = (
    "Example: resnet-lab look lesion --depth 20 --images embedded. Every block of 110 layers on "
    "10,000 images takes minutes on two cores."
)


@look_app.command("signals", epilog=SIGNALS)
def look_signals(
    depth: Depth = 20,
    shortcut: Shortcut = "none",
    seed: Seed = 0,
    start: Annotated[bool, typer.Option("--start", help="Before the first update only.")] = False,
    bn: Annotated[str, typer.Option(help="kept; bias: a number a channel in its place.")] = "kept",
    updates: Annotated[
        int | None, typer.Option(min=1, help="Stop looking, and training, after so many.")
    ] = None,
    scale: Scale = "quick",
    data: Data = None,
    images: ImagesName = None,
    out: Out = Path("out"),
) -> None:
    """Variances and gradient norms of every layer, along a training that they do not change."""
    from resnet_lab import data as data_module
    from resnet_lab import experiments, signal_runs, train
    from resnet_lab.prepared import prepare

    dataset = data_module.load(data, name=images)
    run = experiments.job(scale, dataset, depth, shortcut, seed).run
    last = min(updates or run.recipe.steps, run.recipe.steps)
    looks = tuple(k for k in signal_runs.UPDATES if k < last) + (last,)
    path = signal_runs.store(
        run,
        scale,
        prepare(dataset, run.images),
        out / "records" / "findings",
        bn=bn,
        updates=(0,) if start else looks,
        precision=train.fast_precision(),
        report=lambda step: typer.echo(f"{run.net.name}: looked at after {step:,} updates"),
    )
    typer.echo(path)


@look_app.command("lesion", epilog=LESION)
def look_lesion(
    depth: Depth = 20,
    shortcut: Shortcut = "A",
    seed: Seed = 0,
    bn: Annotated[
        str, typer.Option(help="running: BN's statistics stay; estimated: anew with each lesion.")
    ] = "running",
    test_images: Annotated[
        int | None, typer.Option(min=1, help="Only so many for the single lesions.")
    ] = None,
    scale: Scale = "quick",
    data: Data = None,
    images: ImagesName = None,
    out: Out = Path("out"),
) -> None:
    """Test error of a recorded net without each of its blocks, without several, and swapped."""
    from resnet_lab import data as data_module
    from resnet_lab import experiments, findings, lesion_runs, records
    from resnet_lab.prepared import prepare

    dataset = data_module.load(data, name=images)
    run = experiments.job(scale, dataset, depth, shortcut, seed).run
    folders = [out / "records", records.SHIPPED]
    found = [r for r in records.load_all(*folders) if r.scale == scale and r.run == run]
    if not found:
        raise InputError(
            f"{run.net.name} with seed {seed} has no {scale} record on {dataset.label}; "
            "train it with `resnet-lab train` or name another --seed"
        )
    prepared = prepare(dataset, run.images)
    finding = lesion_runs.look(found[0], prepared, folders, bn=bn, images=test_images)
    whole, single = finding.values["whole"][0], finding.values["single"]
    typer.echo(
        f"{run.net.name}: {whole:.2f} % whole; without one block {min(single):.2f} to "
        f"{max(single):.2f} %, worst without block {single.index(max(single))}"
    )
    typer.echo(findings.save(finding, out / "records" / "findings"))
