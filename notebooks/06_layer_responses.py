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
# # 6. Look inside: how strongly each layer responds
#
# Paper: Section 4.2, "Analysis of Layer Responses", Figure 7; Section 3.1 · Code: `resnet_lab/layer_responses/`, `resnet_lab/claims/responses.py` · Tests: `tests/test_layer_responses.py`, `tests/test_responses_find.py`, `tests/test_claims_responses.py`
# · Runs in: under two minutes, from stored responses; one net is measured anew · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - Figure 7, in the order of the nets and sorted, over several seeds, with the ends of residual branches told apart,
# - what the paper leaves open (which images, which mode of BN), and how much hangs on it,
# - whether its two facts show in our reduced nets, by a test that does not take layers for independent witnesses.

# %% tags=["colab"]
import subprocess
import sys

repository = ""  # where this project is kept; empty: Colab asks
if "google.colab" in sys.modules:  # elsewhere the package is installed already
    address = repository or input("Address of the repository that this notebook is from: ")
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", f"git+{address}"], check=True)

# %% tags=["parameters"]
runs_folder = None  # records of your own runs, with findings beside them; None: what ships
images_name = (
    None  # "cifar10" or "embedded", on which one net is measured anew; None: CIFAR-10 where found
)
data_folder = None  # folder with CIFAR-10; None: look for it
figure_folder = "../figures"  # where the figure of this chapter goes
fast = False  # True: 500 images for the net that is measured anew

# %% [markdown]
# The notebook draws and prints; what it calls lives in the package, with tests.

# %%
from pathlib import Path

import torch
from IPython.display import Markdown, display

from resnet_lab import ResNet, cifar, claims, data, exercises, figures, records, style
from resnet_lab.layer_responses import explore, figure, find, measure, ranks, shown, stored
from resnet_lab.layer_responses.widgets import response_explorer

# %matplotlib inline
# %% [markdown]
# ## What is a layer response?
#
# > Figure 7 shows the standard deviations (std) of the layer responses. The responses are the outputs of each 3x3 layer,
# > after BN and before other nonlinearity (ReLU/addition). (Section 4.2)
#
# **Predict.** How many points has the curve of plain-20? And of how many of ResNet-20's layers is the [response](glossary.md#layer-response) what is
# *added* to a [shortcut](glossary.md#shortcut)?
#
# No list of names is needed. The net is run once, and a response is whatever a [BN](glossary.md#batch-normalisation) makes of the output of a 3x3
# [convolution](glossary.md#convolution); if it goes straight into the addition of a shortcut, it ends a residual branch.

# %%
image = torch.zeros(1, 3, 32, 32)
for name, option in (("plain-20", "none"), ("ResNet-20", "A")):
    sites = find(ResNet(cifar(20, shortcut=option)).eval(), image).sites
    roles = [site.role for site in sites]
    print(
        f"{name}: {len(sites)} layers,", {role: roles.count(role) for role in dict.fromkeys(roles)}
    )

# %% [markdown]
# All weighted layers but the classifier, then; the stem is a 3x3 layer too.
#
# ## One net, measured here and now
#
# The [standard deviation](glossary.md#standard-deviation) is taken over all images, positions and channels of a layer: one pass, in float64. The paper says "on CIFAR-10" and
# no more. Our default is the *test* images, with the statistics that BN has *stored*: that is the net whose
# error is reported, and a response then depends on its image alone. Below, the other choices. If these images are
# not those of the stored numbers, a sentence says so.
#
# **Predict.** Measured a second time, here: will a layer's number be the stored one to the last bit, or nearly?

# %%
folders = [Path(runs_folder)] if runs_folder else []
recorded = records.load_all(*folders, records.SHIPPED)
found = stored.load(*folders)
dataset = data.load(data_folder, name=images_name)
here = shown.figure_7_of(recorded, found, dataset.name)
print(shown.measured_again(here, dataset, folders, images=500 if fast else None))

