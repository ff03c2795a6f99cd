"""A forward pass written down: every operation with its arguments and result, for two batches of other sizes.

What differs between the two depends on the batch: a length that grew with it is a length of the batch, and a
constant that changed otherwise was computed outside of operations, where nothing can be seen.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.nn import Module
from yuanli.tensor import Tensor, no_grad, watch


class Call(NamedTuple):
    """One operation: its rule's name, its arguments by name, what came out."""

    name: str
    arguments: dict[str, Any]
    result: Any


class Trace(NamedTuple):
    """What came in, the operations that the outputs come from, in order, and what came out."""

    inputs: tuple[Tensor, ...]
    calls: list[Call]
    outputs: list[Any]


def trace(model: Module, inputs: Sequence[np.ndarray]) -> Trace:
    """What `model` does with its inputs, in evaluation."""
    calls: list[Call] = []

    def note(rule: Callable, inputs: tuple, options: dict, result: Any) -> None:
        if isinstance(rule, np.ufunc):
            calls.append(Call(rule.__name__, {"a": inputs[0], "b": inputs[1]}, result))
            return
        calls.append(Call(rule.__name__.lstrip("_"), _named(rule, inputs, options), result))

    modes = [(module, module.training) for module in model.modules()]
    given = tuple(map(Tensor, inputs))
    try:
        with no_grad(), watch(note):
            result = model.eval()(*given)
    finally:
        for module, mode in modes:
            module.training = mode
    outputs = [value for value in _leaves(result) if isinstance(value, Tensor)]
    return Trace(given, _reachable(calls, outputs), outputs)


def two_traces(
    model: Module, first: Sequence[np.ndarray], second: Sequence[np.ndarray]
) -> tuple[Trace, Trace]:
    """The same pass for two batches.  Raises: UnsupportedError when they take different ways."""
    one, two = trace(model, first), trace(model, second)
    ways = [[call.name for call in each.calls] for each in (one, two)]
    if ways[0] != ways[1] or len(one.outputs) != len(two.outputs):
        raise UnsupportedError(
            f"{type(model).__name__} does other operations for another batch, which a graph cannot follow"
        )
    return one, two


def another_batch(example: np.ndarray) -> np.ndarray:
    """A row more, and other values."""
    other = np.concatenate([example, example[:1]])[::-1]
    other = other * np.float32(-0.7) if other.dtype.kind == "f" else other
    return np.ascontiguousarray(other.astype(example.dtype))


def _named(rule: Callable, inputs: tuple, options: dict) -> dict[str, Any]:
    signature = inspect.signature(rule)
    bound = signature.bind(*inputs, **options)
    bound.apply_defaults()
    return dict(bound.arguments)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, tuple | list):
        return [leaf for each in value for leaf in _leaves(each)]
    return [value]


def _reachable(calls: list[Call], outputs: list[Any]) -> list[Call]:
    """The calls that the outputs need, without those whose results nobody took."""
    needed, kept = {id(value) for value in outputs}, []
    for call in reversed(calls):
        if id(call.result) in needed:
            kept.append(call)
            needed |= {id(leaf) for value in call.arguments.values() for leaf in _leaves(value)}
    return kept[::-1]
