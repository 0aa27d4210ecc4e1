"""The explorer of runs: depth, shortcut and seed over training curves and layer responses.

Paper: Section 4.2; Figures 1, 6 and 7.
Notebook: notebooks/05_cifar.py, notebooks/06_layer_responses.py. Tests: tests/test_explorers.py.
"""

from collections.abc import Sequence
from statistics import mean, stdev

from resnet_lab import arms, records
from resnet_lab.explorers import run_charts
from resnet_lab.explorers.explorer import Choice, Explorer, Rows, Slider
from resnet_lab.findings import Finding
from resnet_lab.layer_responses import stored
from resnet_lab.records import Record

SHORTCUTS = (
    ("none", "none: a plain net"),
    ("A", "A: identity, zero padding"),
    ("B", "B: projection where shapes change"),
    ("C", "C: projection everywhere"),
)
ALL = "all"
IMAGES = {"cifar10": "CIFAR-10", "embedded": "embedded images"}
FIELDS = {
    "key": "set, kind, depth and shortcut, with a bar between: what the controls choose",
    "set": "scale and images of the run: quick is reduced (16x16, thin nets, few updates)",
    "kind": "basic, bottleneck, or what was changed in the net or its recipe",
    "net": "the paper's name of the net, with what is not the paper's behind it",
    "seed": "of weights and batches",
    "updates": "length of the training",
    "step": "updates done, one entry a point of the curve",
    "train_error": "%, mean over the augmented images since the point before",
    "test_error": "%, on all test images; null where it was not measured",
    "final_train_error": "%, the last of train_error",
    "final_test_error": "%, after the last update",
    "digest": "of the record in resnet_lab/records, by which `records.load` checks it",
    "std": "standard deviation of each 3x3 layer's response after BN, first layer first",
    "roles": "of each layer: s stem, i inside a residual branch, e its end, p plain",
    "images": "test images over which the responses were measured",
}


def explorer(found: Sequence[Record], measured: Sequence[Finding]) -> Explorer:
    """The page from records and from responses of the very weights of those records."""
    chosen = sorted(filter(in_scale, found), key=order)
    runs = [run_row(record) for record in chosen]
    looked_at = [finding for finding in measured if finding.lens == stored.LENS]
    responses = [response_row(*pair) for pair in stored.of_records(chosen, looked_at)]
    depths = tuple(sorted({record.run.net.depth for record in chosen}))
    start = depths.index(56) if 56 in depths else 0
    return Explorer(
        stem="explore_runs",
        title="Runs: take hold of depth, shortcut and seed",
        lead="Every curve here is a net that was trained, and every number is read from its "
        "record. Grey: the paper's other nets on the same images, and those of the chosen kind, "
        "mean over their seeds.",
        data={"runs": runs, "responses": responses},
        fields=FIELDS,
        controls=controls(chosen, runs, depths, start),
        charts=run_charts.charts(depths, sentences(runs), instead(runs), largest(responses)),
        status="training",
        note="Errors are those at the end, never the best ones on the way. Training error is "
        "counted while the net learns, over the images since the point before, so it can be the "
        "higher of the two. Layer responses are "
        "measured with the statistics that BN stored, over the test images; they were measured "
        "on the paper's nets only.",
    )


def controls(
    chosen: Sequence[Record], runs: Rows, depths: tuple[int, ...], start: int
) -> tuple[Choice | Slider, ...]:
    """Menus over what there are runs of, and the slider over depths."""
    sets = {set_of(record): set_words(record) for record in chosen}
    kinds = sorted({str(row["kind"]) for row in runs}, key=lambda kind: (kind != "basic", kind))
    seeds = sorted({row["seed"] for row in runs})
    beside = (("", "nothing"), *SHORTCUTS)
    return (
        Slider(name="depth", label="Depth", stops={"": tuple(map(str, depths))}, start={"": start}),
        Choice(name="shortcut", label="Shortcut", options=SHORTCUTS, start="none"),
        Choice(name="beside", label="Beside it, dashed", options=beside, start="A"),
        Choice(
            name="seed",
            label="Seed",
            options=((ALL, "all"), *((str(seed), str(seed)) for seed in seeds)),
            start=ALL,
        ),
        Choice(name="set", label="Images", options=tuple(sets.items()), start=next(iter(sets), "")),
        Choice(
            name="kind",
            label="Kind of net",
            options=tuple((kind, kind) for kind in kinds),
            start="basic",
        ),
        Choice(
            name="sorted",
            label="Responses",
            options=(("no", "in the order of the layers"), ("yes", "largest first")),
            start="no",
        ),
    )


