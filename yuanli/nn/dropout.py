"""Dropout."""

from typing import Any

import numpy as np

from yuanli import ops
from yuanli.nn.module import Module
from yuanli.nn.options import between
from yuanli.random import generator


class Dropout(Module):
    """In training, each element is 0 with probability p and else divided by 1 − p; in evaluation y = x.

    E[y] = x in both.  `rng` is kept: two layers given the same generator draw from it in turn.
    Source: Srivastava 2014, JMLR 15.  Differs: scaled in training ("inverted"), not in evaluation.
    """

    def __init__(self, p: float = 0.5, rng: np.random.Generator | None = None) -> None:
        between("Dropout", 0, 1, p=p)
        generator(rng)  # raises for what is none
        self.p, self.rng = p, rng

    def forward(self, x: Any) -> Any:
        return ops.dropout(x, self.p, self.training, rng=self.rng)

    def extra_repr(self) -> str:
        return f"p={self.p}"
