"""The backward microscope: every step of a backward pass, with its formula, shapes and numbers.

It puts a recorder around each gradient function of the graph and calls `backward()` itself, so what it shows
is what the engine computes and the leaves' `grad` are filled as always.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from yuanli.errors import GradientError, UnknownNameError
from yuanli.tensor import Tensor, ancestors, sum_to

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class Step:
    """One operation met on the way back: y = operation(inputs), dy = ∂L/∂y in, one gradient per input out."""

    name: str  # what y is called here
    operation: str
    formula: str
    rule: str  # the gradients, as the operation's own description says them; may be empty
    value: np.ndarray
    inputs: list[str]  # the inputs that take a gradient
    dy: np.ndarray
    gradients: list[np.ndarray] = field(default_factory=list)  # what this step adds to each input's gradient


@dataclass
class Leaf:
    """Where a gradient ends: a tensor that was made, not computed."""

    name: str
    value: np.ndarray
    gradient: np.ndarray


@dataclass
class Trace:
    """The steps of one backward pass, youngest first, and the leaves it reached."""

    steps: list[Step]
    leaves: list[Leaf]

    def lines(self, *, digits: int = 4) -> list[str]:
        """The trace as text to print."""
        lines = []
        for number, step in enumerate(self.steps, 1):
            inputs = ", ".join(step.inputs)
            lines.append(f"{number}. {step.name} = {step.operation}({inputs})   {step.formula}")
            if step.rule:
                lines.append(f"   rule      {step.rule}")
            lines.append(f"   value     {_numbers(step.value, digits)}")
            lines.append(f"   dy        {_numbers(step.dy, digits)}")
            for name, g in zip(step.inputs, step.gradients, strict=True):
                lines.append(f"   ∂L/∂{name} += {_numbers(g, digits)}")
        lines += [f"leaf {leaf.name}.grad = {_numbers(leaf.gradient, digits)}" for leaf in self.leaves]
        return lines

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def figure(self, *, digits: int = 3) -> Figure:
        """The graph, leaves on the left and the result on the right; gradients in colour on the arrows."""
        from yuanli.inspection.graph import draw

        return draw(self, digits=digits)


def trace(result: Tensor, names: Mapping[str, Tensor] | None = None, gradient: Any = None) -> Trace:
    """Run `result.backward(gradient)` and keep every step of it.

    `names` says what tensors are called, as a function's variables or `dict(model.named_parameters())` do;
    the others are v1, v2, … in the order they were computed, and unnamed leaves are leaf1, leaf2, ….

    Raises: GradientError for a result without a graph; UnknownNameError for a name given to no tensor in it.
    """
    if not result.requires_grad:
        raise GradientError("the microscope needs a result computed from a tensor with requires_grad=True")
    nodes = sorted(ancestors(result), key=lambda t: t._order)
    called = _call(nodes, names or {})
    steps, leaves, earlier = [], [], []
    for node in nodes:
        if node._parents is None:
            leaves.append(node)
            earlier.append(node.grad)
            node.grad = None  # to see this pass alone
            continue
        formula, rule = _describe(node._rule)
        step = Step(called[id(node)], node._rule.__name__, formula, rule, node.data.copy(), [], node.data)
        node._parents = [
            (parent, _recorded(g, parent, called[id(parent)], step)) for parent, g in node._parents
        ]
        steps.append(step)
    try:
        result.backward(gradient)
        found = [Leaf(called[id(n)], n.data.copy(), n.grad.copy()) for n in leaves if n.grad is not None]
    finally:
        for leaf, held in zip(leaves, earlier, strict=True):
            if held is not None:
                leaf.grad = held if leaf.grad is None else held + leaf.grad
    return Trace([s for s in reversed(steps) if s.gradients], found)


def _recorded(g: Callable, parent: Tensor, name: str, step: Step) -> Callable:
    """The gradient function g, and a note in `step` of what went in and came out."""

    def rule(dy):
        step.dy = dy.copy()  # copies: the engine may write into what a rule returns
        dx = g(dy)
        seen = dx if dx.shape == parent.shape else sum_to(dx, parent.shape)
        step.inputs.append(name)
        step.gradients.append(np.array(seen, parent.dtype))
        return dx

    return rule


def _call(nodes: list[Tensor], names: Mapping[str, Tensor]) -> dict[int, str]:
    """What each node is called."""
    present = {id(n) for n in nodes}
    strangers = [name for name, t in names.items() if id(t) not in present]
    if strangers:
        raise UnknownNameError(f"the result was not computed from {', '.join(strangers)}; leave them out")
    called = {id(t): name for name, t in names.items()}
    counts = {"v": 0, "leaf": 0}
    for node in nodes:
        if id(node) not in called:
            kind = "leaf" if node._parents is None else "v"
            counts[kind] += 1
            called[id(node)] = f"{kind}{counts[kind]}"
    return called


def _describe(rule: Callable) -> tuple[str, str]:
    """An operation's formula, and what its docstring says of the gradients."""
    text = (inspect.getdoc(rule) or "").split("Source:")[0]
    first, *rest = (" ".join(part.split()).rstrip(".") for part in re.split(r";|\n\n|\.\s", text))
    return first, "; ".join(part for part in rest if "∂" in part)


def _numbers(array: np.ndarray, digits: int) -> str:
    """The shape and the numbers, shortened when there are many."""
    if array.ndim == 0:
        return f"{array.item():.{digits}g}"
    text = np.array2string(
        array, precision=digits, separator=" ", threshold=12, edgeitems=2, suppress_small=True
    )
    return f"{list(array.shape)} {' '.join(text.split())}"
