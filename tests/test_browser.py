"""The notebooks in a real JupyterLab and a real browser: they run, and their sliders move.

Needs the package playwright and a Chromium; without them the tests skip and say so.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import jupytext
import pytest

from resnet_lab import notebooks

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
playwright = pytest.importorskip("playwright.sync_api", reason="pip install -e .[browser]")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; name one in $CHROMIUM"),
]
SHOTS = os.environ.get("RESNET_LAB_TEST_SHOTS")  # a folder, to look at the pages afterwards
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
IDLE = """() => document.querySelector('.jp-Dialog') ||
    window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"""
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
ERRORS = """() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells.flatMap(
    (c, i) => (c.outputs || []).filter(o => o.output_type === 'error')
        .map(o => `${i}: ${o.evalue}`))"""
TOO_WIDE = """() => [...document.querySelectorAll('.jp-OutputArea-output, .jp-RenderedMarkdown')]
    .filter(e => e.scrollWidth > e.clientWidth + 2 && getComputedStyle(e).overflowX === 'visible')
    .map(e => e.innerText.slice(0, 60))"""


@contextmanager
def jupyter_lab(home: Path):
    """JupyterLab on `home`/root with nobody's configuration; gives a function path -> address."""
    settings = home / "config" / "labconfig"
    settings.mkdir(parents=True)
    (settings / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    folders = {
        name: str(home / name.lower())
        for name in ("JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "IPYTHONDIR")
    }
    words = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    words += ["--expose-app-in-browser", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"]
    words += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={home / 'root'}"]
    environment = os.environ | folders | {"JUPYTER_CONFIG_DIR": str(home / "config")}
    environment["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen(words, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}/{{}}?token={token}&reset"
            wait_for(address.format("api/status"), server, home / "lab.log")
            yield address.format
        finally:
            server.terminate()  # ends the kernels too
            server.wait(30)


def wait_for(address: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 90
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).read()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                pytest.fail(f"JupyterLab did not start: {log.read_text()[-2000:]}")
            time.sleep(0.3)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A page in the browser, and the function that gives notebooks' addresses."""
    home = tmp_path_factory.mktemp("lab")
    (home / "root" / "notebooks").mkdir(parents=True)
    for source in notebooks.sources():
        node = jupytext.read(source)
        jupytext.write(node, home / "root" / "notebooks" / f"{source.stem}.ipynb")
    with jupyter_lab(home) as address, playwright.sync_playwright() as engine:
        context = engine.chromium.launch_persistent_context(
            str(home / "profile"),
            executable_path=CHROMIUM,
            args=QUIET,
            viewport={"width": 1200, "height": 1000},
        )
        yield context.pages[0], address
        context.close()


def shot(page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


def open_and_run(page, address, stem: str) -> None:
    """Open a notebook and run all its cells; fails on a dialog, an error, or a wide output."""
    page.goto(address(f"doc/tree/notebooks/{stem}.ipynb"), timeout=120_000)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
    page.wait_for_function(IDLE, timeout=120_000)
    assert page.locator(".jp-Dialog").count() == 0
    page.set_default_timeout(400_000)
    page.evaluate(RUN_ALL)
    page.set_default_timeout(30_000)
    assert page.evaluate(ERRORS) == []
    assert page.evaluate(TOO_WIDE) == []


def outputs(page) -> list[str]:
    """What every explorer shows now: its text and the address of its picture."""
    return page.locator(".lab-output").evaluate_all(
        "es => es.map(e => e.innerText + [...e.querySelectorAll('img')].map(i => i.src).join())"
    )


def changed(page, number: int, before: str) -> str:
    """What explorer `number` shows when it differs from `before`."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        now = outputs(page)[number]
        if now and now != before:
            return now
        page.wait_for_timeout(100)
    pytest.fail(f"explorer {number} did not change; it shows {before[:200]!r}")


def moved_seeds(page, number: int, before: str) -> None:
    """One step on and back on the explorer's seed slider, where it has one."""
    row = page.locator(".lab-shortcut").nth(number).locator("xpath=..")
    seeds = row.locator(".lab-seed")
    if not seeds.count():
        return
    handle = seeds.get_by_role("slider")
    handle.focus()
    handle.press("ArrowRight")
    moved = changed(page, number, before)
    handle.press("ArrowLeft")
    assert changed(page, number, moved) == before, "the same seed must show the same"


def moved_crops(page, number: int, before: str) -> None:
    """One step on and back on the slider over crops that stands beside the one over scales."""
    handle = page.locator(".lab-crop").nth(number).get_by_role("slider")
    handle.focus()
    handle.press("ArrowRight")
    moved = changed(page, number, before)
    handle.press("ArrowLeft")
    assert changed(page, number, moved) == before, "the same crop must show the same"


def move_every_control(page, stem: str) -> None:
    """A step on each slider and back, then the toggle: every explorer must redraw each time."""
    shown = outputs(page)
    assert shown, "the notebook has no explorer"
    for number, before in enumerate(shown):
        handle = (
            page.locator(".lab-depth, .lab-option, .lab-side").nth(number).get_by_role("slider")
        )
        handle.scroll_into_view_if_needed()
        handle.focus()
        handle.press("ArrowLeft")
        moved = changed(page, number, before)
        handle.press("ArrowRight")
        assert changed(page, number, moved) == before, "the same value must show the same"
        if page.locator(".lab-crop").count():  # chapter 4 has two sliders and no toggle
            moved_crops(page, number, before)
            shot(page, f"{stem}_explorer{number}")
            continue
        moved_seeds(page, number, before)
        toggle = page.locator(".lab-shortcut, .lab-place").nth(number).locator("button")
        toggle.nth(1).click()
        switched = changed(page, number, before)
        assert "Traceback" not in switched
        page.locator(".lab-output").nth(number).scroll_into_view_if_needed()
        shot(page, f"{stem}_explorer{number}")


def settled(page, number: int, before: str) -> str:
    """What explorer `number` shows when it differs from `before` and has its words and picture."""
    while True:
        now = changed(page, number, before)
        page.wait_for_timeout(400)
        if now == outputs(page)[number] and "data:image" in now:
            return now


def move_by_keyboard(page, stem: str) -> None:
    """One step on each slider of a detector's explorer and back, then each button: all by keys."""
    shown = outputs(page)
    assert shown, "the notebook has no explorer"
    for number, before in enumerate(shown):
        row = page.locator(".lab-output").nth(number).locator("xpath=preceding-sibling::*[1]")
        row.scroll_into_view_if_needed()
        for handle in row.get_by_role("slider").all():
            handle.focus()
            last = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
            step, back = ("ArrowLeft", "ArrowRight") if last else ("ArrowRight", "ArrowLeft")
            handle.press(step)
            moved = settled(page, number, before)
            assert "Traceback" not in moved
            handle.press(back)
            assert settled(page, number, moved) == before, "the same value must show the same"
        for button in row.locator("button").all()[1:]:
            button.press("Enter")
            assert "Traceback" not in settled(page, number, before)
        shot(page, f"{stem}_explorer{number}")


def click_blocks(page, stem: str) -> None:
    """Take a block away with the keyboard and put it back with the mouse, where there are any."""
    block = page.locator(".lab-block").first
    if not block.count():
        return

    def shown(other: str | None = None) -> str:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            pictures = page.locator(".lab-lesion img").evaluate_all("es => es.map(e => e.src)")
            if pictures and pictures[-1] != other:
                return pictures[-1]
            page.wait_for_timeout(100)
        pytest.fail("a click on a block changed nothing")

    whole = shown()
    block.focus()
    block.press("Space")
    lesioned = shown(whole)
    shot(page, f"{stem}_blocks")
    block.click()
    assert shown(lesioned) == whole, "the net with every block back must show the same"


@pytest.mark.parametrize("stem", [source.stem for source in notebooks.sources()])
def test_a_notebook_runs_in_jupyterlab_and_its_sliders_move(lab, stem):
    page, address = lab
    open_and_run(page, address, stem)
    shot(page, f"{stem}_end")
    if stem >= "06":  # these name their controls in ways of their own
        move_by_keyboard(page, stem)
    else:
        move_every_control(page, stem)
    click_blocks(page, stem)
    if stem == "10_why_it_works":  # JupyterLab draws the chart without asking a kernel
        assert page.locator(".vega-embed canvas, .vega-embed svg").count()
    assert page.locator("text=Error displaying widget").count() == 0
