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
import tempfile
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

PYTHON, TORCH = (3, 11), (2, 11)  # the oldest we support
DISK_GB, MEMORY_GB = 1.0, 2.0
NOTEBOOK_PACKAGES = ("jupyterlab", "ipykernel", "papermill", "jupytext", "nbconvert", "ipywidgets")
BF16_UNITS = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")
# the compiled operator fits one build of torch only; a wrong pair may even end the process
NMS = """import torch, torchvision
boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
assert kept == [0, 2], f"nms kept {kept}, not [0, 2]"
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report; `remedy` is a sentence that can be typed."""

    name: str
    ok: bool | None  # None: information, or a warning if there is a remedy
    found: str
    remedy: str = ""


def check(root: str | Path | None = None, out: str | Path | None = None) -> list[Finding]:
    """Everything that seconds can tell about this installation; never raises.

    `root` is the folder of CIFAR-10 and `out` that of the results, as on the command line.
    """
    inspections: dict[str, Callable[[], Finding | list[Finding]]] = {
        "Python": python,
        "resnet_lab": package,
        "torch": torch_version,
        "torchvision": torchvision,
        "processor": processor,
        "GPU": gpus,
        "CIFAR-10": lambda: cifar10(root),
        "embedded data": embedded,
        "cache folder": cache_folder,
        "disk": lambda: disk(out),
        "memory": memory,
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


def pip(arguments: str) -> str:
    """A sentence that installs into this very interpreter, which need not be `python`."""
    here = shlex.quote(sys.executable)
    tool = f"{here} -m pip install" if find_spec("pip") else f"uv pip install --python {here}"
    return f"run `{tool} {arguments}`"


def torch_pair(*, cpu_only: bool = False) -> str:
    """A sentence that installs a torch and a torchvision that were built for each other."""
    index = " --index-url https://download.pytorch.org/whl/cpu" if cpu_only else ""
    return pip(f"--upgrade --force-reinstall 'torch>={TORCH[0]}.{TORCH[1]}' torchvision{index}")


def last_line(text: str) -> str:
    """The end of an error message or traceback, where Python says what happened."""
    return (text.strip().splitlines() or [""])[-1]


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
    remedy = "run `uv venv --python 3.12 .venv && uv pip install -e .`"
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


def processor() -> Finding:
    """The processor, the cores we may use, and the precision we train in on it."""
    import torch

    from resnet_lab import runner, train

    units = torch.cpu.get_capabilities()
    found = (
        f"{runner.device_name('cpu')}, {runner.cores()} of {os.cpu_count()} cores usable, "
        f"bfloat16 units: {', '.join(unit for unit in BF16_UNITS if units.get(unit)) or 'none'}; "
        f"trains in {train.fast_precision('cpu')}"
    )
    return Finding("processor", True, found)


def gpus() -> list[Finding]:
    """Every CUDA GPU; none is fine."""
    import torch

    with warnings.catch_warnings(record=True) as said:  # such as a driver that is too old
        warnings.simplefilter("always")
        if torch.cuda.is_available():
            return [gpu(i) for i in range(torch.cuda.device_count())]
    build = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "processor-only"
    if Path("/proc/driver/nvidia/version").exists():
        reason = last_line(str(said[-1].message)) if said else f"torch is {build}"
        return [Finding("GPU", None, f"torch does not see the NVIDIA GPU ({reason})", torch_pair())]
    return [Finding("GPU", None, f"none (torch is {build}, which works without one)")]


def gpu(index: int) -> Finding:
    """One GPU, after a sum on it."""
    import torch

    device = torch.cuda.get_device_properties(index)
    memory_gb, compute = device.total_memory / 1e9, f"{device.major}.{device.minor}"
    found = f"{device.name}, {memory_gb:.0f} GB, compute capability {compute}"
    try:  # a build without code for this GPU fails only now
        torch.ones(2, device=f"cuda:{index}").sum().item()
    except RuntimeError as error:
        found = f"{found} fails: {str(error).partition(chr(10))[0]}"
        return Finding(f"GPU {index}", False, found, torch_pair())
    return Finding(f"GPU {index}", True, found)


def cifar10(root: str | Path | None) -> Finding:
    """CIFAR-10: its layout and place, or where it was looked for."""
    from resnet_lab import cache, data, layouts
    from resnet_lab.errors import InputError

    try:
        folder = data.find(root)
        found = layouts.detect(folder) if folder else None
    except InputError as error:
        reason, _, remedy = str(error).rpartition("; ")
        return Finding("CIFAR-10", False, reason, remedy)
    get = "run `resnet-lab data get cifar10`"
    if found is None:
        places = f"./data nor in {cache.folder() / 'cifar10'}"
        return Finding("CIFAR-10", None, f"not in {places}; the embedded data stand in", get)
    where = f"{found.layout} layout in {found.folder}"
    if not (missing := incomplete(found)):
        return Finding("CIFAR-10", True, where)
    here = str(found.folder.resolve())
    aside = f"mv {shlex.quote(here)} {shlex.quote(here + '.incomplete')}"  # never delete for others
    remedy = f"run `{aside} && resnet-lab data get cifar10`"
    return Finding("CIFAR-10", False, f"{where} is not whole: {missing}", remedy)


def incomplete(found) -> str:
    """What `found` lacks, by names, sizes and counts, without reading a pixel; "" if nothing."""
    from resnet_lab import layouts

    for split, paths in found.files.items():
        if gone := [path.name for path in paths if not path.exists()]:
            return f"{', '.join(gone)} missing"
        if found.layout == "binary":
            n = sum(path.stat().st_size // layouts.RECORD for path in paths)
        elif found.layout == "png":
            n = sum(entry.name.lower().endswith(".png") for p in paths for entry in os.scandir(p))
        elif found.layout == "parquet":
            import pyarrow.parquet as pq

            n = sum(pq.read_metadata(path).num_rows for path in paths)
        else:  # pickles do not say how many images they hold until they are read
            n = layouts.COUNTS[split] if all(path.stat().st_size for path in paths) else 0
        if n != layouts.COUNTS[split]:
            return f"{n:,} of {layouts.COUNTS[split]:,} {split} images"
    return ""


def embedded() -> Finding:
    """The embedded data set, which is always at hand."""
    from resnet_lab import cache

    path = cache.folder() / "embedded.cache"
    found = f"kept in {path}" if path.is_file() else "made on first use, in seconds"
    return Finding("embedded data", True, found)


def existing(folder: Path) -> Path:
    """`folder`, or the nearest folder above it that is there."""
    folder = folder.expanduser().absolute()
    return next(place for place in (folder, *folder.parents) if place.exists())


def cache_folder() -> Finding:
    """A file can be written where the cache is."""
    from resnet_lab import cache

    try:
        with tempfile.TemporaryFile(dir=existing(cache.folder())) as file:
            file.write(b"x")
    except OSError as error:
        found = f"{cache.folder()} cannot be written ({error.strerror})"
        return Finding("cache folder", False, found, "run `export RESNET_LAB_CACHE=$PWD/.cache`")
    return Finding("cache folder", True, f"{cache.folder()} can be written")


def disk(out: str | Path | None) -> list[Finding]:
    """Enough disk where results and the cache go."""
    from resnet_lab import cache

    places = {}
    for label, folder in (("out", Path(out or "out")), ("cache", cache.folder())):
        places.setdefault(existing(folder).stat().st_dev, []).append((label, folder))
    findings = []
    for shared in places.values():  # two folders on one disk share its space and its line
        free = shutil.disk_usage(existing(shared[0][1])).free / 1e9
        name = f"disk ({' and '.join(label for label, _ in shared)})"
        found = (
            f"{free:.1f} GB free; {DISK_GB:.0f} GB needed (CIFAR-10 and its cache 0.6, runs 0.3)"
        )
        move = {
            "out": "add `--out DIR` on a larger disk",
            "cache": "run `export RESNET_LAB_CACHE=DIR`",
        }
        remedy = "" if free >= DISK_GB else f"free {DISK_GB - free:.1f} GB, or {move[shared[0][0]]}"
        findings.append(Finding(name, free >= DISK_GB, found, remedy))
    return findings


def available_gb() -> float | None:
    """Memory that programs can still get; None where this system does not say."""
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return None
    lines = dict(line.split(":") for line in meminfo.read_text().splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    group = Path("/sys/fs/cgroup")  # a container may have less than its host
    try:
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    except (OSError, ValueError):  # no container, or no limit
        pass
    return free / 1e9


def memory() -> Finding:
    """Enough memory for a training and a notebook beside it."""
    free = available_gb()
    if free is None:
        return Finding("memory", None, f"unknown here; {MEMORY_GB:.0f} GB are enough")
    found = f"{free:.1f} GB available"
    if free >= MEMORY_GB:
        return Finding("memory", True, found)
    return Finding(
        "memory", None, f"{found}, little", f"close programs until {MEMORY_GB:.0f} GB are free"
    )


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
