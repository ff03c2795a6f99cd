"""What a recipe is: a kind of model, with all that `train`, `evaluate` and the rest need to know of it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from yuanli import data
from yuanli.errors import CheckpointError
from yuanli.training import Hook, Run
from yuanli.training.files import crc32, save


class Trained(Protocol):
    """A trained model: `config()` as JSON and `state()` as a tree of arrays restore it."""

    @property
    def parameters(self) -> int:
        """How many numbers were trained."""
        ...

    def config(self) -> dict[str, Any]: ...

    def state(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Evaluation:
    """A model's `metrics` on what it has not learned from, and, of rows, the answers they come from.

    `metrics["examples"]` counts them, in `unit`s; `learned`: it has learned from them after all.
    `predictions`: probabilities (N, K), or numbers (N,), of
    what truly was `labels` (N,).  `microseconds`: the time of one, within many and with the preprocessing.
    """

    model: str
    data: str
    metrics: dict[str, Any]
    microseconds: float
    parameters: int
    train_seconds: float
    notes: tuple[str, ...] = ()
    unit: str = "rows"
    learned: bool = False
    predictions: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))
    labels: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))

    def to_json(self) -> dict[str, Any]:
        """Everything but the predictions and labels."""
        return {k: v for k, v in vars(self).items() if k not in ("predictions", "labels")}


class Recipe(ABC):
    """One kind of model, for any data that suits it.

    `reads` says what it learns from, `then` what can be done with a run of it: what follows `yuanli` on the
    command line.  `compared`: whether `compare` trains it unasked.
    """

    name: str
    title: str
    title_zh: str
    reads: ClassVar[str]
    then: ClassVar[str] = "predict {run} FILE"
    compared: ClassVar[bool] = True

    def load(self, spec: str, **options: Any) -> Any:
        """The data it learns from, with a `name` and `notes`: `data.load`'s, unless it reads another kind."""
        return data.load(spec, **options)

    @abstractmethod
    def unsuited(self, data: Any) -> str:
        """Why it cannot learn from `data`, what `load` gives; "" when it can."""

    def contents(self, data: Any) -> dict[str, str]:
        """A checksum of each part of `data`: a run is resumed only with the data it was begun with."""
        parts = (("train", data.train), ("test", data.test))
        return {name: f"{crc32(part.y, crc32(part.x)):08x}" for name, part in parts}

    @abstractmethod
    def choose(self, data: Any, given: dict[str, Any]) -> dict[str, Any]:
        """The options for `data`, as JSON: its own, changed by those given.

        Raises: UnknownNameError for an option it has not; ValueRangeError.
        """

    def remarks(self, settings: dict[str, Any], data: Any) -> list[str]:
        """What is to be known before training begins.  Raises where the settings cannot work with `data`."""
        return []

    @abstractmethod
    def options(self) -> tuple[str, ...]:
        """The names of its options."""

    @abstractmethod
    def learn(
        self,
        settings: dict[str, Any],
        data: Any,
        *,
        seed: int,
        hooks: Sequence[Hook] = (),
        resume: dict[str, Any] | None = None,
    ) -> Trained:
        """Train on what of `data` is to learn from.  resume: a checkpoint to go on from."""

    @abstractmethod
    def restore(self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any]) -> Any:
        """The model trained with `settings` whose `config()` and `state()` these are.

        Raises: CheckpointError when they do not fit.
        """

    @abstractmethod
    def evaluate(self, run: Run, model: Any, data: Any) -> Evaluation:
        """Judge the run's model on what of `data` it has not learned from."""

    def hooks(self, run: Run) -> list[Hook]:
        """What else is to happen around its training, for the run's folder."""
        return []

    @abstractmethod
    def report(self, run: Run, model: Any, data: Any) -> None:
        """Write the finished run's report.html; nothing is trained or predicted anew."""


def trained_seconds(run: Run) -> float:
    """The seconds that the run's training took."""
    rows = run.metrics()
    return rows[-1]["seconds"] if rows else 0.0


def keep(run: Run, judged: Evaluation) -> None:
    """Keep a judgement of the run on its own data, for the report and for `kept`."""
    answers = {"predictions": judged.predictions, "labels": judged.labels}
    save(run.predictions_path, {"evaluation": judged.to_json(), **answers})


def kept(run: Run) -> Evaluation:
    """The judgement kept in the run.  Raises CheckpointError when it is damaged."""
    saved = run.predictions()
    try:
        said = saved["evaluation"]
        answers = {"predictions": saved["predictions"], "labels": saved["labels"]}
        return Evaluation(**said | {"notes": tuple(said["notes"])} | answers)
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{run.predictions_path} is no judgement of a run: {error!r}") from None
