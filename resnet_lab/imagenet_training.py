"""The ImageNet training loop: updates of accumulated micro-batches, on one process or several.

Paper: Section 3.4.
Notebook: notebooks/04_imagenet.py. Tests: tests/test_imagenet_training.py.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from resnet_lab import distributed, train, twins
from resnet_lab.distributed import World
from resnet_lab.imagenet_recipe import ImageNetRecipe, lr_at, micro_batches
from resnet_lab.records import Point
from resnet_lab.resnet import ResNet, ResNetConfig


@dataclass
class State:
    """All that a run must keep to go on exactly where it stopped, between two points of the curve.

    The rate follows from `step` and the validation errors in `curve`; order and augmentation of
    the images follow from the recipe's seed and `step`.
    """

    net: ResNet
    optimizer: torch.optim.SGD
    step: int = 0  # updates done
    curve: list[Point] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def errors(self) -> list[float]:
        """Validation errors so far, oldest first, in percent."""
        return [point.test_error for point in self.curve if point.test_error is not None]


def begin(config: ResNetConfig, recipe: ImageNetRecipe, device: str = "cpu") -> State:
    """The state before the first update, the same on every process."""
    net = train.new_net(config, recipe.seed).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(
        net.parameters(),
        recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,  # adds weight_decay * w to the gradient, as in Caffe
        fused=True,
    )
    return State(net=net, optimizer=optimizer)


def train_net(
    state: State,
    batches: Iterator[tuple[Tensor, Tensor]],
    recipe: ImageNetRecipe,
    *,
    here: World,
    per_device: int,
    precision: train.Precision = "float32",
    compiled: bool = False,
    test: Callable[[nn.Module], float] | None = None,
) -> Iterator[Point]:
    """Train `state` in place; yield a Point every `recipe.log_every` updates and after the last.

    `batches` gives this process's micro-batches: float32 (per_device, 3, crop, crop), int64
    (per_device,). An update's gradient is the mean over `recipe.batch` images, however they are
    cut; BN sees each micro-batch alone, so its statistics are those of `per_device` images.
    `test(net)` is the validation error in percent, the same on every process.

    Raises: InputError if the batch cannot be cut so; FloatingPointError if the loss is not finite.
    Paper: Section 3.4.
    """
    parts = micro_batches(recipe, here.size, per_device)
    net = state.net
    # the twin shares every tensor with the net, which stays as it is for tests and checkpoints
    twin = twins.compiled(net) if compiled else twins.twin(net)
    model = distributed.wrap(twin, here)
    sums = torch.zeros(3, dtype=torch.float64, device=here.device)  # loss, wrong, images
    began = time.perf_counter()
    while state.step < recipe.steps:
        lr = lr_at(state.step, state.errors, recipe)
        state.optimizer.param_groups[0]["lr"] = lr
        set_mode(twin, recipe)
        sums += update(model, state.optimizer, batches, parts, precision)
        state.step += 1
        if state.step % recipe.log_every == 0 or state.step == recipe.steps:
            point = take_point(state, recipe, lr, distributed.total(sums, here), test, here)
            sums.zero_()
            state.seconds += time.perf_counter() - began
            yield point
            began = time.perf_counter()


def set_mode(net: nn.Module, recipe: ImageNetRecipe) -> None:
    """Training mode; BN in evaluation mode where the recipe freezes it."""
    net.train()
    if recipe.frozen_bn:
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batches: Iterator[tuple[Tensor, Tensor]],
    parts: int,
    precision: train.Precision,
) -> Tensor:
    """One update from `parts` micro-batches; sums of loss, wrong answers and images.

    Shapes: -> float64 (3,).
    """
    sums = 0.0
    optimizer.zero_grad()
    for part in range(parts):
        images, labels = next(batches)
        # processes exchange gradients once an update: with the last micro-batch
        waits = part < parts - 1 and hasattr(model, "no_sync")
        with train.true_float32(), model.no_sync() if waits else contextlib.nullcontext():
            with torch.autocast(images.device.type, torch.bfloat16, precision == "bfloat16"):
                logits = model(images)
            # every micro-batch and every process counts the same: the mean of means is the mean
            loss = F.cross_entropy(logits.float(), labels)
            (loss / parts).backward()
        wrong = (logits.argmax(1) != labels).sum()
        # filled on the device: a copy from here would wait for all work queued there
        count = torch.full((), len(labels), dtype=torch.float64, device=labels.device)
        sums = sums + torch.stack([loss.detach().double() * len(labels), wrong.double(), count])
    optimizer.step()
    return sums


def take_point(
    state: State,
    recipe: ImageNetRecipe,
    lr: float,
    sums: Tensor,
    test: Callable[[nn.Module], float] | None,
    here: World,
) -> Point:
    """Close the window of updates since the last point: append it to the curve.

    Raises: FloatingPointError if the loss is not finite.
    """
    loss, wrong, images = sums.tolist()
    if not math.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss / images} at update {state.step}")
    error = None
    if test and (state.step % recipe.test_every == 0 or state.step == recipe.steps):
        with distributed.averaged_bn(state.net, here):
            error = test(state.net)
    point = Point(
        step=state.step,
        lr=lr,
        train_loss=loss / images,
        train_error=100 * wrong / images,
        test_error=error,
    )
    state.curve.append(point)
    return point
