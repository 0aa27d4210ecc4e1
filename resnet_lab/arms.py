"""What an experiment compares: nets, at a scale, each with its recipe.

Paper: Section 4.2; footnotes 3 and 5.
Notebook: notebooks/05_cifar.py. Tests: tests/test_experiments.py.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from resnet_lab.blocks import Activation, Shortcut
from resnet_lab.errors import InputError
from resnet_lab.recipe import Recipe
from resnet_lab.records import Record
from resnet_lab.resnet import ResNetConfig, cifar
from resnet_lab.runs import Run

QUICK_WIDTH, QUICK_SIZE = 8, 16  # a sixteenth of the paper's cost per image

# what an arm may change in the recipe of its scale
VARIANTS: dict[str, Callable[[Recipe], Recipe]] = {
    "": lambda recipe: recipe,
    # footnote 5
    "no warm-up": lambda recipe: replace(recipe, warm_up=False, warm_up_steps=0),
    # footnote 3: "more training iterations (3x)"
    "3x longer": lambda recipe: replace(
        recipe, steps=3 * recipe.steps, drops=tuple(3 * drop for drop in recipe.drops)
    ),
}


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One side of a comparison: a net, and what is changed in the recipe of its scale."""

    depth: int
    shortcut: Shortcut = "A"
    bottleneck: bool = False
    activation: Activation = "post"
    variant: str = ""  # a key of VARIANTS

    def net(self, scale: str) -> ResNetConfig:
        """The arm's net: thin at quick scale. Raises: InputError for a depth that is none."""
        return net_at(scale, self.depth, self.shortcut, self.bottleneck, self.activation)

    @property
    def label(self) -> str:
        """The paper's name of the net and what is not the paper's: "ResNet-110, no warm-up"."""
        return self.net("paper").name + (self.variant and f", {self.variant}")

    @property
    def order(self) -> tuple:
        """Cheap nets first, a plain net just before its residual twin."""
        return (
            self.depth,
            self.bottleneck,
            self.variant,
            self.activation == "pre",
            self.shortcut != "none",
            self.shortcut,
        )


def nets(*, plain: tuple[int, ...] = (), residual: tuple[int, ...] = ()) -> tuple[Arm, ...]:
    """The paper's CIFAR nets of these depths, plain ones first."""
    without = tuple(Arm(depth=depth, shortcut="none") for depth in plain)
    return without + tuple(Arm(depth=depth) for depth in residual)


def net_at(
    scale: str,
    depth: int,
    shortcut: Shortcut,
    bottleneck: bool = False,
    activation: Activation = "post",
) -> ResNetConfig:
    """The net of Section 4.2, or its thin twin at quick scale. Raises: InputError, ValueError."""
    return cifar(
        depth,
        shortcut=shortcut,
        bottleneck=bottleneck,
        width=QUICK_WIDTH if scale == "quick" else 16,
        activation=activation,
    )


def recipe_at(scale: str, depth: int, seed: int = 0) -> Recipe:
    """How a net of `depth` layers is trained at `scale`; at paper scale exactly as in Section 4.2.

    The paper warms up its 110-layer residual net. We give the plain twin the same start, so that
    the pair differs in nothing but its shortcuts, and the 1202-layer net too: the paper says
    it is "trained as described above".

    Quick scale starts every net with the same 100 updates at 0.01: a rate that is too large at
    first costs some epochs (footnote 5), and there are only a few. The number is fixed, so that
    all nets have the same rate at every update. So few passes need no crops, only flips.

    Raises: InputError for an unknown scale.
    """
    if scale == "paper":
        return Recipe(warm_up=depth >= 110, seed=seed)
    if scale == "quick":
        return Recipe(
            steps=1_200,
            drops=(1_000,),
            warm_up_steps=100,
            pad=0,
            log_every=50,
            test_every=200,
            seed=seed,
        )
    raise InputError(f"scale must be quick or paper, got {scale!r}")


def recipe_of(arm: Arm, scale: str, seed: int = 0) -> Recipe:
    """How `arm` is trained at `scale`. Raises: InputError for an unknown scale."""
    return VARIANTS[arm.variant](recipe_at(scale, arm.depth, seed))


def arm_of(run: Run, scale: str) -> Arm | None:
    """The arm that `run` is at `scale`, on whatever images; None if it is none.

    Results of an older recipe must not be averaged with those of today.
    """
    net, images = run.net, run.images
    size = QUICK_SIZE if scale == "quick" else 32
    layers = 9 if net.bottleneck else 6
    if (net.depth - 2) % layers or images.held_out or images.size != size:
        return None
    whole = Arm(
        depth=net.depth,
        shortcut=net.shortcut,
        bottleneck=net.bottleneck,
        activation=net.activation,
    )
    if net != whole.net(scale):
        return None
    for variant in VARIANTS:
        arm = replace(whole, variant=variant)
        if replace(run.recipe, seed=0) == recipe_of(arm, scale):
            return arm
    return None


def label_of(record: Record) -> str:
    """What a figure or table calls the net of `record`: its arm's label, else the net's own name.

    Two records of one scale with the same label differ in nothing but their images and seeds,
    unless the scale is "own".
    """
    arm = arm_of(record.run, record.scale) if record.scale in ("quick", "paper") else None
    return arm.label if arm else record.run.net.name


def select(records: Iterable[Record], *, label: str, scale: str, images: str) -> list[Record]:
    """The runs of one arm at one scale on one image set, in the order of their seeds."""
    chosen = [
        record
        for record in records
        if record.scale == scale and record.run.images.name == images and label_of(record) == label
    ]
    return sorted(chosen, key=lambda record: record.run.recipe.seed)
