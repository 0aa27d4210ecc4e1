"""How the localisers are trained: one schedule for regression and RPN, another for R-CNN.

Paper: Appendix C ("mini-batch size of 256 images" for the RPN, 256 regions for R-CNN, "in the
RoI-centric fashion"); it states no rate and no number of updates.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_run.py.
"""

from dataclasses import replace

from resnet_lab.detection.recipe import DetectionRecipe, Pretraining

# 10 passes over the 544,546 training images that have boxes; our choice, as the rates are
IMAGENET = DetectionRecipe(
    lr=0.01,
    steps=20_000,
    drops=(14_000, 18_000),
    batch=256,
    warm_up=500,
    weight_decay=1e-4,
    bias_lr=1.0,
    bias_decay=1.0,
    flip=False,  # the localiser's views are mirrored, not the images
)
# an image teaches R-CNN one region at a time and the RPN eight anchors: twice the passes.
# Nobody has run it yet; on the embedded images R-CNN needed more updates than the RPN, see below
RCNN_IMAGENET = replace(IMAGENET, steps=40_000, drops=(28_000, 36_000))
EMBEDDED = DetectionRecipe(
    lr=0.02,
    steps=300,
    drops=(210, 270),
    batch=32,
    warm_up=30,
    weight_decay=1e-4,
    bias_lr=1.0,
    bias_decay=1.0,
    largest_gradient=10.0,
    flip=False,
    log_every=25,
)
RCNN_EMBEDDED = replace(EMBEDDED, lr=0.05, steps=1_200, drops=(840, 1_080), log_every=50)
# the classifier: on the embedded images themselves, as the paper's are on ImageNet
CLASSIFIER = Pretraining(epochs=5, crops=3_000, side=72, bn_crops=1_500)
