"""`generate`: what a trained model makes by itself."""

from typing import Annotated

import typer

from yuanli.cli.output import print_json
from yuanli.cli.runs import USE, Json, Run


def add_to(app: typer.Typer) -> None:
    app.command(
        rich_help_panel=USE,
        epilog='yuanli generate runs/mine --prompt "To be, "\n\n'
        'yuanli generate runs/mine --prompt "To be, " --temperature 0.5 --top-k 5 --length 200',
    )(generate)


def generate(
    run: Run,
    prompt: Annotated[str, typer.Option(metavar="TEXT", help="The text to go on from.")] = "",
    length: Annotated[int, typer.Option(metavar="N", help="Characters, or words, to add.")] = 500,
    temperature: Annotated[
        float, typer.Option(metavar="X", help="Below 1 safer, above 1 bolder; 0: always the likeliest.")
    ] = 0.8,
    top_k: Annotated[int | None, typer.Option(metavar="K", help="Only the K likeliest can come.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another text.")] = 0,
    json: Json = False,
) -> None:
    """Let a trained language model go on with a text."""
    from yuanli import recipes

    text = recipes.generate(run, prompt, length=length, temperature=temperature, top_k=top_k, seed=seed)
    if json:
        print_json({"run": run, "prompt": prompt, "text": text})
        return
    print(text)
