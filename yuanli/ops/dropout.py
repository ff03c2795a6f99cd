"""Dropout: hidden units off at random, while training."""

import numpy as np

from yuanli.errors import DTypeError, ValueRangeError
from yuanli.kernels import elementwise
from yuanli.kernels.memory import empty
from yuanli.random import generator
from yuanli.tensor import differentiable


@differentiable
def dropout(input, p=0.5, training=True, rng=None):
    """Each number 0 with probability p, else divided by 1 − p; unchanged in evaluation.

    y = m·x / (1 − p) with m ∈ {0, 1} from `rng`; ∂/∂x = m / (1 − p).
    Raises: ValueRangeError unless 0 ≤ p ≤ 1, DTypeError for whole numbers.
    Source: Srivastava 2014, JMLR 15, section 4.  Differs: scaled while training instead of in evaluation.
    """
    if not 0 <= p <= 1:
        raise ValueRangeError(f"dropout needs a probability p between 0 and 1, got {p}")
    if input.dtype.kind != "f":
        raise DTypeError(f"dropout needs floats, got {input.dtype}")
    if not training or p == 0:
        return input, (lambda dy: dy,)
    u = generator(rng).random(out=empty(input.shape, np.float32), dtype=np.float32)
    scale = 1 / (1 - p) if p < 1 else 0
    return elementwise.drop(input, u, p, scale), (lambda dy: elementwise.drop(dy, u, p, scale),)
