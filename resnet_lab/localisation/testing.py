"""One image through the localiser: boxes of a class by RPN, warped regions, R-CNN, the best box.

Paper: Appendix C; Tables 13 and 14. An ensemble joins the proposals of its members and averages
what they say of each, as the detectors' ensemble does in Appendix B.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_testing.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision import ops

from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.proposals import Proposals
from resnet_lab.localisation import views
from resnet_lab.localisation.config import LocaliserConfig
from resnet_lab.localisation.nets import RCNN, PerClassRPN, Regression
from resnet_lab.localisation.views import Protocol


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """The trained nets of one run; None for what was not trained."""

    config: LocaliserConfig
    classifier: nn.Module
    regression: Regression | None = None
    rpn: PerClassRPN | None = None
    rcnn: RCNN | None = None


@torch.no_grad()
def regressed(net: Regression, image: Tensor, label: int) -> Tensor:
    """The box of a class (from 0) by per-class regression from the centre crop.

    Shapes: uint8 (3, H, W) -> (4,), pixels as stored.
    """
    size = (image.shape[1], image.shape[2])
    (view,) = views.test_views(size, net.config, "centre")
    pixels = views.see(image, view, net.config)[None].to(net.cell.device)
    box = geometry.decode(net.offsets(pixels)[:, label], net.frame)
    box = geometry.clip(box, view.size).cpu()
    return geometry.clip(views.back(box, size, view), size)[0]


@torch.no_grad()
def candidates(net: PerClassRPN, image: Tensor, label: int, protocol: Protocol) -> Proposals:
    """Every anchor of every view, moved, cut and brought back to the image: unsorted.

    Shapes: uint8 (3, H, W) -> boxes (M, 4), scores (M,).
    """
    size, found = (image.shape[1], image.shape[2]), []
    for view in views.test_views(size, net.config, protocol):
        maps = net.maps(views.see(image, view, net.config)[None].to(net.cell.device))
        scores = net.of_class(maps, torch.tensor([label], device=maps.device))
        boxes = geometry.decode(scores.offsets[0], net.anchors(maps))
        boxes = views.back(geometry.clip(boxes, view.size), size, view)
        found.append((boxes.cpu(), scores.logits[0].sigmoid().cpu()))
    boxes, scores = (torch.cat(part) for part in zip(*found, strict=True))
    return Proposals(boxes=geometry.clip(boxes, size), scores=scores)


def thinned(found: Sequence[Proposals], config: LocaliserConfig) -> Proposals:
    """The best boxes of all of them, without near doubles: at most `config.proposals`.

    The first is the best of all.
    """
    boxes = torch.cat([one.boxes for one in found])
    scores = torch.cat([one.scores for one in found])
    real = (geometry.sides(boxes) > 0).all(1)
    boxes, scores = boxes[real], scores[real]
    scores, best = scores.topk(min(config.candidates, len(scores)))
    kept = ops.nms(boxes[best], scores, config.proposal_nms)[: config.proposals]
    return Proposals(boxes=boxes[best][kept], scores=scores[kept])


def propose(
    nets: Sequence[PerClassRPN], image: Tensor, label: int, protocol: Protocol
) -> Proposals:
    """The proposals for a class (from 0), best first: of each net, then joined.

    Shapes: uint8 (3, H, W) -> boxes (K, 4), pixels as stored.
    """
    each = [thinned([candidates(net, image, label, protocol)], net.config) for net in nets]
    if len(each) == 1:
        return each[0]
    boxes, scores = torch.cat([p.boxes for p in each]), torch.cat([p.scores for p in each])
    order = scores.argsort(descending=True, stable=True)
    return Proposals(boxes=boxes[order], scores=scores[order])


@torch.no_grad()
def rescored(nets: Sequence[RCNN], image: Tensor, label: int, proposals: Proposals) -> Proposals:
    """The proposals with R-CNN's scores and boxes, best first.

    Shapes: uint8 (3, H, W), K proposals -> K.
    """
    size, total = (image.shape[1], image.shape[2]), 0
    for net in nets:
        device = net.cell.device
        warped = views.warp(views.normalised(image, net.config), proposals.boxes, net.config)
        labels = torch.full((len(warped),), label, device=device)
        logits, offsets = net.of_class(warped.to(device), labels)
        moved = geometry.decode(offsets.cpu(), proposals.boxes, net.config.roi_weights)
        total = total + torch.cat([geometry.clip(moved, size), logits.sigmoid().cpu()[:, None]], 1)
    mean = total / len(nets)
    order = mean[:, 4].argsort(descending=True, stable=True)
    return Proposals(boxes=mean[order, :4], scores=mean[order, 4])


@torch.no_grad()
def probabilities(nets: Sequence[nn.Module], image: Tensor, config: LocaliserConfig) -> Tensor:
    """Class probabilities: means over the scales of dense testing, then over the nets.

    Shapes: uint8 (3, H, W) -> (classes,).
    """
    size, total = (image.shape[1], image.shape[2]), 0
    shown = views.test_views(size, config, "dense")
    for net in nets:
        device = next(net.parameters()).device
        for view in shown:
            pixels = views.see(image, view, config)[None].to(device)
            total = total + net(pixels).softmax(1)[0].cpu()
    return total / (len(shown) * len(nets))
