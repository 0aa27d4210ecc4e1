"""What is read is what was written: no other format, no changed byte, no half a file."""

import hashlib
import json
from dataclasses import asdict, dataclass

import pytest

from resnet_lab import sealed
from resnet_lab.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Part:
    n: int


@dataclass(frozen=True, kw_only=True)
class Result:
    format: int
    part: Part
    how: str = ""

    @property
    def digest(self) -> str:
        return sealed.digest(asdict(self))


def read(path):
    return sealed.load(path, {1: Result}, (Part,), what="result", remedy="measure again")


def write(path, found=None, **changes):
    found = found or Result(format=1, part=Part(n=3), how="today")
    path.write_text(json.dumps(asdict(found) | {"digest": found.digest} | changes))
    return found


def test_what_is_written_is_what_is_read(tmp_path):
    assert write(tmp_path / "a.json") == read(tmp_path / "a.json")


def test_the_digest_is_the_sha_256_of_the_fields_in_order_without_how():
    text = '{"format":1,"part":{"n":3}}'
    found = Result(format=1, part=Part(n=3), how="whenever")
    assert found.digest == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"part": {"n": 4}}, "changed after"),
        ({"part": {"n": "3"}}, r"not a result \(part.n"),
        ({"part": {"n": 3, "m": 1}}, r"not a result \(part.m"),
        ({"more": 1}, r"not a result \(more"),
        ({"format": 2}, "format 2, this version reads 1"),
        ({"format": [1]}, r"format \[1\], this version reads 1"),
        ({"format": None}, "format None, this version reads 1"),
    ],
)
def test_a_changed_file_is_one_sentence_with_its_name(tmp_path, changes, said):
    path = tmp_path / "a.json"
    write(path, **changes)
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '{"format": 1}', "[" * 100_000])
def test_half_a_file_is_no_result(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match="not a whole result; measure again"):
        read(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"a\.json cannot be read \(No such file"):
        read(tmp_path / "a.json")
