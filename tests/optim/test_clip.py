"""Clipping by hand and against torch."""

import numpy as np
import pytest

from yuanli import Tensor
from yuanli.errors import NotFiniteError, ValueRangeError
from yuanli.optim import clip_grad_norm_, clip_grad_value_


def tensors(*gradients, dtype=np.float64):
    out = []
    for g in gradients:
        g = np.array(g, dtype)
        out.append(Tensor(np.zeros_like(g), requires_grad=True))
        out[-1].grad = g
    return out


@pytest.mark.parametrize(
    ("max_norm", "norm_type", "total", "factor"),
    [
        (1.0, 2, 13.0, 1 / 13.000001),
        (1.0, 1, 19.0, 1 / 19.000001),
        (6.0, np.inf, 12.0, 6 / 12.000001),
        (0.0, 2, 13.0, 0.0),
        (13.1, 2, 13.0, 1.0),
        (100.0, 2, 13.0, 1.0),
    ],
)
def test_norm_by_hand(max_norm, norm_type, total, factor):
    a, b = tensors([3.0, 4.0], [[-12.0]])
    still = Tensor(np.zeros(2), requires_grad=True)  # without a gradient
    assert clip_grad_norm_([a, still, b], max_norm, norm_type) == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(a.grad, np.array([3.0, 4.0]) * factor, rtol=1e-12)
    np.testing.assert_allclose(b.grad, [[-12.0 * factor]], rtol=1e-12)
    assert still.grad is None


def test_large_float32_gradients_do_not_overflow():
    (a,) = tensors([3e25, 4e25], dtype=np.float32)
    assert clip_grad_norm_(a, 1.0) == pytest.approx(5e25)
    np.testing.assert_allclose(a.grad, [0.6, 0.8], rtol=1e-6)
    assert a.grad.dtype == np.float32


def test_no_gradients():
    assert clip_grad_norm_([Tensor(1.0, requires_grad=True)], 1.0) == 0
    assert clip_grad_norm_([], 1.0) == 0


def test_value_by_hand():
    a, b = tensors([3.0, -4.0, 0.5], 7.0)
    clip_grad_value_([a, b], 2.0)
    assert a.grad.tolist() == [2, -2, 0.5]
    assert b.grad == 2


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite(bad):
    (a,) = tensors([bad, 1.0])
    with pytest.raises(NotFiniteError, match="no longer finite"):
        clip_grad_norm_(a, 1.0, error_if_nonfinite=True)
    assert a.grad[1] == 1
    assert not np.isfinite(clip_grad_norm_(a, 1.0))


@pytest.mark.parametrize(
    "call",
    [
        lambda: clip_grad_norm_([], -1),
        lambda: clip_grad_norm_([], 1, 0),
        lambda: clip_grad_value_([], np.nan),
    ],
)
def test_refuses(call):
    with pytest.raises(ValueRangeError, match=r"clip_grad_.*_ needs"):
        call()


@pytest.mark.reference
@pytest.mark.parametrize("norm_type", [1.0, 2.0, 3.0, float("inf")])
def test_equals_torch(norm_type):
    import torch

    gradients = np.random.default_rng(0).normal(size=(3, 5))
    ours, theirs = (
        tensors(*gradients),
        [torch.zeros(5, requires_grad=True, dtype=torch.float64) for _ in range(3)],
    )
    for t, g in zip(theirs, gradients, strict=True):
        t.grad = torch.tensor(g)
    total = clip_grad_norm_(ours, 0.7, norm_type)
    assert total == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, 0.7, norm_type).item(), rel=1e-12)
    clip_grad_value_(ours, 0.1)
    torch.nn.utils.clip_grad_value_(theirs, 0.1)
    for p, t in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.grad, t.grad.numpy(), rtol=1e-12)
