"""Words and their vectors: which lie near each other, analogies, and files."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np

from yuanli.errors import CheckpointError, DataError, ShapeError, UnknownNameError, ValueRangeError
from yuanli.training import files
from yuanli.words import formats


class KeyedVectors:
    """Row i of `vectors` (V, D) belongs to the word `index_to_key[i]`; gensim's names.

    Nearness is the cosine of the angle between two vectors: their directions count, not their lengths.
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray) -> None:
        if vectors.ndim != 2 or len(words) != len(vectors):
            raise ShapeError(
                f"word vectors need a row a word, got {len(words)} words and shape {vectors.shape}"
            )
        self.index_to_key = list(words)
        self.key_to_index = {word: i for i, word in enumerate(words)}
        if len(self.key_to_index) != len(self.index_to_key):
            raise DataError(f"{len(words) - len(self.key_to_index)} words come more than once")
        self.vectors = vectors

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, word: str) -> bool:
        return word in self.key_to_index

    def __getitem__(self, words: str | list[str]) -> np.ndarray:
        """The vector of a word (D,), or of several (n, D).  Raises: UnknownNameError."""
        return self.vectors[
            self.get_index(words) if isinstance(words, str) else list(map(self.get_index, words))
        ]

    def get_index(self, word: str) -> int:
        """A word's row.  Raises: UnknownNameError that offers words spelt like it."""
        if word not in self.key_to_index:
            near = difflib.get_close_matches(str(word), self.index_to_key[:50_000], n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise UnknownNameError(
                f"no vector is known for {word!r}: the text had it too rarely, or not at all{hint}"
            )
        return self.key_to_index[word]

    def unit_vectors(self) -> np.ndarray:
        """The vectors with length 1 (those of length 0 as they are)."""
        lengths = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        return self.vectors / np.where(lengths, lengths, 1)

    def similarity(self, a: str, b: str) -> float:
        """cos(a, b) = a·b / (|a| |b|)"""
        x, y = self[a], self[b]
        lengths = np.linalg.norm(x) * np.linalg.norm(y)
        return float(x @ y / lengths) if lengths else 0.0

    def most_similar(
        self, positive: str | Sequence[str] = (), negative: str | Sequence[str] = (), topn: int = 10
    ) -> list[tuple[str, float]]:
        """The words nearest to Σ positive − Σ negative, and their cosines; none of those given.

        `most_similar(["king", "woman"], ["man"])`: what king is to man, to woman.
        Source: Mikolov 2013, arXiv:1301.3781, section 4.
        """
        plus, minus = ([words] if isinstance(words, str) else list(words) for words in (positive, negative))
        given = [self.get_index(word) for word in plus + minus]
        if not given or topn < 1:
            raise ValueRangeError(
                f"most_similar needs a word and topn ≥ 1, got topn={topn} and {plus + minus}"
            )
        unit = self.unit_vectors()
        target = np.array([1] * len(plus) + [-1] * len(minus)) @ unit[given]
        cosines = unit @ (target / (np.linalg.norm(target) or 1)).astype(unit.dtype)
        cosines[given] = -np.inf
        best = np.argsort(-cosines, kind="stable")[: min(topn, len(self) - len(set(given)))]
        return [(self.index_to_key[i], float(cosines[i])) for i in best]

    def evaluate_word_analogies(
        self, path: str | Path, restrict_vocab: int = 300_000
    ) -> tuple[float, list[dict[str, Any]]]:
        """The share of questions "a is to b as c is to d" whose d is the word nearest to b − a + c.

        The file has a question a line and ": title" before each section; upper and lower case are one.
        Questions with a word not among the `restrict_vocab` first are left out.
        -> (the share, [{"section", "correct", "incorrect"}] with four words a question)
        Raises: DataError for another kind of file, or when no question is left.
        """
        words = [word.upper() for word in self.index_to_key[:restrict_vocab]]
        numbers = {word: i for i, word in reversed(list(enumerate(words)))}  # the most frequent spelling
        unit = self.unit_vectors()[sorted(numbers.values())]
        row = {number: i for i, number in enumerate(sorted(numbers.values()))}
        sections = []
        for title, asked in formats.read_analogies(Path(path)):
            known = [q for q in asked if all(word in numbers for word in q)]
            places = np.array([[row[numbers[word]] for word in q] for q in known], np.int64).reshape(-1, 4)
            parts: dict[bool, list[tuple[str, ...]]] = {True: [], False: []}
            for i in range(0, len(known), 512):
                right = _answered(unit, places[i : i + 512]).tolist()
                for question, is_right in zip(known[i : i + 512], right, strict=True):
                    parts[is_right].append(question)
            sections.append({"section": title, "correct": parts[True], "incorrect": parts[False]})
        correct = sum(len(section["correct"]) for section in sections)
        total = correct + sum(len(section["incorrect"]) for section in sections)
        if not total:
            raise DataError(f"{path}: no question has all of its words in this vocabulary of {len(self)}")
        return correct / total, sections

    # Files -------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Keep words and vectors as safetensors."""
        files.save(Path(path), {"words": self.index_to_key, "vectors": self.vectors})

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """What `save` wrote.  Raises: CheckpointError."""
        tree = files.load(Path(path))
        try:
            return cls(tree["words"], np.asarray(tree["vectors"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"{path} holds no word vectors: {error!r}") from None

    def save_word2vec_format(self, path: str | Path, binary: bool = False) -> None:
        """Keep words and vectors in the format of word2vec's C program, which many programs read."""
        formats.write(Path(path), self.index_to_key, self.vectors, binary)

    @classmethod
    def load_word2vec_format(cls, path: str | Path, binary: bool = False) -> Self:
        """What word2vec, gensim or `save_word2vec_format` wrote.  Raises: DataError saying where it errs."""
        return cls(*formats.read(Path(path), binary))


def _answered(unit: np.ndarray, questions: np.ndarray) -> np.ndarray:
    """Whether the word nearest to b − a + c, none of these three, is d; questions (N, 4) rows of `unit`."""
    a, b, c, d = questions.T
    cosines = (unit[b] - unit[a] + unit[c]) @ unit.T
    for given in (a, b, c):
        cosines[np.arange(len(questions)), given] = -np.inf
    return cosines.argmax(1) == d
