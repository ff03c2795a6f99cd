"""Preprocessing fitted on the training rows only: centre, standardise, scale, flatten, and steps in a row.

Statistics are taken in float64, a piece of the rows at a time; what comes out is float32, or float64 when
float64 goes in.  A missing value (nan) is left out of the statistics and stays nan.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from yuanli.data.encode import EncodeTable
from yuanli.data.resize import Resize
from yuanli.data.tokens import Tokens
from yuanli.data.transformer import Transformer, as_rows
from yuanli.errors import CheckpointError, ShapeError, UnknownNameError, ValueRangeError

__all__ = [
    "Center",
    "Chain",
    "EncodeTable",
    "Flatten",
    "Resize",
    "ScaleToSigned",
    "ScaleToUnit",
    "Standardize",
    "Tokens",
    "Transformer",
    "from_config",
]

ROWS = 1024  # taken at a time, so that no large set is held in float64
LEAST = 1e-30  # what varies by no more is constant: 1 over it would overflow float32


class Affine(Transformer):
    """(x − shift) · factor, where shift and factor are learned for each feature, each channel or all at once.

    `per`: "feature" (a column, or a pixel of one channel), "channel" (of images) or "all".
    """

    learned = ("shift", "factor")

    def __init__(self, per: str = "feature") -> None:
        self.per = per

    def fit(self, x: np.ndarray, y: Any = None) -> Self:
        x = as_rows(self, x)
        with np.errstate(invalid="ignore"):
            shift, factor = self._learn(x, _axes(self.per, x))
        if not (np.isfinite(shift).all() and np.all(factor > 0)):
            raise ValueRangeError(
                f"{type(self).__name__} needs finite numbers (nan for a missing one), got inf"
            )
        self.shift_, self.factor_ = shift[0], factor[0]
        return self

    def _learn(self, x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        raise NotImplementedError

    def load_state(self, state: dict[str, np.ndarray]) -> Self:
        super().load_state(state)
        if self.shift_.shape != self.factor_.shape:
            raise CheckpointError(
                f"{type(self).__name__}: shift and factor need one shape, "
                f"got {self.shift_.shape} and {self.factor_.shape}"
            )
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        x, dtype = self._check(x)
        y = np.subtract(x, self.shift_.astype(dtype), dtype=dtype)
        y *= self.factor_.astype(dtype)
        return y

    def inverse_transform(self, y: np.ndarray) -> np.ndarray:
        """The x that gave y, but for rounding."""
        y, dtype = self._check(y)
        return y / self.factor_.astype(dtype) + self.shift_.astype(dtype)

    def _check(self, x: np.ndarray) -> tuple[np.ndarray, np.dtype]:
        self.check_fitted()
        x = as_rows(self, x)
        axes = _axes(self.per, x)
        kept = tuple(1 if axis in axes else n for axis, n in enumerate(x.shape))[1:]
        if kept != self.shift_.shape:
            raise ShapeError(
                f"{type(self).__name__} per {self.per} was fitted on {self.shift_.shape}, "
                f"got rows of shape {x.shape[1:]}"
            )
        return x, x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)


class Center(Affine):
    """x − mean."""

    def _learn(self, x, axes):
        mean = _mean(x, axes)
        return mean, np.ones_like(mean)


class Standardize(Affine):
    """(x − mean) / standard deviation (the population's, over N); what is constant becomes 0."""

    def _learn(self, x, axes):
        mean = _mean(x, axes)
        variance = _mean(x, axes, lambda piece: np.square(piece - mean))
        low, high = _range(x, axes)
        return mean, 1 / np.sqrt(np.where(high - low > LEAST, variance, 1))


class ScaleToUnit(Affine):
    """(x − min) / (max − min), which puts training rows into [0, 1]; what is constant becomes 0."""

    def _learn(self, x, axes):
        low, high = _range(x, axes)
        return low, 1 / np.where(high - low > LEAST, high - low, 1)


class ScaleToSigned(Affine):
    """2 (x − min) / (max − min) − 1, which puts training rows into [−1, 1]; what is constant becomes 0.

    The middle is rounded as `transform` will round it, and the farther end becomes ±1.
    """

    def _learn(self, x, axes):
        low, high = _range(x, axes)
        middle = (low + high) / 2
        middle = middle.astype(x.dtype if x.dtype.kind == "f" else np.float32).astype(middle.dtype)
        return middle, 1 / np.where(high - low > LEAST, np.maximum(high - middle, middle - low), 1)


class Flatten(Transformer):
    """(N, C, H, W) → (N, C·H·W)."""

    def transform(self, x: np.ndarray) -> np.ndarray:
        x = as_rows(self, x)
        return x.reshape(len(x), -1)


class Chain(Transformer):
    """Steps in a row: each is fitted on what the ones before it make of the training rows."""

    def __init__(self, steps: Sequence[Transformer] = ()) -> None:
        self.steps = steps

    def fit(self, x: np.ndarray, y: Any = None) -> Self:
        for i, step in enumerate(self.steps):
            step.fit(x, y)
            if i + 1 < len(self.steps):
                x = step.transform(x)
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        for step in self.steps:
            x = step.transform(x)
        return x

    def check_fitted(self) -> None:
        for step in self.steps:
            step.check_fitted()

    def config(self) -> dict[str, Any]:
        return {"kind": "Chain", "steps": [step.config() for step in self.steps]}

    def state(self) -> dict[str, np.ndarray]:
        return {f"{i}.{name}": a for i, step in enumerate(self.steps) for name, a in step.state().items()}

    def load_state(self, state: dict[str, np.ndarray]) -> Self:
        parts: dict[str, dict[str, np.ndarray]] = {str(i): {} for i in range(len(self.steps))}
        for key, array in state.items():
            number, _, name = key.partition(".")
            if number not in parts:
                raise CheckpointError(f"Chain has {len(self.steps)} steps and no place for the array {key!r}")
            parts[number][name] = array
        for step, part in zip(self.steps, parts.values(), strict=True):
            step.load_state(part)
        return self

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        return cls([_new(config) for config in options["steps"]])


KINDS = {
    c.__name__: c
    for c in (Center, Chain, EncodeTable, Flatten, Resize, ScaleToSigned, ScaleToUnit, Standardize, Tokens)
}


def from_config(config: dict[str, Any], state: dict[str, np.ndarray]) -> Transformer:
    """The fitted step (or chain) whose `config()` and `state()` these are.

    Raises: UnknownNameError for a kind nobody knows, CheckpointError when the two do not fit.
    """
    return _new(config).load_state(state)


def _new(config: dict[str, Any]) -> Transformer:
    kind = config.get("kind") if isinstance(config, dict) else None
    if kind not in KINDS:
        raise UnknownNameError(f"preprocessing needs a kind among {', '.join(KINDS)}, got {kind!r}")
    try:
        return KINDS[kind].from_options({k: v for k, v in config.items() if k != "kind"})
    except (TypeError, KeyError) as error:
        raise CheckpointError(f"the saved options of {kind} do not fit: {error}") from None


def _axes(per: str, x: np.ndarray) -> tuple[int, ...]:
    """The axes over which a statistic is taken."""
    if per == "feature":
        return (0,)
    if per == "all":
        return tuple(range(x.ndim))
    if per != "channel":
        raise ValueRangeError(f"per needs 'feature', 'channel' or 'all', got {per!r}")
    if x.ndim != 4:
        raise ShapeError(f"per channel needs images (N, C, H, W), got shape {x.shape}")
    return (0, 2, 3)


def _mean(x: np.ndarray, axes: tuple[int, ...], term: Callable = lambda piece: piece) -> np.ndarray:
    """The mean of term(x) over `axes`, nan left out; 0 where nothing is left."""
    total, count = np.zeros(()), np.zeros(())
    for start in range(0, len(x), ROWS):
        piece = x[start : start + ROWS].astype(np.float64)
        there = ~np.isnan(piece)
        total = total + np.sum(term(piece), axis=axes, keepdims=True, where=there)
        count = count + np.sum(there, axis=axes, keepdims=True)
    return total / np.maximum(count, 1)


def _range(x: np.ndarray, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest value over `axes`, nan left out; 0 and 0 where nothing is left."""
    low, high = (f.reduce(x, axis=axes, keepdims=True).astype(np.float64) for f in (np.fmin, np.fmax))
    return np.where(np.isnan(low), 0, low), np.where(np.isnan(high), 0, high)
