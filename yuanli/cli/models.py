"""`models`: which models can be trained, what they learn from, which options each has."""

from typing import Annotated

import typer

from yuanli.cli.output import console, print_json, print_table, table
from yuanli.cli.runs import USE, Json

Name = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Only this one, with its options.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=USE, epilog="yuanli models\n\nyuanli models knn")(models)


def models(model: Name = None, json: Json = False) -> None:
    """List the models that can be trained, or the options of one."""
    from yuanli.recipes import RECIPES, find

    chosen = [find(model)] if model is not None else list(RECIPES.values())
    if json:
        print_json(
            {
                r.name: {
                    "title": r.title,
                    "title_zh": r.title_zh,
                    "reads": r.reads,
                    "compared": r.compared,
                    "options": r.options(),
                }
                for r in chosen
            }
        )
        return
    rows = table("name", "what it is", "", "learns from")
    for recipe in chosen:
        rows.add_row(recipe.name, recipe.title, recipe.title_zh, recipe.reads)
    print_table(rows)
    screen = console()
    if model is None:
        screen.print("\nyuanli models NAME lists the options of one.", style="dim")
        return
    screen.print(f"\nOptions, each given as --set NAME=VALUE: {', '.join(chosen[0].options())}")
    screen.print(f"Next: yuanli train {model} --data DATA", style="dim")
