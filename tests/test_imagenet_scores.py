"""Errors on a whole folder, and the paper's row beside them."""

import json
from dataclasses import replace

import pytest
import torch

from resnet_lab import augmentation, drawn_images, imagenet_folder, imagenet_rows, imagenet_scores
from resnet_lab.distributed import World
from resnet_lab.errors import InputError
from resnet_lab.imagenet_evaluation import Protocol, ensemble
from resnet_lab.imagenet_loader import broken_policy
from resnet_lab.imagenet_weights import Source
from resnet_lab.resnet import ResNet, ResNetConfig, imagenet

SMALL = dict(side=72, crop=64, sides=(64, 80))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drawn") / "imagenet"
    return imagenet_folder.find(drawn_images.draw(folder, classes=6, train=1, val=4), "val")


def source(seed=0, classes=6):
    torch.manual_seed(seed)
    config = ResNetConfig(
        blocks=(1, 1, 1, 1), widths=(4, 4, 6, 8), stem="imagenet", classes=classes
    )
    return Source(
        name=f"{seed}.pth",
        net=ResNet(config).eval(),
        statistics=augmentation.published(divide=True),
    )


@pytest.mark.parametrize("name", ["centre", "10-crop", "multi-scale"])
def test_errors_are_those_of_single_images_one_by_one(files, name):
    protocol, sources = Protocol(name=name, **SMALL), [source(0), source(1)]
    found = imagenet_scores.score(
        sources, files, protocol, here=World(), batch=7, workers=1, broken="skip"
    )
    wrong, wrong5, count = 0, 0, 0
    for i in range(len(files)):
        try:
            image = augmentation.decode(files.read(i))
        except augmentation.BrokenImage:
            continue
        nets, own = [s.net for s in sources], [s.statistics for s in sources]
        ranked = ensemble(nets, own, [protocol(image)], protocol)[0].argsort(descending=True)
        wrong += int(ranked[0] != files.labels[i])
        wrong5 += int(files.labels[i] not in ranked[:5])
        count += 1
    assert found.images == count == len(files) - 2
    assert (found.top1, found.top5) == pytest.approx((100 * wrong / count, 100 * wrong5 / count))
    assert len(found.broken_files) == 2 and "val/class_00/broken_cut.JPEG" in found.broken_files[0]


def test_two_processes_count_what_one_counts(files):
    def counted(here):
        met = broken_policy("skip")
        words = (met, here, 5, 0, "float32", lambda done: None)
        sums = imagenet_scores.count_mistakes([source()], files, Protocol(**SMALL), *words)
        return sums, set(met.names)

    whole, names = counted(World())
    halves = [counted(World(rank=rank, size=2)) for rank in range(2)]
    assert torch.equal(halves[0][0] + halves[1][0], whole) and whole[2] == len(files) - 2
    assert halves[0][1] | halves[1][1] == names and len(names) == 2


def test_a_broken_image_is_fatal_by_default(files):
    with pytest.raises(InputError, match="broken image val/class_00/broken_cut.JPEG"):
        imagenet_scores.score([source()], files, Protocol(**SMALL), here=World(), workers=0)


def test_a_net_of_other_classes_is_refused_and_synsets_help(files, tmp_path):
    with pytest.raises(InputError, match="tells 9 classes, .* has 6; --synsets"):
        imagenet_scores.check_classes([source(classes=9)], files)
    path = tmp_path / "synsets.txt"
    path.write_text("\n".join(f"class_{i:02d} a name" for i in range(9)), encoding="utf-8")
    names = imagenet_scores.read_synsets(path)
    longer = imagenet_folder.relabelled(files, names)
    imagenet_scores.check_classes([source(classes=9)], longer)
    path.write_text("a\na\n", encoding="utf-8")
    with pytest.raises(InputError, match="once"):
        imagenet_scores.read_synsets(path)
    with pytest.raises(InputError, match="cannot be read"):
        imagenet_scores.read_synsets(tmp_path / "absent")


ROWS = [
    (imagenet(50), "10-crop", 1, "Table 3", "table3.resnet_50"),
    (imagenet(152, stride_in="3x3"), "10-crop", 1, "Table 3", "table3.resnet_152"),
    (imagenet(34), "10-crop", 1, "Table 3", "table3.resnet_34_A"),
    (imagenet(34, shortcut="C"), "10-crop", 1, "Table 3", "table3.resnet_34_C"),
    (imagenet(34, shortcut="none"), "10-crop", 1, "Table 3", "table3.plain_34"),
    (imagenet(101), "multi-scale", 1, "Table 4", "table4.resnet_101"),
    (imagenet(34, shortcut="B"), "multi-scale", 1, "Table 4", "table4.resnet_34_B"),
]


@pytest.mark.parametrize("config, protocol, nets, place, path", ROWS, ids=lambda v: str(v)[-20:])
def test_the_row_beside_ours_is_the_papers(paper, config, protocol, nets, place, path):
    found = imagenet_rows.printed(config, Protocol(name=protocol), nets)
    table, row = path.split(".")
    printed = paper["tables"][table][row]
    assert (found.top1, found.top5) == (printed["top1"]["value"], printed["top5"]["value"])
    assert found.place == place


def test_rows_that_stand_elsewhere_or_nowhere(paper):
    def row(config, name, nets=1):
        return imagenet_rows.printed(config, Protocol(name=name), nets)

    table2 = paper["tables"]["table2"]
    assert row(imagenet(18), "10-crop").top1 == table2["resnet_18"]["value"]
    assert row(imagenet(18, shortcut="none"), "10-crop").top1 == table2["plain_18"]["value"]
    assert row(imagenet(18, shortcut="B"), "10-crop").place == "not in the paper"
    assert row(imagenet(18), "multi-scale").place == "not in the paper"
    assert row(imagenet(50), "centre").top1 == 24.7
    assert row(imagenet(152), "multi-scale", 2).top5 == 3.57


def test_the_result_says_what_differs_and_is_strict_json(files, tmp_path):
    config = replace(imagenet(50, stride_in="3x3"), widths=(2, 2, 2, 2), classes=6)
    one = Source(
        name="torchvision:resnet50:IMAGENET1K_V1",
        net=ResNet(config),
        statistics=augmentation.published(divide=True),
    )
    found = imagenet_scores.score(
        [one], files, Protocol(**SMALL), here=World(), workers=0, broken="skip"
    )
    shown = imagenet_scores.table(found)
    for words in (
        "22.85",
        "6.71",
        "Table 3",
        "torchvision's recipe",
        "stride in the 3x3",
        "Table 1's",
    ):
        assert words in shown
    assert "deviation" in shown and "2 broken files left out" in shown
    path = imagenet_scores.save(found, tmp_path)
    read = json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(word))
    assert read["top1"] == found.top1 and read["paper"]["top1"] == 22.85
    assert len(read["weights_sha256"][0]) == 64
