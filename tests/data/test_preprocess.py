"""Preprocessing, against scikit-learn, Pillow and closed forms."""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from yuanli.data.dataset import Feature
from yuanli.data.preprocess import (
    Center,
    Chain,
    EncodeTable,
    Flatten,
    Resize,
    ScaleToSigned,
    ScaleToUnit,
    Standardize,
    from_config,
)
from yuanli.errors import (
    CheckpointError,
    DTypeError,
    NotFittedError,
    ShapeError,
    UnknownNameError,
    ValueRangeError,
)

RNG = np.random.default_rng(0)
TABLE = (RNG.normal(5, 3, (50, 4)) * [1, 1e-3, 1e4, 1]).astype(np.float32)
OTHER = (RNG.normal(5, 3, (20, 4)) * [1, 1e-3, 1e4, 1]).astype(np.float32)
GAPS = np.where(RNG.random(TABLE.shape) < 0.2, np.nan, TABLE).astype(np.float32)
IMAGES = RNG.integers(0, 256, (30, 3, 6, 5), dtype=np.uint8)

ORACLES = [
    (Center, StandardScaler(with_std=False)),
    (Standardize, StandardScaler()),
    (ScaleToUnit, MinMaxScaler()),
    (ScaleToSigned, MinMaxScaler((-1, 1))),
]


@pytest.mark.parametrize(("ours", "theirs"), ORACLES)
@pytest.mark.parametrize("train", [TABLE, GAPS, TABLE.astype(np.float64), RNG.integers(-9, 9, (50, 4))])
def test_scalers_equal_scikit_learns(ours, theirs, train):
    expected = theirs.fit(train.astype(np.float64)).transform(OTHER.astype(np.float64))
    got = ours().fit(train).transform(OTHER)
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("ours", "theirs"), ORACLES)
@pytest.mark.parametrize(
    ("per", "columns"),
    [
        ("feature", lambda x: x.reshape(len(x), -1)),
        ("channel", lambda x: x.transpose(0, 2, 3, 1).reshape(-1, 3)),
        ("all", lambda x: x.reshape(-1, 1)),
    ],
)
def test_scalers_of_images(ours, theirs, per, columns):
    """What counts as one column to scikit-learn: a pixel, a channel, or everything."""
    expected = theirs.fit_transform(columns(IMAGES).astype(np.float64))
    got = ours(per).fit(IMAGES).transform(IMAGES)
    assert got.dtype == np.float32
    np.testing.assert_allclose(columns(got), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("kind", [Center, Standardize, ScaleToUnit, ScaleToSigned])
@pytest.mark.parametrize("value", [0.1, 0.0, 1e6, np.nan])
def test_a_constant_column_divides_by_nothing(kind, value):
    x = np.full((7, 2), value, np.float32)
    x[:, 1] = np.arange(7)
    step = kind().fit(x)
    y = step.transform(x)[:, 0]
    np.testing.assert_array_equal(y, np.zeros(7) if np.isfinite(value) else np.full(7, np.nan))
    if np.isfinite(value):  # another value, later, is not blown up
        assert step.transform(x + np.float32(1))[0, 0] == pytest.approx(1)


@pytest.mark.parametrize("kind", [Center, Standardize, ScaleToUnit, ScaleToSigned])
def test_inverse(kind):
    step = kind().fit(TABLE)
    np.testing.assert_allclose(step.inverse_transform(step.transform(OTHER)), OTHER, rtol=1e-5, atol=1e-3)


@settings(deadline=None, max_examples=50)
@example(np.array([[6967], [7444.055]], np.float32))
@example(np.array([[1e4], [np.nextafter(np.float32(1e4), np.float32(2e4))]], np.float32))
@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=st.floats(-1e4, 1e4, width=32)
    )
)
def test_ranges_hold_for_any_table(x):
    assert np.all(np.abs(ScaleToUnit().fit_transform(x) - 0.5) <= 0.5 + 1e-6)
    assert np.all(np.abs(ScaleToSigned().fit_transform(x)) <= 1 + 1e-6)


def test_many_rows_are_measured_in_pieces():
    x = np.random.default_rng(1).integers(0, 256, (2500, 1, 3, 3), dtype=np.uint8)
    step = Standardize("channel").fit(x)
    assert step.shift_.item() == pytest.approx(x.mean(), rel=1e-12)
    assert 1 / step.factor_.item() == pytest.approx(x.std(), rel=1e-12)


