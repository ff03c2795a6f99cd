"""Linear machines end where liblinear, scikit-learn's solvers and general minimisers end."""

import functools

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import minimize
from scipy.special import expit
from sklearn import linear_model, svm
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning

from yuanli.classical import LinearClassifier, LinearSVC, LogisticRegression, Perceptron, minimise


def cancer():
    x, y = load_breast_cancer(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), y


def iris():
    x, y = load_iris(return_X_y=True)
    return (x - x.mean(0)) / x.std(0), y


# Dual coordinate descent -----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [cancer, iris])
@pytest.mark.parametrize("loss", ["hinge", "squared_hinge"])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"class_weight": "balanced"}, {"C": 0.01}])
def test_linear_svc_is_liblinears(data, loss, options):
    x, y = data()
    options = {"C": 0.1, "loss": loss, "tol": 1e-7, "max_iter": 100_000, **options}
    theirs = svm.LinearSVC(dual=True, random_state=0, **options).fit(x, y)
    for rows in (x, sparse.csr_array(x)):
        ours = LinearSVC(random_state=0, dual=True, **options).fit(rows, y)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
        np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
        np.testing.assert_array_equal(ours.predict(rows), theirs.predict(x))
    ours = LinearSVC(random_state=0, dual=True, **(options | {"tol": 1e-4})).fit(x.astype(np.float32), y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=2e-3)


# Straight in the weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [cancer, iris])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"class_weight": "balanced"}, {"C": 10.0}])
def test_the_primal_descent_ends_where_the_dual_one_does(data, options):
    x, y = data()
    options = {"C": 0.1, "max_iter": 1_000_000, **options}
    theirs = svm.LinearSVC(dual=True, random_state=0, tol=1e-9, **options).fit(x, y)
    ours = LinearSVC(dual=False, tol=1e-8, **options).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
    single = LinearSVC(dual=False, **options).fit(x.astype(np.float32), y)
    least, found = (primal_objective(machine, x, y) for machine in (theirs, single))
    assert least * (1 - 1e-9) <= found <= least * (1 + 1e-4)


def primal_objective(machine, x, y):
    """½|(w, b)|² + Σ C max(0, 1 − y (w·x + b))² over the classes."""
    w = np.c_[machine.coef_, np.broadcast_to(machine.intercept_, len(machine.coef_))].astype(np.float64)
    scores = x @ w[:, :-1].T + w[:, -1]
    total = (w * w).sum() / 2
    balanced = machine.class_weight == "balanced"
    counts = len(y) / (len(machine.classes_) * np.bincount(y)) if balanced else np.ones(y.max() + 1)
    if len(w) == 1:
        return total + (machine.C * counts[y] * np.maximum(0, 1 - (2 * y - 1) * scores[:, 0]) ** 2).sum()
    for k in range(len(w)):
        sign = np.where(y == k, 1, -1)
        C = machine.C * np.where(y == k, counts[k], 1)
        total += (C * np.maximum(0, 1 - sign * scores[:, k]) ** 2).sum()
    return total


@pytest.mark.parametrize(("rows", "loss"), [(sparse.csr_array, "squared_hinge"), (np.asarray, "hinge")])
def test_the_primal_descent_is_for_dense_rows_and_the_squared_hinge(rows, loss):
    x, y = iris()
    with pytest.raises(ValueError, match="take dual=True or 'auto'"):
        LinearSVC(dual=False, loss=loss).fit(rows(x), y)
    np.testing.assert_array_equal(
        LinearSVC(loss=loss, random_state=0).fit(rows(x), y).coef_,
        LinearSVC(loss=loss, random_state=0, dual=True).fit(rows(x), y).coef_,
    )


def test_correlated_features_cost_the_primal_descent_no_more_steps():
    x, y = cancer()
    mixed = x @ np.random.default_rng(0).normal(size=(30, 30)) @ np.diag(np.geomspace(1e-3, 1e3, 30))
    assert np.linalg.cond(mixed) > 1e6
    assert LinearSVC(dual=False, C=0.1).fit(mixed, y).n_iter_ < 100


