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
# # 0. Start here
#
# Paper: the whole of "Deep Residual Learning for Image Recognition" (He, Zhang, Ren, Sun, 2015) · Code: `resnet_lab/paper.py`, `resnet_lab/claims/` · Tests: `tests/test_claims.py`
# · Runs in: seconds · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - what this laboratory holds, and which chapter belongs to which section of the paper,
# - which images and runs it was built from,
# - the scoreboard: what the paper says, and whether we see it.

# %% tags=["colab"]
import subprocess
import sys

repository = ""  # where this project is kept; empty: Colab asks
if "google.colab" in sys.modules:  # elsewhere the package is installed already
    address = repository or input("Address of the repository that this notebook is from: ")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"git+{address}"], check=True)

# %% tags=["parameters"]
runs_folder = None  # records of your own runs; None: those that ship with the package
images_name = None  # "cifar10" or "embedded"; None: CIFAR-10 where it is found
data_folder = None  # folder with CIFAR-10; None: look for it
figure_folder = "../figures"  # where the figure of this chapter goes
fast = False  # this chapter is fast already

# %% [markdown]
# ## What this is
#
# The paper trained nets of up to 1,202 layers by adding a [shortcut](glossary.md#shortcut) around every few of them. It changed what is
# thought possible. Here each section that reports an experiment becomes a chapter: it explains, lets you
# move the sliders, runs small on a laptop and large on a GPU, and puts our numbers beside the paper's.
#
# Three rules hold in every chapter. *Predict* before you run a cell. Prose never states a number that a run
# produced: the cell prints it, with the number of runs and their spread. And what was not run says "not run".

# %%
from pathlib import Path

from IPython.display import Markdown

from resnet_lab import claims, data, experiments, explore, figures, paper, records, widgets

# %matplotlib inline

# %% [markdown]
# ## The map
#
# | Chapter | Paper | You will |
# |---|---|---|
# | 0 Start here | the whole | see the scoreboard |
# | [1 Degradation](01_degradation.ipynb) | Sections 1, 3.1 and 4.2, Figure 1 | see a deeper net train worse, build the better one by hand, and let one line find it |
# | [2 Shortcuts](02_shortcuts.ipynb) | Sections 3.1 to 3.3 and 4.1, Figure 2, Table 3 | take the block apart, see what options A, B and C do, and what the padding really does |
# | [3 Bottlenecks](03_bottlenecks.ipynb) | Sections 3.3 and 4.1, Figures 3 and 5, Table 1 | recompute Table 1 cell by cell, find the stride behind 3.8 and 4.1, compare designs at equal cost |
# | [4 ImageNet](04_imagenet.ipynb) | Sections 3.4 and 4.1, Tables 2 to 5 | turn one image into ten crops and five scales, run the protocol on drawn images, see what an ensemble buys |
# | [5 CIFAR-10](05_cifar.ipynb) | Section 4.2, Table 6, Figure 6 | walk from 20 to 110 layers, see what the warm-up does, and why others report other numbers |
# | [6 Layer responses](06_layer_responses.ipynb) | Section 4.2, Figure 7 | look inside: how strongly each layer responds, plain and residual, and what the figure leaves open |
# | [7 Detection](07_detection.ipynb) | Section 4.3, Appendix A, Tables 7 and 8 | take one image through Faster R-CNN with a slider at every step, swap the backbone |
# | [8 Improvements](08_detection_improvements.ipynb) | Appendix B, Tables 9 to 12 | see box voting, context, several scales and an ensemble on an image, then what each is worth |
# | [9 Localisation](09_localisation.ipynb) | Appendix C, Tables 13 and 14 | ask one class at a time where it is, warp what is proposed, and count which step helps |
# | [10 Why it works](10_why_it_works.ipynb) | Section 4.1, and what came after | see what vanishing signals would look like, and click blocks out of trained nets |
#
# ## The nets, in one slider
#
# The CIFAR nets of the paper are one family with one number, n: 6n + 2 layers. Its first member in Table 6 is ResNet-20.
#
# **Predict.** A block has two layers. How many blocks has ResNet-20, and how many on each map size?

# %%
Markdown(explore.describe_net(20, "residual"))

# %% [markdown]
# **Predict.** How do the [parameters](glossary.md#parameter) grow when you go from 20 to 56 layers? And when you switch the shortcuts off? Then
# move the slider. (It needs a kernel: `make lab`.)

# %%
widgets.net_explorer()

# %% [markdown]
# ## The images
#
# Real CIFAR-10 is used where it is found (`resnet-lab data get cifar10` fetches it). Without it, and without a
# network, a set of ten classes is drawn on the spot. Whatever is made from that says "embedded data".

# %%
dataset = data.load(data_folder, name=images_name)
print(
    f"{dataset.label}: {len(dataset.train_labels):,} training and {len(dataset.test_labels):,} test images"
)
print("classes:", ", ".join(dataset.classes))

# %% [markdown]
# The [embedded](glossary.md#embedded-data) set looks like this, one image a class. Shape and the arrangement of parts tell the class, colour does not.
#
# **Predict.** Which two classes will a net confuse most easily?

# %%
from resnet_lab import embedded

pictures, labels = embedded.images("test")
first = [int((labels == c).argmax()) for c in range(10)]
figure, panels = figures.sheet(1, width=8.2, height=1.3)
figures.image_row(panels[0], pictures[first], embedded.CLASSES)
figure

