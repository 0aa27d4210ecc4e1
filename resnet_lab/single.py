"""What the command `train` does: one run, with the scale's recipe changed where asked.

Paper: Section 4.2.
Notebook: notebooks/00_start_here.py. Tests: tests/test_single.py.
"""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from resnet_lab import arms, data, experiments, records, runner, workers
from resnet_lab.errors import InputError
from resnet_lab.progress import Display, duration, name_of
from resnet_lab.recipe import Recipe
from resnet_lab.reproduce import lock
from resnet_lab.resnet import cifar
from resnet_lab.runner import Job
from resnet_lab.runs import Run


def plan(
    depth: int,
    shortcut: str,
    width: int | None,
    *,
    scale: str,
    root: Path | None,
    images: str | None,
    held_out: int = 0,
    changes: dict[str, object],
) -> tuple[Job, data.Dataset]:
    """One run for `train`: the scale's recipe with `changes`, filed under "own" if it has any.

    Raises: InputError for values that cannot be trained with.
    """
    recipe = experiments.recipe_at(scale, depth)
    if "drops" in changes:
        changes = changes | {"drops": parse_drops(str(changes["drops"]))}
    recipe = replace(recipe, **fit_points(recipe, changes))
    preset = arms.net_at(scale, depth, shortcut)
    net = cifar(depth, shortcut=shortcut, width=width or preset.widths[0])
    dataset = data.load(root, name=images)
    chosen = replace(experiments.images_at(scale, dataset), held_out=held_out)
    if not 0 <= held_out < len(dataset.train_labels):
        raise InputError(
            f"{held_out:,} of {len(dataset.train_labels):,} training images cannot be held out"
        )
    run = Run(net=net, recipe=recipe, images=chosen)
    same = (
        not held_out
        and replace(recipe, seed=0) == experiments.recipe_at(scale, depth)
        and net == preset
    )
    return Job(run=run, scale=scale if same else "own"), dataset


def parse_drops(text: str) -> tuple[int, ...]:
    """Updates in "600,900"; none in an empty text. Raises: InputError."""
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InputError(f"drops are whole numbers with commas between, got {text!r}") from error


def fit_points(recipe: Recipe, changes: dict[str, object]) -> dict[str, object]:
    """`changes`, with the test points moved to whole windows where only the window was changed."""
    if "log_every" in changes and "test_every" not in changes:
        window = max(1, int(changes["log_every"]))
        return changes | {"test_every": -(-recipe.test_every // window) * window}
    return changes


def run(
    job: Job, dataset: data.Dataset, *, root: Path | None, out: Path, device: str | None
) -> int:
    """Train one run and print where its record is; 1 if it failed or was stopped."""
    console = Console()
    engine = runner.default_engine(device)
    path = records.path_of(out / "records", job.scale, job.run)
    with lock(out), Display([job], console) as display:
        if path.exists():
            display.say(f"{name_of(job)} is trained already; a changed recipe or --seed is new.")
        done = workers.train_all([job], root, dataset.name, out, engine, tell=display.tell)
    if not done:
        console.print("Stopped; the same command goes on from the last saved update.")
        return 1
    if not records.readable():
        console.print(f"record {path}; to show it takes pydantic, which is not here")
        return 0
    record = records.load(path)
    console.print(
        f"{record.run.net.name} on {dataset.label}, after {record.final.step:,} updates "
        f"({duration(record.how.seconds)}): training error {record.final.train_error:.2f} %, "
        f"test error {record.final.test_error:.2f} %\nrecord {path}\ndigest {record.digest}",
        highlight=False,
        soft_wrap=True,
    )
    return 0
