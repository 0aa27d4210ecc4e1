"""The map is true: every header and the README name only files that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path
    for path in (ROOT / "resnet_lab").rglob("*.py")
    if "_notebooks" not in path.parts and path.name != "__init__.py"
)
README = ROOT / "README.md"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
class TestModule:
    def test_its_header_names_paper_notebook_and_tests(self, module):
        header = (ast.get_docstring(ast.parse(module.read_text())) or "").splitlines()
        assert len(header) >= 4 and header[0].endswith(".") and not header[1], header
        assert any(line.startswith("Paper:") for line in header[2:-1])
        assert re.search(r"Notebook: .*Tests: ", " ".join(header))

    def test_its_header_names_files_that_exist(self, module):
        header = ast.get_docstring(ast.parse(module.read_text())) or ""
        named = re.findall(r"(?:notebooks|tests|resnet_lab)/[\w/]+\.py", header)
        assert len(named) >= 2
        assert [name for name in named if not (ROOT / name).exists()] == []

    def test_it_is_short_and_named_for_what_it_does(self, module):
        lines = len(module.read_text().splitlines())
        assert lines <= 250
        assert module.stem not in ("utils", "common", "core", "helpers", "misc")


def test_the_readme_names_only_files_that_exist():
    text = re.sub(r"```.*?```", "", README.read_text(), flags=re.S)
    links = [address for address in re.findall(r"\]\(([^)#\s]+)", text) if "//" not in address]
    spans = re.findall(r"`((?:notebooks|tests|resnet_lab|figures)/[\w./-]+)`", text)
    named = {name.rstrip("/") for name in links + spans}
    assert named, "the README has no map"
    assert sorted(name for name in named if not (ROOT / name).exists()) == []
