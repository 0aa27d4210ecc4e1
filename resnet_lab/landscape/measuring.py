"""What the command `landscape` does: every slice that is asked for, within a budget.

Paper: beyond it; Li et al. 2018 (arXiv 1712.09913).
Notebook: notebooks/10_why_it_works.py. Tests: tests/test_cli_landscape.py.
"""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from resnet_lab import data, findings, runner
from resnet_lab.files import write_whole
from resnet_lab.landscape import slices, targets
from resnet_lab.landscape.slices import Choice, HalfWay, Progress
from resnet_lab.landscape.targets import Target
from resnet_lab.progress import duration


def measure_all(
    chosen: Sequence[Target],
    choice: Choice,
    dataset: data.Dataset,
    out: Path,
    *,
    device: str = "cpu",
    budget: float | None = None,
    say: Callable[[str], None] = print,
) -> list[Path]:
    """Slices of `chosen`, written under `out`; those done before are not measured again.

    Fewer than were asked for if the budget of seconds is over: the next call goes on.

    Raises: InputError for a slice that cannot be measured or written.
    """
    began, written = time.monotonic(), []
    for target in chosen:

        def over() -> bool:
            return budget is not None and time.monotonic() - began >= budget

        path = one(target, choice, dataset, out, device=device, stop=over, say=say)
        if path is None:
            break
        written.append(path)
    return written


def one(
    target: Target,
    choice: Choice,
    dataset: data.Dataset,
    out: Path,
    *,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = print,
) -> Path | None:
    """One slice, from where it was left; None, with what is done kept, if `stop` said yes."""
    empty = targets.finding(target, choice, dataset, device) if target.record else None
    named = key(target, choice, dataset, device)
    stem = empty.stem if empty else f"{target.net.config.name}-{named[:8]}"
    path = out / "findings" / targets.LENS / f"{stem}.json" if empty else own_path(out, stem)
    half = HalfWay(out / "checkpoints" / f"{stem}.landscape", named)
    if path.exists():
        if empty:
            findings.load(path)  # whole, or a sentence
        half.path.unlink(missing_ok=True)
        say(f"{target.name}: measured before")
        return path
    done = half.load(torch.get_num_threads())
    images = target.sample(dataset, choice, device)
    tell = lines(target.name, len(choice.grid), say)
    net = target.net.to(device)
    with runner.own_threads(done.threads):
        done = slices.measure(net, choice, images, done, half=half, tell=tell, stop=stop)
    if len(done.scores) < len(choice.grid):
        say(f"{target.name}: stopped, {len(done.scores)} of {len(choice.grid)} points are saved")
        return None
    if empty:
        findings.save(targets.filled(empty, choice, done), out / "findings")
    else:
        write_whole(path, own_text(target, choice, dataset, done, device))
    half.path.unlink(missing_ok=True)
    return path


def key(target: Target, choice: Choice, dataset: data.Dataset, device: str) -> str:
    """Names all that the numbers of a slice depend on; a hash."""
    fields = choice.settings() | {
        "weights": target.weights_sha256,
        "images": dataset.content_hash,
        "held_out": target.held_out,
        "size": target.size,
        "mean": None if target.mean is None else target.mean.flatten().tolist(),
        "std": None if target.std is None else target.std.flatten().tolist(),
        "device": device,
    }
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def own_path(out: Path, stem: str) -> Path:
    """Where the slice of weights that no record names is kept."""
    return out / "landscape" / f"{stem}.json"


def own_text(
    target: Target, choice: Choice, dataset: data.Dataset, done: Progress, device: str
) -> str:
    """A slice of weights from a file as JSON: no run is known, so it is no finding."""
    fields = {
        "net": target.name,
        "weights_sha256": target.weights_sha256,
        "data": {"name": dataset.name, "content_hash": dataset.content_hash, "size": target.size},
        "settings": choice.settings(),
        "how": asdict(findings.how(done.seconds, device=device)),
        "values": slices.values(choice, done.scores),
    }
    return json.dumps(fields, allow_nan=False) + "\n"


def lines(name: str, total: int, say: Callable[[str], None]) -> Callable[[int], None]:
    """Tells a line at every tenth of `total` points, with the time left."""
    began = time.perf_counter()
    first = last = None

    def tell(done: int) -> None:
        nonlocal first, last
        if first is None:
            first = last = done
            if done:
                say(f"{name}: goes on after point {done} of {total}")
            return
        if 10 * last // total < 10 * done // total:
            rate = (done - first) / max(time.perf_counter() - began, 1e-9)
            left = f", {duration((total - done) / rate)} left" if done < total else ""
            say(f"{name}: point {done} of {total}, {rate:.1f} points/s{left}")
        last = done

    return tell
