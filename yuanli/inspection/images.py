"""Pictures made of pictures: grids, mistakes, predictions, templates, feature maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from yuanli.inspection.style import (
    BLACK,
    BLUE,
    DIVERGING,
    GREEN,
    GREY,
    PALE,
    RED,
    as_picture,
    frameless,
    new_figure,
    panels,
    plain_text,
    styled,
)


@styled
def grid(
    images: Sequence[np.ndarray], titles: Sequence[str] = (), *, columns: int = 8, size: float = 1.25
) -> Figure:
    """Images (C, H, W) or (H, W) in rows, each under its title; grey ones are drawn white on black."""
    figure, _ = tiles([as_picture(image) for image in images], titles, columns=columns, size=size)
    return figure


def tiles(
    pictures: Sequence[np.ndarray],
    titles: Sequence[str],
    *,
    columns: int,
    size: float,
    fontsize: float = 8.5,
    **options: Any,
) -> tuple[Figure, AxesImage | None]:
    """Pictures of `size` inches in rows on one pair of axes: much faster to draw than a pair for each."""
    look: Any = {"cmap": "gray", "vmin": 0, "vmax": 1} | options
    columns = max(1, min(columns, len(pictures)))
    lines = max((t.count("\n") + 1 for t in titles), default=0)
    longest = max((len(line) for t in titles for line in t.split("\n")), default=0)
    size = max(size, 0.6 * fontsize / 72 * longest)  # so that neighbouring titles stay apart
    height = 1.06 + 1.3 * lines * fontsize / 72 / size  # of a row, in widths of a picture
    rows = max(1, -(-len(pictures) // columns))
    figure = new_figure(size * (1.06 * columns + 0.1), size * (height * rows + 0.1))
    axes = figure.add_subplot()
    frameless(axes)
    shown = None
    for i, picture in enumerate(pictures):
        left, bottom = 1.06 * (i % columns), -height * (i // columns + 1)
        h, w = picture.shape[:2]
        x, y = (1 - w / max(h, w)) / 2, (1 - h / max(h, w)) / 2  # in the middle of its square
        box = (left + x, left + 1 - x, bottom + y, bottom + 1 - y)
        shown = axes.imshow(picture, extent=box, interpolation="nearest", **look)
        if titles:
            axes.text(left + 0.5, bottom + 1.02, titles[i], ha="center", va="bottom", fontsize=fontsize)
    axes.set(xlim=(-0.03, 1.06 * columns - 0.03), ylim=(-height * rows - 0.03, 0), aspect="equal")
    return figure, shown


def mistakes(
    images: np.ndarray, truth: np.ndarray, probabilities: np.ndarray, classes: Sequence[str], most: int = 24
) -> Figure:
    """The worst mistakes, worst first: where the true class was given the least probability."""
    wrong = worst(truth, probabilities)[:most]
    titles = []
    for i in wrong:
        guess = int(probabilities[i].argmax())
        titles.append(
            f"true {plain_text(classes[truth[i]], 12)}\n"
            f"said {plain_text(classes[guess], 12)}, {100 * probabilities[i, guess]:.0f} %"
        )
    return grid([images[i] for i in wrong], titles, columns=6 if max(map(len, classes)) > 6 else 8)


def worst(truth: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The rows that were classified wrongly, the least probability of the true class first."""
    wrong = np.flatnonzero(probabilities.argmax(1) != truth)
    return wrong[np.argsort(probabilities[wrong, truth[wrong]], kind="stable")]


@styled
def predictions(
    images: np.ndarray,
    truth: np.ndarray | None,
    probabilities: np.ndarray,
    classes: Sequence[str],
    shown: int = 3,
) -> Figure:
    """Each image beside bars of its likeliest classes: green the true one, red a wrong guess, others blue."""
    longest = min(16, max(map(len, classes)))
    start, full = 1.2 + 0.085 * longest, 2.6  # inches to the bars, and of a bar of 100 %: one unit is an inch
    figure = new_figure(start + full + 0.8, 1.05 * len(images) + 0.1)
    axes = figure.add_subplot()
    frameless(axes)
    for row, (image, p) in enumerate(zip(images, probabilities, strict=True)):
        bottom, true = -1.05 * (row + 1), None if truth is None else int(truth[row])
        picture = as_picture(image)
        box = (0, 0.8, bottom, bottom + 0.8)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, extent=box, interpolation="nearest")
        if true is not None:
            name = f"true {plain_text(classes[true], 14)}"
            axes.text(0.4, bottom + 0.82, name, ha="center", va="bottom", fontsize=9)
        for place, k in enumerate(np.argsort(-p, kind="stable")[:shown]):
            y = bottom + 0.8 * (1 - (place + 0.5) / shown)
            colour = GREEN if k == true else RED if place == 0 and true is not None else BLUE
            axes.barh(y, full * p[k], 0.5 / shown, left=start, color=colour)
            axes.text(start - 0.08, y, plain_text(classes[k], 16), ha="right", va="center", fontsize=9)
            axes.text(start + full * p[k] + 0.06, y, f"{100 * p[k]:.1f} %", va="center", fontsize=8.5)
        axes.plot([start, start], [bottom, bottom + 0.8], color=GREY, lw=0.8)
    axes.set(xlim=(-0.1, start + full + 0.6), ylim=(-1.05 * len(images) - 0.05, 0.05), aspect="equal")
    return figure


