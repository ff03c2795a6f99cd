"""`load`: any data set by its name, or the user's own by its path."""

import difflib
import os
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from yuanli.data import reviews, synthetic
from yuanli.data.bundled import BUNDLED, load_bundled, split
from yuanli.data.dataset import Dataset, Feature, Split
from yuanli.data.official import SOURCES, load_official
from yuanli.data.parquet import find_parquet, has_pictures, load_pictures
from yuanli.data.storage import data_root
from yuanli.errors import DataError, UnknownNameError

POINTS = {f.__name__: f for f in (synthetic.moons, synthetic.circles, synthetic.spirals, synthetic.blobs)}
REVIEWS = {f.__name__: f for f in (reviews.reviews, reviews.reviews_zh)}
SYNTHETIC = POINTS | REVIEWS
TABLES = (".csv", ".tsv", ".parquet")
TEXTS = (".txt", ".text", ".md")


class Trained(Protocol):
    """A model, as far as rows must fit it: its columns, its classes, the shape of a row, () of a text."""

    @property
    def features(self) -> tuple[Feature, ...]: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def row(self) -> tuple[int, ...]: ...


def is_known(spec: str | os.PathLike) -> bool:
    """Whether `spec` is the name of a data set rather than a path."""
    return isinstance(spec, str) and _key(spec) in {_key(name) for name in names()}


def names() -> tuple[str, ...]:
    """Every data set known by name; "-" and "_" and capitals make no difference to `load`."""
    return (*BUNDLED, *SOURCES, *SYNTHETIC)


def load(
    spec: str | os.PathLike,
    *,
    root: str | os.PathLike | None = None,
    target: str | None = None,
    test_size: float = 0.2,
    seed: int = 0,
) -> Split:
    """The data set called `spec`, or the user's own at that path: a folder of pictures, a table or a text.

    A published split stays as it is (MNIST, CIFAR), and so does the one of digits; other rows are split by
    `test_size` and `seed`.  `target` is the column of a table to predict.  `root`: where published sets are
    looked for first, then downloaded to; else YUANLI_DATA, else the user's cache folder.
    Raises: UnknownNameError, DataError.
    """
    known = {_key(name): name for name in names()}
    name = known.get(_key(spec)) if isinstance(spec, str) else None
    if name is None:
        return _load_path(_existing(spec, known), target, test_size, seed)
    if target is not None:
        raise DataError(f"{name}: only a table of your own needs a target, got target={target!r}")
    if name in SOURCES:
        return load_official(name, SOURCES[name], data_root(root))
    if name in SYNTHETIC:
        return split(SYNTHETIC[name](rng=np.random.default_rng(seed)), test_size=test_size, seed=seed)
    return load_bundled(name, test_size, seed)


def load_unseen(
    spec: str | os.PathLike,
    like: Trained,
    *,
    root: str | os.PathLike | None = None,
    target: str | None = None,
) -> tuple[Dataset, tuple[str, ...]]:
    """Rows to judge the model `like` on, with its columns, classes and picture size, and notes.

    Of the user's own table or folder every row, unless the folder has a part test; else the test rows.
    Raises: UnknownNameError; DataError, also when the rows do not fit the model.
    """
    path = None if is_known(spec) else Path(spec).expanduser()
    of_pictures = len(like.row) == 3
    if path is not None and path.is_dir() and of_pictures and not any(find_parquet(path).values()):
        from yuanli.data.folders import read_folder

        channels, *size = like.row
        return read_folder(path, classes=like.classes, channels=channels, size=(size[0], size[1]))
    if path is not None and path.is_file() and path.suffix.lower() in TABLES:
        if not like.row:
            from yuanli.data.documents import read_documents

            return read_documents(path, target, like=like)
        if not of_pictures:
            from yuanli.data.tables import read_table

            return read_table(path, target, like=like)
        if path.suffix.lower() != ".parquet" or not has_pictures(path):
            raise DataError(f"{path} is a table, and the model has learned from pictures")
    split = load(spec, root=root, target=target)
    test = split.test
    if of_pictures and test.is_image and test.x.shape[1] == like.row[0]:
        from yuanli.data.resize import Resize

        test = replace(test, x=Resize(like.row[1:]).transform(test.x))  # type: ignore[arg-type]
    return test, split.notes


def _load_path(path: Path, target: str | None, test_size: float, seed: int) -> Split:
    from yuanli.data.documents import holds_texts, load_documents
    from yuanli.data.folders import load_folder
    from yuanli.data.tables import load_table
    from yuanli.data.text import text_dataset

    parquet = {}
    if path.is_dir():
        parquet = {part: files for part, files in find_parquet(path).items() if files}
    elif path.suffix.lower() == ".parquet" and has_pictures(path):
        parquet = {"train": [path]}
    is_table = path.suffix.lower() in TABLES and not parquet and path.is_file()
    if target is not None and not is_table:
        raise DataError(f"{path}: only a table needs a target, got target={target!r}")
    if parquet:
        return load_pictures(path.stem, parquet, test_size=test_size, seed=seed)
    if path.is_dir():
        return load_folder(path, test_size=test_size, seed=seed)
    if is_table and target is not None and holds_texts(path, target):
        return load_documents(path, target, test_size=test_size, seed=seed)
    if is_table:
        return load_table(path, target, test_size=test_size, seed=seed)
    if path.suffix.lower() in TEXTS:
        return split(text_dataset(path), test_size=test_size, seed=seed)
    raise DataError(
        f"{path} is no folder of pictures, table ({', '.join(TABLES)}) or text ({', '.join(TEXTS)})"
    )


def _existing(spec: str | os.PathLike, known: dict[str, str]) -> Path:
    path = Path(spec).expanduser()
    if path.exists():
        return path
    if path.name == str(spec) and not path.suffix:  # a name rather than a path
        near = [known[key] for key in difflib.get_close_matches(_key(str(spec)), known, n=3, cutoff=0.5)]
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known.values())}"
        raise UnknownNameError(f"no data set is called {str(spec)!r}, and no file or folder either; {hint}")
    raise DataError(f"no file or folder at {path}")


def _key(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
