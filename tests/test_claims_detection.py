"""Claims about detection: their verdicts follow from records, and what was not run says so."""

from dataclasses import replace

import pytest
from detection_records import fake, fake_test, fakes

from resnet_lab import claims
from resnet_lab.claims import detection
from resnet_lab.claims.detection import Evidence
from resnet_lab.detection import comparisons, tested
from resnet_lab.detection.config import DetectorConfig


def evidence(records, tests=()) -> Evidence:
    return Evidence(records=records, results=comparisons.collect(records, tests))


def rows(records, tests=()):
    found = claims.ledger([], detectors=evidence(records, tests))
    return {row.id: row for row in found if row.id.startswith(("4.3", "A-", "B-"))}


def test_without_records_only_the_net_itself_is_judged():
    found = rows([])
    assert found.pop("A-shared-layers").verdict == "seen"
    assert {row.verdict for row in found.values()} == {"not run"}
    assert all("resnet-lab" in row.why for row in found.values())
    assert {row.id for row in claims.ledger([])} >= set(found)


@pytest.mark.parametrize(
    "residual, shallow, verdict",
    [
        ([66, 65, 67], [60, 61, 59], "seen"),
        ([60, 61, 59], [66, 65, 67], "not seen"),
        ([66, 61, 64], [63, 66, 62], "undecided"),
        ([66], [60], "undecided"),  # single runs must differ by 4 sqrt(2) 3 = 17 points
        ([80], [60], "seen"),
    ],
)
def test_better_nets(residual, shallow, verdict):
    found = rows(fakes({"residual": residual, "shallow": shallow}))
    row = found["4.3-better-nets-residual"]
    assert row.verdict == verdict and row.scale.startswith("embedded") and row.n == len(residual)
    assert found["4.3-better-nets-deep-residual"].verdict == "not run"
    assert "+6.9 at .5, +6.0 at [.5,.95]" in row.paper  # Table 8 by hand: 48.4 - 41.5, 27.2 - 21.2


def stack(gains: dict[str, float]):
    """Records and tests in which each way is better by so many points than the one before."""
    records = fakes({"residual": [60, 62, 64], "context": [61, 63, 65]})
    by_arm = {arm: records[i : i + 3] for arm, i in (("residual", 0), ("context", 3))}
    noise, tests, level = [-0.1, 0.0, 0.1], [], 0.0
    for name, gain in gains.items():
        level += gain
        option = tested.OPTIONS[name]
        own, base = by_arm[option.arm], by_arm["residual"]
        if option.ensemble:
            tests.append(fake_test(name, own, 62 + level, 37 + level))
            continue
        for k in range(3):
            voc, coco = base[k].final.voc + level, base[k].final.coco + level
            tests.append(fake_test(name, own[k : k + 1], voc + noise[k], coco + noise[k]))
    return records, tests


def test_appendix_b_all_seen():
    found = rows(*stack({"box refinement": 2, "+ context": 1, "+ multi-scale": 3, "+ ensemble": 4}))
    verdicts = {id: row.verdict for id, row in found.items() if id.startswith("B-")}
    assert set(verdicts.values()) == {"seen"} and len(verdicts) == 4
    assert found["B-box-refinement"].ours == "mAP@.5 +2.00; mAP@[.5,.95] +2.00"
    assert "about 1 point" in found["B-context"].paper
    assert "+3.3 at .5, +2.5 at [.5,.95]" in found["B-ensemble"].paper  # 59.0 - 55.7, 37.4 - 34.9


def test_appendix_b_other_signs():
    found = rows(
        *stack({"box refinement": -2, "+ context": 0.0, "+ multi-scale": 3, "+ ensemble": 1})
    )
    assert found["B-box-refinement"].verdict == "not seen"
    assert found["B-context"].verdict == "undecided"
    assert found["B-ensemble"].verdict == "undecided"  # above the mean, not above the best


def test_a_single_seed_decides_nothing_and_half_a_step_is_not_run():
    record = fake("residual", 0)
    tests = [fake_test("box refinement", [record], 70.0, 50.0)]
    found = rows([record], tests)
    assert found["B-box-refinement"].verdict == "undecided"
    assert found["B-context"].verdict == found["B-ensemble"].verdict == "not run"


def on(name: str, config: DetectorConfig, metric: str, value: float):
    record = fake("residual", 0)
    images = replace(record.run.images, name=name)
    return replace(
        record,
        run=replace(record.run, config=config, images=images),
        final=replace(record.final, **{metric: value}),
    )


def test_voc_and_coco_are_judged_from_records_on_them_only():
    deep, shallow = DetectorConfig(), DetectorConfig(backbone="vgg16")
    pair = [on("voc07+12", deep, "voc07", 97.0), on("voc07+12", shallow, "voc07", 70.0)]
    pair += [on("coco", deep, "coco", 27.2), on("coco", shallow, "coco", 21.2)]
    found = rows(pair)
    assert found["A-voc-gain"].verdict == "seen" and found["A-voc-gain"].scale == "paper (VOC 2007)"
    assert found["4.3-coco-gain"].verdict == "seen" and found["4.3-coco-gain"].ours == 28.3
    head = [
        replace(r, run=replace(r.run, images=replace(r.run.images, train="t[:8]"))) for r in pair
    ]
    assert rows(head)["4.3-coco-gain"].verdict == "not run"  # a trial run proves nothing
    assert rows(pair[:1])["A-voc-gain"].verdict == "not run"


def test_the_rules_are_said_in_words():
    assert "paired by seed" in claims.rule() and f"{detection.ONE_RUN:g} points" in claims.rule()
