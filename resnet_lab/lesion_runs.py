"""Lesions of recorded nets, stored as findings: which blocks were touched, and the error then.

Paper: Section 4.2 (the CIFAR nets); the lesions are those of Veit et al. 2016.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_lesion_runs.py.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from resnet_lab import findings, lesion, trained
from resnet_lab.batches import normalise
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding, Value
from resnet_lab.lesion_plans import Plan
from resnet_lab.prepared import Prepared
from resnet_lab.records import Record
from resnet_lab.resnet import ResNet
from resnet_lab.train import SingleView

LENS = "lesion"
DROPS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 20, 24)  # blocks left out at random, as many as there are
SWAPS = (0, 1, 2, 4, 8, 16, 32)  # pairs swapped, one after the other
DRAWS = 5  # of each number
DRAWN_IMAGES = 1_000  # the first of the test set; single lesions take all of it
BN_IMAGES = 1_000  # training images from which BN's statistics are estimated anew
BN_BATCH = 250

Bn = Literal["running", "estimated"]


def view_of(prepared: Prepared, n: int | None = None) -> SingleView:
    """The first `n` test images, None for all, each as it is."""
    return SingleView(
        images=prepared.test_images[:n], labels=prepared.test_labels[:n], mean=prepared.mean
    )


def bn_batches(prepared: Prepared, n: int = BN_IMAGES) -> list[Tensor]:
    """The first `n` training images without flips, in batches, for new BN statistics."""
    x = normalise(prepared.train_images[:n], prepared.mean)
    return list(x.contiguous(memory_format=torch.channels_last).split(BN_BATCH))


def singles(net: ResNet, prepared: Prepared, bn: Bn, images: int | None) -> dict[str, Value]:
    """Test error in percent of the whole net, and with each block left out alone."""
    plans = [lesion.without(net, []), *lesion.singles(net)]
    view = view_of(prepared, images)
    if bn == "running":
        found = lesion.errors(net, view, plans)
    else:
        batches = bn_batches(prepared)
        found = [lesion.error_with_new_bn(net, view, plan, batches) for plan in plans]
    return {"whole": [found[0]], "single": found[1:]}


def several(net: ResNet, prepared: Prepared, images: int, seed: int) -> dict[str, Value]:
    """Test errors with k blocks left out, and with k pairs swapped: a row for each k.

    Beside the swaps stands Kendall's tau of each order with the net's own.
    """
    view, able = view_of(prepared, images), len(lesion.same_shape(net))
    drops = [k for k in DROPS if k <= able]
    plans = [lesion.draws(net, k, DRAWS, seed) for k in drops]
    orders = [lesion.swaps(net, k, DRAWS, seed) for k in SWAPS]
    found = lesion.errors(net, view, flat(plans + orders))
    rows = [found[i : i + DRAWS] for i in range(0, len(found), DRAWS)]
    return {
        "drops": drops,
        "drop_errors": rows[: len(drops)],
        "swaps": list(SWAPS),
        "swap_taus": [[round(lesion.kendall_tau(p), 4) for p in row] for row in orders],
        "swap_errors": rows[len(drops) :],
    }


def flat(rows: Sequence[Sequence[Plan]]) -> list[Plan]:
    """All plans, row by row."""
    return [plan for row in rows for plan in row]


def look(
    record: Record,
    prepared: Prepared,
    folders: Sequence[Path],
    *,
    bn: Bn = "running",
    images: int | None = None,
    seed: int = 0,
) -> Finding:
    """The lesions of the net of `record` on its own test images.

    `images` takes only so many of them for the single lesions. With `bn` "estimated" BN's
    statistics are estimated anew after each single lesion; nothing else is then measured.

    Raises: InputError if the weights are in none of `folders`, or for an unknown `bn`.
    """
    if bn not in ("running", "estimated"):
        raise InputError(f"bn must be running or estimated, got {bn!r}")
    net, began = trained.load(record, folders), time.perf_counter()
    settings = {
        "split": "test",
        "images": len(view_of(prepared, images).labels),
        "bn": bn,
    }
    values = singles(net, prepared, bn, images)
    if bn == "running":
        drawn = min(DRAWN_IMAGES, len(prepared.test_labels))
        settings |= {"drawn_images": drawn, "draws": DRAWS, "seed": seed}
        values |= several(net, prepared, drawn, seed)
    else:
        settings |= {"bn_images": BN_IMAGES}
    return Finding(
        format=findings.FORMAT,
        lens=LENS,
        scale=record.scale,
        run=record.run,
        weights_sha256=record.weights_sha256,
        settings=settings,
        values=values,
        how=findings.how(time.perf_counter() - began),
    )
