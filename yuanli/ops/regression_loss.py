"""Losses of numbers: how far what is predicted lies from what was measured.

In all of them d = input − target, element by element, and both have the same shape: nothing is broadcast,
since (N, 1) against (N,) would silently compare everything with everything.  `reduction` is "mean", "sum" or
"none"; the mean over no elements is nan.  Both inputs get gradients, and ∂/∂target = −∂/∂input.
"""

import numpy as np

from yuanli.errors import DTypeError, ShapeError, UnknownNameError, ValueRangeError
from yuanli.tensor import as_array, differentiable


@differentiable
def mse_loss(input, target, reduction="mean"):
    """Squared error.

    ℓ = d², ∂ℓ/∂input = 2d; smooth everywhere, 0 at d = 0.
    Source: Gauss, Theoria combinationis observationum, 1821.
    """
    d = _difference("mse_loss", input, target)
    loss, share = reduced(d * d, reduction)
    return loss, _opposite(target, lambda dy: (2 * share * dy) * d)


@differentiable
def l1_loss(input, target, reduction="mean"):
    """Absolute error.

    ℓ = |d|, ∂ℓ/∂input = sign d; a kink at d = 0, where the subgradient 0 is taken.
    Source: Laplace, Mémoire sur la probabilité des causes, 1774.
    """
    d = _difference("l1_loss", input, target)
    loss, share = reduced(np.abs(d), reduction)
    return loss, _opposite(target, lambda dy: (share * dy) * np.sign(d))


@differentiable
def rmse_loss(input, target):
    """Root of the mean squared error, in the target's units.

    L = √(Σ d² / n), ∂L/∂input = d / (n L); a kink where every d is 0, and the subgradient 0 is taken there.
    Differs: it is not the Euclidean distance, which has no 1/n.
    """
    d = _difference("rmse_loss", input, target)
    n = d.size or np.nan
    loss = np.sqrt((d * d).sum() / n)
    return loss, _opposite(target, lambda dy: d * (dy / (n * loss)) if loss != 0 else np.zeros_like(d))


@differentiable
def smooth_l1_loss(input, target, reduction="mean", beta=1.0):
    """Squared error near 0 and absolute error beyond β.

    ℓ = d² / 2β where |d| < β, else |d| − β/2;  ∂ℓ/∂input = d/β held between −1 and 1.
    Smooth at 0 and at ±β; β = 0 is l1_loss, with its subgradient.
    Source: Girshick, Fast R-CNN, 2015, arXiv:1504.08083, eq. 3, where β = 1.
    """
    if not beta >= 0:
        raise ValueRangeError(f"smooth_l1_loss needs beta ≥ 0, got {beta}")
    d = _difference("smooth_l1_loss", input, target)
    size = np.abs(d)
    near = np.minimum(size, beta)
    loss, share = reduced(np.where(size < beta, near * near / (2 * beta or 1), size - beta / 2), reduction)
    slope = np.clip(d / beta, -1, 1) if beta else np.sign(d)
    return loss, _opposite(target, lambda dy: (share * dy) * slope)


@differentiable
def huber_loss(input, target, reduction="mean", delta=1.0):
    """Squared error near 0 and absolute error, of slope δ, beyond δ: δ · smooth_l1_loss(β = δ).

    ℓ = d²/2 where |d| ≤ δ, else δ (|d| − δ/2);  ∂ℓ/∂input = d held between −δ and δ; smooth at 0 and at ±δ.
    Source: Huber, Robust Estimation of a Location Parameter, 1964.
    """
    if not delta > 0:
        raise ValueRangeError(f"huber_loss needs delta > 0, got {delta}")
    d = _difference("huber_loss", input, target)
    slope = np.clip(d, -delta, delta)
    loss, share = reduced(slope * (d - slope / 2), reduction)
    return loss, _opposite(target, lambda dy: (share * dy) * slope)


def reduced(loss, reduction):
    """The element losses reduced, and each one's share of the result: 1/n in a mean, else 1."""
    if reduction == "mean":
        n = loss.size or np.nan  # Σ over nothing / nan = nan, without a warning
        return loss.sum() / n, 1 / n
    if reduction == "sum":
        return loss.sum(), 1
    if reduction == "none":
        return loss, 1
    raise UnknownNameError(f'reduction must be "mean", "sum" or "none", got {reduction!r}')


def floating(name, input):
    """The predictions as an array of floats."""
    x = as_array(input)
    if x.dtype.kind != "f":
        raise DTypeError(f"{name} needs floats as input, got dtype {x.dtype}")
    return x


def same_shape(name, input, target):
    """Both as arrays, the target in the input's dtype; they must have one shape."""
    x, t = floating(name, input), np.asarray(target)
    if t.dtype.kind not in "fiub":
        raise DTypeError(f"{name} needs numbers as target, got dtype {t.dtype}")
    if x.shape != t.shape:
        raise ShapeError(
            f"{name} needs input and target of one shape, got {x.shape} and {t.shape}; reshape one of them"
        )
    return x, t.astype(x.dtype, copy=False)


def _difference(name, input, target):
    x, t = same_shape(name, input, target)
    return x - t


def _opposite(target, grad_input):
    return grad_input, unless_list(target, lambda dy: -grad_input(dy))


def unless_list(target, grad_target):
    """The target's gradient; lists are taken too, and have none."""
    return None if isinstance(target, list | tuple) else grad_target
