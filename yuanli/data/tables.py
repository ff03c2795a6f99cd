"""The user's own tables: CSV or Parquet, columns of numbers, words, dates and gaps."""

import codecs
import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from yuanli.data.bundled import split
from yuanli.data.dataset import UNKNOWN, Dataset, Feature, Split
from yuanli.data.text import read_text
from yuanli.errors import DataError

FEW = 20  # whole numbers with at most so many different values, in twice as many rows or more, are classes
GAPS = ("", "?", "-", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "null", "NULL", "None", "#N/A", "<NA>")
DELIMITERS = ",;\t|"


class Learned(Protocol):
    """Whatever knows the columns and classes that a table must have: a data set, a trained model."""

    @property
    def features(self) -> tuple[Feature, ...]: ...

    @property
    def classes(self) -> tuple[str, ...]: ...


def load_table(path: Path, target: str | None, *, test_size: float, seed: int) -> Split:
    """A table of the user's, split at random."""
    dataset, notes = read_table(path, target)
    drawn = split(dataset, test_size=test_size, seed=seed)
    return replace(drawn, notes=(*notes, *drawn.notes))


def read_table(
    path: Path, target: str | None, *, like: Learned | None = None
) -> tuple[Dataset, tuple[str, ...]]:
    """The table as a data set that predicts the column `target`, and notes on what was left out.

    Words and booleans are classes, and so are whole numbers with at most 20 different values in twice as many
    rows or more; other numbers make it a regression.  Dates become days since 1970, times parts of a day.
    Empty cells, "?", "-", "NA" and the like are gaps; rows with a gap for a target are left out.  With
    `like`, the columns and classes are those of that data set or model.  Raises: DataError.
    """
    table = read(path)
    if target is None:
        raise DataError(
            f"{path}: which column is the target, to be predicted?  There are {_listed(table.column_names)}"
        )
    column = table.column(find_column(path, table.column_names, target))
    notes = []
    if column.null_count:
        notes.append(f"{column.null_count} rows without {target} were left out")
        table, column = table.filter(column.is_valid()), column.drop_null()
    if not len(column):
        raise DataError(f"{path}: no row has a value in {target}")
    y, classes = targets(path, target, column, like.classes if like else None)
    rest = table.drop_columns([target])
    if not rest.num_columns:
        raise DataError(f"{path}: besides {target} no column is left to learn from")
    features = like.features if like else tuple(_feature(path, n, rest.column(n)) for n in rest.column_names)
    notes += [
        f"nearly every row has another word in {f.name}: it tells little"
        for f in features
        if like is None and len(f.categories) > max(FEW, len(column) / 2)
    ]
    return Dataset(path.stem, _rows(path, rest, features), y, classes, features), tuple(notes)


def read_rows(path: Path, features: Sequence[Feature]) -> np.ndarray:
    """The columns `features` of a table as float32 (N, D), to predict from; further columns are passed over.

    A word that is none of its column's categories has the code −1.  Raises: DataError.
    """
    return _rows(path, read(path), features)


