"""Rows for normalisation; the formulas are for images with channels first."""

import numpy as np

from tests.ops.case import Case, ErrorCase, empty, functional_cases, noncontiguous, normal, positive
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, ValueRangeError


def batch_norm(x, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    column = (slice(None), *[None] * (x.ndim - 2))
    axes = (0, *range(2, x.ndim))
    mean, var = (x.mean(axes), x.var(axes)) if training else (running_mean, running_var)
    y = (x - mean[column]) / np.sqrt(var[column] + eps)
    y = y if weight is None else y * weight[column]
    return y if bias is None else y + bias[column]


def batch_norm_relu(*inputs, **options):
    return np.maximum(batch_norm(*inputs, **options), 0)


def batch_norm_relu6(*inputs, **options):
    return np.clip(batch_norm(*inputs, **options), 0, 6)


def torch_batch_norm_relu6(torch, *inputs, **options):
    return torch.nn.functional.relu6(torch.nn.functional.batch_norm(*inputs, **options))


def batch_norm_add_relu(x, other, *inputs, **options):
    return np.maximum(batch_norm(x, *inputs, **options) + other, 0)


def torch_batch_norm_add_relu(torch, x, other, *inputs, **options):
    return torch.relu(torch.nn.functional.batch_norm(x, *inputs, **options) + other)


def torch_batch_norm_relu(torch, *inputs, **options):
    return torch.relu(torch.nn.functional.batch_norm(*inputs, **options))


def layer_norm(x, normalized_shape, weight=None, bias=None, eps=1e-5):
    axes = tuple(range(x.ndim - np.size(normalized_shape), x.ndim))
    y = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def local_response_norm(x, size, alpha=1e-4, beta=0.75, k=1.0):
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        near = x[:, max(0, c - size // 2) : c + (size - 1) // 2 + 1]
        y[:, c] = x[:, c] / (k + alpha / size * (near**2).sum(1)) ** beta
    return y


def affine(inputs):
    """The places of x, weight and bias among the float inputs of batch_norm."""
    return [0, *range(3, len(inputs))]


INTEGERS = np.ones((2, 4, 5, 7), int)
MEAN, VAR = normal(3), positive(3)

BATCH_NORM = [
    (note, inputs, {"training": training})
    for training in (True, False)
    for note, inputs in [
        ("table", [normal(6, 3), MEAN, VAR, normal(3), normal(3)]),
        ("sequences", [normal(2, 3, 4), MEAN, VAR, normal(3), normal(3)]),
        ("images", [normal(2, 3, 4, 2), MEAN, VAR, normal(3), normal(3)]),
        ("without weight", [normal(2, 3, 4, 2), MEAN, VAR]),
        ("without bias", [normal(2, 3, 4, 2), MEAN, VAR, normal(3)]),
        ("one image", [normal(1, 3, 4, 2), MEAN, VAR, normal(3), normal(3)]),
        ("far from 0", [lambda rng, dtype: rng.normal(10, 1, (4, 3, 5)).astype(dtype), MEAN, VAR]),
        ("gaps in memory", [noncontiguous(2, 3, 4, 2), MEAN, VAR, normal(3), normal(3)]),
    ]
]
WIDE_BATCH_NORM = [  # reaches below 0 and above 6
    (
        note,
        [*inputs[:3], *([normal(3, scale=5.0), normal(3, scale=5.0)] if len(inputs) > 4 else inputs[3:])],
        o,
    )
    for note, inputs, o in BATCH_NORM
]
SHORTCUT_BATCH_NORM = [
    (note, [inputs[0], inputs[0], *inputs[1:]], options) for note, inputs, options in BATCH_NORM
]
# x − mean is −1, 0 and 2: below the kink, on it and above
BELOW = [np.array([[1.0], [2.0], [4.0]]), np.array([2.0]), np.array([1.0 - 1e-5])]
EMPTY_BATCH_NORM = [  # without a formula: the mean of nothing
    ("empty batch", [empty(0, 3, 4, 2), MEAN, VAR, normal(3), normal(3)], {"training": training})
    for training in (True, False)
]

BNR6, BNAR = ops.batch_norm_relu6, ops.batch_norm_add_relu
BN, BNR, LN, LRN = ops.batch_norm, ops.batch_norm_relu, ops.layer_norm, ops.local_response_norm

LAYER_NORM = [
    ("last axis", [normal(2, 3, 6), (6,), normal(6), normal(6)], {}),
    ("last axes", [normal(2, 3, 2, 4), (2, 4), normal(2, 4), normal(2, 4)], {}),
    ("without weight", [normal(4, 5), (5,)], {}),
    ("without bias", [normal(4, 5), [5], normal(5)], {"eps": 0.1}),
    ("one example", [normal(5), (5,), normal(5), normal(5)], {}),
    ("one number", [normal(3, 1), (1,), normal(1), normal(1)], {}),
    ("gaps in memory", [noncontiguous(3, 4, 5), (5,), normal(5), normal(5)], {}),
    ("empty batch", [empty(0, 5), (5,), normal(5), normal(5)], {}),
]

LOCAL_RESPONSE_NORM = [
    ("as AlexNet", [normal(2, 7, 3, 2)], {"size": 5, "alpha": 5e-4, "beta": 0.75, "k": 2.0}),
    ("strong", [normal(2, 7, 3, 2)], {"size": 3, "alpha": 2.0, "beta": 0.7, "k": 0.5}),
    ("even size", [normal(2, 7, 3, 2)], {"size": 4, "alpha": 2.0}),
    ("more than the channels", [normal(2, 3, 4)], {"size": 8, "alpha": 2.0}),
    ("one channel", [normal(2, 1, 4)], {"size": 1, "alpha": 2.0}),
    ("gaps in memory", [noncontiguous(2, 5, 3)], {"size": 3, "alpha": 2.0}),
    ("empty batch", [empty(0, 5, 3)], {"size": 3}),
]

NORM_ERRORS = [
    ErrorCase(BN, [normal(3), MEAN, VAR], ShapeError, r"batch_norm needs x \(N, C\), .*got shape \(3,\)"),
    ErrorCase(BN, [normal(4, 5), MEAN, VAR], ShapeError, r"running_mean of shape \(5,\).*got \(3,\)"),
    ErrorCase(BN, [normal(4, 3), MEAN, VAR, normal(1)], ShapeError, r"weight of shape \(3,\).*got \(1,\)"),
    ErrorCase(BN, [normal(4, 3), MEAN, VAR, None, normal(3, 1)], ShapeError, r"bias of shape \(3,\)"),
    ErrorCase(BN, [normal(4, 3), None, None], DTypeError, r"running_var unless training=True, got None"),
    ErrorCase(
        BN, [normal(1, 3), MEAN, VAR], ValueRangeError, r"more than one value per channel", {"training": True}
    ),
    ErrorCase(
        BN, [normal(1, 3, 1, 1), None, None], ValueRangeError, r"got shape \(1, 3, 1, 1\)", {"training": True}
    ),
    ErrorCase(BN, [INTEGERS, normal(4), positive(4)], DTypeError, r"batch_norm needs x of floats"),
    ErrorCase(
        BNR, [normal(3), MEAN, VAR], ShapeError, r"batch_norm_relu needs x \(N, C\), .*got shape \(3,\)"
    ),
    ErrorCase(BNR6, [normal(3), MEAN, VAR], ShapeError, r"batch_norm_relu6 needs x \(N, C\), .*got shape"),
    ErrorCase(
        BNAR, [normal(4, 3), normal(1, 3), MEAN, VAR], ShapeError, r"of one shape, got \(4, 3\) and \(1, 3\)"
    ),
    ErrorCase(BNAR, [normal(4, 3), INTEGERS, MEAN, VAR], DTypeError, r"needs other of floats"),
    ErrorCase(
        LN, [normal(4, 5), 4], ShapeError, r"whose last axes are normalized_shape \(4,\), got shape \(4, 5\)"
    ),
    ErrorCase(LN, [normal(4), (4, 4)], ShapeError, r"normalized_shape \(4, 4\), got shape \(4,\)"),
    ErrorCase(LN, [normal(4, 5), ()], ShapeError, r"normalized_shape \(\)"),
    ErrorCase(LN, [normal(4, 5), 5, normal(1)], ShapeError, r"weight of shape \(5,\), got \(1,\)"),
    ErrorCase(
        LN, [normal(4, 5), 5, normal(5), normal(4, 5)], ShapeError, r"bias of shape \(5,\), got \(4, 5\)"
    ),
    ErrorCase(LN, [np.ones((4, 5), int), 5], DTypeError, r"layer_norm needs x of floats"),
    ErrorCase(LN, [normal(4, 5), 5.0], DTypeError, r"whole numbers for normalized_shape"),
    ErrorCase(LRN, [normal(4, 5), 3], ShapeError, r"at least 3 axes \(N, C, …\), got shape \(4, 5\)"),
    ErrorCase(LRN, [normal(2, 5, 3), 0], ValueRangeError, r"size of at least 1, got 0"),
    ErrorCase(LRN, [INTEGERS, 3], DTypeError, r"local_response_norm needs x of floats"),
]

CASES = [
    *(
        row
        for case in BATCH_NORM
        for row in functional_cases(BN, batch_norm, [case], differentiable=affine(case[1]))
    ),
    *functional_cases(BN, None, EMPTY_BATCH_NORM, differentiable=[0, 3, 4]),
    *(
        Case(BNR, inputs, batch_norm_relu, options, torch_batch_norm_relu, None, affine(inputs), note)
        for note, inputs, options in BATCH_NORM
    ),
    *(
        Case(BNR6, inputs, batch_norm_relu6, options, torch_batch_norm_relu6, None, affine(inputs), note)
        for note, inputs, options in WIDE_BATCH_NORM
    ),
    *(
        Case(
            BNAR,
            inputs,
            batch_norm_add_relu,
            options,
            torch_batch_norm_add_relu,
            None,
            [0, 1, *(i + 1 for i in affine(inputs[1:])[1:])],
            note,
        )
        for note, inputs, options in SHORTCUT_BATCH_NORM
    ),
    Case(
        BNAR,
        [BELOW[0], np.array([[1.0], [0.0], [0.0]]), *BELOW[1:]],
        batch_norm_add_relu,
        subgradients=lambda x, other, mean, var: [x - mean + other > 0, x - mean + other > 0],
        note="kink",
        differentiable=[0, 1],
    ),
    Case(
        BNR6,
        [np.array([[2.0], [5.0], [8.0], [9.0]]), *BELOW[1:]],
        batch_norm_relu6,
        subgradients=lambda x, mean, var: [(x > mean) & (x < mean + 6)],
        note="kinks",
        differentiable=[0],
    ),
    Case(
        BNR,
        BELOW,
        batch_norm_relu,
        subgradients=lambda x, mean, var: [x > mean],
        note="kink",
        differentiable=[0],
    ),
    *functional_cases(ops.layer_norm, layer_norm, LAYER_NORM),
    Case(LN, [normal(3, 4), 4, normal(4)], layer_norm, note="width as a number"),
    *functional_cases(ops.local_response_norm, local_response_norm, LOCAL_RESPONSE_NORM),
    *NORM_ERRORS,
]
