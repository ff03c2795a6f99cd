"""A picture of a tree says what the tree does."""

import numpy as np
import pytest

from yuanli import classical
from yuanli.errors import DTypeError, ValueRangeError
from yuanli.inspection.trees import tree_picture


def texts(figure):
    return [text.get_text() for text in figure.axes[0].texts]


def test_a_tree_of_one_question():
    x, y = np.array([[1.0, 0], [2, 0], [3, 0], [4, 0]]), np.array([5.0, 5, 9, 9])
    tree = classical.DecisionTreeRegressor().fit(x, y)
    assert texts(tree_picture(tree, names=["size", "$"])) == ["yes", "no", "size ≤ 2.5\n4 rows", "5", "9"]
    shares = classical.DecisionTreeClassifier().fit(x, y > 6)
    assert texts(tree_picture(shares, output=1))[-2:] == ["0", "1"]
    boosted = classical.GradientBoostingRegressor(n_estimators=2, max_depth=1, learning_rate=0.5).fit(x, y)
    assert texts(tree_picture(boosted, 1))[-2:] == ["−1", "1"]


def test_missing_values_and_categories():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 4, (400, 2)).astype(float)
    y = np.where(np.isin(x[:, 0], [1, 3]), 4.0, 0.0)
    x[:100, 1], y[:100] = np.nan, y[:100] + 2
    model = classical.HistGradientBoostingRegressor(
        max_iter=1, learning_rate=1, categorical_features=[0], max_leaf_nodes=4
    ).fit(x, y)
    shown = texts(tree_picture(model))
    assert shown[:4] == ["yes", "no", "x0 in {1, 3}\n400 rows", "yes"]
    assert shown[4:9:2] == ["no, missing", "yes", "x1 known\n203 rows"]
    np.testing.assert_allclose(
        [float(t.replace("−", "-")) + y.mean() for t in shown[9:]], [4, 6, 0, 2], atol=0.01
    )


def test_what_has_no_tree():
    tree = classical.DecisionTreeRegressor().fit([[1.0], [2.0]], [1.0, 2.0])
    for number, output in ((1, 0), (-1, 0), (0, 1)):
        with pytest.raises(ValueRangeError, match="no tree"):
            tree_picture(tree, number, output)
    with pytest.raises(DTypeError, match="ndarray"):
        tree_picture(np.zeros(3))
