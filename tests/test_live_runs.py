"""What is trained live is what the project's own loop trains, number for number."""

import threading
from dataclasses import replace

import pytest
import torch

from resnet_lab import data, experiments, live_runs, prepared, records, train
from resnet_lab.errors import InputError
from resnet_lab.live import Live
from resnet_lab.recipe import lr_at


@pytest.fixture(scope="module")
def embedded():
    return data.load(name="embedded")


@pytest.mark.parametrize(
    "kind, width, name",
    [
        ("plain", 8, "plain-8, seed 3"),
        ("residual", 8, "ResNet-8, seed 3"),
        ("option B", 4, "ResNet-8-B, width 4, seed 3"),
    ],
)
def test_a_net_has_the_name_of_its_kind(mini, kind, width, name):
    made = live_runs.task_of(mini, 8, kind, width=width, seed=3, updates=50)
    assert live_runs.name_of(made) == name
    assert made.run.net.widths[0] == width


@pytest.mark.parametrize(
    "wrong, match",
    [
        ({"depth": 9}, "6n"),
        ({"kind": "C"}, "option B"),
        ({"updates": 60}, "multiple of 50"),
        ({"updates": 1_250}, "up to 1200"),
        ({"updates": 0}, "multiple of 50"),
    ],
)
def test_a_net_that_there_is_not_is_said(mini, wrong, match):
    with pytest.raises(InputError, match=match):
        live_runs.task_of(mini, **({"depth": 8} | wrong))


def test_every_choice_of_the_panel_is_a_net(mini):
    for depth in live_runs.DEPTHS:
        for kind in live_runs.KINDS:
            for width in live_runs.WIDTHS:
                live_runs.task_of(mini, depth, kind, width=width, updates=live_runs.UPDATES[0])
    assert all(live_runs.task_of(mini, 8, updates=n) for n in live_runs.UPDATES)


def test_the_rates_are_those_of_quick_scale(mini):
    ours = live_runs.task_of(mini, 20).run.recipe
    theirs = experiments.recipe_at("quick", 20)
    assert [lr_at(k, ours) for k in range(1_200)] == [lr_at(k, theirs) for k in range(1_200)]


def test_live_curves_are_those_of_the_loop_itself(mini):
    small = live_runs.task_of(mini, 8, width=4, updates=50)
    made = Live(live_runs.trainer_on(mini))
    made.add(small)
    threads, random = torch.get_num_threads(), torch.get_rng_state()
    made.start()
    made.wait(120)
    (course,) = made.seen().courses
    assert made.seen().problem == "" and course.whole
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), random), (
        "a reader's own random numbers are left alone"
    )

    seen = prepared.prepare(mini, small.run.images)
    state = train.begin(small.run.net, small.run.recipe)
    test = train.SingleView(images=seen.test_images, labels=seen.test_labels, mean=seen.mean)
    points = train.train(
        state,
        prepared.stream(seen, small.run),
        small.run.recipe,
        precision=train.fast_precision(),
        test=test,
        stop=lambda: state.step >= 50,
    )
    assert list(points) == list(course.points)
    assert [p.step for p in course.points] == [10, 20, 30, 40, 50]
    assert course.points[-1].test_error is not None


def test_two_threads_that_make_nets_do_not_disturb_each_other(mini):
    net = live_runs.task_of(mini, 8).run.net
    alone = train.new_net(net, 7).state_dict()
    found = []
    threads = [
        threading.Thread(target=lambda s=seed: found.append((s, train.new_net(net, s))))
        for seed in (7, 8) * 20
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 40
    for seed, made in found:
        equal = all(torch.equal(value, alone[name]) for name, value in made.state_dict().items())
        assert equal == (seed == 7)


def test_another_data_set_is_said_and_not_trained_on(mini):
    small = live_runs.task_of(replace(mini, content_hash="b" * 64), 8, updates=50)
    made = Live(live_runs.trainer_on(mini))
    made.add(small)
    made.start()
    made.wait(60)
    assert made.seen().state == "failed" and "content hash" in made.seen().problem


def test_the_shipped_run_of_a_net_is_found(embedded):
    recorded = records.load_all(records.SHIPPED)
    task = live_runs.task_of(embedded, 20, "residual", seed=0)
    found = live_runs.shipped(recorded, task)
    assert found.net == "ResNet-20" and found.run.recipe.seed == 0
    assert found.run.images.name == "embedded"
    assert live_runs.shipped(recorded, live_runs.task_of(embedded, 20, width=4)) is None
    course = live_runs.course_of(found)
    assert course.whole and course.points[-1].step == course.task.updates == 1_200
