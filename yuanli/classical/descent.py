"""Gradient descent on mini-batches, for estimators that are a Module inside."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from yuanli import optim
from yuanli.classical.base import check_integer, check_real
from yuanli.data.batches import Batches
from yuanli.errors import ValueRangeError
from yuanli.nn import Module
from yuanli.optim import ElasticNet
from yuanli.tensor import Tensor
from yuanli.training import fit

OPTIMIZERS = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad")
AT_ONCE = 1024  # rows that go through a model together when it answers


class Descent:
    """How such estimators are trained: `optimizer`, `lr`, `batch_size`, `max_iter` epochs, l1 and l2.

    `optimizer` is the name of one of `yuanli.optim`, `options` what else it takes (a dict), such as momentum.
    """

    optimizer: str
    options: dict[str, Any] | None
    lr: float
    batch_size: int
    max_iter: int
    l1: float
    l2: float
    random_state: Any

    def _generator(self) -> np.random.Generator:
        return np.random.default_rng(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _train(
        self,
        model: Module,
        X: np.ndarray,
        loss: Callable[[Tensor, np.ndarray], Tensor],
        rng: np.random.Generator,
    ) -> None:
        """Minimise the mean over rows of loss(scores, numbers of the rows) + l1‖W‖₁ + l2/2 ‖W‖²."""
        if self.optimizer not in OPTIMIZERS:
            raise ValueRangeError(
                f"The 'optimizer' parameter of {type(self).__name__} must be one of {', '.join(OPTIMIZERS)}. "
                f"Got {self.optimizer!r} instead."
            )
        kind = getattr(optim, self.optimizer)
        check_real(self, "lr", 0, open_low=True, open_high=True)
        optimizer = kind(model.parameters(), lr=self.lr, **(self.options or {}))
        size = min(check_integer(self, "batch_size", 1), len(X))
        epochs = check_integer(self, "max_iter", 1)
        l1, l2 = check_real(self, "l1", 0, open_high=True), check_real(self, "l2", 0, open_high=True)
        penalty = ElasticNet(l1, l2) if l1 or l2 else None
        batches = Batches(X, np.arange(len(X)), size, rng=rng)
        training = fit(model, loss, optimizer, batches, epochs=epochs, penalty=penalty)
        self.loss_curve_ = [float(row["train_loss"]) for row in training.rows]
        self.n_iter_ = len(training.rows)
        model.eval()


def answers(model: Module, X: np.ndarray) -> np.ndarray:
    """What a model says of every row, float64."""
    parts = [model(Tensor(X[i : i + AT_ONCE])).data for i in range(0, len(X), AT_ONCE)]
    return np.concatenate(parts).astype(np.float64)
