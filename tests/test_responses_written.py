"""Files of Figure 7: from what is stored, or a sentence."""

import csv
import json

import pytest
import torch
from test_claims_responses import as_in_the_paper, nets

from resnet_lab import ResNet, cifar, findings, records, tables
from resnet_lab.errors import InputError
from resnet_lab.layer_responses import measure, written

RECORDED, MEASURED = nets(as_in_the_paper, seeds=1)


def test_figure_and_table_from_findings_beside_the_records(tmp_path):
    for finding in MEASURED:
        findings.save(finding, tmp_path / "records" / "findings")
    paths = tables.write_experiment("figure_7", RECORDED, "quick", "cifar10", tmp_path / "figures")
    assert [p.name for p in paths] == ["figure_7_quick_cifar10.png", "figure_7_quick_cifar10.md"]
    text = paths[1].read_text(encoding="utf-8")
    assert (
        "Stored responses of 5 nets, measured on CIFAR-10" in text
        and "| ResNet-110 | 109 |" in text
    )


def test_the_command_draws_the_shipped_ones(tmp_path):
    for images in ("cifar10", "embedded"):
        paths = tables.write_all(["figure_7"], "quick", images, tmp_path)
        assert all(path.stat().st_size > 500 for path in paths)


def test_runs_that_nobody_looked_into_are_a_sentence(tmp_path):
    with pytest.raises(InputError, match="reproduce figure_7"):
        written.write(RECORDED, tmp_path, tmp_path / "x")
    assert records.SHIPPED.exists()


def test_csv_json_and_png_of_anybodys_net(tmp_path):
    found = measure(ResNet(cifar(8, width=4)), [torch.randn(2, 3, 8, 8)])
    paths = written.write_own(found, {"images": "noise"}, tmp_path)
    with paths[0].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["std"]) for row in rows] == found.std
    whole = json.loads(paths[1].read_text(encoding="utf-8"))
    assert whole["settings"] == {"images": "noise"} and len(whole["layers"]) == 7
    assert paths[2].read_bytes()[:4] == b"\x89PNG"
