"""How the commands print: text and tables to stdout, errors and progress to stderr."""

import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yuanli.errors import YuanliError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


def console() -> "Console":
    """This moment's stdout: the terminal's width and colours, or 80 columns and none.

    What stands in brackets is text, as file names and classes may have it, unless printed with markup=True.
    """
    from rich.console import Console

    return Console(highlight=False, markup=False)


def table(*columns: str) -> "Table":
    """An empty table with a rule under its head, to be filled with add_row."""
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)


def print_table(rows: "Table") -> None:
    """A row is a line when stdout is no terminal, however long, so that grep and cut see all of it."""
    screen = console()
    if screen.is_terminal:
        screen.print(rows)
        return
    screen.width = 10_000
    with screen.capture() as printed:
        screen.print(rows)
    print("\n".join(line.rstrip() for line in printed.get().splitlines()))


def print_code(code: str) -> None:
    """Python code, in the terminal's own colours."""
    screen = console()
    if not screen.is_terminal:
        print(code)
        return
    from rich.syntax import Syntax

    screen.print(Syntax(code, "python", theme="ansi_dark", background_color="default"), soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document, alone on stdout; what is no number, such as nan, is null."""
    print(json.dumps(as_json(value), ensure_ascii=False, indent=2, allow_nan=False))


def as_json(value: Any) -> Any:
    """Arrays as lists, paths as text, nan and ±inf as None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, dict):
        return {str(k): as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def say(line: str) -> None:
    """A line for the user that is not the result: to stderr."""
    print(f"yuanli: {line}", file=sys.stderr, flush=True)


def report(problem: Exception) -> int:
    """Say on one line of stderr what went wrong, and return the exit code: 2 for what the user can mend."""
    if hasattr(problem, "format_message"):  # Typer's own: an unknown option, a missing argument
        where = getattr(getattr(problem, "ctx", None), "command_path", "yuanli")
        message = problem.format_message().rstrip(".")
        line, code = f"{message}{' ' if message.endswith('?') else '; '}`{where} --help` shows how", 2
    elif isinstance(problem, YuanliError):
        line, code = str(problem), 2
    elif isinstance(problem, OSError):
        line, code = (f"{problem.filename}: {problem.strerror}" if problem.filename else str(problem)), 2
    elif isinstance(problem, MemoryError):
        line, code = "out of memory; a smaller --batch-size may help", 1
    else:
        line, code = f"a fault of yuanli, --debug shows where: {type(problem).__name__}: {problem}", 1
    line = " ".join(line.split())
    say("".join(c if c.isprintable() else "?" for c in line))  # a damaged file may hold what moves a cursor
    return code
