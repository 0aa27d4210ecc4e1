"""Table 6, Figures 1 and 6: which runs there are, and that the dearest come last."""

from dataclasses import replace

import pytest
from conftest import record_of

from resnet_lab import arms, cost, experiments
from resnet_lab.arms import Arm
from resnet_lab.errors import InputError
from resnet_lab.experiments import EXPERIMENTS, jobs, recipe_at
from resnet_lab.recipe import Recipe, lr_at
from resnet_lab.resnet import ResNet

ALL = list(EXPERIMENTS)
OF_SECTION_4_2 = ["degradation", "figure_1", "figure_6", "table_6", "warm_up"]


def keys(found):
    return [(job.run.recipe.seed, arms.arm_of(job.run, job.scale).label) for job in found]


def nets(found):
    return {job.run.net.name for job in found}


def test_table_6_has_its_six_residual_nets(mini, paper):
    found = jobs(["table_6"], "paper", mini)
    assert nets(found) == {f"ResNet-{depth}" for depth in (20, 32, 44, 56, 110, 1202)}
    # "we run 5 times and show best (mean +- std)" is said of the 110 layers
    assert sum(job.run.net.depth == 110 for job in found) == 5
    assert paper["recipes"]["cifar10"]["runs"]["value"].startswith("5 for ResNet-110")


def test_figure_1_compares_plain_nets_of_20_and_56_layers(mini):
    assert nets(jobs(["figure_1"], "paper", mini)) == {"plain-20", "plain-56"}


def test_figure_6_has_plain_and_residual_nets(mini):
    plain = {f"plain-{depth}" for depth in (20, 32, 44, 56, 110)}
    residual = {f"ResNet-{depth}" for depth in (20, 32, 44, 56, 110, 1202)}
    assert nets(jobs(["figure_6"], "paper", mini)) == plain | residual


def test_degradation_pairs_plain_and_residual_nets_of_one_recipe(mini):
    found = jobs(["degradation"], "quick", mini)
    assert nets(found) == {"plain-20-w8", "plain-56-w8", "ResNet-20-w8", "ResNet-56-w8"}
    assert len({(job.run.recipe, job.run.images) for job in found}) == 1


@pytest.mark.parametrize("scale", ["quick", "paper"])
@pytest.mark.parametrize("seeds", [None, 1, 2, 4])
def test_one_seed_of_everything_comes_first_and_1202_layers_last(mini, scale, seeds):
    found = jobs(ALL, scale, mini, seeds)
    light = [job for job in found if job.run.net.depth != 1202]
    heavy = [job for job in found if job.run.net.depth == 1202]
    assert found == light + heavy and heavy
    order = [(job.run.recipe.seed, job.run.net.depth) for job in light]
    assert order == sorted(order)
    first = [job for job in light if job.run.recipe.seed == 0]
    assert nets(first) == nets(light)
    # a plain net comes just before its residual twin, so that a pair is soon there
    names = [job.run.net.name for job in first]
    for name in names:
        if name.startswith("plain"):
            assert names[names.index(name) + 1] == name.replace("plain", "ResNet")


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_no_run_is_named_by_two_experiments_twice(mini, scale):
    together = jobs(ALL + ALL, scale, mini)
    assert len({job.run.hash for job in together}) == len(together)
    assert len(set(keys(together))) == len(together)
    alone = {job.run.hash for name in ALL for job in jobs([name], scale, mini)}
    assert alone == {job.run.hash for job in together}
    assert jobs(ALL[::-1], scale, mini) == jobs(ALL, scale, mini)


def test_the_number_of_seeds_can_be_chosen(mini):
    found = jobs(["figure_1"], "paper", mini, 4)
    assert [job.run.recipe.seed for job in found] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len(jobs(["figure_1"], "quick", mini)) == 2
    assert len(jobs(["figure_1"], "paper", mini)) == 6
    assert len(jobs(["table_6"], "paper", mini, 2)) == 12


@pytest.mark.parametrize("depth", [20, 32, 44, 56])
def test_section_4_2_the_paper_scale_is_the_papers_recipe(depth):
    assert recipe_at("paper", depth) == Recipe()
    assert recipe_at("paper", depth, 3) == Recipe(seed=3)


@pytest.mark.parametrize("depth", [110, 1202])
def test_section_4_2_only_the_deepest_nets_warm_up(depth):
    assert recipe_at("paper", depth) == Recipe(warm_up=True)


def test_the_paper_scale_uses_the_papers_nets_and_images(mini):
    for job in jobs(OF_SECTION_4_2, "paper", mini):
        assert job.run.net.widths == (16, 32, 64) and not job.run.net.bottleneck
        assert job.run.net.shortcut in ("none", "A")
        assert job.run.images.size == 32 and job.run.images.held_out == 0
        assert job.scale == "paper"


