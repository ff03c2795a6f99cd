"""Nearest neighbours against SciPy's distances, against whole numbers, and against the definition."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from yuanli.errors import ShapeError
from yuanli.kernels.dispatch import KERNELS
from yuanli.kernels.distances import nearest, nearest_numpy

METRICS = ["l1", "l2", "max", "cosine", 3, 0.5]
SCIPY = {"l1": "cityblock", "l2": "euclidean", "max": "chebyshev", "cosine": "cosine"}
SHAPES = [(1, 1, 1), (3, 40, 5), (21, 300, 30), (13, 1000, 70), (5, 2100, 64), (70, 3000, 3), (2, 37, 400)]


def rows(n, d, dtype, seed=0):
    rng = np.random.default_rng(seed)
    if dtype == np.uint8:
        return rng.integers(0, 256, (n, d)).astype(np.uint8)
    return rng.normal(size=(n, d)).astype(dtype)


def by_scipy(queries, points, k, metric):
    power = {} if metric in SCIPY else {"p": metric}
    every = cdist(queries.astype(float), points.astype(float), SCIPY.get(metric, "minkowski"), **power)
    numbers = np.argsort(every, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(every, numbers, axis=1), numbers


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
def test_equals_scipy(metric, dtype):
    for Q, N, D in SHAPES:
        queries, points = rows(Q, D, dtype), rows(N, D, dtype, seed=1)
        k = min(7, N)
        distances, numbers = nearest(queries, points, k, metric)
        expected, expected_numbers = by_scipy(queries, points, k, metric)
        np.testing.assert_allclose(distances, expected, rtol=1e-11, atol=1e-13)
        if dtype != np.uint8:  # there a last digit decides between distances that are equal
            np.testing.assert_array_equal(numbers, expected_numbers)


@pytest.mark.parametrize("metric", ["l1", "l2"])
@pytest.mark.parametrize("D", [1, 15, 63, 64, 65, 200, 3072, 40000])
def test_bytes_are_exact(metric, D):
    """The largest differences there are, and equal ones, by whole numbers."""
    points, queries = rows(90, D, np.uint8), rows(9, D, np.uint8, seed=1)
    points[:30:3], points[1:30:3], queries[0], queries[1] = 0, 255, 255, 0
    difference = queries[:, None].astype(np.int64) - points
    every = np.abs(difference).sum(-1) if metric == "l1" else (difference**2).sum(-1)
    numbers = np.argsort(every, axis=1, kind="stable")
    distances, found = nearest(queries, points, 90, metric)
    np.testing.assert_array_equal(found, numbers)
    each = np.take_along_axis(every, numbers, axis=1)
    np.testing.assert_array_equal(distances, each if metric == "l1" else np.sqrt(each))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("metric", ["l1", "l2", "max"])
def test_of_equal_distances_the_first_points_are_taken(metric, dtype):
    """100 copies of each point, more than there are spare candidates."""
    points = np.tile(rows(20, 40, np.uint8) // 32, (100, 1)).astype(dtype)
    queries = (rows(15, 40, np.uint8, seed=1) // 32).astype(dtype)
    for k in (1, 5, 150):
        distances, numbers = nearest(queries, points, k, metric)
        expected, expected_numbers = nearest_numpy(queries, points, k, metric)
        np.testing.assert_array_equal(numbers, expected_numbers)
        np.testing.assert_array_equal(distances, expected)


@pytest.mark.parametrize("metric", ["l1", "l2"])
def test_of_equal_rows_all_are_neighbours(metric):
    points = np.full((500, 33), 7.0)
    distances, numbers = nearest(points[:3], points, 500, metric)
    assert (distances == 0).all()
    assert (numbers == np.arange(500)).all()


@pytest.mark.parametrize(("dtype", "offset"), [(np.float32, 1e3), (np.float64, 1e8)])
def test_far_from_zero_nothing_is_cancelled(dtype, offset):
    """|x|² − 2x·y + |y|² has no digit left here."""
    points, queries = (rows(n, 50, dtype, seed=n) + dtype(offset) for n in (400, 30))
    distances, numbers = nearest(queries, points, 6, "l2")
    expected, expected_numbers = by_scipy(queries, points, 6, "l2")
    np.testing.assert_allclose(distances, expected, rtol=1e-11)
    np.testing.assert_array_equal(numbers, expected_numbers)


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e-30, 1e30, 1e154, 1e300])
@pytest.mark.parametrize("metric", METRICS)
def test_any_size_of_numbers(metric, size):
    """What overflows is infinitely far, so that numbers decide; nothing warns, nothing is lost."""
    points, queries = rows(60, 24, np.float64) * size, rows(5, 24, np.float64, seed=1) * size
    distances, numbers = nearest(queries, points, 9, metric)
    expected, expected_numbers = nearest_numpy(queries, points, 9, metric)
    np.testing.assert_allclose(distances, expected, rtol=1e-11)
    np.testing.assert_array_equal(numbers, expected_numbers)
    assert (np.diff(numbers, axis=1) != 0).all()


@pytest.mark.parametrize("metric", ["l2", "cosine"])
def test_queries_much_farther_away_than_the_points_are_from_each_other(metric):
    points, queries = rows(300, 32, np.float64) * 1e-4 + 1, rows(8, 32, np.float64, seed=1) * 1e4
    distances, numbers = nearest(queries, points, 4, metric)
    expected, expected_numbers = nearest_numpy(queries, points, 4, metric)
    np.testing.assert_allclose(distances, expected, rtol=1e-12)
    np.testing.assert_array_equal(numbers, expected_numbers)


def test_rows_of_zeros_have_the_cosine_distance_1():
    points = np.array([[0.0, 0], [1, 0], [-1, 0]])
    distances, numbers = nearest(np.array([[0.0, 0], [2, 0]]), points, 3, "cosine")
    np.testing.assert_array_equal(distances, [[1, 1, 1], [0, 1, 2]])
    np.testing.assert_array_equal(numbers, [[0, 1, 2], [1, 0, 2]])


@pytest.mark.parametrize("metric", METRICS)
def test_no_queries(metric):
    distances, numbers = nearest(np.zeros((0, 3)), np.ones((5, 3)), 2, metric)
    assert distances.shape == numbers.shape == (0, 2)


def test_a_block_of_queries_gets_what_one_gets():
    points, queries = rows(2000, 40, np.float32), rows(700, 40, np.float32, seed=1)
    distances, numbers = nearest(queries, points, 5, "l2")
    for q in (0, 63, 64, 699):
        one = nearest(queries[q : q + 1], points, 5, "l2")
        np.testing.assert_array_equal(distances[q], one[0][0])
        np.testing.assert_array_equal(numbers[q], one[1][0])


@pytest.mark.skipif(KERNELS == "numpy", reason="NumPy's own errors")
@pytest.mark.parametrize(("width", "k"), [(3, 2), (5, 2), (4, 0), (4, 8)])
def test_what_does_not_fit_is_refused(width, k):
    with pytest.raises(ShapeError, match=r"needs points \(N, 4\) and k from 1 to N"):
        nearest(np.zeros((2, 4)), np.zeros((7, width)), k, "l2")


LAYOUTS = {
    "C": lambda x: x,
    "Fortran": np.asfortranarray,
    "every second": lambda x: np.repeat(np.repeat(x, 2, 0), 2, 1)[::2, ::2],
    "backwards": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "read only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    "shifted": lambda x: np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape),
}


@settings(max_examples=60, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 30), st.integers(1, 80), st.integers(1, 70)),
    k=st.integers(1, 80),
    metric=st.sampled_from(["l1", "l2", "max"]),
    dtypes=st.tuples(*[st.sampled_from([np.uint8, np.float32, np.float64, np.int32])] * 2),
    layouts=st.tuples(*[st.sampled_from(sorted(LAYOUTS))] * 2),
    seed=st.integers(0, 2**20),
)
def test_any_shape_layout_and_dtype(shape, k, metric, dtypes, layouts, seed):
    """Small whole numbers, with many equal distances, are summed without rounding in every type."""
    Q, N, D = shape
    rng = np.random.default_rng(seed)
    queries, points = (
        LAYOUTS[layout](rng.integers(0, 3, (n, D)).astype(dtype))
        for n, dtype, layout in zip((Q, N), dtypes, layouts, strict=True)
    )
    distances, numbers = nearest(queries, points, min(k, N), metric)
    expected, expected_numbers = nearest_numpy(queries, points, min(k, N), metric)
    np.testing.assert_array_equal(numbers, expected_numbers)
    np.testing.assert_array_equal(distances, expected)


@pytest.mark.skipif(KERNELS == "numpy", reason="the twin holds 2²² differences at a time")
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_memory_is_for_the_answers(dtype):
    """All distances would be 16 million numbers."""
    points, queries = rows(8000, 20, dtype), rows(2000, 20, dtype, seed=1)
    nearest(queries, points, 10, "l2")
    tracemalloc.start()
    nearest(queries, points, 10, "l2")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 4_000_000
