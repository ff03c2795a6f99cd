"""Logistic regression on how often each word occurs."""

from typing import Any

import numpy as np

from yuanli.data.filling import trim
from yuanli.nn import Embedding, Module, Parameter, init
from yuanli.tensor import Tensor, as_array


class BagOfWords(Module):
    """scores = W · counts + b: every occurrence of a word adds its weight to each class, wherever it stands.

    Tokens (N, T), 0 is filling → (N, num_classes).  W counts is the sum of the rows of a table, one for each
    token of the text, so the counts, nearly all 0, are never written down.  Weights start at 0.
    Source: the multinomial model of Berger, Della Pietra & Della Pietra 1996, A maximum entropy approach.
    """

    def __init__(self, vocabulary: int, num_classes: int, rng: np.random.Generator | None = None) -> None:
        self.weight = Embedding(vocabulary, num_classes, padding_idx=0, rng=rng)
        self.bias = Parameter(np.zeros(num_classes, np.float32))
        init.zeros_(self.weight.weight)

    def forward(self, tokens: Any) -> Tensor:
        return self.weight(trim(as_array(tokens))).sum(1) + self.bias
