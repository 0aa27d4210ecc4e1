"""The net of a record is the one whose weights the record names."""

import shutil

import pytest
import torch

from resnet_lab import checkpoint, records, trained
from resnet_lab.errors import InputError

SHIPPED = records.load_all(records.SHIPPED)


def one():
    record, path = next(iter(trained.with_weights(SHIPPED)))
    return record, path


def test_the_net_holds_the_tensors_of_the_file():
    record, path = one()
    net = trained.load(record)
    assert not net.training and net.config == record.run.net
    for name, tensor in checkpoint.read_weights(path).items():
        assert torch.equal(net.state_dict()[name], tensor)


def test_a_file_of_the_right_name_with_other_weights_is_passed_over(tmp_path):
    record, path = one()
    wrong = records.path_of(tmp_path, record.scale, record.run).with_suffix(".safetensors")
    wrong.parent.mkdir()
    wrong.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\1")
    assert trained.weights_of(record, [tmp_path]) is None
    assert trained.weights_of(record, [tmp_path, records.SHIPPED]) == path
    shutil.copy(path, wrong)
    assert trained.weights_of(record, [tmp_path, records.SHIPPED]) == wrong


def test_weights_that_are_nowhere_are_asked_for_in_one_sentence(tmp_path):
    record, _ = one()
    with pytest.raises(InputError, match=f"{record.run.stem}.safetensors beside its record"):
        trained.load(record, [tmp_path])
