"""Claims of Section 4.2 about recipe and parameter counts: ours against what is printed.

Paper: Section 4.2; Table 6.
Notebook: notebooks/00_start_here.py. Tests: tests/test_claims.py.
"""

import torch
from torch import Tensor, nn

from resnet_lab import cost, paper, train
from resnet_lab.claims.nets import weightless
from resnet_lab.claims.row import Row, fact
from resnet_lab.recipe import WARM_UP_ERROR, WARM_UP_LR, Recipe, lr_at
from resnet_lab.resnet import cifar


def as_printed(count: int, printed: str) -> str:
    """`count` in millions with as many decimals as `printed` has: "0.27M"."""
    return f"{count / 1e6:.{len(printed.rstrip('M').partition('.')[2])}f}M"


class Views(nn.Module):
    """Stands in for a net and keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.shown.append(x)
        return torch.zeros(len(x), 10)


def view_in_test() -> str:
    """What the test error shows a net of an image: "single view of the original 32x32 image"."""
    images = torch.arange(2 * 3 * 32 * 32).remainder(256).to(torch.uint8).view(2, 3, 32, 32)
    net = Views()
    train.error(net, images, torch.zeros(2, dtype=torch.long), torch.zeros(3, 32, 32))
    shown = torch.cat(net.shown)
    views = "single view" if len(shown) == len(images) else f"{len(shown) / len(images):g} views"
    original = torch.equal(shown[: len(images)], images / 255)
    height, width = shown.shape[2:]
    return f"{views} of the {'original' if original else 'changed'} {height}x{width} image"


def ours_and_printed() -> tuple[dict[str, object], dict[str, object]]:
    """The defaults of Recipe, and what the paper says of each."""
    recipe, at = Recipe(), "recipes.cifar10"
    ours = {
        "lr": recipe.lr,
        "drops": list(recipe.drops),
        "updates": recipe.steps,
        "batch": recipe.batch,
        "momentum": recipe.momentum,
        "weight decay": recipe.weight_decay,
        "padding": recipe.pad,
        "flip": recipe.flip,
        "test": view_in_test(),
        "warm-up lr": WARM_UP_LR,
        "warm-up until": WARM_UP_ERROR,
    }
    names = ("lr_start", "lr_drops", "iterations", "batch_size", "momentum", "weight_decay")
    said = dict(zip(ours, (paper.value(f"{at}.{name}") for name in names), strict=False))
    said["padding"] = paper.number(f"{at}.augmentation", after="pad")
    said["flip"] = "horizontal flip" in paper.value(f"{at}.augmentation")
    said["test"] = paper.value(f"{at}.test")
    said["warm-up lr"] = paper.number(f"{at}.warm_up_110", after="learning rate")
    said["warm-up until"] = paper.number(f"{at}.warm_up_110", after="error is below")
    return ours, said


def section_4_2_recipe() -> list[Row]:
    """The defaults of Recipe, and the test, against the paper's recipe."""
    recipe = Recipe()
    ours, said = ours_and_printed()
    rates = [lr_at(step, recipe) / recipe.lr for step in (0, *recipe.drops)]
    tenths = all(abs(rate * 10**i - 1) < 1e-9 for i, rate in enumerate(rates))

    def text(values: dict[str, object]) -> str:
        return ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
            for name, value in values.items()
        )

    return [
        fact(
            "4.2-recipe",
            "Section 4.2",
            "Our default recipe and test are the paper's; each drop divides the learning rate by "
            "10.",
            paper=text(said),
            ours=text(ours),
            holds=ours == said and tenths,
        )
    ]


def parameters_of_110() -> list[Row]:
    """ResNet-110 beside the other deep and thin nets."""
    count = cost.parameters(weightless(cifar(110)))
    rows = []
    for id, name in (
        ("fitnet_19", "FitNet"),
        ("highway_19", "the 19-layer Highway net"),
        ("highway_32", "the 32-layer Highway net"),
    ):
        printed = paper.value(f"tables.table6.{id}.params")
        fewer = count < paper.number(f"tables.table6.{id}.params")
        resnet = paper.value("tables.table6.resnet_110.params")
        rows.append(
            fact(
                f"4.2-110-fewer-parameters-than-{id.replace('_', '-')}",
                "Section 4.2; Table 6",
                f"ResNet-110 has fewer parameters than {name}.",
                paper=paper.value("statements.resnet110_params"),
                ours=f"{as_printed(count, resnet)} against {printed}",
                holds=fewer,
                why="" if fewer else f"Table 6 itself prints {resnet} against {printed}",
            )
        )
    return rows


def parameters_of_table_6() -> list[Row]:
    """Every parameter count of Table 6, rounded as it is printed."""
    rows = []
    for depth in paper.value("architecture.cifar.residual_depths"):
        printed = paper.value(f"tables.table6.resnet_{depth}.params")
        count = cost.parameters(weightless(cifar(depth)))
        rows.append(
            fact(
                f"4.2-resnet-{depth}-parameters",
                "Section 4.2; Table 6",
                f"ResNet-{depth} has {printed} parameters.",
                paper=printed,
                ours=as_printed(count, printed),
                holds=as_printed(count, printed) == printed,
                why=f"{count:,} exactly",
            )
        )
    return rows
