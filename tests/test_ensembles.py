"""Averages and votes by hand; members are the recorded weights, and no others."""

import pytest
import torch
from conftest import mini_dataset

from resnet_lab import data, ensembles, records
from resnet_lab.ensembles import Member
from resnet_lab.errors import InputError
from resnet_lab.style import sheet

SHIPPED = records.load_all(records.SHIPPED)
LABELS = torch.tensor([0, 0, 1, 1])
# of the first image one net is sure and right, two are unsure and wrong
SCORES = (
    [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.4, 0.6]],
    [[0.4, 0.6], [0.8, 0.2], [0.6, 0.4], [0.1, 0.9]],
    [[0.4, 0.6], [0.8, 0.2], [0.3, 0.7], [0.8, 0.2]],
)


def three() -> list[Member]:
    record, found = SHIPPED[0], []
    for rows in SCORES:
        scores = torch.tensor(rows)
        found.append(Member(record=record, scores=scores, error=ensembles.wrong(scores, LABELS)))
    return found


def test_averages_and_votes_by_hand():
    members = three()
    assert [one.error for one in members] == [0, 50, 50]
    assert ensembles.of_votes(members, LABELS) == 25  # the first image is outvoted
    assert ensembles.of_scores(members, LABELS) == 0
    assert {n: len(e) for n, e in ensembles.by_size(members, LABELS).items()} == {1: 3, 2: 3, 3: 1}


def test_the_sentence_and_the_table_say_gain_and_spread():
    members = three()
    said = ensembles.gains(members, LABELS)
    assert "33.33 points below" in said and "0.00 below the best" in said and "50.00" in said
    lines = ensembles.table(members, LABELS).splitlines()
    assert "| 33.33 ± 28.87 |" in lines[-3] and "25.00" in lines[-2] and "0.00" in lines[-1]


def test_one_net_is_no_ensemble():
    with pytest.raises(InputError, match="two runs or more"):
        ensembles.table(three()[:1], LABELS)


@pytest.mark.parametrize("images", ["embedded", "cifar10"])
def test_three_seeds_ship_and_they_are_one_net(images):
    pairs = ensembles.with_weights(SHIPPED, images, [records.SHIPPED])
    assert [record.run.recipe.seed for record, _ in pairs] == [0, 1, 2]
    assert len({(record.run.net, record.run.images) for record, _ in pairs}) == 1


def test_weights_that_are_not_the_records_are_left_out(tmp_path):
    (record, path), *_ = ensembles.with_weights(SHIPPED, "embedded", [records.SHIPPED])
    other = records.path_of(tmp_path, "quick", record.run).with_suffix(".safetensors")
    other.parent.mkdir()
    other.write_bytes(path.read_bytes()[:-1] + b"x")
    assert ensembles.with_weights([record], "embedded", [tmp_path]) == []
    found = ensembles.with_weights([record], "embedded", [tmp_path, records.SHIPPED])
    assert found == [(record, path)]


def test_members_are_measured_as_evaluate_measures():
    dataset = data.load(name="embedded")
    (pair, *_) = ensembles.with_weights(SHIPPED, "embedded", [records.SHIPPED])
    (member,) = ensembles.members([pair], dataset)
    assert member.error == pytest.approx(pair[0].final.test_error, abs=0.005)
    assert torch.allclose(member.scores.sum(1), torch.ones(len(dataset.test_labels)))


def test_a_part_of_the_images_is_their_beginning():
    (pair, *_) = ensembles.with_weights(SHIPPED, "cifar10", [records.SHIPPED])
    whole, part = (ensembles.members([pair], mini_dataset(), most=n)[0] for n in (None, 30))
    assert torch.allclose(whole.scores[:30], part.scores, atol=1e-6)


def test_the_figure_has_a_dot_for_every_ensemble():
    _, (ax,) = sheet(1)
    ensembles.draw(ax, three(), LABELS)
    assert [len(line.get_xdata()) for line in ax.lines] == [3, 3, 3, 1]
