"""Words as points in the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from yuanli.inspection.style import COLOURS, GREY, frameless, new_figure, plain_text, styled


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


@styled
def word_map(
    words: Sequence[str], points: np.ndarray, groups: Sequence[int] | None = None, title: str = ""
) -> Figure:
    """Each word at its point (N, 2), in the colour of its group; near words share their meaning."""
    side = float(np.clip(len(words) ** 0.5, 5, 12))
    figure = new_figure(1.15 * side, 0.85 * side)
    axes = figure.add_subplot()
    frameless(axes)
    for i, (word, (x, y)) in enumerate(zip(words, points, strict=True)):
        colour = COLOURS[groups[i] % len(COLOURS)] if groups is not None else COLOURS[0]
        axes.plot(x, y, ".", color=colour, ms=4, alpha=0.6)
        above: Any = {"xytext": (0, 2), "textcoords": "offset points", "ha": "center"}
        axes.annotate(plain_text(word), (x, y), fontsize=8, color=colour, **above)
    axes.margins(0.07)
    if title:
        axes.set_title(title)
    axes.set_xlabel("the plane has no scale: only what lies near what counts", fontsize=8, color=GREY)
    return figure
