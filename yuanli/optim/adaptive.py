"""Optimisers that give every weight a step of its own, from the gradients it has seen.

g is the gradient, plus `weight_decay`·w except in AdamW; all operations are element by element.
"""

from collections.abc import Iterable

import numpy as np

from yuanli.errors import DTypeError
from yuanli.kernels import updates
from yuanli.optim.optimizer import Optimizer, at_least_0, fraction
from yuanli.tensor import Tensor


class Adam(Optimizer):
    """m ← β₁ m + (1 − β₁) g,  v ← β₂ v + (1 − β₂) g²,  w ← w − lr · m̂ / (√v̂ + ε).

    m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) undo that both start as 0.

    Source: Kingma & Ba 2014, arXiv:1412.6980, algorithm 1.
    """

    remembered = ("exp_avg", "exp_avg_sq")

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        decay: Iterable[Tensor] | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, decay)
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise DTypeError(f"{type(self).__name__} needs two numbers as betas, got {betas!r:.40}")
        fraction(self, beta1=betas[0], beta2=betas[1])
        at_least_0(self, eps=eps)
        self.betas, self.eps = betas, eps

    def _update(self, w, g, state, decay, scratch):
        m, v, t = state["exp_avg"], state["exp_avg_sq"], state["step"]
        beta1, beta2 = self.betas
        rate, root2 = self.lr / (1 - beta1**t), (1 - beta2**t) ** 0.5
        updates.adam(w, g, m, v, scratch, rate, decay, beta1, beta2, root2, self.eps)


class AdamW(Adam):
    """Adam, with the weights shrunk apart from the gradient: w ← (1 − lr·λ) w before Adam's step.

    Source: Loshchilov & Hutter 2017, arXiv:1711.05101, algorithm 2.
    Differs: as in torch λ is multiplied by lr itself, not by the schedule's factor alone.
    """

    decays_unasked = True

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        *,
        decay: Iterable[Tensor] | None = None,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, decay=decay)

    def _update(self, w, g, state, decay, scratch):
        if decay:
            w *= 1 - self.lr * decay
        super()._update(w, g, state, 0.0, scratch)


class RMSprop(Optimizer):
    """v ← α v + (1 − α) g²,  w ← w − lr · g / (√v + ε).

    Centred, √(v − m²) replaces √v, with m the running mean of g.  With momentum μ the step is that of
    b ← μ b + g / (√v + ε),  w ← w − lr·b.

    Source: Hinton, Neural Networks for Machine Learning, 2012, lecture 6e; centred: Graves 2013,
    arXiv:1308.0850, eqs. 38-41.  Differs: as in torch ε is outside the root.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        decay: Iterable[Tensor] | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, decay)
        fraction(self, alpha=alpha)
        at_least_0(self, eps=eps, momentum=momentum)
        self.alpha, self.eps, self.momentum, self.centered = alpha, eps, momentum, centered
        self.remembered = (
            "square_avg",
            *(["grad_avg"] if centered else []),
            *(["momentum_buffer"] if momentum else []),
        )

    def _update(self, w, g, state, decay, scratch):
        if decay:
            g = g + decay * w
        v = state["square_avg"]
        v *= self.alpha
        np.multiply(g, g, out=scratch)
        scratch *= 1 - self.alpha
        v += scratch
        if self.centered:
            m = state["grad_avg"]
            m *= self.alpha
            m += np.multiply(g, 1 - self.alpha, out=scratch)
            np.multiply(m, m, out=scratch)
            root = np.sqrt(np.subtract(v, scratch, out=scratch), out=scratch)
        else:
            root = np.sqrt(v, out=scratch)
        root += self.eps
        move = np.divide(g, root, out=scratch)
        if self.momentum:
            b = state["momentum_buffer"]
            b *= self.momentum
            b += move
            np.multiply(b, self.lr, out=move)
        else:
            move *= self.lr
        w -= move


class Adagrad(Optimizer):
    """s ← s + g²,  w ← w − lr_t · g / (√s + ε)  with lr_t = lr / (1 + (t − 1)·lr_decay).

    Source: Duchi 2011, Adaptive Subgradient Methods for Online Learning, fig. 1 (diagonal).
    """

    remembered = ("sum",)

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        eps: float = 1e-10,
        *,
        decay: Iterable[Tensor] | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, decay)
        at_least_0(self, lr_decay=lr_decay, eps=eps)
        self.lr_decay, self.eps = lr_decay, eps

    def _update(self, w, g, state, decay, scratch):
        if decay:
            g = g + decay * w
        s = state["sum"]
        s += np.multiply(g, g, out=scratch)
        root = np.sqrt(s, out=scratch)
        root += self.eps
        move = np.divide(g, root, out=scratch)
        move *= self.lr / (1 + (state["step"] - 1) * self.lr_decay)
        w -= move
