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
# # 8. Get more out of the same detector
#
# Paper: Appendix B, Tables 9 to 12 · Code: `resnet_lab/detection/improvements.py`, `resnet_lab/detection/scales.py`, `resnet_lab/detection/improvement_views.py`, `resnet_lab/detection/tested.py`, `resnet_lab/detection/comparisons.py` · Tests: `tests/test_detection_improvements.py`, `tests/test_detection_improvement_views.py`, `tests/test_detection_tested.py`, `tests/test_detection_comparisons.py`
# · Runs in: under a minute, without any download (the measurements themselves: `resnet-lab reproduce detection_improvements`) · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - box refinement and voting, global context, testing at several scales and an ensemble: each on one image, before its number,
# - what each was worth on the same weights, with its spread over seeds,
# - Tables 9 to 12 as the paper prints them.

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
fast = False  # this chapter is fast already

# %% [markdown]
# With the baseline of chapter 7 the authors did not yet win a challenge. Three improvements and an [ensemble](glossary.md#ensemble) did. Three of the four change no weight:
# they are other ways to *use* a trained detector, so one can be measured against the other on the same net and the same images.

# %%
from dataclasses import replace
from pathlib import Path

import torch
from IPython.display import Markdown, display

from resnet_lab import claims, exercises, figures
from resnet_lab.detection import arms, improvement_views, opened, scenes, tested, widgets

torch.set_num_threads(1)  # small nets: several threads would wait for each other
# %matplotlib inline

# %% [markdown]
# Two small detectors, trained on drawn scenes, one of them with global context; and one image through the first, its second pass kept:

# %%
places = opened.folders(runs_folder)
data = scenes.load("test", 40)
net, with_context = (opened.detector(places, arm) for arm in ("residual", "context"))
seen = opened.open_image(net, data, 7, replace(arms.TESTING, refine=True))
print(f"image 7: {len(seen.trace.proposals.boxes)} regions, judged once and, moved, once more")

# %% [markdown]
# ## Box refinement and voting
#
# The head says what a region shows *and* how to move it. Then the moved box is a region too: pool from it, judge it again, and put the new boxes beside the old ones (300 + 300 in the paper). [NMS](glossary.md#non-maximum-suppression)
# keeps the best of each heap, and the boxes it would throw away may *vote*: the kept box becomes their mean, weighted by score.
#
# **Predict.** Raise the overlap that gives a vote to 0.9. What is left of the vote? And does the vote move boxes *towards* the object each time?

# %%
display(improvement_views.voting(seen, number=1, iou=0.5, refine=True))
widgets.voting(seen)

# %% [markdown]
# ## Global context
#
# The whole image, pooled like one region, goes through conv5_x as well; its feature stands beside that of each region when the linear layers judge it. This one is trained: the layers have
# twice the inputs. The drawn scenes give it something to learn: a field and water each have four kinds of their own that are 50 times as likely.
#
# **Predict.** Take the context from another scene, of the other ground. Which kinds will the same region be taken for?

# %%
other = opened.open_image(with_context, data, 7)
display(improvement_views.context(other, data, number=1, other=6))
widgets.context(other, data, others=(6, 0, 4, 8, 10, 15))

# %% [markdown]
# ## Several scales
#
# The net was trained at one size of image. In testing the map is made at five; each region is judged at the two at which it comes nearest to one reference size, and of the two feature vectors
# the larger value of each entry is taken (maxout). [Proposals](glossary.md#proposal) stay those of the single scale.
#
# **Predict.** Half the objects are smaller than 22 pixels, under three places of the map. At which of the [five scales](glossary.md#multi-scale-testing) will they be judged?

# %%
stack = improvement_views.scaled(seen, tested.SCALES)
display(improvement_views.multi_scale(stack, number=1))
widgets.multi_scale(stack)

# %% [markdown]
# ## An ensemble
#
# Each net proposes, all nets judge the union, scores and boxes are averaged. (The paper says "ensemble", not that it averages.)
#
# **Predict.** The nets differ in their random numbers, and here in context. What will averaging do to a mistake that only one of them makes?

# %%
nets, titles = [net, with_context], ["one net", "one with context"]
display(improvement_views.ensemble(nets, titles, data, 7, score=0.3))
widgets.ensemble(nets, titles, data, images=(7, 4, 6, 9, 13, 19, 20))

# %% [markdown]
# One image proves nothing; now the numbers.
#
# ## Table 9
#
# The paper stacks its improvements: each row has all above it. On the left COCO, as printed. On the right **drawn scenes**, the same stack on small detectors of several
# [seeds](glossary.md#seed): signs may carry over, sizes do not. The ensemble has one value: it takes all seeds at once.
#
# **Predict.** Which row adds most at [IoU](glossary.md#intersection-over-union) 0.5, and which adds most over the strict thresholds? Is it the same?