def test_the_quick_scale_is_reduced_and_says_so(mini):
    for job in jobs(ALL, "quick", mini):
        assert job.scale == "quick"
        assert job.run.net.name.endswith("-w8") and job.run.images.size == 16
        quick, whole = job.run.recipe, Recipe()
        assert quick.steps < whole.steps and all(drop < quick.steps for drop in quick.drops)
        if not arms.arm_of(job.run, "quick").variant:
            assert replace(quick, seed=0) == recipe_at("quick", 20)  # one recipe for every net
        same = ("lr", "batch", "momentum", "weight_decay", "flip")
        assert all(getattr(quick, name) == getattr(whole, name) for name in same)


def test_plain_and_residual_twins_differ_in_nothing_but_their_shortcuts(mini):
    for scale in ("quick", "paper"):
        found = {
            (j.run.net.name, j.run.recipe.seed): j.run for j in jobs(["figure_6"], scale, mini)
        }
        for (name, seed), run in found.items():
            if name.startswith("plain"):
                twin = found[name.replace("plain", "ResNet"), seed]
                assert replace(run, net=replace(run.net, shortcut="A")) == twin


def test_a_run_names_the_images_that_it_was_made_for(mini):
    (first, *_) = jobs(["figure_1"], "quick", mini)
    assert (first.run.images.name, first.run.images.content_hash) == ("cifar10", mini.content_hash)
    other = replace(mini, name="embedded", content_hash="00")
    (second, *_) = jobs(["figure_1"], "quick", other)
    assert second.run.images.name == "embedded" and second.run.hash != first.run.hash


def test_an_unknown_experiment_is_named_with_those_there_are(mini):
    with pytest.raises(InputError, match="there is no experiment 'table_7'") as caught:
        jobs(["table_6", "table_7"], "quick", mini)
    assert all(name in str(caught.value) for name in EXPERIMENTS)


@pytest.mark.parametrize("scale", ["own", "cluster", "", "Paper"])
def test_an_unknown_scale_is_named_with_those_there_are(mini, scale):
    with pytest.raises(InputError, match=f"scale must be quick or paper, got {scale!r}"):
        jobs(["figure_1"], scale, mini)


def test_experiments_are_named_by_their_place_in_the_paper():
    for name, experiment in EXPERIMENTS.items():
        assert experiment.name == name and experiment.place and experiment.title
    assert EXPERIMENTS["table_6"].place == "Table 6"
    assert experiments.RESIDUAL == (20, 32, 44, 56, 110, 1202)


def test_a_notebook_beside_images_without_runs_falls_back_to_the_embedded_set(mini, monkeypatch):
    drawn = replace(mini, name="embedded", place="generated")
    monkeypatch.setattr(experiments, "load", lambda name: drawn)
    dataset, sentence = experiments.with_runs(mini, [])
    assert dataset is drawn and "no run on it is recorded" in sentence
    dataset, sentence = experiments.with_runs(mini, [record_of(20, "none")])
    assert dataset is mini and sentence == "Images: CIFAR-10."


def test_only_runs_of_today_on_these_very_images_are_current(mini):
    today = record_of(20, "none")
    other = replace(today.run.images, content_hash="00" * 32)
    older = replace(today.run.recipe, steps=1_000, drops=())
    elsewhere = replace(today, run=replace(today.run, images=other))
    outdated = replace(today, run=replace(today.run, recipe=older))
    own = replace(today, scale="own")
    assert experiments.current([elsewhere, outdated, own, today], mini) == [today]


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_every_run_of_an_experiment_knows_its_arm(mini, scale):
    for name, experiment in EXPERIMENTS.items():
        found = {arms.arm_of(job.run, scale) for job in jobs([name], scale, mini)}
        assert found == set(experiment.arms)
    run = jobs(["warm_up"], scale, mini)[0].run
    for other in (
        replace(run, recipe=replace(run.recipe, momentum=0.8)),
        replace(run, net=replace(run.net, widths=(7, 14, 28))),
        replace(run, net=replace(run.net, blocks=(1, 2, 3))),
        replace(run, images=replace(run.images, size=8)),
        replace(run, images=replace(run.images, held_out=10)),
    ):
        assert arms.arm_of(other, scale) is None


def test_footnote_5_without_the_warm_up_the_rate_is_full_from_the_first_update(mini):
    for scale in ("quick", "paper"):
        recipes = {
            arms.arm_of(job.run, scale).label: job.run.recipe
            for job in jobs(["warm_up"], scale, mini, 1)
        }
        cold, warm = recipes["ResNet-110, no warm-up"], recipes["ResNet-110"]
        assert lr_at(0, cold, warming=True) == 0.1 and lr_at(0, warm, warming=True) == 0.01
        assert replace(cold, warm_up=warm.warm_up, warm_up_steps=warm.warm_up_steps) == warm


def test_a_changed_recipe_is_no_run_of_the_papers_nets(mini):
    cold, warm = (
        experiments.job("quick", mini, 110, "A", 0, variant=variant).run
        for variant in ("no warm-up", "")
    )
    assert not experiments.follows(cold, "quick") and experiments.follows(warm, "quick")
    projected = experiments.job("quick", mini, 20, "B", 0).run
    bottlenecks = experiments.job("quick", mini, 20, "A", 0, bottleneck=True).run
    assert not any(experiments.follows(run, "quick") for run in (projected, bottlenecks))


