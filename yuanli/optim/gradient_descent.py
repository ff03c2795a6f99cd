"""Gradient descent, with momentum: batch, stochastic or mini-batch as it is fed all examples, one or b."""

from collections.abc import Iterable

from yuanli.errors import ValueRangeError
from yuanli.kernels import updates
from yuanli.optim.optimizer import Optimizer, at_least_0
from yuanli.tensor import Tensor


class SGD(Optimizer):
    """v ← μ v + (1 − τ) g,  w ← w − lr·v;  with Nesterov w ← w − lr·(g + μ v).

    g is the gradient plus `weight_decay`·w, μ the momentum, τ the dampening; v starts as the first g.

    Source: Polyak 1964; Nesterov 1983; Sutskever 2013, On the importance of initialization and momentum.
    Differs: as in torch the learning rate multiplies v and is not in it, so a change of lr acts at once.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        decay: Iterable[Tensor] | None = None,
    ) -> None:
        super().__init__(params, lr, weight_decay, decay)
        at_least_0(self, momentum=momentum)
        if nesterov and (not momentum or dampening):
            raise ValueRangeError("Nesterov's step needs momentum > 0 and dampening = 0")
        self.momentum, self.dampening, self.nesterov = momentum, dampening, nesterov
        self.remembered = ("momentum_buffer",) if momentum else ()

    def _update(self, w, g, state, decay, scratch):
        if not self.momentum:
            updates.descend(w, g, scratch, self.lr, decay)
            return
        gain = 1 - self.dampening if state["step"] > 1 else 1
        v = state["momentum_buffer"]
        updates.descend_with_momentum(w, g, v, scratch, self.lr, decay, self.momentum, gain, self.nesterov)
