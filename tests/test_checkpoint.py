"""A run half done goes on to the same bits; what is not its checkpoint is refused, not loaded."""

import json

import pytest
import torch
from conftest import mini_job
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from resnet_lab import checkpoint
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNet, cifar
from resnet_lab.runner import prepare, stream
from resnet_lab.train import begin, train

HOW = {"device": "cpu", "precision": "float32", "threads": 1}
RUN = mini_job().run


def bits(state):
    """Everything in a state, as something that can be compared exactly."""
    tensors = [*state.net.state_dict().values()]
    for p in state.net.parameters():
        tensors += [v for v in state.optimizer.state[p].values() if isinstance(v, torch.Tensor)]
    values = [getattr(state, name) for name in checkpoint.SCALARS]
    group = {k: v for k, v in state.optimizer.param_groups[0].items() if k != "params"}
    return [t.tolist() for t in tensors], values, list(state.curve), group


def fresh():
    return begin(RUN.net, RUN.recipe)


@pytest.fixture(scope="module")
def batches(mini):
    return stream(prepare(mini, RUN.images), RUN)


@pytest.fixture(scope="module")
def half(batches):
    """A state in the middle of a window of the curve: 12 updates of 23, points after 5 and 10."""
    state = fresh()
    list(train(state, batches, RUN.recipe, stop=lambda: state.step >= 12, test=lambda net: 42.5))
    state.seconds = 1.25
    return state


@pytest.fixture(scope="module")
def content(half, tmp_path_factory):
    """The checkpoint of that state, as bytes."""
    path = tmp_path_factory.mktemp("checkpoints") / "a.checkpoint"
    checkpoint.save(path, RUN, half, HOW)
    return path.read_bytes()


def refused(path, content, message="delete it to train this run from its start", run=RUN):
    """The file is refused by a sentence that names it, and nothing of it is taken over."""
    if content is not None:
        path.write_bytes(content)
    state = fresh()
    before = bits(state)
    with pytest.raises(InputError, match=message) as caught:
        checkpoint.load(path, run, state)
    assert str(path) in str(caught.value) and "delete it" in str(caught.value)
    assert bits(state) == before
    assert content is None or path.read_bytes() == content  # the user's file is left alone


# --- round trip ---


def test_a_checkpoint_holds_all_that_a_run_needs(tmp_path, content, half):
    path = tmp_path / "a.checkpoint"
    path.write_bytes(content)
    state = checkpoint.load(path, RUN, fresh())
    assert bits(state) == bits(half)
    assert (state.step, state.seen, state.seconds) == (12, 32, 1.25)
    assert [p.step for p in state.curve] == [5, 10] and state.curve[1].test_error == 42.5
    assert checkpoint.read_head(path, RUN)[0]["how"] == HOW


def test_a_loaded_state_is_trained_on_to_the_same_bits(tmp_path, content, batches):
    whole = fresh()
    list(train(whole, batches, RUN.recipe, test=lambda net: 42.5))
    path = tmp_path / "a.checkpoint"
    path.write_bytes(content)
    state = checkpoint.load(path, RUN, fresh())
    list(train(state, batches, RUN.recipe, test=lambda net: 42.5))
    whole.seconds = state.seconds
    assert bits(state) == bits(whole)


def test_every_field_of_a_state_is_kept():
    """A field that somebody adds to State must not be forgotten here."""
    kept = {"net", "optimizer", "curve", *checkpoint.SCALARS}
    assert kept == set(type(fresh()).__dataclass_fields__)


def test_a_checkpoint_before_the_first_update_is_allowed(tmp_path):
    path = tmp_path / "a.checkpoint"
    state = fresh()
    checkpoint.save(path, RUN, state, HOW)
    assert bits(checkpoint.load(path, RUN, fresh())) == bits(state)


def test_the_first_line_can_be_read_by_a_person(content):
    head = json.loads(content.split(b"\n")[0])
    assert head["is"] == "resnet-lab checkpoint 1"
    assert (head["run"], head["step"]) == (RUN.hash, 12)


# --- what is refused ---


def test_a_checkpoint_cut_short_anywhere_is_refused(tmp_path, content):
    first_line = content.index(b"\n")
    lengths = {0, 1, first_line, first_line + 1, len(content) - 1}
    lengths |= set(range(0, len(content), len(content) // 40))
    for length in sorted(lengths):
        refused(tmp_path / "a.checkpoint", content[:length])


def test_a_checkpoint_with_something_behind_it_is_refused(tmp_path, content):
    refused(tmp_path / "a.checkpoint", content + b"\x00", "cut short or damaged")


@settings(max_examples=60)
@given(st.data())
def test_a_flipped_bit_is_refused_or_changes_no_value(tmp_path_factory, content, half, data):
    """Only a flip without meaning in the first line, such as 1e-05 to 1E-05, may pass."""
    path = tmp_path_factory.mktemp("checkpoints") / "a.checkpoint"
    first_line = content.index(b"\n")
    last = data.draw(st.sampled_from([first_line, len(content) - 1]))
    place = data.draw(st.integers(0, last))
    damaged = bytearray(content)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(damaged)
    try:
        state = checkpoint.load(path, RUN, fresh())
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert place < first_line and bits(state) == bits(half)


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"\n",
        b"null\n",
        b"[]\n",
        b'"resnet-lab checkpoint 1"\n',
        b'{"is": "resnet-lab checkpoint 2"}\n',
        b"{}\n" + b"x" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"PK\x03\x04" + bytes(100),
        b"\xff" * 1000,
    ],
)
def test_a_foreign_file_is_refused(tmp_path, foreign):
    refused(tmp_path / "a.checkpoint", foreign, "is not a checkpoint of this program")


