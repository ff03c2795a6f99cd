"""Nearest neighbours against scikit-learn's, and what they refuse."""

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn import neighbors
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from yuanli import data
from yuanli.classical import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors, choose_n_neighbors

REAL = os.environ.get("YUANLI_DATA", "")
METRICS = [
    {"p": 1},
    {"p": 2},
    {"p": 3},
    {"metric": "chebyshev"},
    {"metric": "cosine"},
    {"metric": "manhattan"},
]


@pytest.fixture(scope="module")
def digits():
    """The first half for training, the second for testing."""
    x, y = load_digits(return_X_y=True)
    half = len(x) // 2
    return x[:half], y[:half], x[half:], y[half:]


@pytest.fixture(scope="module")
def diabetes():
    """With a little noise, so that no distances are equal: scikit-learn leaves the order of those open."""
    x, y = load_diabetes(return_X_y=True)
    x = x + 1e-4 * np.random.default_rng(0).normal(size=x.shape)
    return x[:300], y[:300], x[300:], y[300:]


@pytest.mark.parametrize("metric", METRICS, ids=str)
def test_neighbours_equal_scikit_learns(metric, diabetes):
    x, _, queries, _ = diabetes
    ours = NearestNeighbors(n_neighbors=7, **metric).fit(x)
    theirs = neighbors.NearestNeighbors(n_neighbors=7, algorithm="brute", **metric).fit(x)
    for given in (queries, None):
        distances, numbers = ours.kneighbors(given)
        expected, expected_numbers = theirs.kneighbors(given)
        np.testing.assert_allclose(distances, expected, rtol=1e-9)
        np.testing.assert_array_equal(numbers, expected_numbers)
        np.testing.assert_array_equal(ours.kneighbors(given, return_distance=False), numbers)
    for mode in ("connectivity", "distance"):
        graph, expected = ours.kneighbors_graph(queries, 3, mode), theirs.kneighbors_graph(queries, 3, mode)
        np.testing.assert_allclose(graph.toarray(), expected.toarray(), rtol=1e-9)


@pytest.mark.parametrize("weights", ["uniform", "distance", None, lambda d: np.exp(-d)], ids=str)
@pytest.mark.parametrize("metric", METRICS[:3], ids=str)
def test_predictions_equal_scikit_learns(weights, metric, digits, diabetes):
    rng = np.random.default_rng(0)
    x, y, queries, _ = (part[:250] for part in digits)
    x, queries = x + 0.01 * rng.normal(size=x.shape), queries + 0.01 * rng.normal(size=queries.shape)
    queries[:5] = x[:5]  # at distance 0
    names = np.array([f"digit {k}" for k in range(10)])[y]
    ours = KNeighborsClassifier(4, weights=weights, **metric).fit(x, names)
    theirs = neighbors.KNeighborsClassifier(4, weights=weights, algorithm="brute", **metric).fit(x, names)
    np.testing.assert_array_equal(ours.predict(queries), theirs.predict(queries))
    np.testing.assert_allclose(ours.predict_proba(queries), theirs.predict_proba(queries), atol=1e-9)
    x, y, queries, _ = diabetes
    for target in (y, np.stack([y, -y], 1)):
        ours = KNeighborsRegressor(4, weights=weights, **metric).fit(x, target)
        theirs = neighbors.KNeighborsRegressor(4, weights=weights, algorithm="brute", **metric).fit(x, target)
        np.testing.assert_allclose(ours.predict(queries), theirs.predict(queries), rtol=1e-9)


@pytest.mark.parametrize(("k", "accuracy"), [(1, 0.9611), (3, 0.9633), (5, 0.9555)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8])
def test_the_digits(k, accuracy, dtype, digits):
    x, y, queries, answers = digits
    model = KNeighborsClassifier(k).fit(x.astype(dtype), y)
    assert model.score(queries.astype(dtype), answers) == pytest.approx(accuracy, abs=5e-5)


def test_k_by_cross_validation_equals_a_grid_search(digits):
    x, y = digits[0][:250], digits[1][:250]
    candidates = [9, 1, 3, 2]
    folds = KFold(4, shuffle=True, random_state=0)
    for model in (KNeighborsClassifier(weights="distance"), KNeighborsRegressor()):
        choice = choose_n_neighbors(model, x, y, candidates, cv=folds)
        search = GridSearchCV(model, {"n_neighbors": candidates}, cv=folds).fit(x, y)
        np.testing.assert_allclose(choice.scores.mean(0), search.cv_results_["mean_test_score"], rtol=1e-12)
        assert choice.n_neighbors == search.best_params_["n_neighbors"]
    assert choose_n_neighbors(KNeighborsClassifier(), np.eye(9), [0, 1, 0] * 3, (2, 1), cv=3).n_neighbors == 1


def test_in_a_pipeline(digits):
    x, y, queries, answers = digits
    assert make_pipeline(StandardScaler(), KNeighborsClassifier(3)).fit(x, y).score(queries, answers) > 0.9


