"""Batches: every row once an epoch, and going on bit for bit after any interruption."""

import json

import numpy as np
import pytest

from yuanli.data.augment import Augmentations, RandomCrop, RandomHorizontalFlip
from yuanli.data.batches import Batches
from yuanli.data.preprocess import Standardize
from yuanli.errors import CheckpointError, DTypeError, ShapeError, ValueRangeError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (11, 3, 6, 5), dtype=np.uint8)
LABELS = np.arange(11)


def rows(n=10):
    return np.arange(2.0 * n, dtype=np.float32).reshape(n, 2), np.arange(n)


@pytest.mark.parametrize(
    ("n", "size", "drop_last", "sizes"),
    [
        (10, 5, False, [5, 5]),
        (10, 4, False, [4, 4, 2]),
        (10, 4, True, [4, 4]),
        (3, 8, False, [3]),
        (1, 1, False, [1]),
    ],
)
@pytest.mark.parametrize("shuffle", [True, False])
def test_an_epoch_gives_every_row_once(n, size, drop_last, sizes, shuffle):
    x, y = rows(n)
    batches = Batches(x, y, size, rng=np.random.default_rng(1), shuffle=shuffle, drop_last=drop_last)
    assert len(batches) == len(sizes)
    for _ in range(3):
        epoch = list(batches)
        assert [len(b) for b, _ in epoch] == sizes
        seen = np.concatenate([t for _, t in epoch])
        assert len(set(seen)) == sum(sizes)
        assert shuffle or list(seen) == list(range(sum(sizes)))
        for b, t in epoch:
            np.testing.assert_array_equal(b, x[t])


def test_every_epoch_has_another_order_and_the_seed_decides_it():
    x, y = rows(30)
    a, b = (Batches(x, y, 30, rng=np.random.default_rng(5)) for _ in range(2))
    orders = [next(iter(batches))[1] for batches in (a, a, b, b)]
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[0], orders[2])
    np.testing.assert_array_equal(orders[1], orders[3])


def test_images_come_as_float32_in_channels_last_memory():
    batches = Batches(IMAGES, LABELS, 4, shuffle=False)
    x, _ = next(iter(batches))
    assert x.dtype == np.float32
    assert x.transpose(0, 2, 3, 1).flags.c_contiguous
    np.testing.assert_array_equal(x, IMAGES[:4])


def test_transform_prepares_and_keeps_the_layout():
    step = Standardize("channel").fit(IMAGES)
    for transform in (step, step.transform):
        x, y = next(iter(Batches(IMAGES, LABELS, 4, rng=np.random.default_rng(0), transform=transform)))
        assert x.dtype == np.float32
        assert x.transpose(0, 2, 3, 1).flags.c_contiguous
        np.testing.assert_array_equal(x, step.transform(IMAGES[y]))


def pipeline(seed):
    """Batches with every source of randomness switched on."""
    augment = Augmentations(RandomHorizontalFlip(), RandomCrop(2))
    return Batches(IMAGES, LABELS, 3, rng=np.random.default_rng(seed), augment=augment)


@pytest.mark.parametrize("stop", range(4 * 3 + 1))
def test_resuming_after_any_batch_is_exact(stop):
    """Three epochs in one go, and the same with a new process after `stop` batches."""
    straight = pipeline(3)
    expected = [batch for _ in range(3) for batch in straight]

    first, got, saved = pipeline(3), [], None
    while len(got) < stop:
        for batch in first:
            got.append(batch)
            if len(got) == stop:
                saved = json.dumps(first.state())
                break
    second = pipeline(99)
    second.load_state(json.loads(saved or json.dumps(first.state())))
    while len(got) < len(expected):
        got.extend(second)
    for (x, y), (expected_x, expected_y) in zip(got, expected, strict=True):
        np.testing.assert_array_equal(x, expected_x)
        np.testing.assert_array_equal(y, expected_y)


def test_between_epochs_the_state_is_the_next_epoch():
    first, second = pipeline(3), pipeline(99)
    list(first)
    assert first.state()["batch"] == 0
    second.load_state(first.state())
    for (x, _), (z, _) in zip(first, second, strict=True):
        np.testing.assert_array_equal(x, z)


def test_after_the_last_batch_an_interrupted_epoch_has_nothing_left():
    first, second = pipeline(3), pipeline(99)
    for _ in first:
        state = first.state()  # at the end: taken inside the body of the last batch
    second.load_state(state)
    assert list(second) == []
    assert len(list(second)) == len(second)


def test_a_loop_left_early_starts_anew():
    batches = pipeline(3)
    for _ in batches:
        break
    assert len(list(batches)) == len(batches)


def test_its_generators_are_its_own():
    """Whoever else draws from the generator does not change the batches."""
    rng = np.random.default_rng(3)
    x, y = rows()
    batches = Batches(x, y, 4, rng=rng)
    rng.random(100)
    for (_, a), (_, b) in zip(batches, Batches(x, y, 4, rng=np.random.default_rng(3)), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("x", "y", "size", "options", "error", "says"),
    [
        ([[1.0]], np.zeros(1), 1, {}, DTypeError, "arrays"),
        (np.zeros((3, 2)), np.zeros(2), 1, {}, ShapeError, "as many x as y"),
        (np.zeros((0, 2)), np.zeros(0), 1, {}, ShapeError, "at least one"),
        (np.zeros((3, 2)), np.zeros(3), 0, {}, ValueRangeError, "from 1 up, got 0"),
        (np.zeros((3, 2)), np.zeros(3), 2.5, {}, ValueRangeError, "whole number"),
        (
            np.zeros((3, 2)),
            np.zeros(3),
            4,
            {"drop_last": True},
            ValueRangeError,
            "do not fill one batch of 4",
        ),
    ],
)
def test_bad_input(x, y, size, options, error, says):
    with pytest.raises(error, match=says):
        Batches(x, y, size, **options)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rows": 12}, "same data"),
        ({"batch_size": 4}, "same data"),
        ({"batch": 9}, "same data"),
        ({"batch": "2"}, "cannot be read"),
        ({"order": {"bit_generator": "MT19937"}}, "cannot be read"),
        ({"augment": None}, "cannot be read"),
    ],
)
def test_a_state_that_does_not_fit(change, says):
    batches = pipeline(3)
    with pytest.raises(CheckpointError, match=says):
        batches.load_state(batches.state() | change)
    with pytest.raises(CheckpointError, match="cannot be read"):
        batches.load_state({})
    assert len(list(batches)) == len(batches)
