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
# · Runs in: under two minutes, without any download (the runs themselves: `resnet-lab reproduce detection`; VOC and COCO: `resnet-lab train detection`)
#
# You will see
#
# - how a classification net is cut in two to become a detector, at the paper's size,
# - one image through every step of Faster R-CNN, with a slider at each,
# - Tables 7 and 8 as the paper prints them, and the same exchange of nets measured on scenes drawn by code.

# %% tags=["parameters"]
runs_folder = None  # results of your own, beside those that ship with the package
figure_folder = "../figures"  # where the figure of this chapter goes
fast = False  # True: precision and recall from fewer images

# %% [markdown]
# The paper's last claim is about another task. Put ResNet-101 where VGG-16 was, change nothing else, and the detector finds more: depth pays
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
# the paper cuts ResNet-101 before its last stage: conv1 to conv4_x run once an image, conv5_x once a *region*. The new layers are few.
#
# **Predict.** Of the 100 convolutions of ResNet-101, how many are shared by all regions? How many places has the map of a 600x1000 image?
#
# The tables are printed from the real modules, made without memory for their weights:

# %%
display(Markdown(c4.table(DetectorConfig(), size=(600, 1000))))
Markdown(c4.summary())

# %% [markdown]
# VGG-16 is cut after its 13 convolutions, and its two hidden linear layers run per region. The stride is 16 either way: the region proposals
# see maps of nearly the same size, and what changes is what the map *says*. The last line is our small one, with half the stride, for objects of 20 pixels.
#
# The small detector, and one image through it with every step kept. From here on sliders only read these tensors:

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
# *move*. In training an anchor teaches "object" from an IoU of 0.7 on, or if it is an object's best; "background" below 0.3; in between nothing.
#
# **Predict.** How many anchors has this map? Find a place and a shape that would teach "object". (Below the picture the same with sliders; on a page
# without a kernel they rest, and `make lab` wakes them.)

# %%
display(rpn_views.anchors(seen, row=8, column=5, shape="24, 1:1"))
widgets.anchors(seen, row=8, column=5)

# %% [markdown]
# ## Objectness
#
# The region proposal network (RPN) is a 3x3 convolution with two 1x1 behind it: for each anchor, is there an object, and where exactly?
# It knows no kinds.
#
# **Predict.** There are blobs in the picture that are no object. Will the RPN know, which was never told of kinds?

# %%
display(rpn_views.objectness(seen))
widgets.objectness(seen)

# %% [markdown]
# ## Proposals
#
# The best anchors are moved, cut at the border, and thinned: of two that overlap by more than a threshold the weaker goes (non-maximum suppression,
# NMS). The paper keeps 300 of an image, at 0.7. Our images are small: 100.
#
# **Predict.** With NMS at 0.3 fewer boxes stand around each object. Are more objects covered by the first ten, or fewer?

# %%
display(rpn_views.proposals(seen, nms=0.7, kept=100))
widgets.proposals(seen)

# %% [markdown]
# ## Pooling a region
#
# Regions have any size, conv5_x wants one. RoI pooling, which the paper uses, rounds the region to whole places of the map and takes the largest value
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
# **Predict.** Lower the threshold. Which can only rise, precision or recall?

# %%
display(head_views.detections(seen, score=0.3))
widgets.detections(seen)

# %% [markdown]
# ## One number for all thresholds
#
# Walk down the list of all detections, best score first, and draw precision against recall: the area under that curve is the average precision (AP) of a kind, and the mean over kinds is mAP. VOC asks
# for IoU 0.5; COCO also averages over thresholds from 0.5 to 0.95, which rewards boxes that fit.

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
# **Predict.** The detector, its recipe and its images stay; VGG-16 goes, ResNet-101 comes. On COCO, will the gain be larger at IoU 0.5, or over stricter thresholds?
#
# "Ours" is filled from records of `resnet-lab train detection --data voc07+12` or `--data coco` on the whole sets, and from nothing else:

# %%
from resnet_lab.detection import comparisons, result_tables

results = comparisons.results_in(places)
Markdown(result_tables.tables_7_and_8(opened.recorded(places)))

# %% [markdown]
# The gain comes from the features alone. Here is the same exchange in miniature, on drawn scenes: **these numbers say nothing about VOC or COCO.** Each
# net was pre-trained on 8,000 drawn crops, which stand in for ImageNet, then fine-tuned on 1,500 scenes. To the roles of the paper we add what it did not print: each residual net's plain
# twin, with the same layers and the same number of weights.
#
# **Predict.** Three seeds each. Put five nets in order: plain with 10, 16 and 24 layers, residual with 16 and 24.

