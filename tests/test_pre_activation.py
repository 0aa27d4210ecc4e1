"""Pre-activation nets: a chain of blocks is a sum, and the same layers cost the same."""

import pytest
import torch
import torch.nn.functional as F

from resnet_lab import (
    ResNet,
    arm_results,
    cifar,
    cost,
    data,
    imagenet,
    pre_activation,
    records,
)
from resnet_lab.blocks import Block
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe
from resnet_lab.runs import Images, Run, fields_of


def by_hand(net: ResNet, x):
    """The net written out in function calls, from He et al. 2016, Figures 1 and 4."""
    tensors = {name: value.double() for name, value in net.state_dict().items()}

    def norm(x, at):
        scale, offset, mean, var = (
            tensors[f"{at}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        return F.relu(F.batch_norm(x, mean, var, scale, offset))

    x = F.conv2d(x.double(), tensors["stem.0.weight"], padding=1)
    x = norm(x, "stem.1")  # "right after conv1 and before splitting into two paths"
    for s, stage in enumerate(net.stages):
        for b in range(len(stage)):
            at, stride = f"stages.{s}.{b}", 2 if s and not b else 1
            inner = x if (s, b) == (0, 0) else norm(x, f"{at}.before.0")
            y = F.conv2d(inner, tensors[f"{at}.residual.0.weight"], stride=stride, padding=1)
            y = norm(y, f"{at}.residual.1.0")
            y = F.conv2d(y, tensors[f"{at}.residual.2.weight"], padding=1)
            identity = x[:, :, ::stride, ::stride]
            new = (y.shape[1] - identity.shape[1]) // 2
            x = y + F.pad(identity, (0, 0, 0, 0, new, new))
    x = norm(x, "last.0").mean((2, 3))
    return F.linear(x, tensors["classifier.weight"], tensors["classifier.bias"])


def test_the_net_is_the_one_of_the_paper_written_out():
    torch.manual_seed(0)
    net = ResNet(cifar(20, width=4, activation="pre"))
    x = torch.randn(8, 3, 16, 16)
    net.train()(x)  # BN statistics other than 0 and 1
    with torch.no_grad():
        torch.testing.assert_close(net.eval()(x).double(), by_hand(net, x), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("depth", "bottleneck"), [(20, False), (110, False), (29, True)])
@pytest.mark.parametrize("shortcut", ["none", "A"])
def test_the_same_layers_have_the_same_parameters_and_cost(depth, bottleneck, shortcut):
    """Every BN moved one place; none came or went while the map keeps its channels."""
    nets = [
        ResNet(cifar(depth, bottleneck=bottleneck, shortcut=shortcut, activation=order))
        for order in ("post", "pre")
    ]
    post, pre = (cost.parameters(net) for net in nets)
    # BN of a block's first layer reads c_in, not the width; the last one of the net is new
    assert post == pre
    post, pre = (cost.multiply_adds(net, (3, 32, 32)) for net in nets)
    assert post == pre


def test_a_chain_of_blocks_is_the_input_plus_the_residuals():
    torch.manual_seed(0)
    blocks = [Block(8, 8, 1, activation="pre").eval() for _ in range(5)]
    x = torch.randn(2, 8, 6, 6)
    y, total = x, x
    with torch.no_grad():
        for block in blocks:
            total = total + block.residual(block.before(y))
            y = block(y)
    torch.testing.assert_close(y, total)
    assert (y < 0).any()  # no ReLU behind the addition


def test_the_gradient_reaches_the_first_block_undiminished():
    """Eqn. 5 of He et al. 2016: with residuals switched off the gradient is the identity."""
    blocks = torch.nn.Sequential(*[Block(4, 4, 1, activation="pre") for _ in range(50)])
    for block in blocks:
        torch.nn.init.zeros_(block.residual[-1].weight)
    x = torch.randn(2, 4, 5, 5, requires_grad=True)
    blocks(x).sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_a_projection_reads_the_activated_input_and_has_no_bn():
    block = Block(4, 8, 2, shortcut="B", activation="pre").eval()
    assert isinstance(block.shortcut, torch.nn.Conv2d)
    x = torch.randn(1, 4, 7, 7)
    with torch.no_grad():
        activated = block.before(x)
        assert torch.equal(block(x), block.residual(activated) + block.shortcut(activated))


def test_the_imagenet_net_runs_and_keeps_table_1s_shapes():
    from dataclasses import replace

    net = ResNet(replace(imagenet(50), activation="pre")).eval()
    with torch.no_grad():
        assert net.maps(torch.zeros(1, 3, 64, 64)).shape == (1, 2048, 2, 2)


def test_a_run_from_before_the_field_keeps_its_name():
    run = Run(net=cifar(20), recipe=Recipe(), images=Images())
    assert "activation" not in fields_of(run)["net"]
    pre = Run(net=cifar(20, activation="pre"), recipe=Recipe(), images=Images())
    assert fields_of(pre)["net"]["activation"] == "pre" and pre.hash != run.hash


def test_any_other_value_is_refused():
    with pytest.raises(InputError, match="post or pre, got 'both'"):
        cifar(20, activation="both")
    with pytest.raises(InputError, match="post or pre, got 'both'"):
        Block(4, 4, 1, activation="both")


def trained(order):
    torch.manual_seed(0)
    net = ResNet(cifar(32, width=4, activation=order))
    net.train()(torch.randn(16, 3, 16, 16))
    return net


def test_a_stage_of_the_new_order_is_a_sum_and_one_of_the_old_is_not():
    x = torch.randn(8, 3, 16, 16)
    for stage in range(3):
        pre = pre_activation.chain(trained("pre"), x, stage)
        assert pre.blocks == 4 and pre.difference < 1e-5 and pre.cut == 0
        post = pre_activation.chain(trained("post"), x, stage)
        assert post.difference > 0.05 and 0 < post.cut < 1


def test_looking_changes_no_mode_and_a_plain_net_is_refused():
    net = trained("pre")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    pre_activation.chain(net, torch.randn(2, 3, 8, 8))
    assert net.training and all(torch.equal(before[n], v) for n, v in net.state_dict().items())
    with pytest.raises(InputError, match="adds nothing"):
        pre_activation.chain(ResNet(cifar(8, shortcut="none")), torch.randn(2, 3, 8, 8))


@pytest.mark.parametrize("depth", [1, 10])
def test_with_zero_residuals_all_or_half_of_the_gradient_arrives(depth):
    """By hand: a ReLU passes the gradient where a Gaussian value is positive, and only there."""
    assert pre_activation.first_gradient("pre", depth) == 1
    assert pre_activation.first_gradient("post", depth) == pytest.approx(0.5, abs=0.05)


def test_the_figure_and_the_lines_name_what_was_not_run(mini):
    runs = arm_results.runs_of("pre_activation", [], mini)
    assert "not run" in pre_activation.orders(runs)
    assert pre_activation.figure(runs).startswith("Not run")
    assert [(a.depth, a.activation, b.activation) for a, b in pre_activation.pairs(runs)] == [
        (110, "post", "pre"),
        (164, "post", "pre"),
    ]


def test_the_figure_draws_every_run_and_says_how_many():
    recorded = records.load_all(records.SHIPPED)
    dataset = data.load(name="embedded")
    runs = arm_results.runs_of("pre_activation", recorded, dataset)
    sheet = pre_activation.figure(runs)
    texts = [text.get_text() for ax in sheet.axes for text in ax.texts]
    assert any(f"n={len(next(iter(runs.values())))}" in text for text in texts)


def test_the_table_has_a_row_for_every_stage():
    net, x = trained("pre"), torch.randn(4, 3, 16, 16)
    lines = pre_activation.table({"mine": net}, x).splitlines()
    assert len(lines) == 2 + 3 and all("| 4 | 0% | 0% |" in line for line in lines[2:])
