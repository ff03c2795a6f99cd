"""Sweeps over large arrays against their twins, in every order of memory."""

import numpy as np
import pytest

from yuanli import Tensor, ops
from yuanli.errors import ShapeError
from yuanli.kernels import elementwise, embedding, memory, normalisation

RNG = np.random.default_rng(0)
LARGE = (4, 32, 33, 17)  # more than elementwise.LARGE elements, and odd

LAYOUTS = {
    "rows": lambda shape: RNG.normal(size=shape).astype(np.float32),
    "channels last": lambda shape: (
        RNG.normal(size=np.take(shape, (0, 2, 3, 1))).astype(np.float32).transpose(0, 3, 1, 2)
    ),
    "with gaps": lambda shape: RNG.normal(size=(*shape[:3], 2 * shape[3])).astype(np.float32)[..., ::2],
    "float64": lambda shape: RNG.normal(size=shape),
    "small": lambda shape: RNG.normal(size=(1, 2, 3, 2)).astype(np.float32),
    "empty": lambda shape: np.zeros((0, 3, 4, 5), np.float32),
}


def test_the_shape_is_large():
    assert np.prod(LARGE) > elementwise.LARGE


@pytest.mark.parametrize("first", LAYOUTS)
@pytest.mark.parametrize("second", LAYOUTS)
def test_elementwise_equals_its_twin(first, second):
    a, b = LAYOUTS[first](LARGE), LAYOUTS[second](LARGE)
    if a.shape != b.shape:
        pytest.skip("shapes that do not go together")
    a.reshape(-1, order="A")[:3] = [0, -0.0, np.nan][: a.size]
    np.testing.assert_array_equal(elementwise.add(a, b), a + b)
    y = elementwise.relu(a)
    np.testing.assert_array_equal(y, np.where(np.isnan(a), a, np.maximum(a, 0)))
    np.testing.assert_array_equal(elementwise.relu_grad(b, y), np.where(y > 0, b, 0))
    assert y.dtype == a.dtype
    bounded = elementwise.relu6(3 * a)
    np.testing.assert_array_equal(bounded, elementwise.relu6_numpy(3 * a))
    passed = elementwise.relu6_grad(b, bounded)
    np.testing.assert_array_equal(passed, elementwise.relu6_grad_numpy(b, bounded))
    with np.errstate(invalid="ignore"):
        steep = elementwise.leaky_relu(a, 0.25)
        np.testing.assert_array_equal(steep, np.where(a > 0, a, a * np.float32(0.25)))
        back = elementwise.leaky_relu_grad(b, a, 0.25)
        np.testing.assert_array_equal(back, np.where(a > 0, b, b * np.float32(0.25)))
    assert steep.dtype == a.dtype
    u = np.random.default_rng(2).random(a.shape, np.float32)
    dropped = elementwise.drop(a, u, 0.25, 1.5)
    np.testing.assert_array_equal(dropped, np.where(u >= 0.25, a * np.float32(1.5), 0))
    assert dropped.dtype == a.dtype
    assert elementwise.add(a, b).dtype == np.result_type(a, b)


