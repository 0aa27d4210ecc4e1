"""What is here, what is missing, and the one command that mends it.

Paper: nowhere; this is how an installation answers before a training does.
Notebook: notebooks/00_start_here.py. Tests: tests/test_doctor.py.
"""

import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from resnet_lab import doctor_data, doctor_machine
from resnet_lab.doctor_finding import TORCH, Finding, last_line, pip, torch_pair

PYTHON = (3, 11)  # the oldest we support
NOTEBOOK_PACKAGES = ("jupyterlab", "ipykernel", "papermill", "jupytext", "nbconvert", "ipywidgets")
# the compiled operator fits one build of torch only; a wrong pair may even end the process
NMS = """import torch, torchvision
boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
assert kept == [0, 2], f"nms kept {kept}, not [0, 2]"
"""


def check(root: str | Path | None = None, out: str | Path | None = None) -> list[Finding]:
    """Everything that seconds can tell about this installation; never raises.

    `root` is the folder of CIFAR-10 and `out` that of the results, as on the command line.
    """
    inspections: dict[str, Callable[[], Finding | list[Finding]]] = {
        "Python": python,
        "resnet_lab": package,
        "torch": torch_version,
        "torchvision": torchvision,
        "processor": doctor_machine.processor,
        "GPU": doctor_machine.gpus,
        "CIFAR-10": lambda: doctor_data.cifar10(root),
        "embedded data": doctor_data.embedded,
        "cache folder": doctor_machine.cache_folder,
        "disk": lambda: doctor_machine.disk(out),
        "memory": doctor_machine.memory,
        "notebook kernel": kernel,
        "notebook packages": notebook_packages,
        "C compiler": compiler,
    }
    with ThreadPoolExecutor(2) as pool:  # importing torch takes seconds, and one check does it anew
        found = pool.map(guarded, inspections, inspections.values())
        return [finding for findings in found for finding in findings]


def guarded(name: str, inspect: Callable[[], Finding | list[Finding]]) -> list[Finding]:
    """What `inspect` finds; what it raises becomes a finding too."""
    try:
        found = inspect()
    except ImportError as error:  # the missing package has a line and a remedy of its own
        found = Finding(name, None, f"not checked ({error})")
    except Exception as error:
        remedy = "run `resnet-lab doctor` again, and report this line if it stays"
        found = Finding(name, False, f"{type(error).__name__}: {error}", remedy)
    return found if isinstance(found, list) else [found]


def ok(findings: Sequence[Finding]) -> bool:
    """Whether nothing fails; warnings do not count."""
    return all(finding.ok is not False for finding in findings)


def rows(findings: Sequence[Finding]) -> list[tuple[str, str, str, str]]:
    """Mark ("ok", "note" or "FAIL"), name, what was found, and remedy of every finding."""
    marks = {True: "ok", None: "note", False: "FAIL"}
    return [(marks[f.ok], f.name, f.found, f.remedy) for f in findings]


def version_of(distribution: str) -> str:
    """Installed version; "" if it is not installed."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""


def python() -> Finding:
    """Python is new enough."""
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info[:2] >= PYTHON:
        return Finding("Python", True, found)
    remedy = "run `make reproduce PYTHON=python3.12`"
    return Finding("Python", False, f"{found}; 3.11 or newer is needed", remedy)


def package() -> Finding:
    """The version of this package and where it is imported from."""
    version, where = version_of("resnet-lab"), Path(__file__).parent
    if version:
        return Finding("resnet_lab", True, f"{version} in {where}")
    # enough to use it, but then there is no command resnet-lab
    return Finding("resnet_lab", None, f"used from {where}, not installed", pip("-e ."))


def torch_version() -> Finding:
    """torch can be imported and is new enough."""
    try:
        import torch
    except (ImportError, OSError) as error:
        return Finding("torch", False, f"no import ({last_line(str(error))})", torch_pair())
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) >= TORCH:
        return Finding("torch", True, torch.__version__)
    return Finding("torch", False, f"{torch.__version__} is too old", torch_pair())


def torchvision() -> Finding:
    """torchvision fits torch: its compiled non-maximum suppression really runs."""
    version, cpu_only = version_of("torchvision"), version_of("torch").endswith("+cpu")
    if not version:
        return Finding("torchvision", False, "is missing", torch_pair(cpu_only=cpu_only))
    try:
        probe = [sys.executable, "-c", NMS]
        done = subprocess.run(probe, capture_output=True, text=True, timeout=120)
        code, said = done.returncode, last_line(done.stderr) or f"exit code {done.returncode}"
    except (OSError, subprocess.SubprocessError) as error:
        code, said = 1, str(error)
    if code == 0:
        return Finding("torchvision", True, f"{version}, nms runs")
    found = f"{version} does not fit torch ({said})"
    return Finding("torchvision", False, found, torch_pair(cpu_only=cpu_only))


def kernel() -> Finding:
    """Notebooks that ask for the kernel `python3` get this interpreter."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    where = "--sys-prefix" if sys.prefix != sys.base_prefix else "--user"
    install = f"run `{shlex.quote(sys.executable)} -m ipykernel install {where} --name python3`"
    try:
        spec = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        return Finding("notebook kernel", False, "there is no kernel python3", install)
    program = spec.argv[0]
    # Jupyter itself replaces a bare `python` by the interpreter it runs in; a link in a virtual
    # environment leads out of it, so folders are compared and not the programs
    own = program in ("python", "python3", "python{}.{}".format(*sys.version_info))
    if own or Path(program).parent.resolve() == Path(sys.executable).parent.resolve():
        return Finding("notebook kernel", True, f"python3 in {spec.resource_dir}")
    found = f"python3 in {spec.resource_dir} starts {program}, not {sys.executable}"
    return Finding("notebook kernel", False, found, install)


def notebook_packages() -> Finding:
    """The packages that training does without and notebooks need."""
    missing = [name for name in NOTEBOOK_PACKAGES if find_spec(name) is None]
    if missing:
        names = " ".join(missing)
        return Finding("notebook packages", False, f"missing: {names}", pip(names))
    return Finding("notebook packages", True, f"all {len(NOTEBOOK_PACKAGES)} are here")


def compiler() -> Finding:
    """A C compiler, which only torch.compile would use."""
    path = next(filter(None, map(shutil.which, (os.environ.get("CC", "cc"), "gcc", "clang"))), None)
    return Finding("C compiler", None, path or "none; only torch.compile would need one")
