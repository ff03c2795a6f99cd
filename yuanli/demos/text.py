"""Numbers as text: rows in aligned columns, shares in per cent."""

from collections.abc import Sequence
from typing import Any

from yuanli.training.metrics import wilson_interval


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], digits: int = 4) -> list[str]:
    """The head and the rows as lines; numbers to so many digits, aligned right, words left."""
    body = [[_text(value, digits) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    left = [any(isinstance(row[i], str) for row in rows) for i in range(len(head))]
    return [
        "  ".join(
            cell.ljust(w) if to_left else cell.rjust(w)
            for cell, w, to_left in zip(line, widths, left, strict=True)
        ).rstrip()
        for line in [list(head), *body]
    ]


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def with_interval(share: float, total: int) -> str:
    """A share of right answers among `total`, with its 95 % interval."""
    low, high = wilson_interval(round(share * total), total)
    return f"{percent(share)} (95 % interval {percent(low)} to {percent(high)})"


def _text(value: Any, digits: int) -> str:
    return f"{value + 0.0:.{digits}g}" if isinstance(value, float) else str(value)  # + 0: no −0
