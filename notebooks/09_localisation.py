# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 9. Put a box around the class you know
#
# Paper: Appendix C, Tables 13 and 14 · Code: `resnet_lab/localisation/nets.py`, `resnet_lab/localisation/testing.py`, `resnet_lab/localisation/scoring.py`, `resnet_lab/localisation/explore.py`, `resnet_lab/localisation/tables.py`, `resnet_lab/localisation/twin_tables.py` · Tests: `tests/test_localisation_nets.py`, `tests/test_localisation_testing.py`, `tests/test_localisation_scoring.py`, `tests/test_localisation_explore.py`
# · Runs in: under a minute, from stored records and one small set of weights (training: `resnet-lab train localisation`) · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - an RPN that has one map for each class, and what it says of classes that are not there,
# - proposals, a threshold, and regions warped to one size for R-CNN,
# - the rule that decides whether a box is right,
# - Tables 13 and 14 as the paper prints them, the same steps on embedded images beside them, and the plain twin beside the residual net.

# %% tags=["colab"]
import subprocess
import sys

repository = ""  # where this project is kept; empty: Colab asks
if "google.colab" in sys.modules:  # elsewhere the package is installed already
    address = repository or input("Address of the repository that this notebook is from: ")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"git+{address}"], check=True)

# %% tags=["parameters"]
runs_folder = None  # records of your own runs, before those that ship with the package
images_name = None  # the same for all chapters; here all images are drawn
data_folder = None  # and none are looked for
figure_folder = "../figures"  # where the figure of this chapter goes
fast = False  # this chapter is fast already

# %% [markdown]
# In detection the net finds what there is. In ImageNet's [localisation task](glossary.md#localisation-error) every image has *one* class that counts; the answer is a class and
# a box around an object of it. The paper leaves the class to a classifier and asks only for the box: one box regressor *per class*.
#
# Everything below happens on drawn images of 72 pixels: the **embedded** set, not ImageNet.

# %%
from pathlib import Path

from IPython.display import Markdown

from resnet_lab import exercises, style
from resnet_lab.detection import opened
from resnet_lab.localisation import explore, figures, record, tables, twin_tables, widgets

# %matplotlib inline
rpn, rcnn = explore.nets()
one = explore.shown(4, rpn, rcnn)

# %% [markdown]
# ## A map for each class
#
# The [RPN](glossary.md#region-proposal-network) of chapter 7 asks "is there an object here?". This one asks, for each class on its own, "is there a crescent here?", "is there a disc?": each output is a binary
# logistic regression, no class competes with another. And each class has its own four offsets.
#
# **Predict.** Where will the map of the image's own class be bright? How far will the best [anchor](glossary.md#anchor) have to move?

# %%
figures.class_view(one, one.own)

# %% [markdown]
# The dashed frame is the true box, the thin one the best of nine anchors a place, the thick one where its offsets move it.
#
# **Predict.** Here are the maps of all eight classes. Which of them stay dark?

# %%
figures.all_classes(one)

# %% [markdown]
# More light up than is right. A class's outputs are trained only on images *of* this class: they learnt to tell the class from ground and clutter, never from other
# classes. So the RPN's scores say *where*, and cannot say *what*. The paper never asks them: its classes come from a classifier.
#
# **Predict.** If you take the box of a *wrong* class, does it still lie around the object?

# %%
for name, (score, overlap) in explore.best_overlaps(one).items():
    own = "  <- the image's class" if name == one.own else ""
    print(f"{name:<9} highest score {score:.2f}, IoU of its box {overlap:.2f}{own}")

# %% [markdown]
# With a menu over the classes, the same for any of them. (On a page without a kernel it rests; `make lab` wakes it.)

# %%
widgets.class_explorer(one)

# %% [markdown]
# ## What it was trained on
#
# Eight anchors an image, half of them positive: that is all the [loss](glossary.md#loss) sees of an image, in batches of 256 images.
#
# **Predict.** A 64-pixel crop has 8 x 8 places with nine anchors each. What share of them does the loss see? Why not all?

