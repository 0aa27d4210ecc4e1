"""A finding of this lens: measured on the very weights, over the stated images, stored once."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from resnet_lab import data, experiments, findings, records, reproduce, trained
from resnet_lab.errors import InputError
from resnet_lab.layer_responses import measure, shown, stored
from resnet_lab.layer_responses.stored import Choice

SHIPPED = records.load_all(records.SHIPPED)
FOUND = stored.load()


@pytest.fixture(scope="module")
def embedded():
    whole = data.load(name="embedded")
    return whole


@pytest.fixture(scope="module")
def record():
    with_files = trained.with_weights(SHIPPED)
    return next(
        r
        for r, _ in with_files
        if (r.net, r.run.images.name, r.run.recipe.seed) == ("plain-20", "embedded", 0)
    )


@pytest.fixture(scope="module")
def made(record, embedded, tmp_path_factory):
    out, told = tmp_path_factory.mktemp("made"), []
    choice = Choice(images=40)
    few = stored.measure_missing(
        [record], embedded, [records.SHIPPED], out, choice, tell=told.append
    )
    return out, few, told, choice


def test_it_is_what_measure_says_of_the_first_images_to_six_digits(record, embedded, made):
    _, (finding,), _, _ = made
    ready = stored.prepared.prepare(embedded, record.run.images)
    net = trained.load(record)
    own = measure(net, stored.views(ready.test_images[:40], ready.mean))
    assert finding.values["std"] == pytest.approx(own.std, rel=1e-5)
    assert finding.values["roles"] == "p" * 19
    assert finding.settings["images"] == 40 and finding.settings["batch"] is None


def test_what_is_stored_is_not_measured_twice(record, embedded, made):
    out, (finding,), told, choice = made
    assert len(told) == 1 and "plain-20, seed 0" in told[0]
    assert findings.load_all(stored.LENS, out) == [finding]
    again = stored.measure_missing([record], embedded, [records.SHIPPED], out, choice)
    assert again == []


def test_weights_that_are_not_here_are_left_out(record, embedded, tmp_path):
    assert stored.missing([record], [], [tmp_path], Choice()) == []
    assert stored.missing([record], [], [records.SHIPPED], Choice()) == [record]


def test_a_finding_counts_for_its_weights_and_choice_only(record, made):
    _, (finding,), _, choice = made
    assert stored.of_records([record], [finding], choice) == [(record, finding)]
    other = replace(record, weights_sha256="00" * 32)
    assert stored.of_records([other], [finding], choice) == []
    for changed in (Choice(images=41), Choice(split="train"), Choice(bn="batch")):
        assert stored.of_records([record], [finding], changed) == []


def test_batch_statistics_are_named_with_their_batch(record, embedded):
    ready = stored.prepared.prepare(embedded, record.run.images)
    choice = Choice(bn="batch", images=30, batch=10)
    finding = stored.of_record(record, ready, [records.SHIPPED], choice)
    assert (finding.settings["bn"], finding.settings["batch"]) == ("batch", 10)


@pytest.mark.parametrize("choice", [{"split": "validation"}, {"images": 0}])
def test_wrong_choices(choice):
    with pytest.raises(InputError):
        Choice(**choice)


class TestShipped:
    """What ships: whole, of the shipped records, by committed code, and small."""

    def test_every_finding_belongs_to_a_shipped_record_and_to_committed_code(self):
        known = {(r.run.hash, r.weights_sha256) for r in SHIPPED}
        assert FOUND and all((f.run.hash, f.weights_sha256) in known for f in FOUND)
        assert all(len(f.how.git) == 12 and f.how.device.startswith("cpu") for f in FOUND)

    def test_all_are_under_600_kb(self):
        files = list((findings.SHIPPED / stored.LENS).glob("*.json"))
        assert len(files) == len(FOUND) and sum(f.stat().st_size for f in files) < 600_000

    @pytest.mark.parametrize("images", ["cifar10", "embedded"])
    def test_every_current_quick_run_was_looked_at(self, images):
        mine = [
            r
            for r in SHIPPED
            if r.run.images.name == images and r.scale == "quick" and experiments.is_current(r)
        ]
        assert {r.run.net.depth for r in mine} == {20, 32, 44, 56, 110}
        assert len(stored.of_records(mine, FOUND)) == len(mine)

    def test_a_net_of_depth_d_has_d_minus_1_layers_of_3x3(self):
        for finding in FOUND:
            lengths = {len(finding.values[name]) for name in ("std", "channel_std", "roles")}
            assert lengths == {finding.run.net.depth - 1}

    def test_a_shipped_number_comes_out_again(self, record, embedded):
        (pair,) = stored.of_records([record], FOUND)
        ready = stored.prepared.prepare(embedded, record.run.images)
        finding = stored.of_record(record, ready, [records.SHIPPED], Choice())
        assert finding.values["std"] == pytest.approx(pair[1].values["std"], rel=1e-3)


def test_figure_7_of_takes_its_five_nets_and_the_papers_scale_first():
    pairs = shown.figure_7_of(SHIPPED, FOUND, "embedded")
    assert {record.net for record, _ in pairs} == {
        *("plain-20", "plain-56", "ResNet-20", "ResNet-56", "ResNet-110")
    }
    assert {record.run.images.name for record, _ in pairs} == {"embedded"}


def test_measuring_again_says_how_far_it_is_from_what_is_stored(embedded):
    pairs = shown.figure_7_of(SHIPPED, FOUND, "embedded")
    said = shown.measured_again(pairs, embedded, images=50)
    assert said.startswith("ResNet-20, seed 0, measured again over 50 test images of embedded data")
    elsewhere = replace(embedded, content_hash="other")
    assert "nothing was measured again" in shown.measured_again(pairs, elsewhere)


def test_the_choices_that_the_paper_leaves_open_side_by_side():
    rows = shown.choices_table(SHIPPED, FOUND, "cifar10").splitlines()
    assert len(rows) == 2 + 5 and "statistics of each batch" in rows[0]
    assert "not measured" in shown.choices_table(SHIPPED, FOUND, "cifar10", seed=1)
    with pytest.raises(InputError, match="reproduce figure_7"):
        shown.choices_table(SHIPPED, [], "cifar10")


def test_origin_says_that_the_numbers_are_stored_and_by_which_code():
    pairs = shown.figure_7_of(SHIPPED, FOUND, "cifar10")
    said = stored.origin(pairs)
    assert said.startswith(f"Stored responses of {len(pairs)} nets, measured on CIFAR-10 by")
    assert Path(records.SHIPPED).exists()


def test_reproduce_measures_what_has_weights_and_no_finding(
    record, embedded, tmp_path, monkeypatch
):
    small = replace(embedded, test_images=embedded.test_images[:30])
    steps = SimpleNamespace(out=tmp_path, scale="quick", dataset=small)
    told = SimpleNamespace(print=lambda text, **rest: lines.append(text))
    lines = []
    monkeypatch.setattr(stored, "load", lambda *folders: [])
    reproduce.measure_responses(steps, [record], told)
    (finding,) = findings.load_all(stored.LENS, tmp_path / "records" / "findings")
    assert finding.run == record.run and len(lines) == 1
    reproduce.measure_responses(steps, [record], told)
    assert len(lines) == 1