# %% [markdown]
# ## The runs
#
# **Predict.** How many runs of each net does a fair comparison take, if every run differs a little by chance?
#
# A run is named by its net, its [recipe](glossary.md#recipe), its images and its [seed](glossary.md#seed), and leaves a [record](glossary.md#record). These are the ones that this page can use:

# %%
folders = [Path(runs_folder)] if runs_folder else []
recorded = records.load_all(*folders, records.SHIPPED)
shown_set, sentence = experiments.with_runs(dataset, recorded)
print(sentence)
Markdown(explore.runs_table(recorded))

# %% [markdown]
# ## A first look
#
# **Predict.** One figure holds the reason for the paper. On the left the final [*training* error](glossary.md#training-error) against depth, on
# the right the test error. Which way do the two lines go: [plain nets](glossary.md#plain-net), and nets with shortcuts?

# %%
shown = experiments.current(recorded, shown_set)
figure, panels = figures.sheet(2, width=8.2, height=3.2)
figures.depth_panels(panels, shown)
figures.save(figure, Path(figure_folder) / "00_start_here.png")
figure

# %% [markdown]
# Chapter 1 takes this figure apart.
#
# ## The scoreboard
#
# Each row is a statement of the paper that can be true or false of us. The verdict is computed, never typed:
# *seen*, *not seen*, *[undecided](glossary.md#undecided)* (the spread of the runs does not allow a decision) or *not run*. The scale says how it was tested:
# on the nets themselves (*architecture*), in the paper's protocol (*paper*), reduced (*quick*), or on drawn scenes (*embedded*).

# %%
from resnet_lab.detection import opened
from resnet_lab.localisation import record

detectors = claims.detection.Evidence.of(opened.folders(runs_folder))
localised = record.load_all(*opened.folders(runs_folder))
rows = claims.ledger(recorded, shown_set.name, detectors=detectors, localised=localised)
print(", ".join(f"{count} {verdict}" for verdict, count in claims.summary(rows).items()))

# %% [markdown]
# **Predict.** Which sections of the paper have most rows that say "not run", and why those?
#
# All of them, in the order of the paper. Numbers of the paper come with their place:

# %%
Markdown(claims.table(rows))

# %% [markdown]
# ## How to go on
#
# | You want | Type |
# |---|---|
# | this book, from runs on your machine | `make reproduce` |
# | the notebooks, with their sliders | `make lab` |
# | to know what is missing | `resnet-lab doctor` |
# | CIFAR-10 | `resnet-lab data get cifar10` |
# | a net of your own | `resnet-lab train --depth 32 --shortcut none` |
# | the paper's protocol, on a GPU | `resnet-lab reproduce table_6 --scale paper --budget 25m` |
#
# ## Exercises
#
# Every exercise has a stub that answers `None`; the checker then says so and the notebook goes on. Write any form of
# the answer, a number or the arithmetic that leads to it.
#
# **1. Predict.** Which depth has n = 9? Which n has ResNet-1202?

# %%
from resnet_lab import exercises

depth_of_n_9, n_of_1202 = None, None  # your answers

print(exercises.check("depth-of-n-9", depth_of_n_9))
print(exercises.check("n-of-1202", n_of_1202))

# %% [markdown]
# **2. Change.** Write the depth as an expression of n, as text. The checker tries it on several n.

# %%
depth = None  # your answer, like "4n + 1"

print(exercises.check("depth-as-expression", depth))

# %% [markdown]
# **3. Look up.** `paper.leaf(path)` gives a number of the paper with its place. What is the test error of ResNet-56 in
# Table 6? The path of ResNet-20's is `tables.table6.resnet_20.error`.

# %%
print(paper.leaf("tables.table6.resnet_20.error"))
error_56 = None  # your answer

print(exercises.check("error-of-resnet-56", error_56))

# %% [markdown]
# **4. Think.** The scoreboard has rows on the residual nets of Section 4.2 that want runs at the paper's scale. Which
# experiment trains these nets, and no plain ones? Its name is one of these:

# %%
print(", ".join(experiments.EXPERIMENTS))
experiment = None  # your answer

print(exercises.check("experiment-of-table-6", experiment))

# %% [markdown]
# ## Solutions
#
# A first layer, a classifier, and 2n layers in each of three stages:

# %% tags=["solution"]
depth_of_n_9, n_of_1202 = 6 * 9 + 2, (1202 - 2) // 6
assert exercises.check("depth-of-n-9", depth_of_n_9) == "right"
assert exercises.check("n-of-1202", n_of_1202) == "right"

# %% [markdown]
# The same as an expression:

# %% tags=["solution"]
depth = "6n + 2"
assert exercises.check("depth-as-expression", depth) == "right"

# %% [markdown]
# The number, and where the paper prints it:

# %% tags=["solution"]
leaf = paper.leaf("tables.table6.resnet_56.error")
assert exercises.check("error-of-resnet-56", leaf.value) == "right" and "Table 6" in leaf.source

# %% [markdown]
# Test errors of residual nets at paper scale are Table 6; the plain nets and the curves are Figure 6.

# %% tags=["solution"]
experiment = "table_6"
assert exercises.check("experiment-of-table-6", experiment) == "right"

# %% [markdown]
# ## In this notebook
#
# - The map: one chapter for each section of the paper that reports an experiment.
# - Images, runs and nets have names, and a run with the same name is never trained twice.
# - The scoreboard is computed from runs and nets; what was not run says so.
#
# Next: [chapter 1](01_degradation.ipynb), in which a deeper net trains worse. Words you do not know are in the [glossary](glossary.md).
