"""The committed .ipynb: small, complete, still pictures beside controls, nothing of one machine."""

import ast
import base64
import importlib
import inspect
import json
import re
import shutil
from pathlib import Path

import ipywidgets
import nbformat
import pytest

from resnet_lab import notebooks

FOLDER = Path(__file__).parent.parent / "notebooks"
SAVED = sorted(FOLDER.glob("[0-9]*.ipynb"))
CLOCK = re.compile(r"start_time|end_time|\bduration\b|papermill|\d(s|min)/it|it/s|\d\d:\d\d:\d\d")


def read(path: Path):
    return nbformat.read(path, as_version=4)


def code(path: Path) -> list:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def imported(cells: list) -> dict[str, object]:
    """What the names of the notebook mean that come from the package's modules of widgets."""
    found: dict[str, object] = {}
    for cell in cells:
        for node in ast.walk(ast.parse(re.sub(r"^%.*$", "", cell.source, flags=re.M))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("resnet_lab"):
                module = importlib.import_module(node.module)
                for name in node.names:
                    value = getattr(module, name.name, None)
                    if value is None:
                        value = importlib.import_module(f"{node.module}.{name.name}")
                    found[name.asname or name.name] = value
    return found


def is_control(call: ast.Call, names: dict[str, object]) -> bool:
    """Whether a call makes a widget, by what the function says it returns."""
    target = call.func
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
        function = getattr(names.get(target.value.id), target.attr, None)
    else:
        function = names.get(getattr(target, "id", ""))
    if inspect.isclass(function):
        return issubclass(function, ipywidgets.Widget)
    returns = str(getattr(function, "__annotations__", {}).get("return", ""))
    return "ipywidgets" in returns or "widgets." in returns


def controls(path: Path) -> list[int]:
    """Places, among all cells, of those that show a control."""
    names = imported(code(path))
    return [
        k
        for k, cell in enumerate(read(path).cells)
        if cell.cell_type == "code"
        for node in ast.walk(ast.parse(re.sub(r"^%.*$", "", cell.source, flags=re.M)))
        if isinstance(node, ast.Call) and is_control(node, names)
    ]


def still(cell) -> bool:
    """Whether a code host shows something in the place of the control."""
    kinds = {kind for output in cell.get("outputs", []) for kind in output.get("data", {})}
    return bool(kinds & {"image/png", "text/markdown", "image/svg+xml"})


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
class TestSaved:
    def test_it_is_whole_valid_and_below_the_limit(self, path):
        assert path.stat().st_size <= notebooks.LIMIT == 500_000
        nbformat.validate(read(path))

    def test_it_is_what_a_build_writes_byte_for_byte(self, path):
        """Cleaning it again changes nothing: no hand, and no other program, has saved it."""
        again = nbformat.writes(notebooks.clean(read(path))) + "\n"
        assert again.encode() == path.read_bytes()

    def test_no_widget_is_left_that_a_code_host_would_refuse(self, path):
        """State that is missing stops the page; dead sliders would only mislead."""
        text = path.read_text(encoding="utf-8")
        assert "widgets" not in read(path).metadata
        assert "widget-state+json" not in text and "widget-view+json" not in text

    def test_beside_every_control_stands_something_still(self, path):
        """In the same section, not after it, so that the words around it stay true."""
        cells = read(path).cells
        for k in controls(path):
            opens = [i for i in range(k) if re.search(r"^#{1,3} ", cells[i].source, re.M)]
            assert any(still(cell) for cell in cells[opens[-1] : k + 1]), cells[k].source

    def test_no_clock_and_no_machine_has_left_a_trace(self, path):
        for cell in read(path).cells:
            assert set(cell.metadata) <= {"tags"} and cell.id
            assert not CLOCK.search(json.dumps(dict(cell.metadata)))
            for output in cell.get("outputs", []):
                about = output.get("metadata", {}).get("image/png", {})  # words for a screen reader
                assert set(output.get("metadata", {})) <= {"image/png"} and set(about) <= {"alt"}
                shown = output.get("data", {"text/plain": output.get("text", "")})
                words = json.dumps({k: v for k, v in shown.items() if "image" not in k})
                assert not CLOCK.search(words), words[:300]

    def test_pictures_are_pngs_of_a_page_s_width(self, path):
        for cell in code(path):
            for output in cell.outputs:
                picture = output.get("data", {}).get("image/png")
                if picture:
                    head = base64.b64decode(picture)[:24]
                    assert head.startswith(b"\x89PNG")
                    assert 100 <= int.from_bytes(head[16:20]) <= 1_300

    def test_each_section_that_shows_a_picture_has_asked_for_a_prediction(self, path):
        heading, asked = "", False
        for cell in read(path).cells:
            if "## Exercises" in cell.source and cell.cell_type == "markdown":
                break
            if cell.cell_type == "markdown":
                for part in re.split(r"^(?=#{1,3} )", cell.source, flags=re.M):
                    if part.startswith("#"):
                        heading, asked = part.splitlines()[0], False
                    asked = asked or "**Predict.**" in part
            drawn = [o for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
            assert not drawn or asked, f"no prediction before the picture of {heading!r}"

    @pytest.mark.slow
    def test_two_builds_are_the_same_bytes(self, path, tmp_path):
        """Run with RESNET_LAB_DATA at CIFAR-10, as the committed ones were built."""
        source = Path(shutil.copy(path.with_suffix(".py"), tmp_path))
        given = {"figure_folder": str(tmp_path / "figures")}
        first = notebooks.build(source, given).read_bytes()
        assert notebooks.build(source, given).read_bytes() == first


def test_a_control_is_known_by_what_its_function_returns():
    """The check above would pass with no control found: it finds those that there are."""
    found = {path.stem[:2]: len(controls(path)) for path in SAVED}
    assert all(count >= 1 for count in found.values()), found
    assert found["07"] >= 6