def test_labels_are_the_papers_names_with_what_is_not_the_papers():
    labels = [
        Arm(depth=56, shortcut="none").label,
        Arm(depth=110).label,
        Arm(depth=110, variant="no warm-up").label,
        Arm(depth=20, shortcut="B").label,
        Arm(depth=164, bottleneck=True).label,
    ]
    assert labels == [
        "plain-56",
        "ResNet-110",
        "ResNet-110, no warm-up",
        "ResNet-20-B",
        "ResNet-164-bottleneck",
    ]


def test_runs_of_an_arm_are_selected_in_the_order_of_their_seeds():
    kept = [record_of(20, "A", seed=seed) for seed in (10, 2, 0)]
    cold = replace(kept[0].run.recipe, warm_up_steps=0)
    others = [
        record_of(20, "none"),
        record_of(32, "A"),
        replace(kept[0], scale="own"),
        replace(kept[0], run=replace(kept[0].run, recipe=cold)),
    ]
    chosen = arms.select([*kept, *others], label="ResNet-20", scale="quick", images="cifar10")
    assert [record.run.recipe.seed for record in chosen] == [0, 2, 10]
    none = dict(scale="own", images="cifar10")
    assert arms.select(kept + others, label="ResNet-20", **none) == []


def test_nets_deeper_than_asked_for_are_left_out(mini):
    found = jobs(["figure_6"], "quick", mini, deepest=110)
    assert max(job.run.net.depth for job in found) == 110 and len(found) == 10
    with pytest.raises(InputError, match="no net of 8 layers or fewer, only 20"):
        jobs(["table_6"], "quick", mini, deepest=8)


@pytest.mark.parametrize("scale", ["quick", "paper"])
def test_footnote_3_three_times_the_updates_with_drops_at_the_same_shares(mini, scale):
    found = {
        arms.arm_of(job.run, scale).label: job.run.recipe
        for job in jobs(["longer"], scale, mini, 1)
    }
    usual, longer = found["plain-56"], found["plain-56, 3x longer"]
    assert longer.steps == 3 * usual.steps
    assert [drop / longer.steps for drop in longer.drops] == [
        drop / usual.steps for drop in usual.drops
    ]
    assert replace(longer, steps=usual.steps, drops=usual.drops) == usual


def test_bottlenecks_are_compared_with_basic_blocks_of_equal_cost():
    """Counted by hand for the last stage's blocks: 17 to 18 weights a squared width."""
    by_kind = {}
    for arm in EXPERIMENTS["bottlenecks"].arms:
        net = ResNet(arm.net("paper"))
        by_kind.setdefault(arm.bottleneck, []).append(cost.multiply_adds(net, (3, 32, 32)))
    for basic, bottleneck in zip(by_kind[False], by_kind[True], strict=True):
        assert 0.93 < bottleneck / basic < 1.0


def test_table_3_every_option_at_every_depth():
    found = {(arm.depth, arm.shortcut) for arm in EXPERIMENTS["shortcuts"].arms}
    assert found == {(d, option) for d in (20, 56, 110) for option in ("none", "A", "B", "C")}


class TestToShow:
    """What a chapter draws: one scale, said in a sentence."""

    def test_the_papers_scale_comes_first_and_nothing_is_mixed_in(self, mini):
        full, quick = record_of(20, "A", scale="paper"), record_of(56, "A")
        shown, said = experiments.to_show([quick, full], mini)
        assert shown == [full] and "the paper's" in said

    def test_without_it_the_reduced_runs_say_so(self, mini):
        other = record_of(20, "A", scale="paper", images="embedded")  # nobody's protocol
        shown, said = experiments.to_show([record_of(56, "A"), other], mini)
        assert [r.net for r in shown] == ["ResNet-56"]
        assert "reduced" in said and "No run at the paper's scale is recorded" in said

    def test_a_scale_can_be_asked_for(self, mini):
        records = [record_of(20, "A", scale="paper"), record_of(56, "A")]
        shown, said = experiments.to_show(records, mini, "quick")
        assert [r.scale for r in shown] == ["quick"] and "No run" not in said
        assert experiments.to_show(records[1:], mini, "paper")[0] == []
        with pytest.raises(InputError, match="scale must be"):
            experiments.to_show(records, mini, "papre")


def test_pre_activation_nets_have_their_twin_of_equal_cost(mini):
    found = [job.run for job in jobs(["pre_activation"], "quick", mini, 1)]
    pairs = [(found[i], found[i + 1]) for i in (0, 2)]
    for post, pre in pairs:
        assert replace(pre.net, activation="post") == post.net and pre.recipe == post.recipe
    assert [pre.net.depth for _, pre in pairs] == [110, 164]
    labels = {experiments.arm_of(run, "quick").label for run in found}
    assert labels == {
        "ResNet-110",
        "ResNet-110-pre-activation",
        "ResNet-164-bottleneck",
        "ResNet-164-bottleneck-pre-activation",
    }
