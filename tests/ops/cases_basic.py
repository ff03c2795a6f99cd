"""Rows for Tensor's own operations: arithmetic, products, indexing, reductions."""

import numpy as np

from tests.ops.case import (
    Case,
    ErrorCase,
    away_from_zero,
    distinct,
    empty,
    noncontiguous,
    normal,
    positive,
    refuses,
    ties,
)
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError

POINTS = np.array([-3.0, -1.0, 0.0, 0.5, 2.0])


def unary(op, domain, reference, torch, subgradient=None):
    """The rows every function of one number has: its domain, gaps in memory, nothing at all, one number."""
    rows = [
        Case(op, [domain(3, 4)], reference, torch=torch),
        Case(op, [domain(1)], reference, torch=torch, note="one number"),
        Case(op, [domain()], reference, torch=torch, note="no axes"),
        Case(op, [lambda rng, dtype: domain(6, 4)(rng, dtype)[::2].T], reference, note="gaps in memory"),
        Case(op, [empty(0, 3)], reference, torch=torch, note="empty batch"),
        *refuses(op, 1),
    ]
    if subgradient:
        rows.append(Case(op, [POINTS], reference, torch=torch, subgradients=subgradient, note="kink"))
    return rows


def binary(op, second, reference, torch):
    """The rows every function of two numbers has: all ways to broadcast, gaps in memory, nothing at all."""
    shapes = {
        "equal": ((2, 3), (2, 3)),
        "row": ((2, 3), (3,)),
        "column": ((2, 1), (2, 3)),
        "outer": ((4, 1), (1, 3)),
        "middle": ((2, 1, 3), (2, 4, 1)),
        "single": ((), (2, 3)),
        "new axes": ((3,), (2, 2, 3)),
        "empty batch": ((0, 3), (3,)),
        "one of one": ((1, 1), (1,)),
    }
    builders = {note: (second(*a), second(*b)) for note, (a, b) in shapes.items()}
    return [
        *(Case(op, pair, reference, torch=torch, note=note) for note, pair in builders.items()),
        Case(
            op,
            [lambda rng, dtype: second(6, 4)(rng, dtype)[::2].T, second(4, 3)],
            reference,
            note="gaps in memory",
        ),
        ErrorCase(
            op, [normal(2, 3), normal(4)], ShapeError, r"needs shapes that broadcast, got \(2, 3\) and \(4,\)"
        ),
        *refuses(op, 2),
    ]


OPERATORS = [
    *binary(ops.add, normal, np.add, lambda t, a, b: a + b),
    *binary(ops.sub, normal, np.subtract, lambda t, a, b: a - b),
    *binary(ops.mul, normal, np.multiply, lambda t, a, b: a * b),
    *binary(ops.div, away_from_zero, np.divide, lambda t, a, b: a / b),
    *binary(ops.pow, positive, np.power, lambda t, a, b: a**b),
    *unary(ops.neg, normal, np.negative, lambda t, x: -x),
    *unary(ops.exp, normal, np.exp, lambda t, x: x.exp()),
    *unary(ops.log, positive, np.log, lambda t, x: x.log()),
    *unary(ops.sqrt, positive, np.sqrt, lambda t, x: x.sqrt()),
    *unary(ops.abs, away_from_zero, np.abs, lambda t, x: x.abs(), lambda x: [np.sign(x)]),
    Case(
        ops.exp,
        [np.array([-1e4, 1e4])],
        lambda x: [0, np.inf],
        torch=lambda t, x: x.exp(),
        subgradients=lambda x: [[0, np.inf]],
        note="overflow",
    ),
    Case(
        ops.log,
        [np.array([0.0, -1.0])],
        lambda x: [-np.inf, np.nan],
        torch=lambda t, x: x.log(),
        subgradients=lambda x: [[np.inf, -1]],
        note="outside",
    ),
    Case(
        ops.sqrt,
        [np.array([0.0, -1.0])],
        lambda x: [0, np.nan],
        torch=lambda t, x: x.sqrt(),
        subgradients=lambda x: [[np.inf, np.nan]],
        note="outside",
    ),
    Case(
        ops.div,
        [np.array([1.0, -1.0, 0.0]), np.zeros(3)],
        lambda a, b: [np.inf, -np.inf, np.nan],
        torch=lambda t, a, b: a / b,
        subgradients=lambda a, b: [[np.inf, np.inf, np.inf], [-np.inf, np.inf, np.nan]],
        note="by zero",
    ),
    Case(ops.pow, [normal(3, 2), 2], lambda x, c: x * x, torch=lambda t, x, c: x**c, note="square"),
    Case(ops.pow, [normal(3, 2), 3.0], lambda x, c: x * x * x, torch=lambda t, x, c: x**c, note="cube"),
    Case(ops.pow, [positive(3, 2), -0.5], lambda x, c: 1 / np.sqrt(x), torch=lambda t, x, c: x**c, note="−½"),
    Case(
        ops.pow, [2.0, normal(3)], lambda b, x: np.exp(x * np.log(2)), torch=lambda t, b, x: b**x, note="2ˣ"
    ),
    Case(
        ops.pow,
        [np.zeros(4), np.array([0.0, 1.0, 2.0, 0.5])],
        lambda x, c: [1, 0, 0, 0],
        torch=lambda t, x, c: x**c,
        subgradients=lambda x, c: [[0, 1, 0, np.inf], [0, 0, 0, 0]],
        note="of zero",
    ),
    Case(
        ops.pow,
        [np.array([0.0, 2.0]), 0],
        lambda x, c: [1, 1],
        torch=lambda t, x, c: x**c,
        subgradients=lambda x, c: [[0, 0]],
        note="exponent 0",
    ),
]


