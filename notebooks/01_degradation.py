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
# # 1. See a deeper net train worse
#
# Paper: Sections 1 and 4.2, Figures 1 and 6 · Code: `resnet_lab/resnet.py`, `resnet_lab/train.py`, `resnet_lab/constructed.py` · Tests: `tests/test_resnet.py`, `tests/test_constructed.py`
# · Runs in: under a minute, from recorded runs (training them: `make reproduce`, some minutes) · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - that of two plain nets the deeper one ends with the higher *training* error,
# - that a deeper net as good as the shallow one exists: you will build it by hand,
# - that one line of code, the shortcut, lets the training find nets as good as that.

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
fast = False  # True: fewer live updates; proves nothing, shows that the cells run

# %% [markdown]
# The notebook draws and prints; what it calls lives in the package, with tests.

# %%
from pathlib import Path

import torch
from IPython.display import Markdown, display

# %matplotlib inline
# %% [markdown]
# ## Which images, which runs
#
# The paper's nets are trained on CIFAR-10: 64,000 [updates](glossary.md#update) of 128 images. On a laptop we train
# thin twins of them (half the filters) on images averaged to 16x16, for a fiftieth of the updates.
# That is enough to see *whether* an effect exists, and too little to compare sizes of errors with
# the paper. Every figure says on its face what it was made from.
#
# The short [recipe](glossary.md#recipe) differs from the paper's in three more ways, the same for every net, so that at every update all
# nets have the same rate. The first 100 updates run at a [rate of 0.01](glossary.md#learning-rate), then it is 0.1 (the paper [warms up](glossary.md#warm-up) its 110-layer net; the authors later did so
# in all their CIFAR runs). The images are flipped but not cropped, since there are few passes over them. And the rate
# drops once, near the end.
# %%
from resnet_lab import ResNet, cifar, cost, data, evaluation, experiments, explore, figures, records
from resnet_lab.blocks import Block

folder = Path(runs_folder) if runs_folder else records.SHIPPED
recorded = records.load_all(folder)
found = data.load(data_folder, name=images_name)
dataset, sentence = experiments.with_runs(found, recorded)
quick = experiments.current(recorded, dataset)
pairs = [r for r in quick if r.run.net.depth in (20, 56)]
print(sentence)
print(f"{len(pairs)} runs of 20 and 56 layers, {len(quick)} at quick scale in all")

# %% [markdown]
# ## Two plain nets
#
# A *plain* net is a stack of 3x3 [convolutions](glossary.md#convolution), each followed by [batch normalisation](glossary.md#batch-normalisation) and [ReLU](glossary.md#relu).
# Section 4.2 describes a family of them: a first layer, three [stages](glossary.md#stage) of 2n layers each, and a classifier,
# 6n + 2 layers with weights in all. Two rules fix the rest: layers with the same map size have
# the same number of filters, and when the map is halved the filters double, so that every
# layer costs about the same.

# %%
Markdown(explore.describe_net(20, "plain"))

# %% [markdown]
# Move the slider through the family. The toggle adds [shortcuts](glossary.md#shortcut): watch the [parameters](glossary.md#parameter) and the
# [multiply-adds](glossary.md#multiply-adds) as you switch it. (On a page without a kernel the sliders rest; `make lab` wakes them.)

# %%
from resnet_lab import widgets

widgets.net_explorer()

# %% [markdown]
# **Predict.** A 56-layer [plain net](glossary.md#plain-net) can copy a 20-layer one and do nothing in the other 36 layers.
# Both are trained in the same way. Which of the two reaches the lower [*training* error](glossary.md#training-error)? Write your answer
# down, then run the cell. Thin lines are single runs, thick ones their mean; dashes are training
# error, over the [augmented](glossary.md#augmentation) images of the last updates, and solid lines are test error.

