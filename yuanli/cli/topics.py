"""`topics`, `explain`, `demo`: what there is to learn, how it is written, and what it does."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from yuanli import demos, syllabus
from yuanli.cli.output import console, print_code, print_json, print_table, table
from yuanli.errors import UnknownNameError

LEARN = "Learn"
ID = Annotated[str, typer.Argument(metavar="ID", help="A topic, as `yuanli topics` lists them.")]
JSON = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=LEARN, epilog="yuanli topics | grep conv")(topics)
    app.command(rich_help_panel=LEARN, epilog="yuanli explain conv --code")(explain)
    app.command(
        rich_help_panel=LEARN,
        epilog="yuanli demo conv --help\n\nyuanli demo conv --stride 2 --out pictures",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    )(demo)


def topics(json: JSON = False) -> None:
    """List every topic: where it lives, what checks it, whether it works yet."""
    if json:
        print_json([row(topic) for topic in syllabus.TOPICS])
        return
    if console().is_terminal:
        from rich.text import Text

        rows = table("id", "topic", "state")
        for topic in syllabus.TOPICS:
            where = f"\n{places(topic)}\nagainst {topic.oracle}" if topic.lives else ""
            rows.add_row(topic.id, Text.assemble(f"{topic.zh}  {topic.en}", (where, "dim")), topic.state)
    else:
        rows = table("id", "state", "中文", "English", "checked against", "lives in")
        for topic in syllabus.TOPICS:
            rows.add_row(topic.id, topic.state, topic.zh, topic.en, topic.oracle, places(topic))
    print_table(rows)
    works = sum(topic.state == "works" for topic in syllabus.TOPICS)
    console().print(
        f"\n{works} of {len(syllabus.TOPICS)} work.  Next: yuanli explain ID, yuanli demo ID", style="dim"
    )


def explain(
    id: ID,
    code: Annotated[bool, typer.Option("--code", help="Print the code as well.")] = False,
    json: JSON = False,
) -> None:
    """Show a topic's formula, shapes, source, code and checks."""
    topic = syllabus.find(id)
    objects = topic.objects()
    if json:
        print_json(row(topic) | {"objects": [describe(o) for o in objects]})
        return
    screen = console()
    heading(screen, topic)
    for place, one in zip(topic.lives, objects, strict=True):
        about = describe(one)
        screen.print(f"{short(place)}{about['signature']}", style="bold cyan", soft_wrap=True)
        screen.print(f"{about['file']}:{about['line']}\n", style="dim", soft_wrap=True)
        print_code(about["code"]) if code else print(about["text"])
        print()
    if topic.differs:
        screen.print("The study note and the literature", style="bold")
        screen.print(f"{topic.differs}\n")
    if not objects:
        screen.print("Planned: there is no code yet.")
        return
    screen.print("Checked against", style="bold")
    screen.print(topic.oracle)
    for test in topic.tests:
        screen.print(f"  {test}", style="dim", soft_wrap=True)
    screen.print(f"\nNext: yuanli demo {topic.id}", style="dim")


def demo(
    context: typer.Context,
    id: Annotated[str | None, typer.Argument(metavar="ID", help="A topic that works.")] = None,
) -> None:
    """Run a topic's demonstration: its numbers here, its pictures in a folder."""
    if id in (None, "-h", "--help"):
        print(context.get_help())
        console().print(f"Topics that work: {', '.join(demos.TOPICS)}")
        return
    topic = syllabus.find(id or "")
    if topic.state == "planned":
        raise UnknownNameError(f"{topic.id} ({topic.zh}) is planned and has no demonstration yet")
    run = with_options(demos.demonstration(topic.id), topic)
    command = typer.Typer(add_completion=False, rich_markup_mode=None)
    command.command(help=inspect.getdoc(run))(run)
    typer.main.get_command(command)(
        context.args, prog_name=f"{context.command_path} {topic.id}", standalone_mode=False
    )


def with_options(function: Any, topic: syllabus.Topic) -> Any:
    """`function(out, seed=0, **options)` as a command: each option an option, and what it finds printed."""

    def run(out: Path, json: bool, **options: Any) -> None:
        found = function(out, **options)
        if json:
            print_json({"id": topic.id, "numbers": found.numbers, "pictures": found.pictures})
            return
        screen = console()
        heading(screen, topic)
        print("\n".join(found.lines), end="\n\n")
        for picture in found.pictures:
            screen.print(f"Picture: {picture}", soft_wrap=True)
        screen.print(f"Next: yuanli explain {topic.id}", style="dim")

    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    folder = Annotated[Path, typer.Option("--out", help="The folder for the pictures.")]
    first = inspect.Parameter(
        "out", inspect.Parameter.KEYWORD_ONLY, default=Path("demo", topic.id), annotation=folder
    )
    last = inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=JSON)
    given = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    run.__signature__ = inspect.Signature([*given, first, last])  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in (*given, first, last)}
    run.__doc__ = function.__doc__
    return run


def heading(screen: Any, topic: syllabus.Topic) -> None:
    screen.print(
        f"[bold]{topic.id}[/bold]  {topic.zh}  {topic.en}  [dim]({topic.state})[/dim]\n", markup=True
    )


def row(topic: syllabus.Topic) -> dict[str, Any]:
    return {
        "id": topic.id, "zh": topic.zh, "en": topic.en, "state": topic.state, "lives": topic.lives,
        "oracle": topic.oracle, "tests": topic.tests, "differs": topic.differs,
    }  # fmt: skip


def describe(one: Any) -> dict[str, Any]:
    """Signature, docstring, file, line and code, as Python knows them."""
    source = inspect.unwrap(one)
    lines, first = inspect.getsourcelines(source)
    signature = inspect.signature(one)
    bare = [
        p.replace(annotation=p.empty, default=_Named(p.default))
        if inspect.isroutine(p.default)
        else p.replace(annotation=p.empty)
        for p in signature.parameters.values()
    ]
    file = Path(inspect.getsourcefile(source) or "")
    return {
        "signature": str(signature.replace(parameters=bare, return_annotation=signature.empty)),
        "text": inspect.getdoc(one) or "",
        "file": str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file),
        "line": first,
        "code": "".join(lines).rstrip(),
    }


class _Named:
    """A default that is a function, shown by its name rather than by where it lies in memory."""

    def __init__(self, function: Any) -> None:
        self.name = function.__name__.strip("<>")

    def __repr__(self) -> str:
        return self.name


def places(topic: syllabus.Topic) -> str:
    return ", ".join(map(short, topic.lives))


def short(place: str) -> str:
    """yuanli.ops:conv2d as ops.conv2d."""
    return place.removeprefix("yuanli.").replace(":", ".")
