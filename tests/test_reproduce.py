"""The command `reproduce` from Python, on a small data set."""

import io
import sys
from dataclasses import replace

import pytest
from conftest import ENGINE, mini_dataset, mini_job, record_of
from rich.console import Console

from resnet_lab import data, experiments, records, reproduce, runner, workers
from resnet_lab.errors import InputError


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(data, "load", lambda root=None, *, name=None: mini_dataset())


def mini_plan(out, **changes) -> reproduce.Plan:
    fields = dict(
        names=["figure_1"],
        scale="quick",
        jobs=[mini_job(), mini_job(seed=1)],
        dataset=mini_dataset(),
        root=None,
        out=out,
        engine=ENGINE,
        at_once=1,
        budget=None,
        book=False,
    )
    return reproduce.Plan(**(fields | changes))


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


@pytest.mark.parametrize(
    "text, seconds", [("90s", 90), ("25m", 1500), ("2h", 7200), ("25", 1500), ("1.5 h", 5400)]
)
def test_budgets_as_people_write_them(text, seconds):
    assert reproduce.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-3m", "0s", "3d", "m"])
def test_a_budget_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="a budget looks like 90s, 25m or 2h"):
        reproduce.seconds(text)


def test_a_plan_names_every_run_before_anything_is_trained(tmp_path):
    plan = reproduce.plan([], out=tmp_path, at_once=2)
    assert [job.run.net.name for job in plan.jobs] == [
        "plain-20-w8",
        "ResNet-20-w8",
        "plain-56-w8",
        "ResNet-56-w8",
    ]
    assert plan.book and plan.at_once == 2
    assert not list(tmp_path.iterdir())


def test_named_experiments_write_no_book(tmp_path):
    plan = reproduce.plan(["figure_1"], out=tmp_path)
    assert not plan.book and {job.run.net.shortcut for job in plan.jobs} == {"none"}


@pytest.mark.parametrize(
    "words, says",
    [
        (dict(scale="papper"), "scale must be quick or paper"),
        (dict(names=["table_7"]), "there is no experiment 'table_7'"),
        (dict(device="tpu"), "device must be cpu or cuda"),
    ],
)
def test_a_plan_with_a_typo_is_refused(tmp_path, words, says):
    with pytest.raises(InputError, match=says):
        reproduce.plan(**({"names": []} | words), out=tmp_path)


def test_run_trains_stops_and_goes_on(tmp_path):
    console = quiet()
    assert reproduce.run(mini_plan(tmp_path, budget=0.001), console) == 1
    said = console.file.getvalue()
    assert "Estimate: about" in said and "goes on from here" in said
    plan = mini_plan(tmp_path)
    console = quiet()
    assert reproduce.train_missing(plan, console)
    assert "2 runs, 0 done before" in console.file.getvalue()
    console = quiet()
    assert reproduce.train_missing(plan, console)
    assert "2 runs, 2 done before" in console.file.getvalue()


def quick(mini, *depths):
    """The quick runs of Figure 1 at other depths, which take a moment."""
    return [experiments.job("quick", mini, depth, "none", 0) for depth in depths]


def test_a_budget_that_is_over_draws_what_there_is(tmp_path, mini, monkeypatch):
    fields = dict(names=["figure_1"], jobs=quick(mini, 20, 56), budget=0.001)
    console = quiet()
    # the shipped runs are on other images than these, so nothing of the figure is there yet
    monkeypatch.setattr(records, "SHIPPED", tmp_path / "none")
    assert reproduce.run(mini_plan(tmp_path, **fields), console) == 1
    assert "no run of figure_1 is finished yet" in console.file.getvalue()
    records.save(record_of(20, "none"), tmp_path / "records")
    console = quiet()
    assert reproduce.run(mini_plan(tmp_path, **fields), console) == 1
    table = (tmp_path / "figures" / "figure_1_quick_cifar10.md").read_text()
    assert "| plain-20 |" in table and "(n=1)" in table and "| not run |" in table
    assert (tmp_path / "figures" / "figure_1_quick_cifar10.png").exists()


