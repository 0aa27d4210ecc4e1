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
# # 7. Take an image through a detector
#
# Paper: Section 4.3, Appendix A, Tables 7 and 8 · Code: `resnet_lab/detection/faster_rcnn.py`, `resnet_lab/detection/rpn_views.py`, `resnet_lab/detection/head_views.py`, `resnet_lab/detection/c4.py`, `resnet_lab/detection/result_tables.py` · Tests: `tests/test_detection_faster_rcnn.py`, `tests/test_detection_rpn_views.py`, `tests/test_detection_head_views.py`, `tests/test_detection_result_tables.py`
# · Runs in: under two minutes, without any download (the runs themselves: `resnet-lab reproduce detection`; VOC and COCO: `resnet-lab train detection`) · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - how a classification net is cut in two to become a detector, at the paper's size,
# - one image through every step of Faster R-CNN, with a slider at each,
# - Tables 7 and 8 as the paper prints them, and the same exchange of nets measured on scenes drawn by code.

# %% tags=["colab"]
import subprocess
import sys

repository = ""  # where this project is kept; empty: Colab asks
if "google.colab" in sys.modules:  # elsewhere the package is installed already
    address = repository or input("Address of the repository that this notebook is from: ")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"git+{address}"], check=True)

# %% tags=["parameters"]
runs_folder = None  # results of your own, beside those that ship with the package
figure_folder = "../figures"  # where the figure of this chapter goes
fast = False  # True: precision and recall from fewer images

# %% [markdown]
# The paper's last claim is about another task. Put ResNet-101 where [VGG-16](glossary.md#vgg) was as the [backbone](glossary.md#backbone), change nothing else, and the detector finds more: depth pays
# beyond classification. VOC and COCO do not ship with this notebook. A small detector, trained for minutes on drawn scenes, does.

# %%
from pathlib import Path

import torch
from IPython.display import Markdown, display

from resnet_lab import figures
from resnet_lab.detection import c4, head_views, opened, rpn_views, scenes, widgets
from resnet_lab.detection.config import DetectorConfig

torch.set_num_threads(1)  # small nets: several threads would wait for each other
# %matplotlib inline

# %% [markdown]
# ## What is to be found
#
# Eight kinds of shapes, of any colour, on clutter that belongs to no kind. An answer is a box, a kind and a score.
#
# **Predict.** The objects have sides from under ten to eighty pixels. Which of them will a net miss that looks at every eighth pixel?

# %%
data = scenes.load("test", 40)
rpn_views.scenes(data, numbers=(4, 7, 10, 12, 16))

# %% [markdown]
# ## A net cut in two
#
# A classifier says what is in an image, once. A detector must say it for hundreds of regions. Running the whole net for each is slow, so
# the paper cuts ResNet-101 before its last [stage](glossary.md#stage): conv1 to conv4_x run once an image, conv5_x once a *region*. The new layers are few.
#
# **Predict.** Of the 100 [convolutions](glossary.md#convolution) of ResNet-101, how many are shared by all regions? How many places has the map of a 600x1000 image?
#
# The tables are printed from the real modules, made without memory for their weights:

# %%
display(Markdown(c4.table(DetectorConfig(), size=(600, 1000))))
Markdown(c4.summary())

# %% [markdown]
# VGG-16 is cut after its 13 convolutions, and its two hidden linear layers run per region. The [stride](glossary.md#stride) is 16 either way: the region [proposals](glossary.md#proposal)
# see maps of nearly the same size, and what changes is what the map *says*. The last line is our small one, with half the stride, for objects of 20 pixels.
#
# The small detector, and one image of 96x96 through it with every step kept. From here on sliders only read these tensors.
#
# **Predict.** How many anchors are there before the first NMS, and how many proposals are left behind it?

# %%
places = opened.folders(runs_folder)
net = opened.detector(places)
seen = opened.open_image(net, data, 7)
steps = ("maps", "anchors", "proposals.boxes", "first.scores", "first.boxes", "found.boxes")
for name in steps:
    part = seen.trace
    for word in name.split("."):
        part = getattr(part, word)
    print(f"{name:<16} {' x '.join(map(str, part.shape))}")

# %% [markdown]
# ## Anchors
#
# At every place of the map stand nine boxes of fixed shape: three sizes, three ratios of height to width. The net only says how each should
# *move*. In training an [anchor](glossary.md#anchor) teaches "object" from an [IoU](glossary.md#intersection-over-union) of 0.7 on, or if it is an object's best; "background" below 0.3; in between nothing.
#
# **Predict.** How many anchors has this map? Find a place and a shape that would teach "object". (Below the picture the same with sliders; on a page
# without a kernel they rest, and `make lab` wakes them.)

# %%
display(rpn_views.anchors(seen, row=8, column=5, shape="24, 1:1"))
widgets.anchors(seen, row=8, column=5)

