"""Dots where the results are, one a seed; what was not run is named; AP as the area drawn."""

import pytest
from detection_records import fake_test, fakes, seen

from resnet_lab.detection import comparisons, result_figures
from resnet_lab.detection.comparisons import collect
from resnet_lab.detection.evaluation import voc_map
from resnet_lab.detection.targets import detections


def words(figure) -> str:
    return " ".join(text.get_text() for ax in figure.axes for text in ax.texts)


def test_a_dot_a_seed_at_its_depth():
    results = collect(fakes({"residual": [65, 67, 66], "plain": [55, 56, 57], "shallow": [60]}))
    figure = result_figures.depth(results)
    ax = figure.axes[0]
    dots = [line.get_xydata().tolist() for line in ax.lines if line.get_linestyle() == "None"]
    assert [[10, 60]] in dots and [[16, 65], [16, 67], [16, 66]] in dots
    means = [line.get_xydata().tolist() for line in ax.lines if line.get_linestyle() == "-"]
    assert [[10, 60], [16, 56]] in means and [[16, 66]] in means
    assert "not run: plain-24, ResNet-24" in words(figure)
    assert "embedded" in figure.get_suptitle()


def test_without_records_all_is_named_as_not_run():
    figure = result_figures.depth(collect([]))
    assert all(name in words(figure) for name in ("plain-10", "plain-16", "ResNet-24"))


def test_gains_are_drawn_with_the_papers_beside_them():
    records = fakes({"residual": [60, 64]})
    tests = [
        fake_test("box refinement", [r], r.final.voc + k, r.final.coco + 2)
        for k, r in enumerate(records, 1)
    ]
    steps = comparisons.steps(collect(records, tests))
    figure = result_figures.gains(steps, "embedded")
    drawn = [line.get_xdata() for line in figure.axes[0].lines]
    assert list(drawn[0]) == [1, 2] and list(drawn[1]) == [1.5, 1.5]
    assert list(drawn[2]) == [1.5]  # Table 9
    assert "box refinement" in figure.axes[0].get_yticklabels()[0].get_text()
    assert "not run" in words(result_figures.gains([], "embedded"))


def test_precision_recall_of_a_perfect_and_a_blind_detector():
    target, names = seen().target, seen().classes
    perfect = detections(target.boxes, [0.9] * len(target), target.labels)
    view = result_figures.precision_recall(voc_map([perfect], [target], names))
    assert "is 100.0 %" in view.words
    view = result_figures.precision_recall(voc_map([detections([], [], [])], [target], names))
    assert "is 0.0 %" in view.words


def test_the_area_that_is_drawn_is_the_average_precision():
    """Right, wrong, right of two objects: 0.5 + 0.5 x 2/3."""
    target, names = seen().target, seen().classes
    label = int(target.labels[0])
    from resnet_lab.detection.targets import target as make

    truth = make([[0, 0, 9, 9], [20, 20, 29, 29]], [label] * 2, image_id="", size=(96, 96))
    boxes = [[0, 0, 9, 9], [50, 50, 59, 59], [20, 20, 29, 29]]
    result = voc_map([detections(boxes, [0.9, 0.8, 0.7], [label] * 3)], [truth], names)
    view = result_figures.precision_recall(result)
    (shade,) = view.figure.axes[0].collections
    x, y = shade.get_paths()[0].vertices.T
    area = abs(sum(x[i] * y[i - 1] - x[i - 1] * y[i] for i in range(len(x)))) / 2
    assert area == pytest.approx(0.5 + 0.5 * 2 / 3) and f"{100 * area:.1f} %" in view.words
