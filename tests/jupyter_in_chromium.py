"""JupyterLab and Chromium for tests: one server, one page, and what a reader does there."""

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

import pytest

CHROMIUM = (
    os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
)
BUILD = Path(__file__).parents[1] / "build"
SHOTS = Path(os.environ.get("RESNET_LAB_TEST_SHOTS") or BUILD / "shots")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
QUIET += ["--disable-background-networking", "--disable-component-update"]
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
KERNEL = "@jupyterlab/apputils-extension:kernels-settings"
IDLE = """() => document.querySelector('.jp-Dialog') ||
    window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"""
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
ERRORS = """() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells.flatMap(
    (c, i) => (c.outputs || []).filter(o => o.output_type === 'error')
        .map(o => `${i}: ${o.evalue}`))"""
TOO_WIDE = """() => [...document.querySelectorAll(
        '.jp-OutputArea-output, .jp-RenderedMarkdown, .widget-box')]
    .filter(e => e.scrollWidth > e.clientWidth + 2 && getComputedStyle(e).overflowX === 'visible')
    .map(e => e.className + ': ' + e.innerText.slice(0, 60))"""
LOG = """() => window.jupyterapp.commands.execute('logconsole:open',
    {source: window.jupyterapp.shell.currentWidget.context.path})"""
SHUT = "() => window.jupyterapp.serviceManager.sessions.shutdownAll()"
NAMELESS = """() => [...document.querySelectorAll(
        '.widget-slider [role=slider], .widget-toggle-buttons, .widget-dropdown select')]
    .filter(e => !e.getAttribute('aria-label')).map(e => e.closest('.lm-Widget').className)"""


