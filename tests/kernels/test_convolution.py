"""Convolution against its definition, on small whole numbers, where every order of adding up is exact."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.kernels import naive
from yuanli.kernels import convolution

PLAIN = ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)  # stride, padding, dilation, groups

# What runs, and its definition; they are the same where no compiled kernels run.
FORWARD = {convolution.conv2d, convolution.conv2d_numpy}
GRAD_X = {convolution.conv2d_grad_x, convolution.conv2d_grad_x_numpy}
GRAD_WEIGHT = {convolution.conv2d_grad_weight, convolution.conv2d_grad_weight_numpy}


def whole(rng, *shape, dtype=np.float32):
    return rng.integers(-4, 5, shape).astype(dtype)


def one_hot(shape, index):
    y = np.zeros(shape, np.float32)
    y[index] = 1
    return y


@st.composite
def problems(draw):
    """x, weight and how to convolve them; any of the sizes may be 1, and the batch 0."""
    small = st.integers(1, 3)
    groups, ins, outs = draw(small), draw(small), draw(small)
    kernel, stride, dilation = (draw(st.tuples(small, small)) for _ in range(3))
    sides = st.tuples(st.integers(0, 3), st.integers(0, 3))
    padding = draw(st.tuples(sides, sides))
    size = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    batch = draw(st.integers(0, 3))
    where = (stride, padding, dilation, groups)
    assume(min(naive.output_shape((0, *size), kernel, stride, padding, dilation)) > 0)
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    return whole(rng, batch, *size, groups * ins), whole(rng, groups * outs, ins, *kernel), where


@settings(deadline=None, max_examples=150)
@given(problems())
def test_convolution_is_its_definition(problem):
    x, weight, where = problem
    bias = np.arange(len(weight), dtype=np.float32)
    expected = naive.conv2d(x, weight, bias, *where)
    for conv2d in FORWARD:
        y = conv2d(x, weight, bias, *where)
        assert y.dtype == np.float32
        np.testing.assert_array_equal(y, expected)


@settings(deadline=None, max_examples=150)
@given(problems())
def test_gradients_are_the_adjoints(problem):
    """⟨conv(x, w), dy⟩ = ⟨x, grad_x(dy, w)⟩ = ⟨w, grad_weight(dy, x)⟩, exactly."""
    x, weight, where = problem
    y = naive.conv2d(x, weight, None, *where)
    dy = whole(np.random.default_rng(3), *y.shape)
    product = np.vdot(y, dy)
    for grad_x in GRAD_X:
        dx = grad_x(dy, weight, x.shape, *where)
        assert dx.shape == x.shape
        assert np.vdot(x, dx) == product
    for grad_weight in GRAD_WEIGHT:
        dw = grad_weight(dy, x, weight.shape, *where)
        assert dw.shape == weight.shape
        assert np.vdot(weight, dw) == product


@pytest.mark.parametrize(
    ("shape", "weight_shape", "where"),
    [
        ((2, 4, 5, 2), (3, 2, 3, 2), ((2, 1), ((1, 0), (1, 2)), (1, 2), 1)),
        ((2, 4, 5, 4), (4, 1, 3, 3), ((1, 2), ((1, 1), (1, 1)), (1, 1), 4)),
        ((2, 4, 5, 4), (6, 2, 2, 2), ((3, 3), ((0, 1), (2, 0)), (2, 1), 2)),
    ],
    ids=["plain", "depthwise", "grouped"],
)
def test_every_gradient_is_the_derivative(shape, weight_shape, where):
    """Convolution is linear in x and in weight, so a unit step in one element is that derivative, exactly."""
    rng = np.random.default_rng(0)
    x, weight = whole(rng, *shape), whole(rng, *weight_shape)
    dy = whole(rng, *naive.conv2d(x, weight, None, *where).shape)
    for index in np.ndindex(shape):
        step = np.vdot(naive.conv2d(one_hot(shape, index), weight, None, *where), dy)
        assert all(grad_x(dy, weight, shape, *where)[index] == step for grad_x in GRAD_X)
    for index in np.ndindex(weight_shape):
        step = np.vdot(naive.conv2d(x, one_hot(weight_shape, index), None, *where), dy)
        assert all(grad_weight(dy, x, weight_shape, *where)[index] == step for grad_weight in GRAD_WEIGHT)


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_a_batch_of_several_blocks(groups, monkeypatch):
    """The images are worked off a few at a time; the last few are fewer."""
    rng = np.random.default_rng(0)
    x, weight = whole(rng, 7, 6, 6, 8), whole(rng, 8, 8 // groups, 3, 3)
    where = ((1, 1), ((1, 1), (1, 1)), (1, 1), groups)
    dy = whole(rng, 7, 6, 6, 8)

    def everything():
        yield convolution.conv2d_numpy(x, weight, None, *where)
        yield convolution.conv2d_grad_x_numpy(dy, weight, x.shape, *where)
        yield convolution.conv2d_grad_weight_numpy(dy, x, weight.shape, *where)

    at_once = list(everything())
    monkeypatch.setattr(convolution, "BLOCK", 2 * 36 * 8 * 9)
    assert len(list(convolution._blocks(7, 36 * 8 * 9))) == 4
    for one, other in zip(at_once, everything(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("layout", ["channels first", "reversed", "with gaps", "repeated"])
def test_any_layout_of_memory(layout):
    rng = np.random.default_rng(0)
    x, weight = whole(rng, 2, 5, 6, 4), whole(rng, 3, 4, 3, 2)
    dy = whole(rng, 2, 3, 5, 3)
    laid_out = {
        "channels first": lambda a: a.transpose(0, 3, 1, 2).copy().transpose(0, 2, 3, 1),
        "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
        "with gaps": lambda a: np.repeat(a, 2, -1)[..., ::2],
        "repeated": lambda a: np.broadcast_to(a[:, :1, :1], a.shape),
    }[layout]
    strange_x, strange_dy = laid_out(x), laid_out(dy)
    x, dy = strange_x.copy(), strange_dy.copy()
    for conv2d in FORWARD:
        np.testing.assert_array_equal(
            conv2d(strange_x, weight, None, *PLAIN), naive.conv2d(x, weight, None, *PLAIN)
        )
    for f in GRAD_X:
        np.testing.assert_array_equal(f(strange_dy, weight, x.shape, *PLAIN), f(dy, weight, x.shape, *PLAIN))
    for f in GRAD_WEIGHT:
        np.testing.assert_array_equal(
            f(strange_dy, strange_x, weight.shape, *PLAIN), f(dy, x, weight.shape, *PLAIN)
        )


@pytest.mark.parametrize("layout", ["exchanged", "reversed", "turned", "with gaps", "records"])
@pytest.mark.parametrize("kernel", [(3, 2), (3, 3)], ids=["direct", "Winograd"])
def test_any_layout_of_the_weights(kernel, layout):
    rng = np.random.default_rng(0)
    x, weight = whole(rng, 4, 8, 8, 18), whole(rng, 20, 18, *kernel)
    records = np.zeros(weight.shape, np.dtype([("weight", "f4"), ("more", "i1")]))
    records["weight"] = weight
    laid_out = {
        "exchanged": weight.transpose(1, 0, 2, 3).copy().transpose(1, 0, 2, 3),
        "reversed": weight[::-1, ::-1].copy()[::-1, ::-1],
        "turned": weight[:, :, ::-1, ::-1]
        .transpose(1, 0, 2, 3)
        .copy()
        .transpose(1, 0, 2, 3)[:, :, ::-1, ::-1],
        "with gaps": np.repeat(weight, 2, -1)[..., ::2],
        "records": records["weight"],
    }[layout]
    y = naive.conv2d(x, weight, None, *PLAIN)
    dx = convolution.conv2d_grad_x_numpy(y, weight, x.shape, *PLAIN)

    def nearly(result, expected):  # Winograd's errors are within 1e-4 of the largest number
        np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4 * np.abs(expected).max())

    for conv2d in FORWARD:
        nearly(conv2d(x, laid_out, None, *PLAIN), y)
    for grad_x in GRAD_X:
        nearly(grad_x(y, laid_out, x.shape, *PLAIN), dx)


def test_float64_stays_float64():
    rng = np.random.default_rng(0)
    x, weight = whole(rng, 1, 4, 4, 2, dtype=np.float64), whole(rng, 2, 2, 2, 2, dtype=np.float64)
    x += 2.0**-40  # lost in float32
    for conv2d in FORWARD:
        np.testing.assert_array_equal(conv2d(x, weight, None, *PLAIN), naive.conv2d(x, weight, None, *PLAIN))


def test_nothing_is_copied_for_a_1x1_kernel():
    x = np.zeros((2, 3, 4, 5), np.float32)
    rows = convolution.patches(x, (1, 1), (1, 1), ((0, 0), (0, 0)), (1, 1))
    assert rows.shape == (24, 5)
    assert np.shares_memory(rows, x)


def test_inputs_are_left_alone():
    rng = np.random.default_rng(0)
    x, weight, bias = whole(rng, 2, 5, 5, 4), whole(rng, 4, 1, 3, 3), whole(rng, 4)
    where = ((1, 1), ((1, 1), (1, 1)), (1, 1), 4)
    dy = whole(rng, 2, 5, 5, 4)
    for array in (x, weight, bias, dy):
        array.flags.writeable = False
    for conv2d in FORWARD:
        conv2d(x, weight, bias, *where)
    for grad_x in GRAD_X:
        grad_x(dy, weight, x.shape, *where)
    for grad_weight in GRAD_WEIGHT:
        grad_weight(dy, x, weight.shape, *where)


def test_the_textbook_example():
    """32×32×3, ten 5×5 filters, stride 1, padding 2 → 32×32×10 with 760 parameters."""
    x, weight, bias = np.ones((1, 32, 32, 3)), np.ones((10, 3, 5, 5)), np.ones(10)
    y = convolution.conv2d(x, weight, bias, (1, 1), ((2, 2), (2, 2)), (1, 1), 1)
    assert y.shape == (1, 32, 32, 10)
    assert weight.size + bias.size == 760
    assert (y[0, 2:-2, 2:-2] == 76).all()  # 5 · 5 · 3 ones and the bias
    assert (y[0, 0, 0] == 3 * 3 * 3 + 1).all()  # in the corner the window sees 3 × 3 pixels
