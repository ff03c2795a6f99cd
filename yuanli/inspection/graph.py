"""A small computation graph as a picture: values in the boxes, gradients in colour below them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from yuanli.errors import ValueRangeError
from yuanli.inspection.style import BLACK, BLUE, GREY, PALE, RED, frameless, new_figure, plain_text, styled

if TYPE_CHECKING:
    from yuanli.inspection.microscope import Trace

LARGEST = 40  # boxes that still can be read
CENTRED: Any = {"ha": "center", "va": "center", "color": BLACK, "zorder": 3}
BELOW: Any = {"ha": "center", "va": "top", "color": RED, "zorder": 4,
              "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.8}}  # fmt: skip


@styled
def draw(trace: Trace, *, digits: int = 3) -> Figure:
    """The traced graph, leaves on the left, the result on the right; ∂L/∂· of every box below it.

    Raises: ValueRangeError when the graph has more than 40 boxes.
    """
    values, gradients, operations = {}, {}, {}
    for step in trace.steps:
        values[step.name], gradients[step.name], operations[step.name] = step.value, step.dy, step.operation
    for end in trace.leaves:
        values[end.name], gradients[end.name] = end.value, end.gradient
    if len(values) > LARGEST:
        raise ValueRangeError(
            f"a picture shows at most {LARGEST} nodes, this graph has {len(values)}; print it instead"
        )
    inputs = {step.name: step.inputs for step in trace.steps}
    places = _places(list(values), inputs)
    columns = 1 + max(x for x, _ in places.values())
    rows = 1 + max(y for _, y in places.values()) - min(y for _, y in places.values())
    figure = new_figure(1.65 * columns + 0.4, max(2.6, 1.2 * rows + 0.7))
    axes = figure.add_subplot()
    frameless(axes)
    for name, (x, y) in places.items():
        is_leaf = name not in operations
        head = plain_text(name if is_leaf else f"{name} = {operations[name]}")
        box = {"boxstyle": "round,pad=0.35", "facecolor": PALE if is_leaf else "white", "edgecolor": GREY}
        axes.text(x, y, f"{head}\n{_short(values[name], digits)}", fontsize=9, bbox=box, **CENTRED)
        axes.text(x, y - 0.33, f"grad {_short(gradients[name], digits)}", fontsize=8.5, **BELOW)
    for name, sources in inputs.items():
        for source in sources:
            axes.annotate("", places[name], places[source], zorder=1, arrowprops={
                "arrowstyle": "-|>", "color": BLUE, "shrinkA": 38, "shrinkB": 40, "alpha": 0.7})  # fmt: skip
    xs, ys = zip(*places.values(), strict=True)
    axes.set_xlim(min(xs) - 0.6, max(xs) + 0.6)
    axes.set_ylim(min(ys) - 0.9, max(ys) + 0.6)
    axes.set_title("Forward along the arrows: values. Backward against them: gradients, orange.")
    return figure


def _places(names: list[str], inputs: dict[str, list[str]]) -> dict[str, tuple[float, float]]:
    """A column for each node, right before the first that uses it; then rows, near what they flow into."""
    depth = dict.fromkeys(names, 0)  # steps to the result
    for name in names:  # youngest first: a node's depth is final before its sources are met
        for source in inputs.get(name, ()):
            depth[source] = max(depth[source], depth[name] + 1)
    column = {name: max(depth.values()) - d for name, d in depth.items()}
    rows: dict[str, float] = {}
    for x in range(max(column.values()), -1, -1):
        here = [name for name in names if column[name] == x]

        def wish(name):
            below = [rows[n] for n, sources in inputs.items() if name in sources and n in rows]
            return float(np.mean(below)) if below else 0.0

        wishes = {name: wish(name) for name in here}
        here.sort(key=lambda name: -wishes[name])
        middle = float(np.mean(list(wishes.values()))) if here else 0.0
        for i, name in enumerate(here):
            rows[name] = middle + (len(here) - 1) / 2 - i
    return {name: (column[name], rows[name]) for name in names}


def _short(array: np.ndarray, digits: int) -> str:
    """The numbers when they are few, else the shape."""
    if array.ndim == 0:
        return f"{array.item():.{digits}g}"
    if array.ndim == 1 and array.size <= 3:
        return "[" + ", ".join(f"{v:.{digits}g}" for v in array) + "]"
    if array.ndim == 2 and array.size <= 6 and array.shape[0] <= 2:
        return "\n".join("[" + ", ".join(f"{v:.{digits}g}" for v in row) + "]" for row in array)
    return "×".join(map(str, array.shape))
