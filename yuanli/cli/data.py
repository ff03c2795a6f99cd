"""`data`: which data sets there are, and where they are looked for."""

import typer

from yuanli.cli.output import console, print_json, print_table, table
from yuanli.cli.runs import USE, Json, Root

OWN = (
    "Your own: a folder with one sub-folder of images per class, a table (.csv, .tsv, .parquet; "
    "--target names the column to predict), a table with a column of text, or a text (.txt)."
)


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=USE, epilog="yuanli data --data-root downloads")(data)


def data(data_root: Root = None, json: Json = False) -> None:
    """List the data sets known by name, and where they are looked for."""
    from yuanli.data.bundled import BUNDLED
    from yuanli.data.catalog import POINTS, REVIEWS, SYNTHETIC
    from yuanli.data.official import SOURCES
    from yuanli.data.storage import data_root as root_of

    root = root_of(data_root)
    places = {
        name: [root / f for f in source.folders if f not in ("", ".")] for name, source in SOURCES.items()
    }
    found = {name: next((str(p) for p in there if p.is_dir()), None) for name, there in places.items()}
    if json:
        sets = dict.fromkeys(BUNDLED, "bundled") | found | dict.fromkeys(SYNTHETIC, "synthetic")
        print_json({"data_root": str(root), "data_sets": sets})
        return
    rows = table("name", "where")
    for name in BUNDLED:
        rows.add_row(name, "bundled")
    for name, place in found.items():
        rows.add_row(name, place or "downloaded when first used")
    for name in POINTS:
        rows.add_row(name, "synthetic, two features")
    for name in REVIEWS:
        rows.add_row(name, "synthetic, labelled sentences")
    print_table(rows)
    screen = console()
    screen.print(
        f"\nDownloads go to {root} (--data-root or YUANLI_DATA names another folder).", soft_wrap=True
    )
    screen.print(OWN)
    screen.print("Next: yuanli compare NAME", style="dim")
