"""Sequential minimal optimisation: the dual of a support vector machine, solved two variables at a time.

In the signed variables β = y·α every such dual is one problem: minimise ½ βᵀKβ − targetᵀβ with Σβ = 0 and
low ≤ β ≤ high.  With the residuals v = target − Kβ, β is best when some number b (the bias) has v ≤ b for all
that can still rise and v ≥ b for all that can still fall.
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import choose

LEAST_CURVATURE = 1e-12  # in the place of a curvature that is not positive
STRETCH = 1024  # points that one thread updates at a time


def descend_numpy(K, beta, v, low, high, tol, most):
    """Move β and v until no pair violates by `tol`, or `most` pairs have moved; gives how many moved.

    i can rise and has the greatest residual; j can fall and promises the greatest descent,
    (vᵢ − vⱼ)² / (Kᵢᵢ + Kⱼⱼ − 2 Kᵢⱼ).  Source: Fan, Chen & Lin 2005, JMLR 6, algorithm 2 (WSS 2).
    """
    diagonal = K.diagonal()
    for moved in range(most):
        rising, falling = np.where(beta < high, v, -np.inf), np.where(beta > low, v, np.inf)
        i = rising.argmax()
        gain = rising[i] - falling
        if not gain.max() >= tol:
            return moved
        curvature = np.maximum(diagonal[i] + diagonal - 2 * K[i], LEAST_CURVATURE)
        j = np.where(gain > 0, gain * gain / curvature, -np.inf).argmax()
        step = min(gain[j] / curvature[j], high[i] - beta[i], beta[j] - low[j])
        beta[i] = high[i] if step == high[i] - beta[i] else beta[i] + step
        beta[j] = low[j] if step == beta[j] - low[j] else beta[j] - step
        v -= step * (K[i] - K[j])
    return most


def subtract_rows_numpy(v, change, rows, places):
    """vⱼ −= Σᵢ changeᵢ·rows[placesᵢ, j], in float64"""
    v -= change @ rows[places].astype(np.float64)


def square_numpy(rows, places, columns):
    """K[i, j] = rows[placesᵢ, columnsⱼ], in float64"""
    return rows[np.ix_(places, columns)].astype(np.float64)


@jit
def _descend(K, beta, v, low, high, tol, most):
    n = len(beta)
    for moved in range(most):
        i, top, bottom = -1, -np.inf, np.inf
        for t in range(n):
            if beta[t] < high[t] and v[t] > top:
                i, top = t, v[t]
            if beta[t] > low[t] and v[t] < bottom:
                bottom = v[t]
        if not top - bottom >= tol:
            return moved
        j, most_descent, ki, kii = -1, -np.inf, K[i], K[i, i]
        for t in range(n):
            gain = top - v[t]
            if beta[t] > low[t] and gain > 0:
                descent = gain * gain / max(kii + K[t, t] - 2 * ki[t], LEAST_CURVATURE)
                if descent > most_descent:
                    j, most_descent = t, descent
        kj = K[j]
        room, floor = high[i] - beta[i], beta[j] - low[j]
        step = min((top - v[j]) / max(kii + kj[j] - 2 * ki[j], LEAST_CURVATURE), room, floor)
        beta[i] = high[i] if step == room else beta[i] + step
        beta[j] = low[j] if step == floor else beta[j] - step
        for t in range(n):
            v[t] -= step * (ki[t] - kj[t])
    return most


@parallel
def _subtract_rows(thread, v, change, rows, places):
    n = len(v)
    for piece in share(thread, (n + STRETCH - 1) // STRETCH):
        here = slice(piece * STRETCH, min(n, (piece + 1) * STRETCH))
        some = v[here]
        for i in range(len(change)):
            factor, row = change[i], rows[places[i]][here]
            if factor != 0:
                for j in range(len(some)):  # from 0: only so does LLVM make vector code of it
                    some[j] -= factor * row[j]


def _square(rows, places, columns):
    out = np.empty((len(places), len(columns)))
    _gather(rows, places, columns, out)
    return out


@parallel
def _gather(thread, rows, places, columns, out):
    for i in share(thread, len(places)):
        row = rows[places[i]]
        for j in range(len(columns)):
            out[i, j] = row[columns[j]]


descend = choose(descend_numpy, lambda: _descend)
square = choose(square_numpy, lambda: _square)
subtract_rows = choose(subtract_rows_numpy, lambda: _subtract_rows)