# %% [markdown]
# ## Figure 7
#
# **Predict.** Which nets respond more strongly, plain or residual? And among the residual ones, those of 20, of 56 or of 110
# layers? The paper has its reasons: if a block only has to correct its input a little (Section 3.1), its
# response is small, and smaller the more blocks share the work.
#
# On top the layers in the order of the net, below the same numbers sorted. It is drawn from stored
# responses of runs on CIFAR-10, whether or not CIFAR-10 is on this machine.

# %%
pairs = shown.figure_7_of(recorded, found, "cifar10")
drawn = figure.figure_7(pairs)
figures.save(drawn, Path(figure_folder) / "06_layer_responses.png")
print(stored.origin(pairs))
drawn

# %% [markdown]
# These nets are thin and young: 8 filters instead of 16, and 1,200 [updates](glossary.md#update) instead of 64,000. All start at a response of one (BN's
# scale is one at first), and there has been little time to leave it. In numbers, mean and
# spread over the [seeds](glossary.md#seed):

# %%
Markdown(explore.table(pairs))

# %% [markdown]
# ## One net at a time
#
# **Predict.** In ResNet-56 every other layer ends a residual branch. Is its response above or below that of the layer before it?
# This is one net, one layer marked, for pages that cannot move:

# %%
explore.view(pairs, "ResNet-56", seed=0, order="original", layer=15)

# %% [markdown]
# With sliders over net, seed, order and layer. (On a page without a kernel they rest; `make lab` wakes them.)

# %%
response_explorer(pairs)

# %% [markdown]
# And as a chart that brings its own controls and needs no kernel. JupyterLab draws it; pages that cannot show a sentence instead.
# The full dots are ends of residual branches.

# %%
display(explore.chart(pairs), raw=True)

# %% [markdown]
# ## Ends of branches, and the layers before them
#
# The paper draws one curve a net. But a basic block has two sorts of layers: the first is followed by a [ReLU](glossary.md#relu), as in a [plain net](glossary.md#plain-net); only the second is
# what the block *adds*. If residual functions are small, it should show there.
#
# **Predict.** For each depth: are the branch ends of residual nets below the same layers of plain nets? And the first layers?

# %%
every = [pair for pair in stored.of_records(recorded, found) if pair[0].scale == pairs[0][0].scale]
every = [pair for pair in every if pair[0].run.images.name == "cifar10"]
drawn, (ax,) = figures.sheet(1, width=7.2, height=3.2)
figure.roles(ax, figure.by_net(every))
face = [*figure.face(every), style.counted(figure.by_net(every).values())]
ax.set_title("\n".join(face), fontsize="small", color="0.35")
drawn

# %% [markdown]
# ## Deeper and smaller?
#
# Nets of different depth have different numbers of layers, so we compare equal *shares* of the sorted layers: the largest tenth with the
# largest tenth. (Compared layer by layer, as the eye does in the sorted panel, the deeper net has an advantage: it has more layers to
# take large ones from.)
#
# **Predict.** From 20 to 56 to 110 layers: do the responses of equal shares fall with depth, in residual nets?

# %%
Markdown(explore.depth_table(pairs))

# %% [markdown]
# ## What the paper leaves open
#
# **Predict.** With BN's statistics taken from each batch, as in training, what is left that could change a response? Think of what BN does to
# a channel, and then of its two [parameters](glossary.md#parameter).

# %%
Markdown(shown.choices_table(recorded, found, "cifar10"))

# %% [markdown]
# With batch statistics each channel comes out with exactly the std that its scale gamma asks for, around its offset beta: Figure 7 is then
# a picture of BN's parameters, and the images hardly matter. With stored statistics it also shows how far the images
# at hand are from the averages in each layer. An average fits no batch exactly, and each layer hands on to the next what does not fit: in our
# 110-layer nets that adds up. It is not that the averages are out of date: measured anew on the final weights (`bn_statistics.estimate`, 20 batches,
# the three seeds on CIFAR-10) they gave about the same responses. Mind this before reading anything into a 110-layer curve at reduced scale.
#
# ## The same on the embedded images
#
# **Predict.** The same nets, trained on drawn images: which of the curves above will look alike, and which will not?

# %%
figure.figure_7(shown.figure_7_of(recorded, found, "embedded"))