X, Y = np.arange(12.0).reshape(6, 2), [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_neighbors": 0}, "'n_neighbors' parameter of .* must be an int in the range"),
        ({"n_neighbors": 2.0}, "'n_neighbors' parameter .* Got 2.0"),
        ({"n_neighbors": True}, "'n_neighbors' parameter .* Got True"),
        ({"p": 0}, r"'p' parameter .* must be a float in the range \(0, inf\]"),
        ({"p": float("nan")}, "'p' parameter"),
        ({"p": "2"}, "'p' parameter"),
        ({"metric": "euclid"}, "'metric' parameter .* must be one of 'minkowski', 'manhattan'"),
        ({"metric": ["l2"]}, "'metric' parameter"),
        ({"weights": "near"}, "'weights' parameter .* must be one of 'uniform', 'distance'"),
        ({"weights": np.ones(3)}, "'weights' parameter"),
        ({"n_neighbors": 7}, "Expected n_neighbors <= n_samples_fit, but n_neighbors = 7, n_samples_fit = 6"),
        ({"weights": lambda d: d * 0}, "weights must give"),
        ({"weights": lambda d: d[:, :1]}, "weights must give"),
        ({"weights": lambda d: d * np.nan}, "weights must give"),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [KNeighborsClassifier, KNeighborsRegressor])
def test_bad_parameters(kind, parameters, message):
    with pytest.raises(ValueError, match=message):
        kind(**parameters).fit(X, Y).predict(X)


BAD = [
    ([[1.0, np.nan]], "NaN"),
    ([[1.0, np.inf]], "infinity"),
    ([[1.0, 2.0, 3.0]], "3 features, but .* is expecting 2 features"),
    (np.zeros((0, 2)), "0 sample"),
    ([1.0, 2.0], "2D array"),
    ([["a", "b"]], "could not convert string to float|dtype"),
    (np.array([[1j, 2]]), "Complex data not supported"),
    (np.array([[object(), 1.0]]), "float|number"),
]


@pytest.mark.parametrize(("x", "message"), BAD, ids=str)
@pytest.mark.parametrize(
    "model", [KNeighborsClassifier(1), KNeighborsRegressor(1), NearestNeighbors()], ids=str
)
def test_bad_rows(model, x, message):
    fitted = model.fit(X, Y)
    method = fitted.predict if hasattr(fitted, "predict") else fitted.kneighbors
    with pytest.raises((ValueError, TypeError), match=message):
        method(x)
    if "features" not in message:
        with pytest.raises((ValueError, TypeError), match=message):
            model.fit(x, [1] * len(x))


def test_more_bad_input():
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        KNeighborsClassifier().fit(X, Y[:3])
    with pytest.raises(ValueError, match="Unknown label type"):
        KNeighborsClassifier().fit(X, np.arange(6) / 7)
    model = NearestNeighbors(n_neighbors=2).fit(X)
    for k, message in ((0, "Expected n_neighbors > 0"), (7, "n_neighbors <= n_samples_fit")):
        with pytest.raises(ValueError, match=message):
            model.kneighbors(X, k)
    with pytest.raises(ValueError, match="n_neighbors < n_samples_fit"):
        model.kneighbors(n_neighbors=6)
    with pytest.raises(TypeError, match="enter integer value"):
        model.kneighbors(X, 1.5)
    with pytest.raises(ValueError, match="Unsupported mode"):
        model.kneighbors_graph(X, mode="weights")
    with pytest.raises(ValueError, match="candidates of at least 1"):
        choose_n_neighbors(model, X, Y, [0, 1])


def test_one_class_and_constant_features():
    model = KNeighborsClassifier(3).fit(np.ones((5, 4)), ["only"] * 5)
    assert model.predict(np.zeros((2, 4))).tolist() == ["only"] * 2
    assert model.predict_proba(np.zeros((2, 4))).tolist() == [[1.0]] * 2


def test_the_rows_themselves_when_all_are_equal():
    """None is its own neighbour, though more rows lie at distance 0 than are asked for."""
    numbers = NearestNeighbors(n_neighbors=2).fit(np.ones((6, 3))).kneighbors(return_distance=False)
    assert numbers.shape == (6, 2)
    assert not (numbers == np.arange(6)[:, None]).any()


def test_bytes_and_whole_numbers_are_the_same_as_floats():
    rng = np.random.default_rng(0)
    x, queries = rng.integers(0, 256, (80, 30)), rng.integers(0, 256, (9, 30))
    expected = NearestNeighbors().fit(x.astype(float)).kneighbors(queries.astype(float))
    for kind in (np.uint8, np.int64, np.uint16, np.float32):
        found = NearestNeighbors().fit(x.astype(kind)).kneighbors(queries.astype(kind))
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)
        np.testing.assert_array_equal(found[1], expected[1])
    mixed = NearestNeighbors().fit(x.astype(np.uint8)).kneighbors(queries + 0.0)
    np.testing.assert_allclose(mixed[0], expected[0], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "parameters", "accuracy"),
    [
        ("cifar10", {"n_neighbors": 1, "p": 1}, 0.386),  # of the original pixels; these may be JPEG
        ("cifar10", {"n_neighbors": 1, "p": 2}, 0.354),
        ("mnist", {"n_neighbors": 3, "p": 2}, 0.9705),
    ],
)
def test_all_of_a_published_set(name, parameters, accuracy):
    if not (Path(REAL) / name).is_dir() or not REAL:
        pytest.skip("not in YUANLI_DATA")
    train, test = data.load(name, root=REAL).train, data.load(name, root=REAL).test
    model = KNeighborsClassifier(**parameters).fit(train.x.reshape(len(train), -1), train.y)
    assert model.score(test.x.reshape(len(test), -1), test.y) == pytest.approx(accuracy, abs=0.004)
