import json

import pytest

from resnet_lab import paper


def test_a_leaf_says_what_the_paper_prints_and_where():
    leaf = paper.leaf("tables.table6.resnet_20.error")
    assert (leaf.value, leaf.source) == (8.75, "Table 6")  # as printed in Table 6
    assert (leaf.path, leaf.status) == ("tables.table6.resnet_20.error", "")


def test_every_path_of_the_file_can_be_read():
    assert len(paper.paths()) > 500
    for path in paper.paths():
        leaf = paper.leaf(path)
        assert leaf.source, path
        assert leaf.value is not None or leaf.status == paper.NOT_PRINTED, path


@pytest.mark.parametrize(
    "wrong, nearest",
    [
        ("tables.table6.resnet_20.eror", "tables.table6.resnet_20.error"),
        ("table6.resnet_56.error", "tables.table6.resnet_56.error"),
        ("tables.table6.resnet_110", "tables.table6.resnet_110.error_mean"),  # a group
        ("tables.table6.resnet_20.error.value", "tables.table6.resnet_20.error"),
        ("", "tables."),
        ("pitfalls.split", "."),  # text without a place is no fact of the paper
    ],
)
def test_a_wrong_path_names_the_nearest_ones(wrong, nearest):
    with pytest.raises(KeyError) as error:
        paper.leaf(wrong)
    said = str(error.value)
    assert repr(wrong) in said.replace('"', "'") and nearest in said


def test_a_value_the_paper_does_not_print_is_returned_with_its_status():
    leaf = paper.leaf("figures.figure1.curve_values")
    assert leaf.value is None and leaf.status == "not_in_paper"
    with pytest.raises(paper.NotInPaper, match="prints no value for figures.figure1.curve_values"):
        paper.value("figures.figure1.curve_values")


def test_changing_what_was_read_does_not_change_the_next_reading():
    paper.value("architecture.cifar.filters").append(128)
    assert paper.value("architecture.cifar.filters") == [16, 32, 64]  # Section 4.2


@pytest.mark.parametrize(
    "path, after, expected",
    [
        ("tables.table6.resnet_20.params", "", 270_000),
        ("tables.table6.highway_32.params", "", 1_250_000),
        ("figures.figure6.plain_110", "above", 60),
        ("recipes.cifar10.warm_up_110", "about", 400),
        ("recipes.cifar10.dataset", "CIFAR-10, ", 50_000),
        ("statements.over_1000_layers", "training error below", 0.1),
        ("statements.depth_vs_vgg", "layers,", 8),
        ("tables.table6.resnet_20.error", "", 8.75),
    ],
)
def test_numbers_within_a_sentence(path, after, expected):
    assert paper.number(path, after=after) == pytest.approx(expected)


def test_a_number_that_is_not_there_is_an_error():
    with pytest.raises(ValueError, match="no number after 'below'"):
        paper.number("figures.figure6.plain_110", after="below")


def test_the_package_ships_what_the_project_agreed_on():
    """Every value is text, a number or a list of them: what JSON can hold."""
    for path in paper.paths():
        json.dumps(paper.leaf(path).value, allow_nan=False)
