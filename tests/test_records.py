"""A record says what was run and how it ended, and no changed or damaged file passes for one."""

import copy
import hashlib
import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_lab import records
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe
from resnet_lab.records import Final, How, Point, Record
from resnet_lab.resnet import cifar
from resnet_lab.runs import Images, Run

HOW = How(
    device="cpu (x86_64)",
    precision="float32",
    threads=1,
    torch="2.11.0",
    resnet_lab="0.1.0",
    python="3.12.1",
    git="0123456789ab+",
    seconds=12.5,
    finished="2026-01-02T03:04:05+00:00",
)


def make(net=None, *, seed=0, scale="own", images=None, how=HOW, **recipe):
    recipe = dict(steps=30, drops=(10, 20), log_every=10, test_every=20, seed=seed) | recipe
    return Record(
        format=records.FORMAT,
        scale=scale,
        run=Run(
            net=net or cifar(20),
            recipe=Recipe(**recipe),
            images=images or Images(content_hash="ab"),
        ),
        curve=(
            Point(step=10, lr=0.1, train_loss=2.302585092994046, train_error=90.0),
            Point(step=20, lr=0.01, train_loss=0.1 + 0.2, train_error=50.0, test_error=55.25),
            Point(step=30, lr=0.001, train_loss=1e-05, train_error=0.0, test_error=56.0),
        ),
        final=Final(step=30, train_error=0.0, test_error=56.0),
        weights_sha256="cd" * 32,
        how=how,
    )


