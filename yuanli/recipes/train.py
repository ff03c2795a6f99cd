"""`train`: one model on one data set, kept as a run that can be resumed, judged, reported and used."""

import shlex
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from yuanli.data import Dataset, Split, names
from yuanli.errors import CheckpointError, DataError, NotFiniteError, ValueRangeError
from yuanli.recipes import reports
from yuanli.recipes.catalog import RECIPES, find
from yuanli.recipes.learn import learn
from yuanli.recipes.recipe import Recipe
from yuanli.recipes.reports import keep_predictions
from yuanli.recipes.settings import Settings, one_of, whole
from yuanli.training import Checkpoints, Hook, Interrupted, Run
from yuanli.training.files import crc32, save
from yuanli.training.run import MetricsFile, new_folder, surroundings

RUNS = Path("runs")


def train(
    model: str,
    split: Split,
    *,
    seed: int | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    source: dict[str, Any] | None = None,
    hooks: Sequence[Hook] = (),
    report: bool = True,
    **options: Any,
) -> Run:
    """Train the recipe `model` on `split.train` and keep everything in the folder `out` (runs/DATA-MODEL).

    options: those of `Settings`; one that is None or not given is the recipe's.  source: the arguments of
    `data.load` that gave the split, by which `evaluate` finds it again.  resume: go on with the run in `out`;
    it ends with the very bits it would have had uninterrupted.  Test rows are only predicted, at the end.
    Raises: UnknownNameError, ValueRangeError, DataError, CheckpointError, NotFiniteError, Interrupted.
    """
    recipe = find(model)
    given = {name: value for name, value in options.items() if value is not None}
    if resume:
        run = reopen(out, model, split, seed, given)
    else:
        run = create(out, recipe, split, seed or 0, given, source)
    if not run.is_finished:
        work(run, recipe, split.train, hooks)
    if not run.predictions_path.is_file():
        keep_predictions(run, split)
    if report and not run.report_path.is_file():
        reports.report(run, split)
    return run


def work(run: Run, recipe: Recipe, data: Dataset, hooks: Sequence[Hook]) -> None:
    """The training itself, from the run's last checkpoint if there is one, to its model.safetensors."""
    checkpoints = Checkpoints(run.checkpoints)
    saved = checkpoints.load() if checkpoints.paths() else None
    settings = Settings(**run.config["settings"])
    try:
        predictor, _ = learn(
            recipe,
            settings,
            data,
            seed=run.config["seed"],
            hooks=[MetricsFile(run), checkpoints, *hooks],
            resume=saved,
        )
    except Interrupted as error:
        again = f"{run.config['command']} --out {shlex.quote(str(run.folder))} --resume"
        raise Interrupted(f"{error}; saved.  To go on:  {again}") from None
    except NotFiniteError as error:
        raise NotFiniteError(f"{error}.  The last good checkpoint is in {run.checkpoints}") from None
    save(run.model_path, {**predictor.state(), "config": predictor.config()})


def create(
    out: str | Path | None,
    recipe: Recipe,
    split: Split,
    seed: int,
    given: dict[str, Any],
    source: dict[str, Any] | None,
) -> Run:
    """A new run: everything is checked before its folder is made."""
    if reason := recipe.unsuited(split.train):
        raise DataError(f"{recipe.name} does not suit {split.train.name}: {reason}")
    if not whole(seed) or not 0 <= seed < 1 << 32:
        raise ValueRangeError(f"seed needs a whole number from 0 to {(1 << 32) - 1}, got {seed!r}")
    config = {
        "model": recipe.name,
        "data": {"name": split.train.name, "source": located(source), "contents": contents(split)},
        "seed": seed,
        "settings": asdict(choose(recipe, split.train, given)),
        "command": command(recipe.name, split, source, seed, given),
        **surroundings(),
    }
    return Run.create(out or new_folder(RUNS, f"{split.train.name}-{recipe.name}"), config)


def reopen(out: str | Path | None, model: str, split: Split, seed: int | None, given: dict[str, Any]) -> Run:
    """The run in `out`, to go on with.  Raises CheckpointError where it is asked to be another."""
    if out is None:
        raise CheckpointError("which run is to be resumed?  Give its folder: --out FOLDER --resume")
    run = Run.open(out)
    config = run.config
    asked = {"model": model, "seed": config["seed"] if seed is None else seed, **given}
    was = {"model": config["model"], "seed": config["seed"], **config["settings"]}
    differ = [
        f"{name} was {was.get(name)}, now {value}" for name, value in asked.items() if was.get(name) != value
    ]
    if contents(split) != config["data"]["contents"]:
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


def choose(recipe: Recipe, data: Dataset, given: dict[str, Any]) -> Settings:
    """The recipe's settings for `data`, changed by those given, where they make sense for it."""
    defaults = recipe.settings(data)
    for name in given:
        one_of("option of train", name, asdict(defaults))
    if given.get("validation") == 0:
        defaults = replace(defaults, patience=None)
    if given.get("l1") and not {"optimizer", "lr"} & given.keys():
        # the zeros come from plain steps; Adam's, as long for small gradients as for large, jump over them
        defaults = replace(defaults, optimizer="sgd", lr=recipe.sparse_lr(data))
    settings = replace(defaults, **given)
    if settings.dropout and not recipe.takes_dropout:
        others = [r.name for r in RECIPES.values() if r.takes_dropout]
        raise ValueRangeError(
            f"{recipe.name} has no dropout, got dropout={settings.dropout}; {', '.join(others)} has"
        )
    if settings.augment and not data.is_image:
        raise ValueRangeError(f"augment shifts images, and {data.name} is a table; leave it out")
    return settings


def located(source: dict[str, Any] | None) -> dict[str, Any] | None:
    """`source` with the whole paths of the user's own data and data root: found from any folder."""
    if source is None:
        return None
    own = [] if source["spec"] in names() or not Path(source["spec"]).expanduser().exists() else ["spec"]
    own += ["root"] if source.get("root") else []
    return source | {name: str(Path(source[name]).expanduser().resolve()) for name in own}


def contents(split: Split) -> dict[str, str]:
    """A checksum of the rows of each part."""
    return {
        name: f"{crc32(part.y, crc32(part.x)):08x}"
        for name, part in (("train", split.train), ("test", split.test))
    }


def command(model: str, split: Split, source: dict[str, Any] | None, seed: int, given: dict[str, Any]) -> str:
    """What to type to train this again."""
    source = source or {"spec": split.train.name}
    words = ["yuanli", "train", model, "--data", str(source["spec"])]
    if source.get("target"):
        words += ["--target", source["target"]]
    if source.get("root"):
        words += ["--data-root", str(source["root"])]
    for name, value in {"seed": seed, **given}.items():
        option = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif name != "seed" or value:
            words += [option, str(value)]
    return shlex.join(words)
