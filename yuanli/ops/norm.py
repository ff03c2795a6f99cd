"""Normalisation: over the batch, over the features, over neighbouring channels."""

import math

import numpy as np

from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.kernels import elementwise, normalisation
from yuanli.kernels import layer_norm as layer_norm_kernels
from yuanli.kernels.windows import taps_that_see
from yuanli.ops.windows import need_floats, numbers
from yuanli.tensor import differentiable


@differentiable
def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """Give every channel mean 0 and variance 1 over the batch and all places; then scale and shift.

    x̂ = (x − μ) / √(σ² + ε), y = weight · x̂ + bias;
    ∂L/∂x = weight/√(σ² + ε) · (dy − mean dy − x̂ · mean(dy · x̂)), at evaluation without the two means
    In training μ and σ² = mean (x − μ)² are the batch's, and the running statistics, changed in place, become
    (1 − momentum)·old + momentum·(μ, σ²·n/(n − 1)); at evaluation μ and σ² are the running statistics.
    Shapes: x (N, C), (N, C, L) or (N, C, H, W); all else (C,), or None.
    Raises: ShapeError, DTypeError; ValueRangeError in training on one value per channel.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """
    _check_batch_norm("batch_norm", input, running_mean, running_var, weight, bias, training)
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@differentiable
def batch_norm_relu(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """max(0, batch_norm(x)) in the same sweeps over memory: what two neighbours in most networks compute.

    The gradients are those of `batch_norm` for the part of dy where y > 0.
    Shapes, Raises: as batch_norm.  Source: Ioffe & Szegedy 2015, arXiv:1502.03167, section 3.2.
    """
    _check_batch_norm("batch_norm_relu", input, running_mean, running_var, weight, bias, training)
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, 0.0)


@differentiable
def batch_norm_relu6(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """min(max(0, batch_norm(x)), 6) in the same sweeps over memory.

    The gradients are those of `batch_norm` for the part of dy where 0 < y < 6.
    Shapes, Raises: as batch_norm.  Source: Sandler 2018, arXiv:1801.04381, section 3.4.
    """
    _check_batch_norm("batch_norm_relu6", input, running_mean, running_var, weight, bias, training)
    return _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, 0.0, 6.0)


