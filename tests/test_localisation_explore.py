"""What the notebook shows: its functions at the ends of every control, its figures' words."""

import pytest
import torch

from resnet_lab.errors import InputError
from resnet_lab.localisation import explore, figures, record, tables, testing, widgets
from resnet_lab.localisation.explore import CLASSES


@pytest.fixture(scope="module")
def one():
    return explore.shown(4, *explore.nets())


def titles(figure):
    return [ax.get_title() for ax in figure.axes]


class TestExplore:
    def test_the_best_box_of_a_map_is_the_first_candidate_at_that_scale(self, one):
        chances, anchor, box = explore.objectness(one, one.own)
        assert chances.shape == (9, 9) and 0 <= chances.min() <= chances.max() <= 1
        assert anchor.shape == box.shape == (4,) and 0 <= box.min() <= box.max() <= 72

    def test_the_threshold_leaves_the_best_proposals(self, one):
        every = explore.proposals(one, one.own)
        some = explore.proposals(one, one.own, float(every.scores[2]))
        assert len(some.boxes) == 3 and torch.equal(some.boxes, every.boxes[:3])
        assert len(explore.proposals(one, one.own, 1.0).boxes) == 1

    def test_a_judged_proposal_is_that_of_the_test_pipeline(self, one):
        given, after = explore.best_by_rcnn(one)
        made = [explore.judged(one, one.own, k + 1) for k in range(len(given.boxes))]
        best = max(made, key=lambda m: m.rcnn)
        torch.testing.assert_close(best.after, after.boxes[0], atol=1e-3, rtol=1e-3)
        assert made[0].rpn == pytest.approx(float(given.scores[0]))
        assert best.warped.shape == (3, 64, 64)

    def test_each_class_has_a_score_and_an_overlap(self, one):
        found = explore.best_overlaps(one)
        assert tuple(found) == CLASSES
        assert all(0 <= value <= 1 for pair in found.values() for value in pair)
        assert found[one.own][1] >= 0.5, "the image of the notebook is one that works"

    @pytest.mark.parametrize("number", [0, 100])
    def test_a_proposal_that_there_is_not_is_said(self, one, number):
        with pytest.raises(InputError, match="there are proposals 1 to"):
            explore.judged(one, one.own, number)

    def test_a_class_that_there_is_not_is_said(self, one):
        with pytest.raises(InputError, match="not 'boat'"):
            explore.objectness(one, "boat")

    def test_a_view_is_shown_in_its_own_colours(self, one):
        (view,) = testing.views.test_views(one.size, one.rpn.config, "centre")
        assert torch.equal(explore.seen(one, view), one.image[:, 4:68, 4:68])


class TestFigures:
    @pytest.mark.parametrize("name", [CLASSES[0], CLASSES[-1]])
    def test_a_class(self, one, name):
        figure = figures.class_view(one, name)
        assert titles(figure)[1].startswith(f'"is a {name} here?"')
        assert len(figure.axes[2].patches) == 3

    def test_all_classes_and_all_views(self, one):
        names = titles(figures.all_classes(one))
        assert [name.split()[0] for name in names] == list(CLASSES)
        assert sum("it is one" in name for name in names) == 1
        assert len(figures.protocols(one).axes) == 1 + len(one.rpn.config.scales)

    @pytest.mark.parametrize("threshold", [0.0, 0.95])
    def test_proposals(self, one, threshold):
        figure = figures.proposal_view(one, one.own, threshold)
        assert f"score {threshold:.2f} or more" in titles(figure)[0]

    def test_crops_at_both_ends(self, one):
        for number in (1, len(explore.proposals(one, one.own).boxes)):
            names = titles(figures.crop_view(one, one.own, number))
            assert names[0].startswith(f"proposal {number} for {one.own}")

    def test_pictures_have_no_ticks_to_lay_out(self, one):
        """Unseen ticks cost a slider half of its redraw."""
        for ax in figures.crop_view(one, one.own, 1).axes:
            assert not ax.axison and not len(ax.get_xticks()) and not len(ax.get_yticks())

    def test_proposals_are_made_once_for_all_positions_of_a_slider(self, one, monkeypatch):
        first = explore.proposals(one, one.own)
        monkeypatch.setattr(explore.testing, "propose", None)  # a second call would raise
        few = explore.proposals(one, one.own, 0.9)
        assert torch.equal(first.boxes[: len(few.boxes)], few.boxes)

    def test_learning_has_two_lines_a_run_and_the_cost_of_not_knowing(self):
        runs = tables.comparable(record.load_all(record.SHIPPED))
        for ax, stage in zip(figures.learning(runs).axes, ("rpn", "rcnn"), strict=True):
            assert len(ax.lines) == 2 * len(runs) + 1
            assert ax.lines[-1].get_ydata()[0] == pytest.approx(0.6931, abs=1e-4)  # log 2
            for k in range(len(runs)):
                steps = [point.step for point in runs[k].curves[stage]]
                assert list(ax.lines[k].get_xdata()) == steps
        assert [len(ax.lines) for ax in figures.learning([]).axes] == [1, 1]

    def test_the_stack_says_what_is_embedded_and_what_was_not_run(self):
        figure = figures.stack(record.load_all(record.SHIPPED))
        assert titles(figure) == ["paper, ImageNet validation", "embedded, reduced scale"]
        words = [text.get_text() for text in figures.stack([]).axes[1].texts]
        assert words == [" not run"] * 6


@pytest.mark.parametrize(
    "make, controls",
    [
        (widgets.class_explorer, 1),
        (widgets.proposal_explorer, 2),
        (widgets.crop_explorer, 1),
    ],
)
def test_every_control_can_be_moved_to_its_ends(one, make, controls):
    box = make(one)
    row = box.children[0].children
    assert len(row) == controls
    for control in row:
        ends = getattr(control, "options", None) or (control.min, control.max)
        for value in (ends[0], ends[-1]):
            control.value = value
    errors = [out for out in box.children[1].outputs if out["output_type"] == "error"]
    assert not errors


def test_the_shipped_weights_are_small():
    files = list((record.SHIPPED / "localisation" / "weights").iterdir())
    assert len(files) == 2 and sum(path.stat().st_size for path in files) < 2e6
