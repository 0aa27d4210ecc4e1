"""A run from a drawn folder to its record; killed under torchrun it goes on where it was."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import resnet_lab
from resnet_lab import checkpoint, drawn_images, imagenet_checkpoint, imagenet_run, train
from resnet_lab import imagenet_training as loop
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.imagenet_recipe import ImageNetRecipe
from resnet_lab.imagenet_run import How
from resnet_lab.resnet import ResNetConfig

NET = ResNetConfig(blocks=(1, 1, 1, 1), widths=(4, 8, 8, 8), stem="imagenet")
RECIPE = ImageNetRecipe(
    steps=8,
    batch=16,
    crop=48,
    short_side=(52, 64),
    test_side=52,
    log_every=2,
    test_every=4,
    bn_images=32,
    statistics_images=20,
)
HOW = How(per_device=8, workers=0)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "imagenet"
    return drawn_images.draw(folder, classes=3, train=60, val=8)


def run(root, out, **changes):
    said = []
    given = {"config": NET, "recipe": RECIPE, "how": HOW, "broken": "skip"} | changes
    config, recipe, how = (given.pop(name) for name in ("config", "recipe", "how"))
    folder = imagenet_run.run(
        config, recipe, root, out, how, here=World(), report=said.append, **given
    )
    return folder, said


def test_from_folder_to_record(root, tmp_path):
    folder, said = run(root, tmp_path)
    record = json.loads((folder / "record.json").read_text())
    assert [p["step"] for p in record["curve"]] == [2, 4, 6, 8]
    assert [p["test_error"] is not None for p in record["curve"]] == [False, True, False, True]
    assert record["run"]["net"]["classes"] == 3
    assert [name.split(" ")[0] for name in record["broken_files"]] == [
        "train/class_00/broken_cut.JPEG",
        "train/class_00/broken_empty.JPEG",
        "val/class_00/broken_cut.JPEG",
        "val/class_00/broken_empty.JPEG",
    ]
    assert sum("skipped, broken" in line for line in said) == 4
    assert sorted(path.name for path in folder.iterdir()) == [
        "record.json",
        "statistics.safetensors",
        "weights.safetensors",
    ]
    assert run(root, tmp_path)[1] == [f"{folder.name} is trained already"]


def test_it_learns(root, tmp_path):
    """Three coloured shapes: far from 67 % wrong after some dozens of updates."""
    folder, _ = run(root, tmp_path, recipe=replace(RECIPE, steps=60, test_every=60, log_every=20))
    assert json.loads((folder / "record.json").read_text())["final"]["centre_crop_error"] < 25


def test_a_broken_file_is_fatal_by_default(root, tmp_path):
    with pytest.raises(InputError, match="broken image train/class_00/broken_"):
        run(root, tmp_path, broken="fail")


def test_interrupted_it_ends_at_the_same_bits(root, tmp_path, monkeypatch):
    whole, _ = run(root, tmp_path / "whole")
    saved, save = [], imagenet_checkpoint.save

    def save_and_stop(*words):
        save(*words)
        saved.append(words[0])
        raise KeyboardInterrupt

    monkeypatch.setattr(imagenet_checkpoint, "save", save_and_stop)
    how = replace(HOW, checkpoint_every=3)
    with pytest.raises(KeyboardInterrupt):
        run(root, tmp_path / "parts", how=how)
    monkeypatch.undo()
    parts, said = run(root, tmp_path / "parts", how=how)
    assert "goes on after update 4" in said and not saved[0].exists()
    assert (parts / "weights.safetensors").read_bytes() == (
        whole / "weights.safetensors"
    ).read_bytes()
    records = [json.loads((f / "record.json").read_text()) for f in (whole, parts)]
    assert records[0]["curve"] == records[1]["curve"]


HELD = {"per_device": 8}


def saved_state(path):
    state = loop.begin(replace(NET, classes=3), RECIPE)
    imagenet_checkpoint.save(path, "name", HELD, state, [], World())
    return state


def test_every_process_gets_its_own_bn_averages_back_and_a_new_number_their_mean(
    tmp_path, monkeypatch
):
    path, name = tmp_path / "checkpoint.pt", "stem.1.running_mean"
    values = [torch.full((4,), 1.0), torch.full((4,), 3.0)]

    def two(value, here):
        return [value | {name: one} for one in values] if isinstance(value, dict) else [value] * 2

    monkeypatch.setattr(imagenet_checkpoint.distributed, "gathered", two)
    state = saved_state(path)
    for here, expected in (
        (World(rank=1, size=2), 3.0),
        (World(rank=0, size=2), 1.0),
        (World(), 2),
    ):
        imagenet_checkpoint.load(path.read_bytes(), path, "name", HELD, state, here)
        assert state.net.state_dict()[name].tolist() == [expected] * 4


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda b: b[:-9], "cut short"),
        (lambda b: b.replace(b'"step": 0', b'"step": 5'), "cut short or damaged"),
        (lambda b: b"PK" + b, "not an ImageNet checkpoint"),
    ],
)
def test_a_damaged_checkpoint_is_named(tmp_path, spoil, says):
    path = tmp_path / "checkpoint.pt"
    state = saved_state(path)
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match=says):
        imagenet_checkpoint.load(path.read_bytes(), path, "name", HELD, state, World())


def test_a_checkpoint_of_another_run_or_cut_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    state, other = saved_state(path), {"per_device": 4}
    with pytest.raises(InputError, match="another run"):
        imagenet_checkpoint.load(path.read_bytes(), path, "other", HELD, state, World())
    with pytest.raises(InputError, match="begun with per_device 8"):
        imagenet_checkpoint.load(path.read_bytes(), path, "name", other, state, World())


def test_too_few_images_for_bn_are_said_before_training(root, tmp_path):
    with pytest.raises(InputError, match="at least one batch of 8 images"):
        run(root, tmp_path, recipe=replace(RECIPE, bn_images=7))
    assert not list(tmp_path.glob("imagenet/*/checkpoint.pt"))


def test_a_batch_that_cannot_be_cut_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(InputError, match="batch of 16"):
        run(tmp_path / "nowhere", tmp_path, how=replace(HOW, per_device=5))


@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
class TestTorchrun:
    """The command itself, on two processes of this machine."""

    WORDS = (
        "imagenet train --depth 18 --widths 4,4,4,4 --shortcut A --batch 16 --per-device 4 "
        "--steps 24 --crop 48 --short-side 52,64 --test-side 52 --log-every 2 --test-every 12 "
        "--bn-images 32 --statistics-images 20 --workers 0 --precision float32 --no-compile "
        "--broken skip --device cpu --checkpoint-every 4"
    ).split()

    def start(self, root, out):
        environment = os.environ | {
            "PYTHONPATH": str(Path(resnet_lab.__file__).parents[1]),
            "OMP_NUM_THREADS": "1",
        }
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", "2", "-m", "resnet_lab", *self.WORDS]
        return subprocess.Popen(
            [*command, "--data", str(root), "--out", str(out)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def children(self, parent):
        """The training processes; torchrun, their parent, then ends by itself."""
        found = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(path.parent.name))
        assert len(found) >= 2
        return found

    def finish(self, process):
        said, _ = process.communicate(timeout=300)
        assert process.returncode == 0, said
        return said

    def weights(self, out):
        (path,) = out.glob("imagenet/*/weights.safetensors")
        return checkpoint.read_weights(path)

    def test_killed_and_restarted_it_ends_at_the_same_bits(self, root, tmp_path):
        said = self.finish(self.start(root, tmp_path / "whole"))
        assert said.count("update 24:") == 1  # one process talks
        killed = self.start(root, tmp_path / "killed")
        deadline = time.monotonic() + 300  # only against hanging: machines may be busy
        while not list(tmp_path.glob("killed/imagenet/*/checkpoint.pt")):
            assert time.monotonic() < deadline and killed.poll() is None
            time.sleep(0.005)
        for process in self.children(killed.pid):
            os.kill(process, signal.SIGKILL)
        killed.communicate(timeout=300)
        assert killed.returncode != 0
        assert not list(tmp_path.glob("killed/imagenet/*/record.json"))
        said = self.finish(self.start(root, tmp_path / "killed"))
        assert "goes on after update" in said and "update 2:" not in said
        whole, parts = (self.weights(tmp_path / name) for name in ("whole", "killed"))
        assert all(torch.equal(whole[name], parts[name]) for name in whole)
        self.compare_with_one_process(root, tmp_path, whole)

    def compare_with_one_process(self, root, tmp_path, theirs):
        """The same micro-batches, one after the other: equal but for rounding."""
        words = dict(zip(self.WORDS[2::2], self.WORDS[3::2], strict=False))
        config = replace(NET, blocks=(2, 2, 2, 2), widths=(4, 4, 4, 4))
        recipe = replace(RECIPE, steps=int(words["--steps"]), test_every=12)
        folder, _ = run(root, tmp_path / "one", config=config, recipe=recipe, how=How(per_device=4))
        ours = checkpoint.read_weights(folder / "weights.safetensors")
        start = train.new_net(replace(config, classes=3), 0).state_dict()
        moved = max((ours[n] - start[n]).abs().max() for n in ours if n.endswith("weight"))
        apart = max((ours[n] - theirs[n]).abs().max() for n in ours if n.endswith("weight"))
        assert apart < 0.02 * moved
