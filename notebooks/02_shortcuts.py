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
# # 2. Take the shortcut apart
#
# Paper: Sections 3.1 to 3.3 and 4.1, Equations 1 and 2, Figure 2, Table 3 (options A, B, C) · Code: `resnet_lab/blocks.py`, `resnet_lab/anatomy.py`, `resnet_lab/zeros.py`, `resnet_lab/arm_results.py` · Tests: `tests/test_blocks.py`, `tests/test_anatomy.py`, `tests/test_zeros.py`, `tests/test_arm_results.py`
# · Runs in: seconds, from the modules and from recorded runs · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - the block of Figure 2 drawn to scale from the module itself, with what it costs,
# - what the options A, B and C do where the shape changes, and what a block does when F is zero,
# - that the channels option A pads with zeros have no shortcut at all, exactly,
# - what runs with each option say, on CIFAR-10, and what they cannot say.

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
# The notebook draws and prints; what it calls lives in the package, with tests.

# %%
from pathlib import Path

import torch
from IPython.display import Markdown, display

from resnet_lab import block_widgets, explore_blocks, figures, widgets, zeros
from resnet_lab.blocks import Block, make_shortcut

# %matplotlib inline
# %% [markdown]
# ## Two equations, one line
#
# Equation 1 adds the input to what the layers make of it, y = F(x) + x. Equation 2 puts a [projection](glossary.md#projection) in front of x where
# the two shapes differ, y = F(x) + W_s x. The [ReLU](glossary.md#relu) of Figure 2 comes after the addition. All of that is this:

# %%
widgets.show(Block.forward)

# %% [markdown]
# **Predict.** Two blocks with random weights: 64 channels in and out, and 64 in, 128 out on half the map.
# Which of them has a `shortcut` that is more than x? Will both sides of each equation be equal to the last bit?

# %%
torch.manual_seed(0)
x = torch.rand(2, 64, 56, 56)
first = Block(64, 64, 1, shortcut="B").eval()
second = Block(64, 128, 2, shortcut="B").eval()
with torch.no_grad():
    eqn_1 = torch.equal(first(x), torch.relu(first.residual(x) + x))
    eqn_2 = torch.equal(second(x), torch.relu(second.residual(x) + second.shortcut(x)))
print(f"Eqn. 1: {eqn_1}, shortcut: {first.shortcut}")
print(f"Eqn. 2: {eqn_2}, shortcut: {second.shortcut}")

# %% [markdown]
# ## The block, drawn to scale
#
# The drawing passes a map through the real module and notes every step. A box is a map: as wide as it has channels, as
# high as its side.
#
# **Predict.** Here is Figure 2, a block of the 34-layer net in which nothing changes shape. What share of its cost is the shortcut's?

# %%
explore_blocks.option_view("A", "same shape")

# %% [markdown]
# ## Where the shape changes
#
# Three blocks of the 34-layer net halve the map and double the channels, and x no longer fits. Section 3.3 offers two ways
# out, Section 4.1 compares three:
#
# | Option | Where the shape changes | Elsewhere |
# |---|---|---|
# | A | every second pixel, new channels filled with zeros | identity |
# | B | a 1x1 convolution with stride 2 (and BN, as after each convolution) | identity |
# | C | as B | a 1x1 convolution too |

# %%
widgets.show(make_shortcut)

# %% [markdown]
# **Predict.** The first layer of such a block has 73,728 weights. How many has the projection of [option B](glossary.md#option-b), a ninth,
# more, or fewer? The hatched channels below are zeros. This is [option A](glossary.md#option-a); then move the slider through
# *none, A, B, C* and switch the place of the block. (On a page without a kernel the controls rest; `make lab` wakes them.)

# %%
explore_blocks.option_view("A", "changes shape")

# %% [markdown]
# Option B at the same place, for pages that cannot move. Compare the [shortcut](glossary.md#shortcut)'s part of the cost.

# %%
explore_blocks.option_view("B", "changes shape")

# %% [markdown]
# And with the controls:

# %%
block_widgets.option_explorer()

# %% [markdown]
# ## When F is zero
#
# Section 3.1 has the reason for all this: if doing nothing is the best a block can do, the solver only has to drive the
# weights of F to zero.
#
# **Predict.** Set all weights of F to zero, and only those. What does a block return, for each option, where
# nothing changes shape? And where it does? (The input is not negative, as behind a ReLU; W_s has random weights.)

# %%
Markdown(zeros.without_f_table())

