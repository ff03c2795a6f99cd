"""What the rules take from a call: the names of its arguments, shapes, axes, pairs."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from yuanli.interchange.onnx_export import Writer
from yuanli.interchange.tracing import Call

Rule = Callable[[Writer, Call, Call], str]


def argument(writer: Writer, first: Call, second: Call, name: str, dtype: Any = None) -> str:
    """The name of an argument of an operation; "" when it is left out."""
    if first.arguments[name] is None:
        return ""
    return writer.take(first.arguments[name], second.arguments[name], dtype)


def first(w: Writer, a: Call, b: Call) -> str:
    return argument(w, a, b, next(iter(a.arguments)))


def several(w: Writer, a: Call, b: Call) -> list[str]:
    pairs = zip(a.arguments["arrays"], b.arguments["arrays"], strict=True)
    return [w.take(mine, theirs, a.result.dtype) for mine, theirs in pairs]


def shape_of(call: Call, name: str) -> tuple[int, ...]:
    return np.shape(call.arguments[name])


def axes_of(a: Call, name: str) -> list[int]:
    dim = a.arguments[name]
    if dim is None:
        return []
    return [operator.index(d) for d in (dim if isinstance(dim, tuple | list) else (dim,))]


def many(value: Any, count: int) -> list[int]:
    return [int(n) for n in value] if isinstance(value, tuple | list) else [int(value)] * count
