"""`export`: a trained model for others to use."""

from pathlib import Path
from typing import Annotated

import typer

from yuanli.cli.judged import print_places
from yuanli.cli.output import print_json
from yuanli.cli.runs import USE, Json, Run
from yuanli.errors import ValueRangeError


def add_to(app: typer.Typer) -> None:
    app.command(
        rich_help_panel=USE,
        epilog="yuanli export runs/digits-lenet --onnx lenet.onnx\n\n"
        "yuanli export runs/digits-lenet --weights lenet.pth",
    )(export)


def export(
    run: Run,
    onnx: Annotated[
        Path | None, typer.Option(metavar="FILE", help="An ONNX graph, from rows to answers.")
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The weights alone: .safetensors, torch's .pth, Paddle's .pdparams."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Write a trained model as a file that other programs read."""
    from yuanli.recipes.export import export as write

    if onnx is None and weights is None:
        raise ValueRangeError("export needs --onnx FILE, --weights FILE or both")
    said = write(run, onnx=onnx, weights=weights)
    if json:
        print_json({"onnx": onnx, "weights": weights, "notes": said})
        return
    print_places(*said)
