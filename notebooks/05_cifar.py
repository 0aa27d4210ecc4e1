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
# # 5. Train 110 layers, and count what 1202 would cost
#
# Paper: Section 4.2, Table 6, Figure 6, footnote 5 · Code: `resnet_lab/curves.py`, `resnet_lab/elsewhere.py`, `resnet_lab/experiments.py` · Tests: `tests/test_figures.py`, `tests/test_elsewhere.py`
# · Runs in: under a minute, from recorded runs (training them: `resnet-lab reproduce figure_6 warm_up`) · [Open in Colab](https://colab.research.google.com/github/)
#
# You will see
#
# - ours beside Table 6, and the three panels of Figure 6, at the scale at which they were run,
# - what the warm-up of the 110-layer net does, and what each net costs,
# - why the same nets, trained elsewhere, are reported with other numbers.

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
scale = None  # "quick" or "paper"; None: the paper's where one of its runs is recorded
fast = False  # this chapter trains nothing and is fast already

# %% [markdown]
# The notebook draws and prints; what it calls lives in the package, with tests.

# %%
from pathlib import Path

from IPython.display import Markdown, display

from resnet_lab import data, elsewhere, experiments, explore, figures, paper, records, tables

# %matplotlib inline
# %% [markdown]
# ## Which scale
#
# The paper trains each net for 64,000 [updates](glossary.md#update) on CIFAR-10. That takes a GPU, and 1202 layers take it for long. Where such
# runs are recorded this chapter shows them. Where not, it shows runs at a reduced scale: half the filters, images averaged to
# 16x16, a fiftieth of the updates. They show which net is behind which *so early*; how large an error is, and what depth
# gains in the end, they cannot show.

# %%
folders = [Path(runs_folder)] if runs_folder else []
recorded = records.load_all(*folders, records.SHIPPED)
found = data.load(data_folder, name=images_name)
dataset, sentence = experiments.with_runs(found, recorded)
shown, which = experiments.to_show(recorded, dataset, scale)
at, on = (shown[0].scale, shown[0].run.images.name) if shown else ("quick", dataset.name)
print(sentence, which, sep="\n")

# %% [markdown]
# ## Ours against Table 6
#
# **Predict.** Table 6 has residual nets of 20 to 1202 layers. Does the test error fall with every step of depth? Write
# down where you expect it to turn, then look at the column *paper*.
#
# Ours is the mean over n [seeds](glossary.md#seed) with their [standard deviation](glossary.md#standard-deviation), after the last update. The 110-layer net is the only
# one for which the paper gives five runs, and of them mean, spread and best: ours is compared with the mean, not with the best, which
# is what many cite. (For [plain nets](glossary.md#plain-net) the paper prints no numbers.) First the paper's scale. What was not run says so.

# %%
for name in ("error_mean", "error_std", "error_best", "runs"):
    leaf = paper.leaf(f"tables.table6.resnet_110.{name}")
    print(f"ResNet-110, {name}: {leaf.value} ({leaf.source})")
nets = tables.nets_of("figure_6")
Markdown(tables.markdown(tables.compare(recorded, nets, "paper", "cifar10")))

# %% [markdown]
# And at the reduced scale. Beside the paper's numbers these mean nothing in size, so no gap is printed.

# %%
Markdown(tables.shared(tables.compare(recorded, nets, "quick", dataset.name)))

# %% [markdown]
# ## Figure 6
#
# **Predict.** Left plain nets, in the middle residual ones. In which order do the lines end, from the top to the bottom,
# in each? At the paper's scale? And after a fiftieth of the updates, when a deep net may still have more to learn?

# %%
figure = tables.draw("figure_6", shown)
figures.save(figure, Path(figure_folder) / "05_cifar.png")
figure

# %% [markdown]
# On the left, the deeper the net the higher the error, in training and test: [degradation](glossary.md#degradation), over the whole family. In
# the middle the lines lie close together, whatever their depth. In the paper's middle panel they end
# in the order of depth, the deepest lowest; that is a matter of the updates after the first drop of the rate, and a short
# run does not get there. The numbers:

# %%
Markdown(explore.errors_table(shown))

# %% [markdown]
# ## One run at a time
#
# **Predict.** All the runs behind that figure, one by one: does another seed move a curve by more than another depth does? First a plain net of 56 layers, for
# pages that cannot move, then with sliders over depth, seed and update. Compare the step from seed to seed with the step from depth
# to depth. (On a page without a kernel the sliders rest; `make lab` wakes them.)

# %%
from resnet_lab import widgets

display(explore.run_of(shown, 56, "plain", 0))
widgets.run_explorer(shown)

