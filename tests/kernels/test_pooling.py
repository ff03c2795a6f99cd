"""Pooling against its definition, on small whole numbers with many ties."""

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.kernels import naive
from yuanli.kernels import pooling

# What runs, and its definition; they are the same where no compiled kernels run.
MAX = {pooling.max_pool2d, pooling.max_pool2d_numpy}
MAX_GRAD = {pooling.max_pool2d_grad_x, pooling.max_pool2d_grad_x_numpy}
AVG = {pooling.avg_pool2d, pooling.avg_pool2d_numpy}
AVG_GRAD = {pooling.avg_pool2d_grad_x, pooling.avg_pool2d_grad_x_numpy}
ADAPTIVE = {pooling.adaptive_avg_pool2d, pooling.adaptive_avg_pool2d_numpy}
ADAPTIVE_GRAD = {pooling.adaptive_avg_pool2d_grad_x, pooling.adaptive_avg_pool2d_grad_x_numpy}


@st.composite
def problems(draw, dilated):
    """x with ties, the size of the output, and the window: kernel, stride, padding, dilation."""
    small, pair = st.integers(1, 3), st.tuples(st.integers(1, 3), st.integers(1, 3))
    kernel, stride = draw(pair), draw(pair)
    dilation = draw(pair) if dilated else (1, 1)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    x_shape = (draw(st.integers(0, 2)), draw(st.integers(1, 7)), draw(st.integers(1, 7)), draw(small))
    both = tuple((p, p) for p in padding)
    size = naive.output_shape(x_shape, kernel, stride, both, dilation)
    assume(min(size) > 0)
    # with ceil_mode a last window may hang over the edge
    size = tuple(
        m + draw(st.booleans()) if m * s < n + p else m
        for m, s, n, p in zip(size, stride, x_shape[1:3], padding, strict=True)
    )
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return rng.integers(-2, 3, x_shape).astype(np.float32), size, (kernel, stride, padding, dilation)


@settings(deadline=None, max_examples=100)
@given(problems(dilated=True))
def test_the_maximum_and_the_first_that_is_it(problem):
    x, size, window = problem
    y = naive.max_pool2d(x, size, *window)
    dy = np.random.default_rng(1).integers(-5, 6, y.shape).astype(np.float32)
    dx = naive.max_pool2d_grad_x(dy, x, *window)
    for max_pool2d in MAX:
        np.testing.assert_array_equal(max_pool2d(x, size, *window), y)
    for grad_x in MAX_GRAD:
        np.testing.assert_array_equal(grad_x(dy, x, y, *window), dx)


@settings(deadline=None, max_examples=60)
@given(problems(dilated=False))
def test_the_average(problem):
    """The divisors are powers of two, so that dividing is exact."""
    x, size, (kernel, stride, padding, _) = problem
    rng = np.random.default_rng(1)
    divisor = 2.0 ** rng.integers(0, 4, size).astype(np.float32)
    y = naive.sum_pool2d(x, size, kernel, stride, padding) / divisor[:, :, None]
    dy = rng.integers(-5, 6, y.shape).astype(np.float32)
    for avg_pool2d in AVG:
        np.testing.assert_array_equal(avg_pool2d(x, divisor, kernel, stride, padding), y)
    for grad_x in AVG_GRAD:
        dx = grad_x(dy, divisor, x.shape, kernel, stride, padding)
        assert dx.shape == x.shape
        for index in np.ndindex(x.shape[1:3]):
            step = np.zeros_like(x[:1])
            step[:, *index] = 1
            seen = naive.sum_pool2d(step, size, kernel, stride, padding) / divisor[:, :, None]
            np.testing.assert_array_equal(dx[:, *index], (dy * seen).sum((1, 2)))


