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
# # 10. Ask why it works
#
# Paper: Section 4.1 (signals in plain nets), and what came after it · Code: `resnet_lab/signals.py`, `resnet_lab/signal_runs.py`, `resnet_lab/lesion.py`, `resnet_lab/lesion_plans.py`, `resnet_lab/landscape/`, `resnet_lab/pre_activation.py` · Tests: `tests/test_signals.py`, `tests/test_signal_runs.py`, `tests/test_lesion.py`, `tests/test_landscape_slices.py`, `tests/test_pre_activation.py`
# · Runs in: a minute on two cores, from stored findings and shipped weights · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - what vanishing signals look like, and that BN keeps plain nets from it, as the paper says,
# - something else that BN does to deep plain nets before their first update,
# - what one block of a trained net is worth, with a shortcut and without: click blocks away and read the error,
# - how many paths lead through a residual net, and how many through a plain one,
# - the loss around the weights, in numbers as well as in pictures,
# - where the identity argument ends: blocks with nothing behind their addition.

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
fast = False  # True: 20 and 56 layers only where nets are looked at anew

# %% [markdown]
# Findings are what a lens saw in the net of a [record](glossary.md#record), stored beside the records. Where the images at hand are not those that were looked at,
# a sentence says so.

# %%
from pathlib import Path

from IPython.display import Markdown, display

from resnet_lab import data, experiments, records

# %matplotlib inline
recorded = records.load_all(*([Path(runs_folder)] if runs_folder else []), records.SHIPPED)
dataset, sentence = experiments.with_runs(data.load(data_folder, name=images_name), recorded)
print(sentence)

# %% [markdown]
# ## Signals
#
# Section 4.1 asks whether the [plain nets](glossary.md#plain-net) fail because signals vanish on the way through many layers, and says no:
#
# > We also verify that the backward propagated gradients exhibit healthy norms with BN. So neither forward nor backward signals vanish. (Section 4.1)
#
# It prints no numbers. We look layer by layer: at the variance of each layer's [response](glossary.md#layer-response) (over images and positions), and at
# the norm of the [loss](glossary.md#loss)'s [gradient](glossary.md#gradient) with respect to that response. The images are a batch of training images.
#
# First, what vanishing would look like. Take a new net and put a plain offset, at first 0, in the place of every [BN](glossary.md#batch-normalisation). The
# weights are the same, by the rule of He et al. (the paper's reference [13]): zero-mean Gaussian with std sqrt(2 / fan-in), which keeps the size of a signal from
# layer to layer.
#
# **Predict.** Without BN: which nets lose their signal with depth, and which do the opposite? What does the addition in every block do to the variance?

# %%
from resnet_lab import findings, signal_figures, signal_runs, signal_widgets

probe = signal_runs.probe_on(dataset)
depths = (20, 56) if fast else (20, 56, 110)
bare = signal_widgets.starts(probe, depths, "without BN")
signal_figures.start(bare, f"{dataset.label}, without BN")

# %% [markdown]
# Plain nets fade, forward and backward, the more the deeper they are. (He's rule holds the size of a signal on average, but zeros enter the maps at their
# borders, and different images come out more and more alike.) Residual nets do the reverse: each block
# *adds* a residual as large as its input, so the variance about doubles, block after block.
#
# **Predict.** Now with BN, which sets the variance of every response to 1. Nothing can vanish on the way forward. And on the way back: flat?
# (Below the figure every depth, with and without BN, from five [seeds](glossary.md#seed). On a page without a kernel the controls rest; `make lab` wakes them.)

# %%
kept = signal_widgets.starts(probe, depths)
display(Markdown(signal_widgets.ends(kept | bare)))
display(signal_figures.start(kept, f"{dataset.label}, with BN"))
signal_widgets.start_explorer(probe)

# %% [markdown]
# Nothing vanishes: the paper is right about that. But deep plain nets have the opposite trouble, which it does not mention. Before the first update their gradients
# *grow* from layer to layer on the way to the front; at 20 layers that is harmless, with every ten layers it gets worse. The [shortcut](glossary.md#shortcut)
# holds it down. That BN alone makes gradients explode at the start, exponentially in depth, was shown later, for nets without shortcuts (Yang et al. 2019, arXiv 1902.08129).

