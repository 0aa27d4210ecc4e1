"""Section 4.2: the fast loop is the readable loop, update by update."""

import gc
import weakref
from contextlib import contextmanager

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_train import images, recipe, same

from resnet_lab import engine, train
from resnet_lab.batches import Stream
from resnet_lab.engine import FIRST, Captured, Loop
from resnet_lab.recipe import lr_at
from resnet_lab.resnet import cifar

NET = cifar(8, width=4)


def stream(batch=8, seed=0, device="cpu"):
    x, y = (tensor.to(device) for tensor in images(40))
    mean = torch.full((3, 8, 8), 0.5, device=device)
    return Stream(x, y, mean, batch=batch, pad=1, flip=True, seed=seed)


def single_view(device="cpu"):
    x, y = (tensor.to(device) for tensor in images(30, seed=1))
    mean = torch.full((3, 8, 8), 0.5, device=device)
    return train.SingleView(images=x, labels=y, mean=mean, batch=7)


def run(loop, r, *, precision="float32", state=None, **more):
    state = state or train.begin(NET, r)
    points = list(
        loop.train(state, stream(r.batch), r, precision=precision, test=single_view(), **more)
    )
    return state, points


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(warm_up=True, steps=13),
        dict(warm_up_steps=5),
        dict(batch=17),  # batches that span two passes over the 40 images
        dict(batch=90, log_every=3, test_every=6),  # and more than two
        dict(steps=3, drops=(), log_every=50, test_every=50),  # shorter than one window
        dict(momentum=0.0),
    ],
)
def test_every_point_and_weight_is_that_of_the_readable_loop(changes, precision):
    r = recipe(**changes)
    readable, expected = run(train, r, precision=precision)
    fast, points = run(engine, r, precision=precision)
    assert points == expected == fast.curve
    assert same(fast.net, readable.net)
    assert fast.step == readable.step == r.steps


def test_the_warm_up_ends_after_the_same_window():
    r = recipe(warm_up=True, steps=60, drops=(), batch=40)
    _, expected = run(train, r)
    _, points = run(engine, r)
    assert points == expected
    assert {point.lr for point in points} == {0.01, 0.1}


def test_batches_and_rates_reach_the_net_as_in_the_readable_loop(monkeypatch):
    """Order, crops, flips and rates, seen from inside of the update."""
    seen = {}

    def spy(name):
        def update(net, optimizer, x, y, precision):
            rate = float(optimizer.param_groups[0]["lr"])
            seen.setdefault(name, []).append((rate, x.clone(), y.clone()))
            return torch.ones(()), torch.zeros((), dtype=torch.int64)

        return update

    r = recipe(steps=23, drops=(6, 9, 17), log_every=4, test_every=4)
    for loop in (train, engine):
        monkeypatch.setattr(loop, "update", spy(loop))
        run(loop, r)
    assert len(seen[train]) == len(seen[engine]) == 23
    for step, (readable, fast) in enumerate(zip(seen[train], seen[engine], strict=True)):
        assert fast[0] == pytest.approx(readable[0], rel=1e-7) == pytest.approx(lr_at(step, r))
        assert torch.equal(fast[1], readable[1]) and torch.equal(fast[2], readable[2])


@given(first=st.integers(0, 30), updates=st.integers(1, 20), batch=st.integers(1, 100))
def test_the_plan_of_many_updates_is_that_of_each(first, updates, batch):
    batches = stream(batch)
    whole = batches.plan(first, updates)
    for name, values in vars(whole).items():
        parts = [getattr(batches.plan(first + k), name) for k in range(updates)]
        assert torch.equal(values, torch.cat(parts))


@pytest.mark.parametrize("loops", [(train, engine), (engine, train), (engine, engine)])
def test_a_run_can_be_stopped_in_one_loop_and_go_on_in_the_other(loops):
    r = recipe(steps=30, drops=(10, 20), warm_up=True)
    whole, expected = run(train, r)
    state = train.begin(NET, r)
    # the readable loop stops in the middle of a window, the fast one at the end of it
    run(loops[0], r, state=state, stop=lambda: state.step >= 10)
    assert state.step == (10 if loops[0] is train else 12)
    run(loops[1], r, state=state)
    assert state.curve == expected and same(state.net, whole.net)


