"""The rows of the table that every operation hangs on.

Adding a row, in the file of your family, `cases_….py` (a new one is named in `test_ops.FAMILIES`):

    CASES = [
        Case(ops.log, [positive(3, 4)], np.log, torch=lambda t, x: t.log(x)),
        Case(ops.sum, [normal(2, 6)], lambda x, dim: x.sum(dim), {"dim": 1},
             torch=lambda t, x, dim: x.sum(dim)),
        Case(ops.relu, [np.array([-1.0, 0.0, 2.0])], subgradients=lambda x: [x > 0], note="kink at 0"),
        ErrorCase(ops.matmul, [normal(2, 3), normal(2, 3)], ShapeError, r"matmul needs .*, got"),
    ]

`inputs` are, in the operation's order, builders (`normal(2, 6)`: other numbers in every place of a row),
arrays with numbers that matter, or anything else the operation takes (None, a number, a list of builders
for `cat`).  Float arrays become Tensors; whole numbers, booleans and the rest are passed as they are.
`reference`, `torch` and `subgradients` are called like the operation, with the options; `torch` gets the
module first and tensors after it. Options that hold a Generator start it afresh in every call, and so do
arrays that an operation writes into.

For every row `test_ops.py` holds the value to `reference`, the gradients to finite differences (relative
error 1e-7 in float64) or to `subgradients`, float32 to float64, and value and gradients to torch's.  The
last also without torch, from `tests/references/ops.npz`: after adding or changing rows run `python -m
tests.references.make_ops` and commit the file with them.  Every operation in `ops.ALL` needs a Case and
an ErrorCase; `note` tells rows apart.
"""

import copy
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yuanli import Tensor
from yuanli.errors import DTypeError

Builder = Callable[[np.random.Generator, Any], np.ndarray]


@dataclass(frozen=True)
class Case:
    """One operation on one set of inputs."""

    op: Callable[..., Tensor]
    inputs: Sequence[Any]
    reference: Callable[..., Any] | None = None
    """(*arrays, **options) -> the value, by an independent formula."""
    options: dict[str, Any] = field(default_factory=dict)
    torch: Callable[..., Any] | None = None
    """(torch, *tensors, **options) -> the value."""
    subgradients: Callable[..., Any] | None = None
    """(*arrays, **options) -> a gradient per differentiable input for dy = 1, at kinks and ties."""
    differentiable: Sequence[int] | None = None
    """Which of the float arrays have gradients, counted from 0; None is all of them."""
    note: str = ""
    tolerance: float = 1e-7
    """Relative error of the gradients in float64; say why when it is larger."""
    float32: float = 2e-5
    """How close float32 comes to float64, relative to the largest number."""

    def __str__(self) -> str:
        return " ".join(
            [self.op.__name__, *self.note.split(), *(f"{k}={v}" for k, v in self.options.items())]
        )

    def arrays(self, dtype: Any = np.float64) -> list[Any]:
        """The inputs, built; the same numbers every time."""
        rng = np.random.default_rng(0)
        return [_build(i, rng, dtype) for i in self.inputs]

    def places(self) -> list[int]:
        """Which of the float arrays get a gradient."""
        if self.differentiable is not None:
            return list(self.differentiable)
        return list(range(len(floats(self.arrays()))))

    def call(self, f: Callable[..., Any], arrays: list[Any], tensors: Sequence[Any]) -> Any:
        """f on the inputs, with `tensors` in place of the float arrays, and on fresh options."""
        rest = iter(tensors)
        return f(*(_replace(a, rest) for a in arrays), **copy.deepcopy(self.options))

    def formula(self, f: Callable[..., Any], dtype: Any = np.float64) -> Any:
        """`reference` or `subgradients` on the plain arrays."""
        return f(*self.arrays(dtype), **copy.deepcopy(self.options))


@dataclass(frozen=True)
class ErrorCase:
    """One operation on something it must refuse; float arrays become Tensors, the rest is passed as it is."""

    op: Callable[..., Tensor]
    inputs: Sequence[Any]
    error: type[Exception]
    match: str  # a regular expression: what was needed, and what came
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def __str__(self) -> str:
        return " ".join(
            [self.op.__name__, *self.note.split(), *(f"{k}={v}" for k, v in self.options.items())]
        )


# Builders ------------------------------------------------------------


def normal(*shape: int, scale: float = 1.0) -> Builder:
    """Standard normal numbers times `scale`."""
    return lambda rng, dtype: (scale * rng.normal(size=shape)).astype(dtype)


def uniform(*shape: int, low: float = 0.0, high: float = 1.0) -> Builder:
    """Numbers between `low` and `high`."""
    return lambda rng, dtype: rng.uniform(low, high, shape).astype(dtype)


