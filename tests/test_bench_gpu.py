"""Every contestant of `bench gpu` trains, takes its turns and is counted; here on a processor."""

import gc
import inspect
import json
import os
import statistics
from dataclasses import replace

import pytest
import torch
from conftest import mini_dataset
from test_bench import toy

from resnet_lab import cli_bench, data, train
from resnet_lab.bench import contestants, gpu, gpu_result, textbook
from resnet_lab.bench.gpu_result import DepthResult, GpuResult, Timing
from resnet_lab.bench.limits import Limits, Need
from resnet_lab.bench.result import READABLE, TEXTBOOK
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe
from resnet_lab.resnet import cifar
from resnet_lab.runs import Images, Run


def small_run(depth=8, **changes):
    recipe = dict(batch=8, pad=1, log_every=2, test_every=4) | changes
    images = mini_dataset()
    return Run(
        net=cifar(depth, width=4),
        recipe=Recipe(**recipe),
        images=Images(name="cifar10", size=8, content_hash=images.content_hash),
    )


@pytest.fixture
def quick_limits(monkeypatch):
    found = Limits(bandwidth=1e10, arithmetic={"float32": 1e11, "bfloat16": 2e11})
    monkeypatch.setattr(gpu.limits, "measure", lambda device: found)
    return found


def setting_of(run, workers=0):
    here = gpu.prepare(mini_dataset(), run.images)
    return contestants.Setting(run=run, device="cpu", here=here, there=here, workers=workers)


class TestContestants:
    def test_the_engine_trains_each_of_its_runs_from_its_own_seed(self):
        run = small_run()
        two = contestants.Engine(setting_of(run), runs=2)
        two.start()
        two.advance(4)
        loops = [course.gi_frame.f_locals["loop"] for course in two.courses]
        for seed, loop in enumerate(loops):
            recipe = replace(run.recipe, seed=seed, steps=6)
            state = train.begin(run.net, recipe)
            batches = gpu.contestants.stream(two.setting.there, replace(run, recipe=recipe))
            points = list(train.train(state, batches, recipe, precision=two.precision))
            assert loop.state.step == 6 and loop.state.curve == points

    @pytest.mark.parametrize("runs, updates", [(1, 32), (2, 16), (8, 6)])
    def test_a_section_of_the_engine_is_whole_windows_and_never_fewer_than_three(
        self, runs, updates
    ):
        """Windows of 2 updates: 8 x 4 updates are 16 windows, shared by the runs, but 3 each."""
        assert contestants.Engine(setting_of(small_run()), runs=runs).updates(4) == updates

    def test_the_readable_loop_goes_on_where_it_was(self):
        loop = contestants.Readable(setting_of(small_run()))
        loop.start()
        loop.advance(loop.updates(5))
        assert loop.state.step == contestants.FIRST + 5

    def test_the_textbook_stays_within_a_pass_and_ends_its_processes(self):
        loop = contestants.Textbook(setting_of(small_run(), workers=1))
        assert loop.start() > 0 and loop.advance(3) > 0
        assert not torch.multiprocessing.active_children()

    def test_the_textbook_asks_for_nothing_that_pytorch_does_not_do_unasked(self, monkeypatch):
        monkeypatch.setattr(torch.backends.cudnn, "benchmark", True)  # as our loops leave it
        seen = []
        loop = contestants.Textbook(setting_of(small_run()))
        same = loop.loop.train

        def train_and_look(*given, **named):
            for loss in same(*given, **named):
                seen.append(torch.backends.cudnn.benchmark)
                yield loss

        monkeypatch.setattr(loop.loop, "train", train_and_look)
        loop.start()
        loop.advance(1)
        assert len(seen) == 4 and not any(seen)  # the first, two to be sure, one timed
        assert torch.backends.cudnn.benchmark

    def test_runs_take_turns_as_they_get_ready(self):
        """Two runs of two windows; one is slow, and does not hold the other up."""
        log = []

        class Window:
            def __init__(self, name, looks):
                self.name, self.looks = name, looks

            def ready(self):
                self.looks -= 1
                return self.looks < 0

            def point(self):
                log.append(self.name)

        def course(name, looks):
            for k in range(9):
                yield Window(f"{name}{k}", looks)

        contestants.take_turns([course("slow", 5), course("fast", 0)], 2)
        assert log == ["fast0", "fast1", "slow0", "slow1"]

    def test_compiled_blocks_take_part_where_they_can_be_made(self, monkeypatch):
        setting = setting_of(small_run())
        names = [one.name for one in contestants.field_of(setting, (2,))]
        assert names == [TEXTBOOK, READABLE, "engine", "engine, 2 at once"]
        monkeypatch.setattr(contestants.twins, "can_compile", lambda device: True)
        names = [one.name for one in contestants.field_of(setting, (2,))]
        assert names[2:4] == ["engine", "engine, compiled"]
        assert names[4:] == ["engine, 2 at once", "engine, compiled, 2 at once"]

    def test_a_compiled_contestant_trains_the_twin(self, monkeypatch):
        """With a compiler that compiles nothing."""
        seen = []
        same = contestants.twins.twin
        monkeypatch.setattr(
            contestants.twins, "compiled", lambda net: seen.append(net) or same(net)
        )
        one = contestants.Engine(setting_of(small_run()), compiled=True)
        one.start()
        (loop,) = [course.gi_frame.f_locals["loop"] for course in one.courses]
        assert seen == [loop.state.net] and loop.net is not loop.state.net

    def test_the_textbook_computes_on_its_device(self):
        """The meta device takes everything and computes nothing: even the loss has no value."""
        images = toy(32, size=8)
        loader = textbook.make_loader(images.train_images, images.train_labels, batch=16, workers=0)
        net = train.new_net(cifar(8, width=4), 0)
        with pytest.raises(RuntimeError, match="meta"):
            next(textbook.train(net, loader, device="meta"))
        assert next(net.parameters()).is_meta


