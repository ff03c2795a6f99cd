"""Rows for what moves numbers about, and for linear, dropout and embedding."""

import numpy as np

from tests.ops.case import Case, ErrorCase, empty, integers, noncontiguous, normal, refuses
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, ValueRangeError

SHAPES = [
    Case(
        ops.reshape,
        [normal(2, 6), (3, -1)],
        lambda x, s: x.ravel().reshape(3, 4),
        torch=lambda t, x, s: x.reshape(s),
    ),
    Case(ops.reshape, [noncontiguous(2, 6), (12,)], lambda x, s: x.ravel(), note="gaps in memory"),
    Case(ops.reshape, [empty(0, 3), (3, 0)], lambda x, s: x.T, note="empty"),
    Case(ops.reshape, [normal(1), ()], lambda x, s: x[0], note="to no axes"),
    ErrorCase(
        ops.reshape, [normal(2, 3), (4, 2)], ShapeError, r"reshape cannot take \(float64\[2, 3\], \(4, 2\)\)"
    ),
    ErrorCase(ops.reshape, [normal(2, 3), "ab"], DTypeError, "reshape"),
    ErrorCase(ops.reshape, [normal(2, 3), (-2, 3)], ShapeError, "or -1 for what is left"),
    *(
        Case(
            ops.transpose,
            [normal(2, 3, 4), i, j],
            lambda x, i, j: (
                np.moveaxis(np.moveaxis(x, i, 0), j % 3, i) if (i, j) == (0, 0) else x.swapaxes(i, j)
            ),
            torch=lambda t, x, i, j: x.transpose(i, j),
            note=f"{i} {j}",
        )
        for i, j in ((0, 1), (0, -1), (1, 1))
    ),
    ErrorCase(ops.transpose, [normal(2, 3), 0, 2], ShapeError, "axis2: axis 2 is out of bounds"),
    *(
        Case(
            ops.permute,
            [normal(2, 3, 4), dims],
            np.transpose,
            torch=lambda t, x, dims: x.permute(dims),
            note=str(dims),
        )
        for dims in ((0, 1, 2), (2, 0, 1), (-1, 1, 0))
    ),
    Case(ops.permute, [noncontiguous(2, 3), (1, 0)], lambda x, dims: x.T, note="gaps in memory"),
    ErrorCase(
        ops.permute,
        [normal(2, 3), (0,)],
        ShapeError,
        r"permute needs all 2 axes of shape \(2, 3\), got .*\(0,\)",
    ),
    ErrorCase(ops.permute, [normal(2, 3), (0, 0)], ShapeError, "repeated axis"),
    ErrorCase(ops.permute, [normal(2, 3), (0, 5)], ShapeError, "axis 5 is out of bounds"),
    *(
        Case(
            op,
            [[normal(2, 3), normal(2, 3), normal(2, 3)]],
            lambda xs, dim, numpy=numpy: numpy(xs, dim),
            {"dim": dim},
            torch=torch,
        )
        for op, numpy, torch, dims in (
            (ops.cat, np.concatenate, lambda t, xs, dim: t.cat(xs, dim), (0, 1, -1)),
            (ops.stack, np.stack, lambda t, xs, dim: t.stack(xs, dim), (0, 1, 2, -1, -2)),
        )
        for dim in dims
    ),
    Case(
        ops.cat,
        [[normal(2, 1), normal(2, 3), empty(2, 0)]],
        lambda xs, dim: np.hstack(xs),
        {"dim": 1},
        torch=lambda t, xs, dim: t.cat(xs, dim),
        note="other lengths",
    ),
    Case(ops.cat, [[normal(2)]], lambda xs: xs[0], note="one tensor"),
    Case(ops.cat, [(noncontiguous(2, 3), normal(1, 3))], lambda xs: np.vstack(xs), note="gaps in memory"),
    ErrorCase(ops.cat, [[]], ShapeError, "cat needs at least one tensor, got none"),
    ErrorCase(ops.cat, ["ab"], DTypeError, "cat needs a list or tuple of tensors, got str"),
    ErrorCase(
        ops.cat,
        [[normal(2, 3), normal(3, 2)]],
        ShapeError,
        r"^cat cannot take \(float64\[2, 3\], float64\[3, 2\]",
    ),
    ErrorCase(ops.cat, [[normal(2, 3), "x"]], DTypeError, "cat needs Tensors or arrays in its list, got 'x'"),
    ErrorCase(ops.stack, [[]], ShapeError, "stack needs at least one tensor, got none"),
    ErrorCase(ops.stack, [2.0], DTypeError, "stack needs a list or tuple of tensors, got float"),
    ErrorCase(
        ops.stack, [[normal(2), normal(3)]], ShapeError, r"^stack cannot take \(float64\[2\], float64\[3\]"
    ),
    *(
        Case(
            ops.pad,
            [normal(2, 3, 4), widths],
            lambda x, pad, mode="constant", value=0: numpy_pad(x, pad, mode, value),
            options,
            torch=None
            if len(widths) == 6 and options
            else lambda t, x, pad, **o: t.nn.functional.pad(x, pad, **o),
            note=str(widths),
        )
        for widths, options in (
            ((1, 2), {}),
            ((1, 0, 0, 2), {}),
            ((0, 0, 1, 1, 2, 0), {}),
            ((1, 1), {"value": -3.5}),
            ((3, 2), {"mode": "reflect"}),
            ((3, 1, 2, 0), {"mode": "reflect"}),
            ((2, 1), {"mode": "replicate"}),
            ((0, 5, 5, 1), {"mode": "replicate"}),
            ((4, 1), {"mode": "circular"}),
            ((1, 2, 3, 0), {"mode": "circular"}),
        )
    ),
    Case(
        ops.pad,
        [noncontiguous(3, 4), (1, 1)],
        lambda x, pad: np.pad(x, ((0, 0), (1, 1))),
        note="gaps in memory",
    ),
    Case(ops.pad, [empty(0, 3), (1, 1)], lambda x, pad: np.zeros((0, 5)), note="empty batch"),
    ErrorCase(
        ops.pad, [normal(2, 3), (1,)], ShapeError, r"pad needs two widths an axis .* of \(2, 3\), got \(1,\)"
    ),
    ErrorCase(ops.pad, [normal(3), (1, 1, 1, 1)], ShapeError, "at most 1 axes"),
    ErrorCase(ops.pad, [normal(2, 3), (-1, 0)], ValueRangeError, r"widths ≥ 0, got \(-1, 0\)"),
    ErrorCase(ops.pad, [normal(2, 3), (0.5, 0)], DTypeError, "pad needs whole numbers"),
    ErrorCase(ops.pad, [normal(2, 3), (3, 0)], ShapeError, "needs a longer axis than 3", {"mode": "reflect"}),
    ErrorCase(
        ops.pad, [normal(2, 3), (4, 0)], ShapeError, "needs a longer axis than 3", {"mode": "circular"}
    ),
    ErrorCase(
        ops.pad, [normal(2, 0), (1, 0)], ShapeError, "needs a longer axis than 0", {"mode": "replicate"}
    ),
    ErrorCase(
        ops.pad, [normal(2, 3), (1, 0)], ValueRangeError, "pad needs mode .* got 'edge'", {"mode": "edge"}
    ),
    *(
        Case(
            ops.flatten,
            [normal(2, 3, 4, 5)],
            lambda x, start_dim=0, end_dim=-1, shape=shape: x.reshape(shape),
            options,
            torch=lambda t, x, **o: x.flatten(**o),
        )
        for shape, options in (
            (120, {}),
            ((2, 60), {"start_dim": 1}),
            ((2, 12, 5), {"start_dim": 1, "end_dim": 2}),
            ((2, 3, 4, 5), {"start_dim": 2, "end_dim": -2}),
        )
    ),
    Case(ops.flatten, [normal()], lambda x: x.reshape(1), torch=lambda t, x: x.flatten(), note="no axes"),
    Case(
        ops.flatten,
        [empty(0, 3, 4)],
        lambda x, start_dim: np.zeros((0, 12)),
        {"start_dim": 1},
        note="empty batch",
    ),
    Case(
        ops.flatten,
        [noncontiguous(2, 3, 4)],
        lambda x, start_dim: x.reshape(2, 12),
        {"start_dim": 1},
        note="gaps in memory",
    ),
    ErrorCase(
        ops.flatten,
        [normal(2, 3)],
        ShapeError,
        "flatten needs start_dim before end_dim, got 1 and 0",
        {"start_dim": 1, "end_dim": 0},
    ),
    ErrorCase(ops.flatten, [normal(2, 3)], ShapeError, "axis 2 is out of bounds", {"start_dim": 2}),
    *(
        Case(
            ops.broadcast_to,
            [normal(*shape), wanted],
            np.broadcast_to,
            torch=lambda t, x, s: x.broadcast_to(s),
            note=f"{shape} {wanted}",
        )
        for shape, wanted in (
            ((3,), (2, 3)),
            ((2, 1), (2, 3)),
            ((), (2, 2)),
            ((1, 3, 1), (4, 2, 3, 2)),
            ((2,), (2,)),
            ((1, 3), (0, 3)),
        )
    ),
    ErrorCase(
        ops.broadcast_to,
        [normal(2, 3), (2, 4)],
        ShapeError,
        r"broadcast_to cannot take \(float64\[2, 3\], \(2, 4\)\)",
    ),
    *(
        Case(
            ops.squeeze,
            [normal(1, 3, 1)],
            lambda x, dim=None, shape=shape: x.reshape(shape),
            options,
            torch=lambda t, x, **o: t.squeeze(x, **o),
        )
        for shape, options in ((3, {}), ((3, 1), {"dim": 0}), ((1, 3, 1), {"dim": 1}), ((1, 3), {"dim": -1}))
    ),
    ErrorCase(ops.squeeze, [normal(1, 3)], ShapeError, "out of range|out of bounds", {"dim": 2}),
    *(
        Case(
            ops.unsqueeze,
            [normal(2, 3), dim],
            lambda x, dim, shape=shape: x.reshape(shape),
            torch=lambda t, x, dim: x.unsqueeze(dim),
            note=str(dim),
        )
        for dim, shape in ((0, (1, 2, 3)), (1, (2, 1, 3)), (-1, (2, 3, 1)))
    ),
    ErrorCase(ops.unsqueeze, [normal(2, 3), 3], ShapeError, "axis 3 is out of bounds"),
]


