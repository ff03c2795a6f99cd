"""Support vector machines end where LIBSVM ends, whatever the kernel, weights, form of the rows or cache."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import minimize
from sklearn import svm as libsvm
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import rbf_kernel

from yuanli import classical
from yuanli.classical import SVC, SVR
from yuanli.classical.platt import couple, fit_sigmoid, sigmoid

KERNELS = {
    "linear": {},
    "poly": {"gamma": 0.1, "coef0": 1.0},
    "rbf": {"gamma": 0.1},
    "sigmoid": {"gamma": 0.01, "coef0": -0.1},
}


def two_classes(n=300, seed=0):
    x, y = make_classification(n, 8, n_informative=5, flip_y=0.1, random_state=seed)
    return x, y


def objective(machine, K, y):
    """½ αᵀQα − Σα of a machine for two classes."""
    beta = np.zeros(len(y))
    beta[machine.support_] = machine.dual_coef_[0]
    return beta @ K @ beta / 2 - np.abs(beta).sum()


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("C", [0.1, 10.0])
def test_equals_libsvm(kernel, C):
    x, y = load_iris(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    options = {"kernel": kernel, "C": C, "tol": 1e-5, "decision_function_shape": "ovo", **KERNELS[kernel]}
    ours, theirs = SVC(**options).fit(x, y), libsvm.SVC(**options).fit(x, y)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-3)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-3)
    np.testing.assert_array_equal(ours.predict(x), theirs.predict(x))
    assert np.abs(ours.n_support_ - theirs.n_support_).max() <= 1
    assert ours.dual_coef_.shape[0] == theirs.dual_coef_.shape[0] == 2
    if kernel == "linear":
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-3)


@pytest.mark.parametrize("C", [0.5, 50.0])
def test_the_same_objective_and_support_vectors(C):
    x, y = two_classes()
    K = rbf_kernel(x, gamma=0.05)
    ours, theirs = (kind(C=C, gamma=0.05).fit(x, y) for kind in (SVC, libsvm.SVC))
    assert objective(ours, K, y) == pytest.approx(objective(theirs, K, y), rel=1e-5)
    assert len(set(ours.support_) ^ set(theirs.support_)) <= 3
    np.testing.assert_array_equal(np.sign(ours.dual_coef_[0]), np.where(y[ours.support_] == 1, 1, -1))
    assert np.abs(ours.dual_coef_).max() == C
    np.testing.assert_allclose(ours.dual_coef_.sum(), 0, atol=1e-9)


def test_digits_score_as_published():
    x, y = load_digits(return_X_y=True)
    machine = SVC(gamma=0.001).fit(x[:898], y[:898])
    assert round(machine.score(x[898:], y[898:]), 4) == 0.9689
    theirs = libsvm.SVC(gamma=0.001).fit(x[:898], y[:898])
    np.testing.assert_array_equal(machine.predict(x), theirs.predict(x))
    assert machine.n_support_.sum() == pytest.approx(theirs.n_support_.sum(), abs=6)


def test_votes_have_scikit_learns_confidence():
    x, y = load_iris(return_X_y=True)
    ours, theirs = SVC(tol=1e-6).fit(x, y), libsvm.SVC(tol=1e-6).fit(x, y)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-4)
    ours.set_params(break_ties=True)
    np.testing.assert_array_equal(ours.predict(x), ours.decision_function(x).argmax(1))


@pytest.mark.parametrize("shrinking", [False, True])
@pytest.mark.parametrize("cache_size", [1e-6, 0.02, 200])
def test_cache_and_shrinking_change_nothing(cache_size, shrinking, monkeypatch):
    monkeypatch.setattr("yuanli.classical.smo.WORKING_SET", 16)  # more rounds
    x, y = two_classes(400, 1)
    machine = SVC(C=20, gamma=0.05, tol=1e-4, cache_size=cache_size, shrinking=shrinking).fit(x, y)
    expected = libsvm.SVC(C=20, gamma=0.05, tol=1e-4).fit(x, y)
    np.testing.assert_allclose(machine.decision_function(x), expected.decision_function(x), atol=1e-3)
    machine_value = objective(machine, rbf_kernel(x, gamma=0.05), y)
    assert machine_value == pytest.approx(objective(expected, rbf_kernel(x, gamma=0.05), y), rel=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_sparse_rows_precomputed_and_called_kernels(kernel):
    x, y = two_classes(150)
    x[np.abs(x) < 0.7] = 0
    options = {"tol": 1e-6, **KERNELS[kernel]}
    dense = SVC(kernel=kernel, **options).fit(x, y)
    expected = dense.decision_function(x)
    thin = SVC(kernel=kernel, **options).fit(sparse.csr_array(x), y)
    assert sparse.issparse(thin.support_vectors_)
    np.testing.assert_allclose(thin.decision_function(sparse.csc_array(x)), expected, atol=1e-4)
    np.testing.assert_allclose(thin.decision_function(x), expected, atol=1e-4)
    with pytest.raises(ValueError, match="sparse input"):
        dense.predict(sparse.csr_array(x))
    from sklearn.metrics.pairwise import pairwise_kernels

    form = {**KERNELS[kernel], **({"degree": 3} if kernel == "poly" else {})}
    function = lambda a, b: pairwise_kernels(a, b, metric=kernel, **form)
    called = SVC(kernel=function, tol=1e-6).fit(x, y)
    np.testing.assert_allclose(called.decision_function(x), expected, atol=1e-4)
    given_matrix = SVC(kernel="precomputed", tol=1e-6).fit(function(x, x), y)
    np.testing.assert_allclose(given_matrix.decision_function(function(x, x)), expected, atol=1e-4)


def test_a_weight_is_that_many_rows_and_zero_is_none():
    x, y = two_classes(120)
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    repeated = np.repeat(np.arange(len(y)), weight)
    for kind, target in ((SVC, y), (SVR, x[:, 0] + y)):
        weighted = kind(gamma=0.1, tol=1e-7).fit(x, target, sample_weight=weight)
        expected = kind(gamma=0.1, tol=1e-7).fit(x[repeated], target[repeated])
        method = "decision_function" if kind is SVC else "predict"
        np.testing.assert_allclose(getattr(weighted, method)(x), getattr(expected, method)(x), atol=1e-5)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.1}])
def test_class_weights_equal_libsvms(class_weight):
    x, y = two_classes()
    options = {"class_weight": class_weight, "tol": 1e-5}
    ours, theirs = SVC(**options).fit(x, y), libsvm.SVC(**options).fit(x, y)
    np.testing.assert_allclose(ours.class_weight_, theirs.class_weight_)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-3)


@pytest.mark.parametrize("epsilon", [0.0, 5.0, 500.0])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_regression_equals_libsvm(kernel, epsilon):
    x, y = load_diabetes(return_X_y=True)
    options = {"kernel": kernel, "C": 10.0, "epsilon": epsilon, "tol": 1e-4}
    ours, theirs = SVR(**options).fit(x, y), libsvm.SVR(**options).fit(x, y)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=0.02)
    assert len(ours.support_) == pytest.approx(len(theirs.support_), abs=2)
    assert ours.n_support_.tolist() == [len(ours.support_)]


def test_strings_and_float32_rows():
    x, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"], object)[y]
    machine = SVC().fit(x.astype(np.float32), names)
    expected = libsvm.SVC().fit(x, names)
    np.testing.assert_array_equal(machine.predict(x.astype(np.float32)), expected.predict(x))
    np.testing.assert_array_equal(machine.classes_, expected.classes_)


def test_an_offset_that_all_rows_share_costs_no_digits():
    x, y = two_classes()
    near = SVC(gamma=0.05, tol=1e-4).fit(x, y).decision_function(x)
    far = SVC(gamma=0.05, tol=1e-4).fit(x + 1e5, y).decision_function(x + 1e5)
    np.testing.assert_allclose(near, far, atol=1e-3)


# Probabilities ---------------------------------------------------------------------------------------------


def test_the_sigmoid_is_the_likeliest():
    rng = np.random.default_rng(0)
    sign = np.where(rng.random(200) < 0.3, 1, -1)
    values = sign + rng.normal(size=200)
    positive, negative = (sign > 0).sum(), (sign < 0).sum()
    target = np.where(sign > 0, (positive + 1) / (positive + 2), 1 / (negative + 2))

    def loss(x):
        z = values * x[0] + x[1]
        return np.sum(target * z + np.logaddexp(0, -z))

    np.testing.assert_allclose(fit_sigmoid(values, sign), minimize(loss, [0, 0], tol=1e-10).x, atol=1e-4)
    assert sigmoid(np.array([1e4, -1e4, 0.0]), -1.0, 0.0).tolist() == [1, 0, 0.5]


def test_pairs_that_agree_are_coupled_exactly():
    p = np.random.default_rng(0).dirichlet(np.ones(4), 30)
    i, j = np.triu_indices(4, 1)
    found = couple(p[:, i] / (p[:, i] + p[:, j]), 4)
    np.testing.assert_allclose(found, p, atol=2e-3)  # it stops at 0.005 / classes
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:The `probability` parameter was deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:.*probA_.*:FutureWarning")
def test_probabilities_with_libsvms_sigmoids_are_libsvms():
    x, y = load_iris(return_X_y=True)
    for classes in (2, 3):
        some = y < classes
        ours = SVC(probability=True, random_state=0, tol=1e-5).fit(x[some], y[some])
        theirs = libsvm.SVC(probability=True, random_state=0, tol=1e-5).fit(x[some], y[some])
        np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=0.05)  # other folds
        ours.probA_, ours.probB_ = theirs._probA, theirs._probB
        # LIBSVM couples two classes too, and stops at 0.005 / 2; here they need no coupling
        np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=2e-3)
    first, again = (SVC(probability=True, random_state=1).fit(x, y).probA_ for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not hasattr(SVC(), "predict_proba")


# What should not go wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {"C": 0}, {"C": -1.0}, {"C": np.nan}, {"C": "1"}, {"kernel": "cubic"}, {"gamma": -1.0},
        {"gamma": "wide"}, {"degree": -1}, {"degree": 1.5}, {"tol": 0}, {"cache_size": 0}, {"max_iter": -2},
        {"coef0": np.inf}, {"decision_function_shape": "all"},
    ],
)  # fmt: skip
def test_bad_parameters(options):
    x, y = two_classes(20)
    with pytest.raises(ValueError, match=f"The '{next(iter(options))}' parameter of SVC must be"):
        SVC(**options).fit(x, y)


def test_bad_rows():
    x, y = two_classes(20)
    with pytest.raises(ValueError, match="classes has to be greater than one"):
        SVC().fit(x, np.zeros(20))
    with pytest.raises(ValueError, match="same class"):
        SVC().fit(x, y, sample_weight=np.where(y == 0, 1, 0))
    with pytest.raises(ValueError, match="zero or negative weights"):
        SVR().fit(x, y, sample_weight=-np.ones(20))
    with pytest.raises(ValueError, match="square matrix"):
        SVC(kernel="precomputed").fit(x, y)
    with pytest.raises(TypeError, match="Sparse precomputed"):
        SVC(kernel="precomputed").fit(sparse.csr_array(np.eye(20)), y)
    with pytest.raises(ValueError, match="kernel function needs to give shape"):
        SVC(kernel=lambda a, b: np.eye(3)).fit(x, y)
    with pytest.raises(ValueError, match="NaN or infinity"):
        SVC(kernel=lambda a, b: np.full((len(a), len(b)), np.nan)).fit(x, y)
    with pytest.raises(ValueError, match="break_ties must be False"):
        SVC(break_ties=True, decision_function_shape="ovo").fit(x, y).predict(x)
    with pytest.raises(ValueError, match="features"):
        SVC().fit(x, y).predict(x[:, :3])


def test_kernels_that_are_not_positive_and_constant_rows_end():
    x, y = two_classes(100)
    SVC(kernel="sigmoid", gamma=1.0, coef0=-1.0).fit(x, y).predict(x)
    SVC(kernel=lambda a, b: -(a @ b.T)).fit(x, y).predict(x)
    assert set(SVC().fit(np.ones((100, 3)), y).predict(np.ones((4, 3)))) <= {0, 1}
    SVC().fit(x * 1e30, y).predict(x * 1e30)
    with pytest.raises(ValueError, match="finite"), np.errstate(all="ignore"):
        SVC(kernel="poly", gamma=1.0, degree=9).fit(x * 1e100, y)


def test_max_iter_ends_early_and_says_so():
    x, y = two_classes()
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        machine = SVC(max_iter=3, gamma=0.1).fit(x, y)
    assert machine.n_iter_.tolist() == [3]
    assert machine.fit_status_ == 1


def test_files_keep_sparse_support_vectors_and_refuse_functions(tmp_path):
    x, y = two_classes(60)
    machine = SVC().fit(sparse.csr_array(x), y)
    classical.save(machine, tmp_path / "m.safetensors")
    found = classical.load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(found.decision_function(x), machine.decision_function(x))
    with pytest.raises(TypeError, match="cannot be saved"):
        classical.save(SVC(kernel=rbf_kernel).fit(x, y), tmp_path / "f.safetensors")


def test_ctrl_c_stops_promptly_and_the_old_state_stays():
    x, y = make_classification(6000, 20, n_informative=10, n_classes=3, flip_y=0.4, random_state=0)
    machine = SVC(C=1e4, gamma=0.05).fit(x[:50], y[:50])
    before = dict(vars(machine))
    sent = []

    def interrupt():
        time.sleep(0.7)
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        machine.fit(x, y)
    assert time.monotonic() - sent[0] < 5
    assert vars(machine) == before


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_no_form_of_rows_crashes(data):
    n, d = data.draw(st.integers(2, 40)), data.draw(st.integers(1, 9))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dtype = data.draw(st.sampled_from([np.float32, np.float64, np.int8, np.uint8, np.int64, bool]))
    x = (rng.normal(size=(2 * n, 2 * d)) * data.draw(st.sampled_from([0, 1, 50]))).astype(dtype)
    x = data.draw(st.sampled_from([x[::2, ::2], x[:n, :d][::-1], np.asfortranarray(x[:n, :d])]))
    y = np.arange(n) % data.draw(st.integers(2, max(2, n // 2)))
    kernel = data.draw(st.sampled_from(sorted(KERNELS)))
    if kernel in ("linear", "poly"):  # a check of forms, not of patience with rows of great length
        x = x / max(1, np.abs(x.astype(float)).max())
    machine = SVC(kernel=kernel).fit(x, y)
    assert set(machine.predict(x)) <= set(y)
    assert np.isfinite(machine.decision_function(x)).all()
