"""A finding of lesions holds what the slow way gives, and says what it was measured on."""

from dataclasses import replace

import pytest
from conftest import mini_job

from resnet_lab import data, findings, lesion, lesion_runs, records, train
from resnet_lab.errors import InputError
from resnet_lab.prepared import prepare
from resnet_lab.resnet import cifar
from resnet_lab.runner import Engine, Job, train_run


@pytest.fixture(scope="module")
def done(mini, tmp_path_factory):
    """A record of a 20-layer net that was trained for a few updates, and where its weights are."""
    out = tmp_path_factory.mktemp("lesion")
    job = mini_job()
    job = Job(run=replace(job.run, net=cifar(20, width=4)), scale="own")
    record = train_run(job, mini, out, Engine())
    return record, [out / "records"], prepare(mini, job.run.images)


def test_a_finding_goes_to_disk_and_holds_what_whole_passes_give(done, tmp_path, monkeypatch):
    record, folders, prepared = done
    monkeypatch.setattr(lesion_runs, "DRAWN_IMAGES", 30)
    found = lesion_runs.look(record, prepared, folders)
    assert findings.load(findings.save(found, tmp_path)) == found
    net = lesion_runs.trained.load(record, folders)
    view = lesion_runs.view_of(prepared)
    plans = lesion.singles(net)
    assert found.values["single"] == lesion.errors_by_whole_passes(net, view, plans)
    assert found.values["whole"] == [record.final.test_error] == [view(net)]
    assert found.settings["images"] == 100 and found.settings["drawn_images"] == 30
    assert found.values["drops"] == [0, 1, 2, 3, 4, 6]  # 7 of the 9 blocks keep their shape
    few = lesion_runs.view_of(prepared, 30)
    again = lesion.errors_by_whole_passes(net, few, lesion.draws(net, 3, lesion_runs.DRAWS, 0))
    assert found.values["drop_errors"][3] == again
    assert found.values["drop_errors"][0] == found.values["swap_errors"][0] == [few(net)] * 5
    assert found.values["swap_taus"][0] == [1.0] * 5
    again = lesion.errors_by_whole_passes(net, few, lesion.swaps(net, 4, lesion_runs.DRAWS, 0))
    assert found.values["swap_errors"][3] == again


def test_new_bn_statistics_are_another_finding(done):
    record, folders, prepared = done
    found = lesion_runs.look(record, prepared, folders, bn="estimated", images=40)
    assert found.settings == {"split": "test", "images": 40, "bn": "estimated", "bn_images": 1000}
    assert len(found.values["single"]) == 9 and set(found.values) == {"whole", "single"}
    net = lesion_runs.trained.load(record, folders)
    by_hand = train.SingleView(
        images=prepared.test_images[:40], labels=prepared.test_labels[:40], mean=prepared.mean
    )
    one = lesion.Lesioned(net, lesion.singles(net)[4])
    lesion.bn_statistics.estimate(one, lesion_runs.bn_batches(prepared))
    assert found.values["single"][4] == by_hand(one)


def test_mistakes_are_one_sentence(done, tmp_path):
    record, folders, prepared = done
    with pytest.raises(InputError, match="beside its record"):
        lesion_runs.look(record, prepared, [tmp_path])
    with pytest.raises(InputError, match="running or estimated"):
        lesion_runs.look(record, prepared, folders, bn="batch")


class TestWhatShips:
    FOUND = [f for lens in ("lesion", "signals") for f in findings.load_all(lens)]
    RECORDS = {record.run.hash: record for record in records.load_all(records.SHIPPED)}

    def test_every_finding_is_about_a_recorded_run_and_from_unchanged_code(self):
        assert self.FOUND
        for found in self.FOUND:
            record = self.RECORDS[found.run.hash]
            assert len(found.how.git) == 12, "made by code that was not committed"
            last = (found.values.get("updates") or [None])[-1]
            if found.lens == "lesion" or last == record.final.step:
                assert found.weights_sha256 == record.weights_sha256, found.stem
            if found.lens == "lesion" and found.settings["images"] in (4_000, 10_000):
                assert found.values["whole"] == [record.final.test_error]

    def test_a_stored_lesion_comes_out_again(self):
        found = next(
            f
            for f in self.FOUND
            if f.lens == "lesion" and f.run.net.depth == 20 and f.run.images.name == "embedded"
        )
        dataset = data.load(name="embedded")
        net = lesion_runs.trained.load(self.RECORDS[found.run.hash])
        view = lesion_runs.view_of(prepare(dataset, found.run.images))
        again = lesion.errors(net, view, lesion.singles(net)[6:8])
        # another processor may round one image of 4,000 to the other side
        assert again == pytest.approx(found.values["single"][6:8], abs=0.1)

    def test_they_are_small(self):
        for lens in ("lesion", "signals"):
            sizes = [path.stat().st_size for path in (findings.SHIPPED / lens).glob("*.json")]
            assert sum(sizes) < 300_000
