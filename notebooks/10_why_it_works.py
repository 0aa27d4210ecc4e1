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
# Paper: Section 4.1 (signals in plain nets), and what came after it · Code: `resnet_lab/signals.py`, `resnet_lab/signal_runs.py`, `resnet_lab/lesion.py`, `resnet_lab/lesion_plans.py` · Tests: `tests/test_signals.py`, `tests/test_signal_runs.py`, `tests/test_lesion.py`
# · Runs in: a minute on two cores, from stored findings and shipped weights
#
# You will see
#
# - what vanishing signals look like, and that BN keeps plain nets from it, as the paper says,
# - something else that BN does to deep plain nets before their first update,
# - what one block of a trained net is worth, with a shortcut and without: click blocks away and read the error,
# - how many paths lead through a residual net, and how many through a plain one.

# %% tags=["parameters"]
runs_folder = None  # records of your own runs; None: those that ship with the package
images_name = None  # "cifar10" or "embedded"; None: CIFAR-10 where it is found
data_folder = None  # folder with CIFAR-10; None: look for it
figure_folder = "../figures"  # where the figure of this chapter goes
fast = False  # True: 20 and 56 layers only where nets are looked at anew

# %% [markdown]
# Findings are what a lens saw in the net of a record, stored beside the records. Where the images at hand are not those that were looked at,
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
# Section 4.1 asks whether the plain nets fail because signals vanish on the way through many layers, and says no:
#
# > We also verify that the backward propagated gradients exhibit healthy norms with BN. So neither forward nor backward signals vanish. (Section 4.1)
#
# It prints no numbers. We look layer by layer: at the variance of each layer's response (over images and positions), and at
# the norm of the loss's gradient with respect to that response. The images are a batch of training images.
#
# First, what vanishing would look like. Take a new net and put a plain offset, at first 0, in the place of every BN. The
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

# %%
kept = signal_widgets.starts(probe, depths)
display(Markdown(signal_widgets.ends(kept | bare)))
signal_figures.start(kept, f"{dataset.label}, with BN")

# %% [markdown]
# Nothing vanishes: the paper is right about that. But deep plain nets have the opposite trouble, which it does not mention. Before the first update their gradients
# *grow* from layer to layer on the way to the front; at 20 layers that is harmless, with every ten layers it gets worse. The shortcut
# holds it down. That BN alone makes gradients explode at the start, exponentially in depth, was shown later, for nets without shortcuts (Yang et al. 2019, arXiv 1902.08129).
#
# Every depth, with and without BN, from five seeds. (On a page without a kernel the controls rest; `make lab` wakes them. The two figures
# above are what it shows at rest.)

# %%
signal_widgets.start_explorer(probe)

# %% [markdown]
# ## Along the training
#
# Does that explosion stay? The stored findings looked at trainings as they went, through the project's own loop, after 0, 1, 10, 100 updates and so on. Looking changes
# nothing: a net that was looked at to its end has the weights of the recorded run, bit for bit. The cell counts those.
#
# **Predict.** The warm-up has the small rate 0.01. How many updates will plain-56 need to get its gradients of all layers to one order of size?

# %%
looked, sentence = findings.on_images(findings.load_all("signals"), dataset.name)
trained = [f for f in looked if f.settings["what"] == "training" and f.run.recipe.seed == 0]
trained.sort(key=lambda f: (f.run.net.shortcut != "none", f.run.net.depth))
ends = {record.weights_sha256 for record in recorded}
print(sentence)
print(f"{sum(f.weights_sha256 in ends for f in trained)} of {len(trained)} have a record's weights")
signal_figures.courses(trained, "activation_gradient")

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
# by the identity, or where the shape changes by what option A would do. BN's statistics stay as they were.
#
# **Predict.** ResNet-56 has 27 blocks, and so has plain-56. Leave out one, somewhere in the middle. What is the test error then, of either?
# (A dot is a block, a ring one that changes the shape, the dashed line the whole net.)

# %%
from resnet_lab import figures, lesion_figures

operated, sentence = findings.on_images(findings.load_all("lesion"), dataset.name)
print(sentence)
display(Markdown(lesion_figures.table(operated)))
figure = lesion_figures.every_single(operated, ("plain-20", "ResNet-20", "plain-56", "ResNet-56"))
if not isinstance(figure, str):
    figures.save(figure, Path(figure_folder) / "10_why_it_works.png")
figure

# %% [markdown]
# The same, block by block, with menus over net and seed (JupyterLab moves them, without a kernel; elsewhere the figure above must do):

# %%
from resnet_lab import lesion_chart

lesion_chart.single_lesions(operated)

# %% [markdown]
# A plain net with one block missing is close to guessing. A residual net minds far less. (The plain net of Veit et al. was a VGG; ours differs from its twin in
# nothing but the shortcuts.)
#
# **Predict.** Leave out more blocks, at random, of those that keep the shape. Is there a number at which the residual net breaks? And if blocks only change
# *places*? Kendall's tau says how much of the order is left: 1 is the net as trained.

# %%
lesion_figures.groups_of_blocks(operated)

