"""Learned patch bases as features, and a linear support vector machine on them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from yuanli.classical import LinearSVC, PatchBases
from yuanli.classical.storage import decode, encode
from yuanli.data import Dataset, Split, preprocess
from yuanli.ops import softmax
from yuanli.recipes.estimator import parameters_of
from yuanli.recipes.predictor import Predictor
from yuanli.recipes.settings import checked_number, one_of
from yuanli.recipes.supervised import Supervised
from yuanli.training import Hook

VARIANCE = 0.01  # added to a feature's variance before it is standardised, as Coates 2011


@dataclass
class BasesPredictor(Predictor):
    """bases → standardised features → a linear machine, whose scores' softmax stand for probabilities."""

    bases: PatchBases
    mean: np.ndarray
    factor: np.ndarray
    machine: LinearSVC

    def answer(self, x: np.ndarray) -> np.ndarray:
        scores = self.machine.decision_function(self.activations(x))
        scores = np.stack([-scores, scores], 1) / 2 if scores.ndim == 1 else scores
        answers = np.zeros((len(x), len(self.classes)))
        answers[:, self.machine.classes_] = softmax(scores, 1).data
        return answers

    def activations(self, x: np.ndarray) -> np.ndarray:
        return (self.bases.transform(self.prepare.transform(x)) - self.mean) * self.factor

    @property
    def parameters(self) -> int:
        learned = (self.bases.components_, self.bases.whitening_, self.machine.coef_, self.machine.intercept_)
        return sum(array.size for array in learned)

    def learned(self) -> dict[str, Any]:
        return {
            "bases": encode(self.bases),
            "machine": encode(self.machine),
            "mean": self.mean,
            "factor": self.factor,
        }


class Bases(Supervised):
    """Coates 2011: what patches are made of, how much of each base is where, then a line between classes.

    Its options are those of PatchBases, and `C` of the machine.
    """

    name = "bases"
    title = "Learned patch bases, linear machine"
    title_zh = "学习到的图像块基，线性机"
    reads: ClassVar[str] = "images"

    def unsuited(self, data: Split) -> str:
        if reason := super().unsuited(data):
            return reason
        if not data.train.is_image:
            return "it cuts images into patches, and this is a table"
        return (
            "" if data.train.is_classification else "it cannot predict a number, and this data asks for one"
        )

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        return []

    def options(self) -> tuple[str, ...]:
        given = ("image_shape", "random_state")
        return (*(name for name in parameters_of(PatchBases) if name not in given), "C")

    def choose(self, data: Split, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            one_of(f"option of {self.name}", name, self.options())
        small, few = min(data.train.x.shape[2:]) < 16, len(data.train) < 10_000
        own = {name: value for name, value in parameters_of(PatchBases).items() if name in self.options()}
        defaults = {"n_components": 100 if few else 400, "patch_size": 3 if small else 6, "C": 0.01}
        settings = own | defaults | given
        checked_number("C", settings["C"])
        return settings

    def learn(
        self,
        settings: dict[str, Any],
        data: Split,
        *,
        seed: int,
        hooks: Sequence[Hook] = (),
        resume: dict[str, Any] | None = None,
    ) -> BasesPredictor:
        known, options = self.prepared(data.train), dict(settings)
        machine = LinearSVC(C=options.pop("C"), random_state=seed)
        bases = PatchBases(**options, random_state=seed)
        features = bases.fit_transform(known["prepare"].transform(data.train.x))
        mean, variance = features.mean(0, dtype=np.float64), features.var(0, dtype=np.float64)
        factor = (1 / np.sqrt(variance + VARIANCE)).astype(features.dtype)
        predictor = BasesPredictor(
            **known, bases=bases, mean=mean.astype(features.dtype), factor=factor, machine=machine
        )
        features -= predictor.mean
        features *= factor
        machine.fit(features, data.train.y)
        return predictor

    def rebuild(
        self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any], known: dict[str, Any]
    ) -> BasesPredictor:
        learned = state["learned"]
        return BasesPredictor(
            **known,
            bases=decode(learned["bases"], self.name),
            mean=learned["mean"],
            factor=learned["factor"],
            machine=decode(learned["machine"], self.name),
        )
