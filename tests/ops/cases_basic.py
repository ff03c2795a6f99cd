"""Rows for Tensor's own operations and for elementwise, reduce, shape, linear, dropout and embedding."""

import numpy as np

from tests.ops.case import Case, ErrorCase, normal
from yuanli import ops
from yuanli.errors import ShapeError

CASES = [
    Case(ops.add, [normal(2, 3), normal(2, 3)], np.add, torch=lambda t, a, b: a + b),
    Case(ops.sum, [normal(2, 6)], lambda x, dim: x.sum(dim), {"dim": 1}, torch=lambda t, x, dim: x.sum(dim)),
    ErrorCase(ops.matmul, [normal(2, 3), normal(2, 3)], ShapeError, r"got \(2, 3\) @ \(2, 3\)"),
]
