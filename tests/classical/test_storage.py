"""Files of estimators: what they hold, what they refuse."""

import numpy as np
import pytest

from yuanli import classical
from yuanli.classical import KNeighborsClassifier, storage
from yuanli.errors import CheckpointError, ModelError
from yuanli.training import files

VALUES = [
    *(None, True, 3, 2.5, float("inf"), "name", (1, 2, "x"), [1, [2, None]]),
    *({0: 1.5, "a": (1,)}, {"$tuple": [1]}, [np.arange(3), {"x": np.ones(2, np.float32)}]),
    *(
        np.arange(6).reshape(2, 3),
        np.array(2.5, np.float32),
        np.zeros((0, 3), np.uint8),
        np.array([True, False]),
    ),
    *(np.array(["a", "bcd"]), np.array(["a", "bcd"], object)),
]


def same(a, b):
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and (a == b).all()
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_comes_back(value, tmp_path):
    estimator = KNeighborsClassifier(n_neighbors=value)
    estimator.more_ = value
    classical.save(estimator, tmp_path / "file")
    found = classical.load(tmp_path / "file")
    assert same(value, found.n_neighbors)
    assert same(value, found.more_)


def test_estimators_inside_an_estimator(tmp_path):
    outer = KNeighborsClassifier()
    outer.estimators_ = [KNeighborsClassifier(k).fit([[0.0], [1.0]], ["a", "b"]) for k in (1, 2)]
    classical.save(outer, tmp_path / "file")
    found = classical.load(tmp_path / "file")
    assert [e.n_neighbors for e in found.estimators_] == [1, 2]
    assert found.estimators_[0].predict([[0.9]]) == ["b"]


@pytest.mark.parametrize(
    "value", [max, object(), np.random.default_rng(0), 1j], ids=["function", "object", "rng", "1j"]
)
def test_what_files_cannot_hold_is_named(value, tmp_path):
    with pytest.raises(ModelError, match=r"KNeighborsClassifier\.weights\[1\] cannot be saved"):
        classical.save(KNeighborsClassifier(weights=[1, value]), tmp_path / "file")
    assert not (tmp_path / "file").exists()


KNN = {"$estimator": "KNeighborsClassifier"}
NO_ESTIMATORS = [
    *(None, 3, [], {"$tuple": [1]}, {"other": 1}, KNN),
    {"$estimator": "object", "params": {}, "state": {}},
    KNN | {"params": {"nobody": 1}, "state": {}},
]


@pytest.mark.parametrize("content", NO_ESTIMATORS, ids=repr)
def test_a_file_without_an_estimator(content, tmp_path):
    files.save(tmp_path / "file", {"content": content})
    with pytest.raises(CheckpointError, match="holds no estimator"):
        classical.load(tmp_path / "file")


def test_a_missing_and_a_damaged_file(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        classical.load(tmp_path / "file")
    classical.save(KNeighborsClassifier().fit(np.eye(8), range(8)), tmp_path / "file")
    content = bytearray((tmp_path / "file").read_bytes())
    content[-5] ^= 1
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError, match="damaged"):
        classical.load(tmp_path / "file")


def test_only_classes_of_the_list_are_made(tmp_path):
    """A file names a class of ESTIMATORS; another name, even one that can be imported, is refused."""
    assert storage.save is classical.save
    files.save(tmp_path / "file", {"content": {"$estimator": "sklearn.svm.SVC", "params": {}, "state": {}}})
    with pytest.raises(CheckpointError, match="no estimator is called"):
        classical.load(tmp_path / "file")
