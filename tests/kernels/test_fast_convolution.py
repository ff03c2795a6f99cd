"""The compiled convolutions against the twins in float64: blocks of channels, bands of rows, tiles that
stick out.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yuanli.kernels import convolution
from yuanli.kernels.dispatch import KERNELS

pytestmark = pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off")

SAME = ((1, 1), (1, 1))
ONE = (1, 1)


def problem(seed, n, height, width, ins, outs, kernel, stride, padding, dilation, groups=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, height, width, ins)).astype(np.float32)
    weight = rng.normal(size=(outs, ins // groups, *kernel)).astype(np.float32)
    bias = rng.normal(size=outs).astype(np.float32)
    where = (stride, padding, dilation, groups)
    dy = rng.normal(size=convolution.conv2d_numpy(x, weight, None, *where).shape).astype(np.float32)
    return x, weight, bias, dy, where


def worst(result, expected):
    """The largest error, as a part of the largest number."""
    assert result.dtype == np.float32
    assert result.shape == expected.shape
    return float(np.abs(result - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-30))


def errors(x, weight, bias, dy, where, forward, grad_x, grad_weight):
    wide = [a.astype(np.float64) for a in (x, weight, bias, dy)]
    return (
        worst(forward(x, weight, bias, *where), convolution.conv2d_numpy(*wide[:3], *where)),
        worst(
            grad_x(dy, weight, x.shape, *where),
            convolution.conv2d_grad_x_numpy(wide[3], wide[1], x.shape, *where),
        ),
        worst(
            grad_weight(dy, x, weight.shape, *where),
            convolution.conv2d_grad_weight_numpy(wide[3], wide[0], weight.shape, *where),
        ),
    )


def running(*inputs):
    return errors(*inputs, convolution.conv2d, convolution.conv2d_grad_x, convolution.conv2d_grad_weight)


SHAPES = [  # n, height, width, ins, outs, kernel, stride, padding, dilation, groups
    (3, 9, 11, 17, 33, (3, 3), ONE, SAME, ONE, 1),
    (1, 1, 1, 1, 1, (1, 1), ONE, ((0, 0), (0, 0)), ONE, 1),
    (19, 3, 3, 20, 7, (2, 3), ONE, ((0, 1), (1, 1)), ONE, 1),  # a tile is one place in many images
    (70, 2, 2, 40, 50, (3, 3), ONE, SAME, ONE, 1),  # several such tiles, the last of them not full
    (75, 5, 4, 70, 20, (5, 4), ONE, ((2, 2), (1, 2)), ONE, 1),  # panels that are read once for many images
    (75, 9, 7, 3, 6, (5, 5), ONE, SAME, ONE, 1),  # fewer outputs than a vector has lanes
    (9, 2, 3, 24, 300, (3, 3), ONE, SAME, ONE, 1),  # panels shared out among the threads
    (3, 5, 5, 24, 20, (5, 4), ONE, ((2, 2), (1, 2)), ONE, 1),  # more than 16 taps
    (2, 13, 40, 3, 24, (7, 7), (2, 2), ((3, 3), (3, 3)), ONE, 1),
    (2, 12, 12, 5, 9, (3, 3), (3, 2), ((2, 0), (1, 3)), (2, 3), 1),
    (2, 11, 8, 16, 16, (3, 1), (2, 2), ((1, 1), (0, 0)), (2, 1), 1),
    (2, 8, 8, 36, 24, (3, 3), ONE, SAME, ONE, 3),
    (4, 150, 150, 16, 8, (5, 5), ONE, ((2, 2), (2, 2)), ONE, 1),  # many bands
    (2, 9, 10, 32, 40, (3, 3), ONE, SAME, ONE, 1),  # Winograd, ragged
    (2, 8, 8, 64, 32, (3, 3), ONE, ((2, 0), (0, 2)), ONE, 1),
    (2, 9, 11, 40, 40, (3, 3), ONE, SAME, ONE, 40),  # depthwise, the last block of 16 channels overlaps
    (3, 8, 9, 5, 15, (3, 4), (2, 1), ((1, 0), (3, 2)), (1, 2), 5),  # several outputs a channel
    (1, 2, 2, 16, 16, (5, 5), ONE, ((2, 2), (2, 2)), ONE, 16),  # no window lies inside
    (1, 7, 7, 32, 32, (1, 2), (3, 3), ((0, 0), (0, 0)), ONE, 32),  # pixels that nobody sees
    (0, 8, 8, 32, 32, (3, 3), ONE, SAME, ONE, 32),
    (3, 5, 4, 16, 120, (5, 4), ONE, ((0, 0), (0, 0)), ONE, 1),  # one window as large as the image
    (2, 14, 13, 70, 130, (1, 1), ONE, ((0, 0), (0, 0)), ONE, 1),
    (2, 7, 6, 20, 30, (1, 1), (2, 3), ((0, 0), (0, 0)), ONE, 1),
    (0, 8, 8, 4, 4, (3, 3), ONE, SAME, ONE, 1),
    (0, 8, 8, 64, 64, (3, 3), ONE, SAME, ONE, 1),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_equal_to_the_twin(shape):
    assert max(running(*problem(0, *shape))) < 2e-5


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_equal_to_the_twin_for_any_shape(data):
    few, channels, pads = st.integers(1, 3), st.integers(1, 40), st.integers(0, 3)
    kernel, stride, dilation = (tuple(data.draw(few) for _ in range(2)) for _ in range(3))
    padding = tuple((data.draw(pads), data.draw(pads)) for _ in range(2))
    size = [data.draw(st.integers(1, 12)) + dilation[i] * (kernel[i] - 1) for i in (0, 1)]
    n, ins, outs = data.draw(st.integers(0, 10)), data.draw(channels), data.draw(channels)
    assert max(running(*problem(1, n, *size, ins, outs, kernel, stride, padding, dilation))) < 2e-5


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_depthwise_for_any_shape(data):
    """Windows wholly and partly on the padding, and with several outputs a channel."""
    few, pads = st.integers(1, 4), st.integers(0, 4)
    kernel, stride, dilation = (tuple(data.draw(few) for _ in range(2)) for _ in range(3))
    padding = tuple((data.draw(pads), data.draw(pads)) for _ in range(2))
    size = [data.draw(st.integers(1, 12)) + dilation[i] * (kernel[i] - 1) for i in (0, 1)]
    n, channels, many = (
        data.draw(st.integers(0, 3)),
        data.draw(st.integers(2, 40)),
        data.draw(st.integers(1, 2)),
    )
    inputs = problem(6, n, *size, channels, many * channels, kernel, stride, padding, dilation, channels)
    assert max(running(*inputs)) < 2e-5


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_winograd_for_any_shape(data):
    """Also for the few channels and small images for which it is not chosen."""
    from yuanli.kernels import fast_convolution, winograd

    taps = data.draw(st.sampled_from([2, 3]))
    stride = tuple(data.draw(st.integers(1, 2)) for _ in range(2))
    kernel = (taps * stride[0], taps * stride[1])
    sizes = [data.draw(st.integers(6, 14)) for _ in range(2)]
    padding = tuple((data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))) for _ in range(2))
    n, ins, outs = data.draw(st.integers(0, 3)), data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    inputs = problem(2, n, *sizes, ins, outs, kernel, stride, padding, ONE)

    def grad_weight(dy, x, weight_shape, stride, padding, dilation, groups):
        return winograd.conv2d_grad_weight(dy, x, weight_shape, stride, padding)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fast_convolution, "_suits_winograd", lambda weight_shape, *_: min(weight_shape[2:]) > 1)
        assert max(errors(*inputs, convolution.conv2d, convolution.conv2d_grad_x, grad_weight)) < 2e-5


def enlargement(taps):
    """What winograd.py says of its matrices: the mean of v, and by how much conspiring errors grow."""
    from yuanli.kernels import simd_winograd

    first = {3: simd_winograd.INPUT3, 2: simd_winograd.INPUT2}[taps]
    B, G, A = (np.array(m, float) for m in simd_winograd.MATRICES[first : first + 3])
    v = A**2 @ ((G**2).sum(1) * (B**2).sum(1)) / taps
    kernel, tile = (abs(m) @ np.ones((m.shape[1],) * 2) @ abs(m).T for m in (G, B))
    return v.mean(), (abs(A) @ (kernel * tile) @ abs(A).T).max() / taps**2


def test_what_winograds_errors_are_made_of():
    assert enlargement(3) == pytest.approx((10.8, 256), rel=0.01)
    assert enlargement(2) == pytest.approx((6.4, 100), rel=0.01)


@pytest.mark.parametrize("taps", [3, 2])
@pytest.mark.parametrize("channels", [32, 256])
@pytest.mark.parametrize("offset", [0, 10])
def test_winograds_error_is_bounded(channels, offset, taps):
    """At most 1e-4 of the largest output, also for inputs of one sign; and as small as reasoned."""
    stride = (4 - taps,) * 2  # 3×3, and 4×4 with stride 2
    kernel = (taps * stride[0],) * 2
    x, weight, bias, dy, where = problem(3, 2, 16, 16, channels, channels, kernel, stride, SAME, ONE)
    x += offset
    assert max(running(x, weight, bias, dy, where)) < 1e-4
    exact = convolution.conv2d_numpy(x.astype(float), weight.astype(float), None, *where)
    off = convolution.conv2d(x, weight, None, *where) - exact
    depth = channels * stride[0] ** 2  # terms of a sum
    expected = enlargement(taps)[0] * np.sqrt(depth / 18) * 2.0**-24
    assert np.sqrt((off**2).mean() / (exact**2).mean()) < 2 * expected


def test_a_value_that_is_not_finite_stays_where_it_is_seen():
    """NaN in one pixel reaches the outputs whose window holds it, and no others."""
    x, weight, bias, _, where = problem(4, 1, 9, 9, 3, 8, (3, 3), ONE, SAME, ONE)
    x[0, 4, 4, 1] = np.nan
    bad = np.isnan(convolution.conv2d(x, weight, bias, *where)).any((0, 3))
    assert bad[3:6, 3:6].all()
    assert bad.sum() == 9


def test_the_same_bits_every_time():
    inputs = problem(5, 5, 20, 20, 48, 40, (3, 3), ONE, SAME, ONE)
    x, weight, bias, dy, where = inputs
    for f in (
        lambda: convolution.conv2d(x, weight, bias, *where),
        lambda: convolution.conv2d_grad_x(dy, weight, x.shape, *where),
        lambda: convolution.conv2d_grad_weight(dy, x, weight.shape, *where),
    ):
        np.testing.assert_array_equal(f(), f())