# %% [markdown]
# The error rises smoothly, with every block and every swap; nothing breaks. Veit et al. read this as an ensemble: n blocks are 2^n paths, through F or past it,
# and one block out leaves half of them; a plain net has one path, and no
# way past a block. That is their claim and not this paper's, and our nets are thin and briefly trained.
#
# Now do it yourself. One net, a fixed sample of 300 test images; first the call, with two blocks gone:

# %%
from resnet_lab import lesion, lesion_explore, lesion_widgets

chosen = lesion_explore.patients(recorded, dataset)
patient = lesion_explore.Patient(chosen[0], dataset)
lesion_explore.view(patient, ["2.3", "2.4"])

# %% [markdown]
# And with buttons: a pressed one is a block left out (Tab and Space work too). Which single block hurts ResNet-56 most? How many can go before the error has doubled?
# Then take a plain net.

# %%
lesion_widgets.BlockClicker(chosen, dataset)

# %% [markdown]
# A click is quick because what goes into every block is kept, and only what follows the first lesion is computed again. All single lesions
# that way against a whole pass for each, in turn; both give the same errors, exactly:

# %%
view = patient.sample(100)
plans = lesion.singles(patient.net)
same = lesion.errors(patient.net, view, plans) == lesion.errors_by_whole_passes(
    patient.net, view, plans
)
ratios = sorted(lesion.speed(patient.net, view, rounds=1 if fast else 3).ratios)
print(f"{patient.name}: the same errors: {same}; whole passes take {ratios[0]:.1f} to")
print(f"{ratios[-1]:.1f} times as long (n={len(ratios)} rounds)")

# %% [markdown]
# BN's statistics were measured on the whole net. Measured anew after each lesion (on 1,000 training images), they repair part of the damage:

# %%
Markdown(lesion_figures.table(operated, bn="estimated"))

# %% [markdown]
# ## The loss surface
#
# This section looks at the loss around the same weights.
#
# ## Epilogue: pre-activation
#
# This section follows the identity one step further, to pre-activation blocks.
#
# ## Exercises
#
# **1. Predict.** Ten linear blocks, each of which multiplies by w = 0.1. A plain chain computes w x in each, a residual one x + w x. The gradient at the output is 1. What is
# it at the input, of either chain?

# %%
from resnet_lab import exercises

plain_gradient, residual_gradient = None, None  # your answers

print(exercises.check(plain_gradient, lambda g: abs(g / 0.1**10 - 1) < 1e-6, "w, ten times"))
print(exercises.check(residual_gradient, lambda g: abs(g / 1.1**10 - 1) < 1e-6, "1 + w"))

# %% [markdown]
# **2. Change.** Write the plan that leaves out *all* blocks inside stage 2, and keeps the one that changes the shape. (`lesion.without(net, blocks)` counts blocks from 0
# through all stages; `patient.blocks` has their names.)

# %%
plan = None  # your answer

inside = [k for k, name in enumerate(patient.blocks) if name.startswith("2.") and name != "2.1"]
right = lesion.without(patient.net, inside)
print(exercises.check(plan, lambda p: p == right, "2.1 stays; the others of stage 2 go"))

# %% [markdown]
# **3. Build.** Show that a lesion is what we say it is: set the weights of one block's last BN to zero (`zeros.silence` does it for all of F), evaluate the net in the ordinary way, and
# compare with `patient.error`. Answer with the error of your net on `patient.sample()`, in percent, for block 2.3.

# %%
silenced_error = None  # your answer

print(
    exercises.check(silenced_error, lambda e: e == patient.error(["2.3"]), "in a copy of the net")
)

# %% [markdown]
# ## In this notebook
#
# - Without BN, signals fade in plain nets and blow up in residual ones, the more the deeper.
# - With BN nothing vanishes; at the start the gradients of deep plain nets explode instead, and the training undoes it at once.
# - One block out of a plain net is the end of it; a residual net loses a little, with every block and with every swap.
# - What this says about "why" was other people's claim; what was measured here says on which images, and how often.
#
# ## Solutions
#
# A factor for each block; the identity adds 1 to it, so no product of small numbers arises.

# %% tags=["solution"]
plain_gradient, residual_gradient = 0.1**10, (1 + 0.1) ** 10
assert abs(residual_gradient / plain_gradient / 11**10 - 1) < 1e-9

# %% [markdown]
# Nine blocks a stage in ResNet-56, so those inside stage 2 are 10 to 17. What it costs:

# %% tags=["solution"]
n = patient.net.config.blocks[0]
plan = lesion.without(patient.net, range(n + 1, 2 * n))
assert plan == right
gone = [patient.blocks[k] for k in inside]
print(f"{patient.name}: {patient.error():.1f} % whole, {patient.error(gone):.1f} % without them")

# %% [markdown]
# A BN whose scale and offset are zero returns zero, whatever its statistics:

# %% tags=["solution"]
import copy

from resnet_lab import zeros

net = copy.deepcopy(patient.net)
zeros.silence(lesion.blocks_of(net)[patient.blocks.index("2.3")])
silenced_error = patient.sample()(net)
assert silenced_error == patient.error(["2.3"])
