"""Rows for the losses of classes: cross-entropy and the negative log-likelihood."""

import math

import numpy as np
from scipy.special import log_softmax, softmax

from tests.ops.case import (
    Case,
    ErrorCase,
    empty,
    functional,
    huge,
    integers,
    noncontiguous,
    normal,
    probabilities,
    ties,
    uniform,
)
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, UnknownNameError, ValueRangeError

nan, inf = math.nan, math.inf

Y = np.array([2, 0, 1, 2])
WEIGHT = np.array([0.5, 2.0, 1.5])
SCORES = normal(4, 3)


def one_hot(y, k):
    return np.eye(k)[y]


def cross_entropy_rows(s, q, w=1.0, smooth=0.0):
    """A number for each row, from the definition −Σ w q ln p."""
    q = (1 - smooth) * q + smooth / s.shape[1]
    return -(w * q * log_softmax(s, 1)).sum(1)


def of_classes(s, y, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    w = np.ones(s.shape[1]) if weight is None else weight
    keep = y != ignore_index
    rows = np.zeros(len(y))
    rows[keep] = cross_entropy_rows(s[keep], one_hot(y[keep], s.shape[1]), w, label_smoothing)
    return {"none": rows, "sum": rows.sum(), "mean": rows.sum() / w[y[keep]].sum()}[reduction]


def by_place(s, y, **options):
    """(N, K, d) and (N, d): every place on its own."""
    return of_classes(np.moveaxis(s, 1, -1).reshape(-1, s.shape[1]), y.ravel(), **options)


def of_probabilities(s, q, weight=1.0, label_smoothing=0.0):
    return cross_entropy_rows(s, q, weight, label_smoothing).mean()


IGNORED = np.array([2, -100, 1, -100])
FIRST_IS_CLASS_0 = np.array([[0.0, 0.0, 0.0], [1e4, -1e4, 0.0], [1e4, -1e4, 0.0]])

CROSS_ENTROPY = [
    Case(ops.cross_entropy, [SCORES, Y], of_classes, torch=functional("cross_entropy")),
    *(
        Case(ops.cross_entropy, [SCORES, Y], of_classes, {"reduction": r}, functional("cross_entropy"))
        for r in ("sum", "none")
    ),
    Case(ops.cross_entropy, [SCORES, Y.tolist()], lambda s, y: of_classes(s, np.array(y)), note="list"),
    Case(ops.cross_entropy, [SCORES, Y.astype(np.uint8)], of_classes, note="small whole numbers"),
    Case(
        ops.cross_entropy,
        [noncontiguous(4, 3), Y],
        of_classes,
        note="gaps",
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [np.zeros((5, 10)), np.arange(5)],
        lambda s, y: 2.302585092994046,
        note="start",
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [FIRST_IS_CLASS_0, np.array([0, 0, 1])],
        lambda s, y: (math.log(3) + 0 + 2e4) / 3,
        note="huge by hand",
        torch=functional("cross_entropy"),
        subgradients=lambda *a: [np.array([[-2 / 3, 1 / 3, 1 / 3], [0, 0, 0], [1, -1, 0]]) / 3],
    ),
    Case(
        ops.cross_entropy,
        [huge(6, 4), integers(6, high=4)],
        of_classes,
        note="huge",
        torch=functional("cross_entropy"),
        tolerance=1e-6,
    ),
    Case(
        ops.cross_entropy,
        [ties(6, 4), integers(6, high=4)],
        of_classes,
        note="ties",
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [np.array([[0.0, -inf, 1.0]]), np.array([2])],
        lambda s, y: math.log(1 + math.exp(-1)),
        note="a class ruled out",
        torch=functional("cross_entropy"),
        subgradients=lambda *a: [softmax([[0.0, -inf, 1.0]], 1) - [[0, 0, 1]]],
    ),
    Case(ops.cross_entropy, [normal(4, 1), np.zeros(4, int)], lambda s, y: 0.0, note="one class"),
    Case(
        ops.cross_entropy,
        [empty(0, 3), np.zeros(0, int)],
        lambda s, y: nan,
        note="empty",
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [empty(0, 3), []],
        lambda s, y, reduction: 0.0,
        {"reduction": "sum"},
        note="empty list",
    ),
    Case(ops.cross_entropy, [SCORES, IGNORED], of_classes, note="ignored", torch=functional("cross_entropy")),
    Case(
        ops.cross_entropy,
        [SCORES, IGNORED],
        of_classes,
        {"reduction": "none"},
        functional("cross_entropy"),
        note="ignored",
    ),
    Case(ops.cross_entropy, [SCORES, Y], of_classes, {"ignore_index": 2}, functional("cross_entropy")),
    Case(
        ops.cross_entropy,
        [SCORES, np.full(4, -100)],
        lambda s, y: nan,
        note="all ignored",
        subgradients=lambda *a: [np.zeros((4, 3))],
    ),
    Case(
        ops.cross_entropy,
        [np.array([[nan, inf], [0.0, 0.0]]), np.array([-100, 0])],
        lambda s, y: math.log(2),
        note="nan ignored",
        subgradients=lambda *a: [[[0, 0], [-0.5, 0.5]]],
    ),
    *(
        Case(
            ops.cross_entropy,
            [SCORES, Y, WEIGHT],
            of_classes,
            {"reduction": r},
            functional("cross_entropy"),
            differentiable=[0],
            note="weighted",
        )
        for r in ("mean", "sum", "none")
    ),
    Case(
        ops.cross_entropy,
        [SCORES, IGNORED, WEIGHT],
        of_classes,
        {"label_smoothing": 0.2},
        functional("cross_entropy"),
        differentiable=[0],
        note="weighted ignored",
    ),
    *(
        Case(ops.cross_entropy, [SCORES, Y], of_classes, {"label_smoothing": e}, functional("cross_entropy"))
        for e in (0.1, 1.0)
    ),
    Case(
        ops.cross_entropy,
        [SCORES, IGNORED],
        of_classes,
        {"label_smoothing": 0.1, "reduction": "none"},
        functional("cross_entropy"),
        note="ignored",
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 5), integers(2, 5, high=3)],
        by_place,
        note="places",
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 2, 2), integers(2, 2, 2, high=3)],
        lambda s, y, reduction: by_place(s, y, reduction="none").reshape(2, 2, 2),
        {"reduction": "none"},
        functional("cross_entropy"),
        note="pixels",
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 2), np.array([[0, -100], [1, 2]])],
        lambda s, y, **k: by_place(s, y, **k),
        {"label_smoothing": 0.3},
        functional("cross_entropy"),
        note="places ignored",
    ),
    Case(
        ops.cross_entropy,
        [SCORES, probabilities(4, 3)],
        of_probabilities,
        note="probabilities",
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [SCORES, one_hot(Y, 3)],
        lambda s, q: of_classes(s, Y),
        note="one hot",
        differentiable=[0],
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [SCORES, [[0.5, 0.5, 0.0]] * 4],
        lambda s, q: of_probabilities(s, np.array(q)),
        note="list of probabilities",
    ),
    Case(
        ops.cross_entropy,
        [SCORES, probabilities(4, 3), WEIGHT],
        of_probabilities,
        {"label_smoothing": 0.2},
        functional("cross_entropy"),
        differentiable=[0, 1],
        note="probabilities weighted",
    ),
    Case(
        ops.cross_entropy,
        [SCORES, probabilities(4, 3)],
        lambda s, q, reduction: cross_entropy_rows(s, q),
        {"reduction": "none"},
        functional("cross_entropy"),
        note="probabilities",
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 4), uniform(2, 3, 4)],
        lambda s, q: -(q * log_softmax(s, 1)).sum() / 8,
        note="probabilities places",
        torch=functional("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [huge(4, 3), probabilities(4, 3)],
        of_probabilities,
        note="probabilities huge",
        torch=functional("cross_entropy"),
        tolerance=1e-6,
    ),
    ErrorCase(
        ops.cross_entropy, [SCORES, np.array([0, 3, 1, -1])], ValueRangeError, r"from 0 to 2, got \[-1, 3\]"
    ),
    ErrorCase(
        ops.cross_entropy,
        [SCORES, Y[:3]],
        ShapeError,
        r"of shape \(4,\) for scores \(4, 3\), got \(3,\)",
        note="fewer",
    ),
    ErrorCase(ops.cross_entropy, [SCORES, Y[:, None]], ShapeError, r"got \(4, 1\)", note="column"),
    ErrorCase(
        ops.cross_entropy,
        [SCORES, Y.astype(float)],
        DTypeError,
        "whole numbers as classes, got dtype float64",
        note="float",
    ),
    ErrorCase(
        ops.cross_entropy,
        [SCORES, Y > 0],
        DTypeError,
        "whole numbers as classes, got dtype bool",
        note="bool",
    ),
    ErrorCase(
        ops.cross_entropy,
        [SCORES, one_hot(Y, 3).astype(int)],
        ShapeError,
        "probabilities must be floats",
        note="one hot",
    ),
    ErrorCase(
        ops.cross_entropy,
        [SCORES, 2 * one_hot(Y, 3)],
        ValueRangeError,
        "between 0 and 1, got 0 to 2",
        note="two hot",
    ),
    ErrorCase(
        ops.cross_entropy,
        [normal(3), np.array(0)],
        ShapeError,
        r"needs scores \(N, K\).*got shape \(3,\)",
        note="row",
    ),
    ErrorCase(ops.cross_entropy, [empty(2, 0), np.zeros(2, int)], ShapeError, "K ≥ 1", note="no classes"),
    ErrorCase(ops.cross_entropy, [SCORES, Y, np.ones(2)], ShapeError, "each of the 3 classes", note="weight"),
    ErrorCase(
        ops.cross_entropy,
        [SCORES, Y],
        ValueRangeError,
        "number between 0 and 1, got 1.5",
        {"label_smoothing": 1.5},
    ),
    ErrorCase(ops.cross_entropy, [SCORES, Y], UnknownNameError, "got 'avg'", {"reduction": "avg"}),
    ErrorCase(ops.cross_entropy, [np.arange(6).reshape(2, 3), Y[:2]], DTypeError, "floats", note="whole"),
]


