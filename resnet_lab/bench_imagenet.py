"""Updates of our ResNet-50 timed beside torchvision's and timm's, in turn, in one run.

Paper: Table 1 (the net); Section 3.4 (the update).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_bench_imagenet.py.
"""

import itertools
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from resnet_lab import distributed, imagenet_training, provenance, runner, train, twins
from resnet_lab.bench.result import spread
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, imagenet

OURS, EQUAL_WORK, THEIRS, TIMM = "ours", "ours, stride in 3x3", "torchvision", "timm"
COMPILED = ", compiled"
WARM_UP = 2  # updates before the clock starts, in every round


@dataclass(frozen=True, kw_only=True)
class ImageNetBench:
    """Paired timings: number k of every contestant was taken in round k."""

    depth: int
    batch: int
    size: int  # pixels
    updates: int  # timed, of each contestant in each round
    precision: train.Precision
    seconds: dict[str, tuple[float, ...]]  # contestant -> one time a round
    device: str
    load: float | None  # mean number of busy programs in the minute before
    threads: int
    versions: dict[str, str]

    def rates(self, contestant: str) -> list[float]:
        """Images a second in every round."""
        return [self.updates * self.batch / seconds for seconds in self.seconds[contestant]]

    def ratios(self, contestant: str, base: str) -> list[float]:
        """How many times as fast as `base` the contestant was, round by round."""
        pairs = zip(self.rates(contestant), self.rates(base), strict=True)
        return [rate / other for rate, other in pairs]


def nets(depth: int, compiled: bool) -> dict[str, nn.Module]:
    """The contestants that are installed; a compiled one of ours has compiled blocks.

    torchvision's and timm's nets stride in the 3x3 convolution, which is 6 % more multiply-adds
    at 50 layers: the contestant of equal work does the same.
    """
    from torchvision import models

    config = imagenet(depth, shortcut="B")  # as theirs, also at 18 and 34 layers
    theirs = {THEIRS: getattr(models, f"resnet{depth}")}
    if find_spec("timm"):
        import timm

        theirs[TIMM] = lambda: timm.create_model(f"resnet{depth}")
    own = {OURS: ResNet(config)}
    if config.bottleneck:
        own[EQUAL_WORK] = ResNet(replace(config, stride_in="3x3"))
    found = own | {name: make() for name, make in theirs.items()}
    if compiled:
        for name, make in theirs.items():
            found[name + COMPILED] = make()
            found[name + COMPILED].compile(dynamic=False)
    return found


def measure(
    *,
    depth: int = 50,
    batch: int = 32,
    size: int = 224,
    updates: int = 10,
    repeats: int = 5,
    device: str | None = None,
    precision: train.Precision | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> ImageNetBench:
    """Time the contestants in turn, `repeats` rounds of `updates` updates each.

    All make the same update (our loop's: SGD, channels last, one precision) on the same made-up
    images, so that only the nets differ. On a GPU ours has compiled blocks; theirs are timed as
    they come and compiled as a whole. Rounds begin with another contestant each.

    Raises: InputError for a depth that Table 1 does not have, or a device that is not there.
    """
    if size < 32:
        raise InputError(f"images of {size} pixels vanish on the way; --size must be 32 or more")
    with distributed.world(device) as here, torch.random.fork_rng():
        torch.manual_seed(0)
        precision = precision or train.fast_precision(here.device)
        compiled = twins.can_compile(here.device)
        images = torch.randn(batch, 3, size, size).to(here.device)
        images = images.contiguous(memory_format=torch.channels_last)
        labels = torch.randint(0, 1000, (batch,)).to(here.device)
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        contestants = {
            name: contestant(net, here.device, compiled and isinstance(net, ResNet))
            for name, net in nets(depth, compiled).items()
        }
        seconds: dict[str, list[float]] = {name: [] for name in contestants}
        for k in range(repeats):
            names = list(contestants)
            for name in names[k % len(names) :] + names[: k % len(names)]:
                step = contestants[name]
                seconds[name].append(timed(step, images, labels, updates, precision, here.device))
            rates = (f"{n} {updates * batch / t[k]:.1f}" for n, t in seconds.items())
            report(f"round {k + 1} of {repeats}, images a second: {', '.join(rates)}")
        return ImageNetBench(
            depth=depth,
            batch=batch,
            size=size,
            updates=updates,
            precision=precision,
            seconds={name: tuple(times) for name, times in seconds.items()},
            device=provenance.device_name(here.device.split(":")[0]),
            load=load,
            threads=torch.get_num_threads(),
            versions=versions(),
        )


Contestant = tuple[nn.Module, torch.optim.Optimizer]


def contestant(net: nn.Module, device: str, compiled: bool) -> Contestant:
    """The net on its device, and an optimizer for it."""
    net = net.to(device, memory_format=torch.channels_last).train()
    # a rate so small that made-up labels cannot make the loss grow without bound
    optimizer = torch.optim.SGD(net.parameters(), 1e-4, momentum=0.9, weight_decay=1e-4, fused=True)
    return (twins.compiled(net) if compiled else net), optimizer


def timed(
    step: Contestant,
    images: Tensor,
    labels: Tensor,
    updates: int,
    precision: train.Precision,
    device: str,
) -> float:
    """Seconds of `updates` updates, after the warm-up."""
    same = itertools.repeat((images, labels))

    def run(count: int) -> None:
        for _ in range(count):
            imagenet_training.update(*step, same, 1, precision)
        if device.startswith("cuda"):
            torch.cuda.synchronize()

    run(WARM_UP)
    began = time.perf_counter()
    run(updates)
    return time.perf_counter() - began


def versions() -> dict[str, str]:
    """Versions of what was measured."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"torch": torch.__version__}
    for name in ("torchvision", "timm"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found | {"git": provenance.git_revision(), "cores": str(runner.cores())}


def table(result: ImageNetBench) -> str:
    """The result for people: images a second, and ratios to each of theirs with their range."""
    bases = [name for name in (THEIRS, TIMM) if name in result.seconds]
    head = "".join(f"{'x ' + base:>15}{'min-max':>12}" for base in bases)
    lines = [
        f"ResNet-{result.depth}, batch {result.batch}, {result.size}x{result.size}, "
        f"{result.precision}; median of {len(result.seconds[OURS])} rounds of "
        f"{result.updates} updates",
        f"{'':24}{'images/s':>10}{head}{'n':>4}",
    ]
    for name in result.seconds:
        line = f"{name:24}{statistics.median(result.rates(name)):10.1f}"
        for base in bases:
            ratio = spread(result.ratios(name, base))
            line += f"{ratio.median:15.2f}{f'{ratio.low:.2f}-{ratio.high:.2f}':>12}"
        lines.append(f"{line}{len(result.seconds[name]):4}")
    if TIMM not in result.seconds:
        lines.append("timm is not installed: `pip install timm` adds it to the comparison")
    if result.load and result.load > 0.5 and result.device.startswith("cpu"):
        lines.append("OTHER PROGRAMS WERE RUNNING: these times are no measurement of the nets")
    load = "unknown" if result.load is None else f"{result.load:.1f}"
    named = ", ".join(f"{name} {value}" for name, value in result.versions.items())
    lines.append(f"{result.device}, {result.threads} threads, load {load} before; {named}")
    return "\n".join(lines)
