"""Trained models as Modules made of operations alone, with what stands before and after them.

A Module here says what it `takes` in words, the names of its `inputs` and `outputs`, and gives two `examples`
of different sizes: that is what ONNX needs to know.  The models of texts say again, in operations, what their
forward pass does with NumPy to save work on the filling of short texts; a test holds them equal.
"""

from typing import Any, ClassVar

import numpy as np

from yuanli import ops
from yuanli.data.encode import EncodeTable
from yuanli.data.preprocess import Affine
from yuanli.models import BagOfWords, LanguageModel, TextCNN, TextLSTM
from yuanli.models.gan import GAN
from yuanli.nn import Module, Parameter
from yuanli.recipes.predictor import NetworkPredictor, Predictor
from yuanli.tensor import Tensor

Examples = tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]


class Deployed(Module):
    """A model for others to use."""

    inputs: tuple[str, ...] = ("rows",)
    outputs: tuple[str, ...] = ("probabilities",)
    sizes: ClassVar[tuple[str, ...]] = ("N",)

    def takes(self) -> str:
        """What the inputs are, in words."""
        raise NotImplementedError

    def examples(self) -> Examples:
        """Inputs such as it takes, of two sizes."""
        raise NotImplementedError


class Rows(Deployed):
    """Rows (N, …) → probabilities, or numbers; each subclass says what of.

    Of the preprocessing the last steps that are (x − shift)·factor belong to it; rows are what comes out of
    those before: images of the model's size with pixels from 0 to 255, or the columns of a table as numbers.
    """

    def __init__(self, predictor: Predictor) -> None:
        steps = list(predictor.prepare.steps)
        first = len(steps)
        while first and isinstance(steps[first - 1], Affine):
            first -= 1
        self.shape = predictor.shape
        self.columns = tuple(feature.name for feature in predictor.features)
        self._encoded = any(isinstance(step, EncodeTable) for step in steps)
        self._before = [(_single(step.shift_), _single(step.factor_)) for step in steps[first:]]
        target = predictor.target
        self._after = None if target is None else (_single(target.shift_), _single(target.factor_))
        self.outputs = ("probabilities",) if target is None else ("numbers",)

    def forward(self, rows: Any) -> Tensor:
        for shift, factor in self._before:
            rows = ops.mul(ops.sub(rows, shift), factor)
        return self.answer(rows)

    def answer(self, rows: Any) -> Tensor:
        """What the model says of prepared rows."""
        raise NotImplementedError

    def scaled(self, numbers: Tensor) -> Tensor:
        """Numbers (N, 1) in the target's own unit."""
        assert self._after is not None
        shift, factor = self._after
        return ops.add(ops.div(numbers, factor), shift)

    def takes(self) -> str:
        if len(self.shape) == 3:
            channels, height, width = self.shape
            return f"rows (N, {channels}, {height}, {width}): pixels from 0 to 255"
        named = f", the columns {', '.join(self.columns)}" if self.columns else ""
        words = "columns of 0 and 1" if self._encoded else "their numbers in the note `columns`"
        return f"rows (N, {self.shape[0]}){named}; words are {words}"

    def examples(self) -> Examples:
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(5, *self.shape)).astype(np.float32)
        for shift, factor in self._before[::-1]:
            rows = rows / factor + shift
        return (rows[:2],), (rows[2:],)


class Network(Rows):
    """A network between its preprocessing and its softmax."""

    def __init__(self, predictor: NetworkPredictor) -> None:
        super().__init__(predictor)
        self.model = predictor.model

    def answer(self, rows: Any) -> Tensor:
        scores = self.model(rows)
        return ops.softmax(scores, 1) if self._after is None else self.scaled(scores)


