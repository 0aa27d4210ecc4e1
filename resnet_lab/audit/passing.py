"""What a shortcut adds, told by the values that arrive.

Paper: Section 4.1 (options A, B, C). Notebook: notebooks/03_bottlenecks.py.
Tests: tests/test_audit_module.py.
"""

from torch import Tensor


def passes(added: Tensor, entered: Tensor) -> str:
    """What a shortcut adds, compared by value with what entered the block."""
    if not added.any():
        return "zeros"
    if added.shape == entered.shape:
        return "input" if added is entered or same(added, entered) else "other"
    if added.dim() != entered.dim() or added.dim() < 4:
        return "other"
    step = -(-entered.shape[-1] // added.shape[-1])
    small = entered[(slice(None), slice(None), *[slice(None, None, step)] * (added.dim() - 2))]
    new = added.shape[1] - small.shape[1]
    if small.shape[2:] != added.shape[2:] or new < 0:
        return "other"
    for first in sorted({0, new // 2, new, new - new // 2}):
        inside = added[:, first : first + small.shape[1]]
        if same(inside, small) and not added[:, :first].any():
            return "padded" if not added[:, first + small.shape[1] :].any() else "other"
    return "other"


def same(a: Tensor, b: Tensor) -> bool:
    """Equal in every value; deep nets with fresh weights overflow, and NaN stands for NaN."""
    return bool(((a == b) | (a.isnan() & b.isnan())).all())