# %% [markdown]
# ## Objectness
#
# The [region proposal network](glossary.md#region-proposal-network) (RPN) is a 3x3 convolution with two 1x1 behind it: for each anchor, is there an object, and where exactly?
# It gives each anchor its [objectness](glossary.md#objectness) and knows no kinds.
#
# **Predict.** There are blobs in the picture that are no object. Will the RPN know, which was never told of kinds?

# %%
display(rpn_views.objectness(seen))
widgets.objectness(seen)

# %% [markdown]
# ## Proposals
#
# The best anchors are moved, cut at the border, and thinned: of two that overlap by more than a threshold the weaker goes ([non-maximum suppression](glossary.md#non-maximum-suppression),
# NMS). The paper keeps 300 of an image, at 0.7. Our images are small: 100.
#
# **Predict.** With NMS at 0.3 fewer boxes stand around each object. Are more objects covered by the first ten, or fewer?

# %%
display(rpn_views.proposals(seen, nms=0.7, kept=100))
widgets.proposals(seen)

# %% [markdown]
# ## Pooling a region
#
# Regions have any size, conv5_x wants one. [RoI pooling](glossary.md#roi-pooling), which the paper uses, rounds the region to whole places of the map and takes the largest value
# of each cell. RoIAlign came two years later: it rounds nothing and interpolates.
#
# **Predict.** Move a region sideways, pixel by pixel. Which of the two makes jumps, and after how many pixels?

# %%
display(head_views.roi_grid(seen, number=1, shift=4))
widgets.roi_grid(seen)

# %% [markdown]
# A jump of eight pixels is small for an object of 200, and large for one of 20. That is why the drawn scenes use RoIAlign: a named deviation, whose price is measured below.
#
# ## What the head says
#
# conv5_x and a mean turn each pooled region into one vector; one linear layer gives a score for each kind and for "background", another a box for each kind.
#
# **Predict.** A region that covers half an object: will the head call it background, or name the kind and move the box?

# %%
display(head_views.head(seen, number=1))
widgets.head(seen)

# %% [markdown]
# ## From scores to an answer
#
# A threshold on the score, then NMS once more, kind by kind. Every detection is right or wrong: right if the kind is right, the IoU is 0.5 or more, and no better
# detection took the object before.
#
# **Predict.** Lower the threshold. Which can only rise, [precision or recall](glossary.md#precision-and-recall)?

# %%
display(head_views.detections(seen, score=0.3))
widgets.detections(seen)

# %% [markdown]
# ## One number for all thresholds
#
# Walk down the list of all detections, best score first, and draw precision against recall: the area under that curve is the [average precision](glossary.md#average-precision) (AP) of a kind, and the mean over kinds is mAP. VOC asks
# for IoU 0.5; COCO also averages over thresholds from 0.5 to 0.95, which rewards boxes that fit.
#
# **Predict.** Which of the eight kinds is the hardest, and what becomes of its curve at high recall?

# %%
from resnet_lab.detection import arms, result_figures, scores
from resnet_lab.detection.evaluation import voc_map

few = scenes.load("test", 20 if fast else 80)
found, targets = scores.detect_all([net], few, arms.TESTING)
result_figures.precision_recall(voc_map(found, targets, few.classes))

# %% [markdown]
# A few dozen images are few: the tables below use all 300.
#
# ## Tables 7 and 8
#
# **Predict.** The detector, its [recipe](glossary.md#recipe) and its images stay; VGG-16 goes, ResNet-101 comes. On COCO, will the gain be larger at IoU 0.5, or over stricter thresholds?
#
# "Ours" is filled from [records](glossary.md#record) of `resnet-lab train detection --data voc07+12` or `--data coco` on the whole sets, and from nothing else:

# %%
from resnet_lab.detection import comparisons, result_tables

results = comparisons.results_in(places)
Markdown(result_tables.tables_7_and_8(opened.recorded(places)))

# %% [markdown]
# The gain comes from the features alone. Here is the same exchange in miniature, on drawn scenes: **these numbers say nothing about VOC or COCO.** Each
# net was pre-trained on 8,000 drawn crops, which stand in for ImageNet, then fine-tuned on 1,500 scenes. To the roles of the paper we add what it did not print: each residual net's plain
# twin, with the same layers and the same number of weights.
#
# **Predict.** Three [seeds](glossary.md#seed) each. Put five nets in order: plain with 10, 16 and 24 layers, residual with 16 and 24.

# %%
figure = result_figures.depth(results)
figures.save(figure, Path(figure_folder) / "07_detection.png")
display(figure)
Markdown(result_tables.backbones(results))

