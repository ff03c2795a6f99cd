"""`generate`: what a trained model makes by itself."""

from pathlib import Path
from typing import Annotated, Any

import typer

from yuanli.cli.judged import print_places
from yuanli.cli.output import print_json
from yuanli.cli.runs import USE, Json, Run
from yuanli.errors import ValueRangeError

TEXT, IMAGES = "Text, of language models", "Images, of GANs"


def add_to(app: typer.Typer) -> None:
    app.command(
        rich_help_panel=USE,
        epilog='yuanli generate runs/mine --prompt "To be, "\n\n'
        'yuanli generate runs/mine --prompt "To be, " --temperature 0.5 --top-k 5 --length 200\n\n'
        "yuanli generate runs/mnist-dcgan -n 64",
    )(generate)


def generate(
    run: Run,
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="The text to go on from.", rich_help_panel=TEXT)
    ] = None,
    length: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Characters, or words, to add; 500 unless given.", rich_help_panel=TEXT
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Below 1 safer, above 1 bolder; 0: always the likeliest. 0.8 unless given.",
            rich_help_panel=TEXT,
        ),
    ] = None,
    top_k: Annotated[
        int | None, typer.Option(metavar="K", help="Only the K likeliest can come.", rich_help_panel=TEXT)
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "--number", "-n", metavar="N", help="How many; 64 unless given.", rich_help_panel=IMAGES
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The picture; RUN/generated.png unless given.", rich_help_panel=IMAGES
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Another seed, another text or images.")] = 0,
    json: Json = False,
) -> None:
    """Let a trained model go on with a text, or make images."""
    from yuanli import recipes

    of_text: dict[str, Any] = {"prompt": prompt, "length": length, "temperature": temperature, "top_k": top_k}
    of_images: dict[str, Any] = {"n": number, "out": out}
    images = recipes.makes_images(run)
    mine, other = ((of_text, of_images), (of_images, of_text))[images]
    if wrong := [name for name, value in other.items() if value is not None]:
        raise ValueRangeError(
            f"{run} makes {'images' if images else 'text'}; leave out {', '.join(wrong)}, for the other kind"
        )
    given = {name: value for name, value in mine.items() if value is not None}
    if images:
        made, picture = recipes.paint(run, seed=seed, **given)
        if json:
            print_json({"run": run, "images": len(made), "picture": picture})
            return
        print_places(f"{len(made)} images: {picture}", f"Next: yuanli evaluate {run}")
        return
    text = recipes.generate(run, seed=seed, **given)
    if json:
        print_json({"run": run, "prompt": prompt or "", "text": text})
        return
    print(text)