@pytest.mark.parametrize(
    "shape", [(0, 3), (1, 4), (7, 5), (70001, 1), (9001, 16), (4097, 37), (1024, 512)], ids=str
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalisation_equals_float64(shape, dtype):
    """Also where the mean is 1000 times the deviation, which sums of squares would lose."""
    rng = np.random.default_rng(1)
    x = (rng.normal(size=shape) * rng.uniform(0.1, 3, shape[1]) + 300 * rng.normal(size=shape[1])).astype(
        dtype
    )
    dy = rng.normal(size=shape).astype(dtype)
    wide, wide_dy = x.astype(np.float64), dy.astype(np.float64)
    mean, var = normalisation.statistics(x)
    assert mean.dtype == var.dtype == dtype
    if len(x):
        np.testing.assert_allclose(mean, wide.mean(0), rtol=2e-5)
        np.testing.assert_allclose(var, wide.var(0), rtol=1e-3, atol=1e-9 if len(x) > 1 else 1e-6)
    scale, shift, slope, offset = (rng.normal(size=shape[1]).astype(dtype) for _ in range(4))
    other = rng.normal(size=shape).astype(dtype)
    y = normalisation.scale_shift_add_relu(x, other, mean, scale, shift)
    expected = np.maximum((wide - mean) * scale + shift + other, 0)
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
    for floor, ceiling in ((-np.inf, np.inf), (0.0, np.inf), (0.0, 1.0)):
        bounds = floor, ceiling
        y = normalisation.scale_shift(x, mean, scale, shift, *bounds)
        expected = np.clip((wide - mean) * scale + shift, *bounds)
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4)
        g = wide_dy * ((y > floor) & (y < ceiling))
        total, products = normalisation.grad_sums(x, dy, mean, scale, shift, *bounds)
        assert total.dtype == products.dtype == dtype
        many = np.sqrt(max(len(x), 1))
        np.testing.assert_allclose(total, g.sum(0), rtol=1e-5, atol=1e-5 * many)
        np.testing.assert_allclose(products, (g * (wide - mean)).sum(0), rtol=1e-4, atol=1e-4 * many)
        dx = normalisation.grad_x(x, dy, mean, scale, shift, slope, offset, *bounds)
        expected = g * scale + (wide - mean) * slope + offset
        np.testing.assert_allclose(dx, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("places", "rows", "width"), [(0, 3, 4), (50, 7, 1), (3000, 11, 33), (5, 9, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_added_up_where_they_came_from(places, rows, width, dtype):
    """In order, so to the same bits as adding one after the other; a row that nobody took is 0."""
    rng = np.random.default_rng(0)
    dy, indices = rng.normal(size=(places, 2 * width)).astype(dtype)[:, ::2], rng.integers(0, rows, places)
    expected = np.zeros((rows, width), dtype)
    np.add.at(expected, indices, dy)
    for add_rows in (embedding.add_rows, embedding.add_rows_numpy):
        dw = add_rows(dy, indices.astype(np.int32), rows)
        assert dw.dtype == dtype
        np.testing.assert_array_equal(dw, expected)


@pytest.mark.parametrize("first", ["rows", "channels last", "float64"])
@pytest.mark.parametrize("second", ["rows", "channels last", "float64"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_large_tensors_one_after_the_other(first, second, dim):
    a, b = LAYOUTS[first](LARGE), LAYOUTS[second](LARGE)
    y = ops.cat([Tensor(a), Tensor(b)], dim)
    np.testing.assert_array_equal(y.data, np.concatenate([a, b], dim))
    assert y.dtype == np.result_type(a, b)


def test_pieces_of_images_that_were_joined_are_added_and_joined_again():
    """As in a DenseNet, whose gradients are some of the channels of larger images."""
    whole = LAYOUTS["channels last"]((4, 40, 33, 17))
    a, b, piece = whole[:, :30], LAYOUTS["channels last"]((4, 30, 33, 17)), whole[:, 30:]
    for left, right in ((a, b), (b, a), (a, a)):
        np.testing.assert_array_equal(elementwise.add(left, right), np.add(left, right))
    y = ops.cat([Tensor(a), Tensor(piece), Tensor(b)], 1)
    np.testing.assert_array_equal(y.data, np.concatenate([a, piece, b], 1))
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous
    with pytest.raises(ShapeError, match="cat"):
        ops.cat([Tensor(a), Tensor(b[:, :, 1:])], 1)


def test_small_and_empty_arrays_are_ordinary():
    for shape in ((), (0,), (3, 0, 5), (7, 2)):
        a = memory.empty(shape)
        assert a.shape == shape
        assert a.dtype == np.float32
        assert a.base is None
    assert memory.empty((5, 40000), np.int64).dtype == np.int64
