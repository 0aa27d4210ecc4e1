"""The explorers' data against the records and the nets, counted and read another way."""

import json
from dataclasses import replace
from statistics import mean

import pytest
import torch
from conftest import record_of
from detection_records import fake
from torch import nn

from resnet_lab import cost, paper, records
from resnet_lab.book import explorer_pages
from resnet_lab.claims.detection import Evidence
from resnet_lab.detection.config import DetectorConfig
from resnet_lab.explorers import comparison, explorer, nets, runs, runtime
from resnet_lab.imagenet_tables import Result
from resnet_lab.localisation import record as localisation_record
from resnet_lab.resnet import ResNet, cifar, imagenet
from resnet_lab.vgg import vgg


@pytest.fixture(scope="module")
def of_runs() -> explorer.Explorer:
    return runs.explorer(*runs.shipped())


@pytest.fixture(scope="module")
def of_nets() -> dict[str, dict]:
    return {row["key"]: row for row in nets.explorer().data["nets"]}


def strict(text: str) -> dict:
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_every_run_of_an_experiment_is_there_once_with_its_curve(of_runs):
    rows = of_runs.data["runs"]
    found = {record.digest: record for record in records.load_all(records.SHIPPED)}
    assert len({row["digest"] for row in rows}) == len(rows) > 90
    for row in rows:
        record = found[row["digest"]]
        assert row["step"] == [point.step for point in record.curve]
        assert row["test_error"] == [point.test_error for point in record.curve]
        assert row["final_test_error"] == record.final.test_error


def test_a_run_by_somebodys_own_recipe_is_no_experiment():
    own = replace(record_of(20, "none"), scale="own")
    assert runs.explorer([own], []).data["runs"] == []


def test_the_sentence_gives_mean_spread_and_number():
    rows = [runs.run_row(record_of(56, "none", seed=s, train=60.0 + s)) for s in range(3)]
    words = runs.sentences(rows)
    (key,) = {row["key"] for row in rows}
    assert words[key] == (
        "plain-56 ends at 61.0 ± 1.0 % training error and 63.0 ± 1.0 % test error "
        f"(n = 3; reduced to {rows[0]['updates']:,} updates)"
    )
    assert words[f"{key}|2"].startswith("plain-56 with seed 2 ends at 62.0 %")


def test_only_a_reduced_run_is_called_reduced():
    row = runs.run_row(record_of(20, "A", scale="paper"))
    assert runs.length(row) == f"{row['updates']:,} updates"


def test_who_chooses_what_was_not_run_is_told_what_was(of_runs):
    rows = of_runs.data["runs"]
    named = runs.instead(rows)
    assert set(named["quick-cifar10|164"].split("; ")) == {
        row["net"]
        for row in rows
        if row["key"].startswith("quick-cifar10|") and "164" in row["net"]
    }
    assert "quick-embedded|164" not in named


def test_responses_are_of_the_very_weights_of_a_run(of_runs):
    keys = {(row["key"], row["seed"]) for row in of_runs.data["runs"]}
    responses = of_runs.data["responses"]
    assert {(row["key"], row["seed"]) for row in responses} <= keys
    for row in responses:  # all 3x3 layers: every layer but the classifier
        assert len(row["std"]) == len(row["roles"]) == int(row["key"].split("|")[2]) - 1


@pytest.mark.parametrize(
    "key, config, side",
    [
        ("cifar|20|none", cifar(20, shortcut="none"), 32),
        ("cifar|110|A", cifar(110), 32),
        ("cifar|56|C", cifar(56, shortcut="C"), 32),
        ("bottleneck|164|B", cifar(164, shortcut="B", bottleneck=True), 32),
        ("imagenet|50|B", imagenet(50), 224),
        ("imagenet|34|none", imagenet(34, shortcut="none"), 224),
    ],
)
def test_totals_are_those_of_cost(of_nets, key, config, side):
    with torch.device("meta"):
        net = ResNet(config)
    assert of_nets[key]["parameters"] == cost.parameters(net)
    assert of_nets[key]["multiply_adds"] == cost.multiply_adds(net, (3, side, side))