def dealt(x, groups):
    """Channel by channel, as figure 1 of the paper has it."""
    piles = np.split(x, groups, axis=1)
    return np.stack([pile[:, i] for i in range(piles[0].shape[1]) for pile in piles], axis=1)


SHUFFLES = [
    *(
        Case(
            ops.channel_shuffle,
            [normal(2, 12, *space), groups],
            dealt,
            torch=lambda t, x, g: t.nn.functional.channel_shuffle(x, g),
            note=f"{groups} groups of {len(space)}-D",
        )
        for groups, space in ((1, (2, 3)), (3, (2, 3)), (4, (2, 3)), (12, (2, 3)), (3, (5,)))
    ),
    Case(ops.channel_shuffle, [noncontiguous(2, 6, 2, 3), 2], dealt, note="gaps in memory"),
    Case(ops.channel_shuffle, [empty(0, 6, 2, 2), 2], lambda x, g: x, note="empty batch"),
    ErrorCase(ops.channel_shuffle, [normal(2, 6), 2], ShapeError, r"at least 3 axes .* got shape \(2, 6\)"),
    ErrorCase(
        ops.channel_shuffle, [normal(2, 6, 1), 4], ValueRangeError, "groups that divide 6 channels, got 4"
    ),
    ErrorCase(ops.channel_shuffle, [normal(2, 6, 1), 0], ValueRangeError, "divide 6 channels, got 0"),
    *refuses(ops.channel_shuffle, 1, 2),
]


