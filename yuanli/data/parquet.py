"""Picture sets as Hugging Face keeps them: Parquet, with a column of encoded pictures and one of labels."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.data.bundled import split
from yuanli.data.dataset import Dataset, Split
from yuanli.data.pictures import allocate, decode, is_grey, opened
from yuanli.data.progress import track
from yuanli.data.storage import remember
from yuanli.errors import DataError

LABELS = ("label", "labels", "fine_label")  # the first there is; CIFAR-100 has fine_label
ROWS = 1000  # decoded at a time


def find_parquet(folder: Path) -> dict[str, list[Path]]:
    """The files of a set's parts "train" and "test", in order; parts are told by how file names begin.

    They lie in the folder or in one below it.  Raises: DataError when there are several such folders.
    """
    own = _parts(folder)
    if any(own.values()) or not folder.is_dir():
        return own
    below = {d: _parts(d) for d in sorted(folder.glob("*")) if d.is_dir()}
    found = {d: parts for d, parts in below.items() if any(parts.values())}
    if len(found) > 1:
        names = ", ".join(str(d) for d in found)
        raise DataError(f"{folder} holds several data sets; name one of them: {names}")
    return next(iter(found.values()), own)


def _parts(folder: Path) -> dict[str, list[Path]]:
    return {part: sorted(folder.glob(f"{part}*.parquet")) for part in ("train", "test")}


def has_pictures(path: Path) -> bool:
    """Whether a Parquet file has a column of pictures, rather than being a plain table."""
    return _picture_column(_open(path)) is not None


def load_pictures(
    name: str,
    files: dict[str, list[Path]],
    *,
    known: tuple[str, ...] = (),
    test_size: float = 0.2,
    seed: int = 0,
) -> Split:
    """The parts train and test, or what is there split at random.  Decoded once, then kept in the cache.

    The classes are called as the files say, else as `known`, else 0, 1, …
    """
    parts = {part: _read(f"{name}-{part}", paths) for part, paths in files.items() if paths}
    classes = next((names for _, _, names in parts.values() if names), ())
    most = max(int(y.max()) for _, y, _ in parts.values()) + 1
    if most > 10_000:
        raise DataError(f"{name}: labels up to {most - 1} are no classes")
    classes = classes or known or tuple(map(str, range(most)))
    if known and len(classes) != len(known):
        raise DataError(
            f"{name} has {len(known)} classes, but the files say {len(classes)}: another data set"
        )
    datasets = [Dataset(name, x, y, classes) for x, y, _ in parts.values()]
    return (
        Split(datasets[0], datasets[1])
        if len(datasets) == 2
        else split(datasets[0], test_size=test_size, seed=seed)
    )


def _read(name: str, paths: Sequence[Path]) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Pictures (N, C, H, W), labels, and the classes' names as far as the file has them."""
    files = [_open(path) for path in paths]
    for path, file in zip(paths, files, strict=True):
        if not file.metadata.num_rows:
            raise DataError(f"{path} has no rows")
        if _picture_column(file) is None or _label_column(file) is None:
            raise DataError(
                f"{path} needs a column of pictures and one called {' or '.join(LABELS)}, "
                f"got {', '.join(file.schema_arrow.names)}"
            )
    x, y = remember(name, paths, lambda: _decode(paths, files))
    return x, y, _class_names(files[0])


def _open(path: Path) -> Any:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is damaged: {str(error).rstrip('.')}; copy or download it again") from None


def _decode(paths: Sequence[Path], files: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    n = sum(file.metadata.num_rows for file in files)
    x, y = np.empty((0,), np.uint8), np.empty(n, np.int64)
    rows = (row for path, file in zip(paths, files, strict=True) for row in _rows(path, file))
    channels = 0
    for i, (where, content, label) in enumerate(track(rows, n, f"decoding {paths[0].parent.name}")):
        if not channels:
            with opened(content, where) as picture:
                channels = 1 if is_grey(picture) else 3
        image = decode(content, where, channels)
        if not i:
            x = allocate(n, image.shape)
        if image.shape != x.shape[1:]:
            raise DataError(
                f"{where} has shape {image.shape}, the first picture {x.shape[1:]}: one is needed"
            )
        x[i], y[i] = image, label
    return x, y


def _rows(path: Path, file: Any) -> Iterator[tuple[str, bytes, int]]:
    """Each row's place, encoded picture and label."""
    import pyarrow as pa

    pictures, labels = _picture_column(file), _label_column(file)
    row = 0
    try:
        for batch in file.iter_batches(ROWS, columns=[pictures, labels]):
            column = batch.column(pictures)
            contents = column.field("bytes") if pa.types.is_struct(column.type) else column
            for content, label in zip(contents, batch.column(labels), strict=True):
                if not (content.is_valid and label.is_valid):
                    raise DataError(f"{path}, row {row} has no picture or no label")
                yield f"{path}, row {row}", content.as_py(), label.as_py()
                row += 1
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path} is damaged: {str(error).rstrip('.')}; copy or download it again") from None


def _picture_column(file: Any) -> str | None:
    import pyarrow as pa

    for field in file.schema_arrow:
        if pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
            return field.name
        if pa.types.is_binary(field.type) or pa.types.is_large_binary(field.type):
            return field.name
    return None


def _label_column(file: Any) -> str | None:
    import pyarrow as pa

    schema = file.schema_arrow
    return next((n for n in LABELS if n in schema.names and pa.types.is_integer(schema.field(n).type)), None)


def _class_names(file: Any) -> tuple[str, ...]:
    """The labels' names from the file's metadata, where Hugging Face's library writes them."""
    try:
        about = json.loads((file.schema_arrow.metadata or {})[b"huggingface"])
        return tuple(map(str, about["info"]["features"][_label_column(file)]["names"]))
    except (KeyError, TypeError, ValueError):
        return ()
