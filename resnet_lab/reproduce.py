"""What the command `reproduce` does, step by step, callable from Python.

Paper: Sections 1 and 4.2; Figures 1 and 6; Table 6.
Notebook: notebooks/00_start_here.py. Tests: tests/test_reproduce.py.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import AcquireReturnProxy, FileLock, Timeout
from rich.console import Console

from resnet_lab import data, experiments, records, runner, workers
from resnet_lab.errors import InputError
from resnet_lab.progress import Display
from resnet_lab.runner import Engine, Job

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
    if engine.device != "cpu":
        at_once = 1
    at_once = max(1, min(at_once or cores, len(missing) or 1))
    return Plan(
        names=names,
        scale=scale,
        jobs=jobs,
        dataset=dataset,
        root=root,
        out=out,
        engine=replace(engine, threads=max(1, cores // at_once)),
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


def train_missing(steps: Plan, console: Console) -> bool:
    """Train the runs of the plan that have no record; True if all have one at the end."""
    folder = steps.out / "records"
    done = [j for j in steps.jobs if records.path_of(folder, j.scale, j.run).exists()]
    console.print(
        f"{', '.join(steps.names)} at {steps.scale} scale on {steps.dataset.label} "
        f"({steps.dataset.place}): {len(steps.jobs)} runs, {len(done)} done before.\n"
        f"{steps.at_once} at a time on {steps.engine.device}, {steps.engine.threads} threads each, "
        f"products in {steps.engine.precision}. Ctrl-C saves and stops.",
        highlight=False,
        soft_wrap=True,
    )
    with Display(steps.jobs, console) as display:
        for job in done:
            records.load(records.path_of(folder, job.scale, job.run))  # whole, or a sentence
            display.skip(job)
        return workers.train_all(
            steps.jobs,
            steps.root,
            steps.dataset.name,
            steps.out,
            steps.engine,
            at_once=steps.at_once,
            budget=steps.budget,
            tell=display.tell,
        )


def run(steps: Plan, console: Console | None = None) -> int:
    """Carry out a plan; the exit code is 0, or 1 if a run or notebook failed or was stopped.

    Raises: InputError for files in the way that are not ours.
    """
    console = console or Console()
    with lock(steps.out):
        if not train_missing(steps, console):
            console.print(
                "Not all runs are finished; what there is is saved. "
                "The same command goes on from here.",
                highlight=False,
                soft_wrap=True,
            )
            return 1
        return write_book(steps, console) if steps.book else write_figures(steps, console)


def write_figures(steps: Plan, console: Console) -> int:
    """Figures and tables of the named experiments from the records in `out`."""
    from resnet_lab import tables

    found = records.load_all(steps.out / "records", records.SHIPPED)
    for name in steps.names:
        for path in tables.write_experiment(
            name, found, steps.scale, steps.dataset.name, steps.out / "figures"
        ):
            console.print(f"wrote {path}", highlight=False, soft_wrap=True)
    return 0


def write_book(steps: Plan, console: Console) -> int:
    """Every notebook, run on the records of `out`, as pages with an index; 1 if one failed."""
    from resnet_lab import book, claims

    folder = steps.out / "records"
    found = records.load_all(folder, records.SHIPPED)
    digests = sorted(record.digest for record in found)
    given = {
        "runs_folder": str(folder.resolve()),
        "images_name": steps.dataset.name,
        # notebooks run in their own folder, where what was found from here may not be found
        "data_folder": None
        if steps.dataset.name == "embedded"
        else str(Path(steps.dataset.place).resolve()),
    }
    pages = book.make_book(
        steps.out,
        given,
        report=lambda text: console.print(text, highlight=False, soft_wrap=True),
        records_digest=hashlib.sha256("".join(digests).encode()).hexdigest(),
        facts={
            "scale": steps.scale,
            "images": steps.dataset.label,
            "claims": claims.summary(claims.ledger(found, steps.dataset.name)),
        },
    )
    console.print(f"The book: {steps.out / 'index.html'}", highlight=False, soft_wrap=True)
    return 1 if any(page.failed for page in pages) else 0
