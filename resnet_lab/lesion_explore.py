"""What the buttons over blocks show: a trained net, a fixed sample, the error without some blocks.

Paper: Section 4.2 (the CIFAR nets); the lesions are those of Veit et al. 2016.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_lesion_explore.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from resnet_lab import data, experiments, figures, lesion, records, trained
from resnet_lab.batches import normalise
from resnet_lab.errors import InputError
from resnet_lab.lesion_figures import CHANCE
from resnet_lab.prepared import check_images
from resnet_lab.records import Record
from resnet_lab.style import Room
from resnet_lab.train import SingleView

SAMPLE = 300  # test images: half a second for 56 layers, a spread of 3 points


@lru_cache(maxsize=1)  # a second to compute, and the same for every net that a reader picks
def mean_of(dataset: data.Dataset, size: int) -> Tensor:
    """The mean training image at `size` x `size`. Shapes: -> float32 (3, size, size)."""
    return data.per_pixel_mean(data.shrink(dataset.train_images, size))


class Patient:
    """The net of a record with what goes into its blocks on the first `n` test images of its set.

    Raises: InputError if the weights are in none of `folders`, or `dataset` is another than the
    record's.
    """

    def __init__(
        self,
        record: Record,
        dataset: data.Dataset,
        folders: Sequence[Path] = (records.SHIPPED,),
        n: int = SAMPLE,
    ) -> None:
        check_images(record.run.images, dataset)
        size = record.run.images.size
        self.record, self.label = record, dataset.label
        self.net = trained.load(record, folders)
        self.labels = dataset.test_labels[:n]
        mean = mean_of(dataset, size)
        # all in one batch, as its inputs are computed
        self.view = SingleView(
            images=data.shrink(dataset.test_images[:n], size),
            labels=self.labels,
            mean=mean,
            batch=n,
        )
        self.inputs = lesion.Inputs(self.net, normalise(self.view.images, mean))

    def sample(self, n: int | None = None) -> SingleView:
        """The first `n` of the patient's images, None for all: call it with a net for its error."""
        view = self.view
        return replace(view, images=view.images[:n], labels=view.labels[:n])

    @property
    def name(self) -> str:
        """ "ResNet-56, seed 0"."""
        return f"{self.record.net}, seed {self.record.run.recipe.seed}"

    @property
    def blocks(self) -> list[str]:
        """Names of the blocks, "stage.block", both from 1."""
        counts = self.net.config.blocks
        return [f"{s}.{b}" for s, n in enumerate(counts, 1) for b in range(1, n + 1)]

    def error(self, removed: Iterable[str] = ()) -> float:
        """Error on the sample in percent without the blocks of these names.

        Raises: InputError for a name that no block has.
        """
        names = self.blocks
        unknown = [name for name in removed if name not in names]
        if unknown:
            raise InputError(
                f"{self.record.net} has no block {unknown[0]!r}; they are {names[0]} to {names[-1]}"
            )
        plan = lesion.without(self.net, [names.index(name) for name in removed])
        wrong = self.inputs.scores(plan).argmax(1) != self.labels
        return 100 * int(wrong.sum()) / len(self.labels)


def patients(
    recorded: Iterable[Record],
    dataset: data.Dataset,
    folders: Sequence[Path] = (records.SHIPPED,),
    depths: Sequence[int] = (20, 56),
) -> list[Record]:
    """Records on `dataset` whose weights are in `folders`: residual before plain, deep before not.

    Of the paper's nets at quick scale, with `depths` layers.
    """
    here = experiments.current(recorded, dataset)
    found = [r for r, _ in trained.with_weights(here, folders) if r.run.net.depth in depths]
    return sorted(found, key=lambda r: (r.net[0] == "p", -r.run.net.depth, r.run.recipe.seed))


def view(patient: Patient, removed: Sequence[str] = ()) -> Figure:
    """Two bars: the error of the whole net, and without the `removed` blocks; chance dotted.

    Units: errors in percent, on the patient's sample.
    """
    whole, now = patient.error(), patient.error(removed)
    figure, (ax,) = figures.sheet(
        1, width=7.2, height=1.7, room=Room(left=0.95, right=0.1, top=0.3)
    )
    colour = figures.colour(patient.record.net)
    ax.grid(visible=False)
    ax.barh([1, 0], [whole, now], color=["0.8", colour], height=0.7)
    for y, value in ((1, whole), (0, now)):
        ax.text(value + 1, y, f"{value:.1f} %", va="center", fontsize="small")
    ax.axvline(CHANCE, color="0.4", lw=0.8, ls=":")
    ax.set_yticks([1, 0], ["whole", f"without {len(removed)}"])
    ax.set(xlim=(0, 105), xlabel=f"error (%) on {len(patient.labels)} test images")
    gone = ", ".join(removed) if len(removed) <= 10 else f"{len(removed)} blocks"
    ax.set_title(
        f"{patient.name}, {patient.label}, reduced scale; left out: {gone or 'none'}",
        fontsize="small",
        color="0.35",
        y=1,
    )
    return figure
