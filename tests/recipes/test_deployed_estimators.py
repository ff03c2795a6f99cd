"""Estimators as graphs: onnxruntime gives their answers."""

import warnings
from typing import Any

import numpy as np
import pytest

from yuanli.classical.boosting import GradientBoostingClassifier, GradientBoostingRegressor
from yuanli.classical.gbdt import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from yuanli.classical.knn import KNeighborsClassifier, KNeighborsRegressor
from yuanli.classical.svm import SVC, SVR
from yuanli.classical.trees import DecisionTreeClassifier, DecisionTreeRegressor
from yuanli.data import Split, load, preprocess
from yuanli.errors import UnsupportedError
from yuanli.recipes.deployed_estimators import Estimated
from yuanli.recipes.estimator import EstimatorPredictor, flat
from yuanli.tensor import Tensor

ESTIMATORS = [
    (KNeighborsClassifier(5), "iris"),
    (KNeighborsClassifier(5), "digits"),
    (KNeighborsClassifier(5, metric="cosine"), "wine"),
    (KNeighborsClassifier(3, weights="distance", metric="manhattan"), "iris"),
    (KNeighborsClassifier(3, metric="chebyshev"), "iris"),
    (KNeighborsRegressor(4, weights="distance", p=3), "diabetes"),
    (SVC(), "iris"),
    (SVC(kernel="linear"), "wine"),
    (SVC(kernel="poly"), "breast-cancer"),
    (SVC(kernel="sigmoid", decision_function_shape="ovo"), "iris"),
    (SVC(probability=True), "breast-cancer"),
    (SVR(), "diabetes"),
    (DecisionTreeClassifier(), "iris"),
    (DecisionTreeRegressor(max_depth=5), "diabetes"),
    (GradientBoostingClassifier(n_estimators=3), "iris"),
    (GradientBoostingRegressor(n_estimators=3), "diabetes"),
    (HistGradientBoostingClassifier(max_iter=5), "iris"),
    (HistGradientBoostingClassifier(max_iter=5), "breast-cancer"),
    (HistGradientBoostingRegressor(max_iter=5), "diabetes"),
]


def fitted(estimator: Any, data: str) -> tuple[EstimatorPredictor, Split]:
    split = load(data)
    train = split.train
    steps: list[Any] = [preprocess.Standardize(per="channel")]
    if not train.is_image:
        steps = [preprocess.EncodeTable(train.features), preprocess.Standardize()]
    prepare = preprocess.Chain(steps).fit(train.x)
    target = None if train.is_classification else preprocess.Standardize().fit(train.y[:, None])
    x, y = prepare.transform(train.x), train.y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(flat(x), y if target is None else target.transform(y[:, None])[:, 0])
    shapes = (train.x.shape[1:], x.shape[1:])
    return EstimatorPredictor(None, prepare, *shapes, train.classes, train.features, target, estimator), split


def rows_of(predictor: EstimatorPredictor, split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Test rows, and the same as a graph takes them."""
    rows = split.test.x[:40]
    given = rows if split.test.is_image else predictor.prepare.steps[0].transform(rows)
    return rows, given.astype(np.float32)


@pytest.mark.parametrize(("estimator", "data"), ESTIMATORS, ids=str)
def test_an_estimator_said_in_operations(estimator, data):
    predictor, split = fitted(estimator, data)
    rows, given = rows_of(predictor, split)
    expected = predictor(rows)
    found = Estimated(predictor)(Tensor(given)).data.reshape(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize(("estimator", "data"), ESTIMATORS, ids=str)
def test_onnxruntime_gives_its_answers(estimator, data):
    onnxruntime = pytest.importorskip("onnxruntime")
    from yuanli.interchange.onnx_export import model_proto
    from yuanli.interchange.onnx_import import Backend

    predictor, split = fitted(estimator, data)
    rows, given = rows_of(predictor, split)
    expected = predictor(rows)
    whole = Estimated(predictor)
    proto = model_proto(
        whole, *whole.examples(), inputs=whole.inputs, outputs=whole.outputs, sizes=whole.sizes
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    (found,) = onnxruntime.InferenceSession(proto.SerializeToString(), options).run(None, {"rows": given})
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)
    (again,) = Backend.run_model(proto, [given])
    np.testing.assert_allclose(again, found, rtol=1e-9, atol=1e-12)


def test_missing_values_go_their_way():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3))
    x[rng.random(x.shape) < 0.3] = np.nan
    y = (np.nan_to_num(x[:, 0], nan=2) > 0.5).astype(int)
    estimator = HistGradientBoostingClassifier(max_iter=5).fit(x, y)
    from yuanli.recipes.deployed_estimators import answer_of

    np.testing.assert_allclose(answer_of(estimator, Tensor(x)).data, estimator.predict_proba(x), rtol=1e-12)


def test_categories_go_their_way():
    """Also those that were never seen, and missing ones."""
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 9, 600), rng.integers(3, 6, 600), rng.normal(size=600)]).astype(
        float
    )
    x[rng.random(600) < 0.1, 0] = np.nan
    y = np.isin(x[:, 0], (1, 4, 7)) ^ (x[:, 1] == 4)
    estimator = HistGradientBoostingClassifier(max_iter=8, categorical_features=[0, 1]).fit(x, y)
    assert np.isnan(estimator.forest_.nodes.threshold[estimator.forest_.nodes.feature >= 0]).any()
    x[:5, 0], x[5:9, 1] = (20, -1, 8, 9, 1e6), (0, 7, -3, np.inf)
    from yuanli.recipes.deployed_estimators import answer_of

    np.testing.assert_allclose(answer_of(estimator, Tensor(x)).data, estimator.predict_proba(x), rtol=1e-12)


def test_categories_that_are_no_whole_numbers_are_refused():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (200, 1)) / 2
    estimator = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0])
    from yuanli.recipes.deployed_estimators import answer_of

    with pytest.raises(UnsupportedError, match="whole numbers"):
        answer_of(estimator.fit(x, x[:, 0] == 1), Tensor(x))


@pytest.mark.parametrize(
    ("estimator", "says"),
    [
        (SVC(probability=True), "coupled step by step"),
        (SVC(kernel=lambda a, b: a @ b.T), "the kernel"),
        (KNeighborsClassifier(3, weights=lambda d: d + 1), "function of one's own"),
        (KNeighborsClassifier(3, weights="distance", metric="cosine"), "by cosine"),
    ],
)
def test_what_operations_cannot_say_is_refused(estimator, says):
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.integers(0, 4, 200), rng.normal(size=200)]).astype(float)
    estimator.fit(x, (x[:, 0] % 3).astype(int))
    from yuanli.recipes.deployed_estimators import answer_of

    with pytest.raises(UnsupportedError, match=says):
        answer_of(estimator, Tensor(x))
