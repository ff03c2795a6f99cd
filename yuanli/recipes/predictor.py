"""A trained model with the preprocessing that belongs to it: raw rows in, answers out."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from yuanli.data import Dataset, Feature, preprocess
from yuanli.data.batches import Batches
from yuanli.errors import DataError, ShapeError, ValueRangeError
from yuanli.nn import Module
from yuanli.ops import softmax
from yuanli.recipes.threads import work_of
from yuanli.training import predict as scores_of

AT_ONCE = 256  # rows predicted at a time


@dataclass
class Predictor(ABC):
    """`predictor(x)` are the probabilities (N, K) of `classes`, or numbers (N,), for raw rows x (N, …).

    `row` is the shape of a raw row, (C, H, W) or (D,), `features` the columns of a table; `prepare` makes of
    it what the model takes, of `shape`; `target` is fitted on the numbers to predict, which the model learns
    with mean 0 and deviation 1.
    """

    recipe: Any
    prepare: preprocess.Chain
    row: tuple[int, ...]
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    features: tuple[Feature, ...]
    target: preprocess.Standardize | None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if x.shape[1:] != self.row:
            raise ShapeError(f"the model takes rows of shape {self.row}, got {x.shape[1:]}")
        answers = self.answer(x)
        return answers if self.target is None else self.target.inverse_transform(answers)[:, 0]

    @abstractmethod
    def answer(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (N, K), or numbers in the scale they were learned in (N, 1), for raw rows."""

    @property
    @abstractmethod
    def parameters(self) -> int:
        """How many numbers were trained."""

    def check(self, data: Dataset) -> None:
        """Refuse data of other classes or columns than those learned.  Raises DataError."""
        if data.classes != self.classes:
            known, came = (", ".join(classes[:12]) or "a number" for classes in (self.classes, data.classes))
            raise DataError(f"the model predicts {known}; {data.name} has {came}")
        if data.features != self.features:
            raise DataError(f"{data.name} has other columns than the model has learned from")
        if data.x.shape[1:] != self.row:
            raise DataError(
                f"the model takes rows of shape {self.row}, those of {data.name} are {data.x.shape[1:]}"
            )

    def work(self, rows: int) -> int:
        """About how many multiply-adds answers for so many rows take."""
        return rows * self.parameters

    def config(self) -> dict[str, Any]:
        """What restores it together with `state()`, as JSON."""
        return {
            "row": list(self.row),
            "shape": list(self.shape),
            "classes": list(self.classes),
            "features": [[feature.name, list(feature.categories)] for feature in self.features],
            "preprocess": self.prepare.config(),
            "target": self.target and self.target.config(),
        }

    def state(self) -> dict[str, Any]:
        """What was learned: `learned()` and the preprocessing's."""
        target = {} if self.target is None else self.target.state()
        return {"learned": self.learned(), "preprocess": self.prepare.state(), "target": target}

    @abstractmethod
    def learned(self) -> dict[str, Any]:
        """The model's own arrays by their names."""

    @staticmethod
    def known(config: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
        """The fields that `config()` and `state()` give, all but the recipe."""
        target = config["target"]
        return {
            "prepare": preprocess.from_config(config["preprocess"], state["preprocess"]),
            "row": tuple(config["row"]),
            "shape": tuple(config["shape"]),
            "classes": tuple(config["classes"]),
            "features": tuple(Feature(name, tuple(words)) for name, words in config["features"]),
            "target": preprocess.from_config(target, state["target"]) if target else None,
        }


@dataclass
class NetworkPredictor(Predictor):
    """A network gives scores: their softmax are the probabilities."""

    model: Module

    def answer(self, x: np.ndarray) -> np.ndarray:
        batches = Batches(x, np.zeros(len(x), np.int64), AT_ONCE, shuffle=False, transform=self.prepare)
        scores, _ = scores_of(self.model, batches)
        return scores if self.target else softmax(scores, 1).data

    @property
    def parameters(self) -> int:
        return sum(p.size for p in self.model.parameters())

    def work(self, rows: int) -> int:
        return work_of(self.model, self.shape, rows)

    def learned(self) -> dict[str, Any]:
        return self.model.state_dict()


@dataclass
class Views(Predictor):
    """Answers with the mean of what another says of several views of an image.

    Two are the image and its mirror image.  Ten are these two in five places: where they are, and moved by a
    sixteenth of their size towards each corner, black where they came from.

    Source: Krizhevsky 2012, ImageNet classification with deep convolutional neural networks, section 4.1,
    there with the corners of a larger image.
    Raises: ValueRangeError for another number, or where rows are no images.
    """

    inner: Predictor
    views: int

    @classmethod
    def of(cls, inner: Predictor, views: int) -> "Views":
        if views not in (2, 10):
            raise ValueRangeError(f"views needs 1, 2 or 10, got {views!r}")
        if len(inner.row) != 3:
            raise ValueRangeError("views are for models of images, and this one takes rows of a table")
        known = {field.name: getattr(inner, field.name) for field in fields(Predictor)}
        return cls(**known, inner=inner, views=views)

    def answer(self, x: np.ndarray) -> np.ndarray:
        height, width = x.shape[2:]
        down, right = max(1, height // 16), max(1, width // 16)
        bordered = np.pad(x, ((0, 0), (0, 0), (down, down), (right, right)))
        places = [(down, right)]
        if self.views == 10:
            places += [(top, left) for top in (0, 2 * down) for left in (0, 2 * right)]
        total = np.zeros(())
        for top, left in places:
            view = np.ascontiguousarray(bordered[:, :, top : top + height, left : left + width])
            mirrored = np.ascontiguousarray(view[..., ::-1])
            total = total + self.inner.answer(view) + self.inner.answer(mirrored)
        return total / self.views

    @property
    def parameters(self) -> int:
        return self.inner.parameters

    def work(self, rows: int) -> int:
        return self.inner.work(rows)

    def learned(self) -> dict[str, Any]:
        return self.inner.learned()