# %% [markdown]
# A plain block with F at zero lets nothing through. Options A and B return their input, to the last bit, in all blocks but the
# few that change the shape. In C no block does: its projections have to *learn* the identity, the very thing
# that plain layers find hard, if only for one 1x1 layer instead of two of 3x3.
#
# ## What the padding really does
#
# **Predict.** Option A turns 64 channels into 128. Take a block and a plain block with *the same weights*. In how many
# of the 128 channels will their outputs be the same to the last bit?

# %%
pair = zeros.twins()
new = zeros.new_channels(pair.block)
with torch.no_grad():
    padded = pair.block.shortcut(pair.x)
    outputs = pair.block(pair.x), pair.plain(pair.x)
same = [torch.equal(outputs[0][:, c], outputs[1][:, c]) for c in range(128)]
print(f"new channels: {int(new.sum())}; all zero after the padding: {not padded[:, new].any()}")
print(f"channels in which block and plain twin agree to the last bit: {sum(same)}")
print(f"those are the new ones: {same == new.tolist()}")

# %% [markdown]
# Zero is all the shortcut says there, so the sum is F alone, and half of the output of such a block is
# that of a [plain net](glossary.md#plain-net). From the next block on the new channels have an [identity shortcut](glossary.md#identity-shortcut) like all others.
# The paper gives this as the reason why B is better than A:
#
# > We argue that this is because the zero-padded dimensions in A indeed have no residual learning. (Section 4.1)
#
# Channel by channel, in the size of the values (random weights; brown is F, green what the shortcut adds):

# %%
figure, panels = figures.sheet(1, width=7.2, height=2.4)
zeros.channels(panels[0], pair)
figure

# %% [markdown]
# The shortcut drops something else as well: with [stride](glossary.md#stride) 2 it reads one pixel of four. What the other three
# hold reaches the sum through F only.
#
# **Predict.** Is that so for A alone, or for B as well, which has weights?

# %%
blind = pair.x.clone()
blind[:, :, ::2, ::2] = 0  # the pixels that are read
for option in ("A", "B"):
    shortcut = make_shortcut(option, 64, 128, 2).eval()
    with torch.no_grad():
        seen = bool(shortcut(blind).any())
    print(f"option {option}: the shortcut sees the other three pixels of four: {seen}")

# %% [markdown]
# ## What the options cost
#
# **Predict.** The 34-layer net has 16 blocks, 3 of which change the shape. How many projections has it with option B,
# how many with C? And by how much does C make it larger? The table has the nets of Table 3, what ours cost, and the errors the paper
# prints for them on ImageNet. Nobody has trained them here, and the last column says so.

# %%
print(explore_blocks.extra_projections())
Markdown(explore_blocks.table_3())

# %% [markdown]
# The cost of C is small here, but it is paid in every block, and a [bottleneck](glossary.md#bottleneck) pays far more for it (chapter 3).
#
# ## What the runs say
#
# The paper compares the options on ImageNet, with one net, and prints one number each. We compare them on CIFAR-10, at
# three depths. These are **our** experiments and not the paper's table: other images, other nets, and at reduced
# scale (half the filters, 16x16 images, 1,200 [updates](glossary.md#update)). Only the *order* can be put beside the paper's: in its Table 3
# the plain net has the highest error, A is far better, B slightly better than A, C marginally better than B.
#
# **Predict.** Which steps of that order can so few short runs show, and which will drown in the spread from [seed](glossary.md#seed)
# to seed?

# %%
from resnet_lab import arm_figures, arm_results, data, experiments, records

folders = [Path(runs_folder)] if runs_folder else []
recorded = records.load_all(*folders, records.SHIPPED)
found = data.load(data_folder, name=images_name)
dataset, sentence = experiments.with_runs(found, recorded)
runs = arm_results.runs_of("shortcuts", recorded, dataset)
print(sentence)
Markdown(arm_results.table(runs))

# %% [markdown]
# A dot is a run, a line joins the means. "Not run" in the table is a line that is missing or short here; `resnet-lab
# reproduce shortcuts` trains what is missing. Below it the runs one by one: which option learns fastest at 20 layers, which at 110, and from
# which update on? (On a page without a kernel the sliders rest.)

# %%
figure = arm_figures.dots(runs, "test")
if not isinstance(figure, str):
    figures.save(figure, Path(figure_folder) / "02_shortcuts.png")
display(figure)
every = [run for group in runs.values() for run in group]
widgets.run_explorer(every, ("none", "A", "B", "C")) if every else None

# %% [markdown]
# Now step by step, with the 95 % interval of each difference. "Undecided" means that the interval holds
# zero: the runs differ from seed to seed by as much as the options do, and nothing follows.

