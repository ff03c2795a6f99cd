"""Digits in front of coloured backgrounds: images whose subject and background are both known."""

import numpy as np
from sklearn.datasets import load_digits

COLOURS = {"red": (190, 60, 50), "green": (60, 150, 70), "blue": (50, 90, 190), "grey": (120, 120, 120),
           "yellow": (210, 180, 60), "black": (25, 25, 25)}  # fmt: skip
SIZE, SCALE = 32, 3  # pixels of the image, and of each of the digit's 8 × 8


def digits_on_backgrounds(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """n images (n, 3, 32, 32) of bytes, their digits and the numbers of their backgrounds' colours.

    A background has its colour, more or less bright, and some noise; the digit is white and anywhere on it.
    """
    bunch = load_digits()
    chosen = rng.choice(len(bunch.images), n, replace=n > len(bunch.images))
    colours = rng.integers(len(COLOURS), size=n)
    base = np.array(list(COLOURS.values()), float)[colours] * rng.uniform(0.8, 1.15, (n, 1))
    images = base[:, :, None, None] + rng.normal(0, 8, (n, 3, SIZE, SIZE))
    wide = SCALE * 8
    for image, digit in zip(images, bunch.images[chosen], strict=True):
        top, left = rng.integers(0, SIZE - wide + 1, 2)
        ink = np.kron(digit / 16, np.ones((SCALE, SCALE)))
        part = image[:, top : top + wide, left : left + wide]
        part += ink * (240 - part)
    return np.clip(images, 0, 255).astype(np.uint8), bunch.target[chosen], colours
