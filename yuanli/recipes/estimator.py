"""scikit-learn-style estimators as recipes: their options are their parameters."""

import inspect
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from yuanli.classical.storage import decode, encode
from yuanli.data import Dataset, Split
from yuanli.errors import ValueRangeError, YuanliError
from yuanli.ops import softmax
from yuanli.recipes.predictor import Predictor
from yuanli.recipes.settings import one_of
from yuanli.recipes.supervised import Supervised
from yuanli.training import Hook


@dataclass
class EstimatorPredictor(Predictor):
    """An estimator gives probabilities; where it has only scores, their softmax stands for them."""

    estimator: Any

    def answer(self, x: np.ndarray) -> np.ndarray:
        x = flat(self.prepare.transform(x))
        if self.target is not None:
            return self.estimator.predict(x).reshape(-1, 1)
        if hasattr(self.estimator, "predict_proba"):
            shares = self.estimator.predict_proba(x)
        else:
            scores = self.estimator.decision_function(x)
            scores = np.stack([-scores, scores], 1) / 2 if scores.ndim == 1 else scores
            shares = softmax(scores, 1).data
        answers = np.zeros((len(x), len(self.classes)), shares.dtype)
        answers[:, self.estimator.classes_] = shares
        return answers

    @property
    def parameters(self) -> int:
        return self.recipe.size_of(self.estimator)

    def learned(self) -> dict[str, Any]:
        return encode(self.estimator)


class Estimator(Supervised):
    """An estimator of yuanli.classical; each subclass says which, and what is its own.

    `classifier`, `regressor`: the classes for the two kinds of answers, None where it has none.
    """

    classifier: ClassVar[type | None]
    regressor: ClassVar[type | None] = None

    def unsuited(self, data: Split) -> str:
        if reason := super().unsuited(data):
            return reason
        if self.kind(data.train) is None:
            came = "a number" if self.regressor is None else "classes"
            return f"it cannot predict {came}, and this data asks for that"
        return ""

    def kind(self, data: Dataset) -> type | None:
        return self.classifier if data.is_classification else self.regressor

    def defaults(self, data: Dataset) -> dict[str, Any]:
        """The parameters that work on data of this size and kind, where they are not the estimator's own."""
        return {}

    @abstractmethod
    def size_of(self, estimator: Any) -> int:
        """How many numbers the fitted estimator predicts from."""

    def options(self) -> tuple[str, ...]:
        kinds = [kind for kind in (self.classifier, self.regressor) if kind is not None]
        return tuple(dict.fromkeys(name for kind in kinds for name in parameters_of(kind)))

    def choose(self, data: Split, given: dict[str, Any]) -> dict[str, Any]:
        kind = self.kind(data.train)
        assert kind is not None
        own = parameters_of(kind)
        for name in given:
            one_of(f"option of {self.name}", name, [name for name in own if name != "random_state"])
        return own | self.defaults(data.train) | given

    def learn(
        self,
        settings: dict[str, Any],
        data: Split,
        *,
        seed: int,
        hooks: Sequence[Hook] = (),
        resume: dict[str, Any] | None = None,
    ) -> EstimatorPredictor:
        known, train = self.prepared(data.train), data.train
        kind = self.kind(train)
        assert kind is not None
        seeded = {"random_state": seed} if "random_state" in settings else {}
        target = known["target"]
        y = train.y if target is None else target.transform(train.y[:, None])[:, 0]
        estimator = kind(**settings | seeded)
        try:
            estimator.fit(flat(known["prepare"].transform(train.x)), y)
        except YuanliError:
            raise
        except (ValueError, TypeError) as error:  # a parameter it cannot work with: scikit-learn's own words
            raise ValueRangeError(f"{self.name}: {error}") from None
        return EstimatorPredictor(**known, estimator=estimator)

    def rebuild(
        self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any], known: dict[str, Any]
    ) -> EstimatorPredictor:
        return EstimatorPredictor(**known, estimator=decode(state["learned"], self.name))


def parameters_of(kind: type) -> dict[str, Any]:
    """The parameters of an estimator and their defaults."""
    signature = inspect.signature(kind)
    return {name: parameter.default for name, parameter in signature.parameters.items()}


def flat(x: np.ndarray) -> np.ndarray:
    """Images as rows of numbers."""
    return x.reshape(len(x), -1)
