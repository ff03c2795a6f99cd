"""`compare`, `train`, `evaluate`, `predict`: models on data."""

from pathlib import Path
from typing import Annotated

import typer

from yuanli.errors import YuanliError

USE, HOW, LESS = "Use", "How it learns", "Against over-fitting"
DATA = (
    "A data set's name, or your own: a folder of images (one sub-folder a class), a table (.csv, .parquet)."
)

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The folder `yuanli train` wrote.")]
Seed = Annotated[int, typer.Option(metavar="N", help="The same seed gives the same numbers.")]
Target = Annotated[str | None, typer.Option(metavar="COLUMN", help="The column of your table to predict.")]
Root = Annotated[
    Path | None,
    typer.Option("--data-root", metavar="DIR", help="Where data sets lie. Otherwise $YUANLI_DATA."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, progress on stderr.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=USE, epilog="yuanli compare digits --models linear,lenet")(compare)
    app.command(rich_help_panel=USE, epilog="yuanli train lenet --data digits --epochs 5")(train)
    app.command(rich_help_panel=USE, epilog="yuanli evaluate runs/digits-lenet")(evaluate)
    app.command(rich_help_panel=USE, epilog="yuanli predict runs/digits-lenet 7.png 8.png")(predict)


def compare(
    data: Annotated[str, typer.Argument(metavar="DATA", help=DATA)],
    models: Annotated[str | None, typer.Option(metavar="A,B", help="Only these models.")] = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the report goes.")] = None,
    target: Target = None,
    data_root: Root = None,
    json: Json = False,
) -> None:
    """Train every suitable model on one split; a table, and a report with pictures."""
    raise YuanliError("compare is not there yet")


def train(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A model's name.")],
    data: Annotated[str, typer.Option(metavar="DATA", help=DATA)],
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run's folder.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run's last checkpoint.")] = False,
    seed: Seed = 0,
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
        str | None, typer.Option(metavar="NAME", help="sgd, adam, …", rich_help_panel=HOW)
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="NAME", help="constant, cosine, …", rich_help_panel=HOW)
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
    augment: Annotated[bool | None, typer.Option(help="Flip and crop images.", rich_help_panel=LESS)] = None,
) -> None:
    """Train one model and keep the run: weights, curves, checkpoints, report."""
    raise YuanliError("train is not there yet")


def evaluate(
    run: Run,
    data: Annotated[str | None, typer.Option(metavar="DATA", help="Other data than the run's own.")] = None,
    target: Target = None,
    data_root: Root = None,
    json: Json = False,
) -> None:
    """Judge a trained model on data it has not learned from."""
    raise YuanliError("evaluate is not there yet")


def predict(
    run: Run,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Images, folders of images, a table.")],
    json: Json = False,
) -> None:
    """Say what a trained model makes of your files: class and probability a row."""
    raise YuanliError("predict is not there yet")
