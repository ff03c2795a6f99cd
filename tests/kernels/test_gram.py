"""Rows of Gram matrices are their definition, for every kernel, width and number of rows."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import pairwise_kernels

from yuanli.kernels import gram

NAMES = {"linear": gram.LINEAR, "poly": gram.POLY, "rbf": gram.RBF, "sigmoid": gram.SIGMOID}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("rows", "columns", "depth"), [(1, 1, 1), (8, 32, 5), (13, 70, 19), (21, 2100, 3)])
def test_rows_are_scikit_learns(name, rows, columns, depth, dtype):
    rng = np.random.default_rng(rows)
    a, b = (rng.normal(size=(n, depth)).astype(dtype) for n in (rows, columns))
    options = {"linear": {}, "rbf": {"gamma": 0.3}}.get(name, {"gamma": 0.3, "coef0": 0.7})
    if name == "poly":
        options["degree"] = 3
    expected = pairwise_kernels(a.astype(np.float64), b.astype(np.float64), metric=name, **options)
    out, places = np.full((rows + 2, columns), np.nan, dtype), rng.permutation(rows + 2)[:rows]
    gram.columns(b, NAMES[name], 0.3, 0.7, 3).rows(a, out, places)
    tolerance = {"rtol": 2e-5, "atol": 2e-6} if dtype == np.float32 else {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(out[places], expected, **tolerance)
    assert np.isnan(np.delete(out, places, axis=0)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("rows", "columns", "depth", "outputs"),
    [(1, 1, 1, 1), (0, 5, 2, 1), (13, 70, 19, 3), (150, 2100, 40, 2), (9, 40, 5, 0)],
)
def test_sums_are_the_products_with_the_matrix(name, rows, columns, depth, outputs, dtype):
    rng = np.random.default_rng(columns)
    a, b = (rng.normal(size=(n, depth)).astype(dtype) / depth for n in (rows, columns))
    weights = rng.normal(size=(columns, outputs))
    options = (NAMES[name], 0.3, 0.7, 3)
    matrix = gram.gram_numpy(a.astype(np.float64), b.astype(np.float64), *options)
    sums, size = gram.columns(b, *options).sums(a, weights), np.abs(matrix) @ np.abs(weights)
    assert sums.dtype == np.float64
    bound = (2e-6 if dtype == np.float32 else 1e-13) * size
    assert (np.abs(sums - matrix @ weights) <= bound + 1e-30).all()


def test_sums_of_a_row_do_not_depend_on_the_rows_beside_it():
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(301, 37)).astype(np.float32), rng.normal(size=(301, 2))
    columns = gram.columns(x, gram.RBF, 0.05, 0.0, 3)
    whole = columns.sums(x, weights)
    if type(columns).__name__ == "Columns":  # BLAS does not promise it to the twin
        for i in (0, 127, 128, 300):
            np.testing.assert_array_equal(columns.sums(x[i : i + 1], weights)[0], whole[i])


@pytest.mark.parametrize("degree", [0, 1, 2, 5])
def test_degrees(degree):
    a = np.linspace(-0.5, 1, 12, dtype=np.float32).reshape(4, 3)
    out = np.empty((4, 4), np.float32)
    gram.columns(a, gram.POLY, 0.5, 1.0, degree).rows(a, out, np.arange(4))
    np.testing.assert_allclose(out, (0.5 * a @ a.T + 1) ** degree, rtol=1e-5)


def test_a_row_does_not_depend_on_the_rows_beside_it_and_the_matrix_is_symmetric():
    x = np.random.default_rng(0).normal(size=(45, 37)).astype(np.float32)
    whole, single = np.empty((45, 45), np.float32), np.empty((1, 45), np.float32)
    columns = gram.columns(x, gram.RBF, 0.05, 0.0, 3)
    columns.rows(x, whole, np.arange(45))
    if type(columns).__name__ == "Columns":  # BLAS promises neither to the twin
        np.testing.assert_array_equal(whole, whole.T)
        for i in (0, 7, 44):
            columns.rows(x[i : i + 1], single, np.zeros(1, np.int64))
            np.testing.assert_array_equal(single[0], whole[i])


def test_far_and_equal_rows_of_rbf():
    x = np.array([[0.0], [1e4], [1e4]], np.float32)
    out = np.empty((3, 3), np.float32)
    gram.columns(x, gram.RBF, 1.0, 0.0, 3).rows(x, out, np.arange(3))
    np.testing.assert_allclose(out, [[1, 0, 0], [0, 1, 1], [0, 1, 1]], atol=1e-30)
