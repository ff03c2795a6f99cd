"""Charts of how training went and how good its result is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from yuanli.inspection.costs import beside
from yuanli.inspection.style import (
    BLACK,
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    RED,
    log_scale,
    new_figure,
    panels,
    plain_text,
    styled,
)

PANELS = {"loss": "loss", "accuracy": "accuracy", "perplexity": "perplexity", "mae": "mean absolute error"}
MOST_COUNTS = 25  # classes up to which a confusion matrix still has room for its numbers


@styled
def learning_curves(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Loss, and accuracy or another metric where it is there, against the epoch.

    `rows`: one an epoch, with `epoch`, and `train_…` or `validation_…` of PANELS.
    """
    names = [n for n in PANELS if any(f"train_{n}" in r or f"validation_{n}" in r for r in rows)] or ["loss"]
    figure, axes = panels(1, len(names), width=4.4, height=3.2)
    for axis, name in zip(axes[0], names, strict=True):
        for key, colour, dashes, label in (
            (f"train_{name}", BLUE, "-", "training"),
            (f"validation_{name}", RED, "--", "validation"),
        ):
            points = [(r["epoch"], r[key]) for r in rows if r.get(key) is not None]
            if points:
                marker = "o" if len(points) < 25 else ""
                axis.plot(*zip(*points, strict=True), dashes, color=colour, marker=marker, ms=4, label=label)
        if name == "loss" and all(r.get("train_loss", 1) > 0 for r in rows):
            log_scale(axis, "y")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.set_xlabel("epoch")
        axis.set_title(PANELS[name])
        if axis.lines:
            axis.legend()
    return figure


