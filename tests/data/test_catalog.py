"""Data sets by name: the bundled ones against scikit-learn, splits, and names nobody knows."""

import numpy as np
import pytest
from sklearn import datasets

from yuanli.data import load, names
from yuanli.data.bundled import BUNDLED, digits, split
from yuanli.data.synthetic import blobs, circles, moons, spirals
from yuanli.errors import DataError, UnknownNameError, ValueRangeError


def whole(name):
    """A loaded set with its two parts put together, rows sorted."""
    parts = load(name)
    rows = np.concatenate([np.c_[p.x.reshape(len(p), -1), p.y] for p in (parts.train, parts.test)])
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("name", [n for n in BUNDLED if n != "digits"])
def test_bundled_tables_are_scikit_learns(name):
    bunch = getattr(datasets, f"load_{name}")()
    expected = np.c_[bunch.data, bunch.target].astype(np.float32)
    np.testing.assert_array_equal(whole(name), expected[np.lexsort(expected.T)])
    parts = load(name)
    assert [f.name for f in parts.train.features] == list(bunch.feature_names)
    assert parts.train.classes == tuple(getattr(bunch, "target_names", ()))


def test_digits_keep_their_grey_levels():
    data = digits()
    assert data.x.shape == (1797, 1, 8, 8)
    assert data.x.max() == 255
    np.testing.assert_array_equal(np.rint(data.x[:, 0] * (16 / 255)), datasets.load_digits().images)
    np.testing.assert_array_equal(data.y, datasets.load_digits().target)


def test_the_digits_split_never_changes():
    one, two = load("digits"), load("digits", seed=7, test_size=0.5)
    np.testing.assert_array_equal(one.test.x, two.test.x)
    assert len(one.test) == 360
    counts = np.bincount(one.test.y)
    assert counts.min() >= 35  # every digit has its share of 36
    assert counts.max() <= 37
    # the same 360 on every machine and with every version
    assert one.test.y[:8].tolist() == [7, 6, 3, 7, 7, 3, 2, 8]
    assert int((one.test.y * np.arange(360)).sum()) == 282_004


@pytest.mark.parametrize(
    "name", [n for n in names() if n in BUNDLED or n in ("moons", "circles", "spirals", "blobs")]
)
def test_splits_are_seeded_disjoint_and_keep_the_shares(name):
    one, two, other = load(name, seed=1), load(name, seed=1), load(name, seed=2)
    np.testing.assert_array_equal(one.train.x, two.train.x)
    np.testing.assert_array_equal(one.test.y, two.test.y)
    if name != "digits":
        assert not np.array_equal(one.train.x, other.train.x)
    share = len(one.test) / (len(one.test) + len(one.train))
    assert share == pytest.approx(0.2, abs=0.005)
    if one.train.is_classification:
        a, b = (np.bincount(p.y) / len(p) for p in (one.train, one.test))
        np.testing.assert_allclose(a, b, atol=0.03)


def test_a_class_of_one_is_split_with_a_note():
    data = digits().subset(np.r_[np.flatnonzero(digits().y == 0)[:1], np.flatnonzero(digits().y > 0)[:50]])
    assert "too small" in split(data).notes[0]


@pytest.mark.parametrize("size", [0, 1, -0.1, 2, np.nan])
def test_bad_test_size(size):
    with pytest.raises(ValueRangeError, match="test_size"):
        load("iris", test_size=size)
    with pytest.raises(DataError, match="one side is empty"):
        load("iris", test_size=0.001)


@pytest.mark.parametrize("spec", ["Breast-Cancer", "breast_cancer", "BREASTCANCER"])
def test_names_are_taken_as_people_write_them(spec):
    assert load(spec).train.name == "breast_cancer"


@pytest.mark.parametrize(
    ("spec", "options", "error", "says"),
    [
        ("digts", {}, UnknownNameError, "did you mean digits"),
        ("cifar", {}, UnknownNameError, "cifar10"),
        ("qqqqqq", {}, UnknownNameError, "known: digits"),
        ("./digts", {}, DataError, "no file or folder"),
        ("digts.csv", {}, DataError, "no file or folder"),
        ("iris", {"target": "species"}, DataError, "only a table of your own"),
    ],
)
def test_unknown_names(spec, options, error, says):
    with pytest.raises(error, match=says):
        load(spec, **options)


def test_spirals_follow_the_formula():
    data = spirals(300, noise=0, rng=np.random.default_rng(0))
    r = np.linspace(0, 1, 100)
    for k in range(3):
        x = data.x[data.y == k]
        np.testing.assert_allclose(np.hypot(*x.T), r, atol=1e-6)
        t = np.unwrap(np.arctan2(x[1:, 0], x[1:, 1]))
        np.testing.assert_allclose(np.diff(t), 4 / 99, atol=1e-4)  # from 4k to 4(k + 1) in equal steps


def test_points_without_noise_lie_on_their_curves():
    rng = np.random.default_rng(0)
    two = circles(100, noise=0, rng=rng)
    np.testing.assert_allclose(np.hypot(*two.x.T), np.where(two.y == 0, 1, 0.5), rtol=1e-6)
    half = moons(100, noise=0, rng=rng)
    centre = np.where(half.y[:, None] == 0, [0, 0], [1, 0.5])
    np.testing.assert_allclose(np.hypot(*(half.x - centre).T), 1, rtol=1e-5)
    cloud = blobs(3000, classes=3, noise=2, rng=rng)
    for k in range(3):
        np.testing.assert_allclose(cloud.x[cloud.y == k].std(0), 2, rtol=0.1)


@pytest.mark.parametrize("make", [moons, circles, spirals, blobs])
@pytest.mark.parametrize("options", [{"n": 1}, {"noise": -1}, {"noise": np.nan}])
def test_bad_synthetic(make, options):
    with pytest.raises(ValueRangeError):
        make(**options)
