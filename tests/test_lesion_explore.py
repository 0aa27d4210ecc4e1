"""The error behind the buttons is that of the net evaluated without those blocks."""

import time

import pytest

from resnet_lab import data, lesion, lesion_explore, records
from resnet_lab.errors import InputError


@pytest.fixture(scope="module")
def embedded():
    return data.load(name="embedded")


@pytest.fixture(scope="module")
def chosen(embedded):
    return lesion_explore.patients(records.load_all(records.SHIPPED), embedded)


@pytest.fixture(scope="module")
def patient(chosen, embedded):
    return lesion_explore.Patient(next(r for r in chosen if r.net == "ResNet-20"), embedded, n=60)


def test_weights_of_both_kinds_ship_for_the_embedded_images(chosen):
    nets = [record.net for record in chosen]
    assert nets[0] == "ResNet-56" and {"ResNet-20", "plain-56", "plain-20"} <= set(nets)


def test_the_error_is_that_of_a_whole_pass(patient):
    assert patient.blocks == ["1.1", "1.2", "1.3", "2.1", "2.2", "2.3", "3.1", "3.2", "3.3"]
    assert patient.error() == patient.sample()(patient.net)
    one = lesion.Lesioned(patient.net, (0, None, 2, 3, 4, 5, 6, 7, None))
    assert patient.error(["1.2", "3.3"]) == patient.sample()(one)
    assert len(patient.sample(7).labels) == 7


def test_every_block_may_go(patient):
    assert patient.error(patient.blocks) > patient.error()
    figure = lesion_explore.view(patient, patient.blocks)
    assert "left out: 9" in figure.axes[0].get_title() or "1.1, 1.2" in figure.axes[0].get_title()


def test_a_click_answers_within_a_second(patient):
    began = time.perf_counter()
    patient.error(["1.1"])
    assert time.perf_counter() - began < 1


def test_mistakes_are_one_sentence(patient, chosen, mini):
    with pytest.raises(InputError, match="no block '4.1'; they are 1.1 to 3.3"):
        patient.error(["4.1"])
    with pytest.raises(InputError, match="content hash"):
        lesion_explore.Patient(chosen[0], mini)
