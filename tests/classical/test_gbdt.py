"""Histogram boosting: scikit-learn's class grows the same trees, whatever the loss and the kinds of features.

Weights that are all different leave few splits equally good; where two are, rounding chooses between them.
"""

import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import ensemble
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

from yuanli import classical
from yuanli.classical import HistGradientBoostingClassifier, HistGradientBoostingRegressor, load, save
from yuanli.classical.gbdt.binning import find_bins
from yuanli.errors import CheckpointError, DataError
from yuanli.kernels import compiler
from yuanli.training import files

SHORT = {"max_iter": 12, "early_stopping": False}


def table(rows=2999, seed=1, missing=0.2):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6))
    y = x[:, 0] ** 2 + x[:, 1] * x[:, 2] + 0.3 * rng.normal(size=rows)
    x[rng.random(x.shape) < missing] = np.nan
    return x, y, rng.random(rows)


def both(name, x, y, weight, **options):
    options = SHORT | options
    ours = getattr(classical, name)(**options).fit(x, y, weight)
    return ours, getattr(ensemble, name)(**options).fit(x, y, weight)


REGRESSIONS = [
    {"loss": "squared_error"}, {"loss": "absolute_error"}, {"loss": "quantile", "quantile": 0.8},
    {"loss": "poisson"}, {"max_leaf_nodes": None, "max_depth": 4, "l2_regularization": 3.0},
    {"max_bins": 12, "min_samples_leaf": 1, "learning_rate": 0.4},
]  # fmt: skip


@pytest.mark.parametrize("options", REGRESSIONS, ids=str)
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_regression_is_scikit_learns(options, missing):
    x, y, weight = table(missing=missing)
    if options.get("loss") == "poisson":
        y = np.random.default_rng(1).poisson(np.exp(y / 2)).astype(float)
    ours, theirs = both("HistGradientBoostingRegressor", x, y, weight, **options)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-5, atol=1e-5)
    for stage, other in zip(ours.staged_predict(x), theirs.staged_predict(x), strict=True):
        np.testing.assert_allclose(stage, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("cuts", [[0.5], [0.0, 0.5, 1.5]])
def test_classification_is_scikit_learns(cuts):
    x, y, weight = table()
    labels = np.array(list("abcd"))[np.digitize(y, cuts)]
    ours, theirs = both("HistGradientBoostingClassifier", x, labels, weight)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)
    np.testing.assert_allclose(ours.decision_function(x), theirs.decision_function(x), atol=1e-4)
    assert (ours.predict(x) == theirs.predict(x)).mean() > 0.999
    for stage, other in zip(ours.staged_predict_proba(x), theirs.staged_predict_proba(x), strict=True):
        np.testing.assert_allclose(stage, other, atol=1e-5)
    *_, last = ours.staged_predict(x)
    np.testing.assert_array_equal(last, ours.predict(x))


def test_categories_are_scikit_learns():
    x, y, weight = table()
    rng = np.random.default_rng(7)
    x[:, 3] = rng.integers(0, 30, len(x))
    x[:, 4] = np.where(rng.random(len(x)) < 0.1, np.nan, rng.integers(0, 6, len(x)))
    y = y + np.sin(x[:, 3] * 7) + np.cos(np.nan_to_num(x[:, 4]) * 5) > 1
    options = {"categorical_features": [3, 4]}
    ours, theirs = both("HistGradientBoostingClassifier", x, y, weight, **options)
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-5)
    new = x[:50].copy()
    new[:, 3] = 77  # a category never seen is a missing value
    unknown = ours.predict_proba(new)
    new[:, 3] = np.nan
    np.testing.assert_array_equal(unknown, ours.predict_proba(new))


def test_monotonic_answers():
    x, y, weight = table(missing=0)
    y = y + x[:, 3]
    options = {"monotonic_cst": [1, 0, 0, 1, -1, 0]}
    ours, theirs = both("HistGradientBoostingRegressor", x, y, weight, **options)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-4, atol=1e-4)
    for f, direction in ((0, 1), (3, 1), (4, -1)):
        path = np.repeat(x[:20], 60, axis=0)
        path[:, f] = np.tile(np.linspace(-4, 4, 60), 20)
        assert (direction * np.diff(ours.predict(path).reshape(20, 60)) >= 0).all()


