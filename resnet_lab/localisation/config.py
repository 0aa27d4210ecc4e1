"""What a localiser is: the paper's choices, and every other one a field.

Paper: Appendix C; where it is silent, Appendix A and R-CNN (Girshick et al. 2014), which it cites.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_config.py.
"""

from dataclasses import dataclass, fields, replace

from resnet_lab.augmentation import PUBLISHED_MEAN
from resnet_lab.detection.config import DetectorConfig, Triple
from resnet_lab.errors import InputError
from resnet_lab.resnet import ResNetConfig, imagenet


@dataclass(frozen=True, kw_only=True)
class LocaliserConfig:
    """The nets of Appendix C, how their examples are made, and how they are tested.

    Defaults: the paper; `deviations` names all that is otherwise.

    Raises: InputError (a ValueError) for a value that cannot be.
    """

    backbone: ResNetConfig = imagenet(101)
    classes: int = 1000
    # training views: random crops, "as in ImageNet classification training"
    crop: int = 224  # pixels a side
    sides: tuple[int, int] = (256, 480)  # between them the shorter side is drawn
    mirror: bool = True  # half of the views
    visible: float = 0.5  # a box counts if at least this part of it is in the crop; paper: silent
    mean: Triple = tuple(PUBLISHED_MEAN)  # of 0..1, subtracted
    std: Triple = (1.0, 1.0, 1.0)  # divides
    stem_stride: int | None = None  # of the first convolution; None: as in classification
    frozen_bn: bool = True  # the paper says so of detection only
    # per-class RPN, on the map that conv5 would take in; the paper names no map
    anchor_sizes: tuple[int, ...] = (64, 128, 256)  # pixels; the paper is silent
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    rpn_width: int = 512  # channels of its 3x3 convolution
    rpn_positive_iou: float = 0.7  # or the best anchor of a box
    rpn_negative_iou: float = 0.3
    rpn_sample: int = 8  # anchors per image in the loss
    rpn_positive_share: float = 0.5  # at most: "a ratio of 1:1"
    rpn_beta: float = 1 / 9
    # per-class regression, the baseline: a hidden layer on the whole map, then a box a class
    hidden: int = 4096
    # R-CNN on warped regions
    proposals: int = 200  # per image and class, in training and testing
    candidates: int = 6_000  # best boxes that enter NMS
    proposal_nms: float = 0.7
    warp_border: int = 16  # pixels of surroundings around a warped region, as in R-CNN
    roi_positive_iou: float = 0.5
    roi_positive_share: float = 0.25  # of the regions in a batch, as in R-CNN; paper: silent
    roi_weights: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)  # 1 / deviations
    roi_beta: float = 1.0
    init_std: float = 0.01  # of the new layers' Gaussian weights
    # testing
    test_side: int = 256  # shorter side from which crops are cut
    scales: tuple[int, ...] = (224, 256, 384, 480, 640)  # of dense testing; Section 3.4's

    def __post_init__(self) -> None:
        if not isinstance(self.backbone, ResNetConfig) or len(self.backbone.blocks) < 2:
            raise InputError("a localiser's backbone is a ResNet of two stages or more")
        counts = ("classes", "crop", "rpn_width", "rpn_sample", "hidden", "proposals", "candidates")
        for name in counts:
            if getattr(self, name) < 1:
                raise InputError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not self.crop <= self.sides[0] <= self.sides[1] or self.test_side < self.crop:
            raise InputError(
                f"a {self.crop} crop needs sides in rising order and not below it, got "
                f"{self.sides} in training and {self.test_side} in testing"
            )
        if not self.scales or min(self.scales) < 1:
            raise InputError(f"dense testing needs scales above 0, got {self.scales}")
        shares = ("visible", "rpn_positive_iou", "rpn_negative_iou", "rpn_positive_share")
        for name in (*shares, "proposal_nms", "roi_positive_iou", "roi_positive_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name} must be in 0..1, got {getattr(self, name)}")
        if not 0 <= 2 * self.warp_border < self.crop:
            raise InputError(f"warp_border must leave something of {self.crop} pixels")

    @property
    def name(self) -> str:
        """The backbone's name: "ResNet-101"."""
        return self.backbone.name

    @property
    def detector(self) -> DetectorConfig:
        """The same choices in the words of the detector, whose parts this package uses."""
        return DetectorConfig(
            backbone=self.backbone,
            classes=self.classes,
            short_side=self.crop,
            mean=self.mean,
            std=self.std,
            stem_stride=self.stem_stride,
            frozen_bn=self.frozen_bn,
            frozen_parts=0,
            rpn_positive_iou=self.rpn_positive_iou,
            rpn_negative_iou=self.rpn_negative_iou,
            rpn_sample=self.rpn_sample,
            rpn_positive_share=self.rpn_positive_share,
            border_anchors=True,  # most anchors of a crop cross its border
        )

    @property
    def deviations(self) -> list[str]:
        """Each field that is not the paper's, as "name = value instead of value"."""
        usual = LocaliserConfig()
        return [
            f"{field.name} = {getattr(self, field.name)} instead of {getattr(usual, field.name)}"
            for field in fields(self)
            if field.name not in ("backbone", "classes")
            and getattr(self, field.name) != getattr(usual, field.name)
        ]


def toy(*, shortcut: str = "A", classes: int = 8, **changes: object) -> LocaliserConfig:
    """The localiser in miniature, for drawn images of 72 pixels: lengths shrink, steps stay."""
    net = ResNetConfig(
        blocks=(2, 2, 2, 1), widths=(16, 32, 64, 128), shortcut=shortcut, classes=classes
    )
    small = LocaliserConfig(
        backbone=net,
        classes=classes,
        crop=64,
        sides=(72, 96),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        stem_stride=2,
        anchor_sizes=(20, 32, 48),
        rpn_width=64,
        hidden=64,
        proposals=16,
        candidates=200,
        warp_border=5,
        roi_positive_share=0.5,  # 1:1, as the RPN's anchors
        test_side=72,
        scales=(64, 72, 84, 96),
    )
    return replace(small, **changes)
