"""What makes recognition hard, one strength after the other: how far a classifier gets on disturbed images.

The images of a test set are turned, moved, resized, covered, given another background, made noisy or blurred;
the label stays.  Viewpoint, scale, deformation of the signal, occlusion, background clutter: the list of the
study note, and of Stanford's cs231n, "Image classification: challenges".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure
from scipy import ndimage

from yuanli.errors import DataError
from yuanli.inspection.style import BLUE, GREY, as_picture, frameless, new_figure, styled
from yuanli.training.metrics import wilson_interval

GRAIN = 0.08  # how coarse a new background is, as a share of the width


class Disturbance(NamedTuple):
    """What is done to an image (C, H, W) of float32 in 0 … 255 at a `strength`, measured in `unit`."""

    name: str
    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Point:
    """The accuracy under one disturbance at one strength, with its 95 % interval."""

    disturbance: str
    strength: float
    unit: str
    accuracy: float
    low: float
    high: float


def rotate(image: np.ndarray, degrees: float, rng: np.random.Generator) -> np.ndarray:
    """Turned about its centre, one way or the other."""
    angle = np.deg2rad(degrees) * _sign(rng)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return _mapped(image, turn, np.zeros(2))


def shift(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Moved by a share of its width in a random direction."""
    angle = rng.uniform(0, 2 * np.pi)
    return _mapped(image, np.eye(2), share * image.shape[2] * np.array([np.sin(angle), np.cos(angle)]))


def scale(image: np.ndarray, factor: float, rng: np.random.Generator) -> np.ndarray:
    """So many times as large, about its centre."""
    return _mapped(image, np.eye(2) / factor, np.zeros(2))


def occlude(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """A grey square over that share of its area, anywhere."""
    _, height, width = image.shape
    h, w = (round(side * share**0.5) for side in (height, width))
    top, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    covered = image.copy()
    covered[:, top : top + h, left : left + w] = 127.5
    return covered


def change_background(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """What has the colour of the rim gives way, by that share, to a random smooth texture.

    Background is what resembles the rim's median colour b:  m = exp(−‖x − b‖² / 2σ²),  σ = 32 a channel.
    """
    _, height, width = image.shape
    rim = np.concatenate([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], 1)
    distance2 = ((image - np.median(rim, 1)[:, None, None]) ** 2).mean(0)
    mask = np.exp(-distance2 / (2 * 32**2))
    texture = ndimage.gaussian_filter(
        rng.standard_normal(image.shape), (0, GRAIN * height, GRAIN * width), mode="wrap"
    )
    texture = 127.5 + 60 * texture / max(float(texture.std()), 1e-9)
    return image + share * mask * (texture - image)


def add_noise(image: np.ndarray, deviation: float, rng: np.random.Generator) -> np.ndarray:
    """Normal noise on every number."""
    return image + deviation * rng.standard_normal(image.shape)


def blur(image: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Averaged with a Gaussian whose deviation is that share of the width."""
    return ndimage.gaussian_filter(image, (0, share * image.shape[2], share * image.shape[2]), mode="nearest")


DISTURBANCES = (
    Disturbance("rotation", "°", (0, 10, 20, 30, 45, 60, 90), rotate),
    Disturbance("shift", "of the width", (0, 0.05, 0.1, 0.15, 0.2, 0.3), shift),
    Disturbance("scale", "×", (0.4, 0.6, 0.8, 1, 1.25, 1.6, 2), scale),
    Disturbance("occlusion", "of the area", (0, 0.05, 0.1, 0.2, 0.35, 0.5), occlude),
    Disturbance("background", "replaced", (0, 0.2, 0.4, 0.6, 0.8, 1), change_background),
    Disturbance("noise", "grey levels", (0, 16, 32, 64, 96, 128), add_noise),
    Disturbance("blur", "of the width", (0, 0.02, 0.04, 0.08, 0.12, 0.16), blur),
)


def disturb(x: np.ndarray, disturbance: Disturbance, strength: float, seed: int) -> np.ndarray:
    """Images uint8 (N, C, H, W), each disturbed in its own way; what comes from outside continues the rim."""
    rng = np.random.default_rng(seed)
    done = [disturbance.apply(image.astype(np.float32), strength, rng) for image in x]
    return np.clip(np.rint(done), 0, 255).astype(np.uint8)


def stress(
    answer: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    seed: int = 0,
    disturbances: Sequence[Disturbance] = DISTURBANCES,
    tell: Callable[[str], Any] = lambda line: None,
) -> list[Point]:
    """Accuracy of `answer` (images → probabilities) under every disturbance, at every strength.

    x: uint8 (N, C, H, W), y: (N,).  tell: is told what is being done.  Raises: DataError for no images.
    """
    if x.ndim != 4 or not len(x):
        raise DataError(f"a stress test needs images (N, C, H, W), got shape {x.shape}")
    points = []
    for disturbance in disturbances:
        for strength in disturbance.strengths:
            tell(f"{disturbance.name} {strength:g}")
            right = int((answer(disturb(x, disturbance, strength, seed)).argmax(1) == y).sum())
            low, high = wilson_interval(right, len(y))
            points.append(Point(disturbance.name, strength, disturbance.unit, right / len(y), low, high))
    return points


@styled
def stress_chart(
    points: Sequence[Point], image: np.ndarray, classes: int, *, seed: int = 0, title: str = ""
) -> Figure:
    """A row a disturbance: its curve of accuracies, and one image at each strength."""
    named = {d.name: d for d in DISTURBANCES}
    names = list(dict.fromkeys(p.disturbance for p in points))
    most = max(len(named[name].strengths) for name in names)
    figure = new_figure(3.4 + 1.05 * most, 1.62 * len(names) + 0.5)
    axes = figure.subplots(len(names), most + 1, squeeze=False, width_ratios=[3, *[1] * most])
    for row, name in zip(axes, names, strict=True):
        mine = [p for p in points if p.disturbance == name]
        strengths = [p.strength for p in mine]
        accuracy = [100 * p.accuracy for p in mine]
        row[0].fill_between(
            strengths, [100 * p.low for p in mine], [100 * p.high for p in mine], color=BLUE, alpha=0.15, lw=0
        )
        row[0].plot(strengths, accuracy, "o-", color=BLUE, ms=3.5)
        row[0].axhline(100 / classes, color=GREY, lw=1, ls=":")
        row[0].set(ylim=(0, 103), yticks=(0, 50, 100), ylabel="accuracy, %")
        row[0].set_xlabel(f"{name}, {mine[0].unit}", labelpad=1)
        for axis in row[1:]:
            frameless(axis)
        for axis, strength in zip(row[1:], strengths, strict=False):
            picture = as_picture(disturb(image[None], named[name], strength, seed)[0])
            axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            axis.set_title(f"{strength:g}", fontsize=9, loc="center", fontweight="normal", pad=2)
    if title:
        figure.suptitle(title, x=0.01, ha="left")
    return figure


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.integers(2) else -1


def _mapped(image: np.ndarray, matrix: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """Each pixel p takes the value at  c + matrix (p − c) − offset,  c the centre; linear in between."""
    centre = (np.array(image.shape[1:]) - 1) / 2
    start = centre - matrix @ centre - offset
    return np.stack(
        [ndimage.affine_transform(channel, matrix, start, order=1, mode="nearest") for channel in image]
    )