def test_vgg_is_there_and_equals_cost(of_nets):
    with torch.device("meta"):
        net = vgg(19)
    assert of_nets["vgg|19|none"]["multiply_adds"] == cost.multiply_adds(net, (3, 224, 224))


def test_stages_add_up_to_the_net(of_nets):
    groups: dict[str, list] = {}
    for row in nets.explorer().data["stages"]:
        groups.setdefault(row["key"], []).append(row)
    assert groups.keys() == of_nets.keys()
    for key, stages in groups.items():
        for field in ("layers", "parameters", "multiply_adds"):
            assert sum(stage[field] for stage in stages) == of_nets[key][field], (key, field)


def test_table_1_and_section_4_2_shapes():
    stages = [row for row in nets.explorer().data["stages"]]
    of = {
        key: [(r["size"], r["channels"], r["blocks"]) for r in stages if r["key"] == key]
        for key in ("imagenet|50|B", "cifar|1202|A")
    }
    assert of["imagenet|50|B"][1:-1] == [(56, 256, 3), (28, 512, 4), (14, 1024, 6), (7, 2048, 3)]
    assert of["cifar|1202|A"][1:-1] == [(32, 16, 200), (16, 32, 200), (8, 64, 200)]


def test_a_shortcut_is_named_as_the_paper_does():
    class Block(nn.Module):
        shortcut = None

    assert nets.shortcut_of(Block()) == "none"
    carried = {
        row["key"].split("|")[2]: (row["carried"], row["repeated"])
        for row in nets.explorer().data["stages"]
        if row["key"].startswith("cifar|20|") and row["stage"] == "stage 2"
    }
    assert carried == {
        "none": ("none", "none"),
        "A": ("zero padding", "identity"),
        "B": ("projection", "identity"),
        "C": ("projection", "projection"),
    }


class TestComparison:
    def test_what_was_not_run_has_no_number_of_ours_and_says_what_it_takes(self):
        rows = comparison.explorer([]).data["rows"]
        missing = [row for row in rows if row["status"] == "not run"]
        assert len(missing) > 50
        assert all(row["ours"] is None and row["gap"] is None and row["why"] for row in missing)
        assert {row["status"] for row in rows} == {"not run", "counted"}

    def test_a_reduced_run_stands_beside_the_paper_without_a_gap(self):
        found = [record_of(20, "A", seed=s, test=30.0 + s) for s in range(2)]
        (row,) = [
            row for row in comparison.explorer(found).data["rows"] if row["status"] == "run reduced"
        ]
        assert (row["net"], row["ours"], row["n"]) == ("ResNet-20", 30.5, 2)
        assert row["paper"] == paper.value("tables.table6.resnet_20.error") and row["gap"] is None

    def test_a_run_at_the_papers_scale_has_a_gap(self):
        found = [record_of(20, "A", test=9.0, scale="paper")]
        (row,) = [row for row in comparison.explorer(found).data["rows"] if row["status"] == "run"]
        assert row["gap"] == pytest.approx(9.0 - 8.75) and row["spread"] is None and row["n"] == 1

    def test_a_result_on_imagenet_goes_into_its_row(self):
        one = Result(
            net="ResNet-50",
            weights=("w",),
            protocol="10-crop",
            top1=23.0,
            top5=6.8,
            images=50_000,
            whole=True,
            printed=(22.85, 6.71),
            differs=("stride in the 3x3",),
        )
        rows = comparison.explorer([], [one]).data["rows"]
        gaps = {row["measure"]: row["gap"] for row in rows if row["status"] == "run"}
        assert gaps == pytest.approx({"top-1 error": 0.15, "top-5 error": 0.09})

    def test_detectors_of_drawn_scenes_are_the_means_of_their_record_files(self):
        shown = comparison.explorer([], detectors=Evidence.of([records.SHIPPED])).data["rows"]
        shown = {row["net"]: row for row in shown if row["measure"] == "mAP@.5"}
        stems = ("plain-24_seed*", "plain-10_seed*")
        for stem, net in zip(stems, ("plain-24", "plain-10 (VGG's role)"), strict=True):
            files = sorted((records.SHIPPED / "detection").glob(f"{stem}/record.json"))
            values = [json.loads(path.read_text())["final"]["voc"] for path in files]
            assert len(values) >= 3 and shown[net]["n"] == len(values)
            assert shown[net]["ours"] == pytest.approx(sum(values) / len(values))
            assert shown[net]["paper"] is None and shown[net]["status"] == "run reduced"

    def test_a_detector_trained_on_voc_goes_into_table_7(self):
        one = fake("residual", 0)
        images = replace(one.run.images, name="voc07+12")
        run = replace(one.run, config=DetectorConfig(), images=images)
        final = replace(one.final, voc07=75.4)
        rows = comparison.explorer(
            [], detectors=Evidence(records=(replace(one, run=run, final=final),))
        ).data["rows"]
        (row,) = [row for row in rows if row["status"] == "run"]
        assert (row["place"], row["paper"], row["ours"]) == ("Table 7", 76.4, 75.4)
        assert row["gap"] == pytest.approx(-1.0)

    def test_localisers_stand_with_their_plain_twins(self):
        localised = localisation_record.load_all(records.SHIPPED)
        rows = comparison.explorer([], localised=localised).data["rows"]
        nets = [row["net"] for row in rows if row["measure"] == "localisation error" and row["n"]]
        assert "ResNet-16: + R-CNN" in nets and "plain-16: + R-CNN" in nets

    def test_every_row_is_printed_in_the_paper_file(self):
        printed = {
            leaf.value
            for path in paper.paths()
            if isinstance((leaf := paper.leaf(path)).value, int | float)
        }
        rows = comparison.explorer([]).data["rows"]
        numbers = [row["paper"] for row in rows if row["measure"] != "parameters"]
        assert {number for number in numbers if number is not None} <= printed


