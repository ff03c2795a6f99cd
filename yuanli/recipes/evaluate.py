"""`evaluate`: how good a trained model is, on rows it has not learned from."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.data import Split, load
from yuanli.data.catalog import TABLES, load_unseen
from yuanli.errors import CheckpointError, DataError
from yuanli.recipes.catalog import find
from yuanli.recipes.predictor import Predictor, rebuild
from yuanli.recipes.threads import suitable_threads
from yuanli.training import Run
from yuanli.training.metrics import classification_metrics, regression_metrics

SOURCE = {"spec", "target", "root", "test_size", "seed"}  # the arguments of `data.load`


@dataclass(frozen=True)
class Evaluation:
    """A model's `metrics` on the test rows of `data`, and the answers they come from.

    `predictions`: probabilities (N, K), or numbers (N,).  `microseconds`: the time of one prediction, within
    many at once and with the preprocessing.
    """

    model: str
    data: str
    metrics: dict[str, Any]
    microseconds: float
    parameters: int
    train_seconds: float
    notes: tuple[str, ...] = ()
    predictions: np.ndarray = field(repr=False, default_factory=lambda: np.zeros(0))

    def to_json(self) -> dict[str, Any]:
        """Everything but the predictions."""
        return {name: value for name, value in vars(self).items() if name != "predictions"}


def evaluate(
    run: Run | str | Path, split: Split | None = None, *, root: str | Path | None = None
) -> Evaluation:
    """Judge the run's model on `split.test`; without a split, on its own data's test rows.

    root: where data sets lie.  Raises: CheckpointError, and DataError when classes or columns are others.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    predictor = open_predictor(run)
    split = split or load_again(run, root)
    predictor.check(split.test)
    with suitable_threads(predictor.parameters):
        predictions, microseconds = timed(predictor, split.test.x)
    measure = classification_metrics if predictor.classes else regression_metrics
    rows = run.metrics()
    return Evaluation(
        run.config["model"],
        split.test.name,
        measure(predictions, split.test.y),
        microseconds,
        predictor.parameters,
        rows[-1]["seconds"] if rows else 0.0,
        split.notes,
        predictions,
    )


def load_again(run: Run, root: str | Path | None = None) -> Split:
    """The data the run was trained and tested with, in `root` or else where it was then."""
    source = run.config["data"].get("source")
    if not isinstance(source, dict) or not {"spec"} <= source.keys() <= SOURCE:
        raise DataError(f"{run.folder} does not say where its data came from; give the data (--data)")
    return load(**source | ({"root": root} if root else {}))


def load_other(
    run: Run | str | Path, spec: str | Path, *, target: str | None = None, root: str | Path | None = None
) -> Split:
    """Other data than the run's, read with the columns, classes and picture size that its model knows.

    Of the user's own table or folder every row is judged, unless the folder has a part test, or it is
    what the run was trained on: then its test rows.  target: the run's own unless given.
    Raises: CheckpointError, UnknownNameError, DataError.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    source = run.config["data"].get("source")
    source = source if isinstance(source, dict) else {}
    path = Path(spec).expanduser()
    if path.exists() and str(path.resolve()) == source.get("spec") and target in (None, source.get("target")):
        return load_again(run, root)
    if path.suffix.lower() in TABLES:
        target = target or source.get("target")
    rows, notes = load_unseen(spec, open_predictor(run), root=root, target=target)
    return Split(rows, rows, notes)


def open_predictor(run: Run) -> Predictor:
    """The run's trained model.  Raises CheckpointError when it is unfinished or damaged."""
    state = run.model()
    try:
        config = state.pop("config")
        dropout = run.config["settings"]["dropout"]
        recipe = find(run.config["model"])
    except KeyError as error:
        raise CheckpointError(
            f"{run.folder}: config or model lacks {error}; train again into a new folder"
        ) from None
    return rebuild(recipe, config, dropout, state)


def timed(predictor: Predictor, x: np.ndarray) -> tuple[np.ndarray, float]:
    """The predictions for x, and microseconds a row, the best of three times or a second."""
    predictions = predictor(x)
    times: list[float] = []
    while len(times) < 3 and sum(times) < 1:
        began = time.perf_counter()
        predictor(x)
        times.append(time.perf_counter() - began)
    return predictions, min(times) / len(x) * 1e6
