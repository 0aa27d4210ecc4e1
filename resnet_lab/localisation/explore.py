"""What the sliders over class, threshold and crop show: one image through RPN and R-CNN.

Paper: Appendix C.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_explore.py.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import Tensor
from torchvision import ops

from resnet_lab import checkpoint
from resnet_lab.detection import boxes as geometry
from resnet_lab.detection import sources
from resnet_lab.detection.proposals import Proposals
from resnet_lab.detection.targets import Target
from resnet_lab.errors import InputError
from resnet_lab.localisation import drawn, testing, views
from resnet_lab.localisation.config import LocaliserConfig, toy
from resnet_lab.localisation.nets import RCNN, PerClassRPN
from resnet_lab.localisation.record import SHIPPED

CLASSES = drawn.CLASSES


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """An image with its object, and the nets that look at it."""

    image: Tensor  # uint8 (3, H, W)
    target: Target
    rpn: PerClassRPN
    rcnn: RCNN

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.target.size

    @property
    def own(self) -> str:
        """The class of the image."""
        return CLASSES[int(self.target.labels[0]) - 1]


def nets(config: LocaliserConfig | None = None) -> tuple[PerClassRPN, RCNN]:
    """The RPN and the R-CNN that ship: seed 0 on embedded images, rounded to half precision.

    Raises: InputError if the files are missing or damaged.
    """
    config = toy() if config is None else config
    made = PerClassRPN(config), RCNN(config)
    for net, name in zip(made, ("rpn", "rcnn"), strict=True):
        path = SHIPPED / "localisation" / "weights" / f"{name}.safetensors"
        sources.load(net, checkpoint.read_weights(path), str(path))
        net.eval()
    return made


def shown(number: int, rpn: PerClassRPN, rcnn: RCNN) -> Shown:
    """Validation image `number` with the nets."""
    image, target = drawn.load("val", number + 1)[number]
    return Shown(image=image, target=target, rpn=rpn, rcnn=rcnn)


def label_of(name: str) -> int:
    """The class of that name, counted from 0. Raises: InputError."""
    if name not in CLASSES:
        raise InputError(f"the classes are {', '.join(CLASSES)}, not {name!r}")
    return CLASSES.index(name)


@torch.no_grad()
def objectness(one: Shown, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """The map of a class, its best anchor, and the box that this anchor is moved to.

    The map has, for each place, the highest probability of its anchors, on the whole image at its
    own size.

    Shapes: -> (H / stride, W / stride), (4,), (4,).
    """
    net, size = one.rpn, one.size
    (view,) = views.test_views(size, replace(net.config, scales=(min(size),)), "dense")
    maps = net.maps(views.see(one.image, view, net.config)[None])
    scores, anchors = net.of_class(maps, torch.tensor([label_of(name)])), net.anchors(maps)
    chances = scores.logits[0].sigmoid()
    best = int(chances.argmax())
    box = geometry.clip(geometry.decode(scores.offsets[0, best], anchors[best]), size)
    return chances.view(*maps.shape[2:], -1).amax(2), anchors[best], box


@lru_cache(maxsize=64)
def proposed(one: Shown, label: int) -> Proposals:
    """All proposals for a class (from 0); kept, since a slider asks for the same ones again."""
    return testing.propose([one.rpn], one.image, label, "dense")


def proposals(one: Shown, name: str, threshold: float = 0.0) -> Proposals:
    """The proposals for a class under dense testing that score `threshold` or more.

    The best one always stays.
    """
    found = proposed(one, label_of(name))
    count = max(1, int((found.scores >= threshold).sum()))
    return Proposals(boxes=found.boxes[:count], scores=found.scores[:count])


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A proposal, what R-CNN sees of it, and what it makes of it."""

    warped: Tensor  # uint8 (3, crop, crop)
    before: Tensor  # (4,)
    after: Tensor  # (4,)
    rpn: float  # scores
    rcnn: float
    iou_before: float  # with the nearest true box
    iou_after: float


@torch.no_grad()
def judged(one: Shown, name: str, number: int) -> Judged:
    """Proposal `number` (from 1) of a class through R-CNN. Raises: InputError."""
    found, config = proposals(one, name), one.rcnn.config
    if not 1 <= number <= len(found.boxes):
        raise InputError(f"there are proposals 1 to {len(found.boxes)}, not {number}")
    mine = Proposals(boxes=found.boxes[number - 1 :][:1], scores=found.scores[number - 1 :][:1])
    after = testing.rescored([one.rcnn], one.image, label_of(name), mine)
    pixels = views.warp(one.image.float(), mine.boxes, config)[0]
    both = torch.cat([mine.boxes, after.boxes])
    iou = ops.box_iou(both, one.target.boxes).amax(1)
    return Judged(
        warped=pixels.round().clamp(0, 255).byte(),
        before=both[0],
        after=both[1],
        rpn=float(mine.scores[0]),
        rcnn=float(after.scores[0]),
        iou_before=float(iou[0]),
        iou_after=float(iou[1]),
    )


def best_overlaps(one: Shown) -> dict[str, tuple[float, float]]:
    """For each class the RPN's highest probability, and the IoU of its best box with the object."""
    found = {}
    for name in CLASSES:
        first = proposals(one, name)
        iou = ops.box_iou(first.boxes[:1], one.target.boxes).max()
        found[name] = (float(first.scores[0]), float(iou))
    return found


def best_by_rcnn(one: Shown) -> tuple[Proposals, Proposals]:
    """All proposals for the image's own class, before R-CNN and after it, best first."""
    label, given = label_of(one.own), proposals(one, one.own)
    return given, testing.rescored([one.rcnn], one.image, label, given)


def seen(one: Shown, view: views.View) -> Tensor:
    """The pixels of a view as a picture. Shapes: -> uint8 (3, height, width)."""
    plain = replace(one.rpn.config, mean=(0.0,) * 3, std=(1.0,) * 3)
    return (views.see(one.image, view, plain) * 255).round().clamp(0, 255).byte()
