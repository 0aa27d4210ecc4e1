"""The tool files say one thing each, once, and the README keeps its promises."""

import ast
import re
import shutil
import subprocess
import tomllib
from fnmatch import fnmatchcase
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
    """But for the weights of 110 layers, which every lens looks at."""
    limit = {".safetensors": 2_000_000}
    assert [p.name for p in tracked() if p.stat().st_size > limit.get(p.suffix, 1_000_000)] == []


def test_the_readmes_table_is_made_from_the_records():
    """`resnet-lab figures readme` writes it; a changed record must change it."""
    _, _, rest = README.partition("<!-- table: quick -->\n")
    table, _, _ = rest.partition("<!-- end -->")
    assert table.strip() == tables.readme(records.load_all(records.SHIPPED)).strip()


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_wheel_takes_every_notebook_as_its_source_only():
    wheel = project()["tool"]["hatch"]["build"]["targets"]["wheel"]
    taken = [
        path.name
        for path in (ROOT / "notebooks").iterdir()
        if any(fnmatchcase(f"/notebooks/{path.name}", pattern) for pattern in wheel["include"])
    ]
    sources = [path.name for path in (ROOT / "notebooks").glob("[0-9]*.py")]
    assert sources and set(sources) <= set(taken)
    assert {Path(name).suffix for name in taken} == {".py"}
    assert wheel["sources"] == {"notebooks": "resnet_lab/_notebooks"}
    assert "/resnet_lab/" in wheel["include"]


def test_one_ruff_decides_about_format():
    (ruff,) = [
        need for need in project()["project"]["optional-dependencies"]["test"] if "ruff" in need
    ]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [f"ruff=={repo['rev'].removeprefix('v')}" for repo in hooks["repos"]] == [ruff]


def test_only_folders_at_the_top_are_ignored_by_a_plain_name():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"/build/", "/dist/", "/out/", "/data/"} <= set(ignored)
    assert not {"build/", "dist/", "out/", "data/"} & set(ignored)


def test_ci_also_runs_without_make_elsewhere_and_on_the_oldest_torch():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]
    plain = [step["run"] for step in jobs["without-make"]["steps"] if "run" in step]
    assert all(command in README for command in plain) and len(plain) == 2
    systems = jobs["without-make"]["strategy"]["matrix"]["os"]
    assert systems == ["windows-latest", "macos-latest"]
    (floor,) = [need for need in project()["project"]["dependencies"] if need.startswith("torch>")]
    install = jobs["oldest-torch"]["steps"][-2]["run"]
    assert f'"torch=={floor.removeprefix("torch>=")}.*"' in install


def test_the_pages_are_built_by_the_command_and_may_do_nothing_else():
    text = (ROOT / ".github/workflows/pages.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    assert "permissions" not in jobs["build"]
    assert jobs["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert "resnet-lab book --out site" in [step.get("run") for step in jobs["build"]["steps"]]
    used = re.findall(r"uses: (\S+)", text)
    assert used and all(re.fullmatch(r"actions/[\w-]+@v\d+", name) for name in used)


def unencoded(source: Path) -> list[int]:
    """Lines that read or write text in whatever encoding the machine happens to have."""
    lines = []
    for call in ast.walk(ast.parse(source.read_bytes())):
        if not isinstance(call, ast.Call):
            continue
        name = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
        module = getattr(getattr(call.func, "value", None), "id", "")
        if name not in ("open", "read_text", "write_text") or module in ("tarfile", "Image"):
            continue
        values = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
        modes = [value.value for value in values if isinstance(value, ast.Constant)]
        binary = name == "open" and any("b" in mode for mode in modes if isinstance(mode, str))
        if not binary and "encoding" not in [word.arg for word in call.keywords]:
            lines.append(call.lineno)
    return lines


def test_text_is_read_and_written_as_utf_8_on_every_machine(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_bytes(b"open(p)\nopen(p, 'rb')\np.read_text()\np.write_text(t, encoding='x')\n")
    assert unencoded(wrong) == [1, 3]
    found = {path.name: unencoded(path) for path in (ROOT / "resnet_lab").rglob("*.py")}
    assert {name: lines for name, lines in found.items() if lines} == {}


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
class TestMakefile:
    """With programs that only pretend to be Python."""

    @pytest.fixture
    def make(self, tmp_path):
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, tmp_path)
        programs = tmp_path / "programs"
        programs.mkdir()
        for name in ("sh", "bash", "touch", "rm"):
            if found := shutil.which(name):
                (programs / name).symlink_to(found)

        def run(pythons: dict[str, str], *words: str) -> str:
            for name, script in pythons.items():
                (programs / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
                (programs / name).chmod(0o755)
            done = subprocess.run(
                [shutil.which("make"), ".venv/ready", *words],
                cwd=tmp_path,
                env={"PATH": str(programs)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
            )
            assert done.returncode == 2  # none of them can make an environment
            return done.stdout

        return run

    NO_VENV = '[ "$1" = -c ]'  # new enough, but `-m venv` fails

    @pytest.mark.parametrize(
        "pythons, chosen",
        [
            ({"python3": NO_VENV, "python3.13": NO_VENV}, "python3"),
            ({"python3": "exit 1", "python3.13": NO_VENV, "python3.11": NO_VENV}, "python3.13"),
            ({"python3.13": "exit 127", "python3.12": NO_VENV}, "python3.12"),
        ],
    )
    def test_the_first_python_that_is_new_enough_is_taken(self, make, pythons, chosen):
        assert f"sudo apt install {chosen}-venv" in make(pythons)

    def test_a_named_python_is_taken(self, make):
        pythons = {"python3": self.NO_VENV, "python3.12": self.NO_VENV}
        assert "sudo apt install python3.12-venv" in make(pythons, "PYTHON=python3.12")

    @pytest.mark.parametrize("pythons", [{}, {"python3": "exit 1"}])
    def test_without_one_the_sentence_says_what_to_do(self, make, pythons):
        assert "make PYTHON=python3.12" in make(pythons)
