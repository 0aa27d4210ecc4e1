"""Exercises accept every right answer, name the usual wrong ones, and never stop a notebook.

The right answers here are worked out by hand; the package computes its own.
"""

import ast
import copy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from resnet_lab import exercises, imagenet, lesion, zeros
from resnet_lab.blocks import Block, make_shortcut
from resnet_lab.errors import InputError
from resnet_lab.exercises.kinds import Choice, Number
from resnet_lab.exercises.reading import Unreadable, number, numbers
from resnet_lab.resnet import ResNet, cifar

check = exercises.check
ROLES = "s" + "fe" * 54  # first layer; then a first layer and a branch end in each block
PROPOSALS = [(0.9, 0.5, 0.70), (0.7, 0.8, 0.80), (0.1, 0.9, 0.20), (0.6, 0.6, 0.95)]
GIVEN = {
    "stretched-to-110": {"at_20": 47.31},
    "points-of-110": {"roles": ROLES},
    "branch-ends-of-110": {"roles": ROLES},
    "std-of-response": {"gamma": (1, -2, 0.5), "beta": (0, 1, 5)},
    "scores-of-1000": {"anchors": 9},
    "offsets-of-1000": {"anchors": 9},
    "both-like": {"products": PROPOSALS},
}


@pytest.fixture(scope="module")
def patient():
    """ResNet-20 with three blocks a stage, and errors that stand for a measurement."""
    net = ResNet(cifar(20, width=2)).eval()
    names = tuple(f"{stage}.{block}" for stage in (1, 2, 3) for block in (1, 2, 3))
    errors = {(): 30.0, ("2.3",): 41.5, ("2.4",): 38.0}
    return SimpleNamespace(net=net, blocks=names, error=lambda removed=(): errors[tuple(removed)])


def given(name, patient):
    makes = exercises.every()[name].make
    takes = makes.__code__.co_varnames[: makes.__code__.co_argcount]
    return {"patient": patient} if "patient" in takes else GIVEN.get(name, {})


class TestReading:
    @pytest.mark.parametrize(
        "answer",
        [
            97216,
            97216.0,
            np.int64(97216),
            torch.tensor(97216),
            torch.tensor([97216]),
            Fraction(97216),
            "97216",
            "97,216",
            "97 216",
            "97_216",
            "97,216 parameters",
            "97.216k",
            " 97216 ",
            "2 * (9*16**2 + 2*16) + 2*(9*32² + 2*32) + 2 × (9 x 64^2 + 2 x 64)",
        ],
    )
    def test_one_value_in_many_forms(self, answer):
        assert number(answer) == pytest.approx(97216)

    @pytest.mark.parametrize(
        "text, value",
        [
            ("3.86e9", 3.86e9),
            ("3.8 billion", 3.8e9),
            ("83.3 %", 83.3),
            ("1/3", 1 / 3),
            ("-2", -2),
            ("0.85M", 850_000),
        ],
    )
    def test_text_with_factors_and_signs(self, text, value):
        assert number(text) == pytest.approx(value)

    @pytest.mark.parametrize(
        "answer",
        [
            True,
            [],
            [1, 2],
            {},
            object(),
            "",
            "many",
            "1/0",
            "9**9**9",
            "__import__('os')",
            "1 if 2 else 3",
            "(1).real",
            float("nan"),
            float("inf"),
            torch.ones(2),
            "1.2.3",
            b"3",
            len,
        ],
    )
    def test_what_is_no_number_is_said(self, answer):
        with pytest.raises(Unreadable):
            number(answer)

    def test_several_numbers_keep_their_order(self):
        for answer in (
            [1, 2.5],
            (1, 2.5),
            torch.tensor([1, 2.5]),
            "1, 2.5",
            "(1; 2.5)",
            "1 and 2.5",
        ):
            assert numbers(answer) == [1, 2.5]
        with pytest.raises(Unreadable, match="order matters"):
            numbers({1, 2})


