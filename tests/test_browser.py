"""The notebooks in a real JupyterLab and a real browser: they run, and every control moves.

Needs the package playwright and a Chromium; without them the tests skip and say so. Pictures of
the pages land in build/shots, or in the folder $RESNET_LAB_TEST_SHOTS.
"""

import re
from contextlib import ExitStack
from functools import cache

import jupytext
import pytest

from resnet_lab import notebooks

playwright = pytest.importorskip("playwright.sync_api", reason="pip install -e .[browser]")

from jupyter_in_chromium import (  # noqa: E402
    CHROMIUM,
    KERNEL,
    NAMELESS,
    RUN_ALL,
    SHUT,
    Control,
    Slider,
    chromium,
    controls,
    jupyter_lab,
    no_traceback,
    open_notebook,
    run_all,
    shot,
    until,
)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; name one in $CHROMIUM"),
]
STEMS = [source.stem for source in notebooks.sources()]
COMMS = {  # where callbacks run: JupyterLab's default beside a running cell, and behind it
    "beside cells": {},
    "behind cells": {KERNEL: {"commsOverSubshells": "disabled"}},
}
DRAWN = 20

# A small chapter: equal figures drawn by a cell while its slider moves, and the live panel.
MINI = f"""
# %%
# %matplotlib inline
import time

from IPython.display import display

from resnet_lab import data, figures, live_widgets, widgets


def picture(number):
    figure, (ax,) = figures.sheet(1, width=4, height=2)
    ax.plot([0, number], [0, 1])
    ax.set_title(f"number {{number}}")
    return figure


explorer = widgets.draw(picture, number=widgets.depth_slider(range(8), 3))
explorer

# %%
panel = live_widgets.LivePanel(data.load(name="embedded"), (), [(8, "plain"), (8, "residual")])
panel

# %%
for number in range({DRAWN}):
    display(picture(5))
    time.sleep(0.2)
"""


@pytest.fixture(scope="module")
def engine():
    with playwright.sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Notebooks that were never run."""
    folder = tmp_path_factory.mktemp("root")
    header = notebooks.sources()[0].read_text(encoding="utf-8").partition("# %%")[0]
    sources = {source.stem: source.read_text(encoding="utf-8") for source in notebooks.sources()}
    sources["mini"] = header + MINI
    for stem, text in sources.items():
        fast = text.replace("fast = False", "fast = True")
        jupytext.write(jupytext.reads(fast, fmt="py:percent"), folder / f"{stem}.ipynb")
    return folder


@pytest.fixture(scope="module")
def labs(root, tmp_path_factory, engine):
    """A function: the setting of COMMS -> a page, and what gives notebooks' addresses."""
    with ExitStack() as open_ones:

        @cache
        def lab(comms: str):
            home = tmp_path_factory.mktemp("lab")
            address = open_ones.enter_context(jupyter_lab(home, root, COMMS[comms]))
            return open_ones.enter_context(chromium(home, engine)), address

        yield lab


@pytest.fixture
def lab(labs, request):
    """JupyterLab as it is by default, or with the setting that the test names; kernels end."""
    page, address = labs(getattr(request, "param", "beside cells"))
    yield page, address
    page.evaluate(SHUT)


both = pytest.mark.parametrize("lab", COMMS, indirect=True)


@pytest.mark.parametrize("stem", STEMS)
def test_a_notebook_runs_and_every_control_moves_its_picture_there_and_back(lab, stem):
    page, address = lab
    open_notebook(page, address(f"doc/tree/{stem}.ipynb"))
    run_all(page)
    found = controls(page)
    assert found, "the notebook has no control"
    assert page.evaluate(NAMELESS) == [], "a screen reader has no word for it"
    for number, control in enumerate(found):
        control.box.scroll_into_view_if_needed()
        control.move()
        control.place.scroll_into_view_if_needed()
        shot(page, f"{stem}_{number:02d}_{control.name}")
    click_blocks(page, stem)
    if stem == "10_why_it_works":  # JupyterLab draws the chart without asking a kernel
        assert page.locator(".vega-embed canvas, .vega-embed svg").count()
    if page.locator(".lab-live").count():
        train_a_little(page, stem)
    no_traceback(page)


def click_blocks(page, stem: str) -> None:
    """Take a block away with the keyboard and put it back with the mouse, where there are any."""
    if not page.locator(".lab-block").count():
        return
    block, last = page.locator(".lab-block").first, page.locator(".lab-block").last
    place = page.locator(".lab-lesion")
    net = Control(page, page.locator(".lab-net").last, place)
    whole = net.shown()
    block.focus()
    block.press("Space")
    net.other(whole)
    shot(page, f"{stem}_blocks")
    block.click()
    net.back(whole)
    now = whole
    for button in (block, last):
        button.click()
        now = net.other(now)
    page.locator(".lab-back").click()
    net.back(whole)


