"""Rows for the activations, the softmax family, bounds and choices."""

import numpy as np
from scipy import special

from tests.ops.case import Case, ErrorCase, away_from_zero, empty, noncontiguous, normal, refuses
from tests.ops.cases_basic import POINTS, binary
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, ValueRangeError

EXTREMES = np.array([-1e4, -1.0, 0.0, 1.0, 1e4])
CHOSEN = np.array([[True, False, True], [False, False, True]])


def naive_softmax(x, dim=-1):
    exact = np.exp(x.astype(np.longdouble))
    return (exact / exact.sum(dim, keepdims=True)).astype(float)


def family(op, reference, torch):
    return [
        *(Case(op, [normal(2, 3, 4)], reference, {"dim": dim}, torch=torch) for dim in (0, 1, -1)),
        Case(op, [normal(3, 1)], reference, {"dim": 1}, torch=torch, note="one class"),
        Case(
            op,
            [empty(0, 3)],
            lambda x, dim: x if op is not ops.logsumexp else x[:, 0],
            {"dim": 1},
            torch=torch,
            note="empty batch",
        ),
        Case(op, [noncontiguous(3, 4)], reference, {"dim": 0}, note="gaps in memory"),
        Case(
            op, [np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4]])], torch=torch, options={"dim": 1}, note="±1e4"
        ),
        Case(op, [np.full((2, 5), 3.0)], reference, {"dim": 1}, torch=torch, note="ties"),
        ErrorCase(op, [normal(2, 3)], ShapeError, "axis 2 is out of bounds", {"dim": 2}),
        *refuses(op, 1, 0),
    ]


SOFTMAX = [
    *family(ops.softmax, naive_softmax, lambda t, x, dim: x.softmax(dim)),
    *family(
        ops.log_softmax, lambda x, dim: np.log(naive_softmax(x, dim)), lambda t, x, dim: x.log_softmax(dim)
    ),
    *family(ops.logsumexp, lambda x, dim: np.log(np.exp(x).sum(dim)), lambda t, x, dim: x.logsumexp(dim)),
    Case(ops.softmax, [np.array([1e4, -1e4])], lambda x: [1, 0], note="two classes ±1e4"),
    Case(ops.log_softmax, [np.array([1e4, -1e4])], lambda x: [0, -2e4], note="two classes ±1e4"),
    Case(
        ops.logsumexp, [np.array([1e4, 1e4, 0.0]), 0], lambda x, dim: 1e4 + np.log(2), note="two equal at 1e4"
    ),
    Case(
        ops.logsumexp,
        [normal(2, 3, 4)],
        lambda x, dim, keepdim: np.log(np.exp(x).sum(dim, keepdims=True)),
        {"dim": (0, 2), "keepdim": True},
        torch=lambda t, x, dim, keepdim: x.logsumexp(dim, keepdim),
    ),
    Case(
        ops.logsumexp,
        [np.array([-np.inf, 0.0, 0.0]), 0],
        lambda x, dim: np.log(2),
        note="a probability of 0",
        torch=lambda t, x, dim: x.logsumexp(dim),
        subgradients=lambda x, dim: [[0, 0.5, 0.5]],
    ),
]


def sigma(x):
    return special.expit(x)


def activation(op, reference, torch, subgradient, options=None):
    """Normal inputs in all layouts, the kink or origin, scores of ±1e4, and what is refused."""
    o = options or {}
    return [
        Case(op, [away_from_zero(3, 4)], reference, o, torch=torch),
        Case(op, [noncontiguous(3, 4)], reference, o, note="gaps in memory"),
        Case(op, [empty(0, 3)], reference, o, torch=torch, note="empty batch"),
        Case(op, [away_from_zero()], reference, o, torch=torch, note="no axes"),
        Case(op, [POINTS], reference, o, torch=torch, subgradients=subgradient, note="points"),
        Case(op, [EXTREMES], reference, o, torch=torch, subgradients=subgradient, note="±1e4"),
        *(refuses(op, 1) if options is None else []),
    ]


def phi(x):
    return np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


def gelu_tanh(x, approximate):
    return x / (1 + np.exp(-2 * np.sqrt(2 / np.pi) * np.clip(x + 0.044715 * x**3, -400, 400)))


