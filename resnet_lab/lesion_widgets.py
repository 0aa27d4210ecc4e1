"""Buttons over the blocks of a trained net: click them away, and the error follows.

Paper: Section 4.2 (the CIFAR nets); the lesions are those of Veit et al. 2016.
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_lesion_widgets.py.
"""

import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path

import ipywidgets

from resnet_lab import data, pictures, records, spoken, widgets
from resnet_lab.errors import InputError
from resnet_lab.lesion_explore import Patient, view
from resnet_lab.records import Record


class BlockClicker(ipywidgets.VBox):
    """A choice of nets, a toggle button for each block, and the error on a fixed sample.

    A pressed button is a block left out. Buttons are reached with Tab and pressed with Space.

    Raises: InputError if there is no record to choose.
    """

    def __init__(
        self,
        recorded: Sequence[Record],
        dataset: data.Dataset,
        folders: Sequence[Path] = (records.SHIPPED,),
    ) -> None:
        if not recorded:
            raise InputError("no trained net is here: `resnet-lab reproduce` trains some")
        self.patient_of = cache(lambda number: Patient(recorded[number], dataset, folders))
        self.turn = threading.Lock()
        self.shown = lru_cache(maxsize=widgets.KEPT)(
            lambda number, *removed: pictures.outputs_of(view(self.patient_of(number), removed))
        )
        names = [f"{r.net}, seed {r.run.recipe.seed}" for r in recorded]
        self.choice = ipywidgets.Dropdown(
            options=[(name, number) for number, name in enumerate(names)], description="net"
        )
        self.choice.add_class("lab-net")
        self.back = ipywidgets.Button(description="all back", tooltip="put every block back")
        self.back.add_class("lab-back")
        self.output = ipywidgets.Output()
        self.output.add_class("lab-lesion")
        self.rows = ipywidgets.VBox()
        self.buttons: list[ipywidgets.ToggleButton] = []
        self.choice.observe(lambda change: self.admit(), "value")
        self.back.on_click(lambda button: self.put_back())
        top = ipywidgets.HBox([self.choice, self.back])
        super().__init__([top, self.rows, self.output, spoken.names()])
        self.admit()

    @property
    def removed(self) -> list[str]:
        """Names of the blocks whose buttons are pressed."""
        return [button.description for button in self.buttons if button.value]

    def admit(self) -> None:
        """Lay out the buttons of the chosen net, none pressed."""
        self.buttons = [button_of(name) for name in self.patient_of(self.choice.value).blocks]
        for button in self.buttons:
            button.observe(lambda change: self.draw(), "value")
        stages = groupby(self.buttons, key=lambda button: button.description.split(".")[0])
        self.rows.children = [
            ipywidgets.HBox(
                [ipywidgets.Label(f"stage {stage}", layout={"width": "4em"}), *buttons],
                layout={"flex_flow": "row wrap"},
            )
            for stage, buttons in stages
        ]
        self.draw()

    def put_back(self) -> None:
        """Release every button, and draw once."""
        pressed = [button for button in self.buttons if button.value]
        for button in pressed[1:]:
            button.unobserve_all("value")
            button.value = False
            button.observe(lambda change: self.draw(), "value")
        for button in pressed[:1]:
            button.value = False

    def draw(self) -> None:
        """Show the error with the buttons as they are."""
        with self.turn:  # two quick clicks are answered on two threads
            shown = self.shown(self.choice.value, *self.removed)
            pictures.put(self.output, shown)


def button_of(name: str) -> ipywidgets.ToggleButton:
    """The button of the block "stage.block"."""
    stage, block = name.split(".")
    button = ipywidgets.ToggleButton(
        description=name,
        tooltip=f"leave out block {block} of stage {stage}",
        layout={"width": "3.6em"},
    )
    button.add_class("lab-block")
    return button
