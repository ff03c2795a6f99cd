"""Scores and the class numbers they are held to: checked, and laid out as one row of K scores a place."""

import numpy as np

from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.ops.regression_loss import floating, reduced


class Places:
    """Which places of (N, d1, …) count, each a row of K scores, and the way there and back."""

    def __init__(self, shape, keep=None):
        self.shape, self.keep = shape, keep

    def rows(self, a):
        """(N, K, d1, …) → (M, K), or (N, d1, …) → (M,)"""
        if a.shape == self.shape:
            a = a.reshape(-1)
        elif a.ndim > 2:
            a = np.moveaxis(a, 1, -1).reshape(-1, a.shape[1])
        return a if self.keep is None else a[self.keep]

    def back(self, rows):
        """(M, K) → (N, K, d1, …), or (M,) → (N, d1, …), zero at the places that do not count."""
        if self.keep is not None:
            found, rows = rows, np.zeros((self.keep.size, *rows.shape[1:]), rows.dtype)
            rows[self.keep] = found
        if rows.ndim == 1:
            return rows.reshape(self.shape)
        return np.moveaxis(rows.reshape(*self.shape, -1), -1, 1) if len(self.shape) > 1 else rows

    def column(self, dy, share):
        """dy times each row's share of the result: a number, or (M, 1)."""
        factor = (self.rows(dy) if dy.ndim else dy) * share
        return factor[:, None] if factor.ndim else factor


def floating_scores(name, input):
    """Scores as an array of floats with a class axis."""
    scores = floating(name, input)
    if scores.ndim < 2 or not scores.shape[1]:
        raise ShapeError(f"{name} needs scores (N, K) or (N, K, d1, …) with K ≥ 1, got shape {scores.shape}")
    return scores


def labelled(name, scores, target, ignore_index=None):
    """Scores (M, K) and class numbers (M,) of the places that count, and the `Places`."""
    shape = (scores.shape[0], *scores.shape[2:])
    if target.shape != shape:
        hint = "; probabilities must be floats" if target.shape == scores.shape else ""
        raise ShapeError(
            f"{name} needs class numbers of shape {shape} for scores {scores.shape}, got {target.shape}{hint}"
        )
    if target.dtype.kind not in "iu" and target.size:
        raise DTypeError(f"{name} needs whole numbers as classes, got dtype {target.dtype}")
    y = target.reshape(-1)
    k, keep = scores.shape[1], None
    # negative numbers, read as without a sign, are very large: one look finds whatever is out of range
    if y.size and (y.view(f"u{y.itemsize}").max() >= k or ignore_index in range(k)):
        keep = y != ignore_index
        y = y[keep]
        if wrong := set(y[(y < 0) | (y >= k)].tolist()):
            raise ValueRangeError(f"{name} needs classes from 0 to {k - 1}, got {sorted(wrong)[:5]}")
    places = Places(shape, keep)
    return places.rows(scores), y if y.size else y.astype(np.intp), places


def class_weights(name, weight, scores):
    """A weight for each class, in the scores' dtype, or None."""
    if weight is None:
        return None
    w = np.asarray(weight, scores.dtype)
    if w.shape != scores.shape[1:2]:
        raise ShapeError(
            f"{name} needs a weight for each of the {scores.shape[1]} classes, got shape {w.shape}"
        )
    return w


def weighted(loss, w, reduction):
    """`reduced` with a weight a row, by whose sum a mean divides."""
    if w is None:
        return reduced(loss, reduction)
    if reduction == "mean":
        return (loss * w).sum() / w.sum(), w / w.sum()
    return reduced(loss * w, reduction)[0], w
