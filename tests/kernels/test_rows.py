"""Softmax, cross-entropy and layer normalisation, row by row: what runs against the twins in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yuanli.kernels import layer_norm, softmax
from yuanli.kernels.dispatch import LARGE

SHAPES = [(LARGE // 64, 65), (9000, 10), (LARGE, 1), (30, LARGE // 20), (2, 40, 1000), (4, 7), (0, 5)]


def close(result, expected, tolerance=1e-5):
    assert result.shape == expected.shape
    np.testing.assert_allclose(
        result, expected, rtol=tolerance, atol=tolerance * np.abs(expected).max(initial=0)
    )


def check_softmax(x, dy):
    wide, wide_dy = x.astype(np.float64), dy.astype(np.float64)
    for forward, backward in (("softmax", "softmax_grad"), ("log_softmax", "log_softmax_grad")):
        y = getattr(softmax, forward)(x)
        assert y.dtype == x.dtype
        expected = getattr(softmax, f"{forward}_numpy")(wide)
        close(y, expected)
        dx = getattr(softmax, backward)(dy, y)
        close(dx, getattr(softmax, f"{backward}_numpy")(wide_dy, expected), 3e-5)


def check_cross_entropy(x, classes):
    loss, slope = softmax.cross_entropy(x, classes)
    expected, expected_slope = softmax.cross_entropy_numpy(x.astype(np.float64), classes)
    close(loss, expected)
    close(slope, expected_slope)
    assert loss.dtype == slope.dtype == x.dtype


def check_layer_norm(x, dy, weight, bias):
    results = layer_norm.layer_norm(x, weight, bias, 1e-5)
    wide = [None if v is None else v.astype(np.float64) for v in (x, dy, weight, bias)]
    expected = layer_norm.layer_norm_numpy(wide[0], wide[2], wide[3], 1e-5)
    for result, one in zip(results, expected, strict=True):
        close(result, one, 1e-4)
    dx = layer_norm.grad_x(dy, weight, *results[1:])
    assert dx.dtype == x.dtype
    close(dx, layer_norm.grad_x_numpy(wide[1], wide[2], *expected[1:]), 1e-4)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", ["C", "F"])
def test_equal_to_the_twins(shape, layout):
    rng = np.random.default_rng(0)
    x, dy = (np.asarray(rng.normal(size=shape).astype(np.float32) * 3, order=layout) for _ in range(2))
    check_softmax(x, dy)
    x, dy = x.reshape(-1, shape[-1]), dy.reshape(-1, shape[-1])
    classes = rng.integers(0, shape[-1], len(x))
    check_cross_entropy(x, classes)
    check_cross_entropy(x, classes.astype(np.int32))
    weight, bias = rng.normal(size=(2, shape[-1])).astype(np.float32)
    if shape[-1] > 1:
        check_layer_norm(x, dy, weight, bias)
        check_layer_norm(x + 100, dy, None, None)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 100), st.integers(0, 1000))
def test_equal_to_the_twins_for_any_width(width, seed):
    rng = np.random.default_rng(seed)
    rows = LARGE // width + 1
    x, dy = rng.normal(size=(2, rows, width)).astype(np.float32) * 10
    check_softmax(x, dy)
    check_cross_entropy(x, rng.integers(0, width, rows))


@pytest.mark.parametrize("rows", [2, LARGE])
def test_scores_beyond_all_bounds(rows):
    """±1e4 and −inf (a class ruled out) are as in float64; a nan makes its row nan, and no other."""
    x = np.array([[1e4, -1e4, 0], [-np.inf, 1, 1], [-1e4, -1e4, -1e4], [np.nan, 0, 0]], np.float32)
    x = np.tile(x, (rows // 2, 1))
    with np.errstate(invalid="ignore"):
        y, logs = softmax.softmax(x), softmax.log_softmax(x)
        losses, slope = softmax.cross_entropy(x, np.zeros(len(x), int))
    slope[:, 0] += 1
    for probabilities in (y, slope):
        np.testing.assert_allclose(probabilities[:3], [[1, 0, 0], [0, 0.5, 0.5], [1 / 3] * 3], rtol=1e-6)
        assert np.isnan(probabilities[3]).all()
    expected = [[0, -2e4, -1e4], [-np.inf, -np.log(2), -np.log(2)], [-np.log(3)] * 3]
    np.testing.assert_allclose(logs[:3], expected, rtol=1e-6)
    np.testing.assert_allclose(losses[:3], [0, np.inf, np.log(3)], rtol=1e-6)
    assert np.isnan(logs[3::4]).all()
    assert np.isnan(losses).sum() == len(x) // 4


def test_the_same_bits_every_time():
    x = np.random.default_rng(0).normal(size=(LARGE // 10, 33)).astype(np.float32)
    np.testing.assert_array_equal(softmax.softmax(x), softmax.softmax(x))
    one, other = (layer_norm.layer_norm(x, None, None, 1e-5)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)