# %% [markdown]
# ## The verdicts
#
# "Generally smaller" is a statement about layers, but the 55 layers of a net share its weights and its seed: they are no 55 witnesses.
# So each *net* is one observation. At every layer all nets are ranked; a net's score is its mean rank; then the names are shuffled among the nets, in
# all ways. If at most 2.5 % of the ways put the two sides as far apart, the order is seen. And since the paper does not name the mode of BN,
# a verdict that hangs on it is *[undecided](glossary.md#undecided)*.

# %%
print(claims.responses.explain())
rows = claims.ledger(recorded, measured=found)
Markdown(claims.table([row for row in rows if "Figure 7" in row.place]))

# %% [markdown]
# ## Exercises
#
# **1. Predict.** How many points has the curve of ResNet-110? And how many of them are ends of residual branches?

# %%
points, branch_ends = None, None  # your answers

roles = figure.by_net(pairs)["ResNet-110"][0].values["roles"]
print(exercises.check("points-of-110", points, roles=roles))
print(exercises.check("branch-ends-of-110", branch_ends, roles=roles))

# %% [markdown]
# **2. Change.** A BN has scales gamma = (1, -2, 0.5) and offsets beta = (0, 1, 5). In batch mode, what is the std of the layer's response, over all three
# channels together? Work it out.

# %%
gamma, beta = (1, -2, 0.5), (0, 1, 5)
std = None  # your answer

print(exercises.check("std-of-response", std, gamma=gamma, beta=beta))

# %% [markdown]
# **3. Build.** How many nets on each side does the test need, at least, so that it can ever say "seen"? `ranks.order([(high, low)])` takes two lists of nets, each
# net a list of numbers, one a layer; `.p_high` must be 0.025 or less. Does it help to have more layers?

# %%
needed = None  # your answer


def best(n, layers=1):
    return ranks.order([([[2.0] * layers] * n, [[1.0] * layers] * n)]).p_high


print(exercises.check("nets-needed", needed))

# %% [markdown]
# ## Solutions
#
# Of 110 weighted layers one is the classifier, one the stem, and the others come in pairs:

# %% tags=["solution"]
points, branch_ends = 110 - 1, (110 - 2) // 2
assert exercises.check("points-of-110", points, roles=roles) == "right"
assert exercises.check("branch-ends-of-110", branch_ends, roles=roles) == "right"

# %% [markdown]
# Variances 1, 4 and 0.25, mean 1.75; offsets 0, 1 and 5 with mean 2 and variance (4 + 1 + 9) / 3. A layer with such a BN, measured, says the same:

# %% tags=["solution"]
std = ((1 + 4 + 0.25) / 3 + (4 + 1 + 9) / 3) ** 0.5
layer = torch.nn.Sequential(torch.nn.Conv2d(3, 3, 3), torch.nn.BatchNorm2d(3))
layer[1].weight.data, layer[1].bias.data = torch.tensor(gamma), torch.tensor(beta).float()
measured = measure(layer, [torch.rand(8, 3, 16, 16)], bn="batch").std[0]
assert exercises.check("std-of-response", std, gamma=gamma, beta=beta) == "right"
assert abs(std - measured) < 1e-2

# %% [markdown]
# With n nets a side there are (2n choose n) ways to share out the names. Layers change nothing:

# %% tags=["solution"]
needed = next(n for n in range(1, 10) if best(n) <= 0.025)
print(f"{needed} nets a side: {best(needed):.3f}; with one less: {best(needed - 1):.3f}")
assert exercises.check("nets-needed", needed) == "right" and best(needed, 55) == best(needed)

# %% [markdown]
# ## In this notebook
#
# - A response is found by running the net, so the same code looks into anybody's: `resnet-lab responses torchvision.models:resnet18 --size 64`.
# - Figure 7 from our own nets, seed by seed, with what was measured on its face.
# - Ends of residual branches and first layers are two sorts of layers; the paper's curve mixes them.
# - The mode of BN is a choice that matters; the paper does not say which.
# - The verdicts count nets, not layers.
#
# Next: [chapter 7](07_detection.ipynb), another task for the same nets: finding things in an image.