@pytest.mark.parametrize("fraction", [0.1, None])
def test_early_stopping_is_scikit_learns(fraction):
    x, y, weight = table(missing=0)
    options = {"early_stopping": True, "max_iter": 200, "random_state": 3, "validation_fraction": fraction}
    options |= {"learning_rate": 0.3, "n_iter_no_change": 4, "tol": 1e-3 if fraction else 2e-2}
    ours, theirs = both("HistGradientBoostingClassifier", x, y > 0.5, weight, **options)
    assert ours.n_iter_ == theirs.n_iter_ < 200
    np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), atol=1e-4)
    scores = "train_score_" if fraction is None else "validation_score_"
    np.testing.assert_allclose(getattr(ours, scores), getattr(theirs, scores), rtol=1e-4)


def test_huber_is_exact_boosting_where_bins_are_values():
    """With a bin for every value and trees grown to a depth, histograms lose nothing against exact cuts."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 40, (500, 4)).astype(float)
    y = np.sin(x[:, 0] / 5) + x[:, 1] / 20 + rng.standard_t(1.5, 500) / 5
    weight = rng.random(500)
    ours = HistGradientBoostingRegressor(
        "huber", quantile=0.8, max_leaf_nodes=None, max_depth=3, min_samples_leaf=10, **SHORT
    ).fit(x, y, weight)
    theirs = ensemble.GradientBoostingRegressor(
        loss="huber", alpha=0.8, max_depth=3, min_samples_leaf=10, n_estimators=12, random_state=0
    ).fit(x, y, weight)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), atol=1e-5)


def test_importances_and_counts():
    x, y, _ = table(missing=0)
    model = HistGradientBoostingRegressor(**SHORT).fit(x, y)
    importances = model.feature_importances_
    assert set(np.argsort(importances)[-3:]) == {0, 1, 2}
    np.testing.assert_allclose(importances.sum(), 1)
    tree = model.forest_.tree(0)
    inner = tree.feature >= 0
    children = tree.left[inner]
    np.testing.assert_array_equal(tree.rows[inner], tree.rows[children] + tree.rows[children + 1])
    assert tree.rows[0] == len(x)
    assert tree.rows[~inner].min() >= 20
    assert (~inner).sum() == 31


def test_threads_and_repetition_change_no_bit():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70_000, 3)).astype(np.float32)
    y = x[:, 0] + x[:, 1] ** 2 > rng.normal(size=len(x))
    first = HistGradientBoostingClassifier(max_iter=3, early_stopping=False).fit(x, y).decision_function(x)
    number = compiler.threads()
    try:
        for threads in {1, number}:
            compiler.set_threads(threads)
            again = HistGradientBoostingClassifier(max_iter=3, early_stopping=False).fit(x, y)
            np.testing.assert_array_equal(again.decision_function(x), first)
    finally:
        compiler.set_threads(number)


def test_float32_and_float64_agree_and_layouts_do_not_matter():
    x, y, _ = table(missing=0.1)
    x = x.astype(np.float32)
    model = HistGradientBoostingRegressor(**SHORT).fit(x, y)
    expected = model.predict(x)
    for same in (x.astype(np.float64), np.asfortranarray(x), np.repeat(x, 2, axis=0)[::2], x[::-1][::-1]):
        np.testing.assert_array_equal(model.predict(same), expected)


def test_quantiles_with_equal_weights_are_those_without():
    rng = np.random.default_rng(0)
    x, nothing = rng.normal(size=(1020, 2)), np.zeros(2, bool)
    plain = find_bins(x, 255, nothing, None, np.random.RandomState(0))
    weighted = find_bins(x, 255, nothing, np.ones(1020), np.random.RandomState(0))
    np.testing.assert_allclose(plain.edges, weighted.edges)
    counts = np.bincount(plain.encode(x)[:, 0], minlength=256)
    assert counts[0] == 0
    assert set(counts[1:]) == {4}


def test_of_very_many_rows_some_are_drawn_by_weight_but_no_category_is_lost():
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=210_000), np.zeros(210_000)])
    x[77, 1] = 5
    weight = np.where(x[:, 0] > 0, 1.0, 0.0)
    bins = find_bins(x, 10, np.array([False, True]), weight, np.random.RandomState(0))
    np.testing.assert_array_equal(bins.bins, [10, 2])
    positive = np.sort(x[x[:, 0] > 0, 0])
    share = np.searchsorted(positive, bins.edges[0, :9]) / len(positive)
    np.testing.assert_allclose(share, np.arange(1, 10) / 10, atol=0.01)


def test_bundled_data():
    x, y = load_diabetes(return_X_y=True)
    ours, theirs = both("HistGradientBoostingRegressor", x, y, np.linspace(1, 2, len(y)))
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-4)
    x, y = load_breast_cancer(return_X_y=True)
    x, held_x, y, held_y = train_test_split(x, y, random_state=0)
    assert HistGradientBoostingClassifier().fit(x, y).score(held_x, held_y) >= 0.958


def test_bad_input():
    x, y, _ = table(60)
    regressor, classifier = HistGradientBoostingRegressor, HistGradientBoostingClassifier
    for fit, match in [
        (lambda: classifier().fit(x, np.zeros(60)), "1 class"),
        (lambda: regressor().fit(x, np.full(60, np.nan)), "NaN"),
        (lambda: regressor("poisson").fit(x, y - 100), "non-negative"),
        (lambda: regressor("luck").fit(x, y), "loss"),
        (lambda: regressor("quantile").fit(x, y), "quantile"),
        (lambda: regressor(max_bins=256).fit(x, y), "max_bins"),
        (lambda: regressor(max_leaf_nodes=1).fit(x, y), "max_leaf_nodes"),
        (lambda: regressor(learning_rate=0).fit(x, y), "learning_rate"),
        (lambda: regressor(monotonic_cst=[1]).fit(x, y), "monotonic_cst"),
        (lambda: regressor(monotonic_cst=[1] + [0] * 5, categorical_features=[0]).fit(x, y), "monotonic_cst"),
        (lambda: classifier(monotonic_cst=[1] + [0] * 5).fit(x, np.arange(60) % 3), "monotonic_cst"),
        (lambda: regressor(categorical_features=[9]).fit(x, y), "categorical_features"),
        (lambda: regressor(categorical_features=["colour"]).fit(x, y), "categorical_features"),
        (lambda: regressor(categorical_features=[0], max_bins=9).fit(x, y), "categories"),
        (lambda: regressor().fit(x, y, -np.ones(60)), "[Nn]egative"),
        (lambda: regressor().fit(x[:0], y[:0]), "0 sample"),
        (lambda: regressor().fit(x, y).predict(x[:, :3]), "features"),
    ]:
        with pytest.raises(ValueError, match=match):
            fit()
    with pytest.raises(DataError, match="finite gradients"):
        regressor().fit(x, y * 1e300)
    odd = np.column_stack([np.full(60, np.nan), np.ones(60), np.where(y > 0, np.inf, -np.inf)])
    model = regressor(min_samples_leaf=5).fit(odd, y)
    assert np.unique(model.predict(odd)).size == 2


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 40),
    st.sampled_from(["f4", "f8", "i8", "u1", "?", ">f8", "f2"]), st.integers(1, 3), st.booleans(),
)  # fmt: skip
def test_any_table_is_learned(seed, rows, features, dtype, stride, fortran):
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(rows * stride, features)) * 10).astype(dtype)[::stride]
    x = np.asfortranarray(x) if fortran else x
    if x.dtype.kind == "f":
        x[rng.random(x.shape) < 0.2] = rng.choice([np.nan, np.inf, -np.inf])
    y = rng.integers(0, 3, rows).astype(float)
    options = {
        "max_iter": 3,
        "min_samples_leaf": int(rng.integers(1, 5)),
        "max_bins": int(rng.integers(2, 256)),
    }
    answer = HistGradientBoostingRegressor(rng.choice(["squared_error", "absolute_error"]), **options).fit(
        x, y
    )
    assert np.isfinite(answer.predict(x)).all()
    if len(np.unique(y)) > 1:
        p = HistGradientBoostingClassifier(**options).fit(x, y).predict_proba(x)
        np.testing.assert_allclose(p.sum(1), 1)


def test_a_damaged_file_leads_nowhere(tmp_path):
    x, y, _ = table(200)
    path = tmp_path / "model.safetensors"
    save(HistGradientBoostingRegressor(**SHORT).fit(x, y), path)
    tree = files.load(path)
    for change in (lambda nodes: nodes[4].__setitem__(0, 10**6), lambda nodes: nodes[4].__setitem__(0, 0),
                   lambda nodes: nodes[0].__setitem__(0, 99)):  # fmt: skip
        altered = files.load(path)
        change(altered["content"]["state"]["forest_"]["$tuple"][1]["$tuple"])
        files.save(path, altered)
        with pytest.raises(CheckpointError, match="nodes that lead nowhere"):
            load(path)
        files.save(path, tree)
    load(path)


@pytest.mark.skipif(not hasattr(signal, "SIGINT") or os.name == "nt", reason="needs POSIX signals")
def test_ctrl_c_stops_a_fit_and_leaves_the_old_state():
    x, y, _ = table()
    model = HistGradientBoostingRegressor(**SHORT).fit(x, y)
    expected, state = model.predict(x), dict(vars(model))
    model.set_params(max_iter=10**7)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y)
    assert time.perf_counter() - start < 5
    assert vars(model) == state | {"max_iter": 10**7}
    np.testing.assert_array_equal(model.predict(x), expected)
