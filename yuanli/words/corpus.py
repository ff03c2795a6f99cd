"""A text as sentences of words, read piece by piece: files may be larger than memory."""

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from yuanli.data.tokens import tokenize
from yuanli.errors import DataError, DTypeError
from yuanli.kernels.compiler import threads
from yuanli.words.ahead import in_order

PIECE = 1 << 21  # bytes read at a time
KEPT = 1 << 26  # words whose numbers are kept in memory; of a longer text every epoch reads the file anew


class Piece(NamedTuple):
    """Some sentences: the number of each word, int32, −1 for an unknown one; how many words each has."""

    words: np.ndarray
    lengths: np.ndarray


class Corpus:
    """Sentences of a file (a line each, words between blanks, UTF-8, also .gz) or lists of words.

    tokens: cut a file's lines by `data.tokens.tokenize` instead, without capitals and punctuation; slower.
    Lists are given as something that can be gone through again and again, which a generator cannot.
    Raises: DataError where the file is not there, empty, or not UTF-8, with the position.
    """

    def __init__(self, source: str | Path | Iterable[list[str]], tokens: str = "blanks") -> None:
        if isinstance(source, Iterator):
            raise DTypeError(
                f"sentences are read once to count and once an epoch, but a {type(source).__name__} can be "
                "read only once; give a list of lists of words, or a file"
            )
        self.source = Path(source) if isinstance(source, str | Path) else source
        self.name = self.source.name.split(".")[0] if isinstance(self.source, Path) else "sentences"
        self.tokens = tokens
        self._kept: list[Piece] | None = []
        self._words: list[str] = []
        self._counts = np.zeros(0, np.int64)

    def count(self) -> tuple[list[str], np.ndarray]:
        """The different words in the order in which they come, and how often each does."""
        if self._words:
            return self._words, self._counts
        numbers: dict[str, int] = {}
        total = 0
        for coded, lengths in self._read():
            own = [numbers.setdefault(word, len(numbers)) for word in coded.dictionary.to_pylist()]
            piece = Piece(np.asarray(own, np.int32)[coded.indices.to_numpy()], lengths)
            seen = np.bincount(piece.words, minlength=len(numbers))
            seen[: len(self._counts)] += self._counts
            self._counts, total = seen, total + len(piece.words)
            if self._kept is not None and total <= KEPT:
                self._kept.append(piece)
            else:
                self._kept = None
        if not total:
            raise DataError(f"{self.source if isinstance(self.source, Path) else 'the text'} has no words")
        self._words = list(numbers)
        return self._words, self._counts

    def pieces(self, numbers: dict[str, int]) -> Iterator[Piece]:
        """The text with the words' `numbers`; sentences lose the words that have none."""
        if self._kept and self._words:
            final = np.array([numbers.get(word, -1) for word in self._words], np.int32)
            for words, lengths in self._kept:
                yield _without_unknown(Piece(final[words], lengths))
            return
        for coded, lengths in self._read():
            own = np.array([numbers.get(word, -1) for word in coded.dictionary.to_pylist()], np.int32)
            yield _without_unknown(Piece(own[coded.indices.to_numpy()], lengths))

    def _read(self) -> Iterator[tuple[pa.DictionaryArray, np.ndarray]]:
        """By pieces the words, as Arrow's array of strings and places in it, and the sentences' lengths."""
        if isinstance(self.source, Path):
            for _, piece in in_order(self._split, _blocks(self.source), threads()):
                yield piece
            return
        held: list[list[str]] = []
        for sentence in self.source:
            if isinstance(sentence, str):
                raise DTypeError(f"a sentence is a list of words, got the text {sentence!r:.40}; split it")
            held.append(list(sentence))
            if len(held) == 10_000:
                yield _coded(*_flat(held))
                held = []
        if held:
            yield _coded(*_flat(held))

    def _split(self, text: bytes) -> tuple[pa.DictionaryArray, np.ndarray]:
        if self.tokens != "blanks":
            return _coded(*_flat([words_of(line, self.tokens) for line in text.decode().splitlines()]))
        lines = pc.split_pattern(pa.array([text], pa.large_string()), "\n").flatten()
        split = pc.utf8_split_whitespace(lines)
        return _coded(*_without_empty(split.flatten(), pc.list_value_length(split).to_numpy()))


def _coded(words: Any, lengths: np.ndarray) -> tuple[pa.DictionaryArray, np.ndarray]:
    return words.dictionary_encode(), lengths


def _blocks(path: Path) -> Iterator[bytes]:
    """The file's bytes, checked to be UTF-8, cut where a line or at least a word ends."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    before, lines = 0, 0  # bytes and lines given out
    held = b""
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as file:
            ended = False
            while not ended:
                read = file.read(PIECE)
                held, ended = held + read, len(read) < PIECE
                end = held.rfind(b"\n") + 1 or max(held.rfind(b" "), held.rfind(b"\t")) + 1
                block, held = (held, b"") if ended else (held[:end], held[end:])
                if block:
                    _check_utf8(path, block, before, lines)
                    before, lines = before + len(block), lines + block.count(b"\n")
                    yield block.removeprefix(b"\xef\xbb\xbf") if before == len(block) else block
    except (gzip.BadGzipFile, EOFError) as error:
        raise DataError(f"{path} is no whole gzip file: {error}") from None


def _check_utf8(path: Path, block: bytes, before: int, lines: int) -> None:
    try:
        block.decode("utf-8")
    except UnicodeDecodeError as error:
        line = lines + block.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not UTF-8: byte {block[error.start]:#04x} at position {before + error.start}, "
            f"line {line}; save it as UTF-8"
        ) from None


def words_of(line: str, tokens: str) -> list[str]:
    """The tokens of a line that have a letter or digit, in small letters."""
    return [word for word in tokenize(line.lower(), tokens) if any(map(str.isalnum, word))]


def _flat(sentences: list[list[str]]) -> tuple[Any, np.ndarray]:
    try:
        words = pa.array([word for sentence in sentences for word in sentence], pa.string())
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise DTypeError(f"a sentence is a list of words: {error}") from None
    return words, np.array([len(sentence) for sentence in sentences], np.int64)


def _without_empty(words: Any, lengths: np.ndarray) -> tuple[Any, np.ndarray]:
    """A line that begins or ends with a blank has empty words there."""
    full = pc.not_equal(words, "").to_numpy(zero_copy_only=False)
    if full.all():
        return words, lengths
    return words.filter(pa.array(full)), _sums(full, lengths)


def _without_unknown(piece: Piece) -> Piece:
    known = piece.words >= 0
    return Piece(piece.words[known], _sums(known, piece.lengths))


def _sums(chosen: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """How many are chosen of each sentence."""
    until = np.concatenate([[0], np.cumsum(chosen)])[np.concatenate([[0], np.cumsum(lengths)])]
    return np.diff(until)
