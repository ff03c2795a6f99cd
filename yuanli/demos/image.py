"""An image is an array of numbers from 0 to 255."""

from pathlib import Path

import numpy as np

from yuanli.data import Dataset, load
from yuanli.demos import Demonstration
from yuanli.errors import DataError, YuanliError
from yuanli.inspection.images import pixels
from yuanli.inspection.style import save

PART = 8  # rows and columns whose numbers are shown


def image(out: Path, seed: int = 0, *, data: str = "digits") -> Demonstration:
    """The shapes and ranges of a data set of images, the numbers of one, and what is not an image."""
    train = load(data).train
    if not train.is_image:
        raise DataError(f"this needs a data set of images, and {data} has rows of {train.x.shape[1:]}")
    N, C, H, W = train.x.shape
    i = int(np.random.default_rng(seed).integers(N))
    sample, name = train.x[i].astype(np.float64), train.classes[train.y[i]]
    top, left = (H - min(H, PART)) // 2, (W - min(W, PART)) // 2
    part = train.x[i, 0, top : top + PART, left : left + PART]
    some = train.x[:10_000] / 255.0
    mean, std = some.mean((0, 2, 3)), some.std((0, 2, 3))
    lines = [
        f"{data}: {N:,} images, channels {C}, {H}×{W} pixels: an array (N, C, H, W) = {train.x.shape}",
        f"of {train.x.dtype}, from {train.x.min()} to {train.x.max()}, {train.x.nbytes / 2**20:.1f} MiB",
        f"divided by 255, channel by channel: mean {_join(mean)}, standard deviation {_join(std)}",
        f"image {i} is {name}, its mean {sample.mean():.1f}; the middle of its first channel:",
        *("  " + " ".join(f"{v:3d}" for v in row) for row in part),
        "What is not a set of images:",
        *(f"  {message}" for message in _refused(train)),
    ]
    title = f"image {i}: {name}"
    numbers = {"shape": [N, C, H, W], "mean": mean.tolist(), "std": std.tolist(), "part": part.tolist(),
               "sample_mean": float(sample.mean())}  # fmt: skip
    return Demonstration(lines, numbers, [save(pixels(train.x[i], part, title), out / "image.png")])


def _join(values: np.ndarray) -> str:
    return ", ".join(f"{v:.3f}" for v in values)


def _refused(data: Dataset) -> list[str]:
    """The errors for a set of wrong shape, dtype or size."""
    x, y = data.x[:4], data.y[:4]
    messages = []
    for wrong, labels in ((x[0], y), (x.astype(np.float64), y), (x, y[:3])):
        try:
            Dataset("wrong", wrong, labels, data.classes)
        except YuanliError as error:
            messages.append(str(error))
    return messages