def numpy_pad(x, pad, mode, value):
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + list(zip(pad[::2], pad[1::2], strict=True))[::-1]
    names = {"replicate": "edge", "circular": "wrap", "reflect": "reflect"}
    return np.pad(x, pairs, constant_values=value) if mode == "constant" else np.pad(x, pairs, names[mode])


def linear_formula(x, w, b=None):
    return np.einsum("...i,oi->...o", x, w) + (0 if b is None else b)


def linear_relu_formula(*inputs):
    return np.maximum(linear_formula(*inputs), 0)


LAYERS = [
    *(
        Case(
            ops.linear,
            [normal(*shape, 3), normal(4, 3), bias],
            linear_formula,
            torch=lambda t, x, w, b: t.nn.functional.linear(x, w, b),
            note=f"{shape}{'' if bias else ' without bias'}",
        )
        for shape in ((2,), (), (2, 5), (0,), (11,))
        for bias in (normal(4), None)
    ),
    *(
        Case(
            ops.linear_relu,
            [normal(*shape, 5), normal(4, 5), bias],
            linear_relu_formula,
            torch=lambda t, x, w, b: t.relu(t.nn.functional.linear(x, w, b)),
            note=f"{shape}{'' if bias else ' without bias'}",
        )
        for shape in ((2,), (), (2, 5), (0,), (11,))
        for bias in (normal(4), None)
    ),
    Case(ops.linear, [noncontiguous(2, 3), noncontiguous(4, 3)], linear_formula, note="gaps in memory"),
    Case(ops.linear_relu, [noncontiguous(9, 3), noncontiguous(4, 3)], linear_relu_formula, note="gaps"),
    Case(
        ops.linear_relu,
        [np.zeros((9, 3)), normal(4, 3)],
        linear_relu_formula,
        subgradients=lambda x, w: [np.zeros_like(x), np.zeros_like(w)],
        note="at the kink",
    ),
    ErrorCase(
        ops.linear, [normal(2, 3), normal(3, 4)], ShapeError, r"linear needs .* got \(2, 3\) and \(3, 4\)"
    ),
    ErrorCase(
        ops.linear, [normal(2, 3), normal(4, 3), normal(3)], ShapeError, r"needs bias \(4,\) .* got \(3,\)"
    ),
    ErrorCase(ops.linear, [normal(2, 3), normal(3)], ShapeError, r"got \(2, 3\) and \(3,\)"),
    ErrorCase(ops.linear, [normal(2, 3), None], DTypeError, "linear needs Tensors.* got None"),
    ErrorCase(ops.linear, [normal(2, 3), normal(4, 3), "b"], DTypeError, "linear needs Tensors.* got 'b'"),
    *refuses(ops.linear, 1, normal(4, 3)),
    ErrorCase(
        ops.linear_relu, [normal(2, 3), normal(3, 4)], ShapeError, r"linear_relu needs .* got \(2, 3\) and"
    ),
    ErrorCase(ops.linear_relu, [normal(2, 3), normal(4, 3), normal(3)], ShapeError, r"needs bias \(4,\)"),
    *refuses(ops.linear_relu, 1, normal(4, 3)),
    *(
        Case(
            ops.dropout,
            [normal(3, 4)],
            reference,
            {"p": p, "training": training, "rng": np.random.default_rng(7)},
        )
        for p, training, reference in (
            (0.5, True, lambda x, p, training, rng: x * (rng.random(x.shape, np.float32) >= 0.5) * 2),
            (0.2, True, lambda x, p, training, rng: x * (rng.random(x.shape, np.float32) >= 0.2) / 0.8),
            (0.5, False, lambda x, p, training, rng: x),
            (0.0, True, lambda x, p, training, rng: x),
            (1.0, True, lambda x, p, training, rng: 0 * x),
        )
    ),
    Case(ops.dropout, [empty(0, 3)], lambda x: x, note="empty batch"),
    ErrorCase(ops.dropout, [normal(3), 1.5], ValueRangeError, "probability p between 0 and 1, got 1.5"),
    ErrorCase(ops.dropout, [normal(3), -0.1], ValueRangeError, "between 0 and 1, got -0.1"),
    ErrorCase(ops.dropout, [np.arange(3)], DTypeError, "dropout needs floats, got int64"),
    ErrorCase(ops.dropout, ["ab"], DTypeError, "dropout needs .*got 'ab'"),
    *(
        Case(
            ops.embedding,
            [indices, normal(5, 3), padding],
            lambda i, w, p: w[i],
            torch=lambda t, i, w, p: t.nn.functional.embedding(i, w, p),
            note=note,
        )
        for note, indices, padding in (
            ("a row", integers(6, high=5), None),
            ("a matrix", integers(2, 4, high=5), None),
            ("one", np.array(2), None),
            ("none", np.zeros((0, 2), np.int64), None),
            ("many of one", np.array([1, 1, 1, 3]), None),
        )
    ),
    *(
        Case(
            ops.embedding,
            [np.array([0, 4, 4, 1]), normal(5, 3), padding],
            lambda i, w, p: w[i],
            torch=lambda t, i, w, p: t.nn.functional.embedding(i, w, p),
            note=f"padding {padding}",
            subgradients=lambda i, w, p: [np.repeat([[1], [1], [0], [0], [0]], 3, 1)],
        )
        for padding in (4, -1)
    ),
    ErrorCase(ops.embedding, [np.array([0, 5]), normal(5, 3)], ValueRangeError, "indices 0 … 4, got 0 … 5"),
    ErrorCase(ops.embedding, [np.array([-1, 0]), normal(5, 3)], ValueRangeError, "indices 0 … 4, got -1 … 0"),
    ErrorCase(ops.embedding, [normal(3), normal(5, 3)], DTypeError, "whole numbers as indices, got float64"),
    ErrorCase(
        ops.embedding, [np.array([0]), normal(5)], ShapeError, r"needs weight \(V, D\), got shape \(5,\)"
    ),
    ErrorCase(
        ops.embedding, [np.array([0]), normal(5, 3), 5], ValueRangeError, "padding_idx within .* got 5"
    ),
]

CASES = [*SHAPES, *SHUFFLES, *LAYERS]
