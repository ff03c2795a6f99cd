"""Gradient clipping: limits on the gradients between `backward()` and `step()`, in place."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from yuanli.errors import NotFiniteError, ValueRangeError
from yuanli.tensor import Tensor


def clip_grad_norm_(
    parameters: Iterable[Tensor], max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Shrink all gradients together so that their joint norm is at most `max_norm`; gives the norm before.

    g ← g · min(1, max_norm / (‖g‖ + 1e-6)), with all gradients as one vector; norm_type may be inf.

    Raises: NotFiniteError, when asked, for a norm that is inf or nan; nothing has changed then.
    Source: Pascanu 2012, arXiv:1211.5063, algorithm 1; the 1e-6 is torch's.
    """
    if not max_norm >= 0 or not norm_type > 0:
        raise ValueRangeError(
            f"clip_grad_norm_ needs max_norm ≥ 0 and norm_type > 0, got {max_norm}, {norm_type}"
        )
    tensors = _with_gradients(parameters)
    # float64, since squares of large float32 gradients overflow just where clipping is needed
    norms = [np.linalg.norm(p.grad.astype(np.float64).ravel(), norm_type) for p in tensors]
    total = float(np.linalg.norm(norms, norm_type)) if norms else 0.0
    if error_if_nonfinite and not np.isfinite(total):
        raise NotFiniteError(f"the norm of the gradients is {total}: some are no longer finite")
    factor = max_norm / (total + 1e-6)
    if not factor >= 1:
        with np.errstate(all="ignore"):
            for p in tensors:
                p.grad *= factor
    return total


def clip_grad_value_(parameters: Iterable[Tensor], clip_value: float) -> None:
    """Hold every element of every gradient between −clip_value and clip_value."""
    if not clip_value >= 0:
        raise ValueRangeError(f"clip_grad_value_ needs clip_value ≥ 0, got {clip_value}")
    for p in _with_gradients(parameters):
        p.grad = np.clip(p.grad, -clip_value, clip_value)


def _with_gradients(parameters: Iterable[Tensor]) -> list[Any]:
    tensors = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p for p in tensors if p.grad is not None and p.grad.size]
