"""A decision tree as a picture: questions on top, answers at the bottom, colours for the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from yuanli.classical import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
)
from yuanli.errors import DTypeError, ValueRangeError
from yuanli.inspection.style import BLACK, DIVERGING, GREY, frameless, new_figure, plain_text, styled

SPACE = 1.02  # inches for a leaf, and for a level


@styled
def tree_picture(model: Any, number: int = 0, output: int = 0, names: Sequence[str] = ()) -> Figure:
    """Tree `number` of a fitted tree or boosting, of one class `output` where several have trees.

    A yes goes left.  Of a feature with missing values in training, "missing" stands on the side where they
    go.  `names` are the features'.
    Raises: DTypeError for another kind of model, ValueRangeError for a tree there is none of.
    """
    left, right, questions, answers, missing_left = _parts(model, number, output, names)
    place = _places(left, right)
    reach = np.abs(answers[left < 0]).max() or 1.0
    leaves, levels = (left < 0).sum(), int(-place[:, 1].min()) + 1
    figure = new_figure(max(4.5, SPACE * leaves), max(1.6, SPACE * levels))
    axes = figure.add_subplot()
    frameless(axes)
    for node, (x, y) in enumerate(place):
        if left[node] < 0:
            shade = colormaps[DIVERGING](0.5 + 0.42 * answers[node] / reach)
            text, box = (
                f"{answers[node]:.3g}".replace("-", "−"),
                {"boxstyle": "round", "fc": shade, "ec": GREY},
            )
            ink = BLACK if np.dot(shade[:3], (0.3, 0.6, 0.1)) > 0.5 else "white"
        else:
            text, box, ink = questions[node], {"boxstyle": "square", "fc": "white", "ec": GREY}, BLACK
            for child, word in ((left[node], "yes"), (right[node], "no")):
                axes.plot([x, place[child, 0]], [y, place[child, 1]], color=GREY, lw=1, zorder=1)
                if missing_left[node] == (word == "yes") and missing_left[node] >= 0:
                    word += ", missing"
                middle = 0.45 * x + 0.55 * place[child, 0], 0.45 * y + 0.55 * place[child, 1]
                axes.text(*middle, word, ha="center", va="center", fontsize=7, color=GREY,
                          bbox={"boxstyle": "round,pad=0.1", "fc": "white", "ec": "none"})  # fmt: skip
        axes.text(x, y, text, ha="center", va="center", fontsize=8, color=ink, bbox=box, zorder=3)
    axes.set_xlim(-0.7, leaves - 0.3)
    axes.set_ylim(-levels + 0.5, 0.5)
    return figure


def _parts(model: Any, number: int, output: int, names: Sequence[str]) -> tuple:
    """Of every node: children (−1 at a leaf), question, answer; where missing values go: 1 left, −1 none."""
    if isinstance(model, DecisionTreeClassifier | DecisionTreeRegressor):
        trees: list = [model.tree_] if number == 0 and output < model.tree_.value.shape[1] else []
        number = 0
    elif isinstance(model, GradientBoostingClassifier | GradientBoostingRegressor):
        trees = [each[output] for each in model.trees_ if output < len(each)]
    elif isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor):
        outputs = len(model.start_)
        trees = list(range(output, len(model.forest_), outputs)) if output < outputs else []
    else:
        raise DTypeError(f"a picture of a tree needs a tree or boosting, got {type(model).__name__}")
    if not 0 <= number < len(trees) or output < 0:
        raise ValueRangeError(f"there is no tree {number} for output {output}")
    tree = trees[number]
    if isinstance(tree, int):
        return _of_codes(model, tree, names)
    column = output if isinstance(model, DecisionTreeClassifier) else 0
    questions = [
        f"{_name(f, names)} ≤ {t:.4g}\n{n:,} rows"
        for f, t, n in zip(tree.feature, tree.threshold, tree.n_node_samples, strict=True)
    ]
    gone = np.full(len(tree.feature), -1)
    return tree.children_left, tree.children_right, questions, tree.value[:, column], gone


def _of_codes(model: Any, number: int, names: Sequence[str]) -> tuple:
    tree, bins = model.forest_.tree(number), model.bins_
    inner = tree.feature >= 0
    questions = []
    for node, f in enumerate(tree.feature):
        words = f"{_name(f, names)} ≤ {tree.threshold[node]:.4g}"
        if inner[node] and bins.categorical[f]:
            codes = np.flatnonzero(np.unpackbits(tree.goes_left[node])[1 : bins.bins[f] + 1])
            shown = ", ".join(f"{bins.edges[f, code]:g}" for code in codes[:4]) + (
                ", …" if len(codes) > 4 else ""
            )
            words = f"{_name(f, names)} in {{{shown}}}"
        elif inner[node] and np.isinf(tree.threshold[node]):
            words = f"{_name(f, names)} known"
        questions.append(f"{words}\n{tree.rows[node]:,} rows")
    left = np.where(inner, tree.left, -1)
    missing_left = np.where(model.has_missing_[tree.feature], tree.missing_left, -1)
    return left, np.where(inner, tree.left + 1, -1), questions, tree.value, missing_left


def _name(feature: int, names: Sequence[str]) -> str:
    return plain_text(names[feature], 18) if 0 <= feature < len(names) else f"x{feature}"


def _places(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(nodes, 2): leaves side by side, a parent over the middle of its children, a level lower each step."""
    place = np.zeros((len(left), 2))
    waiting, order, leaves = [0], [], 0
    while waiting:
        node = waiting.pop()
        order.append(node)
        if left[node] < 0:
            place[node, 0] = leaves
            leaves += 1
        else:
            place[[left[node], right[node]], 1] = place[node, 1] - 1
            waiting += [right[node], left[node]]
    for node in reversed(order):
        if left[node] >= 0:
            place[node, 0] = (place[left[node], 0] + place[right[node], 0]) / 2
    return place