# %% [markdown]
# ## Along the training
#
# Does that explosion stay? The stored findings looked at trainings as they went, through the project's own loop, after 0, 1, 10, 100 [updates](glossary.md#update) and so on. Looking changes
# nothing: a net that was looked at to its end has the weights of the recorded run, bit for bit. The cell counts those.
# Below the figure a slider over the updates, with the variances too.
#
# **Predict.** The [warm-up](glossary.md#warm-up) has the small rate 0.01. How many updates will plain-56 need to get its gradients of all layers to one order of size?

# %%
looked, sentence = findings.on_images(findings.load_all("signals"), dataset.name)
trained = [f for f in looked if f.settings["what"] == "training" and f.run.recipe.seed == 0]
trained.sort(key=lambda f: (f.run.net.shortcut != "none", f.run.net.depth))
ends = {record.weights_sha256 for record in recorded}
print(sentence)
print(f"{sum(f.weights_sha256 in ends for f in trained)} of {len(trained)} have a record's weights")
display(signal_figures.courses(trained, "activation_gradient"))
signal_widgets.course_explorer(trained)

# %% [markdown]
# The explosion of the deep plain net is over within the first updates (Yang et al. saw the same: one step and the norms come together). What follows in plain-56 goes up and
# down by a factor of ten or so, and ends healthy; so vanishing gradients are hardly what keeps it behind. A plain net of 110 layers, three times as deep as those of Section 4.1, swings to
# the other side: where it was looked at, its gradients do fade towards the front in the warm-up. The residual nets have nothing of the kind. The paper leaves it at a conjecture (deep plain nets may converge exponentially slowly).
#
# ## Ours against the paper
#
# The statements of Section 4.1, judged from the same findings by rules that are fixed in `resnet_lab/claims/signals.py`:

# %%
from resnet_lab import claims

rows = claims.ledger(recorded, dataset.name)
Markdown(claims.table([row for row in rows if row.id.startswith("4.1-")]))

# %% [markdown]
# ## Lesions
#
# Veit, Wilber and Belongie (2016, arXiv 1605.06431) took trained nets and left out one block at a time, without training again. To leave out
# a block here means to set its residual F to zero: the shortcut stays (where the shape changes, the padded one). A plain block has no shortcut; it is skipped
# by the identity, or where the shape changes by what [option A](glossary.md#option-a) would do. BN's statistics stay as they were.
#
# **Predict.** ResNet-56 has 27 blocks, and so has plain-56. Leave out one, somewhere in the middle. What is the test error then, of either?
# (A dot is a block, a ring one that changes the shape, the dashed line the whole net. Below it the same block by block, with menus over net and seed, which move without a kernel.)

# %%
from resnet_lab import figures, lesion_chart, lesion_figures

operated, sentence = findings.on_images(findings.load_all("lesion"), dataset.name)
print(sentence)
display(Markdown(lesion_figures.table(operated)))
figure = lesion_figures.every_single(operated, ("plain-20", "ResNet-20", "plain-56", "ResNet-56"))
if not isinstance(figure, str):
    figures.save(figure, Path(figure_folder) / "10_why_it_works.png")
display(figure)
lesion_chart.single_lesions(operated)

# %% [markdown]
# A plain net with one block missing is close to guessing. A residual net minds far less. (The plain net of Veit et al. was a [VGG](glossary.md#vgg); ours differs from its twin in
# nothing but the shortcuts.)
#
# **Predict.** Leave out more blocks, at random, of those that keep the shape. Is there a number at which the residual net breaks? And if blocks only change
# *places*? Kendall's tau says how much of the order is left: 1 is the net as trained.

# %%
lesion_figures.groups_of_blocks(operated)

# %% [markdown]
# The error rises smoothly, with every block and every swap; nothing breaks. Veit et al. read this as an [ensemble](glossary.md#ensemble): n blocks are 2^n paths, through F or past it,
# and one block out leaves half of them; a plain net has one path, and no
# way past a block. That is their claim and not this paper's, and our nets are thin and briefly trained.
#
# Now do it yourself. One net, a fixed sample of 300 test images; first the call, with two blocks gone.
# And with buttons: a pressed one is a block left out (Tab and Space work too). Which single block hurts ResNet-56 most? How many can go before the error has doubled?
# Then take a plain net.

# %%
from resnet_lab import lesion, lesion_explore, lesion_widgets

chosen = lesion_explore.patients(recorded, dataset)
patient = lesion_explore.Patient(chosen[0], dataset)
display(lesion_explore.view(patient, ["2.3", "2.4"]))
lesion_widgets.BlockClicker(chosen, dataset)

