"""Sequential minimal optimisation: compiled it is its twin, and both end where a general solver does."""

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize

from yuanli.kernels import smo


def problem(n, seed, C=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    target = np.where(x[:, 0] + rng.normal(size=n) > 0, 1.0, -1.0)
    K = np.exp(-0.5 * ((x[:, None] - x) ** 2).sum(-1))
    return K, target, np.where(target > 0, 0, -C), np.where(target > 0, C, 0)


def test_the_minimum_is_a_general_solvers():
    K, target, low, high = problem(12, 0)
    beta, v = np.zeros(12), target.copy()
    assert smo.descend(K, beta, v, low, high, 1e-10, 10_000) < 10_000
    found = minimize(
        lambda b: b @ K @ b / 2 - target @ b, np.zeros(12), jac=lambda b: K @ b - target,
        method="trust-constr",
        bounds=list(zip(low, high, strict=True)), constraints=LinearConstraint(np.ones((1, 12)), 0, 0),
        options={"gtol": 1e-10, "xtol": 1e-12, "maxiter": 3000},
    )  # fmt: skip
    np.testing.assert_allclose(beta, found.x, atol=1e-5)
    np.testing.assert_allclose(v, target - K @ beta, atol=1e-12)
    assert abs(beta.sum()) < 1e-12
    assert ((low <= beta) & (beta <= high)).all()


@pytest.mark.parametrize("C", [0.1, 1.0, 100.0])
def test_the_compiled_kernel_takes_the_twins_steps(C):
    K, target, low, high = problem(60, 1, C)
    for most in (1, 7, 10_000):
        answers = []
        for kernel in (smo.descend, smo.descend_numpy):
            beta, v = np.zeros(60), target.copy()
            answers.append((kernel(K, beta, v, low, high, 1e-3, most), beta, v))
        assert answers[0][0] == answers[1][0]
        np.testing.assert_allclose(answers[0][1], answers[1][1], atol=1e-9)
        np.testing.assert_allclose(answers[0][2], answers[1][2], atol=1e-9)


def test_every_step_descends_also_where_the_kernel_is_not_positive():
    rng = np.random.default_rng(2)
    K = rng.normal(size=(20, 20))
    K = K + K.T
    _, target, low, high = problem(20, 2)
    beta, v, before = np.zeros(20), target.copy(), 0.0
    for _ in range(200):
        if smo.descend(K, beta, v, low, high, 1e-6, 1) == 0:
            break
        value = beta @ K @ beta / 2 - target @ beta
        assert value < before + 1e-12
        before = value
    assert smo.descend(K, beta, v, low, high, 1e-6, 1) == 0


def test_nothing_moves_where_nothing_may():
    K, target, low, high = problem(10, 3, C=0.0)
    beta, v = np.zeros(10), target.copy()
    assert smo.descend(K, beta, v, low, high, 1e-3, 100) == 0
    v[:] = np.nan
    assert smo.descend(K, beta, v, low, high, 1e-3, 100) == 0


def test_the_square_that_chosen_points_share():
    rng = np.random.default_rng(5)
    rows, places, columns = (
        rng.normal(size=(9, 30)).astype(np.float32),
        np.array([7, 0, 3]),
        np.array([29, 2, 5]),
    )
    np.testing.assert_array_equal(smo.square(rows, places, columns), smo.square_numpy(rows, places, columns))
    assert smo.square(rows, places, columns)[1, 2] == rows[0, 5]


def test_subtracted_rows_are_added_up_in_float64():
    rng = np.random.default_rng(4)
    rows, places = rng.normal(size=(40, 2500)).astype(np.float32), rng.permutation(40)[:17]
    change, v = rng.normal(size=17), rng.normal(size=2500)
    change[3] = 0
    expected = v - change @ rows[places].astype(np.float64)
    smo.subtract_rows(v, change, rows, places)
    np.testing.assert_allclose(v, expected, rtol=1e-12, atol=1e-13)
