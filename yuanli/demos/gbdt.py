"""Gradient boosting: trees on the residuals of trees, and a tree to look at."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli.classical import GradientBoostingRegressor, HistGradientBoostingClassifier
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.errors import ValueRangeError
from yuanli.inspection.style import BLACK, BLUE, GREY, ORANGE, RED, new_figure, panels, save, styled
from yuanli.inspection.trees import tree_picture

STAGES = (0, 1, 2, 5, 20)  # trees after which the sum is drawn
WAVE = 2 * np.pi


def gbdt(out: Path, seed: int = 0, *, trees: int = 300, learning_rate: float = 0.5) -> Demonstration:
    """A curve from trees two questions deep; then breast cancer, over `trees` trees, and its first tree."""
    if not 0 < learning_rate <= 1:
        raise ValueRangeError(f"learning_rate needs a number above 0 and at most 1, got {learning_rate:g}")
    rng = np.random.default_rng(seed)
    x = np.sort(rng.random(120))
    y = np.sin(WAVE * x) + np.where(x > 0.7, 0.8, 0) + 0.15 * rng.normal(size=len(x))
    curve = GradientBoostingRegressor(
        n_estimators=max(STAGES), max_depth=2, learning_rate=learning_rate, random_state=seed
    ).fit(x[:, None], y)
    sums = [np.full(len(x), y.mean()), *curve.staged_predict(x[:, None])]
    left = [float(np.sqrt(np.mean((y - total) ** 2))) for total in sums]
    data = load("breast_cancer", seed=seed)
    boosted = HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=8).fit(data.train.x, data.train.y)
    errors = {
        name: [float(np.mean(labels != part.y)) for labels in boosted.staged_predict(part.x)]
        for name, part in (("training", data.train), ("test", data.test))
    }
    names = [feature.name for feature in data.train.features]
    first = np.argsort(boosted.feature_importances_)[::-1][:3]
    lines = [
        f"each tree is fitted to what the sum so far leaves over, and {learning_rate:g} of it is added",
        *table(["trees", "root mean squared residual"], [[t, left[t]] for t in STAGES]),
        f"breast cancer: {percent(1 - errors['test'][-1])} of the test rows right after {trees} trees, "
        f"{percent(1 - errors['test'][0])} after one",
        "what most loss was removed by: " + ", ".join(names[f] for f in first),
    ]
    numbers = {"residual": [left[t] for t in STAGES], "errors": errors, "first": sums[1][:3].tolist()}
    pictures = [
        save(_residuals(x, y, sums, learning_rate), out / "gbdt.png"),
        save(_errors(errors), out / "gbdt_errors.png"),
        save(tree_picture(boosted, names=names), out / "gbdt_tree.png"),
    ]
    return Demonstration(lines, numbers, pictures)


@styled
def _residuals(x: np.ndarray, y: np.ndarray, sums: list[np.ndarray], rate: float) -> Figure:
    """Above the sum of the trees so far; below what it leaves over, and the next tree's answer to that."""
    figure, axes = panels(2, len(STAGES), width=2.7, height=2.5, sharex=True, sharey="row")
    for (above, below), trees in zip(axes.T, STAGES, strict=True):
        above.plot(x, y, "o", ms=2.5, color=GREY, alpha=0.6)
        above.step(x, sums[trees], where="mid", color=BLUE)
        words = {0: "the mean", 1: "1 tree"}.get(trees, f"{trees} trees")
        above.set_title(f"F: {words}")
        below.plot(x, y - sums[trees], "o", ms=2.5, color=ORANGE)
        below.axhline(0, color=BLACK, lw=0.8)
        if trees + 1 < len(sums):
            below.step(x, (sums[trees + 1] - sums[trees]) / rate, where="mid", color=RED)
        below.set_title(f"residual {np.sqrt(np.mean((y - sums[trees]) ** 2)):.2f}")
        below.set_xlabel("x")
    axes[0, 0].set_ylabel("y, and the sum of the trees F")
    axes[1, 0].set_ylabel("y − F, and the next tree")
    return figure


@styled
def _errors(errors: dict[str, list[float]]) -> Figure:
    figure = new_figure(6.0, 3.4)
    axes = figure.add_subplot()
    for (name, values), colour, dashes in zip(errors.items(), (BLUE, RED), ("-", "--"), strict=True):
        axes.plot(range(1, len(values) + 1), np.multiply(values, 100), dashes, color=colour, label=name)
    axes.set(xlabel="trees", ylabel="wrong rows (%)", title="Breast cancer", ylim=(0, None))
    axes.legend()
    return figure