def product(formula, a, b):
    return Case(
        ops.matmul,
        [normal(*a), normal(*b)],
        lambda a, b: np.einsum(formula, a, b),
        torch=lambda t, a, b: a @ b,
        note=f"{formula} {a} {b}",
    )


MATMUL = [
    product("ik,kj->ij", (2, 3), (3, 4)),
    product("k,k->", (3,), (3,)),
    product("k,kj->j", (3,), (3, 2)),
    product("ik,k->i", (2, 3), (3,)),
    product("nik,nkj->nij", (4, 2, 3), (4, 3, 2)),
    product("nik,kj->nij", (4, 2, 3), (3, 2)),
    product("ik,nkj->nij", (2, 3), (4, 3, 2)),
    product("k,nkj->nj", (3,), (4, 3, 2)),
    product("nik,k->ni", (4, 2, 3), (3,)),
    product("mnik,nkj->mnij", (2, 4, 2, 3), (4, 3, 2)),
    product("mnik,mnkj->mnij", (2, 1, 2, 3), (1, 4, 3, 2)),
    product("ik,kj->ij", (0, 3), (3, 4)),
    product("ik,kj->ij", (2, 0), (0, 4)),
    Case(ops.matmul, [noncontiguous(2, 3), noncontiguous(3, 4)], np.matmul, note="gaps in memory"),
    ErrorCase(
        ops.matmul, [normal(2, 3), normal(2, 3)], ShapeError, r"matmul needs .* got \(2, 3\) @ \(2, 3\)"
    ),
    ErrorCase(
        ops.matmul,
        [normal(2, 2, 3), normal(4, 3, 2)],
        ShapeError,
        r"broadcast, got \(2, 2, 3\) and \(4, 3, 2\)",
    ),
    ErrorCase(ops.matmul, [normal(), normal(3)], ShapeError, r"got \(\) @ \(3,\)"),
    ErrorCase(
        ops.matmul,
        [normal(2, 3), 2.0],
        DTypeError,
        "matmul needs a Tensor or an array here, got the number 2.0",
    ),
    *refuses(ops.matmul, 2),
]

INDICES = {
    "row": 1,
    "from the end": -1,
    "slice": slice(1, 3),
    "steps backwards": slice(None, None, -2),
    "axes": (slice(None), 2),
    "ellipsis": (..., 0),
    "new axis": (None, 1),
    "list": [0, 2, 0],
    "pairs": ([0, 0, 1], [1, 1, 2]),
    "array": np.array([[0, 1], [1, 1]]),
    "mask": np.array([True, False, True]),
    "slice and list": (slice(None), [3, 0, 3]),
    "nothing": slice(0, 0),
    "one number": (2, 3),
}
INDEXING = [
    *(
        Case(
            ops.getitem,
            [normal(3, 4), i],
            lambda x, i: x[i],
            note=note,
            torch=None if note == "steps backwards" else lambda t, x, i: x[i],
        )
        for note, i in INDICES.items()
    ),
    Case(ops.getitem, [noncontiguous(3, 4), [0, 0, 2]], lambda x, i: x[i], note="gaps in memory"),
    ErrorCase(
        ops.getitem,
        [normal(3, 4), 3],
        ShapeError,
        r"getitem cannot take \(float64\[3, 4\], 3\): index 3 is out",
    ),
    ErrorCase(ops.getitem, [normal(3, 4), (0, 0, 0)], ShapeError, "too many indices"),
    ErrorCase(ops.getitem, [normal(3, 4), 1.5], ShapeError, "only integers", note="a fraction"),
    ErrorCase(ops.getitem, [normal(3, 4), "a"], ShapeError, "only integers", note="a string"),
]


