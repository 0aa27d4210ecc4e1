"""The command that trains every comparison, in miniature: side by side, stopped, and again."""

import pytest

from resnet_lab import cli
from resnet_lab.detection import experiments, record, tested
from resnet_lab.detection.arms import Task
from resnet_lab.detection.experiments import Size
from resnet_lab.errors import InputError

TINY = Size(train=8, test=3, steps=2, crops=32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Two arms trained in two processes, and what was said."""
    out, said = tmp_path_factory.mktemp("trained"), []
    names = ["detection_improvements"]
    plan = experiments.plan(names, out=out, seeds=1, device="cpu", at_once=2, size=TINY)
    return plan, said, experiments.carry_out(plan, said.append)


def test_two_at_once_leave_records_and_one_pretraining_for_both(trained):
    plan, said, code = trained
    assert code == 0, said
    found = record.load_all(plan.out)
    assert sorted(r.run.config.context for r in found) == [False, True]
    assert {r.run.start for r in found} == {"crops"} and {r.how.threads for r in found} == {1}
    assert len(list(plan.out.glob("pretrained/*.safetensors"))) == 1
    assert sum("pre-training, update" in line for line in said) == 1
    assert any("(2 of 2 runs)" in line for line in said)


def test_again_it_trains_nothing(trained):
    plan, _, _ = trained
    said = []
    (first, *_) = plan.tasks
    experiments.train_task(first, plan.out, "cpu", TINY, lambda: False, said.append)
    assert [m.kind for m in said] == ["line", "done"] and "trained already" in said[0].text


def test_records_of_a_miniature_are_not_measured_as_todays(trained):
    plan, _, _ = trained
    assert tested.load_all(plan.out) == []


def test_a_budget_stops_with_exit_code_1_and_says_how_to_go_on(tmp_path):
    said = []
    plan = experiments.plan(
        ["detection"], out=tmp_path, device="cpu", at_once=1, budget=0.0, size=TINY
    )
    assert len(plan.tasks) == 30
    assert experiments.carry_out(plan, said.append) == 1
    assert "The same command goes on" in said[-1]


def test_a_run_that_is_asked_to_stop_says_so_and_another_that_fails_says_why(tmp_path):
    said = []
    task = Task(arm="random", seed=0)
    experiments.train_task(task, tmp_path, "cpu", TINY, lambda: True, said.append)
    assert said[-1].kind == "stopped"
    (tmp_path / "file").write_text("", encoding="utf-8")
    experiments.train_task(
        Task(arm="residual", seed=0), tmp_path / "file", "cpu", TINY, lambda: False, said.append
    )
    assert said[-1].kind == "failed"


def test_other_names_and_folders_in_use_are_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        cli.main(["reproduce", "detection", "table_6"])
    assert end.value.code == 2 and "there is no experiment 'table_6'" in capsys.readouterr().err
    plan = experiments.plan(["detection"], out=tmp_path, size=TINY)
    with (
        experiments.reproduce.lock(tmp_path),
        pytest.raises(InputError, match="another resnet-lab"),
    ):
        experiments.carry_out(plan, lambda line: None)
