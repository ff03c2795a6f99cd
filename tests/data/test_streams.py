"""Streams: every batch goes on from the one before it, also in another process."""

import numpy as np
import pytest

from yuanli.data.streams import Streams
from yuanli.errors import CheckpointError, DataError, ShapeError, ValueRangeError

TEXT = np.arange(24)


def streams(length=23, batch_size=3, steps=4):
    return Streams(TEXT[:length], TEXT[1 : length + 1], batch_size, steps)


def test_side_by_side_they_are_the_text():
    batches = list(streams())
    assert [x.shape for x, _ in batches] == [(4, 3), (3, 3)]
    assert len(streams()) == 2
    whole = np.concatenate([x for x, _ in batches])
    np.testing.assert_array_equal(whole.T.reshape(-1), TEXT[:21])  # 23 // 3 = 7 of each; two are left out
    for x, y in batches:
        np.testing.assert_array_equal(y, x + 1)


def test_each_epoch_is_the_same():
    batches = streams()
    first, second = list(batches), list(batches)
    for (x, _), (again, _) in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, again)


@pytest.mark.parametrize("seen", [0, 1, 2, 3])
def test_what_is_left_of_an_epoch_is_given_after_load_state(seen):
    one = streams(length=23, steps=3)
    iterator = iter(one)
    for _ in range(seen):
        next(iterator)
    other = streams(length=23, steps=3)
    other.load_state(one.state())
    rest = list(other)
    assert len(rest) == 3 - seen
    for (x, _), (expected, _) in zip(rest, iterator, strict=True):
        np.testing.assert_array_equal(x, expected)
    assert len(list(other)) == 3


def test_a_place_in_another_text_is_refused():
    place = streams().state()
    for other in (streams(length=20), streams(batch_size=4), streams(steps=5)):
        with pytest.raises(CheckpointError, match="here they are"):
            other.load_state(place)
    with pytest.raises(CheckpointError, match="batch 9 of 2"):
        streams().load_state(place | {"batch": 9})


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ((TEXT, TEXT, 0, 4), ValueRangeError, "batch_size needs a whole number from 1 up, got 0"),
        ((TEXT, TEXT, 2, 1.5), ValueRangeError, "steps needs a whole number from 1 up, got 1.5"),
        ((TEXT, TEXT[1:], 2, 4), ShapeError, r"x and y \(T,\)"),
        ((TEXT, TEXT, 25, 4), DataError, "25 streams need at least as many tokens, got 24"),
    ],
)
def test_bad(arguments, error, says):
    with pytest.raises(error, match=says):
        Streams(*arguments)
