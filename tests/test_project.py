"""The tool files say one thing each, once, and the README keeps its promises."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from resnet_lab import records, tables

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_conda_installs_the_project_itself_so_that_dependencies_are_named_once():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    *conda, by_pip = environment["dependencies"]
    assert conda == [f"python{project['requires-python']}", "pip"]
    assert by_pip == {"pip": ["-e .[test]"]}
    assert "test" in project["optional-dependencies"]


def test_no_cpu_only_torch_is_pinned():
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert "torch>=2.11" in needs and "torchvision" in needs
    assert not [need for need in needs if "+cpu" in need or "index" in need]


@pytest.mark.parametrize("target", ["reproduce", "test", "lab"])
def test_the_readme_and_the_makefile_name_the_same_commands(target):
    assert f"`make {target}`" in README
    assert re.search(rf"^{target}: \.venv/ready$", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_ci_calls_the_readmes_test_command():
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("make test")
    assert "make test" in (ROOT / ".github/workflows/ci.yml").read_text()


def test_no_tracked_file_names_a_folder_of_somebodys_machine():
    pattern = re.compile(rb"/(home|Users|root|work)/[A-Za-z]")
    wrong = [path.name for path in tracked() if pattern.search(path.read_bytes())]
    assert [name for name in wrong if name != "test_notebooks.py"] == []


def test_no_tracked_file_is_large():
    assert [p.name for p in tracked() if p.stat().st_size > 1_000_000] == []


def test_the_readmes_table_is_made_from_the_records():
    """`resnet-lab figures readme` writes it; a changed record must change it."""
    _, _, rest = README.partition("<!-- table: quick -->\n")
    table, _, _ = rest.partition("<!-- end -->")
    assert table.strip() == tables.readme(records.load_all(records.SHIPPED)).strip()
