"""The detector's training loop: updates of accumulated parts, on one process or several.

Paper: Appendix A. RPN and head are trained jointly, a named deviation (see `recipe`).
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_training.py.
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from resnet_lab import distributed, train
from resnet_lab.detection.config import DetectorConfig
from resnet_lab.detection.faster_rcnn import FasterRCNN
from resnet_lab.detection.feed import Part, feed, generator
from resnet_lab.detection.recipe import DetectionRecipe, lr_at, parts
from resnet_lab.detection.targets import DetectionData, Target
from resnet_lab.distributed import World

TERMS = ("rpn_class", "rpn_box", "head_class", "head_box")


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of a detector's curve; losses are means over the images since the point before."""

    step: int  # updates done
    lr: float  # of the last of them
    rpn_class: float
    rpn_box: float
    head_class: float
    head_box: float
    mean_ap: float | None = None  # percent, at IoU 0.5, where it was measured

    @property
    def loss(self) -> float:
        """The sum of the four."""
        return self.rpn_class + self.rpn_box + self.head_class + self.head_box


@dataclass
class State:
    """All that a run must keep to go on exactly where it stopped.

    Order, flips and samples follow from the recipe's seed and `step`.
    """

    net: FasterRCNN
    optimizer: torch.optim.SGD
    step: int = 0  # updates done
    curve: list[Point] = field(default_factory=list)
    seconds: float = 0.0


class LossVector(nn.Module):
    """The four losses as one tensor, which is what processes can share gradients through.

    Shapes: -> (4,).
    """

    def __init__(self, net: FasterRCNN) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, images: list[Tensor], targets: list[Target], random: list[torch.Generator]
    ) -> Tensor:
        losses = self.net(images, targets, random)
        return torch.stack([getattr(losses, name) for name in TERMS])


def begin(
    config: DetectorConfig, net: nn.Module | None, recipe: DetectionRecipe, device: str = "cpu"
) -> State:
    """The state before the first update, the same on every process.

    `net` is a classification net with its weights; None begins with random ones.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        detector = FasterRCNN(config, net).to(device)
    return State(net=detector, optimizer=optimizer(detector, recipe))


def optimizer(net: nn.Module, recipe: DetectionRecipe) -> torch.optim.SGD:
    """SGD over all that learns; biases have a rate and a decay of their own."""
    learned = [(n, p) for n, p in net.named_parameters() if p.requires_grad]
    # a one-dimensional tensor is a bias, or the scale or offset of a live BN
    groups = [
        {"params": [p for _, p in learned if p.dim() > 1], "factor": 1.0, "decay": 1.0},
        {
            "params": [p for _, p in learned if p.dim() == 1],
            "factor": recipe.bias_lr,
            "decay": recipe.bias_decay,
        },
    ]
    for group in groups:
        group["weight_decay"] = recipe.weight_decay * group.pop("decay")
    return torch.optim.SGD(groups, recipe.lr, momentum=recipe.momentum)


def train_net(
    state: State,
    data: DetectionData,
    recipe: DetectionRecipe,
    *,
    here: World = World(),  # noqa: B008 - frozen
    per_device: int | None = None,
    precision: train.Precision = "float32",
    workers: int = 0,
    test: Callable[[FasterRCNN], float] | None = None,
) -> Iterator[Point]:
    """Train `state` in place; yield a Point every `recipe.log_every` updates and after the last.

    An update's gradient is the mean over `recipe.batch` images, however they are cut. `test(net)`
    is the mAP in percent, the same on every process.

    Raises: InputError if the batch cannot be cut so; FloatingPointError if a loss is not finite.
    """
    per_device = per_device or max(1, recipe.batch // here.size)
    count = parts(recipe, here.size, per_device)
    model = distributed.wrap(LossVector(state.net), here)
    sums = torch.zeros(5, dtype=torch.float64, device=here.device)  # four losses, images
    examples = feed(data, recipe, state.step, here=here, per_device=per_device, workers=workers)
    began = time.perf_counter()
    while state.step < recipe.steps:
        rate = lr_at(state.step, recipe)
        for group in state.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        state.net.train()
        sums += update(model, state, examples, recipe, count, precision)
        state.step += 1
        if state.step % recipe.log_every == 0 or state.step == recipe.steps:
            point = take_point(state, recipe, rate, distributed.total(sums, here), test)
            sums.zero_()
            state.seconds += time.perf_counter() - began
            yield point
            began = time.perf_counter()


def update(
    model: nn.Module,
    state: State,
    examples: Iterator[Part],
    recipe: DetectionRecipe,
    count: int,
    precision: train.Precision,
) -> Tensor:
    """One update from `count` parts; sums of the four losses over images, and how many images.

    Shapes: -> float64 (5,).
    """
    device = state.net.cell.device
    sums = torch.zeros(5, dtype=torch.float64, device=device)
    state.optimizer.zero_grad()
    for number in range(count):
        part = next(examples)
        random = [generator(recipe.seed, 3, position) for position in part.positions]
        # processes exchange gradients once an update: with the last part
        waits = number < count - 1 and hasattr(model, "no_sync")
        with (
            train.true_float32(),
            own_randomness(state.net, recipe.seed, 4, part.positions[0]),
            model.no_sync() if waits else contextlib.nullcontext(),
        ):
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                losses = model(part.images, part.targets, random)
            (losses.sum() / count).backward()
        sums[:4] += losses.detach().double() * len(part.images)
        sums[4] += len(part.images)
    if recipe.largest_gradient:
        learned = [p for p in model.parameters() if p.requires_grad]
        nn.utils.clip_grad_norm_(learned, recipe.largest_gradient)
    state.optimizer.step()
    return sums


@contextlib.contextmanager
def own_randomness(net: nn.Module, *entropy: int) -> Iterator[None]:
    """Dropout drawn from `entropy` alone, so that a resumed run draws what a whole one does."""
    if not any(isinstance(module, nn.Dropout) for module in net.modules()):
        yield
        return
    device = next(net.parameters()).device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(generator(*entropy).initial_seed())
        yield


def take_point(
    state: State,
    recipe: DetectionRecipe,
    rate: float,
    sums: Tensor,
    test: Callable[[FasterRCNN], float] | None,
) -> Point:
    """Close the window of updates since the last point: append it to the curve.

    Raises: FloatingPointError if a loss is not finite.
    """
    *losses, images = sums.tolist()
    if not all(map(math.isfinite, losses)):
        raise FloatingPointError(f"the loss is {sum(losses) / images} at update {state.step}")
    due = state.step == recipe.steps or (recipe.test_every and state.step % recipe.test_every == 0)
    means = {name: loss / images for name, loss in zip(TERMS, losses, strict=True)}
    point = Point(
        step=state.step, lr=rate, **means, mean_ap=test(state.net) if test and due else None
    )
    state.curve.append(point)
    return point
