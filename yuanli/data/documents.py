"""Labelled texts: a table with a column of text and a column of classes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.data.bundled import split
from yuanli.data.dataset import Dataset, Feature, Split
from yuanli.data.tables import FEW, Learned, as_words, find_column, read, targets
from yuanli.data.text import read_text
from yuanli.errors import DataError


def load_documents(path: Path, target: str | None, *, test_size: float, seed: int) -> Split:
    """A table of labelled texts, split at random."""
    dataset, notes = read_documents(path, target)
    drawn = split(dataset, test_size=test_size, seed=seed)
    return replace(drawn, notes=(*notes, *drawn.notes))


def read_documents(
    path: Path, target: str | None, *, like: Learned | None = None
) -> tuple[Dataset, tuple[str, ...]]:
    """The texts of a table with the classes in its column `target`, and notes on what was left out.

    Of several columns of words the one with the longest entries is the text.  With `like`, column and classes
    are those of that data set or model.  Raises: DataError.
    """
    table = read(path)
    if target is None:
        raise DataError(
            f"{path}: which column holds the classes, the target?  There are {', '.join(table.column_names)}"
        )
    target = find_column(path, table.column_names, target)
    name = like.features[0].name if like else longest_column(path, table, target)
    rows = len(table)
    table = table.filter(table.column(target).is_valid())
    table = table.filter(table.column(find_column(path, table.column_names, name)).is_valid())
    if not len(table):
        raise DataError(f"{path}: no row has both a text in {name} and a class in {target}")
    y, classes = targets(path, target, table.column(target), like.classes if like else None)
    if not classes:
        raise DataError(f"{path}: {target} holds numbers; texts are classified, so it must hold classes")
    notes = [f"{rows - len(table)} rows without a text or a class were left out"] * (len(table) < rows)
    if others := [c for c in table.column_names if c not in (name, target)]:
        notes.append(f"the text is {name}; not read: {', '.join(others)}")
    x = as_strings(as_words(table.column(name)))
    return Dataset(path.stem, x, y, classes, (Feature(name),)), tuple(notes)


def holds_texts(path: Path, target: str) -> bool:
    """Whether a table has one column only besides the target, and nearly every row other words in it."""
    import pyarrow as pa
    from pyarrow import compute as pc

    table = read(path)
    others = [
        column for name, column in zip(table.column_names, table.columns, strict=True) if name != target
    ]
    if len(others) != 1 or not pa.types.is_string(others[0].type):
        return False
    return pc.count_distinct(others[0]).as_py() > max(FEW, len(table) / 2)


def read_lines(path: Path, column: str) -> tuple[np.ndarray, list[int]]:
    """Texts to predict from: a table's column of that name, or a file's lines; and the row of each, from 1.

    Empty lines are no texts, but are counted.  Raises: DataError.
    """
    if not path.is_file():
        raise DataError(f"no file at {path}")
    if path.suffix.lower() in (".csv", ".tsv", ".parquet"):
        table = read(path)
        words = as_words(table.column(find_column(path, table.column_names, column)))
        return as_strings([text or "" for text in words]), list(range(1, len(words) + 1))
    lines = [line.strip() for line in read_text(path).split("\n")]
    rows = [row for row, line in enumerate(lines, 1) if line]
    if not rows:
        raise DataError(f"{path}: a text to be classified needs words, and here are none")
    return as_strings([lines[row - 1] for row in rows]), rows


def longest_column(path: Path, table: Any, target: str) -> str:
    """The name of the column of words whose entries are the longest on average."""
    import pyarrow as pa
    from pyarrow import compute as pc

    lengths = {
        name: pc.mean(pc.utf8_length(table.column(name))).as_py() or 0
        for name in table.column_names
        if name != target and pa.types.is_string(table.column(name).type)
    }
    if not lengths:
        raise DataError(f"{path}: no column besides {target} holds text")
    return max(lengths, key=lambda name: lengths[name])


def as_strings(texts: list[str]) -> np.ndarray:
    """(N,) in NumPy's own dtype for strings of any length."""
    return np.array(texts, np.dtypes.StringDType())
