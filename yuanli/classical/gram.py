"""Kernels of support vector machines, and the rows of their Gram matrix that a solver asks for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from yuanli.kernels import gram
from yuanli.kernels.memory import empty

KINDS = {"linear": gram.LINEAR, "poly": gram.POLY, "rbf": gram.RBF, "sigmoid": gram.SIGMOID}
SAFE = 16.0  # γ‖x‖² up to which float32 products leave k(x, z) six digits, as many as LIBSVM keeps


@dataclass(frozen=True)
class Kernel:
    """k(x, z): x·z, (γ x·z + c)^degree, exp(−γ‖x − z‖²) or tanh(γ x·z + c)."""

    name: str
    gamma: float
    coef0: float
    degree: int

    def prepare(self, x: Any, centre: np.ndarray, precise: bool) -> Any:
        """Rows as the kernel takes them: shifted for rbf, where differences count; float32 unless precise.

        What is shifted loses no digits to an offset that all rows share.
        """
        if sparse.issparse(x):
            return x
        if self.name == "rbf":
            x = x - centre
        return np.ascontiguousarray(x, np.float64 if precise else np.float32)

    def needs_float64(self, x: Any, centre: np.ndarray, tol: float) -> bool:
        """Whether rounding to float32 would show: near as far tolerances, or large γ‖x‖²."""
        if sparse.issparse(x) or tol < 1e-4:
            return True
        shifted = x - centre if self.name == "rbf" else x
        scale = 1.0 if self.name == "linear" else self.gamma
        largest = float(np.einsum("nd,nd->n", shifted, shifted, dtype=np.float64).max(initial=0))
        return not (scale * largest + abs(self.coef0) <= SAFE and largest < 1e30)

    def columns(self, x: Any) -> Any:
        """Columns of a Gram matrix: see `kernels.gram`."""
        options = (KINDS[self.name], self.gamma, self.coef0, self.degree)
        return SparseColumns(x, *options) if sparse.issparse(x) else gram.columns(x, *options)

    def diagonal(self, x: Any) -> np.ndarray:
        """k(x, x)"""
        if self.name == "rbf":
            return np.ones(x.shape[0])
        squares = np.asarray(x.multiply(x).sum(1)).ravel() if sparse.issparse(x) else (x * x).sum(1)
        if self.name == "linear":
            return squares
        shifted = self.gamma * squares + self.coef0
        return shifted**self.degree if self.name == "poly" else np.tanh(shifted)


class SparseColumns(gram.ColumnsNumpy):
    """The columns of a Gram matrix of sparse rows."""

    def __init__(self, b: Any, *kernel: Any) -> None:
        super().__init__(b, *kernel)
        self.squares = np.asarray(b.multiply(b).sum(1)).ravel()

    def values(self, a: Any) -> np.ndarray:
        kind, gamma, coef0, degree = self.kernel
        products = np.asarray((a @ self.b.T).todense())
        if kind == gram.LINEAR:
            return products
        if kind == gram.RBF:
            squares = np.asarray(a.multiply(a).sum(1)).reshape(-1, 1)
            return np.exp(-gamma * np.maximum(squares + self.squares - 2 * products, 0))
        shifted = gamma * products + coef0
        return shifted**degree if kind == gram.POLY else np.tanh(shifted)


class KernelGram:
    """The Gram matrix of rows x, made when asked for."""

    def __init__(self, kernel: Kernel, x: Any) -> None:
        self.kernel, self.x, self.dtype = kernel, x, x.dtype
        self.size = x.shape[0]
        self._columns: Any = None

    def restrict(self, points: np.ndarray) -> None:
        """Have columns for these points only."""
        self._columns = self.kernel.columns(self.x[points])

    def rows(self, points: np.ndarray, out: np.ndarray, places: np.ndarray) -> None:
        if self._columns is None:
            self._columns = self.kernel.columns(self.x)
        self._columns.rows(self.x[points], out, places)

    def part(self, points: np.ndarray) -> "KernelGram":
        """The Gram matrix of these points only."""
        return KernelGram(self.kernel, self.x[points])

    def sums(self, points: np.ndarray, beta: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Σᵢ βᵢ k(point i, ·) at other points."""
        support = np.flatnonzero(beta)
        columns = self.kernel.columns(self.x[points[support]])
        return columns.sums(self.x[others], beta[support, None])[:, 0]


class MatrixGram:
    """A Gram matrix that is there already."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix, self.dtype = matrix, matrix.dtype
        self.size = len(matrix)
        self._points: Any = slice(None)

    def restrict(self, points: np.ndarray) -> None:
        self._points = points

    def rows(self, points: np.ndarray, out: np.ndarray, places: np.ndarray) -> None:
        out[places] = self.matrix[points][:, self._points]

    def part(self, points: np.ndarray) -> "MatrixGram":
        return MatrixGram(self.matrix[np.ix_(points, points)])

    def sums(self, points: np.ndarray, beta: np.ndarray, others: np.ndarray) -> np.ndarray:
        return self.matrix[np.ix_(others, points)] @ beta


class RowCache:
    """The rows of a Gram matrix used last, in at most `size` bytes (but never fewer than two rows).

    They are kept as float32, as LIBSVM keeps them: what is not positive definite to seven digits is, after
    sixteen, so badly conditioned that a solver would hardly move.
    """

    def __init__(self, gram: Any, size: float) -> None:
        self.gram = gram
        two = 2 * gram.size
        self._memory = empty((max(two, min(int(size) // 4, gram.size**2)),))
        self._place = np.full(gram.size, -1)  # of a point's row, −1 for none
        self._lay_out(gram.size)

    def _lay_out(self, width: int) -> None:
        """Forget every row; from now on they are `width` long."""
        number = min(len(self._memory) // max(width, 1), self.gram.size)
        self.buffer = self._memory[: number * width].reshape(number, width)
        self._place[:] = -1
        self._point = np.full(number, -1)  # whose row a place holds
        self._used = np.zeros(number, np.int64)  # when it was asked for last
        self._clock = 0

    @property
    def capacity(self) -> int:
        return len(self.buffer)

    def take(self, points: np.ndarray) -> np.ndarray:
        """The places in `buffer` of these (different) points' rows, made where they are not there."""
        self._clock += 1
        places = self._place[points]
        self._used[places[places >= 0]] = self._clock
        missing = np.flatnonzero(places < 0)
        if len(missing):
            free = np.argsort(self._used, kind="stable")[: len(missing)]
            lost = self._point[free]
            self._place[lost[lost >= 0]] = -1
            self._point[free], self._place[points[missing]] = points[missing], free
            self._used[free], places[missing] = self._clock, free
            self.gram.rows(points[missing], self.buffer, free)
        return places

    def restrict(self, points: np.ndarray, columns: np.ndarray | None = None) -> None:
        """Have columns for these points only; rows that are there keep what `columns` says of them."""
        self.gram.restrict(points)
        kept = np.flatnonzero(self._point >= 0) if columns is not None else np.empty(0, int)
        kept = kept[np.argsort(self._used[kept], kind="stable")]
        owners, old = self._point[kept], self.buffer
        # the shorter rows move to the front of the same memory: from the front, none is overwritten unread
        order = np.sort(kept)
        width = len(points)
        for new, place in enumerate(order):
            self._memory[new * width : (new + 1) * width] = old[place][columns]
        self._lay_out(width)
        new_place = np.searchsorted(order, kept)
        self._place[owners], self._point[new_place] = new_place, owners
        self._clock = len(kept)
        self._used[new_place] = np.arange(1, len(kept) + 1)
