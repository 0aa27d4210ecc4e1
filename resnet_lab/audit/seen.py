"""What only a run shows: strides, activations, what shortcuts do, weights used twice.

Paper: Section 3.4 and Figure 2 (ReLU after each BN, and after the addition).
Notebook: notebooks/03_bottlenecks.py. Tests: tests/test_audit_zoo.py.
"""

from collections.abc import Iterator

from resnet_lab.audit.evidence import Evidence
from resnet_lab.audit.report import plural

RELU = {"relu", "clamp_min", "threshold"}
OTHERS = {  # operation -> what it is called; sigmoids are left out, gates have them
    "leaky_relu": "leaky ReLU",
    "rrelu": "randomised ReLU",
    "_prelu_kernel": "PReLU",
    "prelu": "PReLU",
    "hardtanh": "ReLU6 (a clipped ReLU)",
    "tanh": "tanh",
    "silu": "SiLU",
    "mish": "mish",
    "gelu": "GELU",
    "elu": "ELU",
    "celu": "CELU",
    "softplus": "softplus",
    "hardswish": "hardswish",
}


def activations(ops: set[str]) -> Iterator[str]:
    """A sentence on activations that are no ReLU."""
    others = ", ".join(sorted({OTHERS[op] for op in ops & OTHERS.keys()}))
    if not ops & RELU:
        yield f"No ReLU in its run{f', but {others}' if others else ''}."
    elif others:
        yield f"Activations other than ReLU: {others}."


def seen(e: Evidence) -> Iterator[str]:
    """What only a run shows."""
    if e.tape is None:
        return
    strides = [stage[0].main for stage in e.stages]
    first = [s for s, main in enumerate(strides) if max(x.stride for x in main) > 1]
    if e.stages[1:] and first != list(range(1, len(e.stages))):
        yield f"Stages that stride in a convolution of their first block: {first or 'none'}."
    if any(layer.dilation > 1 for layer in e.convs):
        yield "Dilated convolutions."
    yield from activations({node.op for node in e.tape.nodes})
    if scaled := sum(bool(found and found.scaled) for found in e.shortcuts):
        yield f"The residual branch is scaled by a constant in {scaled} of {len(e.blocks)} blocks."
    pooled = [s for s in e.shortcuts if s and any("pool" in op for op in s.ops)]
    if pooled:
        has = plural(len(pooled), "shortcut") + (
            " pools its" if len(pooled) == 1 else " pool their"
        )
        yield f"{has} input (ResNet-D, arXiv 1812.01187)."
    if blurred := sum(node.op == "blur_pool" for node in e.tape.nodes):
        yield f"A fixed low-pass filter in {plural(blurred, 'place')} (arXiv 1904.11486)."
    names = [layer.name for layer in e.convs]
    if shared := len(names) - len(set(names)):
        many = plural(shared, "convolution") + (" runs" if shared == 1 else " run")
        yield f"Weights are shared: {many} again with the filters of another."
    if any(found and found.passes == "zeros" for found in e.shortcuts):
        yield "Some shortcuts add nothing but zeros: they count as none."
