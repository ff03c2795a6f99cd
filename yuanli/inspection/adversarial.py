"""Pictures of a game: its curves, what the generator made over time, densities in the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage

from yuanli.data.pictures import decode
from yuanli.errors import DataError
from yuanli.inspection.style import (
    BLACK,
    DIVERGING,
    GREY,
    RED,
    as_picture,
    frameless,
    new_figure,
    panels,
    styled,
)

MOMENTS, EACH = 10, 12  # rows of a film strip, and images of each


@styled
def game_curves(rows: Sequence[Mapping[str, float]]) -> Figure:
    """Both players' losses, and the shares of real and made images the discriminator knew."""
    epochs = [row["epoch"] for row in rows]
    figure, axes = panels(1, 2, width=4.4, height=3.2)
    losses, known = axes[0]
    for name, label in (("discriminator_loss", "discriminator"), ("generator_loss", "generator")):
        losses.plot(epochs, [row[f"train_{name}"] for row in rows], "o-", ms=3, label=label)
    losses.axhline(2 * np.log(2), color=GREY, lw=1, ls=":")
    losses.annotate("2 ln 2: the discriminator only guesses", (epochs[0], 2 * np.log(2)), (0, 3),
                    textcoords="offset points", fontsize=8, color=GREY)  # fmt: skip
    losses.set(xlabel="epoch", title="Losses", ylim=(0, None))
    losses.legend()
    for name, label in (("real_known", "real images"), ("made_known", "made images")):
        known.plot(epochs, [100 * row[f"train_{name}"] for row in rows], "o-", ms=3, label=label)
    known.axhline(50, color=GREY, lw=1, ls=":")
    known.set(xlabel="epoch", title="Known by the discriminator, %", ylim=(0, 103))
    known.legend()
    return figure


@styled
def strip(folder: Path, shape: tuple[int, ...]) -> Figure:
    """The first images of each moment kept in `folder` (step-….png, images in rows of 8), a row a moment."""
    C, H, W = shape
    files = sorted(folder.glob("step-*.png"))
    if not files:
        raise DataError(f"{folder} keeps no images of the training")
    chosen = [files[i] for i in np.unique(np.linspace(0, len(files) - 1, MOMENTS).round().astype(int))]
    figure = new_figure(0.62 * EACH + 0.9, 0.62 * len(chosen) * H / W + 0.1)
    axes = figure.subplots(len(chosen), 1, squeeze=False)[:, 0]
    for axis, file in zip(axes, chosen, strict=True):
        sheet = decode(file, str(file), C)
        images = [sheet[:, i // 8 * H : (i // 8 + 1) * H, i % 8 * W : (i % 8 + 1) * W] for i in range(EACH)]
        frameless(axis)
        axis.imshow(
            as_picture(np.concatenate(images, 2)), cmap="gray", vmin=0, vmax=1, interpolation="nearest"
        )
        axis.set_ylabel(f"{int(file.stem.partition('-')[2]):,}", rotation=0, ha="right", va="center")
    figure.supylabel("step", fontsize=9)
    return figure


@styled
def density_strip(
    seen: Sequence[tuple[int, np.ndarray, np.ndarray]], density: Callable[[np.ndarray], np.ndarray]
) -> Figure:
    """For each (step, points made (N, 2), D on a square grid over ±3): both densities, and D's field.

    The true density is contours; the made one is the points' histogram, smoothed a little.
    """
    side = len(seen[0][2])
    axis = np.linspace(-3, 3, side)
    true = density(np.stack(np.meshgrid(axis, axis), -1))
    figure, axes = panels(2, len(seen), width=2.3, height=2.35)
    shown = None
    for column, (step, points, field) in zip(axes.T, seen, strict=True):
        for one in column:
            frameless(one)
            one.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        counts, _, _ = np.histogram2d(points[:, 1], points[:, 0], side, range=[[-3, 3], [-3, 3]])
        made = ndimage.gaussian_filter(counts, 1)
        column[0].imshow(
            made, extent=(-3, 3, -3, 3), origin="lower", cmap="Blues", vmax=np.quantile(made, 0.999)
        )
        column[0].contour(axis, axis, true, levels=[true.max() / 8], colors=[RED], linewidths=0.9)
        column[0].set_title(f"step {step:,}", loc="center", fontsize=10)
        shown = column[1].imshow(field, extent=(-3, 3, -3, 3), origin="lower", cmap=DIVERGING, vmin=0, vmax=1)
        column[1].contour(axis, axis, true, levels=[true.max() / 8], colors=[BLACK], linewidths=0.7)
    axes[0, 0].set_ylabel("made (blue), true (red)")
    axes[1, 0].set_ylabel("D: takes for real")
    if shown is not None:
        figure.colorbar(shown, ax=axes[1], shrink=0.8, label="D(x)")
    return figure