def test_an_interrupt_draws_nothing(tmp_path, monkeypatch):
    ending = workers.Ending(done=False, interrupted=True)
    monkeypatch.setattr(reproduce, "train_missing", lambda steps, console: ending)
    assert reproduce.run(mini_plan(tmp_path), quiet()) == 1
    assert not (tmp_path / "figures").exists()


def test_a_gpu_packs_several_runs_and_a_processor_one_a_core(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "cores", lambda: 8)
    plan = reproduce.plan(["figure_6"], out=tmp_path)
    assert (plan.at_once, plan.engine.threads, plan.engine.at_once) == (8, 1, 8)
    gpu = replace(ENGINE, device="cuda", fast=True, threads=8)
    monkeypatch.setattr(runner, "default_engine", lambda device: gpu)
    plan = reproduce.plan(["figure_6"], out=tmp_path)
    assert (plan.at_once, plan.engine.threads) == (reproduce.ON_A_GPU, 8)
    assert reproduce.plan(["figure_6"], out=tmp_path, at_once=2).engine.at_once == 2


def test_a_machine_for_computing_trains_and_says_where_the_records_are(tmp_path, monkeypatch):
    """It has torch, and neither pydantic nor matplotlib."""
    for name in ("pydantic", "matplotlib"):
        monkeypatch.setitem(sys.modules, name, None)
    console = quiet()
    assert reproduce.run(mini_plan(tmp_path), console) == 0
    said = console.file.getvalue()
    assert "To draw and compare takes pydantic, matplotlib, which is not here" in said
    assert len(list((tmp_path / "records").glob("*/*.json"))) == 2
    console = quiet()
    assert reproduce.run(mini_plan(tmp_path), console) == 0  # and again, with nothing to do
    assert "2 runs, 2 done before" in console.file.getvalue()


def test_without_an_estimate_it_trains_all_the_same(tmp_path, monkeypatch):
    def broken(*_):
        raise RuntimeError("CUDA error")

    monkeypatch.setattr(reproduce, "estimate", broken)
    console = quiet()
    assert reproduce.train_missing(mini_plan(tmp_path), console)
    assert "No estimate: RuntimeError" in console.file.getvalue()


def test_two_at_once_in_one_folder_are_refused(tmp_path):
    with reproduce.lock(tmp_path), pytest.raises(InputError, match="another resnet-lab works in"):
        reproduce.run(mini_plan(tmp_path), quiet())


def test_the_lock_is_free_again_after_its_block(tmp_path):
    held = reproduce.lock(tmp_path)
    with held:
        pass
    with reproduce.lock(tmp_path):  # though the first one is still known here
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        reproduce.lock(tmp_path / "file" / "out")


def test_a_damaged_record_is_reported_before_training(tmp_path):
    job = mini_job()
    path = records.path_of(tmp_path / "records", job.scale, job.run)
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    with pytest.raises(InputError, match=path.name):
        reproduce.train_missing(mini_plan(tmp_path), quiet())


def test_the_book_gets_the_folder_where_cifar_10_was_found(tmp_path, monkeypatch):
    """Notebooks run in their own folder, where ./data would be another one."""
    asked = {}

    def make_book(out, given, **words):
        asked.update(given)
        return []

    monkeypatch.setattr("resnet_lab.book.make_book", make_book)
    monkeypatch.chdir(tmp_path)
    found = replace(mini_dataset(), place="data/cifar-10-batches-bin")
    assert reproduce.write_book(mini_plan(tmp_path, dataset=found), quiet()) == 0
    assert asked["data_folder"] == str(tmp_path / "data" / "cifar-10-batches-bin")
    drawn = replace(mini_dataset(), name="embedded")
    reproduce.write_book(mini_plan(tmp_path, dataset=drawn), quiet())
    assert asked["data_folder"] is None and asked["images_name"] == "embedded"


def test_a_failed_notebook_is_exit_code_1(tmp_path, monkeypatch):
    class Failed:
        failed = True

    monkeypatch.setattr("resnet_lab.book.make_book", lambda *_, **__: [Failed()])
    assert reproduce.write_book(mini_plan(tmp_path), quiet()) == 1