def nll(x, y, weight=None, ignore_index=-100, reduction="mean"):
    w = np.ones(x.shape[1]) if weight is None else weight
    rows = np.array([0 if c == ignore_index else -w[c] * row[c] for row, c in zip(x, y, strict=True)])
    return {"none": rows, "sum": rows.sum(), "mean": rows.sum() / w[y[y != ignore_index]].sum()}[reduction]


NLL = [
    Case(ops.nll_loss, [SCORES, Y], nll, torch=functional("nll_loss")),
    *(
        Case(
            ops.nll_loss,
            [SCORES, IGNORED, WEIGHT],
            nll,
            {"reduction": r},
            functional("nll_loss"),
            differentiable=[0],
            note="weighted ignored",
        )
        for r in ("mean", "sum", "none")
    ),
    Case(
        ops.nll_loss,
        [normal(2, 3, 4), integers(2, 4, high=3)],
        lambda x, y: -np.take_along_axis(x, y[:, None], 1).mean(),
        note="places",
        torch=functional("nll_loss"),
    ),
    Case(
        ops.nll_loss,
        [np.array([[-inf, 0.0]]), np.array([0])],
        lambda x, y: inf,
        note="ruled out",
        torch=functional("nll_loss"),
        subgradients=lambda *a: [[[-1, 0]]],
    ),
    Case(
        ops.nll_loss,
        [empty(0, 3), np.zeros(0, int)],
        lambda x, y: nan,
        note="empty",
        torch=functional("nll_loss"),
    ),
    ErrorCase(ops.nll_loss, [SCORES, Y + 1], ValueRangeError, r"from 0 to 2, got \[3\]"),
    ErrorCase(ops.nll_loss, [SCORES, Y.astype(float)], DTypeError, "whole numbers", note="float"),
]

CASES = [*CROSS_ENTROPY, *NLL]