@pytest.mark.parametrize("dual", [True, False])
def test_linear_svc_weights_are_liblinears(dual):
    x, y = cancer()
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    options = {"C": 0.1, "tol": 1e-7, "max_iter": 100_000}
    theirs = svm.LinearSVC(dual=True, **options).fit(x, y, sample_weight=weight)
    ours = LinearSVC(dual=dual, **options).fit(x, y, sample_weight=weight)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    repeated = np.repeat(np.arange(len(y)), weight)
    np.testing.assert_allclose(
        LinearSVC(dual=dual, **options).fit(x[repeated], y[repeated]).coef_, ours.coef_, atol=1e-4
    )


def test_linear_svc_says_when_it_has_not_converged():
    x, y = load_breast_cancer(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        assert LinearSVC(max_iter=2).fit(x, y).n_iter_ == 2


# Logistic regression ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["newton", "lbfgs", "proximal"])
@pytest.mark.parametrize("C", [0.01, 1.0])
@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"class_weight": "balanced"}])
def test_two_classes_equal_scikit_learns(solver, C, options):
    x, y = cancer()
    theirs = linear_model.LogisticRegression(C=C, tol=1e-10, max_iter=10_000, **options).fit(x, y)
    ours = LogisticRegression(C=C, tol=1e-8, max_iter=10_000, solver=solver, **options).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-4)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"fit_intercept": False}, {"class_weight": {0: 3.0}}])
def test_more_classes_equal_scikit_learns(options):
    x, y = iris()
    theirs = linear_model.LogisticRegression(tol=1e-10, max_iter=10_000, **options).fit(x, y)
    for rows in (x, sparse.csr_array(x)):
        ours = LogisticRegression(tol=1e-8, **options).fit(rows, y)
        np.testing.assert_allclose(ours.predict_proba(rows), theirs.predict_proba(x), atol=1e-5)
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)


@pytest.mark.parametrize("ratio", [0.5, 1.0])
@pytest.mark.parametrize("data", [cancer, iris])
def test_elastic_net_equals_saga(ratio, data):
    x, y = data()
    options = {"C": 0.1, "l1_ratio": ratio}
    theirs = linear_model.LogisticRegression(solver="saga", tol=1e-9, max_iter=100_000, **options).fit(x, y)
    ours = LogisticRegression(tol=1e-8, max_iter=20_000, **options).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    np.testing.assert_array_equal(ours.coef_ == 0, theirs.coef_ == 0)
    assert (ours.coef_ == 0).any()


def test_a_sampled_hessian_ends_at_the_same_minimum():
    x, y = make_classification(30_000, 10, n_informative=6, random_state=0)
    theirs = linear_model.LogisticRegression(tol=1e-8).fit(x, y)
    ours = LogisticRegression(tol=1e-7).fit(x, y)  # 30,000 rows are 13 times what the first steps look at
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-4)
    single = LogisticRegression(tol=1e-6).fit(x.astype(np.float32), y)
    np.testing.assert_allclose(single.coef_, theirs.coef_, atol=1e-3)


@pytest.mark.parametrize("method", [minimise.lbfgs, "newton"])
def test_minimisers_end_where_scipys_ends(method):
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(30, 8)) * np.geomspace(1, 30, 8), rng.normal(size=30)
    f = lambda x: (np.logaddexp(0, A @ x - b).sum() + x @ x / 2, A.T @ expit(A @ x - b) + x)

    def hessian(x, whole):
        p = expit(A @ x - b)
        return A.T @ (A * (p * (1 - p))[:, None]) + np.eye(8)

    start = np.ones(8)
    if method == "newton":
        x, steps, converged = minimise.newton(f, hessian, start, 1e-9, 100)
        assert steps < 20
    else:
        x, _, converged = method(f, start, 1e-7, 1000)
    assert converged
    np.testing.assert_allclose(x, minimize(f, start, jac=True, method="BFGS", tol=1e-9).x, atol=1e-6)


