"""Rows for the losses of numbers."""

import math

import numpy as np

from tests.ops.case import Case, ErrorCase, empty, functional, huge, noncontiguous, normal
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, UnknownNameError, ValueRangeError

nan, inf = math.nan, math.inf

E = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0])  # errors: none, small, at the joint ±1, large
ZERO = np.zeros(7)
PAIR = [normal(4, 3), normal(4, 3)]


def mean_of(element):
    """The mean of an element loss."""
    return lambda *inputs, **options: element(*inputs, **options).mean()


def smooth_l1(x, y, reduction="mean", beta=1.0):
    d = abs(x - y)
    return np.mean([e**2 / (2 * beta) if e < beta else e - beta / 2 for e in d.ravel()])


def huber(x, y, reduction="mean", delta=1.0):
    return np.mean([e**2 / 2 if e <= delta else delta * (e - delta / 2) for e in abs(x - y).ravel()])


def both_signs(gradient):
    """The gradients by input and by target."""
    return lambda *a, **k: [np.asarray(gradient), -np.asarray(gradient)]


CASES = [
    Case(ops.mse_loss, PAIR, lambda x, y: ((x - y) ** 2).mean(), torch=functional("mse_loss")),
    Case(
        ops.mse_loss,
        PAIR,
        lambda x, y, reduction: ((x - y) ** 2).sum(),
        {"reduction": "sum"},
        functional("mse_loss"),
    ),
    Case(
        ops.mse_loss,
        PAIR,
        lambda x, y, reduction: (x - y) ** 2,
        {"reduction": "none"},
        functional("mse_loss"),
    ),
    Case(ops.mse_loss, [noncontiguous(4, 3), normal(4, 3)], lambda x, y: ((x - y) ** 2).mean(), note="gaps"),
    Case(ops.mse_loss, [ZERO, ZERO], lambda x, y: 0, note="no error", subgradients=both_signs(ZERO)),
    Case(
        ops.mse_loss,
        [huge(4), huge(4)],
        mean_of(lambda x, y: (x - y) ** 2),
        note="huge",
        torch=functional("mse_loss"),
    ),
    Case(
        ops.mse_loss, [empty(0, 3), empty(0, 3)], lambda x, y: nan, note="empty", torch=functional("mse_loss")
    ),
    Case(ops.mse_loss, [normal(2), [1, 2]], lambda x, y: ((x - y) ** 2).mean(), note="target list"),
    Case(
        ops.mse_loss, [normal(2), np.array([1, 2])], lambda x, y: ((x - y) ** 2).mean(), note="whole target"
    ),
    Case(
        ops.mse_loss,
        [np.array(3.0), np.array(1.0)],
        lambda x, y: 4.0,
        note="no axes",
        torch=functional("mse_loss"),
    ),
    Case(ops.l1_loss, PAIR, lambda x, y: abs(x - y).mean(), torch=functional("l1_loss")),
    Case(
        ops.l1_loss,
        PAIR,
        lambda x, y, reduction: abs(x - y).sum(),
        {"reduction": "sum"},
        functional("l1_loss"),
    ),
    Case(ops.l1_loss, PAIR, lambda x, y, reduction: abs(x - y), {"reduction": "none"}, functional("l1_loss")),
    Case(
        ops.l1_loss,
        [E, ZERO],
        lambda x, y: 9 / 7,
        note="kink",
        torch=functional("l1_loss"),
        subgradients=both_signs(np.array([0, 1, -1, 1, -1, 1, -1]) / 7),
    ),
    Case(ops.l1_loss, [empty(0), empty(0)], lambda x, y: nan, note="empty", torch=functional("l1_loss")),
    Case(ops.rmse_loss, PAIR, lambda x, y: np.linalg.norm(x - y) / math.sqrt(12)),
    Case(
        ops.rmse_loss,
        PAIR,
        lambda x, y: ((x - y) ** 2).mean() ** 0.5,
        note="root of torch",
        torch=lambda t, x, y: t.nn.functional.mse_loss(x, y).sqrt(),
    ),
    Case(ops.rmse_loss, [ZERO, ZERO], lambda x, y: 0, note="no error", subgradients=both_signs(ZERO)),
    Case(ops.rmse_loss, [huge(4), normal(4)], lambda x, y: np.linalg.norm(x - y) / 2, note="huge"),
    Case(ops.rmse_loss, [empty(0), empty(0)], lambda x, y: nan, note="empty"),
    Case(ops.smooth_l1_loss, PAIR, smooth_l1, torch=functional("smooth_l1_loss")),
    Case(ops.smooth_l1_loss, PAIR, smooth_l1, {"beta": 0.3}, functional("smooth_l1_loss")),
    Case(
        ops.smooth_l1_loss,
        PAIR,
        lambda x, y, reduction: smooth_l1(x, y) * 12,
        {"reduction": "sum"},
        functional("smooth_l1_loss"),
    ),
    Case(
        ops.smooth_l1_loss,
        [E, ZERO],
        smooth_l1,
        note="joint",
        torch=functional("smooth_l1_loss"),
        subgradients=both_signs(np.clip(E, -1, 1) / 7),
    ),
    Case(
        ops.smooth_l1_loss,
        [E, ZERO],
        lambda x, y, beta: 9 / 7,
        {"beta": 0.0},
        functional("smooth_l1_loss"),
        both_signs(np.sign(E) / 7),
        note="kink",
    ),
    Case(
        ops.smooth_l1_loss, [huge(4), normal(4)], smooth_l1, note="huge", torch=functional("smooth_l1_loss")
    ),
    Case(
        ops.smooth_l1_loss,
        [empty(0), empty(0)],
        lambda x, y: nan,
        note="empty",
        torch=functional("smooth_l1_loss"),
    ),
    Case(ops.huber_loss, PAIR, huber, torch=functional("huber_loss")),
    Case(ops.huber_loss, PAIR, huber, {"delta": 0.3}, functional("huber_loss")),
    Case(
        ops.huber_loss,
        PAIR,
        lambda x, y, reduction, delta: huber(x, y, delta=2.5) * 12,
        {"reduction": "sum", "delta": 2.5},
        functional("huber_loss"),
    ),
    Case(
        ops.huber_loss,
        [E, ZERO],
        huber,
        note="joint",
        torch=functional("huber_loss"),
        subgradients=both_signs(np.clip(E, -1, 1) / 7),
    ),
    Case(ops.huber_loss, [huge(4), normal(4)], huber, note="huge", torch=functional("huber_loss")),
    Case(
        ops.huber_loss, [empty(0), empty(0)], lambda x, y: nan, note="empty", torch=functional("huber_loss")
    ),
    *(
        ErrorCase(
            op, [normal(3, 1), normal(3)], ShapeError, r"one shape, got \(3, 1\) and \(3,\)", note="column"
        )
        for op in (ops.mse_loss, ops.l1_loss, ops.rmse_loss, ops.smooth_l1_loss, ops.huber_loss)
    ),
    ErrorCase(
        ops.mse_loss, [np.arange(3), normal(3)], DTypeError, "floats as input, got dtype int64", note="whole"
    ),
    ErrorCase(ops.mse_loss, [normal(2), ["a", "b"]], DTypeError, "numbers as target", note="text"),
    ErrorCase(ops.mse_loss, [normal(3), None], DTypeError, "numbers as target", note="None"),
    ErrorCase(
        ops.mse_loss, PAIR, UnknownNameError, r'"mean", "sum" or "none", got \'avg\'', {"reduction": "avg"}
    ),
    ErrorCase(ops.smooth_l1_loss, PAIR, ValueRangeError, "beta ≥ 0, got -1", {"beta": -1}),
    ErrorCase(ops.huber_loss, PAIR, ValueRangeError, "delta > 0, got 0", {"delta": 0}),
]
