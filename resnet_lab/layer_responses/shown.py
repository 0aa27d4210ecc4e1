"""Which stored responses a chapter shows, how they depend on the choices, and one of them anew.

Paper: Figure 7, which names neither the images nor BN's mode.
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_responses_stored.py.
"""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from resnet_lab import data, experiments, prepared, records, trained
from resnet_lab.arms import label_of
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.layer_responses.figure import Pairs, by_net
from resnet_lab.layer_responses.stored import Choice, of_record, of_records
from resnet_lab.records import Record

NET = "ResNet-20"  # whose weights ship, and which is measured in seconds
CHOICES = {
    "test images, stored statistics": Choice(),
    "test images, statistics of each batch": Choice(bn="batch"),
    "training images, stored statistics": Choice(split="train"),
}


def figure_7_of(
    recorded: Sequence[Record], found: Sequence[Finding], images: str, choice: Choice | None = None
) -> list[tuple[Record, Finding]]:
    """The nets of Figure 7 with their responses: at the paper's scale where one is, else quick."""
    labels = {arm.label for arm in experiments.get("figure_7").arms}
    pairs = [
        (record, finding)
        for record, finding in of_records(recorded, found, choice)
        if record.run.images.name == images
        and label_of(record) in labels
        and experiments.is_current(record)
    ]
    full = [pair for pair in pairs if pair[0].scale == "paper"]
    return full or pairs


def measured_again(
    pairs: Pairs, dataset: data.Dataset, folders: Sequence[Path] = (), images: int | None = None
) -> str:
    """A sentence: ResNet-20 measured here and now beside what is stored on it.

    With `images` over so many only; then a difference is one of images.
    """
    places = [*folders, records.SHIPPED]
    fitting = [
        (record, finding)
        for record, finding in pairs
        if label_of(record) == NET
        and record.run.images.content_hash == dataset.content_hash
        and trained.weights_of(record, places)
    ]
    if not fitting:
        return f"No weights of {NET} on {dataset.label} are here, so nothing was measured again."
    record, finding = fitting[0]
    ready = prepared.prepare(dataset, record.run.images)
    now = of_record(record, ready, places, Choice(images=images))
    both = zip(now.values["std"], finding.values["std"], strict=True)
    gap = max(abs(a / b - 1) for a, b in both)
    return (
        f"{NET}, seed {record.run.recipe.seed}, measured again over {now.settings['images']:,} "
        f"test images of {dataset.label}: median std {median(now.values['std']):.4f}; no layer "
        f"differs from the stored number by more than {100 * gap:.2g} %."
    )


def choices_table(
    recorded: Sequence[Record], found: Sequence[Finding], images: str, seed: int = 0
) -> str:
    """Median std of each net of Figure 7 for the choices that the paper leaves open, in Markdown.

    One seed, so that each row differs in nothing but the choice; "not measured" where it is so.

    Raises: InputError if nothing is measured by any choice.
    """
    medians: dict[str, dict[str, float]] = {}
    for name, choice in CHOICES.items():
        pairs = figure_7_of(recorded, found, images, choice)
        for net, values in by_net(pairs).items():
            mine = [f for f in values if f.run.recipe.seed == seed]
            if mine:
                medians.setdefault(net, {})[name] = median(mine[0].values["std"])
    if not medians:
        raise InputError("no layer responses are stored; run `resnet-lab reproduce figure_7`")
    rows = [f"| seed {seed} | {' | '.join(CHOICES)} |", "|---" * (len(CHOICES) + 1) + "|"]
    for net, row in medians.items():
        cells = [f"{row[name]:.3f}" if name in row else "not measured" for name in CHOICES]
        rows.append(f"| {net} | {' | '.join(cells)} |")
    return "\n".join(rows)
