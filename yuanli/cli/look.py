"""`inspect` and `stress`: a look into an image classifier."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from yuanli.cli.judged import print_answers, print_places
from yuanli.cli.output import print_json, print_table, say, table
from yuanli.cli.runs import USE, Json, Root, Run, interruptible

Out = Annotated[Path | None, typer.Option(metavar="DIR", help="The folder for the pictures.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=USE, epilog="yuanli inspect runs/digits-lenet 7.png")(inspect)
    app.command(rich_help_panel=USE, epilog="yuanli stress runs/digits-lenet --images 200")(stress)


def inspect(
    run: Run,
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="A picture file.")],
    out: Out = None,
    json: Json = False,
) -> None:
    """Show how a model sees a picture: evidence, Grad-CAM, filters, feature maps."""
    from yuanli.recipes.look import inspect as look

    found = look(run, image, out=out)
    if json:
        print_json({**vars(found.answer), "pictures": found.pictures, "notes": found.notes})
        return
    print_answers([found.answer])
    for note in found.notes:
        say(note)
    print()
    print_places(*(f"Picture: {picture}" for picture in found.pictures), f"Next: yuanli stress {run}")


def stress(
    run: Run,
    images: Annotated[int, typer.Option(metavar="N", min=1, help="At most so many test images.")] = 1000,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Decides which, and every disturbance.")] = 0,
    out: Out = None,
    data_root: Root = None,
    json: Json = False,
) -> None:
    """Judge an image classifier on turned, moved, resized, covered, noisy, blurred images."""
    from yuanli.recipes.look import stress_run

    def tell(line: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[K{line}", end="", file=sys.stderr, flush=True)

    with interruptible("interrupted; nothing was kept"):
        found = stress_run(run, images=images, seed=seed, out=out, root=data_root, tell=tell)
    tell("")
    if json:
        print_json(found.to_json())
        return
    print(f"{found.model} on {found.data}, {found.images:,} images\n")
    rows = table("disturbance", "", *(f"{i + 1}" for i in range(7)))
    names = list(dict.fromkeys((p.disturbance, p.unit) for p in found.points))
    for name, unit in names:
        mine = [p for p in found.points if p.disturbance == name]
        rows.add_row(name, unit, *(f"{p.strength:g}" for p in mine))
        rows.add_row("", "accuracy, %", *(f"{100 * p.accuracy:.1f}" for p in mine))
    for column in rows.columns[2:]:
        column.justify = "right"
    print_table(rows)
    print_places(f"\nPicture: {found.picture}", f"Next: yuanli inspect {run} IMAGE")
