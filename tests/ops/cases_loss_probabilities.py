"""Rows for the losses of probabilities: Kullback–Leibler and binary cross-entropy."""

import math

import numpy as np

from tests.ops.case import Case, ErrorCase, empty, functional, huge, normal, probabilities, uniform
from yuanli import ops
from yuanli.errors import ShapeError, ValueRangeError

nan, inf = math.nan, math.inf


def log_probabilities(*shape):
    return lambda rng, dtype: np.log(probabilities(*shape)(rng, dtype))


def kl(x, q, reduction="mean"):
    elements = np.array(
        [
            [b * (math.log(b) - a) if b else 0.0 for a, b in zip(*r, strict=True)]
            for r in zip(x, q, strict=True)
        ]
    )
    return {
        "none": elements,
        "sum": elements.sum(),
        "mean": elements.mean(),
        "batchmean": elements.sum() / len(x),
    }[reduction]


LOG_P = np.log(np.array([[0.5, 0.5], [0.25, 0.75]]))
Q0 = np.array([[1.0, 0.0], [0.0, 1.0]])
with np.errstate(divide="ignore"):
    LOG_0 = np.log(Q0)

KL = [
    *(
        Case(
            ops.kl_div,
            [log_probabilities(4, 3), probabilities(4, 3)],
            kl,
            {"reduction": r},
            functional("kl_div"),
        )
        for r in ("batchmean", "sum", "none")
    ),
    Case(
        ops.kl_div,
        [log_probabilities(4, 3), probabilities(4, 3)],
        kl,
        note="mean",
        torch=lambda t, x, q: t.nn.functional.kl_div(x, q, reduction="sum") / 12,
    ),
    Case(
        ops.kl_div,
        [log_probabilities(4, 3), log_probabilities(4, 3)],
        lambda x, t, **k: kl(x, np.exp(t), "batchmean"),
        {"reduction": "batchmean", "log_target": True},
        functional("kl_div"),
    ),
    Case(
        ops.kl_div,
        [LOG_P, np.exp(LOG_P)],
        lambda x, q: 0.0,
        note="equal",
        subgradients=lambda x, q: [-q / 4, np.full((2, 2), 0.25)],
    ),
    Case(
        ops.kl_div,
        [LOG_P, Q0],
        lambda x, q, reduction: (math.log(2) - math.log(0.75)) / 2,
        {"reduction": "batchmean"},
        note="target 0",
        differentiable=[0],
        torch=functional("kl_div"),
        subgradients=lambda x, q, reduction: [-q / 2],
    ),
    Case(
        ops.kl_div,
        [LOG_0, Q0],
        lambda x, q, reduction: 0.0,
        {"reduction": "sum"},
        note="both 0",
        subgradients=lambda x, q, reduction: [-q, np.where(q > 0, 1.0, nan)],
    ),
    Case(
        ops.kl_div,
        [LOG_0, np.exp(LOG_P)],
        lambda x, q, reduction: inf,
        {"reduction": "sum"},
        note="ruled out",
        differentiable=[],
        torch=functional("kl_div"),
    ),
    Case(
        ops.kl_div,
        [LOG_P, LOG_0],
        lambda x, t, **k: math.log(2) - math.log(0.75),
        {"reduction": "sum", "log_target": True},
        note="target log 0",
        subgradients=lambda x, t, **k: [-np.exp(t), np.where(np.isfinite(t), 1 - x, 0)],
    ),
    Case(ops.kl_div, [huge(3, 2), probabilities(3, 2)], kl, note="huge", differentiable=[0]),
    Case(
        ops.kl_div,
        [empty(0, 3), empty(0, 3)],
        lambda x, q, reduction: nan,
        {"reduction": "batchmean"},
        note="empty",
    ),
    ErrorCase(ops.kl_div, [LOG_P, LOG_P], ValueRangeError, "log-probabilities need log_target=True"),
    ErrorCase(ops.kl_div, [LOG_P, Q0[:1]], ShapeError, r"one shape, got \(2, 2\) and \(1, 2\)", note="row"),
]


def bce(x, t, w=1.0):
    return np.mean(-w * (t * np.log(x) + (1 - t) * np.log(1 - x)))


def bce_logits(x, t, w=1.0, reduction="mean", c=1.0):
    """From ln σ(x) = −ln(1 + e⁻ˣ)."""
    elements = w * (c * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x))
    return elements if reduction == "none" else elements.mean()


