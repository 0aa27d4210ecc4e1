"""Differences are paired seed by seed, and only of results that share everything else."""

from statistics import mean

import pytest
from detection_records import fake, fake_test, fakes

from resnet_lab.detection import comparisons
from resnet_lab.detection.comparisons import collect, spread


def gains(results):
    return {(step.name, step.against): step for step in comparisons.steps(results)}


def test_pairs_by_hand():
    records = fakes({"residual": [60, 64], "context": [61, 66, 70]})
    tests = [
        fake_test("box refinement", [records[1]], 65.0, 42.0),
        fake_test("box refinement", [records[0]], 62.0, 38.0),
        fake_test("+ context", [records[3]], 67.5, 43.0),
    ]
    found = gains(collect(records, tests))
    step = found["box refinement", "one scale"]
    assert step.same_weights and step.at_50 == (2, 1) and step.at_50_95 == (3, 3)  # 38 - 35, 42-39
    assert step.paper == (1.5, 2.7)  # Table 9: 49.9 - 48.4, 29.9 - 27.2
    step = found["context alone", "one scale"]
    assert not step.same_weights and step.at_50 == (1, 2) and step.paper is None
    step = found["+ context", "box refinement"]  # only seed 1 has both
    assert step.at_50 == (2.5,) and step.paper == (1.2, 0.1)
    assert ("multi-scale", "one scale") not in found


def test_an_ensemble_is_held_against_each_of_its_nets():
    records = fakes({"residual": [60, 62, 64]})
    found = gains(collect(records, [fake_test("ensemble", records, 66.0, 41.0)]))
    step = found["ensemble", "each of its 3 nets"]
    assert step.at_50 == (6, 4, 2) and mean(step.at_50) == 66 - 62


def test_one_net_is_no_ensemble_of_itself():
    """The same weights tested in the same way are the same file; it must not count twice."""
    record = fake("context", 0)
    tests = [fake_test("+ multi-scale", [record], 70.0, 45.0)]
    assert collect([record], tests).ensembles == {}


def test_tests_of_other_weights_or_images_are_left_out():
    record = fake("residual", 0)
    stranger = fake_test("multi-scale", [fake("residual", 0, train="other")], 99.0, 99.0)
    assert gains(collect([record], [stranger])) == {}


def test_the_printed_step_of_the_ensemble_is_on_test_dev():
    assert comparisons.printed("+ ensemble", "+ multi-scale") == (3.3, 2.5)  # 59 - 55.7
    assert comparisons.printed("voting alone", "one scale") is None


@pytest.mark.parametrize(
    "values, sign, said",
    [
        ([], False, "not run"),
        ([65.04], False, "65.0 (n=1)"),
        ([1, 2, 3], True, "+2.0 ± 1.0 (n=3)"),
        ([-1, -1], True, "-1.0 ± 0.0 (n=2)"),
        ([-0.02], True, "+0.0 (n=1)"),
    ],
)
def test_spread_in_words(values, sign, said):
    assert spread(values, sign=sign) == said


def test_depths_of_the_arms():
    """1 + 2 x 7 + 1, 1 + 2 x 11 + 1 and 1 + 2 x 4 + 1 weighted layers."""
    assert [comparisons.layers(a) for a in ("plain", "deep-plain", "shallow")] == [16, 24, 10]


def test_nothing_is_known_without_records(tmp_path):
    found = comparisons.results_in([tmp_path])
    assert found.runs == {} and comparisons.steps(found) == [] and found.test_images == 0
