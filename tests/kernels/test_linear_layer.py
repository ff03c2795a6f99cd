"""The fully connected layer's sweeps against float64: value, what passes the bound, every order of memory."""

from itertools import product

import numpy as np
import pytest

from yuanli.kernels import linear
from yuanli.kernels.compiler import set_threads, threads

SHAPES = [
    (0, 4, 3),
    (1, 64, 10),
    (8, 1, 1),
    (9, 5, 3),
    (32, 64, 128),
    (33, 17, 37),
    (300, 100, 200),
    (9, 0, 4),
]


def layer(m, k, n, dtype=np.float32):
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in ((m, k), (n, k), (n,), (m, n))]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", ["rows", "columns", "with gaps"])
def test_equals_float64(shape, layout):
    x, weight, bias, dy = layer(*shape)
    if layout == "columns":
        x, weight, dy = map(np.asfortranarray, (x, weight, dy))
    if layout == "with gaps":
        x, weight, dy = (np.repeat(a, 2, 1)[:, ::2] for a in (x, weight, dy))
    for b, floor in product((bias, None), (-np.inf, 0.0)):
        y = linear.linear(x, weight, b, floor)
        expected = np.maximum(x.astype(float) @ weight.T + (0 if b is None else b), floor)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5 * np.sqrt(shape[1] + 1))
        g, sums = linear.passed(dy, y, floor)
        assert g.dtype == sums.dtype == np.float32
        np.testing.assert_array_equal(g, dy * (y > floor))
        np.testing.assert_allclose(sums, g.astype(float).sum(0), rtol=1e-5, atol=1e-5 * np.sqrt(len(x) + 1))


@pytest.mark.parametrize("shape", [(3, 4, 5), (32, 64, 128), (300, 100, 200)], ids=str)
def test_a_bound_is_the_maximum_of_the_plain_layer(shape):
    """To the bit, so that computing a ReLU with its neighbour changes nothing; a nan stays in its row."""
    x, weight, bias, _ = layer(*shape)
    x[1, 2] = np.nan
    plain, bounded = (linear.linear(x, weight, bias, floor) for floor in (-np.inf, 0.0))
    np.testing.assert_array_equal(bounded, np.maximum(plain, 0))
    assert np.isnan(bounded).any(1).tolist() == [i == 1 for i in range(len(x))]


def test_float64_stays_float64():
    x, weight, bias, dy = layer(300, 100, 200, np.float64)
    y = linear.linear(x, weight, bias, 0.0)
    np.testing.assert_array_equal(y, np.maximum(x @ weight.T + bias, 0))
    assert linear.passed(dy, y, 0.0)[1].dtype == np.float64
    assert linear.linear(x.astype(np.float32), weight.astype(np.float32), bias, 0.0).dtype == np.float64


def test_the_same_bits_on_any_number_of_threads():
    x, weight, bias, _ = layer(500, 300, 200)
    most, results = threads(), []
    for number in {1, most}:
        set_threads(number)
        results.append(linear.linear(x, weight, bias, 0.0))
    set_threads(most)
    np.testing.assert_array_equal(results[0], results[-1])
