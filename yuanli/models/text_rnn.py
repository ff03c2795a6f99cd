"""A recurrent network that reads a text and says what it is."""

from typing import Any

import numpy as np

from yuanli import ops
from yuanli.data.filling import trim
from yuanli.models.language_model import open_forget_gates
from yuanli.nn import LSTM, Dropout, Embedding, Linear, Module
from yuanli.tensor import Tensor, as_array


class TextLSTM(Module):
    """An LSTM reads the words in both directions; its two last states are what is known of the text.

    scores = W dropout([h→_T, h←_1]) + b: tokens (N, T), 0 is filling and no step → (N, num_classes).
    Source: Graves & Schmidhuber 2005, Framewise phoneme classification with bidirectional LSTM, section 3.
    """

    def __init__(
        self,
        vocabulary: int,
        num_classes: int,
        embedding_dim: int = 128,
        hidden_size: int = 128,
        dropout: float = 0.5,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.embedding = Embedding(vocabulary, embedding_dim, padding_idx=0, rng=rng)
        self.recurrent = LSTM(embedding_dim, hidden_size, bidirectional=True, rng=rng)
        self.dropout = Dropout(dropout, rng=rng)
        self.output = Linear(2 * hidden_size, num_classes, rng=rng)
        open_forget_gates(self.recurrent)

    def forward(self, tokens: Any) -> Tensor:
        tokens = trim(as_array(tokens)).T  # (T, N)
        _, (h, _) = self.recurrent(self.embedding(tokens), mask=tokens != 0)  # (2, N, H)
        return self.output(self.dropout(ops.cat([h[0], h[1]], 1)))
