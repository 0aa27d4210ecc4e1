"""The doctor never raises, and says one thing to type for each thing that fails."""

import builtins
import io
import os
import subprocess
import sys
import warnings
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from rich.console import Console

from resnet_lab import doctor, doctor_data, doctor_finding, doctor_machine, layouts

Disk = namedtuple("Disk", "total used free")


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No CIFAR-10 of this machine, and no cache of its user."""
    monkeypatch.delenv("RESNET_LAB_DATA", raising=False)
    monkeypatch.setenv("RESNET_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def quick(monkeypatch):
    """No process of its own for torchvision, which takes seconds."""
    monkeypatch.setattr(doctor, "NMS", "")
    monkeypatch.setattr(doctor.subprocess, "run", fake_process(0))


def fake_process(code, stderr=""):
    return lambda *a, **k: subprocess.CompletedProcess(a, code, "", stderr)


def one(findings, name):
    (found,) = [finding for finding in findings if finding.name.startswith(name)]
    return found


def failing(findings):
    """The one finding that fails; all others are as they were."""
    (found,) = [finding for finding in findings if finding.ok is False]
    assert found.remedy and "\n" not in found.remedy
    return found


def binary(folder, *, last_bytes=None):
    """A CIFAR-10 of the right names and sizes; holes in the files take no disk."""
    folder.mkdir(parents=True)
    names = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    for name in names:
        with open(folder / name, "wb") as file:
            file.truncate(layouts.RECORD * layouts.PER_FILE)
    if last_bytes is not None:
        os.truncate(folder / "data_batch_5.bin", last_bytes)
    return folder


def test_a_real_check_runs_the_real_nms():
    findings = doctor.check()
    assert all(finding.remedy for finding in findings if finding.ok is False)
    assert "nms runs" in one(findings, "torchvision").found
    names = [finding.name for finding in findings]
    assert names[0] == "Python" and len(names) == len(set(names)) >= 13


def test_rows_mark_ok_notes_and_failures(quick):
    findings = [doctor.Finding(str(state), state, "x") for state in (True, None, False)]
    assert [row[0] for row in doctor.rows(findings)] == ["ok", "note", "FAIL"]
    assert not doctor.ok(findings) and doctor.ok(findings[:2])


def test_brackets_are_printed_as_they_are():
    """Names of folders and packages are no markup: [/red] would raise, [test] would vanish."""
    console = Console(file=io.StringIO())
    finding = doctor.Finding("a [b]", False, "in /[/red]/x", "run `pip install '.[test]'`")
    doctor_finding.print_findings([finding], console)
    assert console.file.getvalue() == (
        "FAIL a [b]: in /[/red]/x\n     -> run `pip install '.[test]'`\n"
    )


class TestTorchvision:
    def test_a_missing_operator_is_seen_in_a_real_process(self, monkeypatch, tmp_path):
        """As a torchvision that was built for another torch fails, while it is imported."""
        fake = tmp_path / "site" / "torchvision"
        fake.mkdir(parents=True)
        message = "operator torchvision::nms does not exist"
        (fake / "__init__.py").write_text(f"raise RuntimeError({message!r})")
        monkeypatch.setattr(doctor, "NMS", "import torchvision")
        monkeypatch.setenv("PYTHONPATH", str(fake.parent))
        found = doctor.torchvision()
        assert found.ok is False and message in found.found
        assert "install" in found.remedy and "torchvision" in found.remedy

    @pytest.mark.parametrize("code, said", [(1, "RuntimeError: no nms"), (-11, "exit code -11")])
    def test_only_its_line_fails(self, quick, monkeypatch, code, said):
        stderr = "Traceback\n" + said if code == 1 else ""
        monkeypatch.setattr(doctor.subprocess, "run", fake_process(code, stderr))
        found = failing(doctor.check())
        assert found.name == "torchvision" and said in found.found

    def test_a_processor_only_pair_stays_one(self, monkeypatch):
        versions = {"torch": "2.15.0+cpu", "torchvision": ""}
        monkeypatch.setattr(doctor, "version_of", versions.get)
        assert "/whl/cpu" in doctor.torchvision().remedy


class TestData:
    def test_absent_cifar10_is_no_failure_but_has_a_remedy(self, quick, tmp_path):
        findings = doctor.check()
        found = one(findings, "CIFAR-10")
        assert doctor.ok(findings) and found.ok is None
        assert str(tmp_path / "cache") in found.found and "./data" in found.found
        assert found.remedy == "run `resnet-lab data get cifar10`"

    def test_a_named_folder_without_it_fails(self, quick, tmp_path):
        (tmp_path / "empty").mkdir()
        found = failing(doctor.check(root=tmp_path / "empty"))
        assert found.name == "CIFAR-10" and "data get cifar10" in found.remedy

    def test_a_named_folder_that_is_not_there_fails(self, quick, tmp_path):
        assert failing(doctor.check(root=tmp_path / "nowhere")).name == "CIFAR-10"

    def test_a_whole_one_is_found_with_its_layout(self, quick, tmp_path):
        folder = binary(tmp_path / "data" / "cifar-10-batches-bin")
        found = one(doctor.check(), "CIFAR-10")
        assert found.ok and "binary" in found.found and folder.name in found.found

    def test_a_missing_file_fails_and_nothing_is_to_be_deleted(self, quick, tmp_path):
        folder = binary(tmp_path / "some where" / "cifar-10-batches-bin")
        (folder / "data_batch_3.bin").unlink()
        found = failing(doctor.check(root=folder))
        assert "data_batch_3.bin missing" in found.found
        assert "mv '" in found.remedy and "rm " not in found.remedy

    def test_a_short_file_fails(self, quick, tmp_path):
        folder = binary(tmp_path / "half", last_bytes=layouts.RECORD * 4_000)
        assert "44,000 of 50,000 train" in failing(doctor.check(root=folder)).found

    def test_png_folders_unpacked_in_part_fail(self, quick, tmp_path):
        for split in ("train", "test"):
            for name in layouts.CLASSES:
                folder = tmp_path / "png" / split / name
                folder.mkdir(parents=True)
                (folder / "0.png").touch()
        assert "10 of 50,000 train" in failing(doctor.check(root=tmp_path / "png")).found

    def test_the_embedded_set_is_seen_in_the_cache(self, tmp_path):
        assert "first use" in doctor_data.embedded().found
        (tmp_path / "cache").mkdir()
        (tmp_path / "cache" / "embedded.cache").touch()
        assert "kept in" in doctor_data.embedded().found


class TestDisk:
    def test_a_full_disk_is_one_line_for_the_folders_on_it(self, quick, monkeypatch):
        monkeypatch.setattr(doctor_machine.shutil, "disk_usage", lambda place: Disk(1e9, 8e8, 2e8))
        found = failing(doctor.check())
        assert found.name == "disk (out and cache)"
        assert "0.2 GB free; 1 GB needed" in found.found and "--out" in found.remedy

    def test_a_cache_that_is_a_file_cannot_be_written(self, quick, tmp_path):
        (tmp_path / "cache").touch()
        found = failing(doctor.check())
        assert found.name == "cache folder" and "RESNET_LAB_CACHE" in found.remedy

    def test_looking_leaves_nothing_behind(self, quick, tmp_path):
        doctor.check(out=tmp_path / "a" / "b")
        assert list(tmp_path.iterdir()) == []


class TestMachine:
    def test_an_old_python_fails(self, monkeypatch):
        monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 1))
        assert doctor.python().ok is False
        assert doctor.python().remedy == "run `make reproduce PYTHON=python3.12`"

    @pytest.mark.parametrize("version, fine", [("2.10.1+cpu", False), ("2.11.0", True)])
    def test_the_oldest_torch(self, monkeypatch, version, fine):
        monkeypatch.setattr(torch, "__version__", version)
        assert doctor.torch_version().ok is fine

    def test_a_build_without_torch_is_one_failure(self, quick, monkeypatch):
        """Checks that need torch say so and leave the remedy to the line of torch."""
        real = builtins.__import__

        def without_torch(name, *rest):
            if name == "torch":
                raise ImportError("No module named 'torch'")
            return real(name, *rest)

        monkeypatch.setattr(builtins, "__import__", without_torch)
        findings = doctor.check()
        assert failing(findings).name == "torch"
        assert "not checked" in one(findings, "processor").found

    def test_no_gpu_is_fine(self, monkeypatch):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        (found,) = doctor_machine.gpus()
        assert found.ok is None

    def test_a_driver_that_is_too_old_is_quoted(self, monkeypatch):
        def old_driver():
            warnings.warn("the driver is too old", stacklevel=2)
            return False

        monkeypatch.setattr(torch.cuda, "is_available", old_driver)
        monkeypatch.setattr(doctor_machine.Path, "exists", lambda path: True)
        (found,) = doctor_machine.gpus()
        assert "too old" in found.found and found.ok is None and found.remedy

    def test_a_gpu_that_this_torch_has_no_code_for_fails(self, monkeypatch):
        properties = namedtuple("P", "name total_memory major minor")("GPU", 8e9, 3, 5)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: properties)

        def ones(*shape, device):
            raise RuntimeError("no kernel image is available\nmore")

        monkeypatch.setattr(torch, "ones", ones)
        found = doctor_machine.gpu(0)
        assert found.ok is False and "8 GB, compute capability 3.5" in found.found
        assert "no kernel image" in found.found and "\n" not in found.found

    @pytest.mark.parametrize("free, state", [(0.5, None), (8.0, True), (None, None)])
    def test_memory(self, monkeypatch, free, state):
        monkeypatch.setattr(doctor_machine, "available_gb", lambda: free)
        assert doctor_machine.memory().ok is state
        assert bool(doctor_machine.memory().remedy) == (free == 0.5)

    def test_a_check_that_breaks_is_a_failing_line(self, quick, monkeypatch):
        def broken():
            raise KeyError("what nobody thought of")

        monkeypatch.setattr(doctor, "compiler", broken)
        assert failing(doctor.check()).name == "C compiler"


class TestNotebooks:
    @pytest.fixture
    def kernel(self, monkeypatch):
        from jupyter_client import kernelspec

        def use(program):
            spec = kernelspec.KernelSpec(argv=[program, "-m", "ipykernel_launcher"])
            manager = kernelspec.KernelSpecManager
            monkeypatch.setattr(manager, "get_kernel_spec", lambda self, name: spec)

        return use

    def test_the_kernel_of_another_interpreter_fails(self, quick, kernel):
        kernel("/opt/other/bin/python")
        found = failing(doctor.check())
        assert found.name == "notebook kernel" and "/opt/other/bin/python" in found.found
        assert "-m ipykernel install" in found.remedy and sys.executable in found.remedy

    @pytest.mark.parametrize("program", ["python", "python3", sys.executable])
    def test_our_own_kernel_is_known_under_each_name(self, kernel, program):
        kernel(program)
        assert doctor.kernel().ok

    def test_no_kernel_fails(self, monkeypatch):
        from jupyter_client import kernelspec

        def nothing(self, name):
            raise kernelspec.NoSuchKernel(name)

        monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", nothing)
        found = doctor.kernel()
        assert found.ok is False and "--name python3" in found.remedy

    def test_missing_packages_are_named_in_one_command(self, monkeypatch):
        monkeypatch.setattr(doctor, "NOTEBOOK_PACKAGES", ("jupytext", "no_such_package"))
        found = doctor.notebook_packages()
        assert found.ok is False and found.remedy.endswith("install no_such_package`")


def test_the_package_is_named_with_its_folder():
    assert str(Path(doctor.__file__).parent) in doctor.package().found