def read(path: Path) -> Any:
    """The table, names and words trimmed, with gaps where nothing was."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    try:
        if path.suffix.lower() == ".parquet":
            table = parquet.read_table(path)
        else:
            table = csv.read_csv(
                path,
                # the types of all columns are found out from the first block: the whole file
                csv.ReadOptions(block_size=min(max(path.stat().st_size + 1, 1 << 16), 1 << 30)),
                csv.ParseOptions(delimiter=_delimiter(path), newlines_in_values=True),
                csv.ConvertOptions(null_values=GAPS, strings_can_be_null=True),
            )
        names = [n.strip() or f"column {i}" for i, n in enumerate(table.column_names, 1)]
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 in its first line: {error}; save it as UTF-8") from None
    if twice := [n for i, n in enumerate(names) if n in names[:i]]:
        raise DataError(f"{path}: more than one column is called {_listed(dict.fromkeys(twice))}")
    if all(map(_is_number, names)):
        raise DataError(f"{path} needs the columns' names in its first line, got {_listed(names)}")
    if not table.num_rows:
        raise DataError(f"{path} has no rows, only the columns {_listed(names)}")
    return pa.table([_trimmed(path, n, c) for n, c in zip(names, table.columns, strict=True)], names=names)


def _delimiter(path: Path) -> str:
    """Whichever of , ; tab | is most frequent in the first line.  Raises: DataError for UTF-16."""
    with open(path, "rb") as file:
        start = file.read(1 << 16)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{path} is UTF-16; save it as UTF-8")
    head = start.decode("utf-8", "replace").partition("\n")[0]
    return max(DELIMITERS, key=head.count)


def _trimmed(path: Path, name: str, column: Any) -> Any:
    """Words without the blanks around them, dates as days since 1970.  Raises: DataError for others."""
    import pyarrow as pa
    from pyarrow import compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column = pc.utf8_trim_whitespace(column.cast(pa.string()))
        return pc.if_else(pc.is_in(column, pa.array(GAPS)), pa.scalar(None, pa.string()), column)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return pc.divide(column.cast(pa.timestamp("us")).cast(pa.int64()).cast(pa.float64()), 86_400e6)
    if pa.types.is_time(kind):
        return pc.divide(column.cast(pa.time64("us")).cast(pa.int64()).cast(pa.float64()), 86_400e6)
    if pa.types.is_null(kind):
        return column.cast(pa.float64())
    if pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return column
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_binary(kind):
        if path.suffix.lower() != ".parquet":
            read_text(path)  # says where it is not UTF-8
        raise DataError(f"{path}: column {name} is not UTF-8; save the file as UTF-8")
    raise DataError(
        f"{path}: column {name} holds {kind}; numbers, words, booleans, dates and times are known"
    )


def targets(
    path: Path, target: str, column: Any, known: tuple[str, ...] | None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """y and its classes; none of them for a regression."""
    import pyarrow as pa
    from pyarrow import compute as pc

    values = pc.unique(column).sort()
    is_classes = not pa.types.is_floating(column.type)
    if pa.types.is_integer(column.type):
        is_classes = len(values) <= min(FEW, len(column) / 2)
    if known is not None:
        is_classes = bool(known)
    if not is_classes:
        return _numbers(path, target, column).astype(np.float32), ()
    words = as_words(column)
    classes = known or tuple(as_words(values))
    if len(classes) < 2:
        raise DataError(f"{path}: {target} is {classes[0]} in every row; two classes are needed")
    if known is None and len(classes) > max(FEW, len(words) / 2):
        raise DataError(
            f"{path}: {target} has {len(classes)} different values in {len(words)} rows, no classes"
        )
    places = {c: i for i, c in enumerate(classes)}
    if strange := sorted(set(words) - set(places)):
        raise DataError(f"{path}: {target} has values that are no classes of the model: {_listed(strange)}")
    return np.array([places[w] for w in words], np.int64), classes


def _feature(path: Path, name: str, column: Any) -> Feature:
    """The column as it is: of numbers, or of the words in it."""
    import pyarrow as pa
    from pyarrow import compute as pc

    if not pa.types.is_string(column.type):
        return Feature(name)
    return Feature(name, tuple(pc.unique(column.drop_null()).sort().to_pylist()))


def _rows(path: Path, table: Any, features: Sequence[Feature]) -> np.ndarray:
    x = np.empty((table.num_rows, len(features)), np.float32)
    for i, feature in enumerate(features):
        column = table.column(find_column(path, table.column_names, feature.name))
        if feature.categories:
            places: dict[str | None, float] = {w: i for i, w in enumerate(feature.categories)}
            places[None] = np.nan
            x[:, i] = [places.get(w, UNKNOWN) for w in as_words(column)]
        else:
            with np.errstate(over="ignore"):  # beyond float32 is inf
                x[:, i] = _numbers(path, feature.name, column)
            if np.isinf(x[:, i]).any():
                raise DataError(f"{path}: infinite value in column {feature.name}; leave its cell empty")
    return x


def _numbers(path: Path, name: str, column: Any) -> np.ndarray:
    """As float64, gaps as nan."""
    import pyarrow as pa
    from pyarrow import compute as pc

    if pa.types.is_string(column.type):
        for word in column.drop_null().unique().to_pylist():
            if not _is_number(word):
                raise DataError(f"{path}: column {name} needs numbers, got {word!r}")
    numbers = column.cast(pa.int8() if pa.types.is_boolean(column.type) else column.type).cast(
        pa.float64(), safe=False
    )
    return pc.fill_null(numbers, np.nan).to_numpy()


def as_words(column: Any) -> list:
    """As text, gaps as None."""
    import pyarrow as pa

    return column.cast(pa.string()).to_pylist()


def find_column(path: Path, names: Sequence[str], name: str) -> str:
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?  " if near else ""
    raise DataError(f"{path} has no column {name!r}; {hint}columns: {_listed(names)}")


def _listed(names: Any) -> str:
    names = list(names)
    return ", ".join(names[:20]) + (f" … ({len(names)} in all)" if len(names) > 20 else "")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
