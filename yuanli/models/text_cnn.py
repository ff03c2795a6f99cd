"""TextCNN."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.data.filling import trim
from yuanli.nn import Conv2d, Dropout, Embedding, Linear, Module
from yuanli.tensor import Tensor, as_array


class TextCNN(Module):
    """Filters as wide as h words slide over a text; of each the strongest answer counts, wherever it was.

    cₜ = w · xₜ:ₜ₊ₕ₋₁ + b, ĉ = max(0, maxₜ cₜ), scores = W dropout(ĉ) + b: tokens (N, T), 0 is filling →
    (N, num_classes).  `maps` filters of each of the `widths`.
    Source: Kim 2014, arXiv:1408.5882, eq. 1–4: CNN-rand, whose word vectors are learned from scratch.
    Differs: windows that only see filling do not count, so that a text's scores do not depend on the batch it
    is in; the rows of W are not held to a norm of 3, weight decay stands for that.
    """

    def __init__(
        self,
        vocabulary: int,
        num_classes: int,
        embedding_dim: int = 128,
        maps: int = 100,
        widths: Sequence[int] = (3, 4, 5),
        dropout: float = 0.5,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.widths = tuple(widths)
        self.embedding = Embedding(vocabulary, embedding_dim, padding_idx=0, rng=rng)
        for width in self.widths:
            setattr(self, f"conv{width}", Conv2d(embedding_dim, maps, (1, width), rng=rng))
        self.dropout = Dropout(dropout, rng=rng)
        self.output = Linear(maps * len(self.widths), num_classes, rng=rng)

    def forward(self, tokens: Any) -> Tensor:
        strongest = [ops.relu(answers.max(2)) for answers in self.answers(tokens)]
        return self.output(self.dropout(ops.cat(strongest, 1)))

    def answers(self, tokens: Any) -> list[Tensor]:
        """cₜ of the filters of each width, (N, maps, T − width + 1), −∞ where a window begins in filling."""
        tokens = trim(as_array(tokens), least=max(self.widths))  # (N, T)
        lengths = (tokens != 0).sum(1)
        x = ops.permute(ops.unsqueeze(self.embedding(tokens), 1), (0, 3, 1, 2))  # (N, D, 1, T)
        found = []
        for width in self.widths:
            c = ops.squeeze(getattr(self, f"conv{width}")(x), 2)
            last = np.maximum(lengths - width, 0)  # where the last window that counts begins
            counts = np.arange(c.shape[2]) <= last[:, None]
            found.append(ops.where(counts[:, None], c, np.full((), -np.inf, c.dtype)))
        return found
