"""An interactive companion to Deep Residual Learning for Image Recognition (He et al. 2015).

Paper: arXiv 1512.03385.
Notebook: notebooks/00_start_here.py. Tests: tests/test_map.py.
"""

from resnet_lab import cost, data, evaluation
from resnet_lab.audit import audit
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe, lr_at
from resnet_lab.resnet import ResNet, ResNetConfig, cifar, imagenet
from resnet_lab.vgg import vgg

__all__ = [
    "InputError",
    "Recipe",
    "ResNet",
    "ResNetConfig",
    "audit",
    "cifar",
    "cost",
    "data",
    "evaluation",
    "imagenet",
    "lr_at",
    "vgg",
]
