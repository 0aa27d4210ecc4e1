"""Tables as printed; ours only from results on the whole validation set."""

import json

import pytest

from resnet_lab import imagenet_tables, paper
from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe
from resnet_lab.imagenet_tables import markdown, results, rows


def result(folder, name="a", **changes):
    fields = {
        "net": "ResNet-50",
        "weights": ["mine.safetensors"],
        "protocol": {"name": "10-crop"},
        "top1": 22.5,
        "top5": 6.5,
        "images": 49_999,
        "classes": 1000,
        "broken_files": ["val/x.JPEG"],
        "paper": {"top1": 22.85, "top5": 6.71, "place": "Table 3"},
        "differs": ["1 broken files left out"],
    }
    path = folder / "imagenet" / "evaluations" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(fields | changes))


@pytest.mark.parametrize("table, count, ours", [(2, 4, 4), (3, 10, 7), (4, 10, 5), (5, 6, 1)])
def test_all_rows_are_there_and_nothing_was_run(table, count, ours):
    found = rows(table)
    assert len(found) == count and sum(row.ours for row in found) == ours
    body = markdown(table).splitlines()[2:]
    assert sum("not run" in line for line in body) == ours


def test_numbers_and_dashes_are_the_papers():
    line = next(line for line in markdown(3).splitlines() if line.startswith("| ResNet-34 C"))
    assert line.startswith("| ResNet-34 C | 24.19 | 7.40 | not run | not run |")
    assert "| GoogLeNet | – | 9.15 | – | – |" in markdown(3)
    value = paper.value("tables.table5.resnet_ilsvrc15")
    assert f"| ResNet (ILSVRC'15) | {value:.2f} | not run |" in markdown(5)


@pytest.mark.parametrize("where", ["out", "out/records"])
def test_a_result_comes_into_its_row_and_no_other(tmp_path, where):
    result(tmp_path / "out")
    found = results(tmp_path / where)
    changed = [line for line in markdown(3, found).splitlines() if "22.50" in line]
    assert len(changed) == 1
    assert changed[0].startswith(
        "| ResNet-50 | 22.85 | 6.71 | 22.50 | 6.50 | mine.safetensors; 1 b"
    )
    assert all(markdown(n, found) == markdown(n) for n in (2, 4, 5))


@pytest.mark.parametrize(
    "changes",
    [
        {"images": 120, "classes": 6},  # a drawn look-alike
        {"images": 10_000},
        {"classes": 999},
        {"protocol": {"name": "centre"}},
        {"paper": {"top1": None, "top5": None, "place": "not in the paper"}},
    ],
)
def test_other_results_come_into_no_table(tmp_path, changes):
    result(tmp_path, **changes)
    found = results(tmp_path)
    assert len(found) == 1
    assert all(markdown(n, found) == markdown(n) for n in (2, 3, 4, 5))


def test_table_2_takes_the_result_that_names_table_3(tmp_path):
    result(tmp_path, paper={"top1": 25.03, "top5": 7.76, "place": "Table 3"})
    found = results(tmp_path)
    assert "| ResNet-34 | 25.03 | 22.50 |" in markdown(2, found)
    assert "| ResNet-34 A | 25.03 | 7.76 | 22.50 |" in markdown(3, found)


def test_an_ensemble_says_that_its_images_are_others(tmp_path):
    printed = {"top1": None, "top5": 3.57, "place": "Table 5"}
    result(tmp_path, weights=["a", "b"], paper=printed)
    text = markdown(5, results(tmp_path))
    assert "| 6.50 | a, b; on the validation set, not the test set;" in text
    assert markdown(3, results(tmp_path)) == markdown(3)


def test_a_file_that_is_no_result_is_named(tmp_path):
    result(tmp_path)
    (tmp_path / "imagenet" / "evaluations" / "b.json").write_text("{}")
    with pytest.raises(InputError, match="b.json is no result"):
        results(tmp_path)


def test_the_recipes_differ_where_they_differ():
    lines = {line.split("|")[1].strip(): line for line in imagenet_tables.recipes().splitlines()}
    assert "| 600,000 | 64,000 |" in lines["updates"]
    assert lines["momentum"].endswith("| 0.9 | the same |")
    assert "not in the paper" in lines["warm-up"]


def test_the_rule_is_said_with_the_recipes_numbers():
    said = imagenet_tables.rule(ImageNetRecipe(patience=7, min_gain=0.25))
    assert "7 in a row" in said and "0.25 points" in said