class TestKinds:
    def test_rounded_answers_count_where_the_exercise_says_so(self):
        judge = Number(value=1.163, hint="h", within=0.01)
        assert judge.judge(1.16) == "right" and judge.judge(1.2).startswith("too large")

    def test_percent_and_share_say_the_same(self):
        judge = Number(value=83.3, hint="h", percent=True, within=0.01)
        assert [judge.judge(a) for a in (83.3, 0.833, "83.3 %")] == ["right"] * 3
        assert Number(value=0.8, hint="h", percent=True).judge(80) == "right"

    @pytest.mark.parametrize("answer", ["B", "b", "option B", "It is B!"])
    def test_a_choice_goes_by_words(self, answer):
        judge = Choice(options={"A": (), "B": ()}, right="B", usual={"A": "no"})
        assert judge.judge(answer) == "right"

    @pytest.mark.parametrize(
        "answer, says", [("A or B", "choose one"), ("not A", "what it is"), ("D", "choose one")]
    )
    def test_a_choice_must_be_made(self, answer, says):
        judge = Choice(options={"A": (), "B": ()}, right="B", usual={"A": "no"})
        assert says in judge.judge(answer)


def silent(option="A", **words):
    return zeros.silence(Block(64, 64, 1, shortcut=option)).eval()


def projecting():
    block = silent("C")
    torch.nn.init.dirac_(block.shortcut[0].weight)
    return block


def quiet(shortcut="A"):
    """A block of 16 channels whose last BN returns zero."""
    block = Block(16, 16, 1, shortcut=shortcut).eval()
    torch.nn.init.zeros_(block.residual[-1][-1].weight)
    return block


def doubling():
    block = Block(16, 16, 1).eval()
    for conv in (m for m in block.residual.modules() if isinstance(m, torch.nn.Conv2d)):
        torch.nn.init.dirac_(conv.weight)
    return block


def padded(before):
    shortcut = make_shortcut("A", 64, 128, 2)
    shortcut.before, shortcut.after = before, 64 - before
    return shortcut


def rate(step, start=400, drops=(32_000, 48_000), high=0.1):
    return 0.01 if step < start else high / 10 ** sum(step >= drop for drop in drops)


def own_nms(boxes, scores, threshold):
    """The textbook loop, in plain Python."""
    left, stay = sorted(range(len(scores)), key=lambda k: -float(scores[k])), []
    while left:
        stay.append(left.pop(0))
        left = [
            k for k in left if overlap(boxes[stay[-1]].tolist(), boxes[k].tolist()) <= threshold
        ]
    return stay


def overlap(a, b):
    wide, high = (max(0, min(a[k + 2], b[k + 2]) - max(a[k], b[k])) for k in (0, 1))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return wide * high / (sum(areas) - wide * high)


SURE = [[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]]
MACS = 56 * 56 * (256 * 64 + 64 * 9 * 64 + 64 * 256)
PROJECTIONS = (56**2 * 64 * 256, 28**2 * 256 * 512, 14**2 * 512 * 1024, 7**2 * 1024 * 2048)
WIDTHS = (64, 128, 256)

