"""What every operator gets: its node of the graph, and values; and what several of them need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from yuanli.errors import RefusedError, UnsupportedError
from yuanli.tensor import DTYPES, Tensor

Value = Any  # a Tensor; an array of a dtype that no Tensor holds; a list, for a sequence; None, left out
Operator = Callable[..., Value]

MOST_ELEMENTS = 1 << 28  # of one value: a few bytes of a graph may ask for any size


@dataclass(frozen=True)
class Node:
    """One step of a graph: an operator of a certain version, its attributes, how many results are used."""

    op: str
    opset: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1

    def get(self, name: str, default: Any = None) -> Any:
        return self.attributes.get(name, default)

    def unsupported(self, what: str) -> UnsupportedError:
        return UnsupportedError(f"{self.op}: {what}")


def array(value: Value) -> np.ndarray:
    """The numbers of a value."""
    return value.data if isinstance(value, Tensor) else np.asarray(value)


def value(numbers: Any) -> Value:
    """An array as a Tensor, if a Tensor holds its dtype."""
    numbers = np.asarray(numbers)
    return Tensor(numbers) if numbers.dtype in DTYPES else numbers


def integers(value: Value) -> tuple[int, ...] | None:
    """A value, or an attribute, that is a list of whole numbers: a shape, axes, widths."""
    return None if value is None else tuple(int(n) for n in array(value).reshape(-1))


def is_float(value: Value) -> bool:
    return array(value).dtype.kind == "f"


def room(shape: Any) -> tuple[int, ...]:
    """`shape`, unless it is larger than anything should be.  Raises: RefusedError."""
    shape, elements = tuple(int(n) for n in shape), 1
    for n in shape:
        elements *= max(n, 0)
    if elements > MOST_ELEMENTS:
        raise RefusedError(
            f"the graph asks for {elements:,} numbers at once; at most {MOST_ELEMENTS:,} are made"
        )
    return shape
