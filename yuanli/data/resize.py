"""Pictures of another size, many at a time."""

import numpy as np

from yuanli.data.transformer import Transformer, as_rows
from yuanli.errors import ShapeError, ValueRangeError

IMAGES = 256  # resized at a time


class Resize(Transformer):
    """Bilinear: every new pixel is a mean of the old ones around its place, weighted by a triangle.

    new = A_h · old · A_wᵀ, where row i of A has weights max(0, 1 − |j + ½ − c| / s), normalised to sum 1,
    around c = (i + ½) n/m for n old and m new pixels; s = max(1, n/m) widens the triangle when pictures
    shrink, so that no pixel is skipped.  `size`: (height, width), or one number for both.  uint8 stays uint8.
    """

    def __init__(self, size: int | tuple[int, int]) -> None:
        self.size = size

    def transform(self, x: np.ndarray) -> np.ndarray:
        x = as_rows(self, x)
        if x.ndim != 4:
            raise ShapeError(f"Resize needs images (N, C, H, W), got shape {x.shape}")
        height, width = self._size()
        if x.shape[2:] == (height, width):
            return x
        rows, columns = triangle_weights(x.shape[2], height), triangle_weights(x.shape[3], width)
        y = np.empty((*x.shape[:2], height, width), x.dtype)
        for start in range(0, len(x), IMAGES):
            piece = rows @ (x[start : start + IMAGES].astype(np.float32) @ columns.T)
            y[start : start + IMAGES] = piece if x.dtype.kind == "f" else np.rint(piece)
        return y

    def _size(self) -> tuple[int, int]:
        size = (self.size, self.size) if isinstance(self.size, int) else tuple(self.size)
        if len(size) != 2 or not all(isinstance(n, int) and 0 < n <= 1 << 14 for n in size):
            raise ValueRangeError(f"Resize needs a height and a width from 1 to {1 << 14}, got {self.size}")
        return size


def triangle_weights(old: int, new: int) -> np.ndarray:
    """The matrix A (new, old) that resizes one axis."""
    scale = old / new
    centre = (np.arange(new)[:, None] + 0.5) * scale
    weights = np.maximum(0, 1 - np.abs(np.arange(old) + 0.5 - centre) / max(scale, 1))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)
