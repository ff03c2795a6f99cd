"""What the table of operations cannot see of normalisation: statistics that change, and known identities."""

import numpy as np
import pytest

from yuanli import Tensor, no_grad, ops


def images(shape=(4, 3, 2, 5), dtype=np.float32):
    return np.random.default_rng(0).normal(2, 3, shape).astype(dtype)


@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 7), (4, 3, 2, 5)], ids=len)
def test_running_statistics_move_in_place_to_the_unbiased_variance(shape):
    x = images(shape)
    mean, var = np.full(3, 10, np.float32), np.full(3, 20, np.float32)
    held = Tensor(mean)
    ops.batch_norm(x, held, Tensor(var), training=True, momentum=0.25)
    assert held.data is mean
    places = x.swapaxes(0, 1).reshape(3, -1)
    np.testing.assert_allclose(mean, 0.75 * 10 + 0.25 * places.mean(1), rtol=1e-5)
    np.testing.assert_allclose(var, 0.75 * 20 + 0.25 * places.var(1, ddof=1), rtol=1e-5)


def test_running_statistics_stay_at_evaluation_and_for_an_empty_batch():
    mean, var = np.ones(3, np.float32), np.full(3, 2, np.float32)
    ops.batch_norm(images(), mean, var)
    ops.batch_norm(images((0, 3, 2)), mean, var, training=True)
    assert (mean == 1).all()
    assert (var == 2).all()


def test_training_without_running_statistics():
    y = ops.batch_norm(images(), None, None, training=True).data.swapaxes(0, 1).reshape(3, -1)
    np.testing.assert_allclose(y.mean(1), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(1), 1, rtol=1e-4)


def test_statistics_move_under_no_grad_too():
    mean, var = np.zeros(3, np.float32), np.ones(3, np.float32)
    with no_grad():
        ops.batch_norm(images(), mean, var, training=True)
    assert (mean != 0).all()


def test_a_constant_channel_becomes_its_bias():
    x = np.full((4, 1, 3), 7, np.float32)
    bias = np.array([5], np.float32)
    assert (ops.batch_norm(x, None, None, None, bias, training=True).data == 5).all()


def test_a_large_mean_does_not_spoil_the_variance():
    """Σx² − n·mean² would lose every digit here."""
    x = images((1000, 2)) + np.float32(10_000)
    y = ops.batch_norm(x, None, None, training=True).data
    np.testing.assert_allclose(y.std(0), 1, rtol=1e-3)


def test_gradients_add_up_to_nothing_along_what_was_normalised():
    """Shifting or stretching a channel does not change its normalised values."""
    x = Tensor(images(dtype=np.float64), requires_grad=True)
    y = ops.batch_norm(x, None, None, training=True, eps=0.0)
    y.backward(np.random.default_rng(1).normal(size=y.shape))
    np.testing.assert_allclose(x.grad.sum((0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose((x.grad * x.data).sum((0, 2, 3)), 0, atol=1e-12)


def test_inputs_are_left_alone():
    x, one = images(), np.ones(3, np.float32)
    for array in (x, one):
        array.flags.writeable = False
    ops.batch_norm(x, one, one, one, one)
    ops.batch_norm(x, None, None, one, one, training=True)
    ops.layer_norm(x, (2, 5))
    ops.local_response_norm(x, 3)


def test_alexnets_constants():
    """Krizhevsky 2012, section 3.3: n = 5, α = 1e-4 not divided by n, β = 0.75, k = 2; all x = 10."""
    y = ops.local_response_norm(np.full((1, 9, 1), 10.0), 5, alpha=5e-4, beta=0.75, k=2.0).data
    assert y[0, 4, 0] == pytest.approx(10 / (2 + 1e-4 * 5 * 100) ** 0.75)
    assert y[0, 0, 0] == pytest.approx(10 / (2 + 1e-4 * 3 * 100) ** 0.75)  # two neighbours are missing


@pytest.mark.reference
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 7), (4, 3, 2, 5), (0, 3, 2)], ids=str)
@pytest.mark.parametrize("momentum", [0.1, 1.0, 0.0])
def test_running_statistics_equal_torchs(shape, momentum):
    import torch

    x = images(shape, np.float64)
    mean, var = np.array([1.0, 2, 3]), np.array([0.5, 1, 2])
    their_mean, their_var = torch.tensor(mean), torch.tensor(var)
    ops.batch_norm(x, mean, var, training=True, momentum=momentum)
    torch.nn.functional.batch_norm(torch.tensor(x), their_mean, their_var, training=True, momentum=momentum)
    if len(x):  # torch's become nan on an empty batch; ours stay
        np.testing.assert_allclose(mean, their_mean, rtol=1e-12)
        np.testing.assert_allclose(var, their_var, rtol=1e-12)
