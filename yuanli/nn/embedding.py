"""Embedding."""

from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import ValueRangeError
from yuanli.nn import init
from yuanli.nn.module import Module, Parameter
from yuanli.nn.options import positive
from yuanli.tensor import Tensor


class Embedding(Module):
    """Row i of a table for each number i: (...) → (..., embedding_dim).

    weight (num_embeddings, embedding_dim) starts as N(0, 1).
    The row `padding_idx` starts at 0 and gets no gradient.
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        positive("Embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueRangeError(
                    f"Embedding needs padding_idx to be one of {num_embeddings} rows, got {padding_idx}"
                )
            padding_idx %= num_embeddings
        self.num_embeddings, self.embedding_dim, self.padding_idx = num_embeddings, embedding_dim, padding_idx
        self.weight = Parameter(np.empty((num_embeddings, embedding_dim), np.float32))
        init.normal_(self.weight, rng=rng)
        if padding_idx is not None:
            self.weight.data[padding_idx] = 0

    def forward(self, numbers: Any) -> Tensor:
        return ops.embedding(numbers, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
