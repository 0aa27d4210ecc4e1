"""Tables 7 to 12: the paper's numbers from paper.yaml, ours from records, "not run" between."""

from dataclasses import replace

import pytest
from detection_records import fake, fake_test, fakes

from resnet_lab import paper
from resnet_lab.detection import comparisons, result_tables
from resnet_lab.detection.comparisons import collect
from resnet_lab.detection.config import DetectorConfig


def rows(text: str) -> dict[str, list[str]]:
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in text.splitlines()]
    assert len({len(row) for row in cells}) == 1, "every row has as many cells as the head"
    return {row[0]: row[1:] for row in cells}


def test_tables_7_and_8_without_runs_are_the_papers():
    found = rows(result_tables.tables_7_and_8())
    assert found["VGG-16"] == [f"{v}, not run" for v in (73.2, 70.4, 41.5, 21.2)]
    assert found["ResNet-101"] == [f"{v}, not run" for v in (76.4, 73.8, 48.4, 27.2)]


def test_only_whole_sets_and_the_papers_backbones_stand_in_tables_7_and_8():
    record = fake("residual", 0)
    images = replace(record.run.images, name="coco", train="t", test="s")
    run = replace(record.run, config=DetectorConfig(), images=images)
    whole = replace(record, run=run, final=replace(record.final, coco=26.4))
    part = replace(whole, run=replace(run, images=replace(images, test="s[:100]")))
    found = rows(result_tables.tables_7_and_8([part, record, whole]))
    assert found["ResNet-101"][3] == "27.2, 26.4 (n=1)"
    assert found["VGG-16"][3] == "21.2, not run"


def test_backbones_by_hand():
    results = collect(fakes({"residual": [65, 67], "deep-plain": [40]}))
    found = rows(result_tables.backbones(results))
    assert found["ResNet-16"][2:] == ["66.0 ± 1.4 (n=2)", "41.0 ± 1.4 (n=2)", "65.0, 67.0"]
    assert found["plain-24"][1:] == ["24", "40.0 (n=1)", "15.0 (n=1)", "40.0"]
    assert found["plain-16"][2:] == ["not run", "not run", "–"]
    assert "embedded: drawn scenes" in result_tables.backbones(results)


def test_training_has_a_row_for_every_arm():
    found = rows(result_tables.training(collect(fakes({"live-bn": [50.0]}))))
    assert found["ResNet-16, live BN"] == ["50.0 (n=1)", "25.0 (n=1)", "27.0 (n=1)"]
    assert found["ResNet-16, RoIPool"] == ["not run"] * 3


def test_table_9_keeps_the_papers_rows_and_blanks():
    records = fakes({"residual": [60, 62], "context": [61, 62, 63], "shallow": [58]})
    tests = [
        fake_test("box refinement", records[:1], 61.0, 40.0),
        fake_test("+ ensemble", records[2:5], 75.0, 50.0),
    ]
    found = rows(result_tables.table_9(collect(records, tests)))
    assert list(found)[2].startswith("baseline VGG-16")
    own = ["61.0 (n=1)", "40.0 (n=1)"]
    assert found["+ box refinement"] == ["49.9", "29.9", "–", "–", *own]
    assert found["+ multi-scale testing"] == ["53.8", "32.5", "55.7", "34.9"] + ["not run"] * 2
    assert found["ensemble"] == ["–", "–", "59.0", "37.4", "75.0 (n=1)", "50.0 (n=1)"]


def test_differences_give_intervals_by_hand():
    """t(1) = 12.706: 2 ± 12.706 x 1.414 / 1.414."""
    records = fakes({"residual": [60, 60]})
    tests = [
        fake_test("voting alone", records[:1], 61.0, 35.0),
        fake_test("voting alone", records[1:], 63.0, 35.0),
    ]
    results = collect(records, tests)
    text = result_tables.differences(comparisons.steps(results), results)
    assert rows(text)["voting alone"] == [
        "one scale",
        "weights",
        "+2.0 ± 1.4 (n=2)",
        "-10.7 to +14.7",
        "+0.0 ± 0.0 (n=2)",
        "+0.0 to +0.0",
        "–",
    ]
    assert "nothing is measured yet" in result_tables.differences([], results)
    assert result_tables.interval([1.0]) == "–"


@pytest.mark.parametrize("number", [10, 11])
def test_tables_10_and_11_are_whole(number):
    found = rows(result_tables.voc_classes(number))
    assert len(found) == 2 + 2 + 20  # head, line, data, mAP, classes
    assert found["mAP"][1] == str(paper.value(f"tables.table{number}.baseline_resnet101.map"))
    assert found["bottle"][0] == {10: "52.1", 11: "49.8"}[number]
    assert all(cells[-1] in ("not run", "–", "ours", "---") for cells in found.values())


def test_table_12():
    found = rows(result_tables.table_12())
    assert found["ResNet-101, three models"] == ["63.6", "62.1", "not run"]
    assert found["GoogLeNet (ILSVRC'14)"] == ["–", "43.9", "not run"]
