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
# # 4. See an image as the ImageNet nets see it
#
# Paper: Sections 3.4 and 4.1, Tables 2 to 5 · Code: `resnet_lab/augmentation.py`, `resnet_lab/imagenet_evaluation.py`, `resnet_lab/imagenet_recipe.py`, `resnet_lab/explore_views.py`, `resnet_lab/imagenet_tables.py`, `resnet_lab/ensembles.py` · Tests: `tests/test_imagenet_evaluation.py`, `tests/test_explore_views.py`, `tests/test_imagenet_tables.py`, `tests/test_ensembles.py`
# · Runs in: under a minute, without ImageNet (with it: `resnet-lab imagenet train`, `resnet-lab evaluate imagenet`) · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - how one image becomes training views, ten crops, and maps at five scales,
# - the recipe of Section 3.4 beside that of CIFAR-10, and how a batch of 256 is cut,
# - the whole protocol run on images that are drawn on the spot,
# - Tables 2 to 5 as the paper prints them, with ours where somebody has run it, and what an ensemble buys.

# %% tags=["colab"]
import subprocess
import sys

repository = ""  # where this project is kept; empty: Colab asks
if "google.colab" in sys.modules:  # elsewhere the package is installed already
    address = repository or input("Address of the repository that this notebook is from: ")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"git+{address}"], check=True)

# %% tags=["parameters"]
runs_folder = None  # records of your own runs, before those that ship with the package
images_name = None  # "cifar10" or "embedded"; None: CIFAR-10 where it is found
data_folder = None  # folder with CIFAR-10; None: look for it
figure_folder = "../figures"  # where the figure of this chapter goes
fast = False  # True: shorter toy trainings, and an ensemble on fewer test images

# %% [markdown]
# The notebook draws and prints; what it calls lives in the package, with tests. ImageNet does not ship with it:
# the picture below is drawn by code, and no number here was measured on ImageNet unless a table says so.

# %%
from pathlib import Path
from tempfile import mkdtemp

import torch
from IPython.display import Markdown, display

from resnet_lab import explore_views, figures, imagenet_tables, imagenet_toy, view_figures
from resnet_lab.drawn_scene import scene
from resnet_lab.imagenet_recipe import ImageNetRecipe

torch.set_num_threads(1)  # small nets: several threads would wait for each other
# %matplotlib inline
# %% [markdown]
# ## One image, many training views
#
# Section 3.4: the shorter side is drawn at random from 256 to 480, a 224x224 crop is cut at random from the image or its mirror image,
# and the colours are changed along the [principal components](glossary.md#principal-components) of RGB values, as in AlexNet.
#
# **Predict.** Does every view show the boat? Can the net learn from one that does not?

# %%
image, recipe = scene(), ImageNetRecipe()
view_figures.training_views(image, recipe, seeds=range(6))

# %% [markdown]
# A smaller side makes a frame cover more of the picture: the boat is seen at many sizes. Some views hold little but sky and a lighthouse, and still have
# the image's label: the price of never showing a net the same view twice.
#
# ## Ten crops
#
# To compare nets the paper uses the "standard 10-crop testing": shorter side 256, four corners and the centre, of the image and its mirror image.
# The [class probabilities](glossary.md#softmax) of the ten are averaged.
#
# **Predict.** How much of the image do the ten crops see together? Which part is in all of the first five?

# %%
figure = view_figures.ten_crops(image)
figures.save(figure, Path(figure_folder) / "04_imagenet.png")
figure

# %% [markdown]
# ## Five scales, and no crops
#
# For its best numbers the paper shows the *whole* image to the net. The net has only one layer that fixes the size, the classifier.
# Its [global pool](glossary.md#global-average-pooling) becomes a 7x7 window that slides over the last map, the classifier a 1x1 [convolution](glossary.md#convolution): scores at each
# position, which are averaged. Then the image is shown at other scales: shorter sides 224, 256, 384, 480 and 640.
#
# **Predict.** One cell of the last map stands for 32 pixels. From side 224 to side 640, by what factor does the number of windows grow?

# %%
view_figures.five_scales(image)

# %% [markdown]
# The white grid is the map of the last [stage](glossary.md#stage), the red frame its first window. Map sizes are read off the real ResNet-50, run without numbers, and
# so is the work.
#
# **Predict.** Which takes more of it, ten crops or [five scales](glossary.md#multi-scale-testing)?

# %%
Markdown(explore_views.scales_table(tuple(image.shape[1:])))

# %% [markdown]
# ## One scale and one crop at a time
#
# A crop and a window are nearly the same thing. The crop's edge is padded with zeros, layer by layer; a window sees its
# neighbours there.
#
# **Predict.** Will the two show the same pixels? On the left the ten crops at side 384, in the middle the second of them, on the right the window nearest to it:

# %%
view_figures.view(image, side=384, number=2)

