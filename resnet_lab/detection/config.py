"""What a detector is and how it is tested: the paper's choices, and every other one a field.

Paper: Section 4.3; Appendices A and B; through them Faster R-CNN (Ren et al. 2015).
Notebook: notebooks/04_imagenet.py. Tests: tests/test_detection_config.py.
"""

from dataclasses import dataclass, fields, replace
from typing import Literal

from resnet_lab.augmentation import PUBLISHED_MEAN
from resnet_lab.blocks import Shortcut
from resnet_lab.detection.pooling import Pooling
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNetConfig, imagenet

Triple = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """A detector and how its parts are trained.

    Defaults: the paper; where it is silent Faster R-CNN, to which it points; where that is silent
    too, what its authors' programs do. `deviations` names all that is otherwise.

    Raises: InputError (a ValueError) for a value that cannot be.
    """

    backbone: ResNetConfig | Literal["vgg16"] = imagenet(101)
    classes: int = 20  # without the background
    # images
    short_side: int = 600  # pixels, in training and testing
    long_side: int = 1000  # pixels at most; a longer image gets a shorter short side
    mean: Triple = tuple(PUBLISHED_MEAN)  # of 0..1, subtracted
    std: Triple = (1.0, 1.0, 1.0)  # divides; the paper does not
    stem_stride: int | None = None  # of the first convolution; None: as in classification
    # what is fixed in fine-tuning
    frozen_bn: bool = True  # constant scale and offset
    frozen_parts: int = 2  # conv1 and conv2_x do not learn; the paper is silent
    # anchors and RPN
    anchor_sizes: tuple[int, ...] = (128, 256, 512)  # square roots of areas, pixels
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)  # height to width
    rpn_width: int = 512  # channels of its 3x3 convolution
    rpn_positive_iou: float = 0.7  # or the best anchor of a box
    rpn_negative_iou: float = 0.3
    rpn_sample: int = 256  # anchors per image in the loss
    rpn_positive_share: float = 0.5  # at most
    border_anchors: bool = False  # whether anchors that cross the border are trained on
    rpn_nms: float = 0.7
    min_side: float = 16.0  # pixels; smaller proposals are left out
    train_candidates: int = 12_000  # best anchors that enter NMS in training
    train_proposals: int = 2_000  # best of what it leaves
    # regions
    pooling: Pooling = "pool"
    pool_samples: int = 0  # points a side in each cell of "align"; 0: as many as fall on the map
    roi_size: int | None = None  # cells a side; None: 14 for a ResNet (the paper is silent), VGG 7
    rois: int = 128  # regions per image in the loss
    roi_positive_share: float = 0.25  # at most
    roi_positive_iou: float = 0.5
    box_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)  # 1 / deviations
    context: bool = False  # Appendix B: the whole image as one more region
    difficult: bool = False  # whether boxes marked difficult are trained on
    # losses: smooth L1, quadratic below beta
    rpn_beta: float = 1 / 9
    head_beta: float = 1.0
    init_std: float = 0.01  # of the new layers' Gaussian weights
    box_init_std: float = 0.001  # of the head's box layer

    def __post_init__(self) -> None:
        if not isinstance(self.backbone, ResNetConfig) and self.backbone != "vgg16":
            raise InputError(f"backbone must be a ResNetConfig or 'vgg16', got {self.backbone!r}")
        if isinstance(self.backbone, ResNetConfig) and len(self.backbone.blocks) < 2:
            raise InputError("a detector's ResNet needs two stages or more: its last is the head")
        counts = ("classes", "short_side", "rpn_width", "rpn_sample", "train_candidates")
        for name in (*counts, "train_proposals", "rois"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.long_side < self.short_side:
            raise InputError("long_side must not be below short_side")
        shares = ("rpn_positive_iou", "rpn_negative_iou", "rpn_nms", "roi_positive_iou")
        for name in (*shares, "rpn_positive_share", "roi_positive_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in 0..1, got {getattr(self, name)}")
        if self.rpn_negative_iou > self.rpn_positive_iou:
            raise InputError("rpn_negative_iou must not be above rpn_positive_iou")
        if self.pooling not in ("pool", "align"):
            raise InputError(f"pooling must be pool or align, got {self.pooling!r}")
        if min(*self.std, *self.box_weights, self.rpn_beta, self.head_beta) <= 0:
            raise InputError("std, box_weights and betas must be above 0")

    @property
    def name(self) -> str:
        """The backbone's name, as in Tables 7 and 8: "VGG-16", "ResNet-101"."""
        return "VGG-16" if self.backbone == "vgg16" else self.backbone.name

    @property
    def deviations(self) -> list[str]:
        """Each field that is not the paper's, as "name = value instead of value".

        Backbone and classes are what the paper itself varies.
        """
        usual = DetectorConfig()
        return [
            f"{field.name} = {getattr(self, field.name)} instead of {getattr(usual, field.name)}"
            for field in fields(self)
            if field.name not in ("backbone", "classes", "context")
            and getattr(self, field.name) != getattr(usual, field.name)
        ]


@dataclass(frozen=True, kw_only=True)
class Inference:
    """How a trained detector looks at an image. No field changes a weight, or a run's name.

    Defaults: the single-model baseline of Tables 7 and 8. Appendix B's improvements are off.

    Raises: InputError (a ValueError) for a value that cannot be.
    """

    candidates: int = 6_000  # best anchors that enter NMS
    proposals: int = 300  # best of what it leaves (Appendix A)
    score: float = 0.05  # detections below are dropped
    nms: float = 0.3  # IoU above which the weaker of two boxes of a class is dropped
    kept: int = 100  # detections per image at most
    refine: bool = False  # Appendix B: pool again from each regressed box; 300 + 300
    vote: bool = False  # Appendix B: a kept box is the mean of those it stands for
    vote_iou: float = 0.5  # overlap from which a box has a vote; Appendix B does not say
    scales: tuple[int, ...] = ()  # Appendix B: 200, 400, 600, 800, 1000; (): the single scale
    scale_reference: float = 224.0  # pixels a side that a region should have at its best scale

    def __post_init__(self) -> None:
        for name in ("candidates", "proposals", "kept"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("score", "nms", "vote_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in 0..1, got {getattr(self, name)}")
        if list(self.scales) != sorted(set(self.scales)) or len(self.scales) == 1:
            raise InputError(f"scales must be two or more in rising order, got {self.scales}")
        if min((*self.scales, self.scale_reference)) <= 0:
            raise InputError("scales and scale_reference must be above 0")


REFINED = Inference(refine=True, vote=True)
MULTI_SCALE = Inference(refine=True, vote=True, scales=(200, 400, 600, 800, 1000))


def toy(
    blocks: tuple[int, ...] = (2, 2, 2, 1), *, shortcut: Shortcut = "B", **changes: object
) -> DetectorConfig:
    """A detector in miniature, for 96-pixel scenes: stride 8, trained in minutes on one core.

    It keeps the paper's steps. The measured reasons for RoIAlign, smaller anchors and a finer
    stride are the sizes of its objects: 20 pixels are less than two cells of a stride-16 map.
    Shortcuts are of option B, as in the nets of Tables 7 and 8; "none" is the plain twin.
    """
    net = ResNetConfig(blocks=blocks, widths=(16, 32, 64, 128), shortcut=shortcut, classes=8)
    small = DetectorConfig(
        backbone=net,
        classes=8,
        short_side=96,
        long_side=160,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        stem_stride=2,
        frozen_parts=0,
        anchor_sizes=(12, 24, 48),
        rpn_width=64,
        rpn_sample=64,
        border_anchors=True,
        min_side=1.0,
        train_candidates=600,
        train_proposals=200,
        pooling="align",
        pool_samples=1,
        roi_size=6,
        rois=32,
    )
    return replace(small, **changes)


def toy_inference(**changes: object) -> Inference:
    """Testing in miniature: 100 proposals, and scales around 96 pixels."""
    return replace(Inference(candidates=300, proposals=100, scale_reference=32.0), **changes)
