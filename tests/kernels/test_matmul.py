"""The shared-out matrix product against float64."""

import numpy as np
import pytest

from yuanli.kernels.matmul import matmul, sum_of_products

SHAPES = [
    (0, 5, 3),
    (4, 0, 3),
    (4, 5, 0),
    (1, 1, 1),
    (7, 33, 9),
    (129, 257, 65),
    (3, 4096, 512),
    (1000, 64, 33),
]


def matrices(m, k, n, dtype=np.float32):
    rng = np.random.default_rng(0)
    return rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layout", ["rows", "columns", "with gaps"])
def test_equals_float64(shape, layout):
    a, b = matrices(*shape)
    if layout == "columns":
        a, b = np.asfortranarray(a), np.asfortranarray(b)
    if layout == "with gaps":
        a, b = np.repeat(a, 2, 0)[::2], np.repeat(b, 2, 1)[:, ::2]
    c = matmul(a, b)
    assert c.dtype == np.float32
    np.testing.assert_allclose(c, a.astype(float) @ b, rtol=1e-5, atol=1e-5 * np.sqrt(shape[1] + 1))


@pytest.mark.parametrize(
    "shape", [*SHAPES, (3, 90001, 40), (64, 1000, 96), (65, 1025, 33), (33, 700, 100)], ids=str
)
@pytest.mark.parametrize("layout", ["rows", "columns", "with gaps"])
def test_sums_over_rows_equal_float64(shape, layout):
    a, b = matrices(*shape)
    a = np.ascontiguousarray(a.T)
    if layout == "columns":
        a, b = np.asfortranarray(a), np.asfortranarray(b)
    if layout == "with gaps":
        a, b = np.repeat(a, 2, 0)[::2], np.repeat(b, 2, 1)[:, ::2]
    c = sum_of_products(a, b)
    assert c.dtype == np.float32
    np.testing.assert_allclose(c, a.T.astype(float) @ b, rtol=1e-5, atol=1e-5 * np.sqrt(shape[1] + 1))


def test_float64_stays_float64():
    a, b = matrices(300, 200, 100, np.float64)
    np.testing.assert_array_equal(matmul(a, b), a @ b)
    a, b = matrices(30, 9000, 10, np.float64)
    np.testing.assert_array_equal(sum_of_products(a.T, b), a @ b)


def test_the_same_bits_every_time():
    a, b = matrices(500, 300, 200)
    np.testing.assert_array_equal(matmul(a, b), matmul(a, b))
    a, b = matrices(50, 3000, 40)
    np.testing.assert_array_equal(sum_of_products(a.T, b), sum_of_products(a.T, b))


def test_a_number_that_is_not_finite_stays_in_its_row_and_column():
    a, b = matrices(300, 200, 100)
    a[7, 3] = np.nan
    bad = np.isnan(matmul(a, b))
    assert bad[7].all()
    assert bad.sum() == 100
