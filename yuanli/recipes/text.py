"""Classifiers of texts: TextCNN, an LSTM, and logistic regression on a bag of words."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from yuanli import data as sets
from yuanli.data import Dataset, Split, preprocess
from yuanli.data.catalog import TABLES, is_known
from yuanli.data.documents import load_documents
from yuanli.data.tokens import UNITS
from yuanli.models import BagOfWords, TextCNN, TextLSTM
from yuanli.nn import Module
from yuanli.recipes.network import Network, epochs_for
from yuanli.recipes.settings import Settings, one_of, whole


@dataclass(frozen=True)
class TextSettings(Settings):
    """tokens: characters, words or jieba.  longest: tokens of a text that are read.

    min_count: how often a token must be seen in training to be known.
    """

    tokens: str = "words"
    longest: int = 400
    min_count: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("kind of tokens", self.tokens, UNITS)
        for name in ("longest", "min_count"):
            self._check(name, whole(value := getattr(self, name)) and value >= 1, "a whole number from 1 up")


class TextClassifier(Network):
    """A network that reads texts; each subclass says which, and how it learns."""

    reads: ClassVar[str] = "labelled texts"
    settings_type: ClassVar[type[Settings]] = TextSettings
    model: ClassVar[Callable[..., Module]]

    def load(
        self, spec: str, *, target: str | None = None, test_size: float = 0.2, seed: int = 0, **options: Any
    ) -> Any:
        """A table's longest column of words is the text; a data set known by name is as it is."""
        path = Path(spec).expanduser()
        if not is_known(spec) and path.is_file() and path.suffix.lower() in TABLES:
            return load_documents(path, target, test_size=test_size, seed=seed)
        return sets.load(spec, target=target, test_size=test_size, seed=seed, **options)

    def unsuited(self, data: Split) -> str:
        return "" if data.train.is_documents else "it reads texts with classes, and these are none"

    def prepared(self, data: Dataset, settings: Any = None) -> dict[str, Any]:
        tokens = preprocess.Tokens(settings.tokens, longest=settings.longest, min_count=settings.min_count)
        prepare = preprocess.Chain([tokens]).fit(data.x)
        return {
            "recipe": self,
            "prepare": prepare,
            "row": (),
            "shape": (len(tokens.vocabulary_),),
            "classes": data.classes,
            "features": data.features,
            "target": None,
        }

    def build(
        self, shape: tuple[int, ...], outputs: int, settings: Settings, rng: np.random.Generator
    ) -> Module:
        """`shape` is the number of tokens in the vocabulary."""
        dropout = {"dropout": settings.dropout} if self.takes_dropout else {}
        return type(self).model(shape[0], outputs, rng=rng, **dropout)


class BagOfWordsRecipe(TextClassifier):
    """Softmax regression on how often each word occurs."""

    name = "bow"
    title = "Bag of words, logistic regression"
    title_zh = "词袋逻辑回归"
    model = BagOfWords

    def settings(self, data: Dataset) -> Settings:
        epochs = epochs_for(data, 2000, 64, most=100)
        return TextSettings(epochs=epochs, lr=0.02, batch_size=64, schedule="cosine", l2=1e-4)

    def sparse_lr(self, data: Dataset) -> float:
        return 0.1


class TextCNNRecipe(TextClassifier):
    """Filters over 3, 4 and 5 words, dropout ½; it stops when validation no longer gets better."""

    name = "textcnn"
    title = "TextCNN"
    title_zh = "文本卷积网络"
    takes_dropout = True
    model: ClassVar[Callable[..., Module]] = TextCNN

    def settings(self, data: Dataset) -> Settings:
        epochs = epochs_for(data, 1000, 64, most=40)
        return TextSettings(epochs=epochs, lr=0.002, batch_size=64, dropout=0.5, patience=8)

    def sparse_lr(self, data: Dataset) -> float:
        return 0.1


class TextLSTMRecipe(TextCNNRecipe):
    """Both directions, 128 units each."""

    name = "textlstm"
    title = "LSTM that reads texts"
    title_zh = "读文本的 LSTM"
    model: ClassVar[Callable[..., Module]] = TextLSTM

    def settings(self, data: Dataset) -> Settings:
        epochs = epochs_for(data, 1000, 64, most=30)
        return TextSettings(epochs=epochs, lr=0.003, batch_size=64, dropout=0.3, patience=8, clip=5.0)
