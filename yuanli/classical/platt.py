"""Probabilities of a machine that only has decision values: a sigmoid a pair, and pairs made to agree."""

from collections.abc import Callable

import numpy as np

FOLDS = 5


def sigmoid(values: np.ndarray, slope: np.ndarray, offset: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(slope·value + offset)), stable for any value."""
    z = values * slope + offset
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, small, 1) / (1 + small)


def fit_sigmoid(values: np.ndarray, sign: np.ndarray) -> tuple[float, float]:
    """(A, B) that make 1 / (1 + exp(A f + B)) the likeliest for targets shrunk towards ½, by Newton's method.

    Source: Platt 1999; Lin, Lin & Weng 2007, A note on Platt's probabilistic outputs, algorithm 1.
    """
    positive = np.count_nonzero(sign > 0)
    negative = len(sign) - positive
    target = np.where(sign > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))
    x = np.array([0.0, np.log((negative + 1) / (positive + 1))])

    def loss(x: np.ndarray) -> float:
        z = values * x[0] + x[1]
        return float(np.sum(target * z + np.logaddexp(0, -z)))

    least = loss(x)
    for _ in range(100):
        p = sigmoid(values, x[0], x[1])
        difference, curvature = target - p, p * (1 - p)
        gradient = np.array([values @ difference, difference.sum()])
        if np.abs(gradient).max() < 1e-5:
            break
        cross = values @ curvature
        hessian = np.array([[values * values @ curvature, cross], [cross, curvature.sum()]])
        direction = -np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        slope, step = gradient @ direction, 1.0
        while step >= 1e-10:
            new = x + step * direction
            found = loss(new)
            if found < least + 1e-4 * step * slope:
                x, least = new, found
                break
            step /= 2
        else:
            break
    return float(x[0]), float(x[1])


def decision_values_out_of_fold(
    fit: Callable, sums: Callable, sign: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The decision value of every row from a machine that has not seen it, by cross-validation."""
    values, order = np.empty(len(sign)), rng.permutation(len(sign))
    for k in range(FOLDS):
        held = order[len(sign) * k // FOLDS : len(sign) * (k + 1) // FOLDS]
        rest = np.setdiff1d(order, held)
        signs = np.unique(sign[rest])
        if len(signs) < 2:  # one class only, or none: as sure as it can be
            values[held] = signs[0] if len(signs) else 0.0
            continue
        solution = fit(rest)
        values[held] = sums(rest, held, solution.beta) + solution.bias
    return values


def couple(pairs: np.ndarray, classes: int) -> np.ndarray:
    """(N, pairs) probabilities of i against j, i < j, to (N, classes): min ½ Σᵢ Σⱼ (rⱼᵢ pᵢ − rᵢⱼ pⱼ)².

    Source: Wu, Lin & Weng 2004, JMLR 5, algorithm 2.
    """
    r = np.zeros((len(pairs), classes, classes))
    i, j = np.triu_indices(classes, 1)
    least = 1e-7
    r[:, i, j] = np.clip(pairs, least, 1 - least)
    r[:, j, i] = 1 - r[:, i, j]
    if classes == 2:
        return np.stack([r[:, 0, 1], r[:, 1, 0]], 1)
    Q = -r * r.transpose(0, 2, 1)
    k = np.arange(classes)
    Q[:, k, k] = (r**2).sum(1)
    p = np.full((len(pairs), classes), 1 / classes)
    todo = np.arange(len(pairs))  # every row stops by itself, whatever rows are beside it
    for _ in range(max(100, classes)):
        q, mine = Q[todo], p[todo]
        Qp = np.einsum("nij,nj->ni", q, mine)
        pQp = np.einsum("ni,ni->n", mine, Qp)
        far = np.abs(Qp - pQp[:, None]).max(1, initial=0) >= 0.005 / classes
        todo, q, mine, Qp, pQp = todo[far], q[far], mine[far], Qp[far], pQp[far]
        if not len(todo):
            break
        for t in range(classes):
            step = (pQp - Qp[:, t]) / q[:, t, t]
            scale = 1 / (1 + step)
            pQp = (pQp + step * (step * q[:, t, t] + 2 * Qp[:, t])) * scale**2
            Qp = (Qp + step[:, None] * q[:, t]) * scale[:, None]
            mine[:, t] += step
            mine *= scale[:, None]
        p[todo] = mine
    return p