def test_every_field_is_explained_and_the_json_is_strict(of_runs):
    for one in (of_runs, nets.explorer(), comparison.explorer([])):
        found = strict(one.json())
        used = {field for rows in one.data.values() for row in rows for field in row}
        assert used <= one.fields.keys()
        assert found["fields"] == one.fields
        assert {name: found[name] for name in one.data} == one.data


def test_nan_is_no_json_and_markup_cannot_end_a_script():
    with pytest.raises(ValueError, match="not JSON compliant"):
        explorer.strict(float("nan"))
    assert json.loads(explorer.strict("</script>")) == "</script>"
    assert "</" not in explorer.strict("</script>")


def test_a_page_holds_the_very_text_of_its_file(of_runs, tmp_path):
    page = explorer_pages.write(of_runs, tmp_path, None, None).read_text(encoding="utf-8")
    data = (tmp_path / "data/explore_runs.json").read_text(encoding="utf-8")
    assert f'id="data">{data}</script>' in page and data == of_runs.json()


def test_every_chart_is_checked_vega_lite_without_an_address(of_runs):
    for chart in (*of_runs.charts, *nets.explorer().charts):
        text = json.dumps(chart.spec)
        assert '"url"' not in text
        assert text.count("https://") == 1  # the name of its schema


def test_the_runtime_says_what_it_is_and_under_which_licence():
    pytest.importorskip("vl_convert", reason="draws the explorers")
    text = runtime.source()
    head = text[:900]
    assert all(name in head for name in ("Vega ", "Vega-Lite ", "Vega-Embed ", "BSD 3-Clause"))
    assert runtime.versions()["Vega-Lite"] in head and 500_000 < len(text) < 2_000_000


def test_a_mean_over_seeds_is_what_the_sentence_says(of_runs):
    rows = [row for row in of_runs.data["runs"] if row["key"] == "quick-cifar10|basic|56|none"]
    expected = f"{mean(row['final_test_error'] for row in rows):.1f} ±"
    spec = of_runs.charts[0].spec
    (words,) = [p["value"] for p in spec["params"] if p["name"] == "sentences"]
    assert expected in words["quick-cifar10|basic|56|none"]
