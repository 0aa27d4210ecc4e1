"""A finding says what was seen in which net, and no changed or damaged file passes for one."""

import json
from dataclasses import replace

import pytest
from test_records import HOW, make

from resnet_lab import findings
from resnet_lab.errors import InputError
from resnet_lab.findings import Finding
from resnet_lab.resnet import cifar


def finding(**changes) -> Finding:
    record = make()
    fields = dict(
        format=findings.FORMAT,
        lens="lesion",
        scale="quick",
        run=record.run,
        weights_sha256="cd" * 32,
        settings={"images": "embedded", "split": "test", "n": 500, "bn": "running", "seed": None},
        values={"error": [1.5, 2.25, 0.1 + 0.2], "block": ["a", "b", "c"], "grid": [[1.0], [2.0]]},
        how=HOW,
    )
    return Finding(**fields | changes)


def test_what_is_written_is_what_is_read(tmp_path):
    path = findings.save(finding(), tmp_path)
    assert path.parent.name == "lesion" and findings.load(path) == finding()
    assert findings.load_all("lesion", tmp_path) == [finding()]
    assert findings.load_all("landscape", tmp_path) == []


def test_every_list_has_its_line(tmp_path):
    lines = findings.save(finding(), tmp_path).read_text().splitlines()
    assert '  "grid": [[1.0], [2.0]]' in lines


def test_another_choice_is_another_file_and_another_clock_is_not(tmp_path):
    other = finding(settings=finding().settings | {"n": 1_000})
    assert findings.path_of(tmp_path, other) != findings.path_of(tmp_path, finding())
    later = finding(how=replace(HOW, seconds=99.0))
    assert findings.path_of(tmp_path, later) == findings.path_of(tmp_path, finding())
    assert later.digest == finding().digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("2.25", "2.26"), "changed after"),
        (lambda text: text[:-20], "not a whole finding"),
        (lambda text: text.replace('"scale": "quick"', '"scale": "slow"'), "scale"),
        (lambda text: text.replace('"lens"', '"lans"'), "not a finding"),
        (lambda text: "[]", "not a whole finding"),
    ],
)
def test_a_changed_file_is_refused(tmp_path, change, said):
    path = findings.save(finding(), tmp_path)
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=said) as caught:
        findings.load(path)
    assert str(path) in str(caught.value)


def test_a_later_format_is_named(tmp_path):
    path = findings.save(finding(format=2), tmp_path)
    with pytest.raises(InputError, match="format 2"):
        findings.load(path)


def test_no_number_may_be_infinite(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        findings.save(finding(values={"error": [float("nan")]}), tmp_path)


def test_a_net_of_today_is_named_as_before_it_had_an_activation():
    plain, pre = finding(), finding(run=make(cifar(20, activation="pre")).run)
    assert "pre-activation" in pre.stem and json.dumps(plain.settings)
    assert plain.stem != pre.stem


def test_findings_on_the_images_at_hand_come_first_and_others_say_so():
    one = finding()
    name = one.run.images.name
    assert findings.on_images([one], name) == (
        [one],
        f"Stored findings: 1 on {'CIFAR-10' if name == 'cifar10' else 'embedded data'}.",
    )
    other = "embedded" if name == "cifar10" else "cifar10"
    chosen, sentence = findings.on_images([one], other)
    assert chosen == [one] and "None is on" in sentence
    assert findings.on_images([], name) == ([], "Stored findings: none.")
