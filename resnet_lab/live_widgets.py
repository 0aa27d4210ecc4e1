"""The panel that trains small nets beside the reader: controls, curves, a table that stays.

Paper: Section 4.2.
Notebook: notebooks/01_degradation.py, notebooks/05_cifar.py. Tests: tests/test_live_widgets.py.
"""

import html
import threading
import time
import weakref
from collections.abc import Callable, Sequence

import ipywidgets
from matplotlib.figure import Figure

from resnet_lab import data, live_figures, live_runs, pictures, spoken, widgets
from resnet_lab.arms import QUICK_WIDTH
from resnet_lab.errors import InputError
from resnet_lab.live import Course, Live, Task, Trainer
from resnet_lab.records import Record

PAUSE = 0.4  # seconds at least between two pictures: drawing must not slow the training
BUTTONS = {  # name -> what a reader hears and reads on hovering
    "Add": "put the chosen net on the list",
    "Start": "train the nets on the list, one after the other",
    "Pause": "rest before the next update",
    "Go on": "end the pause",
    "Stop": "end the training; its curves stay",
    "Clear": "forget all nets and curves",
}


class LivePanel(ipywidgets.VBox):
    """Choose small nets and train them in a thread, with curves drawn as they come.

    Nothing is trained before Start is pressed. `nets`: (depth, kind) or (depth, kind, seed) that
    are on the list from the first.
    A new panel stops the one before it, and takes over what that has trained.

    Raises: InputError for a net that there is not.
    """

    newest: "weakref.ref[LivePanel] | None" = None

    def __init__(
        self,
        dataset: data.Dataset,
        recorded: Sequence[Record] = (),
        nets: Sequence[tuple] = (),
        *,
        updates: int = 200,
        trainer: Trainer | None = None,
    ) -> None:
        self.dataset, self.recorded = dataset, recorded
        self.live = Live(trainer or live_runs.trainer_on(dataset), tell=self.tell)
        self.first = [
            live_runs.task_of(dataset, depth, kind, seed=seed[0] if seed else 0, updates=updates)
            for depth, kind, *seed in nets
        ]
        replaced = LivePanel.newest and LivePanel.newest()
        if replaced is not None:  # the cell was run again, or another one
            replaced.live.stop()
            replaced.live.wait(10)
            mine = replaced.dataset.content_hash == dataset.content_hash
            self.live.inherit(replaced.live.seen().courses if mine else ())
        LivePanel.newest = weakref.ref(self)
        for task in self.first:
            if task not in [course.task for course in self.live.courses]:
                self.live.add(task)
        self.choices = choices(updates)
        self.buttons = {name: self.button(name) for name in BUTTONS}
        self.status, self.table = ipywidgets.HTML(), ipywidgets.HTML()
        self.picture = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        self.status.add_class("lab-status")
        self.table.add_class("lab-table")
        self.picture.add_class("lab-picture")
        self.turn, self.drawn, self.said = threading.Lock(), float("-inf"), ""
        wrap = {"flex_flow": "row wrap"}
        rows = [
            ipywidgets.HBox(list(self.choices.values()), layout=wrap),
            ipywidgets.HBox(list(self.buttons.values()), layout=wrap),
        ]
        super().__init__([*rows, self.status, self.picture, self.table, spoken.names()])
        self.add_class("lab-live")
        self.refresh()

    def button(self, name: str) -> ipywidgets.Button:
        """The button of that name: it does what `Live` calls so, and says why it cannot."""
        made = ipywidgets.Button(description=name, tooltip=BUTTONS[name], layout={"width": "6.5em"})
        made.add_class(f"lab-{name.lower().replace(' ', '-')}")
        act: dict[str, Callable[[], None]] = {
            "Add": lambda: self.live.add(self.chosen()),
            "Start": self.start,
            "Pause": self.live.pause,
            "Go on": self.live.go_on,
            "Stop": self.live.stop,
            "Clear": self.live.clear,
        }

        def pressed(button: ipywidgets.Button) -> None:
            self.said = ""
            try:
                act[name]()
            except InputError as error:
                self.said = str(error)
            self.refresh()

        made.on_click(pressed)
        return made

    def chosen(self) -> Task:
        """The net that the controls name."""
        values = {name: control.value for name, control in self.choices.items()}
        return live_runs.task_of(self.dataset, **values)

    def start(self) -> None:
        """Train what is on the list, or the chosen net where the list is empty."""
        if not self.live.alive and not self.live.waiting:
            self.live.add(self.chosen())
        self.live.start()

    def tell(self) -> None:
        """From the thread: show what is new, the picture only now and then."""
        self.refresh(self.live.state == "running")

    def refresh(self, sparing: bool = False) -> None:
        """Show the state as it is now. With `sparing`, no picture so soon after the last."""
        with self.turn:
            seen = self.live.seen()
            busy = seen.state in ("running", "paused")
            on = {"Start": not busy, "Clear": not busy, "Stop": busy}
            on |= {"Pause": seen.state == "running", "Go on": seen.state == "paused"}
            for name, value in on.items():
                self.buttons[name].disabled = not value
            words = f"{self.said} " * bool(self.said) + live_figures.sentence(seen)
            self.status.value = f"<div role='status'>{html.escape(words)}</div>"
            self.table.value = live_figures.page(seen.courses)
            if sparing and time.monotonic() - self.drawn < PAUSE:
                return
            self.picture.value = pictures.png(self.trained())
            self.drawn = time.monotonic()

    def results(self) -> list[Course]:
        """What was trained here; as long as nothing was, the shipped runs of the first nets."""
        trained = [course for course in self.live.seen().courses if course.points]
        return trained or [
            live_runs.course_of(record)
            for task in self.first
            if (record := live_runs.shipped(self.recorded, task)) is not None
        ]

    def figure(self) -> Figure:
        """The curves of `results`, for a cell that keeps them."""
        if any(course.points for course in self.live.seen().courses):
            return self.trained()
        return live_figures.curves(self.results(), tested="on all test images; shipped runs")

    def trained(self) -> Figure:
        """The curves of what was trained here, over the shipped runs of the same nets."""
        courses = [course for course in self.live.seen().courses if course.points]
        found = [live_runs.shipped(self.recorded, course.task) for course in courses]
        beside = {n: live_runs.course_of(r) for n, r in enumerate(found) if r is not None}
        return live_figures.curves(courses, beside)

    def markdown(self) -> str:
        """The table of `results`, for a cell that keeps it."""
        trained = any(course.points for course in self.live.seen().courses)
        whose = "Trained here" if trained else "Nothing was trained here; these are shipped runs"
        return f"{whose}:\n\n{live_figures.markdown(self.results())}"

    def close(self) -> None:
        """Stop the training, and take the panel away."""
        self.live.stop()
        super().close()


def choices(updates: int) -> dict[str, ipywidgets.Widget]:
    """The controls that name a net, by what `live_runs.task_of` calls them."""
    made = {
        "depth": widgets.depth_slider(live_runs.DEPTHS, 20),
        "kind": widgets.shortcut_toggle(list(live_runs.KINDS)),
        "width": ipywidgets.SelectionSlider(options=live_runs.WIDTHS, value=QUICK_WIDTH),
        "seed": widgets.seed_slider(range(5)),
        "updates": ipywidgets.SelectionSlider(options=live_runs.UPDATES, value=updates),
    }
    for name in ("width", "updates"):
        made[name].description = name
        made[name].continuous_update = False
        made[name].add_class(f"lab-{name}")
    return made
