"""A trained language model: text in, text out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yuanli.data import Dataset
from yuanli.data.streams import Streams
from yuanli.data.tokens import Vocabulary, join, tokenize
from yuanli.errors import DataError, ValueRangeError
from yuanli.models import LanguageModel
from yuanli.models.language_model import sample
from yuanli.recipes.settings import whole
from yuanli.recipes.threads import suitable_threads

AT_ONCE = 32  # streams that a text is cut into to be judged


@dataclass
class Writer:
    """A trained language model with the tokens it knows: text in, text out."""

    recipe: Any
    model: LanguageModel
    tokens: str
    vocabulary: Vocabulary

    def encode(self, text: str) -> np.ndarray:
        """The text's tokens by number.  Raises: DataError for characters the model has never seen."""
        return self.vocabulary.encode(tokenize(text, self.tokens))

    def write(
        self,
        prompt: str,
        length: int,
        *,
        temperature: float = 1.0,
        top_k: int | None = None,
        rng: np.random.Generator | None = None,
    ) -> str:
        """The prompt and `length` tokens after it; without a prompt it begins as after a new line.

        Raises: DataError for characters the model has never seen; ValueRangeError.
        """
        if not whole(length) or length < 1:
            raise ValueRangeError(f"length needs a whole number of tokens from 1 up, got {length!r}")
        before = tokenize(prompt, self.tokens)
        begin = before or ["\n" if "\n" in self.vocabulary.numbers else self.vocabulary.tokens[0]]
        numbers = self.vocabulary.encode(begin)
        drawn = sample(self.model, numbers, temperature=temperature, top_k=top_k, rng=rng)
        with suitable_threads(0):
            new = self.vocabulary.decode(next(drawn) for _ in range(length))
        last = before[-1:]
        return prompt + join([*last, *new], self.tokens)[len(join(last, self.tokens)) :]

    @property
    def parameters(self) -> int:
        return sum(p.size for p in self.model.parameters())

    def config(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "vocabulary": list(self.vocabulary.tokens)}

    def state(self) -> dict[str, Any]:
        return {"learned": self.model.state_dict()}


def unit(tokens: str) -> str:
    return "characters" if tokens == "characters" else "words"


def text_of(data: Dataset) -> str:
    """The text that a set of characters is, to the last one predicted."""
    return "".join(map(data.classes.__getitem__, [*data.x.tolist(), int(data.y[-1])]))


def streams_of(writer: Writer, data: Dataset, batch_size: int | None = None, steps: int = 256) -> Streams:
    """The text as the model is to predict it; without a batch_size, as it is judged."""
    numbers = writer.encode(text_of(data))
    if len(numbers) < 2:
        raise DataError(f"{data.name}: a text to be judged on needs at least two tokens, got {len(numbers)}")
    streams = batch_size or max(1, min(AT_ONCE, len(numbers) // 1000))
    return Streams(numbers[:-1], numbers[1:], min(streams, len(numbers) - 1), steps)