def reduction(op, numpy, torch, domain):
    dims = (None, 0, 1, -1, (0, 2), [1, 2])
    return [
        *(
            Case(
                op,
                [domain(2, 3, 4)],
                lambda x, dim, keepdim: numpy(
                    x, axis=tuple(dim) if isinstance(dim, list) else dim, keepdims=keepdim
                ),
                {"dim": dim, "keepdim": keepdim},
                torch=lambda t, x, dim, keepdim: torch(t)(
                    x, dim=tuple(range(x.ndim)) if dim is None else dim, keepdim=keepdim
                ),
            )
            for dim in dims
            for keepdim in (False, True)
        ),
        Case(op, [domain()], numpy, note="no axes"),
        Case(op, [domain(1, 1)], numpy, note="one number"),
        Case(op, [lambda rng, dtype: domain(4, 3)(rng, dtype).T[::2]], numpy, note="gaps in memory"),
        Case(op, [empty(0, 3)], lambda x, dim: numpy(x, axis=dim), {"dim": 1}, note="empty batch"),
        ErrorCase(
            op,
            [normal(2, 3)],
            ShapeError,
            r"cannot take \(float64\[2, 3\], dim=2\): axis 2 is out",
            {"dim": 2},
        ),
        ErrorCase(op, [normal(2, 3)], ShapeError, "repeated", {"dim": (0, 0)}),
        ErrorCase(op, [normal(2, 3)], DTypeError, "dim='x'", {"dim": "x"}),
        *refuses(op, 1),
    ]


REDUCTIONS = [
    *reduction(ops.sum, np.sum, lambda t: t.sum, normal),
    *reduction(ops.mean, np.mean, lambda t: t.mean, normal),
    *reduction(ops.max, np.max, lambda t: t.amax, distinct),
    *reduction(ops.min, np.min, lambda t: t.amin, distinct),
    *(
        Case(
            op,
            [ties(4, 6)],
            numpy,
            {"dim": 1},
            note="ties",
            torch=torch,
            subgradients=lambda x, dim, numpy=numpy: [share(x, numpy(x, dim, keepdims=True))],
        )
        for op, numpy, torch in (
            (ops.max, lambda x, dim, **k: np.max(x, dim, **k), lambda t, x, dim: t.amax(x, dim)),
            (ops.min, lambda x, dim, **k: np.min(x, dim, **k), lambda t, x, dim: t.amin(x, dim)),
        )
    ),
    Case(
        ops.sum,
        [empty(0, 3)],
        lambda x, dim: np.zeros(3),
        {"dim": 0},
        torch=lambda t, x, dim: x.sum(dim),
        note="over nothing",
    ),
    Case(
        ops.mean,
        [empty(0, 3)],
        lambda x, dim: np.full(3, np.nan),
        {"dim": 0},
        torch=lambda t, x, dim: x.mean(dim),
        note="over nothing",
    ),
    ErrorCase(ops.max, [empty(0, 3)], ShapeError, "zero-size array"),
    ErrorCase(ops.min, [empty(0, 3)], ShapeError, "zero-size array"),
    *(
        Case(
            ops.var,
            [normal(2, 3, 4)],
            lambda x, dim=None, correction=1, keepdim=False: np.var(
                x, dim, ddof=correction, keepdims=keepdim
            ),
            options,
            torch=lambda t, x, dim=None, **o: t.var(x, dim, **o),
        )
        for options in (
            {},
            {"dim": 1},
            {"dim": -1, "correction": 0},
            {"dim": (0, 2), "keepdim": True},
            {"dim": (0, 1), "correction": 0},
        )
    ),
    Case(
        ops.var,
        [noncontiguous(3, 4)],
        lambda x, dim: np.var(x, dim, ddof=1),
        {"dim": 0},
        note="gaps in memory",
    ),
    Case(ops.var, [empty(0, 3)], lambda x, dim: np.zeros(0), {"dim": 1}, note="empty batch"),
    Case(
        ops.var,
        [normal(1, 3)],
        lambda x, dim: np.full(3, np.nan),
        {"dim": 0},
        note="one observation",
        subgradients=lambda x, dim: [np.full((1, 3), np.nan)],
    ),
    Case(ops.var, [1e4 + np.arange(6.0)], lambda x: 3.5, note="far from 0", torch=lambda t, x: x.var()),
    ErrorCase(ops.var, [normal(2, 3)], ShapeError, "axis 2 is out of bounds", {"dim": 2}),
    *refuses(ops.var, 1),
]


def share(x, y):
    return (x == y) / (x == y).sum(1, keepdims=True)


CASES = [*OPERATORS, *MATMUL, *INDEXING, *REDUCTIONS]
