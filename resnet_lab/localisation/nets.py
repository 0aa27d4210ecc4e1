"""The three nets of Table 13: per-class regression, per-class RPN, and R-CNN on warped regions.

Each is trained for the image's own class alone: a negative is a place where this class is not.

Paper: Appendix C.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_nets.py.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import ops

from resnet_lab.detection import backbones, matching
from resnet_lab.detection import boxes as geometry
from resnet_lab.detection.anchors import cell_anchors, grid_anchors
from resnet_lab.detection.backbones import initialise
from resnet_lab.detection.faster_rcnn import Losses
from resnet_lab.detection.proposals import AnchorScores, rpn_losses
from resnet_lab.detection.targets import Target
from resnet_lab.localisation import views
from resnet_lab.localisation.config import LocaliserConfig


class Localiser(nn.Module):
    """What the three share: the halves of a classification net, and the anchors of a place."""

    def __init__(self, config: LocaliserConfig, net: nn.Module | None = None) -> None:
        super().__init__()
        self.config, detector = config, config.detector
        halves = backbones.split(backbones.classifier(detector) if net is None else net, detector)
        self.shared, self.stride = halves.shared, halves.stride
        self.halves_per_region = [halves.per_region]  # in a list: not every localiser has it
        self.channels, self.features = halves.channels, halves.features
        cell = cell_anchors(config.anchor_sizes, config.anchor_ratios)
        self.register_buffer("cell", cell, persistent=False)

    def crops(
        self, images: Sequence[Tensor], targets: Sequence[Target], random: Sequence[torch.Generator]
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        """Training views, the boxes seen in each, and the images' classes from 0."""
        config = self.config
        chosen = [
            views.training_view(found.boxes, found.size, config, own)
            for found, own in zip(targets, random, strict=True)
        ]
        seen = [
            views.seen_boxes(found.boxes, found.size, view, config).to(self.cell.device)
            for found, view in zip(targets, chosen, strict=True)
        ]
        pixels = views.stacked(images, chosen, config).to(self.cell.device)
        return pixels, seen, classes_of(targets).to(self.cell.device)


def classes_of(targets: Sequence[Target]) -> Tensor:
    """The class of each image, counted from 0: that of its boxes. Shapes: -> int64 (N,)."""
    return torch.stack([found.labels[0] - 1 for found in targets])


def losses(zero: Tensor, **terms: Tensor) -> Losses:
    """The terms of a loss, those that a net lacks at 0."""
    names = ("rpn_class", "rpn_box", "head_class", "head_box")
    return Losses(**{name: terms.get(name, zero.new_zeros(())) for name in names})