# %% [markdown]
# Read it in two ways. *At equal depth* the pair differs in nothing but [shortcuts](glossary.md#shortcut). *Across depth* a plain detector can get worse
# as it gets deeper: [degradation](glossary.md#degradation), in another task. Compare differences with the spread over seeds: where the dots of two nets mix, three seeds decide nothing.
#
# ## What else the recipe says
#
# Appendix A starts from nets trained on ImageNet and keeps [BN](glossary.md#batch-normalisation) fixed, "mainly for reducing memory consumption". It pools by rounding.
#
# **Predict.** What costs more on these scenes: no pre-training, BN that is not fixed, or RoI pooling? And at which IoU will pooling matter most?

# %%
Markdown(result_tables.training(results))

# %% [markdown]
# BN fixed *without* pre-training keeps statistics that nothing was ever measured for. The paper never does that; the row shows what "fixed" rests on.
#
# ## The verdicts
#
# What Section 4.3 and Appendix A say, and whether we see it. A drawn scene can show a sign, never a value of COCO:

# %%
from resnet_lab import claims, exercises

rows = claims.detection.section_4_3(claims.detection.Evidence.of(places))
Markdown(claims.table(rows))

# %% [markdown]
# ## Exercises
#
# **1. Predict.** How many anchors has an image of 600x1000 in the paper's detector, and how many has ours of 96x96?

# %%
of_600x1000, of_96x96 = None, None  # your answers

print(exercises.check("anchors-at-600x1000", of_600x1000))
print(exercises.check("anchors-at-96", of_96x96))

# %% [markdown]
# **2. By hand.** What is the IoU of the boxes (0, 0, 4, 4) and (2, 0, 6, 4)? And of (0, 0, 4, 4) with (1, 0, 5, 4)? Then: with NMS at 0.5 and scores 0.9, 0.8 and 0.7 in the
# order below, which boxes stay?

# %%
boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [2, 0, 6, 4]])
half, three_quarters = None, None  # your answers: IoU of the first with the third and the second
stay = None  # your answer: places, from 0

print(exercises.check("iou-half-shared", half))
print(exercises.check("iou-three-quarters-shared", three_quarters))
print(exercises.check("who-survives-nms", stay))

# %% [markdown]
# **3. By hand.** Two objects; four detections in the order of their scores: right, wrong, right, wrong. What is the AP, as area?

# %%
ap = None  # your answer, in percent

print(exercises.check("ap-by-hand", ap))

# %% [markdown]
# **4. Build.** Write NMS: places of the boxes that stay, the best score first. The check holds it against torchvision's on several sets of boxes.


# %%
def nms(boxes, scores, threshold):
    return None  # your answer: a list of places


print(exercises.check("nms", nms))

# %% [markdown]
# ## Solutions
#
# The map of a padded 608x1008 image is 38x63, that of 96x96 at stride 8 is 12x12.

# %% tags=["solution"]
of_600x1000, of_96x96 = 9 * 38 * 63, 9 * 12 * 12
assert exercises.check("anchors-at-600x1000", of_600x1000) == "right"
assert exercises.check("anchors-at-96", of_96x96) == "right"
assert len(seen.trace.anchors) == of_96x96

# %% [markdown]
# Half a box is shared: 8 of 24. Three quarters: 12 of 20. The second box overlaps the first by more than 0.5 and goes; the third then has no stronger neighbour.

# %% tags=["solution"]
from torchvision import ops

half, three_quarters, stay = 8 / 24, 12 / 20, [0, 2]
assert exercises.check("iou-half-shared", half) == "right"
assert exercises.check("iou-three-quarters-shared", three_quarters) == "right"
assert exercises.check("who-survives-nms", stay) == "right"
assert ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist() == stay

# %% [markdown]
# The recall rises at the first detection (precision 1) and at the third (2/3): half of each.

# %% tags=["solution"]
ap = 100 * (0.5 * 1 + 0.5 * 2 / 3)
assert exercises.check("ap-by-hand", ap) == "right"

# %% [markdown]
# Take the best box, drop what overlaps it, go on with the rest. On this image's anchors it agrees with torchvision's as well:


# %% tags=["solution"]
def nms(boxes, scores, threshold):
    left, stay = scores.argsort(descending=True, stable=True), []
    while len(left):
        stay.append(int(left[0]))
        left = left[ops.box_iou(boxes[left[:1]], boxes[left])[0] <= threshold]
    return stay


case = seen.trace.first.boxes[:, 0], seen.trace.first.scores[:, 1], 0.5
assert exercises.check("nms", nms) == "right" and nms(*case) == ops.nms(*case).tolist()

# %% [markdown]
# ## In this notebook
#
# - A detector is a classifier cut in two: most of it runs once an image, its last stage once a region.
# - Anchors, objectness, proposals, pooling, scores, threshold: each step is a few tensors, and each has a knob that trades misses for mistakes.
# - The exchange of backbones was measured on drawn scenes, with its spread over seeds; what needs VOC or COCO says "not run" until somebody runs it.
#
# Next: [chapter 8](08_detection_improvements.ipynb), four ways to get more out of the same detector.
