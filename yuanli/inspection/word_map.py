"""Words as points in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from yuanli.inspection.style import COLOURS, GREY, frameless, new_figure, plain_text, styled

SIZE = 8  # of the words, in typographic points


def principal_plane(vectors: np.ndarray) -> np.ndarray:
    """The directions of vectors (N, D), as far as two axes can show them: their first principal components.

    The plane through the mean of the unit vectors in which they spread most, by the singular value
    decomposition; the larger part of each axis points right or up.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    _, _, axes = np.linalg.svd(unit - unit.mean(0), full_matrices=False)
    points = (unit - unit.mean(0)) @ axes[:2].T
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    return points * np.where((points**3).sum(0) < 0, -1, 1)


def spread_out(vectors: np.ndarray, seed: int = 0) -> np.ndarray:
    """Vectors (N, D) in the plane so that near neighbours stay neighbours: scikit-learn's t-SNE."""
    from sklearn.manifold import TSNE

    if len(vectors) < 12:
        return principal_plane(vectors)
    perplexity = min(15, (len(vectors) - 1) / 3)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(unit.astype(np.float64))


def _room(words: Sequence[str], points: np.ndarray, size: np.ndarray) -> list[tuple[float, float]]:
    """Where each word is written, in typographic points from its own: the first place that is free.

    size: the width and height of the picture in the same unit.
    """
    low, high = points.min(0), points.max(0)
    places = (points - low) / np.where(high > low, high - low, 1) * size
    taken = np.zeros((0, 4))  # left, bottom, right, top
    shifts = []
    for word, place in zip(words, places, strict=True):
        half = np.array([0.31 * len(plain_text(word)) + 0.1, 0.55]) * SIZE
        aside = half[0] + 4
        near = [(0.0, SIZE * 0.9), (0.0, -SIZE * 0.9), (aside, 0.0), (-aside, 0.0)]
        above = [(0.0, side * SIZE * (2 + 1.1 * k)) for k in range(6) for side in (1, -1)]
        for shift in [*near, *above]:
            box = np.r_[place + shift - half, place + shift + half]
            apart = (taken[:, :2] >= box[2:]) | (taken[:, 2:] <= box[:2])
            if apart.any(1).all():
                break
        else:
            shift = near[0]
        taken = np.vstack([taken, box])
        shifts.append(shift)
    return shifts


@styled
def word_map(
    words: Sequence[str],
    points: np.ndarray,
    groups: Sequence[int] | None = None,
    title: str = "",
    arrows: Sequence[tuple[int, int]] = (),
) -> Figure:
    """Each word at its point (N, 2), in the colour of its group; arrows from one to another."""
    side = float(np.clip(len(words) ** 0.5, 5, 12))
    figure = new_figure(1.15 * side, 0.85 * side)
    axes = figure.add_subplot()
    frameless(axes)
    shifts = _room(words, points, 72 * figure.get_size_inches() * 0.9)
    for i, (word, (x, y)) in enumerate(zip(words, points, strict=True)):
        colour = COLOURS[groups[i] % len(COLOURS)] if groups is not None else COLOURS[0]
        axes.plot(x, y, ".", color=colour, ms=4, alpha=0.6)
        beside: Any = {"xytext": shifts[i], "textcoords": "offset points", "ha": "center", "va": "center"}
        axes.annotate(plain_text(word), (x, y), fontsize=SIZE, color=colour, **beside)
    for start, end in arrows:
        along = {"arrowstyle": "->", "color": GREY, "shrinkA": 6, "shrinkB": 6, "alpha": 0.7}
        axes.annotate("", points[end], points[start], arrowprops=along)
    axes.margins(0.07)
    if title:
        axes.set_title(title)
    axes.set_xlabel("the plane has no scale: only what lies near what counts", fontsize=8, color=GREY)
    return figure