def in_scale(record: Record) -> bool:
    """Whether `record` is an arm of one of the experiments, as it is today."""
    return record.scale != "own" and arms.arm_of(record.run, record.scale) is not None


def order(record: Record) -> tuple:
    """CIFAR-10 before embedded images, shallow before deep, seeds last."""
    return (set_of(record), *arms.arm_of(record.run, record.scale).order, record.run.recipe.seed)


def set_of(record: Record) -> str:
    """Scale and images in one word: "quick-cifar10"."""
    return f"{record.scale}-{record.run.images.name}"


def set_words(record: Record) -> str:
    """What the menu calls the set of a record."""
    size = record.run.images.size
    name = IMAGES[record.run.images.name]
    if record.scale == "paper":
        return f"{name}, the paper's scale"
    return f"{name}, reduced to {size}x{size}"


def kind_of(record: Record) -> str:
    """What is not one of the paper's CIFAR nets about the net or its recipe; else "basic"."""
    arm = arms.arm_of(record.run, record.scale)
    words = ["bottleneck"] * arm.bottleneck + ["pre-activation"] * (arm.activation == "pre")
    return ", ".join(filter(None, [*words, arm.variant])) or "basic"


def key_of(record: Record) -> str:
    """What the controls choose: set, kind, depth and shortcut."""
    net = record.run.net
    return "|".join((set_of(record), kind_of(record), str(net.depth), net.shortcut))


def run_row(record: Record) -> dict[str, object]:
    """A run as the page holds it. Units: errors in percent."""
    points = record.curve
    return {
        "key": key_of(record),
        "set": set_of(record),
        "kind": kind_of(record),
        "net": arms.label_of(record),
        "seed": record.run.recipe.seed,
        "updates": record.run.recipe.steps,
        "final_train_error": record.final.train_error,
        "final_test_error": record.final.test_error,
        "digest": record.digest,
        "step": [point.step for point in points],
        "train_error": [point.train_error for point in points],
        "test_error": [point.test_error for point in points],
    }


def response_row(record: Record, finding: Finding) -> dict[str, object]:
    """The layer responses of a run as the page holds them."""
    return {
        "key": key_of(record),
        "set": set_of(record),
        "kind": kind_of(record),
        "net": arms.label_of(record),
        "seed": record.run.recipe.seed,
        "images": finding.settings["images"],
        "roles": finding.values["roles"],
        "std": finding.values["std"],
    }


def sentences(runs: Rows) -> dict[str, str]:
    """Key, and key and seed, -> where that net ended, in words."""
    groups: dict[str, Rows] = {}
    for row in runs:
        groups.setdefault(str(row["key"]), []).append(row)
    found = {}
    for key, rows in groups.items():
        ends = [
            spread([row[f"final_{which}_error"] for row in rows]) for which in ("train", "test")
        ]
        found[key] = (
            f"{rows[0]['net']} ends at {ends[0]} % training error and {ends[1]} % test error "
            f"(n = {len(rows)}; {length(rows[0])})"
        )
        for row in rows:
            found[f"{key}|{row['seed']}"] = (
                f"{row['net']} with seed {row['seed']} ends at {row['final_train_error']:.1f} % "
                f"training error and {row['final_test_error']:.1f} % test error "
                f"(n = 1; {length(row)})"
            )
    return found


def instead(runs: Rows) -> dict[str, str]:
    """Set and depth -> the nets that were run there, for who has chosen one that was not."""
    found: dict[str, list[str]] = {}
    for row in runs:
        images, _, depth, _ = str(row["key"]).split("|")
        found.setdefault(f"{images}|{depth}", []).append(str(row["net"]))
    return {key: "; ".join(dict.fromkeys(names)) for key, names in found.items()}


def length(row: dict[str, object]) -> str:
    """How long a run was: a newcomer must see beside each error that it is a reduced one."""
    reduced = "" if str(row["set"]).startswith("paper") else "reduced to "
    return f"{reduced}{row['updates']:,} updates"


def largest(responses: Rows) -> dict[str, float]:
    """Key, and key and seed -> the largest response of any of its nets."""
    found: dict[str, float] = {}
    for row in responses:
        for key in (str(row["key"]), f"{row['key']}|{row['seed']}"):
            found[key] = max(found.get(key, 0.0), *row["std"])
    return found


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation; of one value no spread."""
    return f"{mean(values):.1f}" + (f" ± {stdev(values):.1f}" if len(values) > 1 else "")


def shipped() -> tuple[list[Record], list[Finding]]:
    """Records and responses that ship with the package."""
    return records.load_all(records.SHIPPED), stored.load()