SCORES, T = normal(4, 3), uniform(4, 3)
FOUR = np.array([1e4, -1e4, 1e4, -1e4]), np.array([1.0, 0.0, 0.0, 1.0])

BINARY = [
    Case(
        ops.binary_cross_entropy,
        [uniform(4, 3, low=0.1, high=0.9), T],
        bce,
        torch=functional("binary_cross_entropy"),
        differentiable=[0],
    ),
    Case(ops.binary_cross_entropy, [uniform(4, 3, low=0.1, high=0.9), T], bce, note="target's gradient"),
    Case(
        ops.binary_cross_entropy,
        [uniform(4, 3, low=0.1, high=0.9), T, uniform(3)],
        bce,
        note="weighted",
        torch=functional("binary_cross_entropy"),
        differentiable=[0],
    ),
    Case(
        ops.binary_cross_entropy,
        [uniform(3, low=0.1, high=0.9), [1, 0, 1]],
        lambda x, t: bce(x, np.array(t)),
        note="list",
    ),
    Case(
        ops.binary_cross_entropy,
        [np.array([0.0, 1.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0, 0.0])],
        lambda x, t: 50.0,
        note="certain",
        differentiable=[0],
        subgradients=lambda x, t: [np.array([0, 0, -1e12, 1e12]) / 4],
    ),
    Case(
        ops.binary_cross_entropy,
        [empty(0), empty(0)],
        lambda x, t: nan,
        note="empty",
        differentiable=[0],
        torch=functional("binary_cross_entropy"),
    ),
    ErrorCase(
        ops.binary_cross_entropy,
        [normal(4, 3, scale=9), T],
        ValueRangeError,
        "inputs between 0 and 1",
        note="scores",
    ),
    ErrorCase(
        ops.binary_cross_entropy,
        [uniform(2), np.array([-1.0, 1.0])],
        ValueRangeError,
        "targets between 0 and 1, got -1 to 1",
    ),
    ErrorCase(
        ops.binary_cross_entropy,
        [uniform(4, 1), uniform(4)],
        ShapeError,
        r"\(4, 1\) and \(4,\)",
        note="column",
    ),
    ErrorCase(
        ops.binary_cross_entropy, [T, T, uniform(4)], ShapeError, r"weight that broadcasts to \(4, 3\)"
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [SCORES, uniform(4, 3)],
        bce_logits,
        torch=functional("binary_cross_entropy_with_logits"),
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [SCORES, T],
        bce_logits,
        {"reduction": "none"},
        functional("binary_cross_entropy_with_logits"),
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [SCORES, T, uniform(4, 1), "mean", uniform(3, low=1, high=3)],
        bce_logits,
        note="weighted",
        differentiable=[0],
        torch=lambda t, x, y, w, r, c: t.nn.functional.binary_cross_entropy_with_logits(
            x, y, w, pos_weight=c
        ),
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        FOUR,
        lambda x, t: 5000.0,
        note="huge",
        differentiable=[0],
        torch=functional("binary_cross_entropy_with_logits"),
        subgradients=lambda x, t: [np.array([0, 0, 1, -1]) / 4],
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [np.zeros(2), np.array([0.0, 1.0])],
        lambda x, t: math.log(2),
        note="zero",
        torch=functional("binary_cross_entropy_with_logits"),
        differentiable=[0],
        subgradients=lambda x, t: [[0.25, -0.25]],
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [np.array([-30.0]), np.array([0.0])],
        lambda x, t: math.log1p(math.exp(-30)),
        note="nearly certain",
        differentiable=[0],
        subgradients=lambda x, t: [[1 / (1 + math.exp(30))]],
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [empty(0), empty(0)],
        lambda x, t: nan,
        note="empty",
        torch=functional("binary_cross_entropy_with_logits"),
    ),
    ErrorCase(
        ops.binary_cross_entropy_with_logits,
        [normal(2), np.array([1.0, 2.0])],
        ValueRangeError,
        "targets between 0 and 1, got 1 to 2",
    ),
    ErrorCase(
        ops.binary_cross_entropy_with_logits,
        [normal(2), uniform(2), None, "mean", np.ones(3)],
        ShapeError,
        r"pos_weight that broadcasts to \(2,\), got \(3,\)",
    ),
]

CASES = [*KL, *BINARY]
