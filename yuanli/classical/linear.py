"""The linear classifier of the lectures: scores Wx + b, a loss, a penalty, gradient descent."""

from typing import Any, Self

import numpy as np
from sklearn.utils.metaestimators import available_if

from yuanli import models, ops
from yuanli.classical.base import check_choice, whole
from yuanli.classical.descent import Descent
from yuanli.classical.linear_machine import LinearMachine

LOSSES = {"softmax": ops.cross_entropy, "hinge": ops.multiclass_hinge_loss}


class LinearClassifier(Descent, LinearMachine):
    """min mean loss(Wx + b) + l1‖W‖₁ + l2/2 ‖W‖², b not penalised, by an optimiser on mini-batches.

    loss: "softmax" (cross-entropy) or "hinge" (every wrong class a margin of 1 below the right one).  l1 acts
    by proximal steps, which make exact zeros.  O(N · D · K) an epoch.

    Source: Karpathy & Li, CS231n, linear classification; Weston & Watkins 1998.
    """

    def __init__(
        self,
        *,
        loss: str = "softmax",
        l1: float = 0.0,
        l2: float = 0.0,
        optimizer: str = "SGD",
        options: dict[str, Any] | None = None,
        lr: float = 0.1,
        batch_size: int = 32,
        max_iter: int = 30,
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        self.loss = loss
        self.l1 = l1
        self.l2 = l2
        self.optimizer = optimizer
        self.options = options
        self.lr = lr
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.random_state = random_state

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows X (N, D), their classes y, and what each row counts."""
        check_choice(self, "loss", LOSSES)
        X, numbers, weight = self._validate(X, y, sample_weight)
        weight = weight * self.class_weight_[numbers]
        rng, K = self._generator(), len(self.classes_)
        model = models.LinearClassifier(X.shape[1], K, rng=rng)
        loss, weight = LOSSES[self.loss], (weight / weight.mean()).astype(np.float32)
        self._train(
            model,
            X.astype(np.float32),
            lambda scores, rows: (loss(scores, numbers[rows], reduction="none") * weight[rows]).mean(),
            rng,
        )
        W, b = (p.data.astype(np.float64) for p in (model.weight, model.bias))
        self.coef_, self.intercept_ = (W[1:] - W[:1], b[1:] - b[:1]) if K == 2 else (W, b)
        return self

    def _has_probability(self) -> bool:
        if self.loss != "softmax":
            raise AttributeError("predict_proba is there for loss='softmax' only")
        return True

    @available_if(_has_probability)
    def predict_proba(self, X: Any) -> np.ndarray:
        """(N, classes): softmax of the scores."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            scores = np.stack([np.zeros_like(scores), scores], 1)
        e = np.exp(scores - scores.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)