# %% [markdown]
# ## Train it live
#
# How much is one run worth? Train a residual net of 20 layers twice, from two seeds, and one of 56 layers; then others, of your choice.
# They are trained in the background by the loop that made the records, at the reduced scale and for the first updates only, each in front of its shipped
# run in grey. *Pause* and *Stop* come before the next update, and the sliders above still answer. Run the cell again when a net is trained: the
# picture and the table above the buttons are then yours, and stay in the notebook when you save it. Until then they are those of the
# shipped runs. (It needs a kernel: `make lab`.)
#
# **Predict.** After 200 updates, which step is the larger one: from 20 to 56 layers, or from seed to seed?

# %%
from resnet_lab.live_widgets import LivePanel

chosen = [(20, "residual"), (20, "residual", 1), (56, "residual")]
quick = experiments.current(recorded, dataset)
panel = LivePanel(dataset, quick, chosen, updates=200)
display(panel.figure(), Markdown(panel.markdown()))
panel

# %% [markdown]
# ## What the warm-up does
#
# For 110 layers the paper finds a [rate of 0.1](glossary.md#learning-rate) "slightly too large to start converging" (Section 4.2). It trains at 0.01 until the
# [training error](glossary.md#training-error) is below 80 %, about 400 updates, and then goes on as with the others. Footnote 5 says what happens without: it
# takes several [epochs](glossary.md#epoch) until the error is below 90 %, and the accuracy at the end is similar.
#
# **Predict.** Of two 110-layer nets, one warmed up and one not, which is ahead after the first few hundred updates? And at the end?

# %%
pair = tables.runs_of("warm_up", recorded, at, on)
tables.draw("warm_up", pair)

# %% [markdown]
# In numbers, and run by run. An epoch is 391 updates at the paper's scale; reduced, the [warm-up](glossary.md#warm-up) is a fixed 100 updates for every
# net, and a run is some three epochs long, so "several epochs" of delay would be all of it.

# %%
Markdown(explore.start_table(pair))

# %% [markdown]
# ## 110 against 1202
#
# **Predict.** Ten times as deep, the same rules: how many [parameters](glossary.md#parameter) for each training image?

# %%
Markdown(elsewhere.pair_table())

# %% [markdown]
# **Predict.** The 1202-layer net trains well, the paper says, and still tests worse. Which measurement could prove that it overfits? The paper's argument, and what ours say:

# %%
print("paper:", paper.value("statements.overfitting_1202"))
print("paper:", paper.value("statements.over_1000_layers"))
deepest = ["ResNet-110", "ResNet-1202"]
Markdown(tables.markdown(tables.compare(recorded, deepest, "paper", "cifar10")))

# %% [markdown]
# To [overfit](glossary.md#overfitting) is to do well on the training images and badly on others. Two numbers would show it: a *training* error as low as that of
# 110 layers, and a wider gap from there to the test error. Both are claims below, and both need runs at the paper's scale:
# a short, thin twin of 1202 layers would not come near a training error of zero, so none was made.
#
# ## What each net costs
#
# **Predict.** From ResNet-20 to ResNet-110, by what factor do the [multiply-adds](glossary.md#multiply-adds) grow? More or less than the depth? Parameters and
# multiply-adds are counted on the paper's nets, and the seconds are those of the runs above, at their scale. (Seconds as the clock saw
# them: two runs at a time, and for some of the deeper nets other programs beside them. The lowest is nearest to what a run costs.)

# %%
print(elsewhere.devices(shown))
Markdown(elsewhere.cost_table(shown))

# %% [markdown]
# ## Why the same code elsewhere reports other numbers
#
# Look up the test error of ResNet-56 in a few public repositories: they do not agree with the paper, nor with each other. Five reasons
# that need no mistake in the net, each of which you can check here.
#
# **One: the best point.** If the test error is measured along the way and the lowest is reported, the test set has
# chosen the point. The same holds for the best of several runs. What picking a point gains depends on how many there are to pick from *after
# the last drop* of the rate, when the error wobbles around where it will end. A reduced run has hardly one; the paper's [recipe](glossary.md#recipe), measured as often as we
# measure it, has dozens.
#
# **Predict.** How much lower is the best point of a reduced run than its last? From our own [records](glossary.md#record):

# %%
from resnet_lab.recipe import Recipe

recipe = Recipe()
late = (recipe.steps - recipe.drops[-1]) // recipe.test_every
points = recipe.steps // recipe.test_every
print(f"in a run of the paper's length: {points} points, {late} after the last drop")
Markdown(explore.best_point_table(shown))

# %% [markdown]
# **Two: 45,000 or 50,000 images.** The paper found its schedule with 45,000 of the training images and 5,000 for validation. It does not say
# from which of the two sets the reported nets were trained. We train on 50,000, and a run on 45,000 has another name, so that the two cannot
# be mistaken for each other. The same number of updates is then another number of epochs:

# %%
one = next((r.run for r in shown if r.net == "ResNet-20"), shown[0].run)
print(one.stem, elsewhere.with_45k(one).stem, sep="\n")
for images in (50_000, 45_000):
    print(f"{images:,}: {recipe.steps * recipe.batch / images:.1f} epochs at the paper's scale")