class TestMeasure:
    def test_every_contestant_takes_part_in_every_round_at_every_depth(self, quick_limits):
        images, lines, kept = mini_dataset(), [], []
        random, environment = torch.get_rng_state(), dict(os.environ)
        found = gpu.measure(
            images,
            [small_run(8), small_run(14)],
            device="cpu",
            updates=3,
            rounds=2,
            at_once=(2,),
            workers=1,
            report=lines.append,
            keep=kept.append,
        )
        assert [depth.net for depth in found.depths] == ["ResNet-8-w4", "ResNet-14-w4"]
        assert [len(result.depths) for result in kept] == [0, 1, 2] and kept[-1] == found
        for depth in found.depths:
            assert [one.name for one in depth.timings] == [
                TEXTBOOK,
                READABLE,
                "engine",
                "engine, 2 at once",
            ]
            assert all(len(one.seconds) == 2 and min(one.seconds) > 0 for one in depth.timings)
            assert all(one.start > 0 for one in depth.timings)
        assert len(lines) == 2 * (4 + 2)
        assert not found.out_of_time
        assert torch.equal(torch.get_rng_state(), random) and dict(os.environ) == environment
        assert "ResNet-14-w4" in gpu_result.table(found)
        assert json.loads(gpu_result.as_json(found))["depths"][1]["net"] == "ResNet-14-w4"

    def test_with_a_spent_budget_nothing_is_begun(self, quick_limits):
        runs = [small_run(8), small_run(14)]
        found = gpu.measure(mini_dataset(), runs, device="cpu", updates=1, workers=0, budget=0)
        assert found.depths == () and found.out_of_time
        assert "budget" in gpu_result.table(found)
        assert json.loads(gpu_result.as_json(found))["out_of_time"]

    def test_the_round_in_which_the_budget_ends_is_the_last_and_counts(
        self, monkeypatch, quick_limits
    ):
        """The clock is read at the start, before each net and after each round."""
        clock = iter([0, 1, 2, 30, 30])
        monkeypatch.setattr(gpu.time, "monotonic", lambda: next(clock))
        runs = [small_run(8), small_run(14)]
        how = dict(device="cpu", updates=1, rounds=3, at_once=(), workers=0, budget=10)
        found = gpu.measure(mini_dataset(), runs, **how)
        (depth,) = found.depths
        assert [len(one.seconds) for one in depth.timings] == [2, 2, 2] and found.out_of_time

    def test_too_few_images_are_refused_before_anything_is_trained(self):
        """200 images in batches of 8 are 25 updates; a process has 2 ready, and 2 to be sure."""
        with pytest.raises(InputError, match="at most 21$"):
            gpu.measure(mini_dataset(), [small_run()], device="cpu", updates=22, workers=1)

    def test_the_embedded_images_are_enough_for_what_the_command_asks_for(self):
        dataset = data.load(name="embedded")
        asked = inspect.signature(gpu.measure).parameters["updates"].default
        assert asked == inspect.signature(cli_bench.bench_gpu).parameters["updates"].default
        gpu.check_enough(dataset, gpu.paper_runs(dataset, [20])[0], asked, workers=8)

    def test_too_little_memory_is_a_sentence(self, monkeypatch, quick_limits):
        def full(self):
            raise torch.OutOfMemoryError("CUDA out of memory")

        monkeypatch.setattr(contestants.Engine, "start", full)
        with pytest.raises(InputError, match="--at-once"):
            gpu.measure(mini_dataset(), [small_run()], device="cpu", updates=1, workers=0)

    def test_the_paper_runs_are_the_papers(self):
        (run,) = gpu.paper_runs(mini_dataset(), [20])
        assert (run.net, run.recipe, run.images.size) == (cifar(20), Recipe(), 32)
        with pytest.raises(InputError, match="6n"):
            gpu.paper_runs(mini_dataset(), [20, 21])

    @pytest.mark.gpu
    @pytest.mark.slow
    @pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    def test_on_a_gpu_all_contestants_train_and_give_their_memory_back(self):
        before = torch.cuda.memory_allocated()
        found = gpu.measure(
            mini_dataset(), [small_run()], updates=3, rounds=2, at_once=(2,), workers=1
        )
        (depth,) = found.depths
        assert all(len(one.seconds) == 2 and min(one.seconds) > 0 for one in depth.timings)
        assert ("engine, compiled" in [one.name for one in depth.timings]) == (
            contestants.twins.can_compile("cuda")
        )
        gc.collect()
        assert torch.cuda.memory_allocated() <= before + 2**20

    def test_the_compilers_cache_is_empty_and_then_as_it_was(self, monkeypatch):
        monkeypatch.setenv("TRITON_CACHE_DIR", "mine")
        monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR", raising=False)
        with gpu.empty_caches():
            assert all(not os.path.exists(os.environ[name]) for name in gpu.CACHES)
        assert os.environ["TRITON_CACHE_DIR"] == "mine"
        assert "TORCHINDUCTOR_CACHE_DIR" not in os.environ