def status(page) -> str:
    return page.locator(".lab-status").first.inner_text()


def says(page, pattern: str, seconds: float = 90) -> str:
    """The line of the live panel, once it fits."""

    def fits() -> str | None:
        words = status(page)
        return words if re.search(pattern, words) else None

    return until(page, fits, f"never {pattern!r}, but {status(page)!r}", seconds)


def press(page, name: str, key: str = "") -> None:
    """A button of the live panel: by mouse, or by `key`."""
    button = page.locator(f".lab-live .lab-{name}")
    until(page, button.is_enabled, f"{name} cannot be pressed")
    if key:
        button.focus()
        button.press(key)
    else:
        button.click()


def train_a_little(page, stem: str) -> None:
    """Start, some updates with a picture of them, stop: what was trained stays."""
    page.locator(".lab-live").scroll_into_view_if_needed()
    press(page, "start", "Enter")
    says(page, r"update [1-9]\d of")
    shot(page, f"{stem}_live")
    press(page, "stop")
    says(page, "Stopped: .* after")
    assert page.locator(".lab-table td").count() >= 4


def open_mini(page, address) -> None:
    open_notebook(page, address("doc/tree/mini.ipynb"))


@both
def test_a_slider_moved_while_a_cell_runs_corrupts_no_figure(lab):
    page, address = lab
    open_mini(page, address)
    page.evaluate(f"() => {{ ({RUN_ALL})(); }}")  # not waited for
    slider = page.locator(".lab-depth").first.get_by_role("slider")
    slider.wait_for(timeout=60_000)
    drawn = page.locator(".jp-Cell").last.locator(".jp-OutputArea-output img")
    until(page, drawn.count, "the last cell draws nothing", 60)
    slider.focus()
    for step in range(12):
        slider.press(("ArrowRight", "ArrowLeft")[step // 3 % 2])
        page.wait_for_timeout(80)
    moved = drawn.count()
    until(page, lambda: drawn.count() == DRAWN, f"only {drawn.count()} pictures", 60)
    assert moved < DRAWN, "the slider was to be moved while the cell runs"
    assert len(set(drawn.evaluate_all("es => es.map(e => e.src)"))) == 1
    explorer = Slider(page, page.locator(".lab-depth").first, page.locator(".lab-output").first)
    explorer.rested()
    explorer.move()
    no_traceback(page)


@both
def test_nets_are_trained_live_paused_gone_on_with_and_stopped(lab):
    page, address = lab
    open_mini(page, address)
    run_all(page)
    live = page.locator(".lab-live")
    live.scroll_into_view_if_needed()
    place = page.locator(".lab-output").first
    explorer = Slider(page, page.locator(".lab-depth").first, place)
    assert re.search("plain-8, seed 0, ResNet-8, seed 0", status(page))
    seeds = live.locator(".lab-seed").get_by_role("slider")
    seeds.focus()
    seeds.press("End")
    seeds.press("Tab")
    press(page, "add", "Space")
    says(page, "plain-20, seed 4")
    press(page, "start", "Enter")
    says(page, r"plain-8, seed 0: update [1-9].*learning rate 0.01.*updates/s.*left")
    explorer.move()  # while a net is trained
    press(page, "pause")
    paused = says(page, "^Paused")
    page.wait_for_timeout(1_000)
    assert status(page) == paused, "no update in a pause"
    explorer.move()
    picture = live.locator("img.lab-picture, .lab-picture img").first.get_attribute("src")
    press(page, "go-on", "Enter")
    says(page, r"ResNet-8, seed 0: update [1-9]", 120)
    shot(page, "mini_live")
    press(page, "stop", "Enter")
    says(page, "Stopped: ResNet-8")
    assert live.locator("img").first.get_attribute("src") != picture
    rows = live.locator(".lab-table tr").all_inner_texts()
    assert len(rows) == 3 and rows[1].startswith("plain-8, seed 0")
    explorer.move()
    press(page, "clear")
    says(page, "The list is empty")
    no_traceback(page)


def test_an_error_in_the_thread_is_said_in_the_panel_and_a_new_panel_ends_the_old(lab):
    page, address = lab
    open_mini(page, address)
    run_all(page)
    page.locator(".lab-live").scroll_into_view_if_needed()
    press(page, "start")
    says(page, r"update [1-9]")
    page.evaluate(RUN_ALL)  # the panel's cell, too
    assert re.search("Ready", status(page)), "the new panel waits"
    rows = page.locator(".lab-table tr").all_inner_texts()
    assert any("plain-8" in row for row in rows), "what the old one trained is kept"
    no_traceback(page)