def leaves(value, path=()):
    """Every number, string, truth value and null of a JSON value, with the way to it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from leaves(inner, (*path, i))
    else:
        yield path, value


def put(fields, path, value):
    fields = copy.deepcopy(fields)
    place = fields
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return fields


def refused(path, content, message="."):
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(InputError, match=message) as caught:
        records.load(path)
    assert str(path) in str(caught.value)


# since the first records
ADDED = [("how", name) for name in ("fast", "compiled", "recomputed", "at_once")]
DEFAULTS = [("run", "net"), ("run", "recipe"), ("run", "images")]  # parts whose fields have one


@pytest.fixture
def saved(tmp_path):
    """Path and JSON of a record on disk."""
    path = records.save(make(), tmp_path)
    return path, json.loads(path.read_bytes())


# --- what is written ---


def test_a_record_comes_back_as_it_was(tmp_path):
    record = make()
    path = records.save(record, tmp_path)
    assert path == tmp_path / "own" / f"{record.run.stem}.json"
    again = records.load(path)
    assert again == record and again.digest == record.digest
    assert again.run.hash == record.run.hash
    first = path.read_bytes()
    records.save(again, tmp_path)
    assert path.read_bytes() == first


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=40)
@given(st.lists(st.tuples(numbers, numbers, numbers, st.none() | numbers), max_size=6))
def test_every_number_comes_back_to_the_last_bit(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("records")
    curve = tuple(
        Point(step=i, lr=lr, train_loss=loss, train_error=error, test_error=test)
        for i, (lr, loss, error, test) in enumerate(rows)
    )
    record = replace(make(), curve=curve)
    assert records.load(records.save(record, folder)) == record


def test_the_file_is_strict_json_with_one_line_a_point(saved):
    path, fields = saved

    def no_constants(word):
        raise AssertionError(f"{word} is not JSON")

    text = path.read_text()
    assert json.loads(text, parse_constant=no_constants) == fields
    assert sum('"train_loss"' in line for line in text.splitlines()) == 3
    assert sum('"step"' in line for line in text.splitlines()) == 4  # and the final one
    assert text.endswith("}\n")


def test_the_digest_is_the_hash_of_all_but_how(saved):
    _, fields = saved
    stored = fields.pop("digest")
    fields.pop("how")
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    assert stored == hashlib.sha256(text.encode()).hexdigest() == make().digest


def test_the_digest_does_not_depend_on_the_clock_or_the_machine():
    other = How(
        device="another",
        precision="bfloat16",
        threads=8,
        torch="3",
        resnet_lab="2",
        python="4",
        git="",
        seconds=0.0,
        finished="never",
    )
    assert make(how=other).digest == make().digest


def test_the_digest_depends_on_all_else():
    record = make()
    others = [
        replace(record, scale="quick"),
        replace(record, weights_sha256="00"),
        replace(record, final=replace(record.final, test_error=55.0)),
        replace(record, curve=record.curve[:-1]),
        replace(record, curve=record.curve[::-1]),
        make(seed=1),
        make(cifar(20, shortcut="none")),
        make(images=Images(content_hash="ac")),
    ]
    assert len({r.digest for r in [record, *others]}) == 1 + len(others)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_that_json_does_not_have_is_never_written(tmp_path, value):
    record = make()
    broken = replace(record, final=replace(record.final, test_error=value))
    with pytest.raises(ValueError):
        records.save(broken, tmp_path)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("changes", [dict(lr=1), dict(weight_decay=0), dict(momentum=0)])
def test_a_recipe_with_a_whole_number_can_be_read_back(tmp_path, changes):
    """`Recipe(weight_decay=0)` is what anybody types."""
    record = make(**changes)
    assert records.load(records.save(record, tmp_path)) == record


# --- what is refused ---


def test_every_changed_field_is_refused(saved):
    path, fields = saved
    tried = 0
    for where, value in leaves(fields):
        if where[0] == "how":  # free to differ: see the digest
            continue
        match value:
            case bool():
                other = not value
            case int() | float():
                other = value + 1
            case str():
                other = value + "0"
            case None:
                other = 1.0
        refused(path, put(fields, where, other))
        tried += 1
    assert tried > 40


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf, [], {}, "x", True, 1e400])
def test_a_wrong_type_in_any_field_is_refused(saved, wrong):
    path, fields = saved
    for where, value in leaves(fields):
        if type(value) is type(wrong) and not isinstance(wrong, float):
            continue  # another word or truth value is the business of the digest
        refused(path, put(fields, where, wrong))


def test_null_is_refused_where_something_must_be(saved):
    path, fields = saved
    for where, value in leaves(fields):
        if value is not None:
            refused(path, put(fields, where, None))


def test_a_missing_field_is_refused_unless_its_default_is_what_stood_there(saved):
    path, fields = saved
    whole = records.load(path)
    for where, _ in leaves(fields):
        if isinstance(where[-1], int) or where[-1] == "digest":
            continue
        less = copy.deepcopy(fields)
        place = less
        for key in where[:-1]:
            place = place[key]
        del place[where[-1]]
        path.write_text(json.dumps(less))
        try:
            assert records.load(path) == whole
        except InputError as error:
            assert str(path) in str(error)
            assert where[-1] in str(error) or "changed" in str(error)
        else:
            assert where[:2] in DEFAULTS or where in ADDED or where == ("curve", 0, "test_error")
    refused(path, {k: v for k, v in fields.items() if k != "how"}, "how: .*required")
    refused(path, {k: v for k, v in fields.items() if k != "digest"})


@pytest.mark.parametrize(
    "where",
    [
        (),
        ("run",),
        ("run", "net"),
        ("run", "recipe"),
        ("run", "images"),
        ("curve", 0),
        ("final",),
        ("how",),
    ],
)
def test_an_extra_key_is_refused_anywhere(saved, where):
    path, fields = saved
    refused(path, put(fields, (*where, "extra"), 1), "extra")


def test_a_file_cut_short_anywhere_is_refused(saved):
    path, _ = saved
    whole = path.read_bytes()
    for length in (*range(0, len(whole) - 2, 11), len(whole) - 3, len(whole) - 2):
        refused(path, whole[:length])


@settings(max_examples=150)
@given(st.data())
def test_a_flipped_bit_is_refused_or_changes_no_value(tmp_path_factory, data):
    """Only a flip without meaning, such as 1e-05 to 1E-05, may pass."""
    folder = tmp_path_factory.mktemp("records")
    record = make()
    path = records.save(record, folder)
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    try:
        again = records.load(path)
    except InputError as error:
        assert str(path) in str(error)
    else:
        assert replace(again, how=HOW) == record


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"3",
        b"[]",
        b"{}",
        b'"text"',
        b'{"digest": 1}',
        b"\x89PNG\r\n\x1a\n\x00",
        b"\xff\xfe",
        b"{" * 50,
    ],
)
def test_a_foreign_file_is_refused_with_a_remedy(tmp_path, content):
    refused(tmp_path / "a.json", content, "move it away and run `resnet-lab reproduce` again")


def test_endless_brackets_are_refused_like_any_foreign_file(tmp_path):
    refused(tmp_path / "a.json", b"[" * 200_000)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(InputError, match="cannot be read") as caught:
            records.load(path)
        assert str(path) in str(caught.value)


def test_a_refused_recipe_is_refused_on_disk_too(saved):
    path, fields = saved
    refused(path, put(fields, ("run", "recipe", "steps"), -1), "steps must be above 0")
    refused(path, put(fields, ("run", "net", "shortcut"), "D"), "shortcut")
    refused(path, put(fields, ("scale",), "huge"), "scale")


def test_a_record_of_another_format_says_so(tmp_path):
    path = records.save(replace(make(), format=99), tmp_path)
    with pytest.raises(InputError, match=f"format 99, this version reads {records.FORMAT}"):
        records.load(path)


def test_an_edited_result_is_called_changed(saved):
    """The tempting edit: a better test error, everywhere it stands."""
    path, fields = saved
    for where in (("final", "test_error"), ("curve", 2, "test_error")):
        fields = put(fields, where, 6.43)
    refused(path, fields, "was changed after it was written")


# --- many records ---


def test_all_records_are_found_and_the_first_folder_wins(tmp_path):
    ours, shipped = tmp_path / "ours", tmp_path / "shipped"
    one = make(seed=1)
    twin = replace(one, weights_sha256="ef" * 32)  # the same run, trained elsewhere
    records.save(one, ours)
    records.save(twin, shipped)
    records.save(make(seed=2), shipped)
    records.save(make(seed=2, scale="paper"), shipped)
    (ours / "own" / ".half.json.tmp").write_text("left by a killed process")
    (ours / "own" / "weights.safetensors").write_bytes(b"weights")
    found = records.load_all(ours, shipped)
    assert len(found) == 3 and found[0] == one and twin not in found
    assert records.load_all(shipped, ours)[0] == twin
    assert records.load_all(tmp_path / "nothing here") == [] == records.load_all()


def test_one_damaged_record_is_not_passed_over(tmp_path):
    records.save(make(), tmp_path)
    (tmp_path / "own" / "b.json").write_text("{")
    with pytest.raises(InputError, match="b.json"):
        records.load_all(tmp_path)


def test_a_changed_recipe_never_overwrites_a_record(tmp_path):
    paths = {
        records.save(record, tmp_path)
        for record in (make(), make(steps=31), make(seed=1), make(scale="quick"), make(lr=0.2))
    }
    assert len(paths) == 5 and all(path.exists() for path in paths)


@pytest.mark.parametrize(
    "net, name",
    [
        (cifar(20), "ResNet-20"),
        (cifar(56, shortcut="none"), "plain-56"),
        (cifar(20, width=8), "ResNet-20"),
    ],
)
def test_a_record_names_its_net_as_the_paper_does(net, name):
    assert make(net).net == name
