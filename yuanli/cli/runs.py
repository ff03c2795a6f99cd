"""`compare`, `train`, `evaluate`, `predict`: models on data."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from json import loads as json_of
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yuanli.cli.judged import print_answers, print_comparison, print_evaluation, print_places, reasons
from yuanli.cli.output import print_json, say
from yuanli.errors import DataError, ValueRangeError

if TYPE_CHECKING:
    from yuanli.recipes import Recipe

USE, HOW, LESS, FROM = "Use", "How it learns", "Against over-fitting", "Fine-tuning"
MODELS = "`yuanli models` lists them."
OPTIMIZERS = "sgd, momentum, nesterov, adam, adamw, rmsprop, adagrad"
SCHEDULES = "constant, step, milestones, exponential, inverse-time, cosine, one-cycle, warm-up"
DATA = (
    "A data set `yuanli data` lists, or your own: a folder with one sub-folder of images per class, "
    "a table (.csv, .tsv, .parquet), or a text (.txt)."
)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder `yuanli train` wrote.")]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="Decides initial weights, order and dropout; 0 unless given.")
]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of your table to predict.")]
Root = Annotated[
    Path | None,
    typer.Option("--data-root", metavar="DIR", help="Where data sets lie. Otherwise $YUANLI_DATA."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, progress on stderr.")]


def add_to(app: typer.Typer) -> None:
    app.command(
        rich_help_panel=USE,
        epilog="yuanli compare digits\n\nyuanli compare houses.csv --target price --models linear,mlp",
    )(compare)
    app.command(
        rich_help_panel=USE,
        epilog="yuanli train lenet --data digits --epochs 5 --out runs/mine\n\n"
        "yuanli train lenet --data digits --epochs 5 --out runs/mine --resume",
    )(train)
    app.command(rich_help_panel=USE, epilog="yuanli evaluate runs/mine")(evaluate)
    app.command(
        rich_help_panel=USE,
        epilog="yuanli predict runs/mine 7.png 8.png\n\nyuanli predict runs/mine pictures/ --json",
    )(predict)


def compare(
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA)],
    models: Annotated[str | None, typer.Option(metavar="A,B", help=f"Only these models; {MODELS}")] = None,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Runs and report go here. Otherwise a new folder in runs/."),
    ] = None,
    target: Target = None,
    data_root: Root = None,
    json: Json = False,
) -> None:
    """Train every suitable model on one split; a table, and a report with pictures."""
    from yuanli import recipes
    from yuanli.recipes.train import RUNS
    from yuanli.training.progress import Bar
    from yuanli.training.run import new_folder

    class BarAlone(Bar):
        """Without its line an epoch: there are many models."""

        def on_epoch(self, training: Any) -> None: ...

    names = [recipes.find(name.strip()).name for name in models.split(",")] if models is not None else None
    split, source = load(recipes.chosen(names)[0], data, target, data_root)
    out = out or new_folder(RUNS, f"{split.train.name}-compare")

    def hooks(recipe: recipes.Recipe) -> list[Any]:
        say(f"training {recipe.name} ({recipe.title}, {recipe.title_zh})")
        return [BarAlone(sys.stderr)] if sys.stderr.isatty() else []

    try:
        with interruptible(f"interrupted; the models trained so far are in {out}"):
            result = recipes.compare(split, names, seed=seed or 0, out=out, source=source, hooks=hooks)
    finally:
        with suppress(OSError):
            out.rmdir()  # when nothing came of it
    if not any(entry.evaluation for entry in result.entries):
        raise DataError(f"no model suits {result.data}: {'; '.join(reasons(result))}")
    if json:
        print_json(result.to_json())
        return
    print_comparison(result, out)


def train(
    model: Annotated[str, typer.Argument(metavar="MODEL", help=f"What to train; {MODELS}")],
    data: Annotated[str, typer.Option(metavar="DATA", help=DATA)],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The run's folder. Otherwise a new one in runs/.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in --out, bit for bit as if never stopped.")
    ] = False,
    seed: Seed = None,
    target: Target = None,
    data_root: Root = None,
    json: Json = False,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", help="Times through the data.", rich_help_panel=HOW)
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", help="Rows a step.", rich_help_panel=HOW)
    ] = None,
    lr: Annotated[
        float | None, typer.Option(metavar="X", help="The learning rate.", rich_help_panel=HOW)
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{OPTIMIZERS}.", rich_help_panel=HOW)
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="NAME", help=f"{SCHEDULES}.", rich_help_panel=HOW)
    ] = None,
    l1: Annotated[
        float | None, typer.Option(metavar="λ", help="Penalty λ Σ|w|.", rich_help_panel=LESS)
    ] = None,
    l2: Annotated[
        float | None, typer.Option(metavar="λ", help="Penalty λ/2 Σw².", rich_help_panel=LESS)
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(metavar="P", help="Units left out, 0 to 1.", rich_help_panel=LESS)
    ] = None,
    augment: Annotated[bool | None, typer.Option(help="Shift images a little.", rich_help_panel=LESS)] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Start from these: .safetensors, .pth, .pdparams; a run's are in model.safetensors.",
            rich_help_panel=FROM,
        ),
    ] = None,
    freeze: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help='Layers not trained: "features.*,conv1".', rich_help_panel=FROM),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An option of this model's own; `yuanli models MODEL` lists them.",
        ),
    ] = None,
) -> None:
    """Train one model and keep the run: weights, curves, checkpoints, report.

    What you do not choose, the model's recipe does.
    """
    from yuanli import recipes
    from yuanli.training.progress import Waiting, progress

    recipe = recipes.find(model)
    given: dict[str, Any] = {
        "epochs": epochs, "batch_size": batch_size, "lr": lr, "optimizer": optimizer, "schedule": schedule,
        "l1": l1, "l2": l2, "dropout": dropout, "augment": augment, "weights": weights, "freeze": freeze,
    }  # fmt: skip
    given = with_own({name: value for name, value in given.items() if value is not None}, own or [])
    found, source = load(recipe, data, target, data_root)
    again = "interrupted; the same command with --out FOLDER --resume goes on with a run"
    with interruptible(again), Waiting(sys.stderr, recipe.name) as waiting:
        run = recipes.train(
            model,
            found,
            seed=seed,
            out=out,
            resume=resume,
            source=source,
            hooks=[waiting, progress()],
            tell=say,
            **given,
        )
    judged = recipes.kept(run)
    if json:
        print_json({"run": run.folder, "report": run.report_path, **judged.to_json()})
        return
    print_evaluation(judged)
    print_places(f"Run: {run.folder}", f"Report: {run.report_path}", following(recipe, run.folder))


def evaluate(
    run: Run,
    data: Annotated[
        str | None, typer.Option(metavar="DATA", help="Other data than the run's own test rows.")
    ] = None,
    target: Target = None,
    views: Annotated[
        int,
        typer.Option(help="Answer with the mean over 2 views of an image, mirrored too, or 10, also moved."),
    ] = 1,
    data_root: Root = None,
    json: Json = False,
) -> None:
    """Judge a trained model on rows it has not learned from."""
    from yuanli import recipes

    if target is not None and data is None:
        raise ValueRangeError("--target names a column of other data: it needs --data")
    other = recipes.load_other(run, data, target=target, root=data_root) if data else None
    for line in other.notes if other else ():
        say(line)
    judged = recipes.evaluate(run, other, root=data_root, views=views)
    if json:
        print_json(judged.to_json())
        return
    print_evaluation(judged)
    print_places(following(recipes.find(judged.model), run))


def predict(
    run: Run,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Images, folders of images, tables, texts.")
    ],
    json: Json = False,
) -> None:
    """Say what a trained model makes of your files: class and probability a row."""
    from yuanli import recipes

    answers = recipes.predict(run, files)
    if json:
        print_json([vars(answer) for answer in answers])
        return
    print_answers(answers)


def load(recipe: "Recipe", data: str, target: str | None, root: Path | None) -> tuple[Any, dict[str, Any]]:
    """What the recipe reads, and the arguments by which it is found again; its notes go to stderr."""
    source = {"spec": data, "target": target, "root": root and str(root)}
    found = recipe.load(**source)  # type: ignore[arg-type]
    for line in found.notes:
        say(line)
    return found, source


def with_own(given: dict[str, Any], own: list[str]) -> dict[str, Any]:
    """And those of NAME=VALUE, each value as JSON where it is JSON and as a word where it is not."""
    found = dict(given)
    for one in own:
        name, sign, value = one.partition("=")
        if not (name and sign):
            raise ValueRangeError(f"--set needs NAME=VALUE, got {one!r}")
        name = name.replace("-", "_")
        if name in found:
            raise ValueRangeError(f"{name} is given twice, as {found[name]!r} and by --set {one}")
        try:
            found[name] = json_of(value)
        except ValueError:
            found[name] = value
    return found


def following(recipe: "Recipe", run: Path) -> str:
    """What can be done with a run next, to copy."""
    return "Next: yuanli " + recipe.then.format(run=shlex.quote(str(run)))


@contextmanager
def interruptible(otherwise: str) -> Iterator[None]:
    """Ctrl-C ends the command with exit code 130 and how to go on: in the exception, or else as given."""
    try:
        yield
    except KeyboardInterrupt as stopped:
        say(str(stopped) or otherwise)
        raise typer.Exit(130) from None
