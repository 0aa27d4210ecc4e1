"""What the command `reproduce` does, step by step, callable from Python.

Paper: Sections 1 and 4.2; Figures 1 and 6; Table 6.
Notebook: notebooks/00_start_here.py. Tests: tests/test_reproduce.py.
"""

import re
import time
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from filelock import AcquireReturnProxy, FileLock, Timeout
from rich.console import Console

from resnet_lab import arms, data, experiments, records, runner, workers
from resnet_lab.errors import InputError
from resnet_lab.estimate import estimate
from resnet_lab.progress import Display
from resnet_lab.reports import FAILURES
from resnet_lab.runner import Engine, Job

ON_A_GPU = 4  # runs side by side; not measured yet: `resnet-lab bench gpu --at-once 2,4,8` does
NEEDED = ("pydantic", "matplotlib")  # by what follows the training, not by the training
BY_DEFAULT = {"quick": ["degradation"], "paper": ["table_6", "figure_6", "figure_1"]}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that `reproduce` is going to do, checked."""

    names: list[str]
    scale: str
    jobs: list[Job]
    dataset: data.Dataset
    root: Path | None
    out: Path
    engine: Engine
    at_once: int
    budget: float | None  # seconds
    book: bool  # run the notebooks and write the pages


def seconds(text: str) -> float:
    """Seconds in "90s", "25m" or "2h"; a bare number is minutes. Raises: InputError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(s|m|h)?", text.strip())
    if not match or float(match[1]) <= 0:
        raise InputError(f"a budget looks like 90s, 25m or 2h, got {text!r}")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2] or "m"]


