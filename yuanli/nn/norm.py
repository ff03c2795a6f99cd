"""BatchNorm1d, BatchNorm2d, LayerNorm, LocalResponseNorm."""

from collections.abc import Callable
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import ShapeError
from yuanli.nn.module import Module, Parameter
from yuanli.nn.options import above_zero, between, many, positive
from yuanli.tensor import Tensor


class _BatchNorm(Module):
    """Standardise each channel over the batch (and over space), then scale by `weight` and shift by `bias`.

    y = (x − mean) / √(var + eps) · weight + bias.  In training mean and var (over n) are the batch's, and
    running ← (1 − momentum)·running + momentum·batch, the running variance's over n − 1; in evaluation they
    are the running ones.  momentum=None averages all batches alike; track_running_stats=False keeps none and
    always uses the batch's.
    Source: Ioffe & Szegedy 2015, arXiv:1502.03167, algorithms 1 and 2.
    """

    axes: tuple[int, ...]  # how many axes an input may have
    expects: str

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        bias: bool = True,
    ) -> None:
        layer = type(self).__name__
        positive(layer, num_features=num_features)
        above_zero(layer, eps=eps)
        if momentum is not None:
            between(layer, 0, 1, momentum=momentum)
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(num_features, np.float32)) if affine and bias else None
        self.register_buffer(
            "running_mean", np.zeros(num_features, np.float32) if track_running_stats else None
        )
        self.register_buffer(
            "running_var", np.ones(num_features, np.float32) if track_running_stats else None
        )
        self.register_buffer("num_batches_tracked", np.array(0) if track_running_stats else None)

    running_mean: np.ndarray | None
    running_var: np.ndarray | None
    num_batches_tracked: np.ndarray | None

    def forward(self, x: Any) -> Tensor:
        return self._normalise(ops.batch_norm, x)

    def forward_relu(self, x: Any) -> Tensor:
        """max(0, self(x)), in one operation."""
        return self._normalise(ops.batch_norm_relu, x)

    def forward_relu6(self, x: Any) -> Tensor:
        """min(max(0, self(x)), 6), in one operation."""
        return self._normalise(ops.batch_norm_relu6, x)

    def forward_add_relu(self, x: Any, other: Any) -> Tensor:
        """max(0, self(x) + other), in one operation."""
        return self._normalise(ops.batch_norm_add_relu, x, other)

    def _normalise(self, operation: Callable[..., Tensor], x: Any, *others: Any) -> Tensor:
        if np.ndim(x) not in self.axes:
            raise ShapeError(f"{type(self).__name__} needs x of shape {self.expects}, got {np.shape(x)}")
        counter = self.num_batches_tracked if self.training else None
        momentum = self.momentum
        if momentum is None:
            momentum = 0.0 if counter is None else 1 / (int(counter) + 1)
        training = self.training or self.running_mean is None
        statistics = self.running_mean, self.running_var
        y = operation(x, *others, *statistics, self.weight, self.bias, training, momentum, self.eps)
        if counter is not None:
            counter += 1  # in place: it is the buffer
        return y

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__
    axes = (2, 3)
    expects = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    __doc__ = _BatchNorm.__doc__
    axes = (4,)
    expects = "(N, C, H, W)"


class LayerNorm(Module):
    """Standardise the last axes, those of `normalized_shape`, then scale by `weight` and shift by `bias`.

    y = (x − mean) / √(var + eps) · weight + bias, mean and var over those axes of each sample.
    Source: Ba 2016, arXiv:1607.06450, eqs. 3 and 4.
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        count = len(normalized_shape) if isinstance(normalized_shape, tuple | list) else 1
        self.normalized_shape = many("LayerNorm", "normalized_shape", normalized_shape, max(count, 1))
        above_zero("LayerNorm", eps=eps)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        shape = self.normalized_shape
        self.weight = Parameter(np.ones(shape, np.float32)) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape, np.float32)) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Tensor:
        return ops.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        affine = self.elementwise_affine
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={affine}"


class LocalResponseNorm(Module):
    """Divide by the activity of the `size` channels around: y = x / (k + alpha/size · Σ x²)^beta.

    Source: Krizhevsky 2012, section 3.3.  Differs: alpha is divided by size, as in torch.
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        positive("LocalResponseNorm", size=size)
        between("LocalResponseNorm", 0, float("inf"), alpha=alpha, beta=beta, k=k)
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Any) -> Tensor:
        return ops.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
