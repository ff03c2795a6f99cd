"""A trained model with the preprocessing that belongs to it: raw rows in, answers out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from yuanli.data import Dataset, Feature, preprocess
from yuanli.data.batches import Batches
from yuanli.errors import CheckpointError, DataError, ShapeError
from yuanli.nn import Module
from yuanli.ops import softmax
from yuanli.recipes.recipe import Recipe
from yuanli.training import predict as scores_of

AT_ONCE = 256  # rows predicted at a time


@dataclass
class Predictor:
    """`predictor(x)` are the probabilities (N, K) of `classes`, or numbers (N,), for raw rows x (N, …).

    `row` is the shape of a raw row, (C, H, W) or (D,); `prepare` makes of it what the model takes, of
    `shape`; `target` is fitted on the numbers to predict, which the model learns with mean 0 and deviation 1.
    """

    recipe: Recipe
    model: Module
    prepare: preprocess.Chain
    row: tuple[int, ...]
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    target: preprocess.Standardize | None = None

    def __call__(self, x: np.ndarray) -> np.ndarray:
        if x.shape[1:] != self.row:
            raise ShapeError(f"the model takes rows of shape {self.row}, got {x.shape[1:]}")
        batches = Batches(x, np.zeros(len(x), np.int64), AT_ONCE, shuffle=False, transform=self.prepare)
        scores, _ = scores_of(self.model, batches)
        if self.target is None:
            return softmax(scores, 1).data
        return self.target.inverse_transform(scores)[:, 0]

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        return sum(p.size for p in self.model.parameters())

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

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the table it has learned from, none for images."""
        first = self.prepare.steps[0]
        return tuple(first.features) if isinstance(first, preprocess.EncodeTable) else ()

    def config(self) -> dict[str, Any]:
        """What rebuilds it together with `state()`, as JSON."""
        return {
            "row": list(self.row),
            "shape": list(self.shape),
            "classes": list(self.classes),
            "preprocess": self.prepare.config(),
            "target": self.target and self.target.config(),
        }

    def state(self) -> dict[str, Any]:
        """The weights by their names, and what the preprocessing has learned."""
        target = {} if self.target is None else self.target.state()
        return {**self.model.state_dict(), "preprocess": self.prepare.state(), "target": target}


def rebuild(recipe: Recipe, config: dict[str, Any], dropout: float, state: dict[str, Any]) -> Predictor:
    """The predictor whose `config()` and `state()` these are.  Raises CheckpointError."""
    try:
        row, shape, classes = (tuple(config[name]) for name in ("row", "shape", "classes"))
        weights = {name: value for name, value in state.items() if name not in ("preprocess", "target")}
        model = recipe.build(shape, max(1, len(classes)), dropout, np.random.default_rng(0))
        model.load_state_dict(weights)
        prepare = preprocess.from_config(config["preprocess"], state["preprocess"])
        target = preprocess.from_config(config["target"], state["target"]) if config["target"] else None
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"the run's config and its model do not fit: {error!r}") from None
    return Predictor(recipe, model.eval(), prepare, row, shape, classes, target)