# %% [markdown]
# A click is quick because what goes into every block is kept, and only what follows the first [lesion](glossary.md#lesion) is computed again. All single lesions
# that way, and by a whole pass for each. (Whole passes took 1.8 to 2.3 times as long on a busy machine, n = 3 rounds;
# `lesion.speed` measures it on yours.)
#
# **Predict.** Will both give the same errors, to the last image?

# %%
view = patient.sample(100)
plans = lesion.singles(patient.net)
whole = lesion.errors_by_whole_passes(patient.net, view, plans)
print(f"{len(plans)} lesions, the same errors:", lesion.errors(patient.net, view, plans) == whole)

# %% [markdown]
# **Predict.** BN's statistics were measured on the whole net. Measured anew after each lesion, on 1,000 training images: how much of the damage do they repair?

# %%
Markdown(lesion_figures.table(operated, bn="estimated"))

# %% [markdown]
# ## The loss surface
#
# Li et al. (2018, arXiv 1712.09913) drew the loss around trained weights: take two random directions, walk along them, measure
# the loss at every step. For a net of 56 layers without shortcuts they found a chaotic [landscape](glossary.md#loss-landscape), for the same net with shortcuts an
# almost convex one; the picture has become famous. Here it is for the plain and residual nets of 20 and 56 layers.
#
# A random direction has no length of its own. Behind a BN a filter can be made ten times as large without any effect, and a step of one
# is then a tenth of what it was. So each filter of the direction gets the norm of the net's filter at its place, and a
# step of 1 is as long as the weights themselves. Scales, offsets and biases stay where they are, as in that paper.
#
# The random numbers depend on the names and shapes of the [parameters](glossary.md#parameter) and on a seed, not on the net. A plain net and its residual
# twin have the same parameters, so they walk the same way.
#
# **Predict.** At a step of 1 every filter has been changed by as much as it is long. What is left of the net: half of what it knew,
# a tenth, nothing? And at 0.2?

# %%
from resnet_lab.landscape import chart, drawing, lines, report, shown, slices, targets

net = targets.recorded("ResNet-20", 0, "quick", dataset)
choice = slices.Choice(dimensions=1, points=11, n=500)
images = net.sample(dataset, choice)
measured = slices.measure(net.net, choice, images).scores
for step, (loss, error) in zip(choice.steps, measured, strict=True):
    print(f"step {step:+.1f}: loss {loss:5.2f}, error {error:4.1f} %")

# %% [markdown]
# These are 500 training images. The middle line is the net itself.
#
# ### Two ways to treat BN
#
# When the weights in front of a BN move, its mean and variance are no longer those of what comes through. They can be *kept*
# (as in evaluation mode, and as in the code of Li et al.) or *recomputed* on the images at every point.
#
# **Predict.** The walls at the ends of the slice above: are they the weights' doing, or the statistics'?

# %%
stored = findings.load_all("landscape")
shown_images, sentence = shown.images_with(stored, dataset.name)
print(sentence)
lines.two_modes(stored, shown_images, 56)

# %% [markdown]
# A thin line is a run, a thick one the (geometric) mean, the dotted line the loss of guessing. The same weights at the same points:
# what differs between the two panels is what BN divides by. Compare the heights at the ends before you say what the shortcut does to the
# landscape. A steep wall in such a picture can be the mark of old statistics.
#
# ### Maps
#
# **Predict.** Two directions now, the same two for both nets of a pair, and one scale for all four. Which of the four will not look like a
# bowl? Will it be chaotic, with many valleys, or something else?

# %%
figure = drawing.pair_of_maps(stored, shown_images, "running")
if not isinstance(figure, str):
    figures.save(figure, Path(figure_folder) / "10_landscape.png")
figure

# %% [markdown]
# The cross is the net, the red line is where the loss is that of guessing; darker is higher, in equal steps of log(loss), and all beyond the
# last number has one colour. No surface in three dimensions: it would hide its own back. Move through nets, modes and radii
# (on a page without a kernel the controls rest; `make lab` wakes them). Below, all curves in one chart that needs no kernel:

# %%
display(drawing.view(stored, shown_images, "plain-56", "running", 0.5))
display(chart.landscape_explorer(stored, shown_images))
display(chart.explorer(stored, shown_images), raw=True)