class Texts(Deployed):
    """Tokens (N, T), 0 is filling at the end → probabilities."""

    inputs = ("tokens",)

    def __init__(self, predictor: NetworkPredictor) -> None:
        (tokens,) = predictor.prepare.steps
        self.model = predictor.model
        self.length, self.vocabulary = int(tokens.length_), tuple(tokens.vocabulary_.tokens)

    def forward(self, tokens: Any) -> Tensor:
        model = self.model
        if isinstance(model, TextCNN):
            scores = _text_cnn(model, tokens)
        elif isinstance(model, TextLSTM):
            scores = _text_lstm(model, tokens)
        else:
            assert isinstance(model, BagOfWords)
            scores = model.weight(tokens).sum(1) + model.bias
        return ops.softmax(scores, 1)

    def takes(self) -> str:
        return f"tokens (N, {self.length}): numbers of the note `vocabulary`, 0 after a text's end"

    def examples(self) -> Examples:
        rng = np.random.default_rng(0)
        tokens = rng.integers(1, len(self.vocabulary), (5, self.length))
        for row, length in zip(tokens, (self.length, 1, 3, self.length, self.length // 2), strict=True):
            row[length:] = 0
        return (tokens[:2],), (tokens[2:],)


def _text_cnn(model: TextCNN, tokens: Tensor) -> Tensor:
    """Of each filter the strongest answer among the windows that begin before the text's last words."""
    one, none = np.ones((), np.float32), np.zeros((), np.float32)
    tokens = ops.pad(tokens, (0, max(0, max(model.widths) - tokens.shape[1])))  # room for the widest filter
    lengths = ops.where(tokens != 0, one, none).sum(1, True)  # (N, 1)
    x = ops.permute(ops.unsqueeze(model.embedding(tokens), 1), (0, 3, 1, 2))  # (N, D, 1, T)
    found = []
    for width in model.widths:
        c = ops.squeeze(getattr(model, f"conv{width}")(x), 2)
        last = ops.unsqueeze(ops.maximum(lengths - width, 0.0), 2)  # (N, 1, 1)
        counts = last >= np.arange(c.shape[2], dtype=np.float32)
        found.append(ops.relu(ops.where(counts, c, np.full((), -np.inf, c.dtype)).max(2)))
    return model.output(model.dropout(ops.cat(found, 1)))


def _text_lstm(model: TextLSTM, tokens: Tensor) -> Tensor:
    """The two last states of a text, whose filling is no step."""
    turned = ops.transpose(tokens, 0, 1)  # (T, N)
    _, (h, _) = model.recurrent(model.embedding(turned), mask=turned != 0)
    return model.output(model.dropout(ops.cat([h[0], h[1]], 1)))


class Continues(Deployed):
    """Tokens (T, N) and the states before them → scores of what comes next (T, N, V), the states after."""

    sizes = ("T", "N")

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        states = ("h", "c")[: model.recurrent.states]
        self.inputs = ("tokens", *states)
        self.outputs = ("scores", *(f"{name}_after" for name in states))

    def forward(self, tokens: Any, *states: Any) -> tuple[Tensor, ...]:
        scores, after = self.model(tokens, states)
        return scores, *after

    def takes(self) -> str:
        layers, width = self.model.recurrent.num_layers, self.model.recurrent.hidden_size
        return (
            f"tokens (T, N); {' and '.join(self.inputs[1:])} ({layers}, N, {width}), 0 before a text begins"
        )

    def examples(self) -> Examples:
        rng = np.random.default_rng(0)
        layers, width = self.model.recurrent.num_layers, self.model.recurrent.hidden_size

        def batch(steps: int, rows: int) -> tuple[np.ndarray, ...]:
            tokens = rng.integers(0, len(self.model.embedding.weight), (steps, rows))
            states = (rng.normal(size=(layers, rows, width)).astype(np.float32) for _ in self.inputs[1:])
            return tokens, *states

        return batch(5, 2), batch(7, 3)


class Paints(Deployed):
    """Noise (N, n) → images, from −1 to 1."""

    inputs, outputs = ("noise",), ("images",)

    def __init__(self, game: GAN) -> None:
        self.generator, self.noise = game.generator, game.noise

    def forward(self, noise: Any) -> Tensor:
        return self.generator(noise)

    def takes(self) -> str:
        return f"noise (N, {self.noise}): numbers of a normal distribution"

    def examples(self) -> Examples:
        noise = np.random.default_rng(0).standard_normal((5, self.noise), np.float32)
        return (noise[:2],), (noise[2:],)


class Vectors(Deployed):
    """Words by number (N,) → their vectors (N, D)."""

    inputs, outputs = ("words",), ("vectors",)

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = Parameter(vectors)

    def forward(self, words: Any) -> Tensor:
        return ops.embedding(words, self.vectors)

    def takes(self) -> str:
        return "words (N,): numbers of the note `vocabulary`"

    def examples(self) -> Examples:
        words = np.random.default_rng(0).integers(0, len(self.vectors), 5)
        return (words[:2],), (words[2:],)


def _single(numbers: np.ndarray) -> np.ndarray:
    return np.asarray(numbers, np.float32)
