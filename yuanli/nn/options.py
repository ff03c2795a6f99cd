"""Options of layers, checked once: when the layer is made."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from yuanli.errors import ValueRangeError

Pair = int | Sequence[int]


def positive(layer: str, **sizes: Any) -> None:
    """Raise unless every size is a whole number, at least 1."""
    whole(layer, 1, **sizes)


def whole(layer: str, least: int, **sizes: Any) -> None:
    """Raise unless every size is a whole number, at least `least`."""
    for name, size in sizes.items():
        if not _is_int(size) or size < least:
            raise ValueRangeError(f"{layer} needs {name} to be a whole number ≥ {least}, got {size!r}")


def many(layer: str, name: str, value: Any, count: int, least: int = 1) -> tuple[int, ...]:
    """A size along each of `count` axes, from one number for all of them or one for each."""
    values = (value,) * count if _is_int(value) else value
    if (
        not isinstance(values, tuple | list)
        or len(values) != count
        or not all(_is_int(v) and v >= least for v in values)
    ):
        numbers = f"a whole number ≥ {least}" + (f" or {count} of them" if count > 1 else "")
        raise ValueRangeError(f"{layer} needs {name} to be {numbers}, got {value!r}")
    return tuple(int(v) for v in values)


def between(layer: str, low: float, high: float, **numbers: Any) -> None:
    """Raise unless low ≤ number ≤ high."""
    for name, number in numbers.items():
        if not _is_real(number) or not low <= number <= high:
            limits = f"at least {low:g}" if high == math.inf else f"in [{low:g}, {high:g}]"
            raise ValueRangeError(f"{layer} needs {name} {limits}, got {number!r}")


def above_zero(layer: str, **numbers: Any) -> None:
    """Raise unless every number is positive and finite."""
    for name, number in numbers.items():
        if not _is_real(number) or not 0 < number < math.inf:
            raise ValueRangeError(f"{layer} needs a positive {name}, got {number!r}")


def _is_int(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _is_real(value: Any) -> bool:
    return isinstance(value, float | np.floating) or _is_int(value)