@differentiable
def batch_norm_add_relu(
    input, other, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    """max(0, batch_norm(x) + other) in the same sweeps over memory: where a residual meets its shortcut.

    With g the part of dy where y > 0, ∂L/∂other = g, and the others are the gradients of `batch_norm` for g.
    Shapes: other as x; all else, and Raises, as batch_norm.
    Source: He 2015, arXiv:1512.03385, equation 1 and figure 2.
    """
    op = "batch_norm_add_relu"
    _check_batch_norm(op, input, running_mean, running_var, weight, bias, training)
    need_floats(op, other=other)
    if other.shape != input.shape:
        raise ShapeError(f"{op} needs x and other of one shape, got {input.shape} and {other.shape}")
    y, (grad_input, _, _, grad_weight, grad_bias) = _batch_norm(
        input, running_mean, running_var, weight, bias, training, momentum, eps, other=other
    )
    held: list = [None, None]

    def passed(dy):
        """The part of dy where y > 0, which all gradients need: found once, and given away once."""
        if held[0] is not dy:
            held[:] = dy, elementwise.relu_grad(dy, y)
        return held[1]

    return y, (
        lambda dy: grad_input(passed(dy)),
        passed,
        None,
        None,
        lambda dy: grad_weight(passed(dy)),
        lambda dy: grad_bias(passed(dy)),
    )


def _batch_norm(
    input, running_mean, running_var, weight, bias, training, momentum, eps, floor=-np.inf, ceiling=np.inf,
    other=None,
):  # fmt: skip
    """The rule of all: y = min(ceiling, max(floor, weight·x̂ + bias)), or max(0, weight·x̂ + bias + other)."""
    channels = input.shape[1]

    def rows(dy):
        return np.moveaxis(dy, 1, -1).reshape(-1, channels)

    x = np.moveaxis(input, 1, -1)
    shape, x = x.shape, x.reshape(-1, channels)  # a row for every place
    n = len(x)
    if training:
        mean, var = normalisation.statistics(x)
        if n:
            _update(running_mean, mean, momentum)
            _update(running_var, var * (n / (n - 1)), momentum)
    else:
        mean, var = running_mean.astype(x.dtype), running_var.astype(x.dtype)
    inv_std = 1 / np.sqrt(var + x.dtype.type(eps))
    scale = inv_std if weight is None else inv_std * weight
    shift = np.zeros_like(mean) if bias is None else bias
    if other is None:
        y = normalisation.scale_shift(x, mean, scale, shift, floor, ceiling)
    else:
        y = normalisation.scale_shift_add_relu(x, rows(other), mean, scale, shift)
    held: list = [None, None]

    def back(rows):
        return np.moveaxis(rows.reshape(shape), -1, 1)

    def sums(dy):
        """Σ dy and Σ dy·x̂, which all three gradients need: found once."""
        if held[0] is not dy:
            total, products = normalisation.grad_sums(x, rows(dy), mean, scale, shift, floor, ceiling)
            held[:] = dy, (total, products * inv_std)
        return held[1]

    def grad_input(dy):
        slope = offset = np.zeros_like(mean)
        if training:
            total, products = sums(dy)
            slope, offset = -scale * inv_std * products / n, -scale * total / n
        return back(normalisation.grad_x(x, rows(dy), mean, scale, shift, slope, offset, floor, ceiling))

    return back(y), (grad_input, None, None, lambda dy: sums(dy)[1].copy(), lambda dy: sums(dy)[0].copy())


@differentiable
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Give every example mean 0 and variance 1 over its last axes; then scale and shift.

    x̂ = (x − μ) / √(σ² + ε) with μ and σ² over the axes of normalized_shape, y = weight · x̂ + bias;
    ∂L/∂x = (g − mean g − x̂ · mean(g · x̂)) / √(σ² + ε) with g = weight · dy
    Shapes: x (…, *normalized_shape), weight and bias normalized_shape, or None.
    Raises: ShapeError, DTypeError.
    Source: Ba, Kiros & Hinton 2016, arXiv:1607.06450, equations 3 and 4.
    """
    op = "layer_norm"
    need_floats(op, x=input, weight=weight, bias=bias)
    shape = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    shape = numbers(op, "normalized_shape", shape, len(shape), 1) if shape else ()
    if not shape or input.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"{op} needs x whose last axes are normalized_shape {shape}, got shape {input.shape}"
        )
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None and array.shape != shape:
            raise ShapeError(f"{op} needs {name} of shape {shape}, got {array.shape}")
    width = math.prod(shape)
    flat = [None if v is None else v.reshape(-1) for v in (weight, bias)]
    y, x_hat, inv_std = layer_norm_kernels.layer_norm(input.reshape(-1, width), *flat, eps)

    def rows(dy):
        return dy.reshape(-1, width)

    return y.reshape(input.shape), (
        lambda dy: layer_norm_kernels.grad_x(rows(dy), flat[0], x_hat, inv_std).reshape(input.shape),
        None,
        lambda dy: normalisation.grad_sums(x_hat, rows(dy), *np.zeros((3, width), dy.dtype))[1].reshape(
            shape
        ),
        lambda dy: normalisation.column_sums(rows(dy)).reshape(shape),
    )


@differentiable
def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide by the activity of the `size` neighbouring channels at the same place.

    y_c = x_c · d_c^(−β), d_c = k + (α/size) · Σ x_j² over j = c − ⌊size/2⌋ … c + ⌊(size − 1)/2⌋;
    ∂L/∂x_j = dy_j · d_j^(−β) − (2αβ/size) · x_j · Σ dy_c · x_c · d_c^(−β−1) over the c whose sum has j
    Shapes: (N, C, …) → the same, with at least one axis after C.
    Raises: ShapeError, DTypeError, ValueRangeError.
    Source: Krizhevsky, Sutskever & Hinton 2012, ImageNet Classification with Deep CNNs, section 3.3.
    Differs: α is divided by size, as in torch but not in the paper: its k = 2, n = 5, α = 1e-4, β = 0.75 is
    size=5, alpha=5e-4, beta=0.75, k=2 here.
    """
    op = "local_response_norm"
    need_floats(op, x=input)
    (size,) = numbers(op, "size", size, 1, 1)
    if input.ndim < 3:
        raise ShapeError(f"{op} needs x with at least 3 axes (N, C, …), got shape {input.shape}")
    x = np.moveaxis(input, 1, -1)
    neighbours = taps_that_see(x.shape[-1], x.shape[-1], size, 1, size // 2, 1)

    def summed(terms, mirrored=False):
        total = np.zeros_like(terms)
        for ours, theirs in neighbours:
            if mirrored:
                ours, theirs = theirs, ours
            total[..., ours] += terms[..., theirs]
        return total

    d = k + alpha / size * summed(x * x)
    shrink = d**-beta
    y = x * shrink

    def grad_input(dy):
        dy = np.moveaxis(dy, 1, -1)
        dx = dy * shrink - 2 * alpha * beta / size * x * summed(dy * y / d, mirrored=True)
        return np.moveaxis(dx, -1, 1)

    return np.moveaxis(y, -1, 1), (grad_input,)


def _check_batch_norm(op, input, running_mean, running_var, weight, bias, training):
    given = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    need_floats(op, x=input, **given)
    if input.ndim not in (2, 3, 4):
        raise ShapeError(f"{op} needs x (N, C), (N, C, L) or (N, C, H, W), got shape {input.shape}")
    for name, array in given.items():
        if array is not None and array.shape != input.shape[1:2]:
            raise ShapeError(
                f"{op} needs {name} of shape {input.shape[1:2]}, one for each channel of x of shape "
                f"{input.shape}, got {array.shape}"
            )
    if not training and (running_mean is None or running_var is None):
        raise DTypeError(f"{op} needs running_mean and running_var unless training=True, got None")
    if training and input.size == input.shape[1]:
        raise ValueRangeError(
            f"{op} needs more than one value per channel in training, got shape {input.shape}; "
            "take larger batches, or call eval() on the model"
        )


def _update(running, value, momentum):
    if running is not None:
        running *= 1 - momentum
        running += momentum * value