@styled
def curves(
    series: Mapping[str, Sequence[float]], *, xlabel: str, ylabel: str, title: str = "", log: bool = False
) -> Figure:
    """Several lines over 1, 2, 3, …, each with its name."""
    figure = new_figure(6.4 if len(series) <= 3 else 8.2, 3.8)
    axes = figure.add_subplot()
    styles = ("-", "--", "-.", ":")
    for i, (name, values) in enumerate(series.items()):
        axes.plot(
            range(1, len(values) + 1), values, styles[i % 4], color=COLOURS[i % 8], label=plain_text(name, 40)
        )
    axes.set(xlabel=xlabel, ylabel=ylabel, title=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if log:
        log_scale(axes, "y")
    if len(series) > 3:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    else:
        axes.legend()
    return figure


@styled
def cross_validation(
    candidates: Sequence[int], scores: Mapping[str, np.ndarray], *, xlabel: str, ylabel: str
) -> Figure:
    """For each name the scores (folds, candidates) as dots, their mean as a line, the best mean ringed."""
    figure = new_figure(6.4, 3.8)
    axes = figure.add_subplot()
    for (name, folds), colour, dashes in zip(
        scores.items(), COLOURS, ("-", "--", "-.", ":") * 2, strict=False
    ):
        percents, mean = 100 * np.asarray(folds), 100 * np.mean(folds, axis=0)
        best = int(mean.argmax())
        for fold in percents:
            axes.plot(candidates, fold, ".", color=colour, alpha=0.35, ms=5)
        label = f"{plain_text(name)}: best {candidates[best]:g}, {mean[best]:.1f} %"
        axes.plot(candidates, mean, dashes, color=colour, label=label)
        axes.plot(candidates[best], mean[best], "o", mfc="none", mec=colour, ms=11, mew=2)
    axes.plot([], [], ".", color=GREY, alpha=0.5, label="single folds")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.legend()
    return figure


@styled
def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Rows the truth, columns the prediction; the shade is the share of the row, the number the count."""
    counts = np.asarray(counts)
    K = len(counts)
    side = float(np.clip(1.6 + 0.46 * K, 3.4, 13))
    figure = new_figure(side + 0.5, side)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    shown = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.grid(False)
    if K <= MOST_COUNTS:
        for i, j in np.ndindex(K, K):
            if counts[i, j]:
                colour = "white" if shares[i, j] > 0.55 else RED if i != j else BLACK
                axes.text(j, i, str(counts[i, j]), ha="center", va="center", color=colour, fontsize=9)
        labels = [plain_text(c, 14) for c in classes]
        upright = max(map(len, labels), default=0) > 3
        axes.set_xticks(range(K), labels, rotation=90 if upright else 0)
        axes.set_yticks(range(K), labels)
    axes.set(xlabel="predicted", ylabel="true", title="Confusion matrix (counts)")
    figure.colorbar(shown, ax=axes, label="share of the true class", shrink=0.75)
    return figure


@styled
def accuracy_bars(
    names: Sequence[str], accuracy: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> Figure:
    """One bar a model, best on top, with its 95 % interval; the axis starts at 0."""
    order = np.argsort(accuracy)
    value, start, end = (100 * np.asarray(v, float)[order] for v in (accuracy, low, high))
    figure = new_figure(6.8, 1.0 + 0.42 * len(order))
    axes = figure.add_subplot()
    axes.barh(range(len(order)), value, color=BLUE, height=0.62, alpha=0.85)
    error = np.maximum(0, [value - start, end - value])
    axes.errorbar(value, range(len(order)), xerr=error, fmt="none", ecolor=BLACK, capsize=3, lw=1.2)
    for i, (v, x) in enumerate(zip(value, end, strict=True)):
        axes.annotate(f"{v:.1f} %", (x, i), (5, 0), textcoords="offset points", va="center", fontsize=9)
    axes.set_yticks(range(len(order)), [plain_text(names[i], 28) for i in order])
    axes.set_xlim(0, 112)
    axes.set_xticks(range(0, 101, 20))
    axes.grid(False, axis="y")
    axes.set(xlabel="accuracy on the test data in %, with 95 % interval")
    return figure


@styled
def accuracy_against(
    names: Sequence[str], accuracy: Sequence[float], cost: Sequence[float], xlabel: str
) -> Figure:
    """A point a model: cheap is left, good is up; the cost axis is logarithmic."""
    figure = new_figure(6.4, 4.4)
    axes = figure.add_subplot()
    x, y = np.maximum(np.asarray(cost, float), 1e-9), 100 * np.asarray(accuracy, float)
    axes.scatter(x, y, s=45, color=BLUE, zorder=3)
    log_scale(axes, "x")
    axes.margins(0.12)
    labels = [plain_text(name, 20) for name in names]
    right, up = 320 * _unit(np.log(x)), 210 * _unit(y)  # points; the axes have about so many between margins
    places = beside(right, up, np.full(len(x), 4.0), [5.5 * len(label) for label in labels])
    for i, place in enumerate(places):
        axes.annotate(labels[i], (x[i], y[i]), place, textcoords="offset points", fontsize=9, va="center")
    axes.set(xlabel=xlabel, ylabel="accuracy in %")
    return figure


def _unit(values: np.ndarray) -> np.ndarray:
    """Values brought to 0 … 1."""
    return (values - values.min()) / (float(np.ptp(values)) or 1.0)


@styled
def residuals(truth: np.ndarray, predicted: np.ndarray) -> Figure:
    """Predicted against true, and the residuals (true − predicted) against the prediction."""
    figure, axes = panels(1, 2, width=4.2, height=3.6)
    ends = [float(min(truth.min(), predicted.min())), float(max(truth.max(), predicted.max()))]
    left, right = axes[0]
    left.scatter(truth, predicted, s=14, alpha=0.6, color=BLUE)
    left.plot(ends, ends, color=GREY, lw=1, label="perfect")
    left.set(xlabel="true", ylabel="predicted", title="Predictions")
    left.legend()
    right.scatter(predicted, truth - predicted, s=14, alpha=0.6, color=ORANGE)
    right.axhline(0, color=GREY, lw=1)
    right.set(xlabel="predicted", ylabel="true − predicted", title="Residuals")
    return figure
