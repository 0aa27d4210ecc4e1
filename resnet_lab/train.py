"""The one training loop, counted in updates, and the test error.

Paper: Section 4.2.
Notebook: notebooks/01_degradation.py. Tests: tests/test_train.py.
"""

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab.batches import normalise
from resnet_lab.recipe import WARM_UP_ERROR, Recipe, lr_at
from resnet_lab.records import Point
from resnet_lab.resnet import ResNet, ResNetConfig

Precision = Literal["float32", "bfloat16"]


def fast_precision(device: str | torch.device = "cpu") -> Precision:
    """bfloat16 where the processor multiplies it natively, else float32.

    `resnet-lab bench cpu --seeds 8` measures both sides of this rule: speed and equal errors.
    """
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    units = torch.cpu.get_capabilities()
    native = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")
    return "bfloat16" if any(units.get(unit) for unit in native) else "float32"


SEEDING = threading.Lock()  # of the one random state that all threads share


def new_net(config: ResNetConfig, seed: int) -> ResNet:
    """The net with the initial weights of `seed`; the global random state is left alone.

    Two threads may ask at the same time: a notebook does, when a slider moves while it trains.
    """
    with SEEDING, torch.random.fork_rng():
        torch.manual_seed(seed)
        return ResNet(config)


@dataclass
class State:
    """All that a run must keep to go on exactly where it stopped, between any two updates.

    No random generator lives between updates: weights, order, crops and flips are functions of
    the recipe's seed and of `step` (see `batches.Stream`).
    """

    net: ResNet
    optimizer: torch.optim.SGD
    step: int = 0  # updates done; also the position in the data order
    warming: bool = False
    loss_sum: float = 0.0  # over the images since the last point
    wrong: int = 0  # of these
    seen: int = 0
    curve: list[Point] = field(default_factory=list)
    seconds: float = 0.0


def begin(config: ResNetConfig, recipe: Recipe, device: str | torch.device = "cpu") -> State:
    """The state before the first update."""
    # shapes never change here: cuDNN tries its kernels once and keeps the fastest
    torch.backends.cudnn.benchmark = True
    net = new_net(config, recipe.seed).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        net.parameters(),
        recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,  # adds weight_decay * w to the gradient, as in Caffe
        fused=True,
    )
    return State(net=net, optimizer=optimizer, warming=recipe.warm_up)


def train(
    state: State,
    batches: Callable[[int], tuple[Tensor, Tensor]],
    recipe: Recipe,
    *,
    precision: Precision = "float32",
    test: Callable[[nn.Module], float] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Point]:
    """Train `state` in place; yield a Point every `recipe.log_every` updates and after the last.

    `batches(step)` gives the images and labels of an update, `test(net)` the test error in percent.
    `stop()` is asked before every update; when it says yes the generator ends and `state` is whole.

    Raises: FloatingPointError if the loss stops being finite.
    Paper: Section 4.2.
    """
    net, optimizer = state.net, state.optimizer
    device = next(net.parameters()).device
    # sums stay on the device between points: reading one back waits for all work queued there
    loss_sum = torch.tensor(state.loss_sum, dtype=torch.float64, device=device)
    wrong = torch.tensor(state.wrong, device=device)
    net.train()
    while state.step < recipe.steps and not stop():
        lr = optimizer.param_groups[0]["lr"] = lr_at(state.step, recipe, warming=state.warming)
        images, labels = batches(state.step)
        loss, mistakes = update(net, optimizer, images, labels, precision)
        loss_sum += loss * len(labels)
        wrong += mistakes
        state.seen += len(labels)
        state.step += 1
        if state.step % recipe.log_every == 0 or state.step == recipe.steps:
            state.loss_sum, state.wrong = loss_sum.item(), wrong.item()
            point = take_point(state, recipe, lr, test)
            loss_sum.zero_()
            wrong.zero_()
            yield point
            net.train()  # the consumer may have evaluated
    state.loss_sum, state.wrong = loss_sum.item(), wrong.item()


