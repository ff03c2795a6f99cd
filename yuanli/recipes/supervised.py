"""What all models have in common that answer rows: a class with its probability, or a number."""

import time
from abc import abstractmethod
from math import prod
from typing import Any, ClassVar

import numpy as np

from yuanli.data import Dataset, Split, preprocess
from yuanli.errors import CheckpointError
from yuanli.inspection.report import Outcome, write_report
from yuanli.recipes.predictor import AT_ONCE, Predictor
from yuanli.recipes.recipe import Evaluation, Recipe, kept, trained_seconds
from yuanli.recipes.threads import suitable_threads
from yuanli.training import Run
from yuanli.training.metrics import classification_metrics, regression_metrics


class Supervised(Recipe):
    """A model of images or tables; each subclass says what is its own."""

    reads: ClassVar[str] = "images, tables"

    def unsuited(self, data: Split) -> str:
        is_text = data.train.is_text or data.train.is_documents
        return "it reads images and tables, and this is text" if is_text else ""

    def size(self, data: Dataset) -> int | None:
        """The height and width that images are brought to; None when they stay as they are."""
        return None

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        """The steps after that, to be fitted on training rows."""
        if data.is_image:
            return [preprocess.Standardize(per="channel")]
        return [preprocess.EncodeTable(data.features), preprocess.Standardize()]

    def templates(self, predictor: Any) -> np.ndarray | None:
        """What each class looks for, as images (K, C, H, W), where the model has such a thing."""
        return None

    def prepared(self, data: Dataset, settings: Any = None) -> dict[str, Any]:
        """What a predictor for `data` knows before it has learned; `settings`: how a network is to learn."""
        size = self.size(data) if data.is_image else None
        steps = [*([preprocess.Resize(size)] if size else []), *self.preprocessing(data)]
        prepare = preprocess.Chain(steps).fit(data.x)
        return {
            "recipe": self,
            "prepare": prepare,
            "row": data.x.shape[1:],
            "shape": prepare.transform(data.x[:1]).shape[1:],
            "classes": data.classes,
            "features": data.features,
            "target": None if data.is_classification else preprocess.Standardize().fit(data.y[:, None]),
        }

    def restore(self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any]) -> Predictor:
        try:
            known = Predictor.known(config, state)
            return self.rebuild(settings, config, state, {"recipe": self, **known})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(f"the run's config and its model do not fit: {error!r}") from None

    @abstractmethod
    def rebuild(
        self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any], known: dict[str, Any]
    ) -> Predictor:
        """The predictor of `restore`, given what it knew before it had learned."""

    def evaluate(self, run: Run, model: Predictor, data: Split) -> Evaluation:
        model.check(data.test)
        with suitable_threads(model.work(min(AT_ONCE, len(data.test)))):
            predictions, microseconds = timed(model, data.test.x)
        measure = classification_metrics if model.classes else regression_metrics
        return Evaluation(
            self.name,
            data.test.name,
            measure(predictions, data.test.y),
            microseconds,
            model.parameters,
            trained_seconds(run),
            data.notes,
            predictions=predictions,
            labels=data.test.y,
        )

    def report(self, run: Run, model: Predictor, data: Split) -> None:
        chosen = self.outcome(run, model, data.test)
        title = f"{chosen.title}: {data.test.name}"
        write_report(run.report_path, [chosen], title=title, command=chosen.command, notes=data.notes)

    def outcome(self, run: Run, model: Predictor, test: Dataset) -> Outcome:
        """The run as a report shows it."""
        judged = kept(run)
        return Outcome(
            self.name,
            self.title,
            test,
            judged.predictions,
            rows=[row for row in run.metrics() if "train_loss" in row],
            config=run.config,
            command=run.config["command"],
            templates=self.templates(model),
            parameters=model.parameters,
            train_seconds=judged.train_seconds,
            microseconds=judged.microseconds,
        )


def timed(predictor: Predictor, x: np.ndarray) -> tuple[np.ndarray, float]:
    """The predictions for x, and microseconds a row, the best of three times or a second."""
    predictor(x[:2])  # compiles what is not compiled yet
    times: list[float] = []
    while not times or (len(times) < 3 and sum(times) < 1):
        began = time.perf_counter()
        predictions = predictor(x)
        times.append(time.perf_counter() - began)
    return predictions, min(times) / len(x) * 1e6


def width(shape: tuple[int, ...]) -> int:
    """Numbers in a row of `shape`."""
    return prod(shape)