# %%
from resnet_lab.detection import comparisons, result_figures, result_tables

results = comparisons.results_in(places)
Markdown(result_tables.table_9(results))

# %% [markdown]
# ## What each is worth
#
# Differences seed by seed. Where a pair shares its weights only the way of testing differs, and a fraction of a point can be told from nothing; two *trainings* scatter by points.
# Two rows take [box refinement](glossary.md#box-refinement) apart, and one asks how much of "several scales" is just a larger image.
#
# **Predict.** Of refinement, is it the second pass or the vote that gains?

# %%
steps = comparisons.steps(results)
figure = result_figures.gains(steps, results.label)
figures.save(figure, Path(figure_folder) / "08_detection_improvements.png")
display(figure)
Markdown(result_tables.differences(steps, results))

# %% [markdown]
# An interval that includes zero is an answer as well: *we cannot tell*. Where the paper's gain is smaller or larger than ours, remember the sizes: objects of 20 pixels
# at [stride](glossary.md#stride) 8 have more to win from a larger image than COCO's.
#
# ## The verdicts
#
# **Predict.** Few seeds, drawn scenes: for which of the four can a sign be told from chance?

# %%
rows = claims.improvements.appendix_b(results)
Markdown(claims.table(rows))

# %% [markdown]
# ## Tables 10 and 11
#
# For VOC the authors fine-tuned the COCO model and added all three. **Predict.** Of the 20 classes, where does the exchange [VGG-16](glossary.md#vgg) for ResNet-101 gain most: in large
# things such as buses, or in small ones such as bottles? "Ours" needs VOC's images; Table 11 is scored by a server.

# %%
for number in (10, 11):
    display(Markdown(result_tables.voc_classes(number)))

# %% [markdown]
# ## Table 12
#
# The same system on ImageNet's 200 detection classes. Its images have terms of use, and this package has no reader for them; so "not run" it stays here.

# %%
Markdown(result_tables.table_12())

# %% [markdown]
# ## Exercises
#
# **1. By hand.** A kept box (0, 0, 10, 10) of score 0.9 and two voters of its kind, (2, 0, 12, 10) with 0.6 and (0, 0, 10, 12) with 0.3. Where does the vote put it?

# %%
voted = None  # your answer: four numbers

print(exercises.check("box-vote", voted))

# %% [markdown]
# **2. Predict.** A region of 48 pixels a side in an image of 96, scales as above, reference 32 pixels: at which two scales is it judged?

# %%
two = None  # your answer: two shorter sides

print(exercises.check("two-scales", two))

# %% [markdown]
# **3. Think.** Three nets give a region the probabilities (background, disc, ring) below. Which answer has the ensemble, and which have the nets alone?

# %%
three = torch.tensor([[0.3, 0.4, 0.3], [0.4, 0.5, 0.1], [0.0, 0.1, 0.9]])
alone, together = None, None  # your answers: a list of three places, and one place

print(exercises.check("each-net-alone", alone))
print(exercises.check("the-ensemble", together))

# %% [markdown]
# ## Solutions
#
# The weights sum to 1.8; only x of the second and the lower edge of the third differ.

# %% tags=["solution"]
shift, lower_edge = 0.6 * 2 / 1.8, 10 + 0.3 * 2 / 1.8
voted = [shift, 0.0, 10 + shift, lower_edge]
assert exercises.check("box-vote", voted) == "right"

# %% [markdown]
# At a shorter side of 64 the region is exactly 32 pixels: not too small any more, so 64 is the upper of the two.

# %% tags=["solution"]
two = (32, 64)
assert exercises.check("two-scales", two) == "right"

# %% [markdown]
# Two nets lean to "disc", one is sure of "ring": the mean follows the one that is sure.

# %% tags=["solution"]
alone, together = three.argmax(1).tolist(), int(three.mean(0).argmax())
assert exercises.check("each-net-alone", alone) == "right"
assert exercises.check("the-ensemble", together) == "right"

# %% [markdown]
# ## In this notebook
#
# - Refinement judges moved boxes once more and lets overlapping boxes vote; context puts the scene beside the region; several scales show each region at a size the net knows.
# - On the same weights a difference is known to a fraction of a point; between two trainings it is not.
# - Tables 9 to 12 stand as printed. What was measured here was measured on drawn scenes, and says so.
#
# Next: [chapter 9](09_localisation.ipynb): where *is* the object that the image is named after?