def positive(*shape: int) -> Builder:
    """Numbers between 0.5 and 2."""
    return uniform(*shape, low=0.5, high=2.0)


def away_from_zero(*shape: int) -> Builder:
    """Numbers of either sign, between 0.1 and 2 in size: for kinks and poles at 0."""
    return lambda rng, dtype: (rng.choice([-1, 1], shape) * rng.uniform(0.1, 2, shape)).astype(dtype)


def distinct(*shape: int) -> Builder:
    """Numbers at least 0.1 apart, in random order: for max, min and whatever else chooses."""
    return lambda rng, dtype: (
        ((rng.permutation(np.prod(shape, dtype=int)) - 3) * 0.1).reshape(shape).astype(dtype)
    )


def probabilities(*shape: int) -> Builder:
    """Positive numbers that add up to 1 along the last axis."""
    return lambda rng, dtype: rng.dirichlet(np.full(shape[-1], 2.0), shape[:-1]).astype(dtype)


def huge(*shape: int) -> Builder:
    """Scores of ±1e4."""
    return lambda rng, dtype: rng.choice([-1e4, 1e4], shape).astype(dtype)


def ties(*shape: int) -> Builder:
    """Small whole numbers as floats, many of them equal."""
    return lambda rng, dtype: rng.integers(0, 3, shape).astype(dtype)


def empty(*shape: int) -> Builder:
    """No numbers: one of the axes has length 0."""
    assert 0 in shape, f"{shape} is not empty"
    return normal(*shape)


def noncontiguous(*shape: int) -> Builder:
    """Normal numbers in memory with gaps and, from two axes on, with the axes the other way round."""
    return lambda rng, dtype: rng.normal(size=(2 * shape[-1], *shape[-2::-1])).astype(dtype)[::2].T


def integers(*shape: int, high: int, low: int = 0) -> Builder:
    """Whole numbers (int64) from `low` to below `high`: classes, indices."""
    return lambda rng, dtype: rng.integers(low, high, shape)


def refuses(op: Callable[..., Any], n: int, *rest: Any) -> list[ErrorCase]:
    """What no operation takes as its n-th input (1 or 2), before the inputs in `rest`."""
    things = {
        "a string": ("abc", r"needs .*(got|not|no attribute).*"),
        "None": (None, r"needs .*got None|NoneType"),
        "a list": ([1.0, 2.0, 3.0], r"needs Tensors, arrays or numbers, got \[1.0, 2.0, 3.0\]"),
        "complex": (np.ones(3, complex), "got dtype complex128"),
        "objects": (np.array([None, 1, "x"]), "got dtype object"),
        "half": (np.ones(3, np.float16), "got dtype float16"),
    }
    rows = []
    for note, (thing, match) in things.items():
        inputs = [thing] if n == 1 else [normal(3), thing]
        rows.append(ErrorCase(op, [*inputs, *rest], DTypeError, match, note=note))
    return rows


def floats(arrays: Any) -> list[np.ndarray]:
    """The float arrays among the inputs, also those in lists."""
    if isinstance(arrays, list | tuple):
        return [a for item in arrays for a in floats(item)]
    return [arrays] if isinstance(arrays, np.ndarray) and arrays.dtype.kind == "f" else []


def _build(item: Any, rng: np.random.Generator, dtype: Any) -> Any:
    if isinstance(item, list | tuple):
        return type(item)(_build(i, rng, dtype) for i in item)
    if callable(item):
        return np.asarray(item(rng, dtype))  # NumPy makes a number of an array without axes
    if isinstance(item, np.ndarray) and item.dtype == np.float64:
        return item.astype(dtype)
    return copy.deepcopy(item)


def _replace(item: Any, tensors: Any) -> Any:
    if isinstance(item, list | tuple):
        return type(item)(_replace(i, tensors) for i in item)
    if isinstance(item, np.ndarray):
        return next(tensors) if item.dtype.kind == "f" else item.copy()
    return item


# Formulas ------------------------------------------------------------


def functional(name: str) -> Callable[..., Any]:
    """torch.nn.functional's function of that name."""

    def on_torch(torch: Any, *inputs: Any, **options: Any) -> Any:
        with warnings.catch_warnings():  # "same" of an even kernel costs torch a copy, and it says so
            warnings.simplefilter("ignore")
            return getattr(torch.nn.functional, name)(*inputs, **options)

    return on_torch


def functional_cases(op: Any, reference: Any, cases: Any, **more: Any) -> list[Case]:
    """A Case for each (note, inputs, options), held to the formula and to torch's function of that name."""
    torch = functional(op.__name__)
    return [
        Case(op, inputs, reference, options, torch=torch, note=note, **more)
        for note, inputs, options in cases
    ]


def pair(value: Any) -> Any:
    """One number for both axes, or two."""
    return value if isinstance(value, tuple) else (value, value)
