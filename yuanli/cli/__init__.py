"""The command line: parses, calls, prints.  Nothing is computed here."""

import io
import os
import sys
import warnings
from collections.abc import Sequence

import typer

from yuanli.cli import data, doors, generate, look, models, runs, summary, topics, words
from yuanli.cli.output import report, say

HELP = """The core algorithms of deep learning (原理), each written once to be read."""

EPILOG = """
[bold]Examples[/bold]

yuanli compare digits                   every classifier on handwritten digits

yuanli train lenet --data digits        one model; says where the run is kept

yuanli predict runs/digits-lenet 7.png  what it makes of your own picture

yuanli explain conv                     its formula, shapes, source and code

yuanli demo conv --stride 2             its numbers and picture, your options


`yuanli COMMAND --help` shows a command's options; --debug, anywhere, a traceback.
"""


app = typer.Typer(
    name="yuanli",
    help=HELP,
    epilog=EPILOG,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs.add_to(app)
generate.add_to(app)
look.add_to(app)
words.add_to(app)
doors.add_to(app)
models.add_to(app)
summary.add_to(app)
data.add_to(app)
topics.add_to(app)


def version(wanted: bool) -> None:
    if wanted:
        from yuanli import __version__

        typer.echo(f"yuanli {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=version, is_eager=True, help="Print the version."
    ),
    debug: bool = typer.Option(
        False, "--debug", help="Show a traceback when something fails; works anywhere."
    ),
) -> None:
    """Options of every command; main() has acted on --debug already."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 done, 2 wrong input, 130 interrupted.

    What the user can mend is one line on stderr; --debug lets every error through with its traceback.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal shows ? for what it has no sign for
    debug = "--debug" in given
    given = [a for a in given if a != "--debug"] or ["--help"]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *where: say(str(message))
            code = typer.main.get_command(app)(given, prog_name="yuanli", standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as problem:
        if debug:
            raise
        sys.exit(report(problem))
