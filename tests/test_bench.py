"""The textbook loop trains as ours does; timings are paired, round by round."""

import json
import os

import pytest
import torch

from resnet_lab import data, experiments, runner, train
from resnet_lab.bench import cpu, processes, textbook
from resnet_lab.bench import result as bench
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe
from resnet_lab.resnet import ResNet, cifar

THIN = cifar(8, width=4)


def toy(n=1_280, size=32):
    """A data set whose class is the colour of the image: two dark channels, one bright."""
    labels = torch.arange(n) % 3
    images = torch.randint(0, 60, (n, 3, size, size), dtype=torch.uint8)
    images[torch.arange(n), labels] += 150
    return data.Dataset(
        name="embedded",
        classes=("red", "green", "blue"),
        train_images=images,
        train_labels=labels,
        test_images=images[:60],
        test_labels=labels[:60],
        content_hash="toy",
        place="memory",
        layout="embedded",
    )


def result(seconds, *, precision="bfloat16", load=0.1):
    machine = bench.Machine(
        device="cpu",
        cores=2,
        load=load,
        precision=precision,
        threads={bench.TEXTBOOK: 2, bench.OURS: 2, bench.PER_CORE: 1},
        torch="2",
        git="",
    )
    base = {
        "net": "ResNet-20",
        "scale": "quick",
        "images": "toy",
        "batch": 128,
        "updates": 30,
        "runs": 2,
        "seconds": seconds,
        "first_update": (1.5, 1.5, 1.5),
    }
    return bench.BenchResult(**base, machine=machine)


class TestTextbook:
    def test_it_learns_colours(self):
        torch.manual_seed(0)
        images = toy(96, size=8)
        loader = textbook.make_loader(images.train_images, images.train_labels, batch=32, workers=0)
        losses = list(textbook.train(ResNet(THIN), loader, epochs=8, lr=0.05))
        assert len(losses) == 8 * 3
        assert sum(losses[-3:]) < 0.5 * sum(losses[:3])

    @pytest.mark.parametrize("size", [16, 32])
    def test_a_batch_is_contiguous_float32_around_zero(self, size):
        images = toy(64, size)
        loader = textbook.make_loader(images.train_images, images.train_labels, batch=64, workers=0)
        x, y = next(iter(loader))
        assert x.shape == (64, 3, size, size) and x.dtype == torch.float32 and x.is_contiguous()
        assert y.dtype == torch.int64
        assert -1 < x.min() < 0 < x.max() < 1

    def test_both_loops_make_the_same_updates_from_the_same_batches(self):
        """Float32, equal weights and batches: equal losses and weights but for rounding."""
        torch.manual_seed(0)
        batches = [(torch.randn(16, 3, 16, 16), torch.randint(0, 10, (16,))) for _ in range(4)]
        recipe = Recipe(steps=4, batch=16, log_every=1, test_every=4)
        net = train.new_net(THIN, recipe.seed)
        theirs = list(textbook.train(net, batches))
        state = train.begin(THIN, recipe)
        points = list(train.train(state, lambda step: batches[step], recipe))
        assert [point.train_loss for point in points] == pytest.approx(theirs, rel=1e-4)
        for ours, textbooks in zip(state.net.parameters(), net.parameters(), strict=True):
            torch.testing.assert_close(ours, textbooks, rtol=1e-3, atol=1e-4, check_stride=False)


class TestResult:
    def test_ratios_are_paired_by_round_and_count_all_runs(self):
        """By hand: 30 updates in 10 s are 3 a second; 2 runs of 30 in 5 s are 12 a second."""
        found = result(
            {bench.TEXTBOOK: (10, 20, 30), bench.OURS: (5, 5, 5), bench.PER_CORE: (5,) * 3}
        )
        assert found.rates(bench.TEXTBOOK) == [3, 1.5, 1]
        assert found.ratios(bench.OURS) == pytest.approx([2, 4, 6])
        assert found.ratios(bench.PER_CORE) == pytest.approx([4, 8, 12])

    def test_rounds_that_do_not_pair_are_refused(self):
        with pytest.raises(ValueError):
            result({bench.TEXTBOOK: (10, 20), bench.OURS: (5,)}).ratios(bench.OURS)

    def test_spread(self):
        found = bench.spread([4, 1, 2, 3, 5])
        assert (found.median, found.low, found.high, found.quartiles, found.n) == (
            3,
            1,
            5,
            (2, 4),
            5,
        )
        assert bench.spread([7.0]).quartiles == (7, 7)

    @pytest.mark.parametrize("load, warned", [(0.1, False), (3.0, True), (None, False)])
    def test_table_and_json(self, load, warned):
        found = result(
            {bench.TEXTBOOK: (10, 20, 30), bench.OURS: (5,) * 3, bench.FLOAT32: (6,) * 3}, load=load
        )
        text = bench.table(found)
        assert ("OTHER PROGRAMS" in text) == warned
        assert "4.00     2.00-6.00     3.00-5.00   3" in text
        assert "1.20     1.20-1.20" in text  # what bfloat16 gives
        summary = json.loads(bench.as_json(found))["summary"]
        assert summary[bench.OURS]["times_textbook"]["median"] == 4

    def test_without_bfloat16_there_is_nothing_to_share_out(self):
        found = result({bench.TEXTBOOK: (10,) * 3, bench.OURS: (5,) * 3}, precision="float32")
        assert "bfloat16" not in bench.table(found)


class TestMeasurement:
    def test_every_contestant_takes_part_in_every_round(self, monkeypatch):
        monkeypatch.setattr(cpu, "WARM_UP", 2)
        monkeypatch.setattr(runner, "cores", lambda: 1)  # threads wait for busy cores
        images, lines, before = toy(512), [], torch.get_num_threads()
        threads = 1 if before > 1 else 2
        torch.set_num_threads(threads)
        random = torch.get_rng_state()
        found = cpu.measure(images, depth=8, updates=1, repeats=2, runs=2, report=lines.append)
        assert list(found.seconds)[:2] == [bench.TEXTBOOK, bench.OURS]
        assert list(found.seconds)[-1] == bench.PER_CORE
        assert (bench.FLOAT32 in found.seconds) == (found.machine.precision == "bfloat16")
        assert all(len(times) == 2 and min(times) > 0 for times in found.seconds.values())
        assert len(found.first_update) == len(lines) == 2
        assert torch.get_num_threads() == threads
        torch.set_num_threads(before)
        assert torch.equal(torch.get_rng_state(), random)

    def test_too_few_images_are_refused(self):
        with pytest.raises(InputError, match="at most 2$"):
            cpu.measure(toy(1_280), updates=30)

    def test_a_dead_process_is_a_sentence(self):
        prepared = runner.prepare(toy(64), experiments.job("quick", toy(64), 8, "A", 0).run.images)
        with pytest.raises(InputError, match="died"):
            with processes.pool(prepared, 1) as workers:
                workers.submit(os._exit, 9).result()