held_out = [record for record in recorded if record.run.images.held_out]
print(f"runs on 45,000 images: {len(held_out) or 'not run'}")

# %% [markdown]
# **Three: option B.** Many ports put a [projection](glossary.md#projection) where the map is halved, as the paper does on ImageNet. On CIFAR-10 it uses [option A](glossary.md#option-a) in all cases. The projections
# cost the same at every depth.
#
# **Predict.** For one net the printed number of parameters tells the two options apart. Which?

# %%
Markdown(elsewhere.option_b_table())

# %% [markdown]
# **Four: a warm-up that never ends.** The rule is a condition on the training error. A script that sets the rate to 0.01 for the start,
# and then lets a scheduler multiply what it finds, may never return to 0.1. Its net still trains, at a tenth of the rate all along.
# Below are two *schedules*; what the second does to the error was not run here.
#
# **Predict.** After the last drop of the rate, by what factor do the two differ?

# %%
elsewhere.endless_warm_up()

# %% [markdown]
# **Five: one run.** With a single seed, the spread that you have just seen with the slider is part of the number. That is why every number here
# comes with its n.
#
# ## The verdicts
#
# Each line is a statement of Section 4.2 that can be true or false of us. Values, and what depth gains, are judged at the
# paper's scale only. (What can be counted on the nets themselves, without training, stands in chapter 0.)

# %%
from resnet_lab import claims

rows = claims.ledger(recorded, images=dataset.name)
trained = [row for row in rows if row.id.startswith("4.2-") and row.scale != "architecture"]
print(", ".join(f"{count} {verdict}" for verdict, count in claims.summary(trained).items()))
Markdown(claims.table(trained))

# %% [markdown]
# ## Exercises
#
# **1. Predict.** Option B puts a 1x1 convolution and its BN where the filters go from 16 to 32 and from 32 to 64. How many parameters does it add?
# And how many has ResNet-56 then? Work it out by hand.

# %%
from resnet_lab import exercises

added, with_b = None, None  # your answers

print(exercises.check("added-by-option-b", added))
print(exercises.check("parameters-of-56-b", with_b))

# %% [markdown]
# **2. By hand.** How many epochs are 64,000 updates of 128 images, if the net is trained on 45,000?

# %%
epochs = None  # your answer

print(exercises.check("epochs-of-45k", epochs))

# %% [markdown]
# **3. Change.** If five runs scatter like a normal distribution, how far below their mean is the best of five, on average, in standard
# deviations? Estimate it by drawing. Then multiply by the spread that Table 6 gives for 110 layers, and compare with the mean minus the best there.

# %%
below_mean = None  # your answer, in standard deviations

print(exercises.check("best-of-five", below_mean))

# %% [markdown]
# **4. Build.** Write the rate of ResNet-110 as a function of the update, counted from 0, for a warm-up that is over after 400 updates.


# %%
def rate(step):
    return None  # your answer


print(exercises.check("rate-of-110", rate))

# %% [markdown]
# ## Solutions
#
# Two kernels, and a scale and an offset for each new channel; it is the same for every depth:

# %% tags=["solution"]
added = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
with_b = elsewhere.parameters(56) + added
assert exercises.check("added-by-option-b", added) == "right"
assert exercises.check("parameters-of-56-b", with_b) == "right"

# %% [markdown]
# Updates times images, over the images of an epoch:

# %% tags=["solution"]
epochs = 64_000 * 128 / 45_000
assert exercises.check("epochs-of-45k", epochs) == "right"

# %% [markdown]
# The best of five is a good standard deviation below the mean, by chance alone: as in Table 6.

# %% tags=["solution"]
import torch

draws = torch.randn(200_000, 5, generator=torch.Generator().manual_seed(0))
below_mean = -draws.amin(1).mean().item()
table = "tables.table6.resnet_110"
printed = paper.value(f"{table}.error_mean") - paper.value(f"{table}.error_best")
expected = below_mean * paper.value(f"{table}.error_std")
print(f"{below_mean:.2f} deviations, {expected:.2f} points; Table 6: {printed:.2f}")
assert exercises.check("best-of-five", below_mean) == "right"

# %% [markdown]
# Three steps down, and a start that is not one of them:


# %% tags=["solution"]
def rate(step):
    return 0.01 if step < 400 else 0.1 if step < 32_000 else 0.01 if step < 48_000 else 0.001


assert exercises.check("rate-of-110", rate) == "right"

# %% [markdown]
# ## In this notebook
#
# - Table 6 and Figure 6 with our runs in them, at the scale at which they were made, and "not run" where none was.
# - In the plain family the error climbs with every step of depth; beside that, the steps of the residual family are small.
# - A number from CIFAR-10 means little without its n, its last or best point, its images, its option and its schedule.
#
# Next: [chapter 6](06_layer_responses.ipynb), a look inside the nets: how strongly each layer responds.
