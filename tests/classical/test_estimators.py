"""Every estimator keeps scikit-learn's conventions, comes back from a file, and survives a fit that fails."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

from yuanli import classical
from yuanli.classical import (
    ESTIMATORS,
    SVC,
    SVR,
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    KNeighborsClassifier,
    KNeighborsRegressor,
    LinearClassifier,
    LinearSVC,
    LogisticRegression,
    NearestNeighbors,
    NeuralClassifier,
    NeuralRegressor,
    PatchBases,
    Perceptron,
)

CHECKED = [  # at least one of every class
    KNeighborsClassifier(), KNeighborsClassifier(3, weights="distance", p=1),
    KNeighborsRegressor(), NearestNeighbors(),
    PatchBases(3, patch_size=2), PatchBases(3, patch_size=2, method="sparse"),
    DecisionTreeClassifier(), DecisionTreeRegressor(),
    GradientBoostingClassifier(n_estimators=5), GradientBoostingRegressor(n_estimators=5),
    HistGradientBoostingClassifier(max_iter=5), HistGradientBoostingRegressor(max_iter=5),
    SVC(), SVC(kernel="poly"), SVR(), LinearSVC(), LinearSVC(loss="hinge"), Perceptron(),
    LogisticRegression(), LogisticRegression(C=0.5, l1_ratio=0.5),
    LinearClassifier(), LinearClassifier(loss="hinge", l1=1e-3),
    NeuralClassifier(), NeuralRegressor(),
]  # fmt: skip
EQUAL_WEIGHTS = (
    "check_sample_weight_equivalence_on_dense_data",
    "check_sample_weight_equivalence_on_sparse_data",
)
TOLERANCE = dict.fromkeys(
    EQUAL_WEIGHTS, "solved to tol, not to the seven digits asked for; and gamma='scale' looks at rows alone"
)
ORDER = dict.fromkeys(EQUAL_WEIGHTS, "rows are met in a random order, which repeated rows change")
EXPECTED_FAILURES: dict[str, dict[str, str]] = {  # class: check: why
    "SVC": TOLERANCE, "SVR": TOLERANCE,  # test_svm.py has them for a fixed gamma and less tolerance
    "LinearSVC": ORDER, "Perceptron": ORDER, "LinearClassifier": ORDER,
    "NeuralClassifier": ORDER, "NeuralRegressor": ORDER,
}  # fmt: skip


def named(estimator):
    return repr(estimator).replace("\n", " ")


def small_data(seed=0):
    """30 rows of 4 features, and 3 classes that depend on them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(30, 4))
    return x, np.argmax(x[:, :3], axis=1)


def answers(estimator, x):
    """What a fitted estimator says, by each of the methods it has."""
    names = ("predict", "predict_proba", "decision_function", "transform", "kneighbors")
    return {name: getattr(estimator, name)(x) for name in names if hasattr(estimator, name)}


def test_every_estimator_is_checked():
    assert {type(estimator) for estimator in CHECKED} == set(ESTIMATORS)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # rows of no one scale
@parametrize_with_checks(
    CHECKED, expected_failed_checks=lambda estimator: EXPECTED_FAILURES.get(type(estimator).__name__, {})
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", CHECKED, ids=named)
def test_a_file_gives_the_estimator_back(estimator, tmp_path):
    x, y = small_data()
    fitted = clone(estimator).fit(x, y)
    classical.save(fitted, tmp_path / "estimator.safetensors")
    found = classical.load(tmp_path / "estimator.safetensors")
    assert type(found) is type(estimator)
    assert found.get_params() == fitted.get_params()
    assert vars(found).keys() == vars(fitted).keys()
    expected = answers(fitted, x)
    assert expected
    for name, answer in answers(found, x).items():
        np.testing.assert_array_equal(answer, expected[name])


@pytest.mark.parametrize("estimator", CHECKED, ids=named)
def test_a_fit_that_fails_leaves_the_old_state(estimator):
    x, y = small_data()
    fitted = clone(estimator).fit(x, y)
    expected = answers(fitted, x)
    state = dict(vars(fitted))
    gaps = fitted.__sklearn_tags__().input_tags.allow_nan  # then only targets need all their values
    with pytest.raises(ValueError, match="NaN"):
        fitted.fit(np.full((30, 7), np.nan), np.full(30, np.nan) if gaps else y)
    assert vars(fitted) == state
    for name, answer in answers(fitted, x).items():
        np.testing.assert_array_equal(answer, expected[name])
