"""Text as tokens, tokens as numbers: characters, words, and Chinese words by jieba."""

import logging
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Self

import numpy as np

from yuanli.data.transformer import Transformer
from yuanli.errors import CheckpointError, DataError, DTypeError, NotFittedError, UnknownNameError

UNITS = ("characters", "words", "jieba")
PADDING, UNKNOWN = "<pad>", "<unk>"
CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"\n|<\w+>|[{CJK}]|[^\W{CJK}]+(?:['’][^\W{CJK}]+)*|[^\w\s]")
CLOSING, OPENING = ".,;:!?)]}%…’”。，、；：！？）】》", "([{‘“（【《"


def tokenize(text: str, unit: str) -> list[str]:
    """The text's tokens, of which one unit is a character, or a word, punctuation mark or new line.

    "words": letters without a blank between them, apostrophes inside too; each Chinese or Japanese sign is a
    word.  "jieba": Chinese words, found by the package of that name.
    Raises: UnknownNameError; DataError when jieba is not installed.
    """
    if unit == "characters":
        return list(text)
    if unit == "words":
        return WORD.findall(text)
    if unit == "jieba":
        return [word for word in _jieba().lcut(text) if word == "\n" or word.strip()]
    raise UnknownNameError(f"text is cut into {', '.join(UNITS)}, got {unit!r}")


def join(tokens: Iterable[str], unit: str) -> str:
    """The tokens as text: words with blanks between them, but none around Chinese or inside punctuation."""
    if unit == "characters":
        return "".join(tokens)
    text = ""
    for token in tokens:
        before = text[-1:]
        close = not before or before in OPENING + "\n" or token[0] in CLOSING + "\n"
        text += token if close or _is_cjk(before) or _is_cjk(token[0]) else f" {token}"
    return text


class Vocabulary:
    """The tokens a model knows, each with its number; those it does not know share the number of "<unk>".

    Without "<unk>" among the tokens, an unknown one is a DataError.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        self.tokens = tuple(tokens)
        self.numbers = {token: number for number, token in enumerate(self.tokens)}
        self.unknown = self.numbers.get(UNKNOWN)

    @classmethod
    def of(
        cls, tokens: Iterable[str], *, first: Sequence[str] = (), min_count: int = 1, most: int | None = None
    ) -> Self:
        """`first`, then the tokens seen min_count times or more, the most frequent first, at most `most`."""
        counts = Counter(tokens)
        for name in first:
            counts.pop(name, None)
        kept = [token for token, count in counts.most_common(most) if count >= min_count]
        return cls((*first, *kept))

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Sequence[str]) -> np.ndarray:
        """Their numbers, int64.  Raises: DataError naming a token that is not known, and where it stands."""
        numbers = np.fromiter((self.numbers.get(t, -1) for t in tokens), np.int64, len(tokens))
        strange = numbers < 0
        if strange.any():
            if self.unknown is None:
                place = int(strange.argmax())
                known = "".join(sorted(self.tokens)[:80]) if len(self) <= 80 else f"{len(self)} of them"
                raise DataError(
                    f"{tokens[place]!r} at position {place} is nothing the model has ever seen; "
                    f"it knows {known!r}"
                )
            numbers[strange] = self.unknown
        return numbers

    def decode(self, numbers: Iterable[int]) -> list[str]:
        return [self.tokens[number] for number in numbers]


class Tokens(Transformer):
    """Texts as rows of token numbers, cut or filled with 0 to one length: texts (N,) → int64 (N, T).

    T is that of the longest text it was fitted on, at most `longest`.  Number 0 is the filling, 1 stands for
    every token that was seen fewer than `min_count` times in training or is not among the `most` frequent.
    """

    def __init__(
        self, unit: str = "words", *, longest: int = 400, min_count: int = 2, most: int = 20_000
    ) -> None:
        self.unit = unit
        self.longest = longest
        self.min_count = min_count
        self.most = most

    def fit(self, x: np.ndarray, y: Any = None) -> Self:
        texts = [self.cut(text) for text in as_texts(x)]
        self.length_ = max(1, min(self.longest, max(map(len, texts))))
        every = (token for text in texts for token in text)
        first = (PADDING, UNKNOWN)
        self.vocabulary_ = Vocabulary.of(every, first=first, min_count=self.min_count, most=self.most)
        if len(self.vocabulary_) == len(first):
            raise DataError(
                f"no {self.unit} are left in {len(texts)} texts: none was seen {self.min_count} times"
            )
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        self.check_fitted()
        rows = np.zeros((len(x), self.length_), np.int64)
        for row, text in zip(rows, as_texts(x), strict=True):
            numbers = self.vocabulary_.encode(self.cut(text)[: self.length_])
            row[: len(numbers)] = numbers
        return rows

    def cut(self, text: str) -> list[str]:
        """The text's tokens, in small letters and without ends of lines."""
        return [token for token in tokenize(text.lower(), self.unit) if token != "\n"]

    def check_fitted(self) -> None:
        if not hasattr(self, "vocabulary_"):
            raise NotFittedError("Tokens has learned nothing yet: call fit(x) on training texts")

    def config(self) -> dict[str, Any]:
        self.check_fitted()
        learned = {"length": self.length_, "vocabulary": list(self.vocabulary_.tokens)}
        return super().config() | learned

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        length, vocabulary = options.pop("length"), options.pop("vocabulary")
        step = cls(**options)
        if not isinstance(length, int) or length < 1 or vocabulary[:2] != [PADDING, UNKNOWN]:
            raise CheckpointError(f"Tokens: no texts have the length {length!r} and this vocabulary")
        step.length_, step.vocabulary_ = length, Vocabulary(vocabulary)
        return step


def as_texts(x: Any) -> list[str]:
    """x as a list of strings.  Raises: DTypeError."""
    x = np.asarray(x)
    if x.dtype.kind not in "TU" or x.ndim != 1:
        raise DTypeError(f"Tokens needs texts (N,), got {x.dtype} of shape {x.shape}")
    return x.tolist()


def _is_cjk(letter: str) -> bool:
    return bool(re.match(f"[{CJK}]", letter))


def _jieba() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of its own code, when it is compiled
            import jieba
    except ImportError:
        raise DataError(
            "Chinese words need the package jieba: pip install jieba, or take words or characters"
        ) from None
    jieba.setLogLevel(logging.WARNING)
    return jieba
