"""Ours against the paper: like with like, and nothing where nothing was run."""

from dataclasses import fields, replace

import pytest
from conftest import record_of

from resnet_lab import tables
from resnet_lab.errors import InputError
from resnet_lab.experiments import recipe_at
from resnet_lab.recipe import Recipe


def test_a_row_gives_mean_spread_n_and_gap():
    row = tables.Comparison(
        net="ResNet-20", paper=8.75, source="Table 6", ours=(8.0, 9.0, 10.0), differs="bfloat16"
    ).row()
    assert row == "| ResNet-20 | 8.75 | Table 6 | 9.00 ± 1.00 (n=3) | +0.25 | bfloat16 |"


def test_a_reduced_run_is_not_subtracted_from_the_papers_number():
    row = tables.Comparison(net="n", paper=8.75, source="T", ours=(40.0,), differs="reduced: x")
    assert row.row() == "| n | 8.75 | T | 40.00 (n=1) | – | reduced: x |"


def test_a_single_run_shows_no_spread_and_no_run_no_number():
    one = tables.Comparison(net="ResNet-20", paper=8.75, source="Table 6", ours=(8.5,))
    none = tables.Comparison(net="ResNet-20", paper=8.75, source="Table 6", ours=())
    assert one.row() == "| ResNet-20 | 8.75 | Table 6 | 8.50 (n=1) | -0.25 |  |"
    assert "not run" in none.row()


def test_resnet_110_is_compared_with_the_mean_of_five_runs_not_with_the_best():
    assert tables.printed_error("ResNet-110")[0] == 6.61
    assert tables.printed_error("ResNet-56")[0] == 6.97
    assert tables.printed_error("plain-56")[0] is None  # the paper prints no number


def test_compare_takes_only_runs_of_that_scale_and_image_set():
    runs = [
        record_of(20, "A", test=40.0),
        record_of(20, "A", seed=1, test=99.0, images="embedded"),
        record_of(20, "A", seed=2, test=98.0, scale="paper"),
    ]
    (row,) = tables.compare(runs, ["ResNet-20"], "quick", "cifar10")
    assert row.ours == (40.0,) and "16x16" in row.differs


def test_an_experiment_is_written_as_a_figure_and_a_table(tmp_path):
    runs = [record_of(depth, "none") for depth in (20, 56)]
    picture, table = tables.write_experiment("figure_1", runs, "quick", "cifar10", tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "plain-56" in table.read_text() and "ResNet" not in table.read_text()


def test_an_experiment_without_runs_names_the_command(tmp_path):
    with pytest.raises(InputError, match="resnet-lab reproduce table_6 --scale paper"):
        tables.write_experiment("table_6", [], "paper", "cifar10", tmp_path)
    with pytest.raises(InputError, match="there is no experiment 'table_7'"):
        tables.write_experiment("table_7", [], "paper", "cifar10", tmp_path)


def test_a_run_of_an_older_recipe_is_not_averaged_with_those_of_today():
    old = record_of(20, "A", test=99.0)
    old = replace(old, run=replace(old.run, recipe=replace(old.run.recipe, warm_up=True)))
    (row,) = tables.compare([old, record_of(20, "A", test=40.0)], ["ResNet-20"], "quick", "cifar10")
    assert row.ours == (40.0,)


def test_the_last_column_names_all_that_the_quick_recipe_changes():
    quick, paper = recipe_at("quick", 20), Recipe()
    changed = {f.name for f in fields(Recipe) if getattr(quick, f.name) != getattr(paper, f.name)}
    assert changed == {"drops", "steps", "warm_up_steps", "pad", "log_every", "test_every"}
    words = tables.differs("quick", "embedded")
    for word in ("embedded data", "16x16", "width 8", "1,200 updates", "first 100 at rate 0.01"):
        assert word in words
    assert (
        "one drop at 1,000" in words and "no crops" in words
    )  # log and test points change nothing


def test_at_paper_scale_precision_and_warm_up_are_read_off_the_runs():
    exact = record_of(56, "none", scale="paper")
    fast = replace(exact, how=replace(exact.how, precision="bfloat16"))
    assert tables.differs("paper", "cifar10", [exact]) == ""
    assert tables.differs("paper", "cifar10", [fast]) == "products in bfloat16"
    plain_110 = record_of(110, "none", scale="paper")
    assert tables.differs("paper", "cifar10", [plain_110]) == "warm-up as for ResNet-110"
    assert tables.differs("paper", "cifar10", [record_of(110, "A", scale="paper")]) == ""


@pytest.mark.parametrize(
    "scale, images, says", [("foo", "cifar10", "scale must be"), ("quick", "mnist", "no data set")]
)
def test_a_scale_or_image_set_with_a_typo_is_refused(tmp_path, scale, images, says):
    with pytest.raises(InputError, match=says):
        tables.write_experiment("table_6", [], scale, images, tmp_path)


@pytest.mark.parametrize("name, panels", [("figure_6", 3), ("figure_1", 2), ("warm_up", 2)])
def test_each_experiment_has_its_figure(name, panels):
    runs = [record_of(depth, s) for depth in (20, 56, 110) for s in ("none", "A")]
    assert len(tables.draw(name, tables.runs_of(name, runs, "quick", "cifar10")).axes) == panels


def test_figure_6_is_written_although_no_1202_layer_run_exists(tmp_path):
    runs = [record_of(20, "A"), record_of(110, "A")]
    picture, table = tables.write_experiment("figure_6", runs, "quick", "cifar10", tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "| ResNet-1202 | 7.93 | Table 6 | not run |" in table.read_text()


def test_the_run_without_warm_up_stands_beside_footnote_5_and_not_beside_6_61():
    assert tables.printed_error("ResNet-110, no warm-up") == (
        None,
        "footnote 5 (no number printed)",
    )


def test_the_readme_has_a_row_for_every_reduced_run_and_for_all_of_table_6():
    warm = record_of(110, "A", test=41.0)
    recipe = replace(warm.run.recipe, warm_up_steps=0)
    cold = replace(warm, run=replace(warm.run, recipe=recipe))
    cifar10, embedded, paper = tables.readme([warm, cold, record_of(32, "none")]).split("\n\n**")
    rows = cifar10.splitlines()[-3:]
    assert [row.split(" | ")[0] for row in rows] == [
        "| plain-32",
        "| ResNet-110",
        "| ResNet-110, no warm-up",
    ]
    assert rows[-1].endswith("| reduced, see above, but no warm-up |")
    assert embedded.endswith("not run")
    for net in ("plain-20", "plain-110", "ResNet-44", "ResNet-1202"):
        assert f"| {net} |" in paper
    assert paper.count("not run") == paper.count("| not run | – |") == 12  # 5 + 6 + no warm-up