@styled
def templates(weights: np.ndarray, classes: Sequence[str]) -> Figure:
    """A linear classifier's weights (K, C, H, W) as images: orange speaks for the class, purple against."""
    top = float(np.abs(weights).max()) or 1.0
    names = [plain_text(name, 14) for name in classes]
    figure, shown = tiles(
        weights.mean(1), names, columns=5, size=1.5, fontsize=10, cmap=DIVERGING, vmin=-top, vmax=top
    )
    if shown is not None:
        figure.colorbar(shown, ax=figure.axes, label="weight", shrink=0.8)
    return figure


@styled
def maps(groups: Sequence[tuple[str, Sequence[np.ndarray]]], *, columns: int = 8) -> Figure:
    """For each (name, maps (H, W) or pictures (H, W, 3)) these in rows, each map to its own scale."""
    lines = [
        (name if start == 0 else "", array[start : start + columns])
        for name, array in groups
        for start in range(0, len(array), columns)
    ]
    figure, axes = panels(len(lines), min(columns, max(len(a) for _, a in groups)), width=0.95, height=1.05)
    for row, (name, channels) in zip(axes, lines, strict=True):
        for axis in row:
            frameless(axis)
        for axis, channel in zip(row, channels, strict=False):
            axis.imshow(channel, cmap="gray", interpolation="nearest")
        row[0].set_title(" ", fontsize=9.5)  # makes room above, and, being narrow, none beside
        row[0].annotate(name, (0, 1), (0, 6), xycoords="axes fraction", textcoords="offset points",
                        fontsize=9.5, fontweight="bold", in_layout=False)  # fmt: skip
    return figure


@styled
def bases(groups: Mapping[str, np.ndarray], *, columns: int = 16) -> Figure:
    """For each name its bases (K, C, h, w) side by side, each to its own scale, grey where it is 0."""
    rows = [-(-len(group) // columns) for group in groups.values()]
    figure, axes = panels(len(groups), 1, width=0.42 * columns, height=0.42 * max(rows) + 0.35)
    for axis, (name, group) in zip(axes[:, 0], groups.items(), strict=True):
        frameless(axis)
        K, C, h, w = group.shape
        sheet = np.ones((-(-K // columns) * (h + 1) - 1, columns * (w + 1) - 1, C), np.float32)
        for k, base in enumerate(group / np.abs(group).max((1, 2, 3), keepdims=True)):
            top, left = k // columns * (h + 1), k % columns * (w + 1)
            sheet[top : top + h, left : left + w] = 0.5 + 0.5 * base.transpose(1, 2, 0)
        axis.imshow(sheet if C == 3 else sheet[:, :, 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axis.set_title(plain_text(name, 40))
    return figure


@styled
def neighbours(
    images: np.ndarray, rows: Sequence[Sequence[int]], names: Sequence[str], classes: np.ndarray
) -> Figure:
    """A row a query: its image, then its nearest neighbours, framed green in the query's class, else red.

    `rows` are numbers of images (N, C, H, W), the query first.
    """
    order = [i for row in rows for i in row]
    titles = [plain_text(names[i], 14) for i in order]
    columns = len(rows[0])
    figure, _ = tiles([as_picture(images[i]) for i in order], titles, columns=columns, size=1.05)
    axes = figure.axes[0]
    for box, (place, i) in zip(axes.get_images(), enumerate(order), strict=True):
        left, right, bottom, top = box.get_extent()
        right_class = classes[i] == classes[order[place - place % columns]]
        colour = BLACK if place % columns == 0 else GREEN if right_class else RED
        axes.add_patch(
            Rectangle((left, bottom), right - left, top - bottom, fill=False, edgecolor=colour, lw=2)
        )
    axes.axvline(1.03, color=GREY, lw=0.8)
    axes.set_title(
        "left: the query; right: its neighbours, the nearest first; green: the same class", fontsize=10
    )
    return figure


@styled
def numbers(
    tables: Sequence[tuple[str, np.ndarray]], *, digits: int = 3, marked: Sequence[np.ndarray | None] = ()
) -> Figure:
    """Small matrices with their numbers written in; `marked`: for each the cells to set off, or None."""
    heights = [t.shape[0] for _, t in tables]
    widths = [max(t.shape[1], 3) for _, t in tables]  # room for the title
    figure, axes = panels(1, len(tables), width=0.62 * sum(widths) / len(tables) + 0.4,
                          height=0.55 * max(heights) + 0.6, width_ratios=widths)  # fmt: skip
    for i, (axis, (name, table)) in enumerate(zip(axes[0], tables, strict=True)):
        frameless(axis)
        mask = marked[i] if i < len(marked) else None
        for (r, c), value in np.ndenumerate(table):
            face = "#CFE3F1" if mask is not None and mask[r, c] else "white"
            axis.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, facecolor=face, edgecolor=PALE, lw=1.5))
            axis.text(c, r, f"{value:.{digits}g}", ha="center", va="center", fontsize=10,
                      color=BLACK if value else GREY)  # fmt: skip
        axis.set(xlim=(-0.55, table.shape[1] - 0.45), ylim=(table.shape[0] - 0.45, -0.55), aspect="equal")
        axis.set_title(name, fontsize=10, loc="center")
    return figure


@styled
def pixels(image: np.ndarray, part: np.ndarray, title: str = "") -> Figure:
    """An image (C, H, W), and beside it the numbers of a part (h, w) of one channel on their grey."""
    figure, axes = panels(1, 2, width=4.2, height=4.2)
    for axis, array in zip(axes[0], (as_picture(image), part / 255), strict=True):
        frameless(axis)
        axis.imshow(array, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    for (r, c), value in np.ndenumerate(part):
        axes[0, 1].text(c, r, str(value), ha="center", va="center", color="white" if value < 140 else BLACK)
    axes[0, 0].set_title(plain_text(title, 40))
    axes[0, 1].set_title("the numbers in it")
    return figure
