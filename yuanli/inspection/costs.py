"""Charts of what networks cost and see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from yuanli.inspection.style import (
    BLUE,
    COLOURS,
    GREY,
    ORANGE,
    PALE,
    RED,
    frameless,
    log_scale,
    new_figure,
    panels,
    plain_text,
    styled,
)  # fmt: skip

STAGES = ("#CFE3F1", "#F7D9B5", "#CDE8DC", "#F3CDB9")  # pale blue, orange, green, red: input to output


@styled
def layer_bars(names: Sequence[str], columns: Mapping[str, Sequence[float]], title: str = "") -> Figure:
    """A bar a layer, from the first at the top, for each of the columns ("parameters in millions", …)."""
    figure, axes = panels(1, len(columns), width=3.4, height=0.9 + 0.23 * len(names), sharey=True)
    for axis, (label, values), colour in zip(axes[0], columns.items(), COLOURS, strict=False):
        axis.barh(range(len(names)), values, color=colour, alpha=0.85)
        axis.set(xlabel=label)
        axis.grid(False, axis="y")
    axes[0, 0].set_yticks(range(len(names)), [plain_text(n, 30) for n in names])
    axes[0, 0].invert_yaxis()
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure


@styled
def accuracy_circles(
    names: Sequence[str], accuracy: Sequence[float], gmacs: Sequence[float], parameters: Sequence[float],
    families: Sequence[str],
) -> Figure:  # fmt: skip
    """Accuracy in % against multiply-adds in billions; a circle's area is the number of parameters."""
    figure = new_figure(9.2, 6.2)
    axes = figure.add_subplot()
    kinds = list(dict.fromkeys(families))
    placed: list[tuple[float, float]] = []
    up = (max(accuracy) - min(accuracy)) or 1.0
    across = float(np.ptp(np.log(gmacs))) or 1.0
    for i in np.argsort(-np.asarray(parameters)):  # large ones first, so that small ones lie on top
        colour = COLOURS[kinds.index(families[i]) % 8]
        size = 9 * parameters[i] / 1e6
        axes.scatter(gmacs[i], accuracy[i], s=size, color=colour, alpha=0.55, lw=0.8, edgecolor=colour)
    for i in np.lexsort((gmacs, accuracy)):
        x, y = float(np.log(gmacs[i]) / across), float(accuracy[i] / up)
        while any(abs(x - a) < 0.13 and abs(y - b) < 0.028 for a, b in placed):
            y += 0.028
        placed.append((x, y))
        beside = 4 + float(np.sqrt(9 * parameters[i] / 1e6 / np.pi))  # points: the circle's radius and a gap
        axes.annotate(
            plain_text(names[i], 20), (gmacs[i], accuracy[i]), (beside, 330 * (y - accuracy[i] / up)),
            textcoords="offset points", fontsize=8.5, va="center",
        )  # fmt: skip
    log_scale(axes, "x")
    axes.margins(x=0.12, y=0.09)
    handles = [
        axes.scatter([], [], s=9 * m, color=GREY, alpha=0.5, label=f"{m} million") for m in (1, 10, 50)
    ]
    axes.legend(handles=handles, title="parameters", loc="lower right", labelspacing=1.6, borderpad=1.2)
    axes.set(
        xlabel="multiply-adds for one image, in billions",
        ylabel="ImageNet top-1 accuracy in %",
        title="Accuracy against cost",
    )
    return figure


@styled
def kernel_stacks(rows: Sequence[tuple[str, Sequence[int]]], reach: int) -> Figure:
    """For each (title, kernel sizes) what one output needs: its input and every map between, as marked cells.

    `reach`: the width in cells at which all are drawn; a kernel is framed at the first place it is put.
    """
    depth = max(len(kernels) for _, kernels in rows)
    left, across, down = 7, reach + 2, reach + 2.6  # of the words, a column, a row; in cells
    figure = new_figure(0.2 * (left + across * (depth + 1)), 0.2 * down * len(rows))
    axes = figure.add_subplot()
    frameless(axes)
    for line, (title, kernels) in enumerate(rows):
        cells = [1]
        for kernel in reversed(kernels):
            cells.insert(0, cells[0] + kernel - 1)
        top = down * line + 2
        axes.text(0, top + reach / 2, title, fontsize=10.5, fontweight="bold", va="center")
        for i, marked in enumerate(cells):
            x, y = left + across * (depth - len(kernels) + i), top
            edge = (reach - marked) / 2
            for r, c in np.ndindex(reach, reach):
                inside = max(abs(r - reach // 2), abs(c - reach // 2)) <= marked // 2
                colour = STAGES[i] if inside else "white"
                axes.add_patch(Rectangle((x + c, y + r), 1, 1, facecolor=colour, edgecolor=PALE, lw=0.8))
            if i < len(kernels):
                frame = Rectangle((x + edge, y + edge), kernels[i], kernels[i], fill=False, ec=RED, lw=2)
                axes.add_patch(frame)
            name = "input" if i == 0 else f"after {kernels[i - 1]}×{kernels[i - 1]}"
            text = f"{name}: {marked}×{marked}"
            axes.text(x + reach / 2, y - 0.4, text, fontsize=9, ha="center", va="bottom")
    axes.set(xlim=(0, left + across * (depth + 1)), ylim=(down * len(rows), 0), aspect="equal")
    return figure


@styled
def growth(series: Mapping[str, Sequence[int]], edge: int) -> Figure:
    """How the receptive field grows layer by layer; the dashed line is the size of the picture."""
    figure = new_figure(6.8, 4.0)
    axes = figure.add_subplot()
    for (name, sizes), colour in zip(series.items(), COLOURS, strict=False):
        axes.plot(range(1, len(sizes) + 1), sizes, color=colour, marker="o", ms=3, label=plain_text(name, 24))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.axhline(edge, color=GREY, lw=1, ls="--")
    axes.annotate(f"the picture, {edge} pixels", (1, edge), (0, 4), textcoords="offset points", fontsize=9)
    axes.set(xlabel="layers that widen the view, so far", ylabel="pixels seen, along one axis",
             title="Receptive fields")  # fmt: skip
    axes.legend()
    return figure


@styled
def comparison_bars(groups: Sequence[str], series: Mapping[str, Sequence[float]], ylabel: str) -> Figure:
    """Bars side by side: a group for each of `groups`, a bar in it for each series, with its number."""
    figure = new_figure(1.6 + min(1.5, 10 / len(groups)) * len(groups), 3.6)
    axes = figure.add_subplot()
    width = 0.8 / len(series)
    for i, ((name, values), colour) in enumerate(zip(series.items(), (BLUE, ORANGE, *COLOURS), strict=False)):
        places = np.arange(len(groups)) + (i + 0.5) * width - 0.4
        axes.bar(places, values, width * 0.94, color=colour, label=name, alpha=0.9)
        for x, v in zip(places, values, strict=True):
            axes.annotate(f"{v:,.3g}", (x, v), (0, 2), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xticks(range(len(groups)), groups)
    axes.grid(False, axis="x")
    axes.margins(y=0.12)
    axes.set_ylabel(ylabel)
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.16), ncol=len(series))
    return figure
