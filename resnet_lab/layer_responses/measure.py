"""Standard deviations of layer responses: one pass over images, with hooks that leave no trace.

Paper: Figure 7; Section 4.2, "Analysis of Layer Responses".
Notebook: notebooks/06_layer_responses.py. Tests: tests/test_layer_responses.py.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from resnet_lab.errors import InputError
from resnet_lab.layer_responses.find import BN, After, Found, Kernels, Role, Site, find, name_of
from resnet_lab.layer_responses.moments import Moments

BnMode = Literal["running", "batch"]


@dataclass(frozen=True, kw_only=True)
class Response:
    """What one layer put out, over all images, positions and channels."""

    layer: str  # name of the convolution
    kernel: tuple[int, ...]
    role: Role
    std: float  # of all values, around their common mean
    channel_std: float  # with each channel around its own mean: without the offsets of BN
    mean: float
    values: int  # how many


@dataclass(frozen=True, kw_only=True)
class Responses:
    """All layers of a net, in the order of its run."""

    net: str
    layers: tuple[Response, ...]
    missed: tuple[str, ...]  # what could not be reached, a sentence each
    images: int
    bn: BnMode
    after: After

    @property
    def std(self) -> list[float]:
        """Standard deviation of each layer. Shapes: (L,)."""
        return [layer.std for layer in self.layers]


def measure(
    net: nn.Module,
    batches: Iterable[Tensor],
    *,
    bn: BnMode = "running",
    kernels: Kernels = "3x3",
    after: After = "bn",
) -> Responses:
    """The responses of every 3x3 layer of `net` over `batches`, one pass, in float64.

    The paper names neither the images of Figure 7 nor BN's mode. `bn` "running" uses the stored
    statistics: the net as it is tested, each response a function of its image alone. "batch" uses
    those of each batch, as in training, and stores nothing. All else (dropout) is in evaluation
    mode in both. `kernels` "all" takes convolutions of every size, in a bottleneck all three;
    `after` "conv" takes their own outputs. The net is left as it was, and so is the random state.

    Shapes: (N, C, H, W) each, as the net takes them. Units: those of the BN output.
    Raises: InputError if there are no images, nothing to measure, a response is not finite, or
    what is given is no module or no batches of images.
    """
    check("bn", bn, BnMode)
    check("kernels", kernels, Kernels)
    check("after", after, After)
    check_net(net)
    stream = map(images_of, batches)
    first = next((batch for batch in stream if len(batch)), None)
    if first is None:
        raise InputError("layer responses need at least one image; the image set is empty")
    with as_it_was(net), torch.no_grad():
        net.eval()
        found = find(net, to_net(net, first[:2]), kernels=kernels, after=after)
        prepare = use_batch_statistics if bn == "batch" else check_running
        prepare(net, found)
        moments, images = collect(net, found.sites, chain([first], stream), bn)
    return Responses(
        net=name_of(net),
        layers=tuple(map(response, found.sites, moments)),
        missed=found.missed,
        images=images,
        bn=bn,
        after=after,
    )


def check(word: str, given: str, known: object) -> None:
    """Raises: InputError unless `given` is one of the choices `known`."""
    if given not in get_args(known):
        raise InputError(f"{word} must be {' or '.join(get_args(known))}, got {given!r}")


def check_net(net: nn.Module) -> None:
    """Raises: InputError for what has no modules of its own that a hook could watch."""
    if not isinstance(net, nn.Module):
        raise InputError(f"a torch.nn.Module is needed, got a {type(net).__name__}")
    if any(isinstance(module, torch.jit.ScriptModule) for module in net.modules()):
        raise InputError(
            "a net compiled by TorchScript cannot be watched from outside; give the "
            "module from which it was compiled"
        )


def images_of(batch: object) -> Tensor:
    """`batch` itself. Raises: InputError unless it is a tensor of images."""
    if isinstance(batch, Tensor) and batch.dim() == 4:
        return batch
    if isinstance(batch, Tensor):
        got = f"one of shape {tuple(batch.shape)}; put a single batch into a list, [images]"
    elif isinstance(batch, tuple | list):
        got = f"a {type(batch).__name__}; of pairs give the images: (x for x, y in loader)"
    else:
        got = f"a {type(batch).__name__}; torch.as_tensor makes tensors of arrays"
    raise InputError(f"each batch must be a tensor of images (N, C, H, W), got {got}")


def collect(
    net: nn.Module, sites: tuple[Site, ...], batches: Iterable[Tensor], bn: BnMode
) -> tuple[list[Moments], int]:
    """The moments of every site over `batches`, and the number of images."""
    moments = [Moments() for _ in sites]
    wanted = {(site.module, site.call): m for site, m in zip(sites, moments, strict=True)}
    calls: dict[nn.Module, int] = {}

    def take(module: nn.Module, inputs: object, output: Tensor) -> None:
        call = calls[module] = calls.get(module, -1) + 1
        # now: an in-place ReLU is about to overwrite it
        if (module, call) in wanted:
            wanted[module, call].add(output)

    images = 0
    hooks = [module.register_forward_hook(take) for module in {s.module for s in sites}]
    try:
        for batch in batches:
            calls.clear()
            if len(batch):
                forward(net, to_net(net, batch), bn)
            images += len(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return moments, images


def forward(net: nn.Module, batch: Tensor, bn: BnMode) -> None:
    """One pass. Raises: InputError if a BN gets a single value a channel for its statistics."""
    try:
        net(batch)
    except ValueError as error:
        if bn == "batch" and "more than 1 value per channel" in str(error):
            raise InputError(
                f'with bn="batch" each batch needs two images or more where maps are 1x1, and this '
                f'one has {len(batch)}; take larger batches, or bn="running"'
            ) from error
        raise


def response(site: Site, moments: Moments) -> Response:
    """What was counted at `site`. Raises: InputError if it is not finite, or never came."""
    if not moments.count:
        raise InputError(f"{site.name} gave no output on these images, only in the first run")
    if not moments.finite:
        raise InputError(
            f"the response of {site.name} is infinite or not a number: look for NaN in the "
            "weights, in BN's statistics or in the images"
        )
    return Response(
        layer=site.name,
        kernel=site.kernel,
        role=site.role,
        std=moments.std,
        channel_std=moments.channel_std,
        mean=moments.level,
        values=moments.count * len(moments.mean),
    )


def use_batch_statistics(net: nn.Module, found: Found) -> None:
    """Let every BN take the statistics of its batch and store none, until `as_it_was` ends.

    Raises: InputError if one of those measured is of another kind.
    """
    for site in found.sites:
        if not isinstance(site.module, BN | nn.Conv2d):
            raise InputError(
                f"{site.name} is normalised by a {type(site.module).__name__}, and only torch's "
                'own BN can be told to use batch statistics; take bn="running"'
            )
    for module in net.modules():
        if isinstance(module, BN):
            module.train()
            module.track_running_stats = False  # torch then hands it no buffers to update


def check_running(net: nn.Module, found: Found) -> None:
    """Raises: InputError if a BN of `net` that is measured keeps no running statistics."""
    for site in found.sites:
        if isinstance(site.module, BN) and site.module.running_mean is None:
            raise InputError(
                f'the BN behind {site.name} keeps no running statistics; take bn="batch"'
            )


@contextmanager
def as_it_was(net: nn.Module) -> Iterator[None]:
    """Afterwards modes and flags of `net` are as before, and so is the random state."""
    before = [(m, m.training, getattr(m, "track_running_stats", None)) for m in net.modules()]
    devices = {p.device for p in net.parameters() if p.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices=list(devices)):
            yield
    finally:
        for module, training, tracking in before:
            module.training = training
            if tracking is not None:
                module.track_running_stats = tracking


def to_net(net: nn.Module, batch: Tensor) -> Tensor:
    """`batch` where the weights are, and of their type."""
    weight = next((p for p in net.parameters() if p.is_floating_point()), batch)
    return batch.to(weight.device, weight.dtype)
