"""Penalties R(w) added to the data loss, on weights: of a model, its parameters with two axes or more.

Biases and the gains of normalisations have one axis and are left alone.  Whatever else is to be penalised (or
only some weights) is given as a list of tensors in the model's place.

What is smooth enters through the loss, `(data_loss + penalty.loss(model)).backward()`; the L1 norm through
`penalty.prox(model, optimizer.lr)` after the optimiser's step, which sets small weights to exactly 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from yuanli.errors import DTypeError, ValueRangeError
from yuanli.optim.optimizer import at_least_0
from yuanli.tensor import Tensor, differentiable


@dataclass(frozen=True)
class ElasticNet:
    """R(w) = λ₁·‖w‖₁ + (λ₂/2)·‖w‖²

    Source: Zou & Hastie 2005, Regularization and variable selection via the elastic net.
    Differs: the half makes λ₂ the `weight_decay` of an optimiser; scikit-learn's ElasticNet(alpha, l1_ratio)
    has λ₁ = alpha·l1_ratio and λ₂ = alpha·(1 − l1_ratio).
    """

    l1: float
    l2: float

    def __post_init__(self) -> None:
        at_least_0(self, l1=self.l1, l2=self.l2)

    def loss(self, model: Any) -> Tensor | float:
        """The smooth part (λ₂/2)·‖w‖², to be added to the data loss; its gradient is λ₂·w.  0 where λ₂ is."""
        return _half_square(*weights(model), factor=self.l2) if self.l2 else 0.0

    def prox(self, model: Any, lr: float) -> None:
        """w ← sign(w)·max(|w| − lr·λ₁, 0), in place: the proximal step of lr·λ₁·‖w‖₁ (soft threshold).

        After a plain gradient step this is ISTA, which converges to the minimum of the penalised loss; after
        momentum or an adaptive step the zeros are as exact, the minimum is no longer guaranteed.

        Source: Parikh & Boyd, Proximal Algorithms, 2014, section 6.5.2.
        """
        if not lr >= 0:
            raise ValueRangeError(f"prox needs lr ≥ 0, got {lr}")
        if threshold := lr * self.l1:
            for w in weights(model):
                w.data -= np.clip(w.data, -threshold, threshold)

    def value(self, model: Any) -> float:
        """R(w), both parts."""
        return sum(
            self.l1 * float(np.abs(w.data).sum()) + self.l2 / 2 * float(np.vdot(w.data, w.data))
            for w in weights(model)
        )


class L1(ElasticNet):
    """R(w) = λ·‖w‖₁, by proximal steps: unimportant weights become exactly 0."""

    def __init__(self, strength: float) -> None:
        super().__init__(strength, 0.0)


class L2(ElasticNet):
    """R(w) = (λ/2)·‖w‖², in the loss: all weights shrink, none to 0."""

    def __init__(self, strength: float) -> None:
        super().__init__(0.0, strength)


def weights(model: Any) -> list[Tensor]:
    """What is penalised: a model's trainable parameters with two axes or more, or every tensor of a list."""
    if hasattr(model, "named_parameters"):
        found = [p for _, p in model.named_parameters() if p.ndim >= 2 and p.requires_grad]
        if not found:
            raise ValueRangeError(
                f"a penalty finds no trainable weight with two axes or more in {type(model).__name__}; "
                "give a list of tensors instead"
            )
        return found
    if isinstance(model, Tensor) or not isinstance(model, Iterable):
        raise DTypeError(
            f"a penalty needs a model or a list of tensors, got {type(model).__name__}; write [w]"
        )
    return list(model)


def sparsity(model: Any) -> tuple[int, int]:
    """How many weights are exactly 0, and how many there are."""
    found = weights(model)
    return sum(int((w.data == 0).sum()) for w in found), sum(w.size for w in found)


@differentiable
def _half_square(*weights, factor):
    """(λ/2)·Σ ‖w‖²; ∂/∂w = λ w"""
    value = factor / 2 * sum(np.vdot(w, w) for w in weights)
    return value, [lambda dy, w=w: dy * factor * w for w in weights]
