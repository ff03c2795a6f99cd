"""`train`: one model on one data set, kept as a run that can be resumed, judged, reported and used."""

import json
import shlex
import shutil
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from yuanli.data import names
from yuanli.errors import CheckpointError, DataError, NotFiniteError, ValueRangeError
from yuanli.recipes.catalog import find
from yuanli.recipes.evaluate import open_model
from yuanli.recipes.recipe import Recipe, keep
from yuanli.recipes.settings import whole
from yuanli.training import Checkpoints, Hook, Interrupted, Run
from yuanli.training.files import save
from yuanli.training.run import MetricsFile, new_folder, surroundings

RUNS = Path("runs")
ON_THE_COMMAND_LINE = (  # options of `yuanli train`; the others are given by --set NAME=VALUE
    "epochs", "batch_size", "lr", "optimizer", "schedule", "l1", "l2", "dropout", "augment",
    "weights", "freeze",
)  # fmt: skip


def train(
    model: str,
    data: Any,
    *,
    seed: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    source: dict[str, Any] | None = None,
    hooks: Sequence[Hook] = (),
    report: bool = True,
    tell: Callable[[str], object] = lambda line: None,
    **options: Any,
) -> Run:
    """Train the recipe `model` on `data` and keep everything in the folder `out` (runs/DATA-MODEL).

    data: what the recipe's `load` gives.  options: the recipe's; one that is not given is as it chooses.
    source: the arguments of `load`, by which `evaluate` finds the data again.  resume: go on with
    the run in `out`; it ends with the very bits it would have had uninterrupted.  Test rows are only
    predicted, at the end.  tell: is told what is to be known before training begins.
    Raises: UnknownNameError, ValueRangeError, DataError, CheckpointError, NotFiniteError, Interrupted.
    """
    recipe = find(model)
    if resume:
        run = reopen(out, recipe, data, seed, options)
    else:
        run = create(out, recipe, data, seed or 0, options, source, tell)
    is_new = not run.is_finished
    try:
        if is_new:
            work(run, recipe, data, hooks)
        trained = open_model(run)
        if not run.predictions_path.is_file():
            keep(run, recipe.evaluate(run, trained, data))
    except (ValueRangeError, DataError):  # an option or a row the model cannot work with: no run came of it
        if is_new and not run.checkpoints.exists():
            shutil.rmtree(run.folder)
        raise
    if report and not run.report_path.is_file():
        recipe.report(run, trained, data)
    return run


def work(run: Run, recipe: Recipe, data: Any, hooks: Sequence[Hook]) -> None:
    """The training itself, from the run's last checkpoint if there is one, to its model.safetensors."""
    checkpoints = Checkpoints(run.checkpoints)
    saved = checkpoints.load() if checkpoints.paths() else None
    rows = MetricsFile(run)
    began = time.perf_counter()
    try:
        model = recipe.learn(
            run.config["settings"],
            data,
            seed=run.config["seed"],
            hooks=[rows, checkpoints, *recipe.hooks(run), *hooks],
            resume=saved,
        )
    except Interrupted as error:
        again = f"{run.config['command']} --out {shlex.quote(str(run.folder))} --resume"
        raise Interrupted(f"{error}; saved.  To go on:  {again}") from None
    except NotFiniteError as error:
        raise NotFiniteError(f"{error}.  The last good checkpoint is in {run.checkpoints}") from None
    if not run.metrics():
        rows.write({"seconds": round(time.perf_counter() - began, 3)})
    save(run.model_path, {**model.state(), "config": model.config()})


def create(
    out: str | Path | None,
    recipe: Recipe,
    data: Any,
    seed: int,
    given: dict[str, Any],
    source: dict[str, Any] | None,
    tell: Callable[[str], object],
) -> Run:
    """A new run: everything is checked before its folder is made."""
    if reason := recipe.unsuited(data):
        raise DataError(f"{recipe.name} does not suit {data.name}: {reason}")
    if not whole(seed) or not 0 <= seed < 1 << 32:
        raise ValueRangeError(f"seed needs a whole number from 0 to {(1 << 32) - 1}, got {seed!r}")
    settings = recipe.choose(data, given)
    for line in recipe.remarks(settings, data):
        tell(line)
    config = {
        "model": recipe.name,
        "data": {"name": data.name, "source": located(source), "contents": recipe.contents(data)},
        "seed": seed,
        "settings": settings,
        "command": command(recipe.name, data.name, source, seed, given),
        **surroundings(),
    }
    return Run.create(out or new_folder(RUNS, f"{data.name}-{recipe.name}"), config)


def reopen(out: str | Path | None, recipe: Recipe, data: Any, seed: int | None, given: dict[str, Any]) -> Run:
    """The run in `out`, to go on with.  Raises CheckpointError where it is asked to be another."""
    if out is None:
        raise CheckpointError("which run is to be resumed?  Give its folder: --out FOLDER --resume")
    run = Run.open(out)
    config = run.config
    asked = {"model": recipe.name, "seed": config["seed"] if seed is None else seed, **given}
    was = {"model": config["model"], "seed": config["seed"], **config["settings"]}
    differ = [
        f"{name} was {was.get(name)}, now {value}" for name, value in asked.items() if was.get(name) != value
    ]
    if recipe.contents(data) != config["data"]["contents"]:
        differ.append(f"the data is not the {config['data']['name']} it was trained on")
    if differ:
        raise CheckpointError(
            f"{run.folder} can only be resumed as it was begun: {'; '.join(differ)}; "
            "train anew with another --out"
        )
    if changed := [name for name, value in surroundings().items() if config.get(name) != value]:
        warnings.warn(
            f"{', '.join(changed)} changed since {run.folder} was begun: its bits may differ", stacklevel=3
        )
    return run


def located(source: dict[str, Any] | None) -> dict[str, Any] | None:
    """`source` with the whole paths of the user's own data and data root: found from any folder."""
    if source is None:
        return None
    own = [] if source["spec"] in names() or not Path(source["spec"]).expanduser().exists() else ["spec"]
    own += ["root"] if source.get("root") else []
    return source | {name: str(Path(source[name]).expanduser().resolve()) for name in own}


def command(model: str, data: str, source: dict[str, Any] | None, seed: int, given: dict[str, Any]) -> str:
    """What to type to train this again."""
    source = source or {"spec": data}
    words = ["yuanli", "train", model, "--data", str(source["spec"])]
    if source.get("target"):
        words += ["--target", source["target"]]
    if source.get("root"):
        words += ["--data-root", str(source["root"])]
    if seed:
        words += ["--seed", str(seed)]
    for name, value in given.items():
        option = f"--{name.replace('_', '-')}"
        if name not in ON_THE_COMMAND_LINE or value is None:
            words += ["--set", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        else:
            words += [option, str(value)]
    return shlex.join(words)
