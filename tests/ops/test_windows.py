"""The sizes of what convolution and pooling give, and what convolution is, beyond the table of operations."""

from itertools import product

import numpy as np
import pytest

from yuanli import Tensor, ops
from yuanli.errors import ShapeError, ValueRangeError


@pytest.mark.parametrize(
    ("window", "size"),
    [
        ((32, 5, 1, 2), 32),  # the note's example
        ((32, 5), 28),  # LeNet-5, C1
        ((227, 11, 4), 55),  # AlexNet, first layer
        ((224, 11, 4, 2), 55),
        ((224, 7, 2, 3), 112),  # ResNet, first layer
        ((7, 3, 2), 3),
        ((7, 3, 1, 0, 2), 3),
        ((1, 1), 1),
    ],
    ids=str,
)
def test_published_sizes(window, size):
    assert ops.conv_output_size(*window) == size


def test_a_window_fits_where_it_fits():
    for size, kernel, stride, padding, dilation in product(range(1, 9), *[range(1, 4)] * 2, range(3), (1, 2)):
        last = size + 2 * padding - dilation * (kernel - 1)  # one past the last place it fits
        if last < 1:
            with pytest.raises(ShapeError, match="at least as large as the kernel"):
                ops.conv_output_size(size, kernel, stride, padding, dilation)
        else:
            assert ops.conv_output_size(size, kernel, stride, padding, dilation) == len(
                range(0, last, stride)
            )


@pytest.mark.parametrize("wrong", [(5, 0), (5, 3, 0), (5, 3, 1, -1), (5, 3, 1, 0, 0), (-1, 3)], ids=str)
def test_sizes_that_make_no_sense(wrong):
    with pytest.raises(ValueRangeError, match="conv_output_size needs"):
        ops.conv_output_size(*wrong)


def test_the_notes_example():
    """32×32×3, ten 5×5 filters, stride 1, padding 2 → 32×32×10, 10 · (5·5·3 + 1) = 760 parameters."""
    weight, bias = np.ones((10, 3, 5, 5)), np.ones(10)
    assert ops.conv2d(np.ones((1, 3, 32, 32)), weight, bias, stride=1, padding=2).shape == (1, 10, 32, 32)
    assert weight.size + bias.size == 760


def test_an_edge_detector():
    """By hand: the difference of neighbours is 1 at the edge and 0 elsewhere; the kernel is not flipped."""
    picture = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], np.float32).reshape(1, 1, 2, 4)
    kernel = np.array([-1, 1], np.float32).reshape(1, 1, 1, 2)
    assert ops.conv2d(picture, kernel).data[0, 0].tolist() == [[0, 1, 0], [0, 1, 0]]


def test_conv_transpose_is_the_gradient_of_conv():
    rng = np.random.default_rng(0)
    x, weight, y = rng.normal(size=(2, 3, 7, 6)), rng.normal(size=(4, 3, 3, 2)), rng.normal(size=(2, 4, 4, 3))
    picture = Tensor(x, requires_grad=True)
    ops.conv2d(picture, weight, stride=2, padding=(1, 0)).backward(y)
    raised = ops.conv_transpose2d(y, weight, stride=2, padding=(1, 0))
    np.testing.assert_allclose(raised.data, picture.grad, rtol=1e-12)


def test_options_by_position_are_torchs():
    """conv2d(input, weight, bias, stride, padding, dilation, groups) and so on."""
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(1, 4, 9, 9)), rng.normal(size=(4, 2, 3, 3))
    same = np.testing.assert_array_equal
    by_name = ops.conv2d(x, w, stride=2, padding=1, dilation=2, groups=2)
    same(ops.conv2d(x, w, None, 2, 1, 2, 2).data, by_name.data)
    by_name = ops.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1, groups=2, dilation=2)
    same(ops.conv_transpose2d(x, w, None, 2, 1, 1, 2, 2).data, by_name.data)
    by_name = ops.max_pool2d(x, 3, stride=2, padding=1, dilation=2, ceil_mode=True)
    same(ops.max_pool2d(x, 3, 2, 1, 2, True).data, by_name.data)
    by_name = ops.avg_pool2d(x, 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False)
    same(ops.avg_pool2d(x, 3, 2, 1, True, False).data, by_name.data)


@pytest.mark.reference
def test_pooling_sizes_and_values_equal_torchs_everywhere():
    """Also what is refused: every size, kernel, stride, padding, dilation and ceil_mode of this grid."""
    import torch

    functional = torch.nn.functional

    def attempt(f, *arguments):
        try:
            y = f(*arguments)
        except (RuntimeError, ValueError):
            return None
        return np.asarray(y.data)

    def same(ours, theirs):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-12)

    grid = product(range(1, 8), *[range(1, 4)] * 2, range(3), (1, 2), (False, True))
    for size, kernel, stride, padding, dilation, ceil in grid:
        x = np.random.default_rng(size).normal(size=(1, 1, size, size))
        window = (kernel, stride, padding)
        ours = attempt(ops.max_pool2d, x, *window, dilation, ceil)
        same(ours, attempt(functional.max_pool2d, torch.tensor(x), *window, dilation, ceil))
        if dilation == 1:
            for counted in (False, True):
                ours = attempt(ops.avg_pool2d, x, *window, ceil, counted)
                same(ours, attempt(functional.avg_pool2d, torch.tensor(x), *window, ceil, counted))


def test_a_huge_window_costs_no_more():
    """Most of it sees padding, or nothing."""
    x = Tensor(np.arange(16.0).reshape(1, 1, 4, 4), requires_grad=True)
    huge = 10**12
    largest = ops.max_pool2d(x, huge + 1, stride=1, padding=huge // 2)
    assert largest.shape == (1, 1, 4, 4)
    assert (largest.data == 15).all()
    largest.sum().backward()
    assert x.grad[0, 0, 3, 3] == 16
    assert ops.avg_pool2d(x, huge, stride=huge, ceil_mode=True, count_include_pad=False).item() == 7.5
    assert ops.local_response_norm(x, huge, alpha=0.0).shape == x.shape