def example(out_of_time=False):
    """By hand: the textbook makes 10, 20 and 40 updates a second; two runs at once 400."""
    timings = (
        Timing(name=TEXTBOOK, runs=1, precision="float32", start=2, updates=40, seconds=(4, 2, 1)),
        Timing(name=READABLE, runs=1, precision="bfloat16", start=1, updates=40, seconds=(1,) * 3),
        Timing(
            name="engine", runs=1, precision="bfloat16", start=3, updates=80, seconds=(0.4,) * 3
        ),
        Timing(
            name="engine, 2 at once",
            runs=2,
            precision="bfloat16",
            start=4,
            updates=80,
            seconds=(0.4,) * 3,
        ),
    )
    need = {
        "float32": Need(operations=100, bytes=4_000),
        "bfloat16": Need(operations=100, bytes=2_000),
    }
    depth = DepthResult(net="ResNet-20", images="toy", batch=128, timings=timings, need=need)
    return GpuResult(
        device="GPU",
        cores=16,
        workers=8,
        load=0.5,
        torch="2",
        git="",
        limits=Limits(bandwidth=1e6, arithmetic={"float32": 1e5, "bfloat16": 4e5}),
        load_images=1.5,
        rounds=3,
        depths=(depth,),
        out_of_time=out_of_time,
    )


class TestResult:
    def test_rates_count_all_runs(self):
        (depth,) = example().depths
        assert [statistics.median(one.rates) for one in depth.timings] == [20, 40, 200, 400]

    def test_ratios_are_paired_by_round(self):
        (depth,) = example().depths
        assert depth.ratios(depth.timings[1]) == pytest.approx([4, 2, 1])
        assert depth.ratios(depth.timings[3], "engine") == pytest.approx([2, 2, 2])

    def test_the_whole_protocol_is_start_up_and_64000_updates_of_each_run(self):
        (depth,) = example().depths
        assert depth.timings[0].protocol == 2 + 64_000 / 20
        assert depth.timings[3].protocol == 4 + 2 * 64_000 / 400

    def test_shares_are_of_the_contestants_own_precision(self):
        """20 a second x 4000 bytes of 1e6, x 100 operations of 1e5; 400 x 2000, x 100 of 4e5."""
        found = example()
        (depth,) = found.depths
        assert depth.shares(depth.timings[0], found.limits) == pytest.approx((0.08, 0.02))
        assert depth.shares(depth.timings[3], found.limits) == pytest.approx((0.8, 0.1))

    def test_the_table_says_what_was_computed_and_what_is_fastest(self):
        text = gpu_result.table(example())
        assert "computed, not run" in text
        assert "fastest: engine, 2 at once" in text
        assert "TF32" in text and "8 loader processes" in text
        assert "budget" not in text and "budget ended" in gpu_result.table(example(True))
        (line,) = [line for line in text.splitlines() if line.startswith("  engine, 2 at once")]
        assert "2.00     2.00-2.00     2.00-2.00   3" in line

    def test_json_is_strict_and_has_every_raw_number(self):
        whole = json.loads(gpu_result.as_json(example()), parse_constant=pytest.fail)
        (depth,) = whole["depths"]
        assert [one["seconds"] for one in depth["timings"]][0] == [4, 2, 1]
        summary = depth["summary"]["engine, 2 at once"]
        assert summary["times_one_at_a_time"]["median"] == pytest.approx(2)
        assert summary["seconds_for_64k_updates_computed_from_the_rate"] == 324
        assert whole["equality"] == [] and whole["limits"]["bandwidth"] == 1e6