@contextmanager
def jupyter_lab(home: Path, root: Path, settings: dict | None = None):
    """JupyterLab on `root` with nobody's configuration; gives a function path -> address."""
    folder = home / "config" / "labconfig"
    folder.mkdir(parents=True)
    overrides = json.dumps(SETTINGS | (settings or {}))
    (folder / "default_setting_overrides.json").write_text(overrides)
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
    words += [f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"]
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


@contextmanager
def chromium(home: Path, engine):
    """A page of a browser that nobody has used before."""
    context = engine.chromium.launch_persistent_context(
        str(home / "profile"),
        executable_path=CHROMIUM,
        args=QUIET,
        viewport={"width": 900, "height": 1000},
    )
    yield context.pages[0]
    context.close()


def shot(page, name: str) -> None:
    """A picture of the page as it is, to be looked at."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=f"{SHOTS}/{name}.png")


def open_notebook(page, address: str) -> None:
    """Open it and wait for its kernel; fails on a dialog."""
    page.goto(address, timeout=120_000)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
    page.wait_for_function(IDLE, timeout=120_000)
    assert page.locator(".jp-Dialog").count() == 0


def run_all(page) -> None:
    """Run all cells; fails on an error or on an output wider than a small or a large page."""
    page.set_default_timeout(400_000)
    page.evaluate(RUN_ALL)
    page.set_default_timeout(30_000)
    assert page.evaluate(ERRORS) == []
    for width in (1600, 900):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(300)
        assert page.evaluate(TOO_WIDE) == [], f"at {width} pixels"


def no_traceback(page) -> None:
    """Neither in an output nor in the log console, where callbacks and threads complain."""
    assert page.evaluate(ERRORS) == []
    assert page.locator(".jp-OutputArea-output", has_text="Traceback").count() == 0
    page.evaluate(LOG)
    page.wait_for_selector(".jp-LogConsolePanel")
    page.wait_for_timeout(300)
    assert "Traceback" not in page.locator(".jp-LogConsolePanel").first.inner_text()
    assert page.locator("text=Error displaying widget").count() == 0


def until(page, found, what: str, seconds: float = 30):
    """What `found()` returns, as soon as it is neither None nor False."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (now := found()) not in (None, False):
            return now
        page.wait_for_timeout(60)
    shot(page, "failed")
    return pytest.fail(what)


SHOWN = "e => e.innerText + [...e.querySelectorAll('img')].map(i => i.src).join()"


class Control:
    """One control of an explorer, and what the explorer shows."""

    def __init__(self, page, box, place) -> None:
        self.page, self.box, self.place = page, box, place
        self.name = box.evaluate("e => e.className").split("lab-")[-1].split()[0]

    def shown(self) -> str:
        """Text and pictures of the explorer now."""
        return self.place.evaluate(SHOWN)

    def other(self, before: str) -> str:
        """What it shows once that is another thing than `before`, and stays."""

        def still() -> str | None:
            now = self.shown()
            if now == before or not now.strip():
                return None
            self.page.wait_for_timeout(120)
            return now if self.shown() == now else None

        return until(self.page, still, f"{self.name}: nothing changed; it shows {before[:150]!r}")

    def rested(self) -> None:
        """Wait until nothing has changed for two seconds: moves before may still be answered."""

        def same() -> bool:
            before = self.shown()
            self.page.wait_for_timeout(2_000)
            return self.shown() == before

        until(self.page, same, f"{self.name} does not come to rest")

    def back(self, before: str) -> None:
        """Wait until it shows again what it showed for the same values."""
        until(
            self.page,
            lambda: self.shown() == before,
            f"{self.name} did not come back to {before[:150]!r}... of {len(before)} characters",
        )


class Slider(Control):
    """Moved by keys to both ends, then with the mouse, and put back."""

    def move(self) -> None:
        handle = self.box.get_by_role("slider")
        low, high, at = (
            float(handle.get_attribute(f"aria-value{k}")) for k in ("min", "max", "now")
        )
        if low == high:
            return
        value, first = self.readout(), self.shown()
        ends = {}
        handle.focus()
        for key, end in (("Home", low), ("End", high)):
            before = ends.get("Home", first)
            handle.press(key)
            ends[key] = before if at == end and key == "Home" else self.other(before)
        assert ends["Home"] != ends["End"], f"{self.name}: both ends show the same"
        for part, end in ((0, "Home"), (1, "End")):
            self.click(part, low + part * (high - low))
            self.back(ends[end])
        self.to(value, (at - low) / (high - low), at)
        self.back(first)

    def click(self, part: float, end: float) -> None:
        """Click on the bar until the handle is there: it takes none while it still glides."""
        handle, base = self.box.get_by_role("slider"), self.box.locator(".noUi-base")
        size = base.bounding_box()
        x = min(max(part * size["width"], 0.2), size["width"] - 0.2)

        def there() -> bool:
            base.click(position={"x": x, "y": size["height"] / 2})
            self.page.wait_for_timeout(300)
            return abs(float(handle.get_attribute("aria-valuenow")) - end) <= 0.1

        until(self.page, there, f"{self.name}: clicks on the bar do not move it")

    def to(self, value: str, part: float, at: float) -> None:
        """A click where `value` is, then the steps that the mouse missed."""
        handle, base = self.box.get_by_role("slider"), self.box.locator(".noUi-base")
        size = base.bounding_box()
        x = min(max(part * size["width"], 0.2), size["width"] - 0.2)
        base.click(position={"x": x, "y": size["height"] / 2})
        for _ in range(60):
            self.page.wait_for_timeout(100)
            if self.readout() == value:
                return
            below = float(handle.get_attribute("aria-valuenow")) < at
            handle.press("ArrowRight" if below else "ArrowLeft")
        pytest.fail(f"{self.name} does not come to {value}")

    def readout(self) -> str:
        """The value that stands beside the slider."""
        return self.box.locator(".widget-readout").inner_text()


class Toggle(Control):
    """Every button by keys, then the first by mouse."""

    def move(self) -> None:
        buttons = self.box.locator("button").all()
        pressed = [b.get_attribute("aria-pressed") == "true" for b in buttons].index(True)
        first = now = self.shown()
        for button in [b for n, b in enumerate(buttons) if n != pressed]:
            button.focus()
            button.press("Enter")
            now = self.other(now)
            until(
                self.page,
                lambda b=button: b.get_attribute("aria-pressed") == "true",
                f"{self.name}: a pressed button does not say so",
            )
        buttons[pressed].click()
        self.back(first)


class Menu(Control):
    """The first and the last entry: by keys, and as the mouse chooses."""

    def move(self) -> None:
        menu = self.box.locator("select")
        first, value = self.shown(), menu.evaluate("e => e.selectedIndex")
        last = menu.evaluate("e => e.options.length") - 1
        if not last:
            return
        menu.focus()
        menu.press("Home" if value == last else "End")
        now = self.other(first)
        menu.select_option(index=value)
        self.back(first)
        menu.select_option(index=0 if value == last else last)
        self.back(now)
        menu.select_option(index=value)
        self.back(first)


KINDS = {"widget-slider": Slider, "widget-toggle-buttons": Toggle, "widget-dropdown": Menu}


def controls(page) -> list[Control]:
    """Every control that stands beside an output, whatever it is called."""
    found = []
    for place in page.locator(".lab-output").all():
        row = place.locator("xpath=preceding-sibling::*[1]")
        for box in row.locator("xpath=./*").all():
            classes = box.evaluate("e => [...e.classList]")
            (kind,) = [make for name, make in KINDS.items() if name in classes]
            found.append(kind(page, box, place))
    return found
