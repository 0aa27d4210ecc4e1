"""The two metrics of the paper's detection tables under one name.

Paper: Section 4.3; Tables 7 to 12.
Notebook: notebooks/07_detection.py. Tests: tests/test_detection_voc_evaluation.py.
"""

from resnet_lab.detection.coco_evaluation import CocoResult, coco_map
from resnet_lab.detection.voc_evaluation import Curve, VocResult, voc_map

__all__ = ["CocoResult", "Curve", "VocResult", "coco_map", "voc_map"]