# %%
config = rpn.config
places = (config.crop // rpn.stride) ** 2
print(f"{places} places x {len(rpn.cell)} anchors = {places * len(rpn.cell)} anchors, ", end="")
print(f"{config.rpn_sample} of them in the loss: {config.rpn_sample / places / len(rpn.cell):.1%}")

# %% [markdown]
# Nearly all anchors are background; with all of them in the loss, "nothing here" would be a good answer everywhere.
#
# ## One crop, or the whole image at several scales
#
# "1-crop" is the centre crop, ["dense"](glossary.md#dense-testing) is the whole image, at [several scales](glossary.md#multi-scale-testing), through the same [convolutions](glossary.md#convolution). A box from any view is brought back to the image, and the best one
# of all views wins.
#
# **Predict.** Which objects does the centre crop lose?

# %%
figures.protocols(one)

# %% [markdown]
# ## From a map to proposals
#
# [R-CNN](glossary.md#r-cnn) does not look at the map, it looks at regions: the best boxes of a class, without near doubles. On the right each [proposal](glossary.md#proposal)'s score against what it is
# worth, its overlap with the object.
#
# **Predict.** Is the box with the highest score the one with the highest overlap?

# %%
figure = figures.proposal_view(one, one.own, 0.5)
figure

# %% [markdown]
# With a slider over the threshold: at which score does the last good box go?

# %%
widgets.proposal_explorer(one)

# %% [markdown]
# ## R-CNN on warped regions
#
# Fast R-CNN would pool its regions from one map. Here the paper goes back to R-CNN: each region is cut out, warped to the size of the net's input and sent
# through the whole net. With one dominant object, the proposals of an image are much alike; a batch from one image would
# hardly vary. A batch of warped regions can come from 256 images.
#
# **Predict.** What is lost when a wide region is warped to a square? What does the border around it show?

# %%
figures.crop_view(one, one.own, 2)

# %% [markdown]
# The same with a slider over the proposals, from the best to the last:

# %%
widgets.crop_explorer(one)

# %% [markdown]
# ## What R-CNN was trained on
#
# The paper gives R-CNN batches of 256 regions, "in the RoI-centric fashion", and says no more: not how many of them fit the object, not how long. Ours takes one region from each
# image of a batch, half of them fitting (an IoU of one half or more): the balance that the paper states for the RPN's anchors. So an image teaches it one example where it teaches the
# RPN eight, and the question is harder: not "object or ground", but "does this proposal fit well enough". R-CNN has a schedule of its own for that. It was chosen on drawn images that
# no net had been trained on; the test images had no say.
#
# **Predict.** An answer of one half to everything costs log 2, the dashed line. How long will each net stay there?

# %%
records = record.load_all(*opened.folders(runs_folder))
figures.learning(records)

# %% [markdown]
# A line for each seed. Solid is the loss of the class output, dotted that of the box. Compare the numbers below the axes, too: the two nets have not had the same number of updates.
#
# ## Right or wrong
#
# A guess is right if its class is the image's and its box overlaps one of the boxes of this class by an [IoU](glossary.md#intersection-over-union) of one half or more. Five guesses are allowed;
# the image is an error if none is right. With "GT class" there is one guess, of the true class.
#
# **Predict.** A box covers an object's left half exactly, and nothing else. Right or wrong? And the left half and as much again beside it?

# %%
import torch

from resnet_lab.detection.targets import target
from resnet_lab.localisation.scoring import Guesses, fits

found = target([[0, 0, 20, 20]], [1], image_id="drawn", size=(72, 72))
boxes = torch.tensor([[0.0, 0, 10, 20], [-10, 0, 10, 20]])
print(fits(Guesses(labels=torch.tensor([1, 1]), boxes=boxes), found).tolist())

# %% [markdown]
# ## Table 13
#
# **Predict.** The table stacks: regression, then an RPN, then more views, then classes that must be guessed, then R-CNN, then an [ensemble](glossary.md#ensemble). In the paper every step
# but one lowers the error. Which one raises it?
#
# Ours are **embedded** runs at reduced scale, n [seeds](glossary.md#seed) of each net; sizes of errors have nothing to do with ImageNet's. What can be compared is whether a step helps.
# Look at the counts below the table before you judge R-CNN: they say how many examples each net has had.

# %%
Markdown(tables.table_13(records))

# %% [markdown]
# As bars, a dot for each run:

# %%
figure = figures.stack(records)
style.save(figure, Path(figure_folder) / "09_localisation.png")
figure

# %% [markdown]
# **Predict.** How often do five guesses of the classifier miss the class, and what does R-CNN do where the class is known? What stands behind the rows:

# %%
Markdown(twin_tables.beside(records))

# %% [markdown]
# And the verdicts, computed from the same runs; where a step does not help here, the row says so.

# %%
from resnet_lab.claims.localisation import appendix_c

for row in appendix_c(records):
    print(
        f"{row.verdict:<10} {row.statement}\n           paper {row.paper}; ours {row.ours}; {row.why}"
    )

# %% [markdown]
# ## Table 14
#
# The paper's entry for 2015, beside those of the years before. The last lines are ours, and of another task.

# %%
Markdown(twin_tables.table_14(records))

# %% [markdown]
# The nets of the years before had no shortcuts, VGG's among them. Here is that part played by a plain net: as many layers and weights as ours, the same images, recipes and seeds.
# Nothing but the shortcuts is missing, which is less than what lies between VGG and the paper's entry: its depth changed as well.
#
# **Predict.** In which rows will the plain net lose most? Where could it be as good?

# %%
Markdown(twin_tables.twins(records))

# %% [markdown]
# The last column is the plain net's error less the residual one's, of the same seed: above 0 where shortcuts help. Read it beside its spread.

# %% [markdown]
# With ImageNet's images and boxes (`Annotations/CLS-LOC`) the same nets train at the paper's size: `resnet-lab train localisation --data DIR --weights torchvision:resnet101`.
#
# ## Exercises
#
# **1. Predict.** An RPN for 1000 classes with nine anchors a place: how many outputs has its classification layer, and how many its regression layer?

# %%
scores, offsets = None, None  # your answers

print(exercises.check("scores-of-1000", scores, anchors=len(rpn.cell)))
print(exercises.check("offsets-of-1000", offsets, anchors=len(rpn.cell)))

# %% [markdown]
# **2. Think.** Read the paper's column of Table 13 from top to bottom. Which step raises the error: RPN, dense testing, predicted classes, R-CNN or ensemble?

# %%
step = None  # your answer, in words

print(exercises.check("step-that-hurts", step))

# %% [markdown]
# **3. Build.** Find a box of the size of the object, 20 by 20, moved sideways only, that is *just* right: an IoU of at least one half, moved as far as you can
# in whole pixels.

# %%
moved = None  # your answer: pixels

print(exercises.check("just-right", moved))

# %% [markdown]
# **4. Change.** Keep only proposals that R-CNN and RPN *both* like: order the proposals by the product of the two scores. What is the IoU of
# the first one for this image? (`judged` below holds them, each with `rpn`, `rcnn` and `iou_after`.)

# %%
overlap = None  # your answer

found = range(1, len(explore.proposals(one, one.own).boxes) + 1)
judged = [explore.judged(one, one.own, number) for number in found]
products = [(j.rpn, j.rcnn, j.iou_after) for j in judged]
print(exercises.check("both-like", overlap, products=products))

# %% [markdown]
# ## Solutions
#
# Every class has its own nine scores, and four offsets for each of them. Ours, with eight classes, has the layers to match:

# %% tags=["solution"]
scores, offsets = 1000 * 9, 1000 * 9 * 4
assert exercises.check("scores-of-1000", scores, anchors=len(rpn.cell)) == "right"
assert exercises.check("offsets-of-1000", offsets, anchors=len(rpn.cell)) == "right"
assert rpn.objectness.out_channels * 1000 == scores * 8

# %% [markdown]
# With the true class given there is nothing to guess. Where the class has to be predicted, its mistakes count as well.

# %% tags=["solution"]
step = "predicted classes"
assert exercises.check("step-that-hurts", step) == "right"

# %% [markdown]
# Moved by d of 20 the two share 20 - d and cover 20 + d: one half at d = 20 / 3.

# %% tags=["solution"]
moved = int(20 / 3)
assert exercises.check("just-right", moved) == "right"

# %% [markdown]
# A product needs both to be sure; it is as good as the weaker of the two.

# %% tags=["solution"]
overlap = max(judged, key=lambda j: j.rpn * j.rcnn).iou_after
assert exercises.check("both-like", overlap, products=products) == "right"
print(f"IoU {overlap:.2f}")

# %% [markdown]
# ## In this notebook
#
# - A per-class RPN finds *where* for a class that it is told; it was never trained to say *what*.
# - A box counts from an IoU of one half on, with the right class, within five guesses.
# - Dense testing looks at all of the image at several scales; R-CNN looks again at each region, warped to one size.
# - Which of the paper's steps help here was counted over seeds, and what was not run on ImageNet says "not run".
#
# Next: [chapter 10](10_why_it_works.ipynb), the last one: why it works, as far as it is known.