def update(
    net: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    precision: Precision,
) -> tuple[Tensor, Tensor]:
    """One update of `net`; returns the mean loss and the number of wrong answers, on the device.

    Shapes: float32 (batch, 3, H, W), int64 (batch,) -> (), ().
    """
    with true_float32():
        with torch.autocast(images.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
            logits = net(images)
        loss = F.cross_entropy(logits.float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.detach(), (logits.argmax(1) != labels).sum()


def take_point(
    state: State, recipe: Recipe, lr: float, test: Callable[[nn.Module], float] | None
) -> Point:
    """Close the window of updates since the last point: append it to the curve and start anew.

    Raises: FloatingPointError if the loss is not finite.
    """
    train_loss = state.loss_sum / state.seen
    if not math.isfinite(train_loss):
        raise FloatingPointError(f"the loss is {train_loss} at update {state.step}")
    due = is_test_due(state.step, recipe)
    point = Point(
        step=state.step,
        lr=lr,
        train_loss=train_loss,
        train_error=100 * state.wrong / state.seen,
        test_error=test(state.net) if test and due else None,
    )
    # Section 4.2: once the training error is below 80 % the warm-up is over and does not return
    state.warming = state.warming and point.train_error >= WARM_UP_ERROR
    state.loss_sum, state.wrong, state.seen = 0.0, 0, 0
    state.curve.append(point)
    return point


def is_test_due(step: int, recipe: Recipe) -> bool:
    """Whether the test error is measured after `step` updates."""
    return step % recipe.test_every == 0 or step == recipe.steps


@dataclass(frozen=True, kw_only=True)
class SingleView:
    """Images on which nets are tested, each as it is: call it with a net for its error in percent.

    Shapes: uint8 (N, C, H, W), int64 (N,), mean and std (C, H, W) or (C, 1, 1).
    Paper: Section 4.2, "we only evaluate the single view of the original 32x32 image".
    """

    images: Tensor
    labels: Tensor
    mean: Tensor
    std: Tensor | None = None
    batch: int = 500

    def __call__(self, net: nn.Module) -> float:
        return 100 * int(self.wrong(net)) / len(self.labels)

    @torch.no_grad()
    def wrong(self, net: nn.Module) -> Tensor:
        """Number of images that `net` classifies wrongly, on their device: () int64.

        The net is used in evaluation mode, in true float32, and left in the mode it was in.
        """
        training = {module: module.training for module in net.modules()}
        net.eval()
        wrong = torch.zeros((), dtype=torch.int64, device=self.labels.device)
        try:
            with true_float32():
                pieces = zip(
                    self.images.split(self.batch), self.labels.split(self.batch), strict=True
                )
                for x, y in pieces:
                    x = normalise(x, self.mean, self.std)
                    x = x.contiguous(memory_format=torch.channels_last)
                    wrong += (net(x).argmax(1) != y).sum()
        finally:
            for module, mode in training.items():
                module.training = mode
        return wrong


def error(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    mean: Tensor,
    std: Tensor | None = None,
    *,
    batch: int = 500,
) -> float:
    """Share of images that `net` classifies wrongly from a single view, in percent.

    Shapes: uint8 (N, C, H, W), int64 (N,), mean (C, H, W) or (C, 1, 1).
    """
    return SingleView(images=images, labels=labels, mean=mean, std=std, batch=batch)(net)


@contextmanager
def true_float32() -> Iterator[None]:
    """Products of float32 numbers keep all their bits: GPUs otherwise round them to TF32."""
    kinds = (torch.backends.cudnn.conv, torch.backends.cuda.matmul)
    before = [kind.fp32_precision for kind in kinds]
    try:
        for kind in kinds:
            kind.fp32_precision = "ieee"
        yield
    finally:
        for kind, value in zip(kinds, before, strict=True):
            kind.fp32_precision = value