ACTIVATIONS = [
    *activation(ops.sigmoid, sigma, lambda t, x: t.sigmoid(x), lambda x: [sigma(x) * sigma(-x)]),
    *activation(ops.tanh, np.tanh, lambda t, x: t.tanh(x), lambda x: [1 / np.cosh(np.clip(x, -50, 50)) ** 2]),
    *activation(ops.relu, lambda x: (x + np.abs(x)) / 2, lambda t, x: t.relu(x), lambda x: [x > 0]),
    *activation(
        ops.relu6,
        lambda x: np.clip(x, 0, 6),
        lambda t, x: t.nn.functional.relu6(x),
        lambda x: [(x > 0) & (x < 6)],
    ),
    Case(
        ops.relu6,
        [np.array([-1.0, 0.0, 3.0, 6.0, 7.0])],
        lambda x: [0, 0, 3, 6, 6],
        torch=lambda t, x: t.nn.functional.relu6(x),
        subgradients=lambda x: [[0, 0, 1, 0, 0]],
        note="both bounds",
    ),
    *activation(
        ops.leaky_relu,
        lambda x: np.where(x > 0, x, 0.01 * x),
        lambda t, x: t.nn.functional.leaky_relu(x),
        lambda x: [np.where(x > 0, 1, 0.01)],
    ),
    *activation(
        ops.leaky_relu,
        lambda x, negative_slope: np.where(x > 0, x, 1.5 * x),
        lambda t, x, **o: t.nn.functional.leaky_relu(x, **o),
        lambda x, negative_slope: [np.where(x > 0, 1, 1.5)],
        {"negative_slope": 1.5},
    ),
    *activation(
        ops.elu,
        lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1),
        lambda t, x: t.nn.functional.elu(x),
        lambda x: [np.where(x > 0, 1, np.exp(np.minimum(x, 0)))],
    ),
    *activation(
        ops.elu,
        lambda x, alpha: np.where(x > 0, x, 0.3 * (np.exp(np.minimum(x, 0)) - 1)),
        lambda t, x, **o: t.nn.functional.elu(x, **o),
        lambda x, alpha: [np.where(x > 0, 1, 0.3 * np.exp(np.minimum(x, 0)))],
        {"alpha": 0.3},
    ),
    *activation(
        ops.gelu,
        lambda x: x * (1 + special.erf(x / np.sqrt(2))) / 2,
        lambda t, x: t.nn.functional.gelu(x),
        lambda x: [(1 + special.erf(x / np.sqrt(2))) / 2 + x * phi(x)],
    ),
    *activation(
        ops.gelu, gelu_tanh, lambda t, x, **o: t.nn.functional.gelu(x, **o), None, {"approximate": "tanh"}
    ),
    *activation(
        ops.softplus,
        lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
        lambda t, x: t.nn.functional.softplus(x),
        lambda x: [sigma(x)],
    ),
    *activation(
        ops.softplus,
        lambda x, beta: np.maximum(x, 0) + np.log1p(np.exp(-3 * np.abs(x))) / 3,
        lambda t, x, **o: t.nn.functional.softplus(x, **o),
        lambda x, beta: [sigma(3 * x)],
        {"beta": 3.0},
    ),
    *activation(
        ops.silu,
        lambda x: x * sigma(x),
        lambda t, x: t.nn.functional.silu(x),
        lambda x: [sigma(x) + x * sigma(x) * sigma(-x)],
    ),
    ErrorCase(
        ops.gelu, [normal(3)], ValueRangeError, "gelu needs approximate=.*got 'erf'", {"approximate": "erf"}
    ),
    ErrorCase(ops.softplus, [normal(3)], ValueRangeError, "softplus needs beta > 0, got 0", {"beta": 0}),
]

CHOICES = [
    *(
        Case(
            ops.clip,
            [POINTS],
            lambda x, min=None, max=None: np.clip(x, min, max),
            o,
            torch=lambda t, x, **o: t.clamp(x, **o),
            subgradients=lambda x, min=-9, max=9: [(min <= x) & (x <= max)],
        )
        for o in ({"min": -1.0}, {"max": 0.5}, {"min": -1, "max": 2}, {"min": 0.2, "max": 0.3})
    ),
    Case(
        ops.clip,
        [normal(3, 4), -0.5, 0.5],
        np.clip,
        torch=lambda t, x, a, b: t.clamp(x, a, b),
        note="by place",
    ),
    Case(ops.clip, [noncontiguous(3, 4), 0.0], lambda x, a: np.maximum(x, 0), note="gaps in memory"),
    Case(ops.clip, [empty(0, 3), 0.0], lambda x, a: x, note="empty batch"),
    ErrorCase(ops.clip, [normal(3)], ValueRangeError, "clip needs min, max or both, got neither"),
    *refuses(ops.clip, 1, 0.0),
    *binary(ops.maximum, normal, np.maximum, lambda t, a, b: t.maximum(a, b)),
    *binary(ops.minimum, normal, np.minimum, lambda t, a, b: t.minimum(a, b)),
    *(
        Case(
            op,
            [np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0])],
            note="a tie",
            torch=torch,
            subgradients=lambda a, b, first=first: [first, first[::-1]],
        )
        for op, torch, first in (
            (ops.maximum, lambda t, a, b: t.maximum(a, b), [0, 0.5, 1]),
            (ops.minimum, lambda t, a, b: t.minimum(a, b), [1, 0.5, 0]),
        )
    ),
    Case(ops.maximum, [normal(2, 3), 0.0], lambda x, c: np.maximum(x, 0), note="a number"),
    *(
        Case(
            ops.where,
            [CHOSEN, normal(*a), normal(*b)],
            lambda c, a, b: c * a + ~c * b,
            torch=lambda t, c, a, b: t.where(c, a, b),
            note=f"{a} {b}",
        )
        for a, b in (((2, 3), (2, 3)), ((), (2, 3)), ((3,), (2, 1)), ((4, 2, 3), (1, 1)))
    ),
    Case(ops.where, [CHOSEN, normal(2, 3), -1e4], lambda c, a, b: c * a + ~c * b, note="a number"),
    Case(ops.where, [np.zeros((0, 3), bool), normal(3), normal(0, 1)], np.where, note="empty batch"),
    Case(ops.where, [CHOSEN, noncontiguous(2, 3), noncontiguous(2, 3)], np.where, note="gaps in memory"),
    Case(
        ops.where,
        [np.array([True, False]), np.array([1.0, np.nan]), np.array([np.inf, 2.0])],
        lambda c, a, b: [1, 2],
        torch=lambda t, c, a, b: t.where(c, a, b),
        subgradients=lambda c, a, b: [[1, 0], [0, 1]],
        note="nan not taken",
    ),
    ErrorCase(
        ops.where, [np.ones(3), normal(3), normal(3)], DTypeError, "where needs .* booleans, got float64"
    ),
    ErrorCase(ops.where, [CHOSEN, normal(4), normal(3)], ShapeError, r"where needs shapes that broadcast"),
    ErrorCase(ops.where, [CHOSEN, normal(2, 3), "a"], DTypeError, "where needs Tensors.* got 'a'"),
]

CASES = [*SOFTMAX, *ACTIVATIONS, *CHOICES]
