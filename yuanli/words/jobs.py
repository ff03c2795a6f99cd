"""A text in jobs of some thousand words: what one thread trains on at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from yuanli.words.corpus import Corpus
from yuanli.words.vocabulary import Vocabulary

JOB = 1 << 14  # words


@dataclass(frozen=True)
class Job:
    """Words of the text, the sentence of each, and how many words of the epoch come before them."""

    epoch: int
    number: int
    words: np.ndarray
    sentences: np.ndarray
    before: int


class Jobs:
    """One epoch of jobs an iteration; what `state()` counts as done is not given again after `load_state`.

    A window never reaches beyond its sentence, nor beyond its job.
    """

    def __init__(self, corpus: Corpus, vocabulary: Vocabulary) -> None:
        self.corpus = corpus
        self.numbers = vocabulary.key_to_index
        self.words = int(vocabulary.counts.sum())
        self.epoch = self.done = 0

    def __len__(self) -> int:
        """About how many jobs an epoch has."""
        return -(-self.words // JOB)

    def __iter__(self) -> Iterator[Job]:
        number = before = 0
        for words, lengths in self.corpus.pieces(self.numbers):
            sentences = np.repeat(np.arange(len(lengths)), lengths)
            for start in range(0, len(words), JOB):
                if number >= self.done:
                    part = slice(start, start + JOB)
                    yield Job(self.epoch, number, words[part], sentences[part], before + start)
                number += 1
            before += len(words)

    def end_epoch(self) -> None:
        self.epoch, self.done = self.epoch + 1, 0

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "done": self.done}

    def load_state(self, state: dict[str, Any]) -> None:
        self.epoch, self.done = state["epoch"], state["done"]
