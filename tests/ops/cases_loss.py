"""Rows for the losses: of numbers, of probabilities, of margins."""

import math

import numpy as np
from scipy.special import log_softmax, softmax

from tests.ops.case import (
    Case,
    ErrorCase,
    empty,
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


def torchs(name):
    """torch's function of that name."""
    return lambda t, *inputs, **options: getattr(t.nn.functional, name)(*inputs, **options)


def mean_of(element):
    """The mean of an element loss."""
    return lambda *inputs, **options: element(*inputs, **options).mean()


# Losses of numbers -----------------------------------------------------------------------------------------

E = np.array([0.0, 0.5, -0.5, 1.0, -1.0, 3.0, -3.0])  # errors: none, small, at the joint ±1, large
ZERO = np.zeros(7)
PAIR = [normal(4, 3), normal(4, 3)]


def smooth_l1(x, y, reduction="mean", beta=1.0):
    d = abs(x - y)
    return np.mean([e**2 / (2 * beta) if e < beta else e - beta / 2 for e in d.ravel()])


def huber(x, y, reduction="mean", delta=1.0):
    return np.mean([e**2 / 2 if e <= delta else delta * (e - delta / 2) for e in abs(x - y).ravel()])


def both_signs(gradient):
    """The gradients by input and by target."""
    return lambda *a, **k: [np.asarray(gradient), -np.asarray(gradient)]


NUMBERS = [
    Case(ops.mse_loss, PAIR, lambda x, y: ((x - y) ** 2).mean(), torch=torchs("mse_loss")),
    Case(
        ops.mse_loss,
        PAIR,
        lambda x, y, reduction: ((x - y) ** 2).sum(),
        {"reduction": "sum"},
        torchs("mse_loss"),
    ),
    Case(ops.mse_loss, PAIR, lambda x, y, reduction: (x - y) ** 2, {"reduction": "none"}, torchs("mse_loss")),
    Case(ops.mse_loss, [noncontiguous(4, 3), normal(4, 3)], lambda x, y: ((x - y) ** 2).mean(), note="gaps"),
    Case(ops.mse_loss, [ZERO, ZERO], lambda x, y: 0, note="no error", subgradients=both_signs(ZERO)),
    Case(
        ops.mse_loss,
        [huge(4), huge(4)],
        mean_of(lambda x, y: (x - y) ** 2),
        note="huge",
        torch=torchs("mse_loss"),
    ),
    Case(ops.mse_loss, [empty(0, 3), empty(0, 3)], lambda x, y: nan, note="empty", torch=torchs("mse_loss")),
    Case(ops.mse_loss, [normal(2), [1, 2]], lambda x, y: ((x - y) ** 2).mean(), note="target list"),
    Case(
        ops.mse_loss, [normal(2), np.array([1, 2])], lambda x, y: ((x - y) ** 2).mean(), note="whole target"
    ),
    Case(
        ops.mse_loss,
        [np.array(3.0), np.array(1.0)],
        lambda x, y: 4.0,
        note="no axes",
        torch=torchs("mse_loss"),
    ),
    Case(ops.l1_loss, PAIR, lambda x, y: abs(x - y).mean(), torch=torchs("l1_loss")),
    Case(
        ops.l1_loss, PAIR, lambda x, y, reduction: abs(x - y).sum(), {"reduction": "sum"}, torchs("l1_loss")
    ),
    Case(ops.l1_loss, PAIR, lambda x, y, reduction: abs(x - y), {"reduction": "none"}, torchs("l1_loss")),
    Case(
        ops.l1_loss,
        [E, ZERO],
        lambda x, y: 9 / 7,
        note="kink",
        torch=torchs("l1_loss"),
        subgradients=both_signs(np.array([0, 1, -1, 1, -1, 1, -1]) / 7),
    ),
    Case(ops.l1_loss, [empty(0), empty(0)], lambda x, y: nan, note="empty", torch=torchs("l1_loss")),
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
    Case(ops.smooth_l1_loss, PAIR, smooth_l1, torch=torchs("smooth_l1_loss")),
    Case(ops.smooth_l1_loss, PAIR, smooth_l1, {"beta": 0.3}, torchs("smooth_l1_loss")),
    Case(
        ops.smooth_l1_loss,
        PAIR,
        lambda x, y, reduction: smooth_l1(x, y) * 12,
        {"reduction": "sum"},
        torchs("smooth_l1_loss"),
    ),
    Case(
        ops.smooth_l1_loss,
        [E, ZERO],
        smooth_l1,
        note="joint",
        torch=torchs("smooth_l1_loss"),
        subgradients=both_signs(np.clip(E, -1, 1) / 7),
    ),
    Case(
        ops.smooth_l1_loss,
        [E, ZERO],
        lambda x, y, beta: 9 / 7,
        {"beta": 0.0},
        torchs("smooth_l1_loss"),
        both_signs(np.sign(E) / 7),
        note="kink",
    ),
    Case(ops.smooth_l1_loss, [huge(4), normal(4)], smooth_l1, note="huge", torch=torchs("smooth_l1_loss")),
    Case(
        ops.smooth_l1_loss,
        [empty(0), empty(0)],
        lambda x, y: nan,
        note="empty",
        torch=torchs("smooth_l1_loss"),
    ),
    Case(ops.huber_loss, PAIR, huber, torch=torchs("huber_loss")),
    Case(ops.huber_loss, PAIR, huber, {"delta": 0.3}, torchs("huber_loss")),
    Case(
        ops.huber_loss,
        PAIR,
        lambda x, y, reduction, delta: huber(x, y, delta=2.5) * 12,
        {"reduction": "sum", "delta": 2.5},
        torchs("huber_loss"),
    ),
    Case(
        ops.huber_loss,
        [E, ZERO],
        huber,
        note="joint",
        torch=torchs("huber_loss"),
        subgradients=both_signs(np.clip(E, -1, 1) / 7),
    ),
    Case(ops.huber_loss, [huge(4), normal(4)], huber, note="huge", torch=torchs("huber_loss")),
    Case(ops.huber_loss, [empty(0), empty(0)], lambda x, y: nan, note="empty", torch=torchs("huber_loss")),
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

# Losses of probabilities -----------------------------------------------------------------------------------

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
    Case(ops.cross_entropy, [SCORES, Y], of_classes, torch=torchs("cross_entropy")),
    *(
        Case(ops.cross_entropy, [SCORES, Y], of_classes, {"reduction": r}, torchs("cross_entropy"))
        for r in ("sum", "none")
    ),
    Case(ops.cross_entropy, [SCORES, Y.tolist()], lambda s, y: of_classes(s, np.array(y)), note="list"),
    Case(ops.cross_entropy, [SCORES, Y.astype(np.uint8)], of_classes, note="small whole numbers"),
    Case(ops.cross_entropy, [noncontiguous(4, 3), Y], of_classes, note="gaps", torch=torchs("cross_entropy")),
    Case(
        ops.cross_entropy,
        [np.zeros((5, 10)), np.arange(5)],
        lambda s, y: 2.302585092994046,
        note="start",
        torch=torchs("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [FIRST_IS_CLASS_0, np.array([0, 0, 1])],
        lambda s, y: (math.log(3) + 0 + 2e4) / 3,
        note="huge by hand",
        torch=torchs("cross_entropy"),
        subgradients=lambda *a: [np.array([[-2 / 3, 1 / 3, 1 / 3], [0, 0, 0], [1, -1, 0]]) / 3],
    ),
    Case(
        ops.cross_entropy,
        [huge(6, 4), integers(6, high=4)],
        of_classes,
        note="huge",
        torch=torchs("cross_entropy"),
        tolerance=1e-6,
    ),
    Case(
        ops.cross_entropy,
        [ties(6, 4), integers(6, high=4)],
        of_classes,
        note="ties",
        torch=torchs("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [np.array([[0.0, -inf, 1.0]]), np.array([2])],
        lambda s, y: math.log(1 + math.exp(-1)),
        note="a class ruled out",
        torch=torchs("cross_entropy"),
        subgradients=lambda *a: [softmax([[0.0, -inf, 1.0]], 1) - [[0, 0, 1]]],
    ),
    Case(ops.cross_entropy, [normal(4, 1), np.zeros(4, int)], lambda s, y: 0.0, note="one class"),
    Case(
        ops.cross_entropy,
        [empty(0, 3), np.zeros(0, int)],
        lambda s, y: nan,
        note="empty",
        torch=torchs("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [empty(0, 3), []],
        lambda s, y, reduction: 0.0,
        {"reduction": "sum"},
        note="empty list",
    ),
    Case(ops.cross_entropy, [SCORES, IGNORED], of_classes, note="ignored", torch=torchs("cross_entropy")),
    Case(
        ops.cross_entropy,
        [SCORES, IGNORED],
        of_classes,
        {"reduction": "none"},
        torchs("cross_entropy"),
        note="ignored",
    ),
    Case(ops.cross_entropy, [SCORES, Y], of_classes, {"ignore_index": 2}, torchs("cross_entropy")),
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
            torchs("cross_entropy"),
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
        torchs("cross_entropy"),
        differentiable=[0],
        note="weighted ignored",
    ),
    *(
        Case(ops.cross_entropy, [SCORES, Y], of_classes, {"label_smoothing": e}, torchs("cross_entropy"))
        for e in (0.1, 1.0)
    ),
    Case(
        ops.cross_entropy,
        [SCORES, IGNORED],
        of_classes,
        {"label_smoothing": 0.1, "reduction": "none"},
        torchs("cross_entropy"),
        note="ignored",
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 5), integers(2, 5, high=3)],
        by_place,
        note="places",
        torch=torchs("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 2, 2), integers(2, 2, 2, high=3)],
        lambda s, y, reduction: by_place(s, y, reduction="none").reshape(2, 2, 2),
        {"reduction": "none"},
        torchs("cross_entropy"),
        note="pixels",
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 2), np.array([[0, -100], [1, 2]])],
        lambda s, y, **k: by_place(s, y, **k),
        {"label_smoothing": 0.3},
        torchs("cross_entropy"),
        note="places ignored",
    ),
    Case(
        ops.cross_entropy,
        [SCORES, probabilities(4, 3)],
        of_probabilities,
        note="probabilities",
        torch=torchs("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [SCORES, one_hot(Y, 3)],
        lambda s, q: of_classes(s, Y),
        note="one hot",
        differentiable=[0],
        torch=torchs("cross_entropy"),
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
        torchs("cross_entropy"),
        differentiable=[0, 1],
        note="probabilities weighted",
    ),
    Case(
        ops.cross_entropy,
        [SCORES, probabilities(4, 3)],
        lambda s, q, reduction: cross_entropy_rows(s, q),
        {"reduction": "none"},
        torchs("cross_entropy"),
        note="probabilities",
    ),
    Case(
        ops.cross_entropy,
        [normal(2, 3, 4), uniform(2, 3, 4)],
        lambda s, q: -(q * log_softmax(s, 1)).sum() / 8,
        note="probabilities places",
        torch=torchs("cross_entropy"),
    ),
    Case(
        ops.cross_entropy,
        [huge(4, 3), probabilities(4, 3)],
        of_probabilities,
        note="probabilities huge",
        torch=torchs("cross_entropy"),
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
    Case(ops.nll_loss, [SCORES, Y], nll, torch=torchs("nll_loss")),
    *(
        Case(
            ops.nll_loss,
            [SCORES, IGNORED, WEIGHT],
            nll,
            {"reduction": r},
            torchs("nll_loss"),
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
        torch=torchs("nll_loss"),
    ),
    Case(
        ops.nll_loss,
        [np.array([[-inf, 0.0]]), np.array([0])],
        lambda x, y: inf,
        note="ruled out",
        torch=torchs("nll_loss"),
        subgradients=lambda *a: [[[-1, 0]]],
    ),
    Case(
        ops.nll_loss,
        [empty(0, 3), np.zeros(0, int)],
        lambda x, y: nan,
        note="empty",
        torch=torchs("nll_loss"),
    ),
    ErrorCase(ops.nll_loss, [SCORES, Y + 1], ValueRangeError, r"from 0 to 2, got \[3\]"),
    ErrorCase(ops.nll_loss, [SCORES, Y.astype(float)], DTypeError, "whole numbers", note="float"),
]


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
            ops.kl_div, [log_probabilities(4, 3), probabilities(4, 3)], kl, {"reduction": r}, torchs("kl_div")
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
        torchs("kl_div"),
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
        torch=torchs("kl_div"),
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
        torch=torchs("kl_div"),
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


T = uniform(4, 3)
FOUR = np.array([1e4, -1e4, 1e4, -1e4]), np.array([1.0, 0.0, 0.0, 1.0])

BINARY = [
    Case(
        ops.binary_cross_entropy,
        [uniform(4, 3, low=0.1, high=0.9), T],
        bce,
        torch=torchs("binary_cross_entropy"),
        differentiable=[0],
    ),
    Case(ops.binary_cross_entropy, [uniform(4, 3, low=0.1, high=0.9), T], bce, note="target's gradient"),
    Case(
        ops.binary_cross_entropy,
        [uniform(4, 3, low=0.1, high=0.9), T, uniform(3)],
        bce,
        note="weighted",
        torch=torchs("binary_cross_entropy"),
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
        torch=torchs("binary_cross_entropy"),
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
        torch=torchs("binary_cross_entropy_with_logits"),
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [SCORES, T],
        bce_logits,
        {"reduction": "none"},
        torchs("binary_cross_entropy_with_logits"),
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
        torch=torchs("binary_cross_entropy_with_logits"),
        subgradients=lambda x, t: [np.array([0, 0, 1, -1]) / 4],
    ),
    Case(
        ops.binary_cross_entropy_with_logits,
        [np.zeros(2), np.array([0.0, 1.0])],
        lambda x, t: math.log(2),
        note="zero",
        torch=torchs("binary_cross_entropy_with_logits"),
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
        torch=torchs("binary_cross_entropy_with_logits"),
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

# Losses of margins -----------------------------------------------------------------------------------------

SIGNS = np.array([1, -1, -1, 1])


def hinge(s, y, margin=1.0):
    return np.mean([max(0.0, margin - a * b) for a, b in zip(s, y, strict=True)])


def gaps(s, y, margin=1.0):
    """For each row, the list of what each wrong class costs."""
    return [
        [max(0.0, row[j] - row[c] + margin) for j in range(len(row)) if j != c]
        for row, c in zip(s, y, strict=True)
    ]


def weston_watkins(s, y, margin=1.0, reduction="mean"):
    rows = np.array([sum(g) for g in gaps(s, y, margin)])
    return {"none": rows, "sum": rows.sum(), "mean": rows.mean()}[reduction]


def torchs_hinge(t, s, y, p=1, margin=1.0, weight=None, reduction="mean"):
    """K times torch's mean over classes."""
    return s.shape[1] * t.nn.functional.multi_margin_loss(s, y, p, margin, weight, reduction=reduction)


def multi_margin(s, y, p=1, margin=1.0, weight=None):
    w = np.ones(s.shape[1]) if weight is None else weight
    return np.mean(
        [w[c] * sum(e**p for e in g) / s.shape[1] for g, c in zip(gaps(s, y, margin), y, strict=True)]
    )


MARGINS = [
    Case(ops.hinge_loss, [normal(4), SIGNS], hinge),
    Case(ops.hinge_loss, [normal(4), SIGNS.tolist()], hinge, {"margin": 0.3}, note="list"),
    Case(
        ops.hinge_loss,
        [normal(4), SIGNS],
        lambda s, y, reduction: np.maximum(0, 1 - y * s),
        {"reduction": "none"},
        torch=lambda t, s, y, reduction: t.clamp(1 - y * s, min=0),
    ),
    Case(ops.hinge_loss, [normal(4), SIGNS], lambda s, y, reduction: 4 * hinge(s, y), {"reduction": "sum"}),
    Case(
        ops.hinge_loss,
        [np.array([0.0, 1.0, -1.0, 1.0]), np.array([1, 1, -1, -1])],
        lambda s, y: 3 / 4,
        note="kink",
        subgradients=lambda s, y: [np.array([-1, 0, 0, 1]) / 4],
    ),
    Case(
        ops.hinge_loss, [np.array([1e4, -1e4]), np.array([1, 1])], lambda s, y: (0 + 10001) / 2, note="huge"
    ),
    Case(ops.hinge_loss, [empty(0), np.zeros(0, int)], lambda s, y: nan, note="empty"),
    ErrorCase(
        ops.hinge_loss, [normal(2), np.array([0, 1])], ValueRangeError, r"-1 and \+1; from 0 and 1, write"
    ),
    ErrorCase(ops.hinge_loss, [normal(2, 1), np.array([1, -1])], ShapeError, "one shape", note="column"),
    Case(ops.multiclass_hinge_loss, [SCORES, Y], weston_watkins, torch=torchs_hinge),
    Case(ops.multiclass_hinge_loss, [SCORES, Y], weston_watkins, {"margin": 0.5}, torchs_hinge),
    *(
        Case(ops.multiclass_hinge_loss, [SCORES, Y], weston_watkins, {"reduction": r}, torchs_hinge)
        for r in ("sum", "none")
    ),
    Case(
        ops.multiclass_hinge_loss,
        [np.zeros((5, 10)), np.arange(5)],
        lambda s, y: 9.0,
        note="start",
        torch=torchs_hinge,
    ),
    Case(
        ops.multiclass_hinge_loss,
        [np.array([[2.0, 1.0, 3.0]]), np.array([0])],
        lambda s, y: 2.0,
        note="kink",
        torch=torchs_hinge,
        subgradients=lambda s, y: [[[-1, 0, 1]]],
    ),
    Case(ops.multiclass_hinge_loss, [huge(4, 3), Y], weston_watkins, note="huge", torch=torchs_hinge),
    Case(
        ops.multiclass_hinge_loss,
        [normal(2, 3, 2), integers(2, 2, high=3)],
        lambda s, y: weston_watkins(np.moveaxis(s, 1, 2).reshape(4, 3), y.ravel()),
        note="places",
    ),
    Case(ops.multiclass_hinge_loss, [empty(0, 3), np.zeros(0, int)], lambda s, y: nan, note="empty"),
    ErrorCase(ops.multiclass_hinge_loss, [SCORES, Y + 1], ValueRangeError, r"from 0 to 2, got \[3\]"),
    ErrorCase(ops.multiclass_hinge_loss, [SCORES, Y * 1.0], DTypeError, "whole numbers", note="float"),
    Case(ops.multi_margin_loss, [SCORES, Y], multi_margin, torch=torchs("multi_margin_loss")),
    Case(
        ops.multi_margin_loss, [SCORES, Y], multi_margin, {"p": 2, "margin": 0.7}, torchs("multi_margin_loss")
    ),
    Case(
        ops.multi_margin_loss,
        [SCORES, Y, 2, 1.0, WEIGHT],
        multi_margin,
        note="weighted",
        differentiable=[0],
        torch=torchs("multi_margin_loss"),
    ),
    Case(
        ops.multi_margin_loss,
        [SCORES, Y, 1, 1.0, WEIGHT, "none"],
        lambda s, y, p, m, w, r: np.array([w[c] * sum(g) / 3 for g, c in zip(gaps(s, y), y, strict=True)]),
        note="weighted none",
        differentiable=[0],
        torch=lambda t, s, y, p, m, w, r: t.nn.functional.multi_margin_loss(s, y, p, m, w, reduction=r),
    ),
    Case(
        ops.multi_margin_loss, [huge(4, 3), Y], multi_margin, note="huge", torch=torchs("multi_margin_loss")
    ),
    Case(
        ops.multi_margin_loss,
        [np.array([[2.0, 1.0, 3.0]]), np.array([0])],
        lambda s, y: 2 / 3,
        note="kink",
        subgradients=lambda s, y: [np.array([[-1, 0, 1]]) / 3],
    ),
    Case(ops.multi_margin_loss, [empty(0, 3), np.zeros(0, int)], lambda s, y: nan, note="empty"),
    ErrorCase(ops.multi_margin_loss, [SCORES, Y], ValueRangeError, "p = 1 or 2, got 3", {"p": 3}),
    ErrorCase(ops.multi_margin_loss, [SCORES, Y, 1, 1.0, np.ones(4)], ShapeError, "each of the 3 classes"),
]

CASES = [*NUMBERS, *CROSS_ENTROPY, *NLL, *KL, *BINARY, *MARGINS]
