"""`similar` and `analogy`: what word vectors know."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from yuanli.cli.judged import print_places
from yuanli.cli.output import print_json, print_table, table
from yuanli.cli.runs import USE, Json, Run

Top = Annotated[int, typer.Option(metavar="N", min=1, help="So many words.")]


def add_to(app: typer.Typer) -> None:
    app.command(
        rich_help_panel=USE,
        epilog="yuanli similar runs/mine water king\n\nyuanli similar runs/mine water king --map words.png",
    )(similar)
    app.command(rich_help_panel=USE, epilog="yuanli analogy runs/mine man king woman")(analogy)


def similar(
    run: Run,
    words: Annotated[list[str], typer.Argument(metavar="WORD", help="Words of the text.")],
    top: Top = 10,
    map: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw them all in the plane: .png, .svg.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the words nearest to others, by the angle between their vectors."""
    from yuanli.recipes.word_vectors import open_vectors, spelt

    wv = open_vectors(run)
    asked = [spelt(wv, word) for word in words]
    found = {word: wv.most_similar(word, topn=top) for word in asked}
    if map is not None:
        from yuanli.inspection.style import save
        from yuanli.inspection.word_map import principal_plane, word_map

        group = {near: i for i, pairs in enumerate(found.values()) for near, _ in pairs}
        group |= {word: i for i, word in enumerate(found)}
        points = principal_plane(wv[list(group)])
        save(word_map(list(group), points, list(group.values()), "Words and their neighbours"), map)
    if json:
        print_json(
            {word: [{"word": near, "cosine": c} for near, c in pairs] for word, pairs in found.items()}
        )
        return
    rows = table("word", "near it", "cosine")
    for word, pairs in found.items():
        for i, (near, cosine) in enumerate(pairs):
            rows.add_row(word if i == 0 else "", near, f"{cosine:.3f}")
    print_table(rows)
    places = [f"\nPicture: {map}"] if map is not None else [""]
    print_places(*places, f"Next: yuanli analogy {shlex.quote(str(run))} A B C")


def analogy(
    run: Run,
    a: Annotated[str, typer.Argument(metavar="A", help="As this …")],
    b: Annotated[str, typer.Argument(metavar="B", help="… is to this, …")],
    c: Annotated[str, typer.Argument(metavar="C", help="… so is this to what?")],
    top: Top = 5,
    json: Json = False,
) -> None:
    """Answer "a is to b as c is to …": the words nearest to b − a + c."""
    from yuanli.recipes.word_vectors import open_vectors, spelt

    wv = open_vectors(run)
    a, b, c = (spelt(wv, word) for word in (a, b, c))
    found = wv.most_similar([b, c], [a], topn=top)
    if json:
        print_json([_named(*pair) for pair in found])
        return
    print(f"{a} is to {b} as {c} is to …\n")
    rows = table("word", "cosine")
    for word, cosine in found:
        rows.add_row(word, f"{cosine:.3f}")
    print_table(rows)


def _named(word: str, cosine: float) -> dict[str, str | float]:
    return {"word": word, "cosine": cosine}
