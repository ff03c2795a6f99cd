"""Charts of what networks cost and see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import to_rgb
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
    names: Sequence[str],
    accuracy: Sequence[float],
    gmacs: Sequence[float],
    parameters: Sequence[float],
    families: Sequence[str],
) -> Figure:
    """Accuracy in % against multiply-adds in billions; a circle's area is the number of parameters."""
    figure = new_figure(9.6, 6.6)
    axes = figure.add_subplot()
    kinds = list(dict.fromkeys(families))
    colours = [COLOURS[kinds.index(family) % 8] for family in families]
    areas = [9 * p / 1e6 for p in parameters]  # square points
    for i in np.argsort(-np.asarray(areas)):  # large ones first, so that small ones lie on top
        axes.scatter(gmacs[i], accuracy[i], areas[i], colours[i], alpha=0.55, lw=0.8, edgecolor=colours[i])
    log_scale(axes, "x")
    left, right = min(gmacs) / 1.5, max(gmacs) * 3
    low, high = min(accuracy) - 2.5, max(accuracy) + 2.5
    axes.set(xlim=(left, right), ylim=(low, high))
    x = 610 * np.log(np.divide(gmacs, left)) / np.log(right / left)  # the axes are some 610 × 415 points
    y = 415 * (np.asarray(accuracy) - low) / (high - low)
    labels = [plain_text(name, 20) for name in names]
    for i, (dx, dy) in enumerate(
        beside(x, y, np.sqrt(np.divide(areas, np.pi)), [5 * len(n) for n in labels])
    ):
        dark = np.multiply(0.5, to_rgb(colours[i]))  # circles lie on one another
        axes.annotate(labels[i], (gmacs[i], accuracy[i]), (dx, dy), textcoords="offset points", fontsize=8,
                      va="center", color=tuple(dark))  # fmt: skip
    handles = [axes.scatter([], [], 9 * m, GREY, alpha=0.5, label=f"{m} million") for m in (1, 10, 50)]
    axes.legend(handles=handles, title="parameters", loc="lower right", labelspacing=1.6, borderpad=1.2)
    axes.set(
        xlabel="multiply-adds for one image, in billions",
        ylabel="ImageNet top-1 accuracy in %",
        title="Accuracy against cost",
    )
    return figure


def beside(
    x: np.ndarray, y: np.ndarray, radius: np.ndarray, widths: Sequence[float]
) -> list[tuple[float, float]]:
    """Where each label begins, seen from its circle's middle: on the side where it covers least."""
    boxes: list[tuple[float, float, float, float]] = []
    places = []
    for i, width in enumerate(widths):
        r = radius[i] + 3
        up, right, left = r * 0.6 + 5, r * 0.8, -r * 0.8 - width
        sides = [(r, 0), (-r - width, 0), (-width / 2, r + 5), (-width / 2, -r - 5)]
        tries = [*sides, (right, up), (right, -up), (left, up), (left, -up)]
        found = []
        for dx, dy in tries:
            box = (x[i] + dx, x[i] + dx + width, y[i] + dy - 5, y[i] + dy + 5)
            names = sum(box[0] < b[1] and b[0] < box[1] and box[2] < b[3] and b[2] < box[3] for b in boxes)
            nearest_x, nearest_y = np.clip(x, box[0], box[1]), np.clip(y, box[2], box[3])
            circles = int(np.sum(np.hypot(x - nearest_x, y - nearest_y) < radius))
            found.append((3 * names + circles, box, (dx, dy)))
        _, box, place = min(found, key=lambda f: f[0])
        boxes.append(box)
        places.append(place)
    return places


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