# %%
plain = [r for r in pairs if r.net.startswith("plain")]
figure, panels = figures.sheet(2, width=8.2)
figures.degradation(panels, plain)
print(explore.difference(plain, "plain-56", "plain-20", "train"))
print(explore.difference(plain, "plain-56", "plain-20", "test"))
figure

# %% [markdown]
# This is the *[degradation](glossary.md#degradation) problem*. The caption of Figure 1 says of the two plain nets on CIFAR-10 that the deeper one has
# the higher training error, and hence the higher test error.
#
# ## Is it overfitting?
#
# **Predict.** A net that [overfits](glossary.md#overfitting) has a *low* training error and a higher test error. If overfitting
# were the reason, which of the two columns below would have to be lower for 56 layers than for 20?

# %%
Markdown(explore.errors_table(plain))

# %% [markdown]
# Overfitting would show as a training error that falls with depth while the test error rises. A
# training error that itself is higher for the deeper net is something else: the larger net is not too free, a good
# one is *not found*. The optimiser, given more to work with, does less.
#
# ## The constructed solution
#
# How do we know that a better deep net exists at all? Because we can build one. Take the trained
# 20-layer net, put extra layers between its own, and let each of them return its input.
# The argument is in Section 1.
#
# **Predict.** A layer is a convolution, a BN and a ReLU. What must the kernel be so that all three together change nothing? Here is the code:

# %%
from resnet_lab import constructed

widgets.show(constructed.make_identity)

# %% [markdown]
# A convolution can copy its input: the *Dirac* kernel is one at its centre and zero elsewhere. BN can do
# nothing, and ReLU does nothing to values that have been through a ReLU before. So we load the weights of a
# trained plain-20, and stretch the net to 56 layers.
#
# **Predict.** How far apart are the outputs of the two nets on test images? Rounding alone
# could make them differ in the last digits.

# %%
from resnet_lab import runner

run = next(r for r in plain if r.net == "plain-20" and r.run.recipe.seed == 0)
weights = records.path_of(folder, run.scale, run.run).with_suffix(".safetensors")
shallow = evaluation.load_net(weights, run.run.net)
deep = constructed.deepen(shallow, 56)

prepared = runner.prepare(dataset, run.run.images)
x = prepared.test_images[:1000] / 255 - prepared.mean
with torch.no_grad():
    same = torch.equal(shallow(x), deep(x))
print(f"{cost.parameters(shallow):,} and {cost.parameters(deep):,} parameters")
print(f"outputs on {len(x):,} test images: {'identical, to the last bit' if same else 'different'}")

# %% [markdown]
# So there *is* a 56-layer plain net at least as good as the 20-layer one, and we hold it in our hands. Beside it, the
# 56-layer nets that were trained from scratch, with as many updates as plain-20 had. (The constructed net is measured on
# 10,000 training images as they are; the trained ones over their last updates, as everywhere in this chapter.)
#
# **Predict.** Which of them is better on *training* images, the one made by hand or those that were trained?

# %%
from resnet_lab import train

some = slice(10_000)  # training images
built = train.error(deep, prepared.train_images[some], prepared.train_labels[some], prepared.mean)
size = run.run.images.size
tested = evaluation.test_error(deep, dataset, size=size)
print(f"plain-56, constructed: training error {built:.1f} %, test error {tested:.1f} %")
Markdown(explore.errors_table([r for r in plain if r.net == "plain-56"]))

# %% [markdown]
# The solution exists, and in as many updates as the shallow net needed, [gradient](glossary.md#gradient) descent does not come near it. That
# is a statement about *optimisation*, and it suggests the cure: make "do nothing" easy to find.
#
# ## One line
#
# If it is hard to push a stack of layers towards the identity, let the identity be the starting point and
# have the layers learn the [*residual*](glossary.md#residual-function), what is to be added to it: y = F(x) + x. To do nothing, F only
# has to be zero. In code it is one visible line; plain and residual nets are the same class.

# %%
widgets.show(Block.forward)

