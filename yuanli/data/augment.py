"""Random changes to training images that keep their class.  Batches uint8 (N, C, H, W) in, the same out.

Each is called with the batch and a generator; `config()` is JSON, and `from_config` makes the same again.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from yuanli.errors import ShapeError, UnknownNameError, ValueRangeError


class RandomHorizontalFlip:
    """Each image is mirrored left to right with probability p."""

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueRangeError(f"RandomHorizontalFlip needs a probability p from 0 to 1, got {p}")
        self.p = p

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        y = _images(self, x).copy()
        mirrored = rng.random(len(x)) < self.p
        y[mirrored] = x[mirrored, ..., ::-1]
        return y

    def config(self) -> dict[str, Any]:
        return {"kind": "RandomHorizontalFlip", "p": self.p}


class RandomCrop:
    """Each image gets a border of `padding` pixels of value `fill`, and a window of its own size is cut out.

    All (2·padding + 1)² places are equally likely.  Source: He 2015, arXiv:1512.03385, section 4.2.
    """

    def __init__(self, padding: int = 4, fill: int = 0) -> None:
        if not (isinstance(padding, int) and padding >= 0 and 0 <= fill <= 255):
            raise ValueRangeError(
                f"RandomCrop needs padding from 0 up and fill 0 to 255, got {padding} and {fill}"
            )
        self.padding = padding
        self.fill = fill

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, _, height, width = _images(self, x).shape
        p = self.padding
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=self.fill)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
        top, left = rng.integers(2 * p + 1, size=(2, n))
        return windows[np.arange(n), :, top, left]

    def config(self) -> dict[str, Any]:
        return {"kind": "RandomCrop", "padding": self.padding, "fill": self.fill}


class Cutout:
    """In each image a square of `size` pixels a side gets the value `fill`; its centre is any pixel.

    At the border only part of it lies inside.  Source: DeVries & Taylor 2017, arXiv:1708.04552, section 3.2,
    there filled with the mean of the data, and 16 pixels for CIFAR-10.
    """

    def __init__(self, size: int = 8, fill: int = 127) -> None:
        if not (isinstance(size, int) and size >= 1 and 0 <= fill <= 255):
            raise ValueRangeError(f"Cutout needs a size from 1 up and fill 0 to 255, got {size} and {fill}")
        self.size = size
        self.fill = fill

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        n, _, height, width = _images(self, x).shape
        y = x.copy()
        tops = rng.integers(height, size=(n,)) - self.size // 2
        lefts = rng.integers(width, size=(n,)) - self.size // 2
        for image, top, left in zip(y, tops, lefts, strict=True):
            image[:, max(top, 0) : top + self.size, max(left, 0) : left + self.size] = self.fill
        return y

    def config(self) -> dict[str, Any]:
        return {"kind": "Cutout", "size": self.size, "fill": self.fill}


class Augmentations:
    """Several in a row."""

    def __init__(self, *steps: Any) -> None:
        self.steps = steps

    def __call__(self, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        for step in self.steps:
            x = step(x, rng)
        return x

    def config(self) -> dict[str, Any]:
        return {"kind": "Augmentations", "steps": [step.config() for step in self.steps]}


def from_config(config: dict[str, Any]) -> Callable[[np.ndarray, np.random.Generator], np.ndarray]:
    """The augmentation whose `config()` this is."""
    options = {k: v for k, v in config.items() if k != "kind"}
    match config.get("kind"):
        case "RandomHorizontalFlip":
            return RandomHorizontalFlip(**options)
        case "RandomCrop":
            return RandomCrop(**options)
        case "Cutout":
            return Cutout(**options)
        case "Augmentations":
            return Augmentations(*map(from_config, options["steps"]))
    raise UnknownNameError(f"no augmentation is called {config.get('kind')!r}")


def _images(step: object, x: np.ndarray) -> np.ndarray:
    if x.ndim != 4:
        raise ShapeError(f"{type(step).__name__} needs images (N, C, H, W), got shape {x.shape}")
    return x
