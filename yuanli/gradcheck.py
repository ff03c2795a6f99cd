"""Analytic gradients against numerical ones.

The oracle of every rule in the package: it knows nothing but the function's values.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from yuanli.errors import DTypeError, GradientError, ValueRangeError
from yuanli.tensor import Tensor, no_grad


@dataclass(frozen=True)
class InputCheck:
    """The worst element of one input: where it is, and both gradients there."""

    name: str
    shape: tuple[int, ...]
    error: float
    index: tuple[int, ...]
    analytic: float
    numeric: float

    def __str__(self) -> str:
        where = ", ".join(map(str, self.index))
        return (
            f"{self.name} {self.shape}: largest relative error {self.error:.1e} at [{where}], "
            f"analytic {self.analytic:.10g}, numeric {self.numeric:.10g}"
        )


@dataclass(frozen=True)
class GradientCheck:
    """What `gradcheck` found, an entry for each input that requires a gradient."""

    inputs: tuple[InputCheck, ...]
    tolerance: float

    @property
    def error(self) -> float:
        """The largest relative error of all."""
        return max((i.error for i in self.inputs), default=0.0)

    def __bool__(self) -> bool:
        return self.error <= self.tolerance

    def __str__(self) -> str:
        verdict = "gradients agree" if self else "gradients disagree"
        return "\n".join([f"{verdict} (relative tolerance {self.tolerance:g})", *map(str, self.inputs)])


def gradcheck(
    f: Callable[..., Any],
    inputs: Sequence[Tensor],
    *,
    eps: float = 1e-3,
    tolerance: float = 1e-7,
    rng: np.random.Generator | None = None,
) -> GradientCheck:
    """Compare the gradients of `f(*inputs)` with central differences in float64; raise when they disagree.

    numeric = (4·D(h/2) − D(h)) / 3 with D(h) = (f(x+h) − f(x−h)) / 2h, whose error is O(h⁴) (Richardson).
    A result of any shape is reduced by a random cotangent, from `rng` (seeded unless given).
    Relative error: |a − n| / max(|a|, |n|), after taking off |a − n| what round-off in f can account for.
    The inputs are float64 during the check, whatever they were before and are afterwards.

    Raises: GradientError, which names the input, the index and both numbers; also when f is random.
    Source: cs231n, Neural Networks 3, "Gradient checks".  Differs: Richardson's step instead of a smaller h.
    """
    if not eps > 0 or not tolerance > 0:
        raise ValueRangeError(f"gradcheck needs eps > 0 and tolerance > 0, got {eps} and {tolerance}")
    checked = _checked(f, inputs)
    with _in_float64(inputs):
        value = _evaluate(f, inputs)
        cotangent = (np.random.default_rng(0) if rng is None else rng).standard_normal(value.shape)
        with no_grad():
            if not np.array_equal(value.data, _evaluate(f, inputs).data, equal_nan=True):
                raise GradientError(
                    "gradcheck needs a function that gives the same value twice (seed its generator)"
                )
        value.backward(cotangent)
        with no_grad(), np.errstate(all="ignore"):
            noise = 8 * np.finfo(np.float64).eps * np.abs(cotangent * value.data).sum() / eps
            entries = [_compare(f, inputs, name, x, cotangent, eps, noise) for name, x in checked]
    result = GradientCheck(tuple(entries), tolerance)
    if not result:
        raise GradientError(str(result))
    return result


def _checked(f: Callable[..., Any], inputs: Sequence[Tensor]) -> list[tuple[str, Tensor]]:
    """The inputs to check, with the names they have in f."""
    if isinstance(inputs, Tensor):
        raise DTypeError("gradcheck needs a list of Tensors, got one Tensor; write [x]")
    for i, x in enumerate(inputs):
        if not isinstance(x, Tensor):
            raise DTypeError(f"gradcheck needs Tensors, got {type(x).__name__} as input {i}; enclose it in f")
    try:
        names = [
            p.name for p in inspect.signature(f).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD
        ]
    except (TypeError, ValueError):
        names = []
    names += [f"input {i}" for i in range(len(names), len(inputs))]
    checked = [(n, x) for n, x in zip(names, inputs, strict=False) if x.requires_grad]
    if not checked:
        raise GradientError("gradcheck needs an input with requires_grad=True")
    if any(x._parents is not None for _, x in checked):
        raise GradientError("gradcheck needs inputs that were not computed from others; detach() them")
    return checked


@contextmanager
def _in_float64(inputs: Sequence[Tensor]) -> Iterator[None]:
    """Lend the inputs float64 copies of their data; f may hold the same Tensors, as a Module does."""
    before = [(x, x.data, x.grad) for x in inputs]
    try:
        for x, data, _ in before:
            if data.dtype.kind == "f":
                x.data, x.grad = data.astype(np.float64, order="K"), None
        yield
    finally:
        for x, data, grad in before:
            x.data, x.grad = data, grad


def _evaluate(f: Callable[..., Any], inputs: Sequence[Tensor]) -> Tensor:
    value = f(*inputs)
    if not isinstance(value, Tensor):
        raise DTypeError(f"gradcheck needs a function that gives a Tensor, got {type(value).__name__}")
    return value


def _compare(f, inputs, name, x, cotangent, eps, noise) -> InputCheck:
    """The worst element of x."""
    analytic = np.zeros_like(x.data) if x.grad is None else x.grad
    numeric = np.empty_like(x.data)
    for index in np.ndindex(x.shape):
        wide, narrow = (_difference(f, inputs, x, index, cotangent, h) for h in (eps, eps / 2))
        numeric[index] = (4 * narrow - wide) / 3
    if not x.size:
        return InputCheck(name, x.shape, 0.0, (), 0.0, 0.0)
    gap = np.maximum(np.abs(analytic - numeric) - noise, 0)
    error = gap / np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), np.finfo(np.float64).tiny)
    error = np.where(np.isfinite(error), error, np.inf)
    worst = np.unravel_index(error.argmax(), error.shape)
    where = tuple(map(int, worst))
    return InputCheck(
        name, x.shape, float(error[worst]), where, float(analytic[worst]), float(numeric[worst])
    )


def _difference(f, inputs, x, index, cotangent, h) -> float:
    """cotangent · ∂f/∂x[index], by a central difference over the step that x can represent."""
    center = x.data[index]
    above, below = center + h, center - h
    x.data[index] = above
    high = _evaluate(f, inputs).data.copy()  # a value may be a view of x
    x.data[index] = below
    change = high - _evaluate(f, inputs).data
    x.data[index] = center
    return float((cotangent * change).sum() / (above - below))
