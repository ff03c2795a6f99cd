"""Initialisers: the moments of large samples, bounds, orthogonality."""

import math

import numpy as np
import pytest

from yuanli import Tensor, manual_seed, nn
from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.nn import init

SHAPE = (300, 20, 5, 5)  # fan_in 500, fan_out 7500; 150,000 numbers
FAN_IN, FAN_OUT = 500, 7500


def zeros(*shape):
    return Tensor(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("fill", "mean", "std", "bound"),
    [
        (lambda w, rng: init.uniform_(w, 1, 3, rng), 2, 2 / math.sqrt(12), 3),
        (lambda w, rng: init.normal_(w, std=0.01, rng=rng), 0, 0.01, None),
        (lambda w, rng: init.normal_(w, mean=3.0, std=2.0, rng=rng), 3, 2, None),
        (
            lambda w, rng: init.xavier_uniform_(w, rng=rng),
            0,
            math.sqrt(2 / (FAN_IN + FAN_OUT)),
            math.sqrt(6 / (FAN_IN + FAN_OUT)),
        ),
        (lambda w, rng: init.xavier_normal_(w, gain=5 / 3, rng=rng), 0, 5 / 3 * math.sqrt(2 / 8000), None),
        (lambda w, rng: init.kaiming_uniform_(w, rng=rng), 0, math.sqrt(2 / FAN_IN), math.sqrt(6 / FAN_IN)),
        (
            lambda w, rng: init.kaiming_uniform_(w, a=math.sqrt(5), rng=rng),
            0,
            math.sqrt(1 / 3 / FAN_IN),
            math.sqrt(1 / FAN_IN),
        ),
        (
            lambda w, rng: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu", rng=rng),
            0,
            math.sqrt(2 / FAN_OUT),
            None,
        ),
        (
            lambda w, rng: init.kaiming_normal_(w, nonlinearity="tanh", rng=rng),
            0,
            5 / 3 / math.sqrt(FAN_IN),
            None,
        ),
    ],
    ids=[
        "uniform",
        "0.01 randn",
        "normal",
        "xavier_uniform",
        "xavier_normal",
        "kaiming_uniform",
        "torch's default",
        "kaiming_normal",
        "kaiming tanh",
    ],
)
def test_moments(fill, mean, std, bound):
    w = zeros(*SHAPE)
    array = w.data
    assert fill(w, np.random.default_rng(0)) is w
    assert w.data is array  # in place
    sigma = std / math.sqrt(
        w.size
    )  # of the sample's mean; of its standard deviation it is at most √2⁻¹ of that
    assert abs(w.data.mean(dtype=np.float64) - mean) < 5 * sigma
    assert abs(w.data.std(dtype=np.float64) - std) < 5 * sigma
    if bound is not None:
        assert 0.999 * bound < np.abs(w.data).max() <= bound * (1 + 1e-6)
    else:
        assert np.abs(w.data - mean).max() > 3.5 * std  # a normal sample of this size has tails
    again = zeros(*SHAPE)
    fill(again, np.random.default_rng(0))
    np.testing.assert_array_equal(w.data, again.data)


def test_without_a_generator_the_package_s_own_draws():
    manual_seed(3)
    a = init.normal_(zeros(5)).data.copy()
    manual_seed(3)
    np.testing.assert_array_equal(init.normal_(zeros(5)).data, a)
    assert not np.array_equal(init.normal_(zeros(5)).data, a)


def test_constants():
    assert init.constant_(zeros(2), 0.1).data.tolist() == [np.float32(0.1)] * 2
    assert init.ones_(zeros(2)).data.tolist() == [1, 1]
    assert init.zeros_(Tensor([3.0])).data.tolist() == [0]


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (5, 2, 3, 3), (30, 2, 2, 2)])
def test_orthogonal(shape):
    w = Tensor(np.zeros(shape))
    init.orthogonal_(w, gain=2.0, rng=np.random.default_rng(0))
    m = w.data.reshape(shape[0], -1)
    small = m @ m.T if m.shape[0] <= m.shape[1] else m.T @ m
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_is_uniform():
    """In the plane Q is a rotation or a reflection by any angle: E[q₁₁] = 0, E[q₁₁²] = ½, E[det Q] = 0."""
    rng = np.random.default_rng(0)
    samples = np.array([init.orthogonal_(Tensor(np.zeros((2, 2))), rng=rng).data for _ in range(2000)])
    assert abs(samples[:, 0, 0].mean()) < 5 * math.sqrt(0.5 / 2000)
    assert abs((samples[:, 0, 0] ** 2).mean() - 0.5) < 5 * math.sqrt(1 / 8 / 2000)
    assert abs(np.linalg.det(samples).mean()) < 5 / math.sqrt(2000)