# %%
print(arm_results.paper_options_order())
print(arm_results.options_orders(runs))
print(arm_results.options_summary(runs))

# %% [markdown]
# The paper draws its conclusion from the small steps, not from their order: the differences among A, B and C are small beside the
# one between plain and any of them, so projections are not essential against [degradation](glossary.md#degradation), and C is not used further.
#
# One thing in our runs is not in Table 3. With [option C](glossary.md#option-c) the deep nets end far behind, at 110 layers down where the plain net is (CIFAR-10,
# reduced scale; mind the n above, and that a short run shows a slow start as a high error). Remember what was left when F is zero: C has to learn the identity, here 54 times in a row, where the
# paper's 34 layers have 16 blocks. The authors studied this afterwards (arXiv 1603.05027): on CIFAR-10 with 110 layers, 1x1 [convolutions](glossary.md#convolution) as shortcuts come
# out worse than the identity there, too.
#
# At the paper's scale, where somebody has run it on a GPU:

# %%
Markdown(arm_results.table(arm_results.runs_of("shortcuts", recorded, dataset, "paper"), "paper"))

# %% [markdown]
# ## Ours against the paper
#
# Statements of Sections 3.1 to 3.3 about the block and its shortcuts. The nets answer them without training.

# %%
from resnet_lab import claims

topics = ("3.1-zero", "3.2-", "3.3-option", "3.3-shortcut")
rows = claims.ledger(recorded, images=dataset.name)
Markdown(claims.table([row for row in rows if row.id.startswith(topics)]))

# %% [markdown]
# ## Exercises
#
# **1. Predict.** How many parameters does option B add to ResNet-34? There are three projections, from 64 to 128, 128 to 256 and 256
# to 512 channels, each a 1x1 convolution with BN. Work it out by hand.

# %%
from resnet_lab import exercises

added = None  # your answer

print(exercises.check("option-b-on-34", added))

# %% [markdown]
# **2. Think.** Set F to zero in every block of four nets, one for each of *none*, A, B and C. In which of them does a block return its
# input wherever the shape stays? Answer with a list, in any order.

# %%
options = None  # your answer

print(exercises.check("who-returns-x", options))

# %% [markdown]
# **3. Change.** The zeros stand half before and half behind the carried channels; the paper does not say where they go. Put
# all of them behind. (`before` and `after` are fields of the shortcut.)

# %%
behind = None  # your answer: make_shortcut("A", 64, 128, 2), changed

print(exercises.check("zeros-behind", behind))

# %% [markdown]
# **4. Build.** Give option C the identity: take `zeros.silence(Block(64, 64, 1, shortcut="C")).eval()`, whose F is zero, and set its
# projection so that it returns its input. (`torch.nn.init.dirac_` fills a kernel that copies. In eval mode a new BN divides by
# sqrt(1 + 1e-5), so come as close as 1e-4.)

# %%
projected = None  # your answer

print(exercises.check("identity-projection", projected))

# %% [markdown]
# ## Solutions
#
# Three 1x1 kernels, and scale and offset of their BN:

# %% tags=["solution"]
added = sum(c * 2 * c + 2 * (2 * c) for c in (64, 128, 256))
assert exercises.check("option-b-on-34", added) == "right"

# %% [markdown]
# Where the shape stays, A and B are the identity. C has a projection even there, and *none* has nothing.

# %% tags=["solution"]
options = ["A", "B"]
assert exercises.check("who-returns-x", options) == "right"

# %% [markdown]
# Any place gives the same family of nets: the channels are only renamed.

# %% tags=["solution"]
behind = make_shortcut("A", 64, 128, 2)
behind.before, behind.after = 0, 64
assert exercises.check("zeros-behind", behind) == "right"

# %% [markdown]
# A Dirac kernel of size one is the identity matrix. Training has to find those 64 x 64 numbers; option A has them for nothing.

# %% tags=["solution"]
projected = zeros.silence(Block(64, 64, 1, shortcut="C")).eval()
torch.nn.init.dirac_(projected.shortcut[0].weight)
assert exercises.check("identity-projection", projected) == "right"

# %% [markdown]
# ## In this notebook
#
# - The block is one line, drawn from the module: F, the shortcut, the addition, and then the ReLU.
# - With F at zero, A and B are the identity wherever the shape stays; C has to learn it; a plain block loses its input.
# - Option A's new channels get nothing from the shortcut: there the block is a plain one, to the last bit.
# - What the options cost was counted, what they bring was compared with its spread; what was not run says so.
#
# Next: [chapter 3](03_bottlenecks.ipynb), three layers instead of two, and Table 1 cell by cell.
