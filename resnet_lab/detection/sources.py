"""Data sets, backbones and weights by the names that the command line gives them.

Paper: Section 4.3; Appendix A.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_sources.py.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor, nn

from resnet_lab import checkpoint, evaluation, imagenet_weights
from resnet_lab.detection import backbones, pretraining, scenes
from resnet_lab.detection.config import DetectorConfig, toy
from resnet_lab.detection.recipe import COCO, TOY, VOC, DetectionRecipe, Pretraining
from resnet_lab.detection.targets import DetectionData
from resnet_lab.distributed import World, from_first
from resnet_lab.errors import InputError
from resnet_lab.files import write_whole
from resnet_lab.resnet import imagenet

RECIPES = {"scenes": TOY, "voc": VOC, "coco": COCO}
COCO_PARTS = {
    "coco": {"train": "train2014", "test": "val2014"},
    "coco2017": {"train": "train2017", "test": "val2017"},
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """The classification net that a detector begins with."""

    name: str  # "crops", "random", or a hash of the weights
    net: nn.Module | None  # None: random weights
    pretraining: Pretraining | None = None


def data(
    name: str, part: str, root: Path | None = None, *, images: int | None = None, **drawn: int
) -> DetectionData:
    """The "train" or "test" part of scenes, voc07, voc12, voc07+12, voc07++12, coco or coco2017.

    coco is the paper's 80k train and 40k val images of 2014.

    `drawn` are options of the scenes; `images` of them, or the first ones of a folder.

    Raises: InputError for another name, or a folder that is missing or damaged.
    """
    if name == "scenes":
        return scenes.load(part, images, **drawn)
    if not name.startswith("voc") and name not in COCO_PARTS:
        raise InputError(f"there are no data {name!r}; choose scenes, voc07+12, voc07++12 or coco")
    if drawn:
        raise InputError(f"{' and '.join(drawn)}: for drawn scenes only, not for {name}")
    if root is None:
        raise InputError(f"--root must name the folder that holds {name}")
    if name.startswith("voc"):
        from resnet_lab.detection import voc

        found = voc.load(root, name, part)
    else:
        from resnet_lab.detection import coco

        found = coco.load(root, COCO_PARTS[name][part])
    return found if images is None else Head(found, images)


def usual_classes(name: str) -> tuple[str, ...]:
    """The classes of the data of that name; none where only their file knows them."""
    from resnet_lab.detection import voc

    if name == "scenes":
        return scenes.CLASSES
    return voc.CLASSES if name.startswith("voc") else ()


class Head:
    """The first images of a data set, for a trial run."""

    def __init__(self, whole: DetectionData, n: int) -> None:
        self.whole, self.n = whole, min(n, len(whole))
        self.name, self.classes = whole.name, whole.classes

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int):
        return self.whole[range(self.n)[i]]

    @property
    def content_hash(self) -> str:
        """That of the whole with the number behind it."""
        return f"{self.whole.content_hash}[:{self.n}]"


def recipe(name: str) -> DetectionRecipe:
    """The schedule of the data set of that name."""
    return RECIPES[re.match("[a-z]*", name).group()]


def config(backbone: str, classes: int, **changes: object) -> DetectorConfig:
    """A detector by its backbone: resnet101, plain34, vgg16; toy, toy-plain, toy-2,2,2,1-plain.

    Raises: InputError for another name.
    """
    changes = {"classes": classes} | changes
    if backbone == "vgg16":
        return DetectorConfig(backbone="vgg16", **changes)
    if found := re.fullmatch(r"toy(-[1-9](?:,[1-9]){3})?(-plain)?", backbone):
        blocks, plain = found.groups()
        blocks = tuple(map(int, blocks[1:].split(","))) if blocks else (2, 2, 2, 1)
        return toy(blocks, shortcut="none" if plain else "B", **changes)
    if found := re.fullmatch(r"(resnet|plain)(\d+)", backbone):
        kind, depth = found.groups()
        net = imagenet(int(depth), shortcut="none" if kind == "plain" else None)
        return DetectorConfig(backbone=net, **changes)
    raise InputError(
        f"there is no backbone {backbone!r}; choose resnet50, resnet101, plain34, vgg16, toy, "
        "toy-plain or toy-3,3,3,2 (blocks of four stages)"
    )


def start(weights: str, detector: DetectorConfig, backbone: str) -> tuple[DetectorConfig, Start]:
    """The net that `weights` names, and the config as it wants its images: torchvision, or a file.

    "random" begins with random weights.

    Raises: InputError for weights that are missing or of another net.
    """
    if weights == "random":
        return detector, Start(name="random", net=None)
    if backbone == "vgg16":
        net = vgg_16(weights)
        mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    elif backbone.startswith("toy"):
        net = backbones.classifier(detector)
        load(net, checkpoint.read_weights(Path(weights)), weights)
        mean, std = detector.mean, detector.std
    else:
        spec = f"torchvision:{backbone}" if weights == "torchvision" else weights
        plain = "none" if detector.backbone.shortcut == "none" else None  # else as the file has it
        source = imagenet_weights.load(spec, shortcut=plain)
        net, statistics = source.net, source.statistics
        same = net.config.depth == detector.backbone.depth
        if not same or (net.config.shortcut == "none") != (detector.backbone.shortcut == "none"):
            raise InputError(f"{weights} holds a {net.config.name}, not a {detector.name}")
        detector = replace(detector, backbone=net.config)
        mean = tuple(statistics.mean.mean((1, 2)).tolist())
        std = (1.0,) * 3 if statistics.std is None else tuple(statistics.std.flatten().tolist())
    digest = hashlib.sha256(checkpoint.weights(net)).hexdigest()[:16]
    return replace(detector, mean=mean, std=std), Start(name=digest, net=net)


def load(net: nn.Module, tensors: Mapping[str, Tensor], spec: str) -> None:
    """Give `net` these weights. Raises: InputError if they do not fit."""
    try:
        net.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        reason = evaluation.shortened(str(error).splitlines()[1].strip())
        raise InputError(f"{spec} does not fit the net: {reason}") from error


def vgg_16(weights: str) -> nn.Module:
    """VGG-16 with torchvision's weights, or a file's under its names or ours.

    Raises: InputError for weights that are missing or of another net.
    """
    if weights == "torchvision":
        from torchvision.models import VGG16_Weights

        choice = VGG16_Weights.IMAGENET1K_V1
        try:
            tensors = choice.get_state_dict(progress=False, check_hash=True)
        except (URLError, OSError, RuntimeError) as error:
            raise InputError(
                f"VGG-16's weights could not be fetched ({getattr(error, 'reason', error)}); "
                f"download {choice.url} where there is a network and give the file to --weights"
            ) from error
    else:
        tensors = evaluation.read_tensors(Path(weights).expanduser())
    with torch.device("meta"):
        net = backbones.classifier(DetectorConfig(backbone="vgg16"))
    net = net.to_empty(device="cpu")
    first_linear = next(i for i, m in enumerate(net) if isinstance(m, nn.Linear))
    ours = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        place, _, leaf = rest.partition(".")
        shift = {"features": 0, "classifier": first_linear}.get(part)
        kept = shift is None or not place.isdecimal()
        ours[name if kept else f"{int(place) + shift}.{leaf}"] = tensor
    load(net, ours, weights)
    return net


def pretrained(
    detector: DetectorConfig, recipe: Pretraining, seed: int, out: Path, here: World, report
) -> Start:
    """A net trained on drawn crops by the first process; kept in `out` for the next run.

    Raises: InputError if `detector` is none for small images, or a kept file is damaged.
    """
    if detector.backbone == "vgg16" or detector.backbone.stem != "cifar":
        raise InputError("crops of 32 pixels pre-train toy backbones; name others' --weights")
    named = repr((detector.backbone, detector.stem_stride, detector.mean, detector.std, recipe))
    digits = hashlib.sha256(named.encode()).hexdigest()[:10]
    path = out / "pretrained" / f"{detector.name}_seed{seed}-{digits}.safetensors"
    net = backbones.classifier(
        replace(detector, backbone=replace(detector.backbone, classes=len(scenes.CLASSES)))
    )
    if here.first and not path.is_file():
        images, labels = scenes.crops(recipe.crops, side=recipe.side)
        trained = pretraining.pretrain(
            detector,
            recipe,
            images,
            labels,
            seed=seed,
            device=here.device,
            report=lambda step, error: report(
                f"pre-training, update {step:,} of {recipe.steps:,}: error {error:.1f} %"
            ),
        )
        write_whole(path, checkpoint.weights(trained))
    content = from_first(path.read_bytes() if here.first else None, here)
    load(net, checkpoint.parse_weights(content, path), str(path))
    return Start(name="crops", net=net, pretraining=recipe)
