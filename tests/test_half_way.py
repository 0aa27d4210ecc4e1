"""A file that says whose run it is: what was put in comes out, and nothing else is taken."""

import hashlib
import io
import json
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from resnet_lab import checkpoint, half_way, imagenet_checkpoint
from resnet_lab.detection import checkpoint as detection_checkpoint
from resnet_lab.distributed import World
from resnet_lab.errors import InputError


@dataclass
class Point:
    step: int
    loss: float


@dataclass
class State:
    net: nn.Module
    optimizer: torch.optim.SGD
    step: int = 0
    seconds: float = 0.0
    curve: list = field(default_factory=list)


KIND = half_way.Kind(magic="test 1", what="a test's checkpoint", point=Point)
HOW = {"threads": 1}


def fresh() -> State:
    net = nn.Linear(3, 2)
    return State(net, torch.optim.SGD(net.parameters(), 0.1, momentum=0.9))


def trained(path) -> State:
    state = fresh()
    for _ in range(3):
        state.optimizer.zero_grad()
        state.net(torch.rand(4, 3)).square().sum().backward()
        state.optimizer.step()
    state.step, state.seconds, state.curve = 3, 1.5, [Point(1, 0.5), Point(3, 0.25)]
    half_way.save(KIND, path, "run", HOW, state, head={"more": [1]}, tensors={"x": torch.ones(2)})
    return state


def test_all_of_a_state_comes_back(tmp_path):
    path = tmp_path / "a.pt"
    was, state = trained(path), fresh()
    head, tensors = half_way.load(KIND, path.read_bytes(), path, "run", HOW, state)
    assert head["more"] == [1] and tensors["x"].tolist() == [1, 1]
    assert (state.step, state.seconds, state.curve) == (was.step, was.seconds, was.curve)
    assert all(map(torch.equal, state.net.parameters(), was.net.parameters()))
    one, other = (s.optimizer.state_dict()["state"][0]["momentum_buffer"] for s in (state, was))
    assert torch.equal(one, other)
    assert half_way.read(tmp_path / "none.pt", World()) is None


def test_a_file_in_this_form_by_hand_is_taken(tmp_path):
    """So that a run begun with an older version goes on: the order of the head is free."""
    was, payload, state = fresh(), io.BytesIO(), fresh()
    torch.save({"optimizer": was.optimizer.state_dict(), "net": was.net.state_dict()}, payload)
    head = {"step": 7, "curve": [], "run": "run", "seconds": 2.0, "how": HOW, "is": "test 1"}
    seal = hashlib.sha256(json.dumps(head).encode() + payload.getvalue()).hexdigest()
    line = json.dumps(head | {"sha256": seal}).encode()
    content = line + b"\n" + payload.getvalue()
    half_way.load(KIND, content, tmp_path, "run", HOW, state)
    assert state.step == 7 and torch.equal(state.net.weight, was.net.weight)


@pytest.mark.parametrize(
    "spoil, run, how, says",
    [
        (lambda b: b[:-1], "run", HOW, "cut short or damaged; delete it"),
        (lambda b: b.replace(b'"step": 3', b'"step": 4'), "run", HOW, "cut short or damaged"),
        (lambda b: b[1:], "run", HOW, "is not a test's checkpoint of this program"),
        (lambda b: b"", "run", HOW, "is not a test's checkpoint"),
        (lambda b: b, "other", HOW, r"of another run \(run\)"),
        (lambda b: b, "run", {"threads": 2}, "begun with threads 1; go on with the same"),
    ],
)
def test_anything_else_is_one_sentence(tmp_path, spoil, run, how, says):
    path = tmp_path / "a.pt"
    trained(path)
    with pytest.raises(InputError, match=says):
        half_way.load(KIND, spoil(path.read_bytes()), path, run, how, fresh())


def test_no_kind_takes_anothers_file():
    kinds = [checkpoint.KIND, imagenet_checkpoint.KIND, detection_checkpoint.KIND]
    assert len({kind.magic for kind in kinds}) == 3
