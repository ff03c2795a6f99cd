"""Point sets in the plane on which one sees what a classifier can do: moons, circles, spirals, blobs."""

import numpy as np

from yuanli.data.dataset import Dataset, Feature
from yuanli.errors import ValueRangeError
from yuanli.random import generator


def moons(n: int = 400, *, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """Two interleaved half circles, n points in all, with normal noise."""
    from sklearn.datasets import make_moons

    _check(n, 2, noise)
    return _dataset("moons", *make_moons(n, noise=noise, random_state=_seed(rng)))


def circles(n: int = 400, *, noise: float = 0.1, rng: np.random.Generator | None = None) -> Dataset:
    """A circle of radius ½ inside one of radius 1, n points in all, with normal noise."""
    from sklearn.datasets import make_circles

    _check(n, 2, noise)
    return _dataset("circles", *make_circles(n, noise=noise, factor=0.5, random_state=_seed(rng)))


def blobs(
    n: int = 400, *, classes: int = 3, noise: float = 1.0, rng: np.random.Generator | None = None
) -> Dataset:
    """Round normal clouds of standard deviation `noise`, one a class, centres anywhere in [−10, 10]²."""
    from sklearn.datasets import make_blobs

    _check(n, classes, noise)
    return _dataset("blobs", *make_blobs(n, centers=classes, cluster_std=noise, random_state=_seed(rng)))


def spirals(
    n: int = 300, *, classes: int = 3, noise: float = 0.2, rng: np.random.Generator | None = None
) -> Dataset:
    """Arms of a spiral, n points in all, one arm a class, which no straight line can part.

    (r sin t, r cos t) with r from 0 to 1, and t from 4k to 4(k + 1) for class k, plus normal noise.
    Source: Karpathy, cs231n course notes, "Putting it together: minimal neural network case study".
    """
    _check(n, classes, noise)
    rng = generator(rng)
    y = np.sort(np.arange(n) % classes)
    x = np.empty((n, 2))
    for k in range(classes):
        points = np.count_nonzero(y == k)
        r = np.linspace(0, 1, points)
        t = np.linspace(4 * k, 4 * (k + 1), points) + noise * rng.standard_normal(points)
        x[y == k] = np.stack([r * np.sin(t), r * np.cos(t)], axis=1)
    return _dataset("spirals", x, y)


def _check(n: int, classes: int, noise: float) -> None:
    if classes < 2 or n < classes:
        raise ValueRangeError(f"needs at least 2 classes and a point in each, got n={n}, classes={classes}")
    if not 0 <= noise < np.inf:
        raise ValueRangeError(f"noise needs a number from 0 up, got {noise}")


def _seed(rng: np.random.Generator | None) -> int:
    return int(generator(rng).integers(2**31))


def _dataset(name: str, x: np.ndarray, y: np.ndarray) -> Dataset:
    classes = tuple(f"class {k}" for k in range(int(y.max()) + 1))
    return Dataset(name, x.astype(np.float32), y.astype(np.int64), classes, (Feature("x1"), Feature("x2")))
