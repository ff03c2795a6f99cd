"""Plain trees and plain boosting: scikit-learn's classes grow the same trees."""

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

from yuanli.classical import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
)
from yuanli.classical.trees import best_cut, squared

LIMITS = [
    {"max_depth": 3, "min_samples_leaf": 20},
    {"max_depth": 4, "min_samples_leaf": 7},
    {"min_samples_split": 40},
]


def table(rows=300, seed=0):
    """Weights that are all different leave no two cuts equally good, unless they part few rows alike."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 5))
    y = x[:, 0] ** 2 + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=rows)
    return x, y, rng.random(rows)


def same_tree(ours, theirs):
    theirs = theirs.tree_
    inner = theirs.feature >= 0
    np.testing.assert_array_equal(ours.feature[inner], theirs.feature[inner])
    np.testing.assert_array_equal(ours.children_left, theirs.children_left)
    np.testing.assert_array_equal(ours.children_right, theirs.children_right)
    np.testing.assert_array_equal(ours.n_node_samples, theirs.n_node_samples)
    np.testing.assert_allclose(ours.threshold[inner], theirs.threshold[inner], rtol=1e-6)
    np.testing.assert_allclose(ours.value, theirs.value[:, 0], atol=1e-12)


@pytest.mark.parametrize("limits", LIMITS, ids=str)
def test_trees_are_scikit_learns(limits):
    x, y, weight = table()
    ours = DecisionTreeRegressor(**limits).fit(x, y, weight)
    theirs = tree.DecisionTreeRegressor(random_state=0, **limits).fit(x, y, weight)
    same_tree(ours.tree_, theirs)
    np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, atol=1e-12)
    assert ours.get_depth() == theirs.get_depth()
    for criterion in ("gini", "entropy"):
        classes = np.array(["low", "middle", "high"])[np.digitize(y, [0, 1])]
        ours = DecisionTreeClassifier(criterion=criterion, **limits).fit(x, classes, weight)
        theirs = tree.DecisionTreeClassifier(criterion=criterion, random_state=0, **limits).fit(
            x, classes, weight
        )
        same_tree(ours.tree_, theirs)
        np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, atol=1e-12)


def test_the_best_cut_is_the_best_of_all():
    rng = np.random.default_rng(1)
    x, y, weight = rng.integers(0, 6, (40, 3)).astype(float), rng.normal(size=(40, 2)), rng.random(40)
    feature, threshold, explained = best_cut(x, y, weight, squared, 5, np.arange(3))

    def error(f, t):
        sides = [side for side in (x[:, f] <= t, x[:, f] > t) if side.sum() >= 5]
        means = [np.average(y[side], axis=0, weights=weight[side]) for side in sides]
        if len(sides) < 2:
            return np.inf
        return sum((weight[s] @ (y[s] - m) ** 2).sum() for s, m in zip(sides, means, strict=True))

    errors = {(f, t): error(f, t) for f in range(3) for t in np.arange(5) + 0.5}
    assert min(errors, key=errors.get) == (feature, threshold)
    np.testing.assert_allclose((weight @ y**2).sum() - explained, min(errors.values()))


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber", "quantile"])
def test_boosted_trees_are_scikit_learns(loss):
    x, y, weight = table()
    limits = {"loss": loss, "n_estimators": 15, "max_depth": 3, "min_samples_leaf": 5}
    if loss in ("absolute_error", "quantile"):  # gradients of two values: rows of one side tie
        limits |= {"n_estimators": 2, "min_samples_leaf": 20}
    ours = GradientBoostingRegressor(random_state=0, **limits).fit(x, y, weight)
    theirs = ensemble.GradientBoostingRegressor(random_state=0, **limits).fit(x, y, weight)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-9)
    np.testing.assert_allclose(ours.train_score_, theirs.train_score_, rtol=1e-9)
    np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, atol=1e-6)
    for stage, other in zip(ours.staged_predict(x), theirs.staged_predict(x), strict=True):
        np.testing.assert_allclose(stage, other, atol=1e-9)


@pytest.mark.parametrize("cuts", [[0.5], [0.0, 1.0]])
def test_boosted_classes_are_scikit_learns(cuts):
    x, y, weight = table()
    classes = np.digitize(y, cuts)
    limits = {"n_estimators": 10, "min_samples_leaf": 5, "random_state": 0}
    ours = GradientBoostingClassifier(**limits).fit(x, classes, weight)
    theirs = ensemble.GradientBoostingClassifier(**limits).fit(x, classes, weight)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-9)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-8)
    np.testing.assert_allclose(ours.train_score_, theirs.train_score_, rtol=1e-9)


def test_diabetes_and_breast_cancer():
    """Equal cuts are drawn, so scikit-learn's own errors differ by seed: 3006 … 3052, and 0.958 … 0.972."""
    x, y = load_diabetes(return_X_y=True)
    x, held_x, y, held_y = train_test_split(x, y, test_size=0.1, random_state=13)
    model = GradientBoostingRegressor(
        n_estimators=500, max_depth=4, min_samples_split=5, learning_rate=0.01, random_state=0
    ).fit(x, y)
    assert abs(np.mean((model.predict(held_x) - held_y) ** 2) - 3035) < 35
    x, y = load_breast_cancer(return_X_y=True)
    x, held_x, y, held_y = train_test_split(x, y, random_state=0)
    assert abs(GradientBoostingClassifier(random_state=0).fit(x, y).score(held_x, held_y) - 0.965) < 0.008


def test_bad_input():
    x, y, _ = table(30)
    with pytest.raises(ValueError, match="1 class"):
        GradientBoostingClassifier().fit(x, np.zeros(30))
    for parameters in (
        {"max_depth": 0},
        {"min_samples_leaf": 0},
        {"min_samples_split": 1},
        {"criterion": "luck"},
    ):
        with pytest.raises(ValueError, match=next(iter(parameters))):
            DecisionTreeRegressor(**parameters).fit(x, y)
    with pytest.raises(ValueError, match="loss"):
        GradientBoostingRegressor(loss="luck").fit(x, y)
    constant = DecisionTreeRegressor().fit(np.ones((30, 3)), y)
    np.testing.assert_allclose(constant.predict(x[:, :3]), y.mean())
