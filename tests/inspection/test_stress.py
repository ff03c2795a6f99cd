"""Disturbances do what their strength says, and a stress test counts what they do."""

import numpy as np
import pytest

from yuanli.errors import DataError
from yuanli.inspection.stress import (
    DISTURBANCES,
    add_noise,
    blur,
    change_background,
    disturb,
    occlude,
    rotate,
    scale,
    shift,
    stress,
    stress_chart,
)

IMAGE = np.random.default_rng(1).integers(0, 256, (3, 16, 16)).astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("disturbance", DISTURBANCES, ids=[d.name for d in DISTURBANCES])
def test_no_strength_changes_nothing(disturbance):
    nothing = 1 if disturbance.name == "scale" else 0
    assert nothing in disturbance.strengths
    np.testing.assert_allclose(disturbance.apply(IMAGE, nothing, rng()), IMAGE, atol=1e-3)


def test_a_quarter_turn_is_a_quarter_turn():
    turned = [rotate(IMAGE, 90, rng(seed)) for seed in range(8)]
    both = [np.rot90(IMAGE, k, (1, 2)) for k in (1, 3)]
    assert {tuple(np.allclose(t, b, atol=1e-2) for b in both) for t in turned} == {
        (True, False),
        (False, True),
    }


def test_a_shift_moves_every_pixel_by_the_same_way():
    image = np.zeros((1, 33, 33), np.float32)
    image[0, 16, 16] = 255
    moved = shift(image, 0.25, rng(3))[0]
    y, x = np.indices(moved.shape)
    centre = np.array([(moved * y).sum(), (moved * x).sum()]) / moved.sum()
    assert np.hypot(*(centre - 16)) == pytest.approx(0.25 * 33, abs=0.05)
    assert moved.sum() == pytest.approx(255, rel=1e-3)


def test_twice_as_large_is_four_times_the_area():
    image = np.zeros((1, 41, 41), np.float32)
    image[0, 16:25, 16:25] = 255
    assert scale(image, 2, rng()).sum() / image.sum() == pytest.approx(4, rel=0.05)
    assert scale(image, 0.5, rng()).sum() / image.sum() == pytest.approx(0.25, rel=0.25)


def test_an_occlusion_covers_its_share():
    for seed in range(5):
        covered = occlude(np.zeros((3, 20, 20), np.float32), 0.25, rng(seed))
        assert (covered == 127.5).mean() == 0.25


def test_only_what_resembles_the_rim_is_background():
    image = np.zeros((1, 16, 16), np.float32)
    image[0, 5:11, 5:11] = 255
    changed = change_background(image, 1, rng())
    np.testing.assert_allclose(changed[0, 5:11, 5:11], 255, atol=1e-9)
    outside = np.ones((16, 16), bool)
    outside[5:11, 5:11] = False
    assert changed[0][outside].mean() == pytest.approx(127.5, abs=25)
    assert changed[0][outside].std() > 30


def test_noise_has_its_deviation_and_blur_keeps_the_mean():
    flat = np.full((3, 64, 64), 100, np.float32)
    assert (add_noise(flat, 32, rng()) - flat).std() == pytest.approx(32, rel=0.02)
    np.testing.assert_allclose(blur(flat, 0.1, rng()), flat, rtol=1e-5)
    point = np.zeros((1, 65, 65), np.float32)
    point[0, 32, 32] = 1
    spread = blur(point, 4 / 65, rng())[0]
    y = np.arange(65) - 32
    assert np.sqrt((spread.sum(1) * y**2).sum()) == pytest.approx(4, rel=0.02)


def test_a_stress_test_counts_right_answers():
    """Mean brightness tells two classes apart however the image is turned, moved, resized or blurred."""
    x = np.zeros((50, 1, 8, 8), np.uint8)
    y = np.arange(50) % 2
    x[:, 0] = 40 + 175 * y[:, None, None]

    def by_mean(images):
        bright = images.mean((1, 2, 3)) > 127.5
        return np.stack([~bright, bright], 1).astype(float)

    points = stress(by_mean, x, y)
    assert {p.accuracy for p in points if p.disturbance in ("rotation", "shift", "scale", "blur")} == {1.0}
    told = []
    only = [d for d in DISTURBANCES if d.name == "occlusion"]
    for p in stress(lambda images: np.eye(2)[np.zeros(50, int)], x, y, disturbances=only, tell=told.append):
        assert p.accuracy == 0.5
        assert p.low < 0.5 < p.high
    assert told[0] == "occlusion 0"
    figure = stress_chart(points, x[0], 2)
    assert len(figure.axes) == len(DISTURBANCES) * 8


def test_every_image_is_disturbed_in_its_own_way_and_the_same_again():
    x = np.repeat(IMAGE.astype(np.uint8)[None], 4, 0)
    noise = next(d for d in DISTURBANCES if d.name == "noise")
    a, b = (disturb(x, noise, 30, seed=5) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    assert (a[0] != a[1]).any()
    assert a.dtype == np.uint8


def test_no_images_is_an_error():
    with pytest.raises(DataError, match="needs images"):
        stress(lambda x: x, np.zeros((0, 1, 8, 8), np.uint8), np.zeros(0, int))
