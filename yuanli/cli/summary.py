"""`summary`: what a network costs, layer by layer, and what each layer sees."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yuanli.cli.output import console, print_json, print_table, table
from yuanli.cli.runs import USE, Json
from yuanli.errors import ValueRangeError

if TYPE_CHECKING:
    from yuanli.inspection.ledger import Ledger, Row


def add_to(app: typer.Typer) -> None:
    app.command(
        rich_help_panel=USE,
        epilog="yuanli summary resnet50\n\nyuanli summary vgg16 --input 3x64x64 --batch 32\n\n"
        "yuanli summary runs/digits-lenet",
    )(summary)


def summary(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A network, `yuanli summary ?` lists them; or a run.")
    ],
    input: Annotated[
        str | None, typer.Option(metavar="CxHxW", help="Channels, height and width; else the paper's.")
    ] = None,
    batch: Annotated[int, typer.Option(metavar="N", min=1, help="Examples at once.")] = 1,
    classes: Annotated[
        int | None, typer.Option(metavar="K", min=1, help="Classes; else the paper's.")
    ] = None,
    json: Json = False,
) -> None:
    """Count parameters, multiplications, memory and receptive field of every layer."""
    with _readable_kernels():
        from yuanli.inspection.ledger import ledger
        from yuanli.models.zoo import ZOO, build_for, native_shape
        from yuanli.nn.init import skip_init

    if model == "?":
        print("\n".join(ZOO))
        return
    shape = _shape(input) if input is not None else None
    if Path(model, "config.json").is_file() or (Path(model).is_dir() and model not in ZOO):
        if classes:
            raise ValueRangeError("--classes is for networks to be built; a run has those of its data")
        network, own = _of_run(Path(model))
        shape, name = shape or own, Path(model).name
    else:
        shape, name = shape or native_shape(model), model
        options = {"num_classes": classes} if classes else {}
        with skip_init():
            network = build_for(model, shape, **options)
    found = ledger(network, shape, batch, name)
    if json:
        print_json(found.to_json())
        return
    _print(found)


@contextmanager
def _readable_kernels() -> Iterator[None]:
    """What is imported here runs the NumPy twins: for one small pass nothing is worth compiling."""
    asked = "YUANLI_KERNELS" in os.environ
    os.environ.setdefault("YUANLI_KERNELS", "numpy")
    try:
        yield
    finally:
        if not asked:
            del os.environ["YUANLI_KERNELS"]


def _shape(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+([x×,]\d+){2}", text):
        raise ValueRangeError(f"--input needs channels, height and width as in 3x224x224, got {text!r}")
    return tuple(map(int, re.split("[x×,]", text)))


def _of_run(folder: Path) -> tuple[Any, tuple[int, ...]]:
    from yuanli.recipes.evaluate import open_predictor
    from yuanli.recipes.predictor import NetworkPredictor
    from yuanli.training import Run

    predictor = open_predictor(Run.open(folder))
    if not isinstance(predictor, NetworkPredictor):
        raise ValueRangeError(f"summary counts the layers of networks, and {folder} holds none")
    if not predictor.row:
        raise ValueRangeError(
            f"summary counts networks of images and numbers, and that of {folder} reads texts"
        )
    return predictor.model, predictor.shape


def _print(found: "Ledger") -> None:
    print(f"{found.model}, {'×'.join(map(str, found.input))}, {_examples(found.batch)}\n")
    rows = table("layer", "", "output", "params", "MMACs", "memory", "sees", "step")
    for row in found.rows:
        rows.add_row(row.name, row.layer, "×".join(map(str, row.output)), *_numbers(row))
    for column in rows.columns[:2]:
        column.overflow = "fold"
    for column in rows.columns[2:]:
        column.no_wrap = True
    for column in rows.columns[3:]:
        column.justify = "right"
    print_table(rows)
    buffers = f"  (and {found.buffers:,} running statistics and counters)" if found.buffers else ""
    unit, sign = (1e9, "G") if found.macs >= 1e7 else (1e6, "M")
    lines = [
        "",
        f"parameters         {found.parameters:,}{buffers}",
        f"multiply-adds      {found.macs / unit:,.3f} {sign}, "
        f"or {found.flops / unit:,.3f} {sign}FLOPs, two for each",
        f"activations        {_bytes(found.forward_memory)} at once in evaluation, "
        f"{_bytes(found.training_memory)} kept in training",
    ]
    if field := found.field:
        size = f"{field.down.size}×{field.across.size}"
        lines.append(f"receptive field    {size} pixels, in steps of {field.down.stride}, at the last maps")
    if found.idle:
        lines.append(f"used in training only: {', '.join(found.idle)}")
    lines.append("Multiply-adds are those of convolutions, linear and recurrent layers.")
    console().print("\n".join(lines), soft_wrap=True)


def _numbers(row: "Row") -> tuple[str, str, str, str, str]:
    field = row.field
    same = field and field.down.size == field.across.size
    sees = "" if not field else f"{field.down.size}" if same else f"{field.down.size}×{field.across.size}"
    step = str(field.down.stride or "all") if field else ""
    macs = f"{row.macs / 1e6:,.1f}" if row.macs else ""
    return f"{row.parameters:,}" if row.parameters else "", macs, _bytes(row.memory), sees, step


def _bytes(count: int) -> str:
    number, unit = (count / 1024, "kB") if count < 1000 * 1024 else (count / 1024**2, "MB")
    return f"{number:,.0f} {unit}" if number >= 100 else f"{number:.1f} {unit}" if count else ""


def _examples(batch: int) -> str:
    return "one example" if batch == 1 else f"{batch:,} examples"
