"""Activations summed over regions: against loops, and against the twins."""

import numpy as np
import pytest

from yuanli.kernels import patches

SHAPES = [((1, 1, 1, 1), (1, 1)), ((3, 5, 4, 7), (2, 2)), ((2, 27, 27, 40), (2, 3)), ((0, 4, 4, 3), (1, 1))]


def by_loops(activations, pool):
    """(N, H, W, K) -> (N, *pool, K); region r has the rows from r·H/pool on, rounded down."""
    N, H, W, K = activations.shape
    out = np.zeros((N, *pool, K))
    for i in range(pool[0]):
        for j in range(pool[1]):
            for h in range(i * H // pool[0], (i + 1) * H // pool[0]):
                for w in range(j * W // pool[1], (j + 1) * W // pool[1]):
                    out[:, i, j] += activations[:, h, w]
    return out


def data(shape, dtype):
    """Whitened vectors and bases, and what the kernels are given of them."""
    rng = np.random.default_rng(0)
    w, b = rng.normal(size=(*shape[:3], 6)), rng.normal(size=(shape[3], 6))
    arrays = (w @ b.T, (w * w).sum(-1), (b * b).sum(-1))
    return w, b, [a.astype(dtype) for a in arrays]


@pytest.mark.parametrize("kernel", [patches.triangle, patches.triangle_numpy])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "pool"), SHAPES, ids=str)
def test_triangle(kernel, shape, pool, dtype):
    w, b, (scores, squares, lengths) = data(shape, dtype)
    distances = np.sqrt(((w[..., None, :] - b) ** 2).sum(-1))
    expected = by_loops(np.maximum(distances.mean(-1, keepdims=True) - distances, 0), pool)
    found = kernel(scores, squares, lengths, pool)
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=20 * tolerance)


@pytest.mark.parametrize("kernel", [patches.threshold, patches.threshold_numpy])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "pool"), SHAPES, ids=str)
def test_threshold(kernel, shape, pool, dtype):
    _, _, (scores, _, _) = data(shape, dtype)
    both = np.concatenate([scores, -scores], -1).astype(float)
    found = kernel(scores, 0.25, pool)
    assert found.dtype == dtype
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    expected = by_loops(np.maximum(both - 0.25, 0), pool)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=20 * tolerance)


def test_a_patch_on_its_base_is_at_distance_0():
    """|w|² − 2w·b + |b|² may come out below 0; its root must not be nan."""
    w = np.full((1, 1, 1, 1), 0.1, np.float32)
    scores, square = w * w, np.float32(0.1) ** 2
    found = patches.triangle(
        scores, np.full((1, 1, 1), np.nextafter(square, np.float32(0))), np.full(1, square), (1, 1)
    )
    np.testing.assert_array_equal(found, 0)