# %% [markdown]
# ### Rough, or only shallow?
#
# "Chaotic" is a word for a picture; we want numbers. Four are counted in each slice:
#
# - *loss*: of the net itself, on the stated images;
# - *basin*: the step up to which the loss stays below that of guessing, mean of all sides;
# - *non-convex share*: at how many of the inner points the slice bends down. A slice of a convex function never does;
# - *valleys*: minima that are at least 1 % of their loss deep on both sides. A bowl has one.
#
# **Predict.** For which net will the non-convex share be largest? Which will have more than one valley, and will it still have them when
# the statistics are recomputed?

# %%
display(Markdown(report.table(stored, shown_images)))
print(report.gaps(stored, shown_images))

# %% [markdown]
# Read the shares with the curves in view. A loss that rises from its minimum to a plateau must bend down on the way, once and smoothly, so a
# net with a shallow or narrow basin has a large share without any bump. The valleys are the harder evidence; look for each
# of them in the curves, and compare the two halves of the table: a valley that is gone when BN's statistics fit the weights
# was made by statistics that do not.
#
# What can be said from such runs, and what not:
#
# - They are thin nets after 1,200 updates. Look at the loss of plain-56 in the table: it has been trained far less well than the others, and
#   a slice around it shows the surroundings of a poor point, not of a good minimum that happens to be sharp.
# - Whether the plain net trains badly *because* its surroundings look like this, or looks like this because it is trained badly, no slice can tell.
# - The nets of Li et al. are wider, were trained for long, on full images. What they report is neither confirmed nor refuted here.
#   `resnet-lab landscape FILE` does it for weights of the paper's scale, where somebody has them.
# - One or two directions out of tens of thousands. A slice can look convex where the loss is not.

# %% [markdown]
# ## Epilogue: pre-activation
#
# Chapter 1 made a net deeper by hand, with blocks that do nothing. A block of the paper does nothing only to what is not negative: a [ReLU](glossary.md#relu) stands *behind* its
# addition. In a chain of such blocks the input does not simply go through. He et al. (2016, arXiv 1603.05027) took the argument to its end with [pre-activation](glossary.md#pre-activation): put BN and ReLU
# *before* each [convolution](glossary.md#convolution) and nothing behind the addition, and a [stage](glossary.md#stage) is its input plus a sum of residuals, as its gradient is 1 plus something.
#
# **Predict.** Set all residuals to zero, send in Gaussian noise, and let the loss be the sum of what comes out. Which share of the gradient's entries arrives
# at the input through one block of either sort? Through fifty?

# %%
from resnet_lab import ResNet, cifar, pre_activation

for blocks in (1, 10, 50):
    post, pre = (pre_activation.first_gradient(order, blocks) for order in ("post", "pre"))
    print(
        f"{blocks:2} blocks: {100 * post:.0f} % as in the paper, {100 * pre:.0f} % with pre-activation"
    )

# %% [markdown]
# The first ReLU costs half, and the others nothing more: what it lets through is not negative, and zero residuals keep it so. In a trained net they do not.
#
# **Predict.** In trained ResNet-20 and ResNet-56, which share of the sums does the ReLU behind the addition set to zero? And how far is
# the end of a stage from its input plus all its residuals?

# %%
from resnet_lab.batches import normalise

residual = [r for r in chosen if r.net.startswith("ResNet") and r.run.recipe.seed == 0]
nets = {f"{r.net}, trained": lesion_explore.Patient(r, dataset, n=1).net for r in residual}
nets["a new net with pre-activation"] = ResNet(cifar(20, width=8, activation="pre"))
Markdown(pre_activation.table(nets, normalise(patient.view.images[:100], patient.view.mean)))

# %% [markdown]
# So the paper's block is an identity plus a residual, cut from below. Does it matter? The same nets with their BN and ReLU moved: as many parameters, as many
# [multiply-adds](glossary.md#multiply-adds), the same [recipe](glossary.md#recipe), the same seeds. (164 layers are [bottlenecks](glossary.md#bottleneck).) In the long training of that paper, on full images, it took the mean of 6.61 % of
# ResNet-110 here in Table 6 to a median of 6.37 %, and 164 layers to 5.46 %, over five runs each.
#
# **Predict.** In a training of 1,200 updates: which order learns faster at 110 layers, and which at 164?

# %%
from resnet_lab import arm_results