def test_bad_options_are_named():
    x, y = iris()
    for options, word in (
        ({"solver": "newton"}, "two classes"),
        ({"solver": "lbfgs", "l1_ratio": 0.5}, "proximal"),
        ({"solver": "sag"}, "'solver' parameter"),
        ({"C": 0}, "'C' parameter"),
        ({"l1_ratio": 2}, "'l1_ratio' parameter"),
    ):
        with pytest.raises(ValueError, match=word):
            LogisticRegression(**options).fit(x, y)
    for kind in (LogisticRegression, LinearSVC, Perceptron, LinearClassifier):
        with pytest.raises(ValueError, match="only one class"):
            kind().fit(x, np.zeros(len(x)))
        with pytest.raises(ValueError, match="Negative"):
            kind().fit(x, y, sample_weight=-np.ones(len(x)))
    for kind in (Perceptron, LinearClassifier):
        with pytest.raises(TypeError, match=r"[Ss]parse"):
            kind().fit(sparse.csr_array(x), y)
    with pytest.raises(ValueError, match="'optimizer' parameter"):
        LinearClassifier(optimizer="Newton").fit(x, y)


# Perceptron, gradient descent ------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [cancer, iris])
def test_the_perceptron_is_scikit_learns(data):
    x, y = data()
    options = {"shuffle": False, "max_iter": 20, "tol": 0.0, "n_iter_no_change": 100}
    with pytest.warns(ConvergenceWarning):
        theirs = linear_model.Perceptron(**options).fit(x, y)
    ours = Perceptron(**options).fit(x, y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-9)


def test_novikoffs_bound():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2))
    x = x[np.abs(x @ [0.6, 0.8]) > 0.1]
    y = (x @ [0.6, 0.8] > 0).astype(int)
    machine = Perceptron(fit_intercept=False, tol=0.0, n_iter_no_change=1000).fit(x, y)
    assert machine.score(x, y) == 1
    corrections = 1 / (np.abs(x @ [0.6, 0.8]).min() ** 2 / (x**2).sum(1).max())
    assert machine.n_iter_ <= corrections + 1


def test_softmax_by_batch_descent_is_logistic_regression():
    x, y = iris()
    n = len(y)
    machine = LinearClassifier(l2=1 / n, lr=1.0, batch_size=n, max_iter=3000, random_state=0).fit(x, y)
    theirs = linear_model.LogisticRegression(C=1.0, tol=1e-8).fit(x, y)
    np.testing.assert_allclose(machine.predict_proba(x), theirs.predict_proba(x), atol=1e-3)
    assert machine.loss_curve_[-1] < machine.loss_curve_[0]


def test_l1_gives_exact_zeros_and_more_of_them():
    x, y = cancer()
    zeros = [
        int((LinearClassifier(l1=l1, max_iter=60, random_state=0).fit(x, y).coef_ == 0).sum())
        for l1 in (0.0, 0.01, 0.1)
    ]
    assert zeros[0] == 0
    assert zeros[0] < zeros[1] < zeros[2]


@pytest.mark.parametrize("optimizer", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_any_optimiser_learns_digits(optimizer):
    x, y = load_digits(return_X_y=True)
    options = {"momentum": 0.9} if optimizer == "SGD" else None
    for loss in ("softmax", "hinge"):
        machine = LinearClassifier(
            loss=loss, optimizer=optimizer, options=options, lr=0.01, max_iter=12, random_state=0
        ).fit(x[:1200] / 16, y[:1200])
        assert machine.score(x[1200:] / 16, y[1200:]) > 0.85
        assert hasattr(machine, "predict_proba") == (loss == "softmax")


def test_the_seed_decides():
    x, y = iris()
    for kind in (LinearClassifier, functools.partial(LinearSVC, dual=True), Perceptron):
        first, second, other = (kind(random_state=seed).fit(x, y).coef_ for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, second)
        assert not np.array_equal(first, other)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("rows", [5, 90_000])  # the products of many rows are others
def test_what_is_not_finite_is_found_in_the_scores(rows, classes, bad):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 8)), np.arange(60) % classes
    model = LogisticRegression().fit(x, y)
    for dtype in (np.float32, np.float64):
        many = rng.normal(size=(rows, 8)).astype(dtype)
        many[0] = np.finfo(dtype).max  # a score that is too large is an answer all the same
        assert np.isin(model.predict(many), y).all()
        many[0] = 0
        for at, weight in ((3, model.coef_[0, 3]), (4, 0.0)):
            model.coef_[:, at] = weight
            many[rows // 2, at] = bad
            with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
                model.predict(many)
            many[rows // 2, at] = 0