# %% [markdown]
# The shortcut of Section 4.2 ([option A](glossary.md#option-a)) has no weights. Plain and residual nets of a depth have the same
# parameters, so that they can even exchange them:

# %%
residual_net, plain_net = ResNet(cifar(56)), ResNet(cifar(56, shortcut="none"))
residual_net.load_state_dict(plain_net.state_dict())
print(f"{cost.parameters(plain_net):,} and {cost.parameters(residual_net):,} parameters")

# %% [markdown]
# **Predict.** With shortcuts, will 56 layers still train worse than 20? And by how much, compared with
# the plain pair?

# %%
figure, panels = figures.sheet(2, width=8.2)
figures.degradation(panels, pairs)
figures.save(figure, Path(figure_folder) / "01_degradation.png")
print(explore.difference(pairs, "plain-56", "plain-20", "train"))
print(explore.difference(pairs, "ResNet-56", "ResNet-20", "train"))
print(explore.difference(pairs, "ResNet-56", "plain-56", "train"))
figure

# %% [markdown]
# In so short a training the deep residual net may still be behind the shallow one: it has more to learn from
# the same few updates. What counts is how large its gap is beside that of the plain pair. Below is the gap between 56
# and 20 layers over the training. Whether a plain gap would stay for ever, so short a run cannot tell: the paper
# trains fifty times as long and still sees it, and conjectures (Section 4.1) that deep plain nets converge
# exponentially slowly.

# %%
print(explore.gaps(pairs))
figure, panels = figures.sheet(1, width=5.6, height=3.2)
figures.depth_gap(panels[0], pairs)
figure

# %% [markdown]
# ## Every depth that was trained
#
# The slider walks through the depths for which there are runs, the toggle switches the shortcuts on. All other
# nets stay in the background in grey.
#
# **Predict.** Where in the grey bundle will plain nets of 32 and 44 layers lie, and where residual ones of 110? First the plain picture, for pages that cannot move, then with its controls:

# %%
everything = records.load_all(folder, records.SHIPPED)
shown = experiments.current(everything, dataset)
display(explore.curves_of(shown, 56, "plain"))
widgets.curve_explorer(shown)

# %% [markdown]
# ## Train one yourself
#
# The training loop is a generator: it trains, and hands out a point of the curve when one is due. Below, the
# first updates of a residual net of 20 layers. Nothing is concluded from so
# short a run; it is here so that you can change it.

# %%
from resnet_lab import arms

recipe = experiments.recipe_at("quick", 20)
state = train.begin(arms.net_at("quick", 20, "A"), recipe)  # "none": the plain net
batches = runner.stream(prepared, run.run)
last = 50 if fast else 100
for point in train.train(state, batches, recipe, stop=lambda: state.step >= last):
    print(f"update {point.step:,} of {recipe.steps:,}: training error {point.train_error:.1f} %")

# %% [markdown]
# ## Train several, live
#
# The same loop, in the background, with buttons. On the list are the two plain nets of this chapter; *Add* puts the net that
# you choose behind them, *Start* trains all in turn, and their curves grow on the same axes, in front of the shipped runs in grey.
# *Pause* and *Stop* come before the next update. Meanwhile every slider of this chapter still answers. Run the cell again when a net is
# trained: the picture and the table above the buttons are then yours, and stay in the notebook when you save it. Until then they are
# those of the shipped runs. (It needs a kernel: `make lab`.)
#
# **Predict.** After 200 updates of 1,200, is the plain net of 56 layers already behind that of 20? And a residual one?

# %%
from resnet_lab.live_widgets import LivePanel

panel = LivePanel(dataset, shown, [(20, "plain"), (56, "plain")], updates=200)
display(panel.figure(), Markdown(panel.markdown()))
panel

# %% [markdown]
# ## At the paper's scale
#
# The paper's protocol takes a GPU: full width, 32x32 images, 64,000 updates. Where somebody has run it, the numbers
# stand here; where nobody has, the table says so, and no number is made up. Figure 1 is drawn above
# them from such runs, as soon as there is one.