def test_somebodys_own_torch_file_is_refused_and_never_unpickled(tmp_path):
    path = tmp_path / "a.checkpoint"
    torch.save({"net": fresh().net.state_dict()}, path)
    refused(path, path.read_bytes(), "is not a checkpoint of this program")


def test_a_first_line_without_its_hash_is_refused(tmp_path):
    line = json.dumps({"is": checkpoint.KIND.magic, "run": RUN.hash}).encode()
    refused(tmp_path / "a.checkpoint", line + b"\n", "cut short or damaged")


@pytest.mark.parametrize("changes", [dict(seed=1), dict(lr=0.2), dict(steps=24)])
def test_the_checkpoint_of_another_run_is_refused_and_named(tmp_path, content, changes):
    run = mini_job(**changes).run
    refused(tmp_path / "a.checkpoint", content, f"another run .{RUN.hash}.", run)


def test_an_edited_first_line_is_refused(tmp_path, content):
    """The tempting edit: a few updates fewer to wait for."""
    assert content.count(b'"step": 12,') == 1
    edited = content.replace(b'"step": 12,', b'"step": 22,')
    refused(tmp_path / "a.checkpoint", edited, "cut short or damaged")


def test_a_missing_checkpoint_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "none.checkpoint", None, "cannot be read")
    refused(tmp_path, None, "cannot be read")


def test_a_disk_that_is_full_keeps_the_older_checkpoint(tmp_path, monkeypatch, content, half):
    import errno
    import os

    path = tmp_path / "a.checkpoint"
    path.write_bytes(content)

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="the disk is full"):
        checkpoint.save(path, RUN, fresh(), HOW)
    assert bits(checkpoint.load(path, RUN, fresh())) == bits(half)


# --- weights ---


def test_weights_are_safetensors_that_other_programs_read(tmp_path, half):
    path = tmp_path / "a.safetensors"
    path.write_bytes(checkpoint.weights(half.net))
    theirs = load_file(path)
    assert theirs.keys() == half.net.state_dict().keys()
    assert all(torch.equal(theirs[n], v) for n, v in half.net.state_dict().items())
    net = ResNet(RUN.net)
    net.load_state_dict(checkpoint.read_weights(path))
    x = torch.rand(4, 3, 8, 8)
    assert torch.equal(net.eval()(x), half.net.eval()(x))


def test_equal_weights_are_equal_bytes_in_any_memory_order():
    net = ResNet(RUN.net)
    before = checkpoint.weights(net)
    assert checkpoint.weights(net.to(memory_format=torch.channels_last)) == before
    with torch.no_grad():
        net.classifier.bias[0] += 1e-7
    assert checkpoint.weights(net) != before


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + bytes(50), b"\xff" * 64])
def test_a_file_that_is_no_safetensors_is_refused(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a whole safetensors file") as caught:
        checkpoint.read_weights(path)
    assert str(path) in str(caught.value)


def test_weights_cut_short_are_refused(tmp_path):
    whole = checkpoint.weights(ResNet(RUN.net))
    path = tmp_path / "a.safetensors"
    for length in {*range(0, len(whole), len(whole) // 20), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match="not a whole safetensors file"):
            checkpoint.read_weights(path)


@settings(max_examples=60)
@given(st.data())
def test_damaged_weights_are_refused_or_read_but_nothing_else(tmp_path_factory, data):
    """The format has no checksum: a flipped bit may be read, but never ends in a traceback."""
    content = bytearray(checkpoint.weights(ResNet(cifar(8, width=1))))
    header = int.from_bytes(content[:8], "little") + 8
    content[data.draw(st.integers(0, header - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.mktemp("weights") / "a.safetensors"
    path.write_bytes(content)
    try:
        checkpoint.read_weights(path)
    except InputError as error:
        assert str(path) in str(error)


def test_weights_in_a_type_that_torch_does_not_read_are_refused(tmp_path):
    header = b'{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}'
    path = tmp_path / "a.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\x00")
    with pytest.raises(InputError):
        checkpoint.read_weights(path)


def test_missing_weights_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            checkpoint.read_weights(path)