# %% [markdown]
# And with sliders over scale and crop. (On a page without a kernel they rest; `make lab` wakes them.) At side 224, which of the ten crops
# are the same?

# %%
from resnet_lab import view_widgets

view_widgets.view_explorer(image)

# %% [markdown]
# ## The recipe
#
# **Predict.** Training on CIFAR-10 (chapter 5) and on ImageNet have the same [start rate](glossary.md#learning-rate), [momentum](glossary.md#momentum) and [weight decay](glossary.md#weight-decay). What *must* differ,
# with 25 times the images and 49 times the pixels?

# %%
Markdown(imagenet_tables.recipes())

# %% [markdown]
# "When the error [plateaus](glossary.md#plateau)" is all the paper says on when the rate drops. A program needs a rule; ours is the one printed below.
#
# **Predict.** Here are validation errors that we **made up** so as to look like Figure 4. Where will the rule lower the rate?

# %%
print(imagenet_tables.rule(recipe))
view_figures.plateau(view_figures.made_up_errors(recipe), recipe)

# %% [markdown]
# The rule pays for being sure with patience: each drop comes five tests after the curve has gone flat.
#
# The authors spread a batch of 256 over 8 GPUs, 32 images each (their notes say so, not the paper). One device can do the same
# by adding up the [gradients](glossary.md#gradient) of 8 parts before it [updates](glossary.md#update). **Predict.** Is that the same update as from 256 images at once?
# Below the gradients of a small net on random images, each cut compared with 256 at once:

# %%
Markdown(imagenet_toy.batch_table())

# %% [markdown]
# The mean of means is the mean, so with [BN](glossary.md#batch-normalisation) frozen only rounding is left. With BN as in training each part is normalised by *its own* statistics, and the
# update depends on the size of a part, not on the number of devices. So 8 x 32 is what we cut a batch into, on one device too.
#
# ## The whole protocol, on drawn images
#
# Six classes of coloured shapes, two small nets, a few dozen updates: the code is that of `resnet-lab imagenet train` and `resnet-lab
# evaluate imagenet`. **These numbers show that it runs, and nothing about ImageNet.** After training, BN statistics are measured anew, as
# a plain average over training views: what the authors did for the nets they released, in place of the moving average.
#
# **Predict.** Must the error change when nothing but BN's statistics does?

# %%
from dataclasses import replace

from resnet_lab import imagenet_scores
from resnet_lab.distributed import World

seen, unseen = imagenet_toy.folder(Path(mkdtemp()) / "drawn")
toy = replace(imagenet_toy.RECIPE, steps=10 if fast else imagenet_toy.RECIPE.steps)
moving = [imagenet_toy.train(seen, seed, toy) for seed in (0, 1)]
nets = [imagenet_toy.measured(net, seen) for net in moving]
for net in (moving[0], nets[0]):
    row = imagenet_scores.score([net], unseen, imagenet_toy.PROTOCOLS[0], here=World(), workers=0)
    print(f"{net.name}: {row.top1:.1f} % of {row.images} toy images")

# %% [markdown]
# The three tests with one net, as the command prints them. (With six classes, "not among the first five" is hardly an error. The sides are a quarter of the paper's.)

# %%
for protocol in imagenet_toy.PROTOCOLS:
    row = imagenet_scores.score(nets[:1], unseen, protocol, here=World(), workers=0)
    print("TOY IMAGES, not ImageNet:", imagenet_scores.table(row), "", sep="\n")

# %% [markdown]
# And both nets as an [ensemble](glossary.md#ensemble). The paper's row beside it is printed because the command always prints it; a look-alike of
# six classes has nothing to do with it, and the last line says so.

# %%
row = imagenet_scores.score(nets, unseen, imagenet_toy.PROTOCOLS[1], here=World(), workers=0)
print("TOY IMAGES, not ImageNet:", imagenet_scores.table(row), sep="\n")

# %% [markdown]
# ## Tables 2 and 3
#
# **Predict.** Table 2 is [degradation](glossary.md#degradation) on ImageNet: 18 and 34 layers, plain and residual. Which of the four errors is the largest? And what does
# 152 layers gain over 34?
#
# Errors in percent, [10-crop](glossary.md#ten-crop-testing), validation set. Ours come from results that `resnet-lab evaluate imagenet` wrote, and only from
# the whole validation set of 50,000 images. A net that was trained by others says so in the last column.

# %%
folders = [Path(runs_folder)] if runs_folder else []
results = imagenet_tables.results(*folders)
for table in (2, 3):
    display(Markdown(imagenet_tables.markdown(table, results)))

# %% [markdown]
# ## Tables 4 and 5
#
# Table 4 has single nets in the [fully-convolutional form](glossary.md#fully-convolutional-form) at five scales; compare a row with the same net in Table 3. Table 5 has
# ensembles, on the *test* set, whose labels only the challenge's server knows: six of the paper's nets of different depths, two of them of 152 layers.

# %%
for table in (4, 5):
    display(Markdown(imagenet_tables.markdown(table, results)))

