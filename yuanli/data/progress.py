"""Progress bars on the standard error, and only there where somebody can see them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items, with a bar that says how many of `total` have been taken."""
    with bar(total, what) as advance:
        for item in items:
            yield item
            advance(1)


@contextmanager
def bar(total: int | None, what: str, done: int = 0, unit: str = "") -> Iterator[Callable[[int], None]]:
    """A bar; what it gives is called with how much was done.  `unit="bytes"` writes them as MB and MB/s."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    console = Console(stderr=True)
    amount = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    columns = (TextColumn("{task.description}"), BarColumn(), *amount, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(what, total=total, completed=done)
        yield lambda n: progress.advance(task, n)
