"""`evaluate`: how good a trained model is, on what it has not learned from."""

from pathlib import Path
from typing import Any

from yuanli.data import Split
from yuanli.data.catalog import TABLES, load_unseen
from yuanli.errors import CheckpointError, DataError
from yuanli.recipes.catalog import find
from yuanli.recipes.predictor import Predictor, Views
from yuanli.recipes.recipe import Evaluation, Recipe
from yuanli.training import Run

SOURCE = {"spec", "target", "root", "test_size", "seed"}  # the arguments of `data.load`


def evaluate(
    run: Run | str | Path, data: Any = None, *, root: str | Path | None = None, views: int = 1
) -> Evaluation:
    """Judge the run's model on the test part of `data`; without it, of its own data.

    root: where data sets lie.  views: answer with the mean over so many views of each image (`Views`).
    Raises: CheckpointError; ValueRangeError for `views` without images; DataError when classes or columns
    are others.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    model = open_model(run) if views == 1 else Views.of(open_predictor(run), views)
    return recipe_of(run).evaluate(run, model, load_again(run, root) if data is None else data)


def load_again(run: Run, root: str | Path | None = None) -> Any:
    """The data the run was trained and tested with, in `root` or else where it was then."""
    source = run.config["data"].get("source")
    if not isinstance(source, dict) or not {"spec"} <= source.keys() <= SOURCE:
        raise DataError(f"{run.folder} does not say where its data came from; give the data (--data)")
    return recipe_of(run).load(**source | ({"root": root} if root else {}))


def load_other(
    run: Run | str | Path, spec: str | Path, *, target: str | None = None, root: str | Path | None = None
) -> Any:
    """Other data than the run's; of rows, read with the columns, classes and picture size its model knows.

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
    model = open_model(run)
    if not isinstance(model, Predictor):
        return recipe_of(run).load(str(spec), root=root, target=target)
    if path.suffix.lower() in TABLES:
        target = target or source.get("target")
    rows, notes = load_unseen(spec, model, root=root, target=target)
    return Split(rows, rows, notes)


def recipe_of(run: Run) -> Recipe:
    return find(run.config["model"])


def open_model(run: Run) -> Any:
    """The run's trained model.  Raises CheckpointError when it is unfinished or damaged."""
    state = run.model()
    if not isinstance(config := state.pop("config", None), dict):
        raise CheckpointError(f"{run.folder}: the model lacks its config; train again into a new folder")
    return recipe_of(run).restore(run.config["settings"], config, state)


def open_predictor(run: Run) -> Predictor:
    """The run's trained model, which must be one that answers rows.  Raises CheckpointError."""
    model = open_model(run)
    if not isinstance(model, Predictor):
        use = recipe_of(run).then.format(run=run.folder)
        raise CheckpointError(
            f"{run.folder} holds a {run.config['model']}, which answers no rows; try `yuanli {use}`"
        )
    return model