# %% [markdown]
# ## What an ensemble buys
#
# From Table 4's best net to Table 5's six, the [top-5 error](glossary.md#top-5-error) falls by about a fifth, on another set of images. We can measure such
# a step on a small scale: ResNet-20 of several [seeds](glossary.md#seed), from recorded runs at reduced scale (half the filters, 16x16 images, 1,200 updates).
# The nets differ in nothing but the seed. The images are CIFAR-10's where it is here, else the [embedded](glossary.md#embedded-data) ones.
#
# **Predict.** The seeds end close together. Can the average of such nets be better than *the best* of them? By more than they differ?

# %%
from resnet_lab import data, ensembles, experiments, records

recorded = records.load_all(*folders, records.SHIPPED)
dataset, sentence = experiments.with_runs(data.load(data_folder, name=images_name), recorded)
pairs = ensembles.with_weights(recorded, dataset.name, [*folders, records.SHIPPED])
members = ensembles.members(pairs, dataset, most=2_000 if fast else None)
labels = dataset.test_labels[: len(members[0].scores)]
print(sentence, ensembles.gains(members, labels), sep="\n")
Markdown(ensembles.table(members, labels))

# %% [markdown]
# A dot is an ensemble, with every choice of so many nets; the line joins the means (the axis does not begin at zero). The work grows with each net; does the gain
# keep up?

# %%
figure, panels = figures.sheet(1, width=5, height=2.8)
ensembles.draw(panels[0], members, labels)
panels[0].set_title(f"{dataset.label}, ResNet-20 at reduced scale", fontsize="small")
figure

# %% [markdown]
# Nets from other seeds make *other* mistakes; where they disagree, the right class tends to keep some probability in each of them. The paper's six
# differ in depth as well.
#
# ## Exercises
#
# **1. Predict.** A square image at side 640: how many windows has the fully-convolutional net, and how many times as many has it
# as at side 256?

# %%
from resnet_lab import exercises

windows, times = None, None  # your answers

print(exercises.check("windows-at-640", windows))
print(exercises.check("times-256", times))

# %% [markdown]
# **2. By hand.** Of a 256x256 image, how many pixels are in *all* of the first five crops of 224?

# %%
in_all_five = None  # your answer

print(exercises.check("seen-by-all-five", in_all_five))

# %% [markdown]
# **3. Think.** Why are probabilities averaged and not labels voted on? Find probabilities of three nets for two classes such that two of the
# nets name class 1, and the average names class 0.

# %%
three = None  # your answer: three rows of two probabilities, each row a net

print(exercises.check("outvoted", three))

# %% [markdown]
# **4. Change.** You have 4 devices, each of which holds 16 images. How many parts does each add up for one update of 256? And how many
# updates are a pass over 1,281,167 training images?

# %%
parts, updates = None, None  # your answers

print(exercises.check("parts-of-a-batch", parts))
print(exercises.check("updates-a-pass", updates))

# %% [markdown]
# ## Solutions
#
# A map of 20x20 has 14x14 places for a window of 7; one of 8x8 has 2x2.

# %% tags=["solution"]
windows, times = (640 // 32 - 6) ** 2, (640 // 32 - 6) ** 2 / (256 // 32 - 6) ** 2
assert exercises.check("windows-at-640", windows) == "right"
assert exercises.check("times-256", times) == "right"

# %% [markdown]
# The crops on the left leave out the last 32 columns, those on the right the first 32; rows likewise, and the centre leaves out less. So most of the
# image counts in every crop, and its rim only in some.

# %% tags=["solution"]
in_all_five = (256 - 2 * 32) ** 2
assert exercises.check("seen-by-all-five", in_all_five) == "right"

# %% [markdown]
# A vote forgets how sure a net is. The average does not, as long as "sure" means the same in all of them.

# %% tags=["solution"]
three = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
assert exercises.check("outvoted", three) == "right"

# %% [markdown]
# 4 devices see 64 images at a time, so 4 parts. A pass takes about 5,000 updates, and our plateau rule tests once a pass:

# %% tags=["solution"]
parts, updates = 256 // (4 * 16), 1_281_167 / 256
assert exercises.check("parts-of-a-batch", parts) == "right"
assert exercises.check("updates-a-pass", updates) == "right"
print(f"{updates:.0f} updates a pass, {recipe.steps / updates:.0f} passes at most")

# %% [markdown]
# ## In this notebook
#
# - Training draws another scale, place, side and colour for each view; a test shows ten fixed crops, or the whole image at five scales.
# - The fully-convolutional form is the same net with a sliding pool; it sees far more windows than ten crops, for more work.
# - A batch of 256 can be cut over devices and time; what BN sees is the part.
# - What averaging nets of several seeds gains was measured beside their spread; what was not run on ImageNet says "not run".
#
# Next: [chapter 5](05_cifar.ipynb), CIFAR-10, from 20 to 1202 layers.
