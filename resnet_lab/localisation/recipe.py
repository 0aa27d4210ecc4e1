"""How the localisers are trained: one schedule for each of the three nets.

Paper: Appendix C ("mini-batch size of 256 images"); it states no rate and no number of updates.
Notebook: notebooks/09_localisation.py. Tests: tests/test_localisation_run.py.
"""

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
# the classifier: on the embedded images themselves, as the paper's are on ImageNet
CLASSIFIER = Pretraining(epochs=5, crops=3_000, side=72, bn_crops=1_500)
