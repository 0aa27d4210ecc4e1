"""A run is named by its net, recipe and images; a change of any of them is another run."""

import hashlib
import json
from dataclasses import fields, replace

import pytest

from resnet_lab.recipe import Recipe
from resnet_lab.resnet import ResNetConfig, cifar, imagenet
from resnet_lab.runs import Images, Run

RUN = Run(net=cifar(20), recipe=Recipe(), images=Images(content_hash="ab"))
OTHER = {
    "blocks": (3, 3, 4),
    "widths": (16, 32, 65),
    "bottleneck": True,
    "shortcut": "none",
    "stride_in": "3x3",
    "stem": "imagenet",
    "classes": 11,
    "activation": "pre",
    "lr": 0.05,
    "drops": (32_000,),
    "steps": 63_999,
    "batch": 64,
    "momentum": 0.8,
    "weight_decay": 0.0,
    "warm_up": True,
    "warm_up_steps": 400,
    "pad": 3,
    "flip": False,
    "log_every": 50,
    "test_every": 800,
    "seed": 1,
    "name": "embedded",
    "size": 16,
    "held_out": 5_000,
    "content_hash": "ac",
}


def changed(run):
    """The run with one field changed, for every field there is."""
    for part in fields(run):
        inner = getattr(run, part.name)
        for field in fields(inner):
            value = replace(inner, **{field.name: OTHER[field.name]})
            yield f"{part.name}.{field.name}", replace(run, **{part.name: value})


def test_every_field_is_part_of_the_name():
    hashes = {name: run.hash for name, run in changed(RUN)}
    assert len(hashes) == len(OTHER) == sum(len(fields(c)) for c in (ResNetConfig, Recipe, Images))
    assert len({RUN.hash, *hashes.values()}) == len(hashes) + 1


def test_the_name_is_the_hash_of_the_three_parts_spelled_out():
    """The files of a run are found again by another process, machine and version."""
    net = {
        "blocks": [3, 3, 3],
        "widths": [16, 32, 64],
        "bottleneck": False,
        "shortcut": "A",
        "stride_in": "1x1",
        "stem": "cifar",
        "classes": 10,
    }
    recipe = {
        "lr": 0.1,
        "drops": [32000, 48000],
        "steps": 64000,
        "batch": 128,
        "momentum": 0.9,
        "weight_decay": 0.0001,
        "warm_up": False,
        "warm_up_steps": 0,
        "pad": 4,
        "flip": True,
        "log_every": 100,
        "test_every": 400,
        "seed": 0,
    }
    images = {"name": "cifar10", "size": 32, "held_out": 0, "content_hash": "ab"}
    text = json.dumps(
        {"net": net, "recipe": recipe, "images": images}, sort_keys=True, separators=(",", ":")
    )
    expected = hashlib.sha256(text.encode()).hexdigest()[:10]
    assert RUN.hash == expected
    assert RUN.stem == f"ResNet-20_seed0-{expected}"


def test_equal_runs_have_equal_names():
    again = Run(net=cifar(20), recipe=Recipe(), images=Images(content_hash="ab"))
    assert again == RUN and again.hash == RUN.hash and again.stem == RUN.stem


@pytest.mark.parametrize(
    "net, start",
    [
        (cifar(56, shortcut="none"), "plain-56_seed7-"),
        (cifar(20, width=8), "ResNet-20-w8_seed7-"),
        (imagenet(50), "ResNet-50_seed7-"),
    ],
)
def test_file_names_say_net_and_seed_and_are_safe_on_every_file_system(net, start):
    stem = replace(RUN, net=net, recipe=Recipe(seed=7)).stem
    assert stem.startswith(start)
    assert set(stem) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
    assert len(stem) < 100


def test_a_whole_number_written_without_its_point_is_the_same_recipe():
    """`Recipe(lr=1) == Recipe(lr=1.0)`, so they must not train twice."""
    one, same = replace(RUN, recipe=Recipe(lr=1)), replace(RUN, recipe=Recipe(lr=1.0))
    assert one == same
    assert one.hash == same.hash