def test_the_state_is_whole_at_every_point():
    r = recipe()
    state = train.begin(NET, r)
    for point in engine.train(state, stream(), r, test=single_view()):
        assert state.step == point.step and state.curve[-1] == point
        assert (state.seen, state.wrong, state.loss_sum) == (0, 0, 0.0)
        # a checkpoint of it can go on in the readable loop: no tensor for a rate
        assert state.optimizer.param_groups[0]["lr"] == point.lr
        state.net.eval()  # and the consumer may evaluate


def test_a_window_may_be_read_twice_and_need_not_be_read_at_all():
    r = recipe()
    state = train.begin(NET, r)
    points = []
    for window in engine.windows(state, stream(), r, test=single_view()):
        assert window.ready()
        if window.end != 8:
            points += [window.point(), window.point()]
    assert [point.step for point in points] == [4, 4, 12, 12]
    assert [point.step for point in state.curve] == [4, 8, 12]


def test_a_loss_that_is_not_finite_is_an_error():
    r = recipe(lr=1e30, drops=())
    with pytest.raises(FloatingPointError, match="at update 4"):
        run(engine, r)


def test_without_a_test_no_test_error_is_given():
    r = recipe()
    points = list(engine.train(train.begin(NET, r), stream(), r))
    assert [point.test_error for point in points] == [None] * 3


def test_a_finished_run_holds_no_memory_back(monkeypatch):
    """The next run needs it, and the garbage collector may come late."""
    made = []

    class Watched(Loop):
        def __init__(self, *arguments, **more):
            super().__init__(*arguments, **more)
            made.append(weakref.ref(self))

    monkeypatch.setattr(engine, "Loop", Watched)
    r = recipe()
    gc.disable()
    try:
        list(engine.train(train.begin(NET, r), stream(), r, test=single_view()))
        stopped = engine.train(train.begin(NET, r), stream(), r)
        next(stopped)
        stopped.close()
        del stopped
        assert len(made) == 2 and all(loop() is None for loop in made)
    finally:
        gc.enable()


# --- capture, with a stand-in for CUDA ---


class Graph:
    """Does again what was done inside of `capture`, as a CUDA graph does."""

    def __init__(self):
        self.kept, self.replays = [], 0

    def replay(self):
        self.replays += 1
        for work in self.kept:
            work()


@pytest.fixture
def cuda(monkeypatch):
    """A capture that keeps the work and does not do it."""
    graphs, open_graph = [], []

    @contextmanager
    def capture(graph, *, stream, capture_error_mode):
        graphs.append(graph)
        open_graph.append(graph)
        yield
        open_graph.pop()

    def capturable(work):
        return lambda: open_graph[-1].kept.append(work) if open_graph else work()

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    return graphs, capturable


def test_captured_work_is_done_once_a_call(cuda):
    graphs, capturable = cuda
    done = []
    work = Captured(capturable(lambda: done.append(1)), stream=object())
    for calls in range(1, 10):
        work()
        assert len(done) == calls
    assert len(graphs) == 1 and graphs[0].replays == 9 - FIRST
    assert len(graphs[0].kept) == 1


def test_with_capture_no_update_is_lost_or_done_twice(cuda):
    graphs, capturable = cuda
    r = recipe(steps=30, drops=(10, 20))
    readable, expected = run(train, r)
    state = train.begin(NET, r)
    loop = Loop(state, stream(), r, test=single_view())
    loop.update = Captured(capturable(loop.one_update), stream=object())
    loop.measure = Captured(capturable(loop.one_test), stream=object())
    points = []
    while state.step < r.steps:
        points.append(loop.launch().point())
    assert points == expected and same(state.net, readable.net)
    assert len(graphs) == 2  # one of the update, one of the test
    assert graphs[0].replays == 30 - FIRST


# --- on a GPU ---


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu_the_captured_loop_follows_the_readable_one():
    """float32 without TF32; kernels may add in another order, so 1e-4 after 30 updates."""
    r = recipe(steps=30, drops=(10, 20), batch=32)
    curves, nets = {}, {}
    for loop in (train, engine):
        state = train.begin(NET, r, "cuda")
        test = single_view("cuda")
        curves[loop] = list(loop.train(state, stream(32, device="cuda"), r, test=test))
        nets[loop] = state.net.state_dict()
    for a, b in zip(curves[train], curves[engine], strict=True):
        assert (a.step, a.lr) == (b.step, b.lr)
        assert a.train_loss == pytest.approx(b.train_loss, rel=1e-4)
    for name, value in nets[train].items():
        torch.testing.assert_close(nets[engine][name], value, rtol=1e-3, atol=1e-4)
