"""Rows for the losses of margins."""

import math

import numpy as np

from tests.ops.case import Case, ErrorCase, empty, functional, huge, integers, normal
from tests.ops.cases_loss_classes import SCORES, WEIGHT, Y
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, ValueRangeError

nan, inf = math.nan, math.inf

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


CASES = [
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
    Case(ops.multi_margin_loss, [SCORES, Y], multi_margin, torch=functional("multi_margin_loss")),
    Case(
        ops.multi_margin_loss,
        [SCORES, Y],
        multi_margin,
        {"p": 2, "margin": 0.7},
        functional("multi_margin_loss"),
    ),
    Case(
        ops.multi_margin_loss,
        [SCORES, Y, 2, 1.0, WEIGHT],
        multi_margin,
        note="weighted",
        differentiable=[0],
        torch=functional("multi_margin_loss"),
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
        ops.multi_margin_loss,
        [huge(4, 3), Y],
        multi_margin,
        note="huge",
        torch=functional("multi_margin_loss"),
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