orders = arm_results.runs_of("pre_activation", recorded, dataset)
display(Markdown(arm_results.table(orders)))
print(pre_activation.orders(orders))
pre_activation.figure(orders)

# %% [markdown]
# Our runs are short, thin and few; what they say is how the first 1,200 updates go, not where the last of 64,000 ends.
# `resnet-lab reproduce pre_activation --scale paper` would say that.
# %% [markdown]
# ## Exercises
#
# **1. Predict.** Ten linear blocks, each of which multiplies by w = 0.1. A plain chain computes w x in each, a residual one x + w x. The gradient at the output is 1. What is
# it at the input, of either chain?

# %%
from resnet_lab import exercises

plain_gradient, residual_gradient = None, None  # your answers

print(exercises.check("gradient-of-a-plain-chain", plain_gradient))
print(exercises.check("gradient-of-a-residual-chain", residual_gradient))

# %% [markdown]
# **2. By hand.** Count paths as Veit et al. do: how many lead through the blocks of ResNet-56 when one of them is left out?

# %%
paths = None  # your answer, a number or an expression such as "3^5"

print(exercises.check("paths-left", paths))

# %% [markdown]
# **3. Change.** Write the plan that leaves out *all* blocks inside stage 2, and keeps the one that changes the shape. (`lesion.without(net, blocks)` counts blocks from 0
# through all stages; `patient.blocks` has their names.)

# %%
plan = None  # your answer

print(exercises.check("plan-without-stage-2", plan, patient=patient))

# %% [markdown]
# **4. Build.** Show that a lesion is what we say it is: set the weights of one block's last BN to zero (`zeros.silence` does it for all of F), evaluate the net in the ordinary way, and
# compare with `patient.error`. Answer with the error of your net on `patient.sample()`, in percent, for block 2.3.

# %%
silenced_error = None  # your answer

print(exercises.check("silenced-block", silenced_error, patient=patient))

# %% [markdown]
# ## Solutions
#
# A factor for each block; the identity adds 1 to it, so no product of small numbers arises.

# %% tags=["solution"]
plain_gradient, residual_gradient = 0.1**10, (1 + 0.1) ** 10
assert exercises.check("gradient-of-a-plain-chain", plain_gradient) == "right"
assert exercises.check("gradient-of-a-residual-chain", residual_gradient) == "right"

# %% [markdown]
# 27 blocks, each through F or past it; without one, half of the paths are left. A plain net has one path, and then none.

# %% tags=["solution"]
paths = 2 ** (27 - 1)
assert exercises.check("paths-left", paths) == "right"

# %% [markdown]
# A stage has n blocks, so those inside stage 2 follow on number n. What it costs:

# %% tags=["solution"]
n = patient.net.config.blocks[0]
plan = lesion.without(patient.net, range(n + 1, 2 * n))
assert exercises.check("plan-without-stage-2", plan, patient=patient) == "right"
gone = [patient.blocks[k] for k in range(n + 1, 2 * n)]
print(f"{patient.name}: {patient.error():.1f} % whole, {patient.error(gone):.1f} % without them")

# %% [markdown]
# A BN whose scale and offset are zero returns zero, whatever its statistics:

# %% tags=["solution"]
import copy

from resnet_lab import zeros

net = copy.deepcopy(patient.net)
zeros.silence(lesion.blocks_of(net)[patient.blocks.index("2.3")])
silenced_error = patient.sample()(net)
assert exercises.check("silenced-block", silenced_error, patient=patient) == "right"

# %% [markdown]
# ## In this notebook
#
# - Without BN, signals fade in plain nets and blow up in residual ones, the more the deeper.
# - With BN nothing vanishes; at the start the gradients of deep plain nets explode instead, and the training undoes it at once.
# - One block out of a plain net is the end of it; a residual net loses a little, with every block and with every swap.
# - A step is measured in the length of the weights, filter by filter; else two nets cannot be compared.
# - Whether BN's statistics are kept or recomputed can change the picture more than the shortcuts do: a figure must say which.
# - A number with a definition, several seeds and an interval says less than a picture, and holds more.
# - Where the identity argument ends: with nothing behind the addition a stage is a sum, and our short runs say what that does to learning.
# - What this says about "why" was other people's claim; what was measured here says on which images, and how often.
#
# This was the last chapter. What is left to do stands on the scoreboard of [chapter 0](00_start_here.ipynb), in the rows that say "not run".
