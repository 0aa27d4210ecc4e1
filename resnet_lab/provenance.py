"""Where a result comes from: device, version of the package, revision of the code.

Paper: nowhere; a number without its origin cannot be checked.
Notebook: notebooks/00_start_here.py. Tests: tests/test_provenance.py.
"""

import platform
import subprocess
from functools import cache
from pathlib import Path

import torch


def device_name(device: str) -> str:
    """What the device is: the GPU's name, or "cpu" with its architecture and model."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"cpu ({platform.machine()} {torch.cpu.get_capabilities().get('cpu_name', '')})".strip()


@cache
def package_version() -> str:
    """Version of resnet_lab, "0" where it is used without being installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("resnet-lab")
    except PackageNotFoundError:
        return "0"


@cache
def git_revision() -> str:
    """Revision of the code that runs, "+" behind it if files had changed; "" outside a checkout."""
    here = Path(__file__)
    try:
        answers = [
            subprocess.run(
                ["git", *words],
                cwd=here.parent,
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
            ).stdout.strip()
            for words in (
                ["rev-parse", "--short=12", "HEAD"],
                ["status", "--porcelain", "--", "."],
                ["ls-files", "--error-unmatch", here.name],  # not some other project's revision
            )
        ]
    except (OSError, subprocess.SubprocessError):
        return ""
    return answers[0] + ("+" if answers[1] else "")
