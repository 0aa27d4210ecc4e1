"""The records that ship: whole, of today's recipe, and what the issue asks of the embedded data."""

import hashlib
import os
from statistics import mean

import pytest

from resnet_lab import arms, data, evaluation, experiments, figures, records

REAL = os.environ.get("RESNET_LAB_TEST_CIFAR10")
SHIPPED = records.load_all(records.SHIPPED)
IMAGES = ("embedded", "cifar10")


def runs(images: str) -> list[records.Record]:
    """The quick runs of the paper's nets by the paper's rules."""
    return [
        r
        for r in SHIPPED
        if r.scale == "quick" and r.run.images.name == images and experiments.is_current(r)
    ]


def pairs(images: str) -> list[records.Record]:
    """Those of Figure 1 and their residual twins."""
    return [r for r in runs(images) if r.run.net.depth in (20, 56)]


def test_every_record_is_whole_of_todays_recipe_and_from_unchanged_code():
    assert SHIPPED
    for record in SHIPPED:
        assert arms.arm_of(record.run, record.scale), record.run.stem
        assert len(record.how.git) == 12, "made by code that was not committed"
        assert record.final.step == record.run.recipe.steps == record.curve[-1].step


@pytest.mark.parametrize("images", IMAGES)
def test_the_nets_of_a_figure_differ_in_nothing_but_the_net(images):
    traces = {tuple((p.step, p.lr) for p in record.curve) for record in runs(images)}
    contents = {record.run.images.content_hash for record in runs(images)}
    assert len(traces) == 1 and len(contents) == 1


@pytest.mark.parametrize("images", IMAGES)
def test_figure_6_plain_nets_end_higher_with_every_step_and_residual_ones_hardly(images):
    """At reduced scale the deepest residual net is behind, but by far less than the plain one."""
    ends = {
        kind: [
            mean(r.final.test_error for r in runs(images) if r.net == f"{kind}-{depth}")
            for depth in (20, 32, 44, 56, 110)
        ]
        for kind in ("plain", "ResNet")
    }
    assert ends["plain"] == sorted(ends["plain"])
    rises = {kind: ends[kind][-1] - ends[kind][0] for kind in ends}
    assert rises["ResNet"] < rises["plain"] / 4


def test_the_embedded_set_was_run_from_at_least_five_seeds():
    seeds = {(r.net, r.run.recipe.seed) for r in runs("embedded")}
    nets = ("plain-20", "plain-56", "ResNet-20", "ResNet-56")
    assert seeds >= {(net, seed) for net in nets for seed in range(5)}


@pytest.mark.parametrize("images", IMAGES)
def test_figure_1_the_deeper_plain_net_trains_worse_in_every_seed(images):
    _, plain = figures.depth_gaps(pairs(images), "plain")
    assert (plain[:, -1] > 0).all()


@pytest.mark.parametrize("images", IMAGES)
def test_the_residual_gap_is_a_small_fraction_of_the_plain_gap_and_closes(images):
    steps, plain = figures.depth_gaps(pairs(images), "plain")
    _, residual = figures.depth_gaps(pairs(images), "ResNet")
    assert residual[:, -1].mean() < plain[:, -1].mean() / 4
    largest = residual.mean(0)[: len(steps) // 2].max()
    assert residual[:, -1].mean() < largest / 2


def weights_of(record: records.Record):
    return records.path_of(records.SHIPPED, "quick", record.run).with_suffix(".safetensors")


@pytest.mark.parametrize("images", IMAGES)
def test_weights_ship_for_the_lenses_and_an_ensemble_and_are_those_of_their_records(images):
    shipped = [record for record in runs(images) if weights_of(record).exists()]
    names = {(record.net, record.run.recipe.seed) for record in shipped}
    assert names == {
        *((net, 0) for net in ("plain-20", "plain-56", "ResNet-20", "ResNet-56", "ResNet-110")),
        *(("ResNet-20", seed) for seed in (1, 2)),  # an ensemble
    }
    assert len(shipped) == len(names)
    for record in shipped:
        content = weights_of(record).read_bytes()
        assert hashlib.sha256(content).hexdigest() == record.weights_sha256


@pytest.mark.parametrize("images", IMAGES)
def test_the_weights_that_ship_give_the_error_of_their_record(images):
    """To the last digit; the embedded set can be drawn on every machine, CIFAR-10 may be absent."""
    if images == "cifar10" and not REAL:
        pytest.skip("RESNET_LAB_TEST_CIFAR10 names no unpacked CIFAR-10")
    dataset = data.load(REAL if images == "cifar10" else None, name=images)
    for record in runs(images):
        if weights_of(record).exists():
            net = evaluation.load_net(weights_of(record), record.run.net)
            error = evaluation.test_error(net, dataset, size=16)
            assert error == pytest.approx(record.final.test_error, abs=0.005), record.run.stem


def test_residual_nets_train_better_than_plain_ones():
    for images in IMAGES:
        for depth in (20, 56):
            plain, residual = (
                mean(r.final.train_error for r in runs(images) if r.net == f"{kind}-{depth}")
                for kind in ("plain", "ResNet")
            )
            assert residual < plain