def plan(
    names: list[str],
    *,
    scale: str = "quick",
    root: Path | None = None,
    images: str | None = None,
    out: Path = Path("out"),
    seeds: int | None = None,
    deepest: int | None = None,
    device: str | None = None,
    at_once: int | None = None,
    budget: float | None = None,
) -> Plan:
    """Check every choice before anything is trained.

    Raises: InputError for an unknown name, scale or device, or data that cannot be used.
    """
    experiments.recipe_at(scale, 20)  # a wrong scale should not wait for the data to load
    book = not names and scale == "quick"
    names = names or BY_DEFAULT[scale]
    dataset = data.load(root, name=images)
    jobs = experiments.jobs(names, scale, dataset, seeds, deepest)
    missing = [j for j in jobs if not records.path_of(out / "records", j.scale, j.run).exists()]
    cores = runner.cores()
    engine = runner.default_engine(device)
    at_once = at_once or (ON_A_GPU if engine.fast else cores)
    at_once = max(1, min(at_once, len(missing) or 1))
    return Plan(
        names=names,
        scale=scale,
        jobs=jobs,
        dataset=dataset,
        root=root,
        out=out,
        engine=replace(
            engine,
            threads=engine.threads if engine.fast else max(1, cores // at_once),
            at_once=at_once,
        ),
        at_once=at_once,
        budget=budget,
        book=book,
    )


def lock(out: Path) -> AcquireReturnProxy:
    """A held lock on `out`, to use with `with`; a kill frees it too. Raises: InputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        return FileLock(out / ".lock").acquire(timeout=0)
    except Timeout as error:
        raise InputError(
            f"another resnet-lab works in {out}; wait for it or name another folder with --out"
        ) from error
    except OSError as error:
        raise InputError(
            f"{out} cannot be written ({error.strerror}); name another folder with --out"
        ) from error


def train_missing(steps: Plan, console: Console) -> workers.Ending:
    """Train the runs of the plan that have no record, after saying how long it will take."""
    began, folder = time.monotonic(), steps.out / "records"
    done = [j for j in steps.jobs if records.path_of(folder, j.scale, j.run).exists()]
    threads = "" if steps.engine.fast else f", {steps.engine.threads} threads each"
    say(
        console,
        f"{', '.join(steps.names)} at {steps.scale} scale on {steps.dataset.label} "
        f"({steps.dataset.place}): {len(steps.jobs)} runs, {len(done)} done before.\n"
        f"{steps.at_once} at a time on {steps.engine.device}{threads}, "
        f"products in {steps.engine.precision}. Ctrl-C saves and stops.",
    )
    for job in done if records.readable() else ():
        records.load(records.path_of(folder, job.scale, job.run))  # whole, or a sentence
    if missing := [job for job in steps.jobs if job not in done]:
        found = records.load_all(folder, records.SHIPPED) if records.readable() else []
        try:
            expected = estimate(missing, steps.dataset, steps.engine, found, steps.out)
            say(console, expected.words(steps.budget))
        except FAILURES as error:  # the runs themselves will say more
            say(console, f"No estimate: {type(error).__name__} while timing a few updates.")
    with Display(steps.jobs, console) as display:
        for job in done:
            display.skip(job)
        spent = time.monotonic() - began
        return workers.train_all(
            steps.jobs,
            steps.root,
            steps.dataset.name,
            steps.out,
            steps.engine,
            at_once=steps.at_once,
            budget=steps.budget and max(0.0, steps.budget - spent),
            tell=display.tell,
        )


def run(steps: Plan, console: Console | None = None) -> int:
    """Carry out a plan; the exit code is 0, or 1 as long as a run or a notebook is not done.

    When the budget is over, what there is by then is drawn and compared.

    Raises: InputError for files in the way that are not ours.
    """
    console = console or Console()
    with lock(steps.out):
        ending = train_missing(steps, console)
        if not ending:
            say(
                console,
                "Not all runs are finished; what there is is saved. "
                "The same command goes on from here.",
            )
        if ending.interrupted:
            return 1
        if lacking := [name for name in NEEDED if not find_spec(name)]:
            say(
                console,
                f"The records are in {steps.out / 'records'}. To draw and compare takes "
                f"{', '.join(lacking)}, which is not here: the same command does it where it is.",
            )
            return 0 if ending else 1
        code = write_book(steps, console) if steps.book else write_figures(steps, console)
        return code if ending else 1


def say(console: Console, text: str) -> None:
    """A line as it is: no colours for numbers, no line breaks of the console's own."""
    console.print(text, highlight=False, soft_wrap=True)


def write_figures(steps: Plan, console: Console) -> int:
    """Figures and tables of the named experiments, as far as there are records in `out`."""
    from resnet_lab import tables

    found = records.load_all(steps.out / "records", records.SHIPPED)
    for name in steps.names:
        labels = [arm.label for arm in experiments.get(name).arms]
        where = {"scale": steps.scale, "images": steps.dataset.name}
        if not any(arms.select(found, label=label, **where) for label in labels):
            say(console, f"no run of {name} is finished yet, so there is nothing to draw")
            continue
        if name == "figure_7":
            measure_responses(steps, found, console)
        for path in tables.write_experiment(
            name, found, steps.scale, steps.dataset.name, steps.out / "figures"
        ):
            say(console, f"wrote {path}")
    return 0


def measure_responses(steps: Plan, found: list[records.Record], console: Console) -> None:
    """What Figure 7 is drawn from, on every net of it that has weights here and no finding yet."""
    from resnet_lab import tables
    from resnet_lab.layer_responses import stored

    stored.measure_missing(
        tables.runs_of("figure_7", found, steps.scale, steps.dataset.name),
        steps.dataset,
        [steps.out / "records", records.SHIPPED],
        steps.out / "records" / "findings",
        known=stored.load(),
        tell=lambda text: say(console, text),
    )


def write_book(steps: Plan, console: Console) -> int:
    """Every notebook, run on the records of `out`, as pages with an index; 1 if one failed."""
    from resnet_lab.book import make_book
    from resnet_lab.book.material import gather

    facts = {"scale": steps.scale, "images": steps.dataset.label}
    material = gather(steps.out, steps.dataset.name, facts)
    given = {
        "runs_folder": str((steps.out / "records").resolve()),
        "images_name": steps.dataset.name,
        # notebooks run in their own folder, where what was found from here may not be found
        "data_folder": None
        if steps.dataset.name == "embedded"
        else str(Path(steps.dataset.place).resolve()),
    }
    pages = make_book(steps.out, given, material=material, report=lambda text: say(console, text))
    say(console, f"The book: {steps.out / 'index.html'}")
    return 1 if any(page.failed for page in pages) else 0