# name: right answers in several forms, then usual wrong ones with words of what is said
CASES = {
    "depth-of-n-9": (
        [56, "56", 6 * 9 + 2, "6 x 9 + 2"],
        {54: "first layer", 55: "missing", 83: "bottleneck", 27: "blocks"},
    ),
    "n-of-1202": (
        [200, (1202 - 2) / 6],
        {600: "three stages", 1202 / 6: "take the first", 1200 / 9: "9n", 400: "layers"},
    ),
    "depth-as-expression": (
        ["6n + 2", "6*n+2", "depth = 2 + 6 * n", lambda n: 6 * n + 2, "2*(3n+1)"],
        {
            "9n + 2": "bottleneck",
            "6n": "have weights",
            "3n + 2": "two layers",
            "2n+2": "three stages",
            "7n": "wrong at 1",
        },
    ),
    "error-of-resnet-56": (
        [6.97, "6.97 %"],
        {8.75: "ResNet-20", 6.61: "mean of ResNet-110", 93.03: "accuracy", 7.93: "1202"},
    ),
    "experiment-of-table-6": (
        ["table_6", "Table 6", "table 6"],
        {"figure_7": "Figure 7", "figure_6": "plain"},
    ),
    "six-more-layers": (
        [97_216, "97,216", sum(2 * (9 * c * c + 2 * c) for c in (16, 32, 64))],
        {
            48_608: "one layer a stage",
            96_768: "BN",
            96_992: "an offset",
            97_440: "no bias",
            90_000: "too small",
            99_000: "too large",
        },
    ),
    "stretched-to-110": (
        [47.31, "47.31 %", 47.312],
        {90: "guessing", 52.69: "accuracy", 50: "too large"},
    ),
    "do-nothing-block": ([quiet()], {}),
    "not-overfitting": (
        ["training error", "The training error.", "its error in training"],
        {
            "test error": "either case",
            "the gap": "no proof",
            "the number of parameters": "may overfit",
        },
    ),
    "option-b-on-34": (
        [173_824, sum(c * 2 * c + 2 * 2 * c for c in WIDTHS)],
        {
            172_032: "BN",
            172_928: "an offset",
            174_720: "bias",
            1_550_080: "not 3x3",
            1_092_992: "option C",
            919_168: "C adds to B",
            0: "option A",
        },
    ),
    "zeros-behind": (
        [padded(0), lambda x: torch.nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 64))],
        {},
    ),
    "identity-projection": ([projecting()], {}),
    "who-returns-x": (
        [["A", "B"], {"B", "A"}, "A and B", "b, a", ("option A", "option B")],
        {
            "A, B, C": "learn the identity",
            "A": "only where the shape",
            "B": "identity there",
            "A, B, none": "returns zero",
            "A, D": "no 'd'",
        },
    ),
    "bottleneck-by-hand": (
        [MACS, "218,365,952"],
        {
            2 * MACS: "2 FLOPs",
            MACS // 56**2: "one position",
            MACS // 56: "both directions",
            MACS + 56**2 * 256**2: "projection",
            2 * 56**2 * 64 * 9 * 64: "basic block",
            56**2 * 64 * 9 * 64: "3x3 layer alone",
            56**2 * 2**15: "3x3 is missing",
        },
    ),
    "saved-by-option-a": (
        [sum(PROJECTIONS), "359,661,568"],
        {
            2 * sum(PROJECTIONS): "2 FLOPs",
            sum(PROJECTIONS[1:]): "conv2_x",
            PROJECTIONS[0] + 4 * sum(PROJECTIONS[1:]): "smaller map",
            64 * 256 + 256 * 512 + 512 * 1024 + 1024 * 2048: "weights",
        },
    ),
    "resnet-200": (
        [
            replace(imagenet(152), blocks=(3, 24, 36, 3)),
            replace(imagenet(50), blocks=(3, 30, 30, 3)),
        ],
        {},
    ),
    # conv3_1, conv4_1, conv5_1: the first 1x1 on 4 times the positions, so 3 more of each
    "stride-3x3": (
        [
            3 * (28**2 * 256 * 128 + 14**2 * 512 * 256 + 7**2 * 1024 * 512),
            4_089_184_256 - 3_857_973_248,
            "0.231e9",
        ],
        {
            4_089_184_256: "all of it",
            462_422_016: "2 FLOPs",
            0: "parameters stay",
            4_089_184_256 - 3.8e9: "rounded print",
        },
    ),
    "windows-at-640": (
        [196, 14 * 14],
        {400: "places", 169: "one more", 14: "row", 417**2: "every pixel", 4: "overlap"},
    ),
    "times-256": ([49, 196 / 4], {6.25: "areas", 196: "divide", 2.5: "sides"}),
    "seen-by-all-five": (
        [192**2, "36,864"],
        {224**2: "one crop", 192: "one side", 160**2: "not 64", 0: "as large", 256**2: "two crops"},
    ),
    "outvoted": (
        [SURE, torch.tensor(SURE), np.array(SURE), [[1, 0], [0.45, 0.55], [0.45, 0.55]]],
        {},
    ),
    "parts-of-a-batch": ([4, 256 // 64], {16: "one device", 64: "16 at a time"}),
    "updates-a-pass": (
        [1_281_167 / 256, 5004, 5005],
        {1_281_167 / 128: "CIFAR-10", 40_036.5: "eight devices", 1_281_167: "images"},
    ),
    "added-by-option-b": (
        [2752, 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64],
        {2560: "BN", 2656: "an offset", 2848: "bias", 23_232: "not 3x3", 0: "option A"},
    ),
    "parameters-of-56-b": (
        [855_770, "855,770 parameters"],
        {853_018: "option A", 2752: "what B adds", 853_018 + 9 * 2752: "two places"},
    ),
    "best-of-five": (
        [1.163, 1.16, 1.17, "1.163"],
        {
            -1.163: "positive",
            0.186: "points",
            2.326: "range",
            1.539: "best of ten",
            0.564: "best of two",
        },
    ),
    "epochs-of-45k": (
        [182.04, 182, 64_000 * 128 / 45_000],
        {163.84: "50,000", 64 / 45: "a batch", 351.56: "one epoch", 364.1: "ImageNet"},
    ),
    "points-of-110": ([109], {110: "classifier", 108: "first layer", 54: "ends"}),
    "branch-ends-of-110": (
        [54],
        {109: "all points", 108: "second", 55: "no block", 18: "one stage"},
    ),
    "std-of-response": (
        [2.533, (1.75 + 14 / 3) ** 0.5],
        {
            6.4167: "root",
            1.3229: "different means",
            2.1602: "around its own",
            1.1667: "not deviations",
            3.483: "variances add",
        },
    ),
    "nets-needed": ([4], {3: "0.050", 8: "both sides", 1: "as likely"}),
    "anchors-at-600x1000": (
        [9 * 38 * 63, "21,546"],
        {
            38 * 63: "places",
            9 * 37 * 62: "rounded up",
            3 * 38 * 63: "ratios",
            9 * 600_000: "pixels",
            36 * 38 * 63: "offsets",
            300: "kept",
        },
    ),
    "anchors-at-96": (
        [1296],
        {144: "places", 324: "stride of 16", 108: "row", 9 * 96 * 96: "pixels"},
    ),
    "iou-half-shared": (
        [1 / 3, 0.333, "1/3", 8 / 24],
        {0.5: "one box", 0.25: "twice", 8: "shared area", 0.667: "rest"},
    ),
    "iou-three-quarters-shared": (
        [0.6, 12 / 20],
        {0.75: "one box", 0.375: "twice", 12: "shared area", 0.4: "rest"},
    ),
    "who-survives-nms": (
        [[0, 2], {2, 0}, (2, 0), torch.tensor([0, 2]), np.array([0, 2]), "0 and 2", [0.0, 2.0]],
        {"0, 1, 2": "stronger", "0": "box 1 is gone", "2": "strongest", "7": "choose from"},
    ),
    "ap-by-hand": (
        [250 / 3, 0.8333, "83.3 %", 83.33],
        {66.667: "all detections", 50: "end of the list", 84.848: "11-point"},
    ),
    "box-vote": (
        [
            [1.2 / 1.8, 0, 10 + 1.2 / 1.8, 10 + 0.6 / 1.8],
            (0.667, 0, 10.667, 10.333),
            torch.tensor([0.667, 0, 10.667, 10.333]),
        ],
        {
            (2 / 3, 0, 32 / 3, 32 / 3): "weights",
            (1.2, 0, 19.2, 18.6): "divide",
            (4 / 3, 0, 34 / 3, 32 / 3): "kept box",
            (0, 0, 10, 10): "before",
            (0.667, 0, 10.667): "4 numbers",
            (0.667, 0, 10.333, 10.667): "another order",
            (0.667, 1, 10.667, 10.333): "number 2",
        },
    ),
    "two-scales": (
        [(32, 64), [64, 32], {32, 64}, "32 and 64", torch.tensor([32, 64])],
        {"64, 96": "at 96", "64, 128": "twice", "64": "two adjacent", "50, 60": "choose from"},
    ),
    "each-net-alone": (
        [[1, 1, 2], (1, 1, 2), "1, 1, 2"],
        {(2, 2, 3): "from 0", (1, 1): "3 numbers", (2, 1, 1): "another order"},
    ),
    "the-ensemble": ([2, "2"], {1: "vote", 3: "from 0"}),
    "scores-of-1000": (
        [9000, "9,000"],
        {
            18_000: "not two",
            1000: "one anchor",
            1009: "multiply",
            9009: "background",
            36_000: "offsets",
            72: "eight",
        },
    ),
    "offsets-of-1000": (
        [36_000],
        {36: "all classes", 4000: "one anchor", 9000: "scores", 288: "eight"},
    ),
    "just-right": ([6, "6 pixels", int(20 / 3)], {10: "0.33", 7: "too far", 20 / 3: "whole"}),
    "both-like": ([0.80, "80 %", 80], {0.95: "best proposal", 0.70: "RPN's", 0.20: "R-CNN's"}),
    "step-that-hurts": (
        ["predicted classes", "the guessed classes", "classification"],
        {
            "R-CNN": "looks again",
            "ensemble": "helps",
            "the RPN": "fit better",
            "dense testing": "more",
        },
    ),
    "gradient-of-a-plain-chain": (
        [1e-10, "0.1 ** 10", "0.1^10"],
        {1.0: "not added", 0.1: "one block", 2.5937: "residual", 0: "not zero"},
    ),
    "gradient-of-a-residual-chain": (
        [2.594, 1.1**10, "1.1 ** 10"],
        {2: "more than one", 1: "of its own", 1e-10: "plain"},
    ),
    "paths-left": (
        [2**26, 67_108_864, "2^26"],
        {2**27: "before", 2**54: "not a layer", 26: "blocks", 54: "multiply", 1: "plain"},
    ),
    "silenced-block": ([41.5, "41.5 %"], {30.0: "whole net", 38.0: "2.4", 58.5: "accuracy"}),
}

# what can only be built, beside the right ones above
BUILT_WRONG = {
    "do-nothing-block": [
        (lambda: doubling(), "twice"),
        (lambda: quiet("none"), "plain block"),
        (lambda: quiet().train(), "eval"),
        (lambda: torch.nn.Identity(), "another module"),
        (lambda: lambda x: x, "the block itself"),
        (lambda: quiet("C"), "what must F be"),
    ],
    "zeros-behind": [
        (lambda: padded(32), "in front"),
        (lambda: padded(64), "all zeros"),
        (lambda: make_shortcut("A", 64, 64, 2), "128 channels"),
        (lambda: (0, 64), "a shortcut"),
    ],
    "identity-projection": [
        (lambda: silent("C"), "which 64 x 64"),
        (lambda: projecting().train(), "eval"),
        (lambda: silent("A"), "take option C"),
        (lambda: silent("none"), "plain block"),
        (lambda: Block(64, 64, 1, shortcut="C").eval(), "F is not zero"),
        (lambda: torch.eye(64), "a block"),
    ],
    "resnet-200": [
        (lambda: replace(imagenet(152), blocks=(3, 24, 37, 3)), "66 blocks"),
        (lambda: imagenet(152), "Table 1"),
        (lambda: replace(imagenet(34), blocks=(3, 60, 33, 3)), "basic blocks"),
        (lambda: (3, 24, 36, 3), "configuration"),
        (lambda: torch.nn.ReLU(), "its configuration"),
    ],
    "outvoted": [
        (lambda: [[0.9, 0.1], [0.9, 0.1], [0.1, 0.9]], "swap"),
        (lambda: [[0.6, 0.4], [0.1, 0.9], [0.1, 0.9]], "surer"),
        (lambda: [[9, 1], [4, 6], [4, 6]], "sum to 1"),
        (lambda: [[0.9, 0.4, 0.4], [0.1, 0.6, 0.6]], "turn it round"),
        (lambda: [0.9, 0.4], "three nets"),
        (lambda: "sure", "TypeError"),
    ],
    "rate-of-110": [
        (lambda: lambda s: rate(s, drops=(32_400, 48_400)), "does not restart"),
        (lambda: lambda s: rate(s, high=0.01, start=0), "never ends"),
        (lambda: lambda s: rate(s, start=0), "without a warm-up"),
        (lambda: lambda s: rate(s, start=401), "number 399"),
        (lambda: lambda s: rate(s, drops=(32_001, 48_001)), "already has the lower"),
        (lambda: lambda s: 0.1, "wrong at 0"),
        (lambda: lambda s: s / 0, "ZeroDivisionError"),
        (lambda: 0.1, "a function"),
    ],
    "nms": [
        (lambda: lambda b, s, t: sorted(own_nms(b, s, t)), "comes first"),
        (lambda: lambda b, s, t: [int(s.argmax())], "alone"),
        (lambda: lambda b, s, t: s.argsort(descending=True).tolist(), "only sorts"),
        (lambda: lambda b, s, t: [0], "in one of the cases"),
        (lambda: lambda b: b, "TypeError"),
    ],
}


@pytest.mark.parametrize("name", CASES)
class TestEach:
    def test_right_answers_in_several_forms(self, name, patient):
        for answer in CASES[name][0]:
            assert check(name, answer, **given(name, patient)) == "right", answer

    def test_usual_wrong_answers_are_named(self, name, patient):
        for answer, words in CASES[name][1].items():
            said = check(name, answer, **given(name, patient))
            assert said.startswith("not yet: ") and words in said, (answer, said)

    def test_every_wrong_value_it_knows_is_wrong_and_reachable(self, name, patient):
        """No sentence is hidden behind the right answer or behind another sentence."""
        judge = exercises.every()[name].make(**given(name, patient))
        if isinstance(judge, Number):
            for value, sentence in judge.usual:
                assert judge.judge(float(value)) == sentence


@pytest.mark.parametrize("name", BUILT_WRONG)
def test_usual_mistakes_in_what_is_built_are_named(name, patient):
    for make, words in BUILT_WRONG[name]:
        said = check(name, make(), **given(name, patient))
        assert said.startswith("not yet: ") and words in said, said


def test_functions_are_tried_on_inputs_and_not_by_their_text():
    assert check("rate-of-110", rate) == "right"
    assert check("rate-of-110", lambda step: np.float64(rate(step))) == "right"
    assert check("nms", own_nms) == "right"
    assert check("nms", lambda b, s, t: torch.tensor(own_nms(b, s, t))) == "right"


def test_a_stub_that_returns_none_is_not_answered_yet():
    assert check("rate-of-110", lambda step: None) == "not answered yet"
    assert check("nms", lambda boxes, scores, threshold: None) == "not answered yet"


def test_a_plan_of_lesions(patient):
    whole = list(range(9))
    for gone, words in (
        ((4, 5), ""),
        ((3, 4, 5), "it stays"),
        ((7, 8), "stage 3"),
        ((1, 2), "stage 1"),
        ((), "nothing"),
    ):
        plan = tuple(None if k in gone else k for k in whole)
        said = check("plan-without-stage-2", plan, patient=patient)
        assert (said == "right") if not words else words in said
    assert (
        check("plan-without-stage-2", lesion.without(patient.net, range(4, 6)), patient=patient)
        == "right"
    )


NONSENSE = [
    object(),
    "",
    "?",
    [],
    {},
    set(),
    b"1",
    len,
    int,
    float("nan"),
    True,
    3 + 4j,
    [None],
    torch.empty(0),
    np.zeros((2, 2)),
    Path("x"),
    SimpleNamespace(),
    -1e308,
    "∞",
    (1, "a"),
]


@pytest.mark.parametrize("name", exercises.every())
def test_nonsense_gets_a_sentence_and_no_traceback(name, patient):
    words = given(name, patient)
    assert check(name, None, **words) == "not answered yet"
    for answer in NONSENSE:
        said = check(name, copy.copy(answer), **words)
        assert said.startswith("not yet: ") and 12 < len(said) < 250, (answer, said)
        assert "0x" not in said and "\n" not in said, said


def test_an_unknown_name_is_told_its_neighbours():
    with pytest.raises(InputError, match="did you mean 'six-more-layers'"):
        check("six-more-layer", 1)
    with pytest.raises(InputError, match="no exercise 3"):
        check(3, 1)


def test_every_exercise_is_tested_here_and_every_chapter_has_some():
    tested = {*CASES, *BUILT_WRONG, "plan-without-stage-2"}
    assert tested == set(exercises.every())
    chapters = [e.chapter for e in exercises.every().values()]
    assert all(chapters.count(number) >= 2 for number in range(11))
    assert all(e.question.endswith((".", "?")) for e in exercises.every().values())


def test_answers_are_computed_and_not_typed():
    """No judge gets its value as a plain number."""
    typed = []
    for path in (Path(exercises.__file__).parent).glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in ("Number", "Numbers"):
                typed += [
                    path.name
                    for word in call.keywords
                    if word.arg in ("value", "values")
                    and isinstance(word.value, ast.Constant | ast.Tuple | ast.List)
                ]
    assert typed == []
