"""What several test files share: one thread, a cache of their own, a small data set, a tiny run."""

from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import settings

from resnet_lab.arms import net_at, recipe_at
from resnet_lab.data import CLASSES, Dataset
from resnet_lab.recipe import Recipe
from resnet_lab.records import FORMAT, Final, How, Point, Record
from resnet_lab.resnet import cifar
from resnet_lab.runner import Engine, Job
from resnet_lab.runs import Images, Run

# no timed asserts, the same examples on every machine, and no .hypothesis folder in the checkout
settings.register_profile("resnet_lab", deadline=None, derandomize=True, database=None)
settings.load_profile("resnet_lab")

ENGINE = Engine(device="cpu", precision="float32", threads=1)
CONTENT = "5a" * 32  # stands for the content hash of the small data set


def mini_dataset() -> Dataset:
    """200 training and 100 test images of noise, ten classes."""
    random = torch.Generator().manual_seed(0)
    return Dataset(
        name="cifar10",
        classes=CLASSES,
        train_images=torch.randint(0, 256, (200, 3, 32, 32), generator=random, dtype=torch.uint8),
        train_labels=torch.arange(200) % 10,
        test_images=torch.randint(0, 256, (100, 3, 32, 32), generator=random, dtype=torch.uint8),
        test_labels=torch.arange(100) % 10,
        content_hash=CONTENT,
        place="memory",
        layout="embedded",
    )


def mini_job(**changes) -> Job:
    """An 8-layer net of width 4 on 8x8 images: a few milliseconds an update."""
    recipe = dict(steps=23, drops=(10, 17), batch=16, pad=1, log_every=5, test_every=10)
    run = Run(
        net=cifar(8, width=4),
        recipe=Recipe(**(recipe | changes)),
        images=Images(name="cifar10", size=8, content_hash=CONTENT),
    )
    return Job(run=run, scale="own")


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory):
    """No test sees the user's cache or data, and none takes more than one core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESNET_LAB_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("RESNET_LAB_DATA", raising=False)
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def mini() -> Dataset:
    """The small data set; tests must not change it."""
    return mini_dataset()


@pytest.fixture(scope="session")
def paper() -> dict:
    """Every number that the paper prints, read as plain YAML, without the package's own reader."""
    import resnet_lab.recipe

    path = Path(resnet_lab.recipe.__file__).with_name("paper.yaml")
    return yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def record_of(
    depth: int,
    shortcut: str,
    *,
    seed: int = 0,
    train: float | None = None,
    test: float | None = None,
    images: str = "cifar10",
    scale: str = "quick",
) -> Record:
    """A made-up record with a falling curve of four points, for figures and tables."""
    train = 30.0 + depth / 4 + seed if train is None else train
    test = train + 2 if test is None else test
    size = 16 if scale == "quick" else 32
    run = Run(
        net=net_at(scale, depth, shortcut),
        recipe=recipe_at(scale, depth, seed),
        images=Images(name=images, size=size, content_hash=CONTENT),
    )
    last = run.recipe.steps
    points = tuple(
        Point(
            step=last * part // 4,
            lr=0.1,
            train_loss=1.0,
            train_error=train + 40 - 10 * part,
            test_error=test + 40 - 10 * part if part % 2 == 0 else None,
        )
        for part in (1, 2, 3, 4)
    )
    how = dict(device="cpu", precision="float32", threads=1, torch="2", python="3", git="")
    return Record(
        format=FORMAT,
        scale=scale,
        run=run,
        curve=points,
        final=Final(step=last, train_error=train, test_error=test),
        weights_sha256="0" * 64,
        how=How(**how, resnet_lab="0", seconds=1.0, finished="2026-01-01T00:00:00+00:00"),
    )


@pytest.fixture
def shown(monkeypatch) -> list:
    """What explorers make of their controls' values, one after the other, without drawing it."""
    from resnet_lab import pictures

    seen = []
    monkeypatch.setattr(pictures, "outputs_of", lambda made: seen.append(made) or [])
    return seen