@pytest.mark.parametrize("size", [(3, 4), (9, 5), (12, 11), (1, 1), (6, 5)])
def test_resize_equals_pillows_bilinear(size):
    """Pillow rounds between the two axes, we only at the end: at most one grey level apart."""
    got = Resize(size).fit_transform(IMAGES)
    assert got.dtype == np.uint8
    for out, image in zip(got, IMAGES, strict=True):
        picture = Image.fromarray(image.transpose(1, 2, 0)).resize(size[::-1], Image.Resampling.BILINEAR)
        expected = np.asarray(picture).transpose(2, 0, 1).astype(int)
        assert np.abs(out.astype(int) - expected).max() <= 1


def test_resize_keeps_a_constant_and_the_dtype():
    x = np.full((2, 1, 7, 5), 0.25, np.float32)
    y = Resize(3).fit_transform(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, np.full((2, 1, 3, 3), 0.25), rtol=1e-6)


FEATURES = (Feature("age"), Feature("town", ("bo", "li", "ka", "mu")), Feature("pay"))
NAN = np.nan
MIXED = np.array([[1, 0, 10], [2, 0, NAN], [NAN, 1, 30], [9, 2, 40], [4, NAN, 50]], np.float32)


def test_encoding_by_hand():
    step = EncodeTable(FEATURES).fit(MIXED)
    assert step.names_out() == ("age", "pay", "town = bo", "town = li", "town = ka", "town = unknown")
    np.testing.assert_array_equal(
        step.transform(np.array([[NAN, 0, NAN], [7, 2, 8], [7, 3, 8], [7, NAN, 8], [7, -1, 8]], np.float32)),
        [
            [3, 35, 1, 0, 0, 0],  # medians of 1 2 4 9 and of 10 30 40 50
            [7, 8, 0, 0, 1, 0],
            [7, 8, 0, 0, 0, 1],  # mu: never seen in training
            [7, 8, 0, 0, 0, 1],
            [7, 8, 0, 0, 0, 1],
        ],
    )


def test_encoding_words_equals_scikit_learns():
    codes = RNG.integers(0, 6, (200, 2)).astype(np.float32)
    features = tuple(Feature(n, tuple("abcdef")) for n in "pq")
    ours = EncodeTable(features).fit_transform(codes)
    theirs = OneHotEncoder(sparse_output=False).fit_transform(codes)
    np.testing.assert_array_equal(np.delete(ours, [6, 13], axis=1), theirs)
    assert not ours[:, [6, 13]].any()


@pytest.mark.parametrize(
    ("options", "kept"),
    [({}, "abcd"), ({"max_categories": 2}, "bc"), ({"min_count": 2}, "bcd"), ({"min_count": 9}, "")],
)
def test_rare_words_share_a_column(options, kept):
    codes = np.array([0, 1, 1, 1, 1, 2, 2, 2, 3, 3], np.float32)[:, None]
    step = EncodeTable((Feature("w", tuple("abcd")),), **options).fit(codes)
    assert step.names_out() == (*(f"w = {c}" for c in kept), "w = unknown")
    np.testing.assert_array_equal(step.transform(codes).sum(1), np.ones(10))


def test_indicators_mark_gaps():
    step = EncodeTable(FEATURES, add_indicator=True).fit(np.where([1, 0, 0], 1, MIXED))
    assert "pay is missing" in step.names_out()
    assert "age is missing" not in step.names_out()
    np.testing.assert_array_equal(step.transform(MIXED)[:, 2], [0, 1, 0, 0, 0])


def test_a_table_of_gaps_alone():
    x = np.full((3, 2), np.nan, np.float32)
    np.testing.assert_array_equal(EncodeTable().fit_transform(x), np.zeros((3, 2)))