class Regression(Localiser):
    """One box for each class from the whole map: the baseline of Table 13's first row.

    OverFeat and VGG replace the classifier by such a layer; here the backbone is that of the rows
    below, so that only the way to a box differs.
    """

    def __init__(self, config: LocaliserConfig, net: nn.Module | None = None) -> None:
        super().__init__(config, net)
        cells = -(-config.crop // self.stride)
        self.hidden = nn.Linear(self.channels * cells * cells, config.hidden)
        self.boxes = nn.Linear(config.hidden, 4 * config.classes)
        initialise(self.boxes, config.init_std)

    @property
    def frame(self) -> Tensor:
        """The whole crop as the box that all offsets are from. Shapes: -> (1, 4)."""
        return self.cell.new_tensor([[0.0, 0.0, self.config.crop, self.config.crop]])

    def offsets(self, pixels: Tensor) -> Tensor:
        """Shapes: (N, 3, crop, crop) -> (N, classes, 4), from the frame."""
        x = F.relu(self.hidden(self.shared(pixels).flatten(1)))
        return self.boxes(x).view(len(x), -1, 4)

    def forward(
        self,
        images: Sequence[Tensor],
        targets: Sequence[Target],
        random: Sequence[torch.Generator],
    ) -> Losses:
        """The mean loss over images; one that shows no box adds 0. The largest box counts."""
        pixels, seen, labels = self.crops(images, targets, random)
        given = self.offsets(pixels)
        total = 0 * given.sum()  # a gradient for every weight, if it is 0: processes share them all
        for moves, boxes, label in zip(given, seen, labels, strict=True):
            if len(boxes):
                largest = boxes[geometry.areas(boxes).argmax()][None]
                wanted = geometry.encode(largest, self.frame)
                beta = self.config.rpn_beta
                total = total + F.smooth_l1_loss(
                    moves[label][None], wanted, beta=beta, reduction="sum"
                )
        return losses(total, head_box=total / len(images))


class PerClassRPN(Localiser):
    """A 3x3 convolution, and from it, per class and anchor: is it here, and where exactly.

    The class outputs are binary: no class competes with another.
    """

    def __init__(self, config: LocaliserConfig, net: nn.Module | None = None) -> None:
        super().__init__(config, net)
        anchors = len(self.cell)
        self.conv = nn.Conv2d(self.channels, config.rpn_width, 3, padding=1)
        self.objectness = nn.Conv2d(config.rpn_width, config.classes * anchors, 1)
        self.offsets = nn.Conv2d(config.rpn_width, config.classes * anchors * 4, 1)
        for layer in (self.conv, self.objectness, self.offsets):
            initialise(layer, config.init_std)

    def maps(self, pixels: Tensor) -> Tensor:
        """What the sibling layers see. Shapes: (N, 3, H, W) -> (N, width, H / s, W / s)."""
        return F.relu(self.conv(self.shared(pixels)))

    def anchors(self, maps: Tensor) -> Tensor:
        """Every anchor of a map. Shapes: -> (M, 4), pixels of the view."""
        return grid_anchors(self.cell, (maps.shape[2], maps.shape[3]), self.stride)

    def of_class(self, maps: Tensor, labels: Tensor) -> AnchorScores:
        """The outputs for one class of each image; those of the others are not computed.

        Shapes: (N, width, H, W), (N,) -> logits (N, M), offsets (N, M, 4).
        """
        count, classes = len(self.cell), self.config.classes
        results = []
        for layer, each in ((self.objectness, 1), (self.offsets, 4)):
            weight = layer.weight.view(classes, count * each, -1)[labels]  # (N, A * each, width)
            bias = layer.bias.view(classes, count * each)[labels]
            out = torch.baddbmm(bias[:, :, None], weight, maps.flatten(2))  # (N, A * each, H * W)
            results.append(out.transpose(1, 2).reshape(len(maps), -1, each).float())
        return AnchorScores(logits=results[0][..., 0], offsets=results[1])

    def forward(
        self,
        images: Sequence[Tensor],
        targets: Sequence[Target],
        random: Sequence[torch.Generator],
    ) -> Losses:
        """Class and box loss of a few anchors of each image."""
        pixels, seen, labels = self.crops(images, targets, random)
        maps = self.maps(pixels)
        anchors, size = self.anchors(maps), (self.config.crop, self.config.crop)
        samples = [
            matching.sample_anchors(
                anchors,
                matching.Objects(boxes=boxes, labels=torch.ones(len(boxes), dtype=torch.int64)),
                size,
                self.config.detector,
                own,
            )
            for boxes, own in zip(seen, random, strict=True)
        ]
        scores = self.of_class(maps, labels)
        first, second = rpn_losses(scores, anchors, samples, self.config.rpn_beta)
        return losses(first, rpn_class=first, rpn_box=second)


class RCNN(Localiser):
    """The whole net on each warped region; two sibling layers: is the class here, and where.

    `proposals` are the regions of the training images by image_id, in pixels as stored. A batch
    takes one region of each of its images: region-centric, with no two from the same image.
    """

    def __init__(self, config: LocaliserConfig, net: nn.Module | None = None) -> None:
        super().__init__(config, net)
        self.per_region = self.halves_per_region.pop()
        self.classes = nn.Linear(self.features, config.classes)
        self.boxes = nn.Linear(self.features, 4 * config.classes)
        initialise(self.classes, config.init_std)
        initialise(self.boxes, config.init_std / 10)
        self.proposals: Mapping[str, Tensor] = {}

    def of_class(self, regions: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Logit and offsets of one class for each warped region.

        Shapes: (K, 3, crop, crop), (K,) -> (K,), (K, 4).
        """
        x = self.per_region(self.shared(regions))
        rows = torch.arange(len(x), device=x.device)
        return self.classes(x)[rows, labels], self.boxes(x).view(len(x), -1, 4)[rows, labels]

    def region(self, target: Target, random: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """A region of the image, positive by chance as the config says, and its box if it is.

        The image's own boxes are among the regions, as in R-CNN.

        Shapes: -> (4,), (4,) or None.
        """
        regions = torch.cat([self.proposals[target.image_id], target.boxes])
        iou = ops.box_iou(target.boxes, regions)
        threshold = self.config.roi_positive_iou
        matched = matching.match(iou, threshold, threshold, keep_best=False)
        wanted = bool(torch.rand((), generator=random) < self.config.roi_positive_share)
        fitting = ((matched >= 0) == wanted).nonzero()[:, 0]
        fitting = fitting if len(fitting) else torch.arange(len(regions))
        i = int(matching.draw(fitting, 1, random))
        return regions[i], target.boxes[matched[i]] if matched[i] >= 0 else None

    def forward(
        self,
        images: Sequence[Tensor],
        targets: Sequence[Target],
        random: Sequence[torch.Generator],
    ) -> Losses:
        """Class and box loss of one region of each image."""
        config, warped, pairs = self.config, [], []
        for image, target, own in zip(images, targets, random, strict=True):
            region, box = self.region(target, own)
            pixels = views.normalised(image, config)
            if config.mirror and views.draw(0, 1, own):
                width, pixels = target.size[1], pixels.flip(2)
                region = geometry.flip(region, width)
                box = None if box is None else geometry.flip(box, width)
            warped.append(views.warp(pixels, region[None], config))
            pairs.append((region, box))
        device, labels = self.cell.device, classes_of(targets)
        logits, moves = self.of_class(torch.cat(warped).to(device), labels.to(device))
        there = logits.new_tensor([float(box is not None) for _, box in pairs])
        first = F.binary_cross_entropy_with_logits(logits, there)
        second = 0 * moves.sum()  # as in `Regression`
        for move, (region, box) in zip(moves, pairs, strict=True):
            if box is not None:
                wanted = geometry.encode(box[None], region[None], config.roi_weights).to(device)
                beta = config.roi_beta
                second = second + F.smooth_l1_loss(move[None], wanted, beta=beta, reduction="sum")
        return losses(first, head_class=first, head_box=second / len(images))


NETS: dict[str, type[Localiser]] = {"regression": Regression, "rpn": PerClassRPN, "rcnn": RCNN}