# %%
figure = result_figures.depth(results)
figures.save(figure, Path(figure_folder) / "07_detection.png")
display(figure)
Markdown(result_tables.backbones(results))

# %% [markdown]
# Read it in two ways. *At equal depth* the pair differs in nothing but shortcuts. *Across depth* a plain detector can get worse
# as it gets deeper: degradation, in another task. Compare differences with the spread over seeds: where the dots of two nets mix, three seeds decide nothing.
#
# ## What else the recipe says
#
# Appendix A starts from nets trained on ImageNet and keeps BN fixed, "mainly for reducing memory consumption". It pools by rounding.
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
anchors = None, None  # your answers

right = 9 * 38 * 63, 9 * 12 * 12
print(exercises.check(anchors[0] and anchors, lambda a: a == right, "places times nine"))

# %% [markdown]
# **2. By hand.** What is the IoU of the boxes (0, 0, 4, 4) and (2, 0, 6, 4)? And of (0, 0, 4, 4) with (1, 0, 5, 4)? Then: with NMS at 0.5 and scores 0.9, 0.8 and 0.7 in the
# order below, which boxes stay?

# %%
from torchvision import ops

boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 5, 4], [2, 0, 6, 4]])
overlaps, stay = None, None  # your answers: two numbers; a list of places, from 0

iou, kept = ops.box_iou(boxes, boxes)[0], ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)
print(exercises.check(overlaps, lambda o: torch.allclose(torch.tensor(o), iou[[2, 1]]), "areas"))
print(exercises.check(stay, lambda s: s == kept.tolist(), "the strongest first, then who is left?"))

# %% [markdown]
# **3. By hand.** Two objects; four detections in the order of their scores: right, wrong, right, wrong. What is the AP, as area?

# %%
ap = None  # your answer, in percent

from resnet_lab.detection.voc_evaluation import average_precision

hits = torch.tensor([1, 0, 1, 0]).cumsum(0).numpy()
area = 100 * average_precision(hits / 2, hits / [1, 2, 3, 4], eleven_points=False)
print(exercises.check(ap, lambda a: abs(a - area) < 0.1, "precision where recall rises"))

# %% [markdown]
# **4. Build.** Write NMS: places of the boxes that stay, the best score first. The check holds it against torchvision's on this image's anchors.


# %%
def nms(boxes, scores, threshold):
    return None  # your answer: a list of places


first = seen.trace.first
case = first.boxes[:, 0], first.scores[:, 1], 0.5
print(exercises.check(nms(*case), lambda s: list(s) == ops.nms(*case).tolist(), "best first"))

# %% [markdown]
# ## In this notebook
#
# - A detector is a classifier cut in two: most of it runs once an image, its last stage once a region.
# - Anchors, objectness, proposals, pooling, scores, threshold: each step is a few tensors, and each has a knob that trades misses for mistakes.
# - The exchange of backbones was measured on drawn scenes, with its spread over seeds; what needs VOC or COCO says "not run" until somebody runs it.
#
# Next: four ways to get more out of the same detector.
#
# ## Solutions
#
# The map of a padded 608x1008 image is 38x63, that of 96x96 at stride 8 is 12x12.

# %% tags=["solution"]
anchors = 9 * 38 * 63, 9 * 12 * 12
assert len(seen.trace.anchors) == anchors[1]
assert c4.parts(DetectorConfig(), (600, 1000))[4].shape[1] == anchors[0]

# %% [markdown]
# Half a box is shared: 8 of 24. Three quarters: 12 of 20. The second box overlaps the first by more than 0.5 and goes; the third then has no stronger neighbour.

# %% tags=["solution"]
overlaps, stay = [8 / 24, 12 / 20], [0, 2]
assert torch.allclose(torch.tensor(overlaps), iou[[2, 1]]) and stay == kept.tolist()

# %% [markdown]
# The recall rises at the first detection (precision 1) and at the third (2/3): half of each.

# %% tags=["solution"]
ap = 100 * (0.5 * 1 + 0.5 * 2 / 3)
assert abs(ap - area) < 1e-9

# %% [markdown]
# Take the best box, drop what overlaps it, go on with the rest.


# %% tags=["solution"]
def nms(boxes, scores, threshold):
    left, stay = scores.argsort(descending=True, stable=True), []
    while len(left):
        stay.append(int(left[0]))
        left = left[ops.box_iou(boxes[left[:1]], boxes[left])[0] <= threshold]
    return stay


assert nms(*case) == ops.nms(*case).tolist()
