"""What the doctor finds of the machine: processor, GPUs, cache folder, disk and memory.

Paper: nowhere; this is how a machine answers before a training does.
Notebook: notebooks/00_start_here.py. Tests: tests/test_doctor.py.
"""

import os
import shutil
import tempfile
import warnings
from pathlib import Path

from resnet_lab.doctor_finding import Finding, last_line, torch_pair

DISK_GB, MEMORY_GB = 1.0, 2.0
BF16_UNITS = ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16")


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

    from resnet_lab import twins

    device = torch.cuda.get_device_properties(index)
    memory_gb, compute = device.total_memory / 1e9, f"{device.major}.{device.minor}"
    found = f"{device.name}, {memory_gb:.0f} GB, compute capability {compute}"
    try:  # a build without code for this GPU fails only now
        torch.ones(2, device=f"cuda:{index}").sum().item()
    except RuntimeError as error:
        found = f"{found} fails: {str(error).partition(chr(10))[0]}"
        return Finding(f"GPU {index}", False, found, torch_pair())
    if not twins.can_compile("cuda"):
        found += "; no compiled blocks (they take Triton, a C compiler and Python's headers)"
    return Finding(f"GPU {index}", True, found)


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
    lines = dict(line.split(":") for line in meminfo.read_text(encoding="utf-8").splitlines())
    free = int(lines["MemAvailable"].split()[0]) * 1024
    group = Path("/sys/fs/cgroup")  # a container may have less than its host
    try:
        limit = int((group / "memory.max").read_text(encoding="utf-8"))
        free = min(free, limit - int((group / "memory.current").read_text(encoding="utf-8")))
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
