"""Sweeps of linear machines: compiled, dense and sparse they are the twin's; the logistic loss is SciPy's."""

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import check_grad
from scipy.special import log_expit

from yuanli.kernels import dual_descent
from yuanli.kernels.logistic import logistic, logistic_numpy
from yuanli.kernels.perceptron import perceptron, perceptron_numpy


def swept(sweep, parts, w, n, C):
    rng = np.random.default_rng(0)
    sign, alpha = np.where(rng.random(n) < 0.5, 1.0, -1.0), np.zeros(n)
    upper, diagonal = np.full(n, C), np.zeros(n)
    squares, limits = 1 + rng.random(n), np.array([np.inf, -np.inf])
    seen = []
    for _ in range(3):
        order, stays = rng.permutation(n), np.zeros(n, bool)
        limits[:] = sweep(*parts, order, sign, alpha, w, squares, diagonal, upper, limits, stays)
        seen.append((*limits, stays, alpha.copy()))
    return seen, w


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sweep_is_its_twins(dtype):
    rng = np.random.default_rng(1)
    x = np.zeros((30, 128), dtype)
    x[:, :70] = rng.normal(size=(30, 70)) * (rng.random((30, 70)) < 0.3)
    rows = sparse.csr_array(x.astype(np.float64))
    thin = (rows.data, rows.indices, rows.indptr)
    expected = swept(dual_descent.sweep_numpy, (x.astype(np.float64),), np.zeros(128), 30, 0.4)
    forms = [
        (dual_descent.sweep, (x,), np.zeros(128, dtype)),
        (dual_descent.sweep_sparse, thin, np.zeros(128)),
        (dual_descent.sweep_sparse_numpy, thin, np.zeros(128)),
    ]
    atol = 1e-5 if dtype == np.float32 else 1e-12
    for sweep, parts, w in forms:
        seen, found = swept(sweep, parts, w, 30, 0.4)
        np.testing.assert_allclose(found, expected[1], atol=atol)
        for a, b in zip(seen, expected[0], strict=True):
            np.testing.assert_allclose(a[:2], b[:2], atol=atol)
            np.testing.assert_array_equal(a[2], b[2])
            np.testing.assert_allclose(a[3], b[3], atol=atol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "d"), [(1, 1), (700, 37), (1300, 16)])
def test_the_logistic_loss_and_its_gradient(n, d, dtype):
    rng = np.random.default_rng(n)
    x, w, weight = rng.normal(size=(n, d)).astype(dtype), rng.normal(size=d), rng.random(n)
    sign = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    for found in (logistic(x, sign, weight, w, 0.3), logistic_numpy(x, sign, weight, w, 0.3)):
        margin = sign * (x.astype(np.float64) @ w + 0.3)
        rtol = 1e-4 if dtype == np.float32 else 1e-10
        assert found[0] == pytest.approx(-weight @ log_expit(margin), rel=rtol)
        slope = -weight * sign * np.exp(log_expit(-margin))
        np.testing.assert_allclose(found[1], slope @ x, rtol=rtol, atol=rtol * 30)
        assert found[2] == pytest.approx(slope.sum(), rel=rtol, abs=rtol * 30)
        np.testing.assert_allclose(found[3], np.exp(log_expit(margin) + log_expit(-margin)), rtol=rtol * 10)
    if dtype == np.float64:
        value = lambda p: logistic(x, sign, weight, p[:-1], p[-1])[0]
        slopes = lambda p: np.append(*logistic(x, sign, weight, p[:-1], p[-1])[1:3])
        assert check_grad(value, slopes, np.append(w, 0.3)) < 1e-4 * max(
            1, np.abs(slopes(np.append(w, 0.3))).max()
        )


def test_far_margins_are_exact():
    x = np.array([[1e4], [-1e4]])
    loss, _, _, curvature = logistic(x, np.ones(2), np.ones(2), np.ones(1), 0.0)
    assert loss == 1e4
    assert curvature.tolist() == [0, 0]


def test_the_perceptrons_pass_is_its_twins():
    rng = np.random.default_rng(0)
    x, sign, rate = rng.normal(size=(50, 4)), np.where(rng.random(50) < 0.5, 1.0, -1.0), rng.random(50)
    answers = []
    for kernel in (perceptron, perceptron_numpy):
        w = np.zeros(5)
        answers.append(([kernel(x, np.arange(50), sign, rate, w) for _ in range(3)], w))
    np.testing.assert_allclose(answers[0][0], answers[1][0])
    np.testing.assert_allclose(answers[0][1], answers[1][1])
