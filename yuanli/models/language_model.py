"""A recurrent network that predicts the next token of a text, and writes text of its own."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import DataError, UnknownNameError, ValueRangeError
from yuanli.nn import GRU, LSTM, RNN, Dropout, Embedding, Linear, Module
from yuanli.random import generator
from yuanli.tensor import Tensor, no_grad

KINDS = {"rnn": RNN, "lstm": LSTM, "gru": GRU}


class LanguageModel(Module):
    """p(tokenₜ₊₁ | token₁ … tokenₜ) = softmax(W hₜ + b): an embedding, recurrent layers, linear scores.

    Tokens (T, N) and the states after the text before them, or None → scores (T, N, V) and the states after
    them: (layers, N, H) once, for an LSTM (h, c).  Dropout is on what goes up from a recurrent layer, never
    on what goes on in time.
    Source: Mikolov 2010, Recurrent neural network based language model; Zaremba 2014, arXiv:1409.2329, fig.
    2.  Differs: an LSTM's forget gates start open, with biases of 1 (Jozefowicz 2015, section 2.2), so that
    errors reach far back from the first step on; Zaremba's dropout is on the embedding's output too.
    """

    def __init__(
        self,
        vocabulary: int,
        kind: str = "lstm",
        embedding_dim: int = 128,
        hidden_size: int = 256,
        num_layers: int = 2,
        dropout: float = 0.0,
        rng: np.random.Generator | None = None,
    ) -> None:
        if kind not in KINDS:
            raise UnknownNameError(f"LanguageModel needs kind {' or '.join(KINDS)}, got {kind!r}")
        between = dropout if num_layers > 1 else 0.0
        self.embedding = Embedding(vocabulary, embedding_dim, rng=rng)
        self.recurrent = KINDS[kind](embedding_dim, hidden_size, num_layers, dropout=between, rng=rng)
        self.drop = Dropout(dropout, rng=rng)
        self.output = Linear(hidden_size, vocabulary, rng=rng)
        if kind == "lstm":
            open_forget_gates(self.recurrent)

    def forward(self, tokens: Any, states: Sequence[Any] | None = None) -> tuple[Tensor, list[Tensor]]:
        if states is not None:
            states = states[0] if self.recurrent.states == 1 else tuple(states)
        y, last = self.recurrent(self.embedding(tokens), states)  # (T, N, H)
        scores = self.output(self.drop(y))  # (T, N, V)
        return scores, [last] if self.recurrent.states == 1 else list(last)


def open_forget_gates(lstm: LSTM) -> None:
    """Set the biases of every forget gate so that they sum to 1."""
    H = lstm.hidden_size
    for name, parameter in lstm.named_parameters():
        if name.startswith("bias"):
            parameter.data[H : 2 * H] = 1.0 if name.startswith("bias_ih") else 0.0


def next_token_loss(scores: Any, tokens: np.ndarray) -> Tensor:
    """Mean cross-entropy in nats a token of scores (T, N, V) and the tokens that came (T, N).

    e to the power of it is the perplexity.
    """
    return ops.cross_entropy(scores.reshape(-1, scores.shape[-1]), tokens.reshape(-1))


def sample(
    model: LanguageModel,
    prompt: Sequence[int] | np.ndarray,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    rng: np.random.Generator | None = None,
) -> Iterator[int]:
    """Tokens without end, each drawn from softmax(scores / temperature) after the prompt and those before.

    top_k: only the k likeliest tokens can come.  temperature 0: always the likeliest.
    Raises: ValueRangeError; DataError for an empty prompt.
    Source: Fan 2018, arXiv:1805.04833, section 5.1: top-k.
    """
    prompt = np.asarray(prompt, np.int64)
    if prompt.ndim != 1 or not len(prompt):
        raise DataError("a text is begun with a prompt of at least one token, got none")
    if not 0 <= temperature < np.inf:
        raise ValueRangeError(f"temperature needs a number from 0 up, got {temperature!r}")
    if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
        raise ValueRangeError(f"top_k needs a whole number from 1 up, got {top_k!r}")
    return _tokens(model, prompt, temperature, top_k, generator(rng))


def _tokens(
    model: LanguageModel, new: np.ndarray, temperature: float, top_k: int | None, rng: np.random.Generator
) -> Iterator[int]:
    states = None
    while True:
        before = model.training
        model.eval()
        with no_grad():
            scores, states = model(new[:, None], states)
        model.train(before)
        token = draw(scores.data[-1, 0], temperature, top_k, rng)
        yield token
        new = np.array([token])


def draw(scores: np.ndarray, temperature: float, top_k: int | None, rng: np.random.Generator) -> int:
    """One of V tokens, from softmax(scores / temperature) over the top_k likeliest."""
    if temperature == 0:
        return int(scores.argmax())
    scores = (scores.astype(np.float64) - scores.max()) / temperature
    if top_k is not None and top_k < len(scores):
        likeliest = np.argsort(-scores, kind="stable")[:top_k]
        kept = np.full(len(scores), -np.inf)
        kept[likeliest] = scores[likeliest]
        scores = kept
    p = np.exp(scores)
    return int(rng.choice(len(p), p=p / p.sum()))