# %%
from resnet_lab import tables

if full := tables.runs_of("figure_1", everything, "paper", "cifar10"):
    display(tables.draw("figure_1", full))
nets = ["plain-20", "plain-56", "ResNet-20", "ResNet-56"]
Markdown(tables.markdown(tables.compare(everything, nets, "paper", "cifar10")))

# %% [markdown]
# `resnet-lab reproduce figure_1 --scale paper` trains what is missing. All depths of Figure 6 are in
# [chapter 5](05_cifar.ipynb).
#
# ## Ours against the paper
#
# Each line is a statement of the paper that can be true or false of us. The verdict is computed from the [records](glossary.md#record) or
# from the nets themselves, and names the scale at which it was tested.

# %%
from resnet_lab import claims

rows = claims.ledger(everything, images=dataset.name)
Markdown(claims.table([row for row in rows if row.id.startswith("1-")]))

# %% [markdown]
# ## Exercises
#
# **1. Predict.** How many parameters does a step of n, that is six more layers, add to a net of Section 4.2?
# (Each stage gets one more block.) Work it out by hand: a 3x3 convolution from c to c channels has 9 c² weights,
# its BN 2 c.

# %%
from resnet_lab import exercises

added_parameters = None  # your answer

print(exercises.check("six-more-layers", added_parameters))

# %% [markdown]
# **2. Think.** Somebody says: "plain-56 has three times the parameters of plain-20, of course it overfits." Name the measurement
# above that answers him.

# %%
measurement = None  # your answer, in words

print(exercises.check("not-overfitting", measurement))

# %% [markdown]
# **3. Change.** Stretch the trained net to 110 layers. What is its test error? Measure it.

# %%
error_110 = None  # your answer

at_20 = evaluation.test_error(shallow, dataset, size=size)
print(exercises.check("stretched-to-110", error_110, at_20=at_20))

# %% [markdown]
# **4. Build.** It took a Dirac kernel in every convolution of a plain block. Write a
# function that makes a *residual* block return its (non-negative) input, with as few changed weights as you can.


# %%
def do_nothing(block):
    return None  # your answer: change the block in place and return it


print(exercises.check("do-nothing-block", do_nothing(Block(16, 16, 1).eval())))

# %% [markdown]
# ## Solutions
#
# Two convolutions and two BN in each of three stages:

# %% tags=["solution"]
added_parameters = sum(2 * (9 * c * c + 2 * c) for c in (16, 32, 64))
assert exercises.check("six-more-layers", added_parameters) == "right"

# %% [markdown]
# A net that overfits does well in training. This one does not:

# %% tags=["solution"]
measurement = "the training error"
assert exercises.check("not-overfitting", measurement) == "right"

# %% [markdown]
# The added layers compute the identity, so nothing changes, at any depth.

# %% tags=["solution"]
error_110 = evaluation.test_error(constructed.deepen(shallow, 110), dataset, size=size)
assert exercises.check("stretched-to-110", error_110, at_20=at_20) == "right"

# %% [markdown]
# One BN is enough: its scale and offset at zero make F zero. In the plain block every kernel and both BN had to be right.


# %% tags=["solution"]
def do_nothing(block):
    torch.nn.init.zeros_(block.residual[-1][-1].weight)  # scale of the last BN; its offset is zero
    return block


assert exercises.check("do-nothing-block", do_nothing(Block(16, 16, 1).eval())) == "right"

# %% [markdown]
# ## In this notebook
#
# - The deeper plain net ended with the higher training error: degradation, and not overfitting.
# - A deep net that is as good as the shallow one exists; you built it, exact to the last bit.
# - With a shortcut of no weights around every two layers, the deep net trains about as well as the shallow one, or better.
#
# Next: [chapter 2](02_shortcuts.ipynb), what the shortcut can be (options A, B and C), and what it costs.
