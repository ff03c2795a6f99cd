"""Flips and crops, against what they should do written image by image."""

import json

import numpy as np
import pytest

from yuanli.data.augment import Augmentations, Cutout, RandomCrop, RandomHorizontalFlip, from_config
from yuanli.errors import ShapeError, UnknownNameError, ValueRangeError

IMAGES = np.random.default_rng(0).integers(1, 256, (400, 2, 5, 4), dtype=np.uint8)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_flip_mirrors_a_share_p(p):
    out = RandomHorizontalFlip(p)(IMAGES, np.random.default_rng(1))
    mirrored = np.array(
        [
            np.array_equal(o, np.fliplr(i.transpose(1, 2, 0)).transpose(2, 0, 1))
            for o, i in zip(out, IMAGES, strict=True)
        ]
    )
    same = np.array([np.array_equal(o, i) for o, i in zip(out, IMAGES, strict=True)])
    assert np.all(mirrored ^ same)
    assert abs(mirrored.mean() - p) <= 4 * np.sqrt(p * (1 - p) / len(IMAGES))
    assert out.dtype == np.uint8


@pytest.mark.parametrize(("padding", "fill"), [(0, 0), (1, 0), (2, 7)])
def test_a_crop_is_a_window_of_the_padded_image(padding, fill):
    out = RandomCrop(padding, fill)(IMAGES, np.random.default_rng(1))
    assert out.shape == IMAGES.shape
    places = []
    for o, i in zip(out, IMAGES, strict=True):
        big = np.full((2, 5 + 2 * padding, 4 + 2 * padding), fill, np.uint8)
        big[:, padding : padding + 5, padding : padding + 4] = i
        found = [
            (r, c)
            for r in range(2 * padding + 1)
            for c in range(2 * padding + 1)
            if np.array_equal(o, big[:, r : r + 5, c : c + 4])
        ]
        assert len(found) == 1
        places += found
    assert len(set(places)) == (2 * padding + 1) ** 2  # every place is taken by one of 400 images


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_square_is_cut_out_around_any_pixel(size):
    out = Cutout(size, fill=0)(IMAGES, np.random.default_rng(1))
    before = size // 2
    expected = {
        (r, c): {
            (i, j)
            for i in range(r - before, r - before + size)
            for j in range(c - before, c - before + size)
            if 0 <= i < 5 and 0 <= j < 4
        }
        for r in range(5)
        for c in range(4)
    }
    seen = set()
    for o, i in zip(out, IMAGES, strict=True):
        lost = {tuple(place) for place in np.argwhere((o == 0).all(0))}  # no pixel of IMAGES is 0
        assert lost in expected.values()
        assert all(
            np.array_equal(o[:, r, c], i[:, r, c]) for r in range(5) for c in range(4) if (r, c) not in lost
        )
        seen.add(frozenset(lost))
    assert seen == set(map(frozenset, expected.values()))


def test_the_input_is_left_alone():
    x = IMAGES.copy()
    Augmentations(RandomHorizontalFlip(1), RandomCrop(2), Cutout(2))(x, np.random.default_rng(0))
    np.testing.assert_array_equal(x, IMAGES)


def test_config_makes_the_same_again():
    one = Augmentations(RandomHorizontalFlip(0.25), RandomCrop(3, fill=9), Cutout(2, fill=3))
    two = from_config(json.loads(json.dumps(one.config())))
    np.testing.assert_array_equal(
        one(IMAGES, np.random.default_rng(2)), two(IMAGES, np.random.default_rng(2))
    )


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: RandomHorizontalFlip(1.5), ValueRangeError),
        (lambda: RandomCrop(-1), ValueRangeError),
        (lambda: RandomCrop(2, fill=256), ValueRangeError),
        (lambda: RandomCrop(2.0), ValueRangeError),
        (lambda: Cutout(0), ValueRangeError),
        (lambda: Cutout(2, fill=-1), ValueRangeError),
        (lambda: RandomCrop(2)(np.zeros((3, 4)), np.random.default_rng()), ShapeError),
        (lambda: RandomHorizontalFlip()(np.zeros((3, 4)), np.random.default_rng()), ShapeError),
        (lambda: from_config({"kind": "Spin"}), UnknownNameError),
    ],
)
def test_bad_input(make, error):
    with pytest.raises(error):
        make()