def test_a_chain_fits_each_step_on_what_came_before():
    chain = Chain([Resize(4), ScaleToUnit("all"), Standardize("channel"), Flatten()]).fit(IMAGES)
    y = chain.transform(IMAGES)
    assert y.shape == (30, 3 * 16)
    channels = y.reshape(30, 3, 16)
    np.testing.assert_allclose(channels.mean((0, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(channels.std((0, 2)), 1, rtol=1e-5)


STEPS = [
    (Center(), TABLE),
    (Standardize("channel"), IMAGES),
    (ScaleToUnit("all"), IMAGES),
    (ScaleToSigned(), GAPS),
    (Flatten(), IMAGES),
    (Resize((4, 3)), IMAGES),
    (EncodeTable(FEATURES, max_categories=2, add_indicator=True), MIXED),
    (Chain([EncodeTable(FEATURES), Standardize()]), MIXED),
    (Chain([Chain([Resize(4)]), Standardize("channel"), Flatten()]), IMAGES),
    (Chain(), TABLE),
]


@pytest.mark.parametrize(("step", "x"), STEPS, ids=lambda v: type(v).__name__)
def test_saved_and_restored_it_does_the_same(step, x):
    step.fit(x)
    state = {name: array.copy() for name, array in step.state().items()}
    assert all(isinstance(a, np.ndarray) and a.dtype != object for a in state.values())
    again = from_config(json.loads(json.dumps(step.config())), state)
    np.testing.assert_array_equal(again.transform(x), step.transform(x))
    assert json.dumps(again.config()) == json.dumps(step.config())


def test_it_works_inside_scikit_learn():
    pipeline = make_pipeline(
        clone(EncodeTable(FEATURES, max_categories=2)), Chain([Standardize()]), LogisticRegression()
    )
    y = np.array([0, 0, 1, 1, 1])
    again = clone(pipeline).fit(MIXED, y)
    np.testing.assert_array_equal(again.predict(MIXED), pipeline.fit(MIXED, y).predict(MIXED))
    assert "per='all'" in repr(Center("all"))


def test_only_the_training_rows_are_looked_at():
    step = Standardize().fit(TABLE)
    before = {k: v.copy() for k, v in step.state().items()}
    step.transform(OTHER * 100)
    for name, array in step.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    "step",
    [Center(), Standardize(), ScaleToUnit(), ScaleToSigned(), EncodeTable(), Chain([Flatten(), Center()])],
)
def test_transform_before_fit(step):
    with pytest.raises(NotFittedError, match="call fit"):
        step.transform(TABLE)
    with pytest.raises(NotFittedError, match="call fit"):
        step.state()


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Center().fit(TABLE).transform(TABLE[:, :3]), ShapeError, "fitted on"),
        (lambda: Center("channel").fit(IMAGES).transform(IMAGES[:, :1]), ShapeError, "fitted on"),
        (lambda: Center("channel").fit(TABLE), ShapeError, "images"),
        (lambda: Center("row").fit(TABLE), ValueRangeError, "'row'"),
        (lambda: Center().fit([["a", "b"]]), DTypeError, "numbers"),
        (lambda: Center().fit(np.zeros((0, 3))), ShapeError, "got shape"),
        (lambda: Center().fit(np.zeros(3)), ShapeError, "got shape"),
        (lambda: Center().fit(np.array([[np.inf, 1]])), ValueRangeError, "finite"),
        (lambda: Standardize().fit(np.array([[np.inf, 1]])), ValueRangeError, "finite"),
        (lambda: ScaleToUnit().fit(np.array([[np.inf], [1.0]])), ValueRangeError, "finite"),
        (lambda: Resize(0).fit_transform(IMAGES), ValueRangeError, "got 0"),
        (lambda: Resize((3, 4, 5)).fit_transform(IMAGES), ValueRangeError, "height"),
        (lambda: Resize(3).fit_transform(TABLE), ShapeError, "images"),
        (lambda: EncodeTable(FEATURES).fit(TABLE), ShapeError, r"\(N, 3\)"),
        (lambda: EncodeTable().fit(TABLE).transform(TABLE[:, :2]), ShapeError, "fitted on 4"),
        (lambda: from_config({"kind": "Nonsense"}, {}), UnknownNameError, "Nonsense"),
        (lambda: from_config({"kind": "Center", "by": 1}, {}), CheckpointError, "options"),
        (lambda: from_config({"kind": "Center"}, {"shift": np.zeros(2)}), CheckpointError, "factor"),
        (lambda: from_config({"kind": "Chain"}, {}), CheckpointError, "steps"),
        (lambda: Chain([Flatten()]).load_state({"1.shift": np.zeros(2)}), CheckpointError, "no place for"),
        (
            lambda: Center().load_state({"shift": np.zeros(2), "factor": np.ones(3)}),
            CheckpointError,
            "one shape",
        ),
        (
            lambda: EncodeTable().load_state({"median": 0, "gaps": 0, "slots": np.zeros(3)}),
            CheckpointError,
            "other columns",
        ),
    ],
)
def test_bad_input(make, error, says):
    with pytest.raises(error, match=says):
        make()