def test_fans():
    assert init.fans(zeros(*SHAPE)) == (FAN_IN, FAN_OUT)
    assert init.fans(zeros(3, 2)) == (2, 3)


@pytest.mark.parametrize(
    ("nonlinearity", "param", "gain"),
    [
        ("linear", None, 1),
        ("conv2d", None, 1),
        ("sigmoid", None, 1),
        ("tanh", None, 5 / 3),
        ("relu", None, math.sqrt(2)),
        ("leaky_relu", None, math.sqrt(2 / 1.0001)),
        ("leaky_relu", 0.5, math.sqrt(1.6)),
        ("leaky_relu", 0, math.sqrt(2)),
        ("selu", None, 0.75),
    ],
)
def test_gains(nonlinearity, param, gain):
    assert init.calculate_gain(nonlinearity, param) == pytest.approx(gain, rel=1e-12)


def test_he_keeps_the_mean_square_through_a_deep_relu_net():
    """He 2015, eq. 10: with variance 2/fan_in the activations neither grow nor fade."""
    rng = np.random.default_rng(0)
    x = start = rng.normal(size=(500, 400))
    for _ in range(20):
        w = init.kaiming_normal_(Tensor(np.zeros((400, 400))), nonlinearity="relu", rng=rng)
        z = x @ w.data.T
        x = np.maximum(z, 0)
    assert 0.5 < (z**2).mean() / (2 * (start**2).mean()) < 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: init.xavier_uniform_(zeros(3)), ShapeError, r"\(out, in, \*kernel\), got shape \(3,\)"),
        (lambda: init.orthogonal_(zeros(3)), ShapeError, r"2 axes or more, got shape \(3,\)"),
        (lambda: init.normal_(zeros(3), std=-1), ValueRangeError, "std ≥ 0, got -1"),
        (lambda: init.normal_(zeros(3), std=math.nan), ValueRangeError, "std ≥ 0, got nan"),
        (lambda: init.uniform_(zeros(3), 2, 1), ValueRangeError, "a ≤ b"),
        (lambda: init.kaiming_normal_(zeros(3, 3), mode="fan"), ValueRangeError, "'fan_in' or 'fan_out'"),
        (lambda: init.calculate_gain("swish"), ValueRangeError, "got 'swish'"),
        (lambda: init.normal_(Tensor([1])), DTypeError, "float tensor, got dtype int64"),
        (lambda: init.normal_(zeros(3), rng=0), DTypeError, "numpy.random.Generator, such as .*, got int"),
        (lambda: nn.Dropout(rng=np.random.RandomState(0)), DTypeError, "got RandomState"),
    ],
)
def test_what_cannot_be_initialised(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("make", "bound"),
    [
        (lambda rng: nn.Linear(400, 300, rng=rng), 1 / 20),
        (lambda rng: nn.Conv1d(20, 1000, 5, rng=rng), 1 / 10),
        (lambda rng: nn.Conv2d(8, 800, 5, groups=2, rng=rng), 1 / 10),
        (lambda rng: nn.ConvTranspose2d(800, 8, 5, groups=2, rng=rng), 1 / 10),
    ],
)
def test_layers_start_as_in_torch(make, bound):
    """weight and bias from U(±1/√fan_in): variance bound²/3."""
    layer = make(np.random.default_rng(0))
    for p in layer.parameters():
        n = p.size
        assert bound * (1 - 10 / n) < np.abs(p.data).max() <= bound * (1 + 1e-6) or n < 50
        assert abs(p.data.var() - bound**2 / 3) < 5 * bound**2 * math.sqrt(4 / 45 / n)
        assert abs(p.data.mean()) < 5 * bound / math.sqrt(3 * n)
    for p, q in zip(layer.parameters(), make(np.random.default_rng(0)).parameters(), strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_embedding_starts_normal_and_its_padding_at_zero():
    w = nn.Embedding(1000, 100, padding_idx=3, rng=np.random.default_rng(0)).weight.data
    assert not w[3].any()
    rest = np.delete(w, 3, axis=0)
    assert abs(rest.mean()) < 5 / math.sqrt(rest.size)
    assert abs(rest.var() - 1) < 5 * math.sqrt(2 / rest.size)


def test_initialisation_can_be_skipped():
    rng = np.random.default_rng(0)
    with init.skip_init():
        layer = nn.Linear(300, 40, rng=rng)
        init.orthogonal_(layer.weight, rng=rng)
    assert not layer.weight.data.any()
    assert rng.random() == np.random.default_rng(0).random()  # nothing was drawn
    assert nn.Linear(300, 40, rng=rng).weight.data.any()
