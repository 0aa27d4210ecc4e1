"""The same training made fast on a GPU: the whole update is captured once and then replayed.

A net of 20 layers is some hundred small kernels an update, and a GPU is done with them sooner
than Python can ask for the next. A captured graph is asked for once. The images lie on the
device as bytes; which of them an update sees, how they are cropped and flipped, and its learning
rate go there in one copy for all updates up to the next point of the curve, and nothing is read
back before that point.

On a processor the same code runs without capture; its tests rest on that.

Paper: Section 4.2.
Notebook: notebooks/05_cifar.py. Tests: tests/test_engine.py.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from resnet_lab.batches import EpochPlan, Stream
from resnet_lab.recipe import Recipe, lr_at
from resnet_lab.records import Point
from resnet_lab.train import Precision, SingleView, State, is_test_due, take_point, update

FIRST = 3  # calls that run as they are: they compile, choose kernels and make their workspaces


class Captured:
    """Work on fixed tensors: run as it is at first, then captured as a CUDA graph and replayed.

    The first calls count like all others, so nothing has to be undone after the capture.
    """

    def __init__(self, work: Callable[[], None], stream: torch.cuda.Stream | None) -> None:
        self.work, self.stream = work, stream
        self.graph: torch.cuda.CUDAGraph | None = None
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        if self.stream is None or self.calls <= FIRST:
            self.work()
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            # thread_local: what other threads do meanwhile is none of this capture's business
            with torch.cuda.graph(
                self.graph, stream=self.stream, capture_error_mode="thread_local"
            ):
                self.work()  # is written down here, and happens in the replay below
        self.graph.replay()


class Feed:
    """What the updates up to the next point need, on the device; each takes the next row.

    Shapes: choices (rows, 4, batch) holds order, dy, dx and flip; rates (rows,).
    """

    def __init__(self, stream: Stream, recipe: Recipe) -> None:
        self.stream, self.recipe = stream, recipe
        device, rows = stream.images.device, recipe.log_every
        self.choices = torch.zeros(rows, 4, recipe.batch, dtype=torch.int64, device=device)
        self.rates = torch.zeros(rows, device=device)
        self.row = torch.zeros(1, dtype=torch.int64, device=device)

    def fill(self, step: int, updates: int, *, warming: bool) -> float:
        """Send the rows of `updates` updates from `step` on; returns the rate of the last one."""
        plan = self.stream.plan(step, updates)
        fields = torch.stack([field.long() for field in vars(plan).values()])
        choices = fields.view(4, updates, self.recipe.batch).transpose(0, 1).contiguous()
        rates = [lr_at(k, self.recipe, warming=warming) for k in range(step, step + updates)]
        for there, here in ((self.choices, choices), (self.rates, torch.tensor(rates))):
            if there.is_cuda:
                here = here.pin_memory()  # or the copy would wait for all work before it
            there[:updates].copy_(here, non_blocking=True)
        self.row.zero_()
        return rates[-1]

    def take(self, lr: Tensor) -> tuple[Tensor, Tensor]:
        """Images and labels of the next row; its learning rate is written to `lr`."""
        order, dy, dx, flip = self.choices.index_select(0, self.row)[0]
        lr.copy_(self.rates.index_select(0, self.row)[0])
        self.row += 1
        return self.stream.augment(EpochPlan(order, dy, dx, flip.bool()))


class Window:
    """The updates up to the next point of the curve, on their way on the device."""

    def __init__(self, loop: "Loop", end: int, lr: float, done: torch.cuda.Event | None) -> None:
        self.loop, self.end, self.lr, self.done = loop, end, lr, done
        self.taken: Point | None = None

    def ready(self) -> bool:
        """Whether `point` would return at once."""
        return self.done is None or self.done.query()

    def point(self) -> Point:
        """Wait for the device, and bring the state up to the point. The same point if called again.

        Raises: FloatingPointError if the loss is not finite.
        """
        if self.taken is None:
            if self.done is not None:
                self.done.synchronize()
            self.taken = self.loop.close(self)
        return self.taken


class Loop:
    """A state in training, with all that its captured update works on."""

    def __init__(
        self,
        state: State,
        batches: Stream,
        recipe: Recipe,
        *,
        precision: Precision = "float32",
        test: SingleView | None = None,
        net: nn.Module | None = None,
    ) -> None:
        self.state, self.recipe, self.precision, self.test = state, recipe, precision, test
        self.net = net or state.net  # or a twin of it
        device = batches.images.device
        self.side = torch.cuda.Stream(device) if device.type == "cuda" else None
        if self.side:
            self.side.wait_stream(torch.cuda.current_stream(device))
        with self.stream():
            self.feed = Feed(batches, recipe)
            self.lr = torch.zeros((), device=device)
            self.loss_sum = torch.tensor(state.loss_sum, dtype=torch.float64, device=device)
            self.wrong = torch.tensor(state.wrong, device=device)
            self.test_wrong = torch.zeros((), dtype=torch.int64, device=device)
        self.update, self.measure = (
            Captured(work, self.side) for work in (self.one_update, self.one_test)
        )

    def stream(self) -> AbstractContextManager:
        """Where this loop queues its work, beside that of others on the same GPU."""
        return torch.cuda.stream(self.side) if self.side else nullcontext()

    def one_update(self) -> None:
        """The update of `train.train`, on the next row of the feed."""
        images, labels = self.feed.take(self.lr)
        loss, mistakes = update(self.net, self.state.optimizer, images, labels, self.precision)
        self.loss_sum += loss * len(labels)
        self.wrong += mistakes

    def one_test(self) -> None:
        """The test of `train.train`, which leaves its count on the device."""
        self.test_wrong.copy_(self.test.wrong(self.state.net))

    def launch(self) -> Window:
        """Queue all updates up to the next point of the curve, and its test if one is due."""
        state, recipe = self.state, self.recipe
        end = min((state.step // recipe.log_every + 1) * recipe.log_every, recipe.steps)
        group = state.optimizer.param_groups[0]
        with self.stream():
            lr = self.feed.fill(state.step, end - state.step, warming=state.warming)
            group["lr"] = self.lr
            self.net.train()
            for _ in range(end - state.step):
                self.update()
            if self.test and is_test_due(end, recipe):
                self.measure()
            group["lr"] = lr  # a number again, for whoever reads or saves the optimizer
            done = self.side.record_event() if self.side else None
        return Window(self, end, lr, done)

    def close(self, window: Window) -> Point:
        """The point at the end of `window`, whose work is done."""
        state = self.state
        with self.stream():
            state.loss_sum, state.wrong = self.loss_sum.item(), self.wrong.item()
            state.seen += (window.end - state.step) * self.recipe.batch
            state.step = window.end
            self.loss_sum.zero_()
            self.wrong.zero_()
            return take_point(state, self.recipe, window.lr, self.test and self.test_error)

    def free(self) -> None:
        """Let go of the captured work and its memory: work and loop know each other."""
        if self.side:
            self.side.synchronize()  # what is still queued works in that memory
        del self.update, self.measure

    def test_error(self, _net: nn.Module) -> float:
        """The test error that `measure` has counted, in percent."""
        return 100 * self.test_wrong.item() / len(self.test.labels)


def windows(
    state: State,
    batches: Stream,
    recipe: Recipe,
    *,
    precision: Precision = "float32",
    test: SingleView | None = None,
    net: nn.Module | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Window]:
    """As `train`, but hands out each window when its work is queued, not when it is done.

    Several runs share a GPU that way: queue a window of each, then wait for whichever is ready.
    """
    loop = Loop(state, batches, recipe, precision=precision, test=test, net=net)
    try:
        while state.step < recipe.steps and not stop():
            window = loop.launch()
            yield window
            window.point()
    finally:
        loop.free()


def train(
    state: State,
    batches: Stream,
    recipe: Recipe,
    *,
    precision: Precision = "float32",
    test: SingleView | None = None,
    net: nn.Module | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[Point]:
    """Train `state` in place, as `train.train` does; yield a Point where that does.

    `net`, a twin of `state.net` (see `twins`), is computed in its place. `stop()` is asked before
    every window of updates; when it says yes the generator ends and `state` is whole.

    Raises: FloatingPointError if the loss stops being finite.
    Paper: Section 4.2.
    """
    for window in windows(
        state, batches, recipe, precision=precision, test=test, net=net, stop=stop
    ):
        yield window.point()
