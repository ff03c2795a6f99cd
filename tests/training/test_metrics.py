"""Metrics: published and hand-computed numbers; scikit-learn's own are only passed through."""

import math

import numpy as np
import pytest

from yuanli.errors import ShapeError, ValueRangeError
from yuanli.training import metrics

WILSON = [  # correct, total, low, high: Newcombe 1998, Statistics in Medicine 17, table I, method 3
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
]


@pytest.mark.parametrize(("correct", "total", "low", "high"), WILSON)
def test_wilson_interval_equals_the_published_one(correct, total, low, high):
    assert metrics.wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_interval_is_symmetric():
    low, high = metrics.wilson_interval(7, 10)
    assert metrics.wilson_interval(3, 10) == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("correct", "total"), [(1, 0), (-1, 5), (6, 5)])
def test_wilson_interval_refuses_what_is_no_share(correct, total):
    with pytest.raises(ValueRangeError, match="needs 0 ≤ correct ≤ total"):
        metrics.wilson_interval(correct, total)


def test_wilson_interval_holds_the_truth_in_95_of_100_samples():
    rng, n = np.random.default_rng(0), 100
    truths = rng.random(5000)
    intervals = [metrics.wilson_interval(int(k), n) for k in rng.binomial(n, truths)]
    covered = [low <= p <= high for p, (low, high) in zip(truths, intervals, strict=True)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)


def test_classification_metrics_by_hand():
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.5, 0.25, 0.25], [0.25, 0.25, 0.5]])
    found = metrics.classification_metrics(probabilities, np.array([0, 1, 1, 2]))
    assert found["accuracy"] == 0.75
    assert found["confusion"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert found["log_loss"] == pytest.approx(-math.log(0.5 * 0.8 * 0.25 * 0.5) / 4)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)


def test_a_class_that_no_example_has_keeps_its_row():
    found = metrics.classification_metrics(np.array([[0.7, 0.2, 0.1]]), np.array([0]))
    assert found["confusion"] == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_regression_metrics_by_hand():
    found = metrics.regression_metrics(np.array([1.0, 2.0, 6.0]), np.array([1.0, 3.0, 5.0]))
    assert found["mse"] == pytest.approx(2 / 3)
    assert found["rmse"] == pytest.approx(math.sqrt(2 / 3))
    assert found["mae"] == pytest.approx(2 / 3)
    assert found["r2"] == pytest.approx(1 - 2 / 8)


def test_metrics_refuse_shapes_that_do_not_fit():
    with pytest.raises(ShapeError, match=r"\(N, K\)"):
        metrics.classification_metrics(np.zeros(3), np.zeros(3, int))
    with pytest.raises(ShapeError, match=r"\(N,\)"):
        metrics.regression_metrics(np.zeros((3, 1)), np.zeros(3))


def test_batch_metrics():
    assert metrics.accuracy(np.array([[1, 2], [3, 0]]), np.array([1, 1])) == 0.5
    assert metrics.mean_absolute_error(np.array([[1.0], [3.0]]), np.array([2.0, 1.0])) == 1.5