@settings(deadline=None, max_examples=60)
@given(st.tuples(*[st.integers(0, 2), st.integers(1, 8), st.integers(1, 8)]), st.data())
def test_the_adaptive_average(shape, data):
    """Also with more outputs than inputs, where the windows overlap."""
    size = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(*shape, 2))
    y = naive.adaptive_avg_pool2d(x, size)
    dy = rng.normal(size=y.shape)
    for adaptive_avg_pool2d in ADAPTIVE:
        np.testing.assert_allclose(adaptive_avg_pool2d(x, size), y, rtol=1e-12, atol=1e-12)
    for grad_x in ADAPTIVE_GRAD:
        np.testing.assert_allclose(np.vdot(x, grad_x(dy, x.shape)), np.vdot(y, dy), rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_what_runs_is_the_twin_on_many_channels(data):
    """Whole vectors of channels and the rest; among them nan, where the order of looking matters."""
    few = st.integers(1, 4)
    kernel, stride, dilation = (data.draw(st.tuples(few, few)) for _ in range(3))
    padding = tuple(k // 2 for k in kernel)
    sides = [data.draw(st.integers(1, 12)) + d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    x_shape = (data.draw(st.integers(0, 2)), *sides, 37)
    size = naive.output_shape(x_shape, kernel, stride, tuple((p, p) for p in padding), dilation)
    rng = np.random.default_rng(0)
    x = rng.normal(size=x_shape).astype(np.float32)
    x[rng.random(x_shape) < 0.02] = np.nan
    dy = rng.normal(size=(x_shape[0], *size, 37)).astype(np.float32)
    window = (kernel, stride, padding, dilation)
    y = pooling.max_pool2d_numpy(x, size, *window)
    np.testing.assert_array_equal(pooling.max_pool2d(x, size, *window), y)
    expected = pooling.max_pool2d_grad_x_numpy(dy, x, y, *window)
    np.testing.assert_allclose(pooling.max_pool2d_grad_x(dy, x, y, *window), expected, rtol=1e-5, atol=1e-5)
    x[np.isnan(x)] = 0
    close = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(
        pooling.adaptive_avg_pool2d(x, size), pooling.adaptive_avg_pool2d_numpy(x, size), **close
    )
    np.testing.assert_allclose(
        pooling.adaptive_avg_pool2d_grad_x(dy, x_shape),
        pooling.adaptive_avg_pool2d_grad_x_numpy(dy, x_shape),
        **close,
    )
    size = naive.output_shape(x_shape, kernel, stride, tuple((p, p) for p in padding), (1, 1))
    dy = rng.normal(size=(x_shape[0], *size, 37)).astype(np.float32)
    where = (kernel, stride, padding)
    divisor = rng.integers(1, 10, size).astype(np.float32)
    np.testing.assert_allclose(
        pooling.avg_pool2d(x, divisor, *where), pooling.avg_pool2d_numpy(x, divisor, *where), **close
    )
    np.testing.assert_allclose(
        pooling.avg_pool2d_grad_x(dy, divisor, x_shape, *where),
        pooling.avg_pool2d_grad_x_numpy(dy, divisor, x_shape, *where),
        **close,
    )


@pytest.mark.parametrize("odd", [0, 1])
def test_halving(odd):
    """Windows of 2 × 2 have a loop of their own; a last row and column that no window sees stays 0."""
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 3, (2, 6 + odd, 4 + odd, 5)).astype(np.float32)
    window = ((2, 2), (2, 2), (0, 0), (1, 1))
    y = naive.max_pool2d(x, (3, 2), *window)
    dy = rng.normal(size=y.shape).astype(np.float32)
    for grad_x in MAX_GRAD:
        np.testing.assert_array_equal(grad_x(dy, x, y, *window), naive.max_pool2d_grad_x(dy, x, *window))


def test_one_window_of_each_kind():
    """By hand: 2 × 2 windows over 1 2 / 3 4 and 5 5 / 5 1."""
    x = np.array([[1, 2, 5, 5], [3, 4, 5, 1]], np.float32).reshape(1, 2, 4, 1)
    window = ((2, 2), (2, 2), (0, 0), (1, 1))
    ones = np.ones((1, 1, 2, 1), np.float32)
    for max_pool2d, grad_x in product(MAX, MAX_GRAD):
        y = max_pool2d(x, (1, 2), *window)
        assert y.ravel().tolist() == [4, 5]
        assert grad_x(ones, x, y, *window)[0, :, :, 0].tolist() == [[0, 0, 1, 0], [0, 1, 0, 0]]
    four = np.full((1, 2), 4, np.float32)
    for avg_pool2d in AVG:
        assert avg_pool2d(x, four, *window[:3]).ravel().tolist() == [2.5, 4]


@pytest.mark.parametrize("strange", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite(strange):
    """nan and inf win a maximum; where all is −inf the first has the gradient, not the padding."""
    x = np.full((1, 4, 4, 1), -np.inf, np.float32)
    x[0, 1, 2] = strange
    window = ((3, 3), (2, 2), (1, 1), (1, 1))
    expected = naive.max_pool2d(x, (2, 2), *window)
    dy = np.array([[1, 2], [3, np.inf]], np.float32).reshape(1, 2, 2, 1)
    for max_pool2d, grad_x in product(MAX, MAX_GRAD):
        y = max_pool2d(x, (2, 2), *window)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(grad_x(dy, x, y, *window), naive.max_pool2d_grad_x(dy, x, *window))
    assert (np.isneginf(expected) if np.isneginf(strange) else ~np.isneginf(expected)).any()


def test_an_infinity_stays_in_its_window():
    x = np.ones((1, 4, 4, 1), np.float32)
    x[0, 0, 0] = np.inf
    for adaptive_avg_pool2d in ADAPTIVE:
        assert adaptive_avg_pool2d(x, (2, 2)).ravel().tolist() == [np.inf, 1, 1, 1]


def test_inputs_are_left_alone_in_any_layout():
    rng = np.random.default_rng(0)
    strange = rng.integers(-2, 3, (2, 3, 6, 7)).astype(np.float32).transpose(0, 2, 3, 1)
    plain = strange.copy()
    strange.flags.writeable = False
    window = ((3, 2), (2, 2), (1, 0), (1, 1))
    y = naive.max_pool2d(plain, (3, 3), *window)
    dy = np.broadcast_to(np.float32(1), y.shape)  # as the gradient of a sum comes
    divisor = np.full((3, 3), 8, np.float32)
    for max_pool2d, grad_x in product(MAX, MAX_GRAD):
        np.testing.assert_array_equal(max_pool2d(strange, (3, 3), *window), y)
        np.testing.assert_array_equal(
            grad_x(dy, strange, y, *window), naive.max_pool2d_grad_x(dy.copy(), plain, *window)
        )
    for avg_pool2d in AVG:
        np.testing.assert_array_equal(
            avg_pool2d(strange, divisor, *window[:3]), naive.sum_pool2d(plain, (3, 3), *window[:3]) / 8
        )
