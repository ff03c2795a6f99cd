"""What a data set is: rows, what to predict for each, and the names that go with them."""

from dataclasses import dataclass, replace

import numpy as np

from yuanli.errors import DataError, DTypeError, ShapeError, ValueRangeError

UNKNOWN = -1  # the code of a word in a text column that is none of its categories


@dataclass(frozen=True)
class Feature:
    """A column of a table: of numbers, or, with `categories`, of codes 0, 1, … that stand for those words."""

    name: str
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Dataset:
    """N rows `x`, what to predict `y`, the classes' names and the columns.

    An image set has uint8 x (N, C, H, W).  A table has float32 x (N, D), where nan is a missing value and a
    column of words holds their codes (`Feature`).  A text has int64 x (T,), its characters' codes, `classes`
    are those characters, and y is the character after each.  Labelled texts have x (N,) of strings in NumPy's
    StringDType, and the name of their column for a feature.

    y is int64 (N,) in 0 … K−1 with K `classes`, or float32 (N,) when `classes` is empty: a regression.
    Raises: ShapeError, DTypeError, ValueRangeError or DataError when something does not fit.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...] = ()
    features: tuple[Feature, ...] = ()

    def __post_init__(self) -> None:
        _check_rows(self)
        _check_targets(self)
        _check_columns(self)

    def __len__(self) -> int:
        return len(self.x)

    @property
    def is_image(self) -> bool:
        return self.x.ndim == 4

    @property
    def is_table(self) -> bool:
        return self.x.ndim == 2

    @property
    def is_text(self) -> bool:
        return self.x.ndim == 1 and not self.is_documents

    @property
    def is_documents(self) -> bool:
        return self.x.dtype.kind == "T"

    @property
    def is_classification(self) -> bool:
        return bool(self.classes)

    def subset(self, indices: np.ndarray) -> "Dataset":
        """The rows at `indices` (numbers or a mask), in that order."""
        return replace(self, x=self.x[indices], y=self.y[indices])


@dataclass(frozen=True, eq=False)
class Split:
    """The rows to learn from, the rows to be judged on, and what the user should know about how they came."""

    train: Dataset
    test: Dataset
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.train.name

    def __post_init__(self) -> None:
        if self.train.classes != self.test.classes or self.train.features != self.test.features:
            raise DataError(f"{self.train.name}: train and test need the same classes and columns")
        if self.train.x.shape[1:] != self.test.x.shape[1:]:
            raise ShapeError(
                f"{self.train.name}: train and test need rows of one shape, "
                f"got {self.train.x.shape[1:]} and {self.test.x.shape[1:]}"
            )


LAYOUTS = {4: "u1", 2: "f4", 1: "i8"}  # axes of x: its dtype


def _check_rows(data: Dataset) -> None:
    for name in ("x", "y"):
        if not isinstance(array := getattr(data, name), np.ndarray):
            raise DTypeError(f"{data.name}: {name} needs a NumPy array, got {type(array).__name__}")
    x, y = data.x, data.y
    needed = (
        "x needs images uint8 (N, C, H, W), table rows float32 (N, D), a text's codes int64 (T,) or "
        "strings (N,)"
    )
    if x.ndim not in LAYOUTS:
        raise ShapeError(f"{data.name}: {needed}, got shape {x.shape}")
    if x.dtype != LAYOUTS[x.ndim] and not (x.ndim == 1 and data.is_documents):
        raise DTypeError(f"{data.name}: {needed}, got {x.dtype} of shape {x.shape}; convert it with astype")
    if y.ndim != 1 or len(y) != len(x):
        raise ShapeError(f"{data.name}: y needs one value a row, shape ({len(x)},), got {y.shape}")
    if not x.size:
        raise DataError(f"{data.name}: a data set needs at least one row, and rows something in them")


def _check_targets(data: Dataset) -> None:
    y, k = data.y, len(data.classes)
    if not k:
        if data.is_text:
            raise DataError(f"{data.name}: a text needs its characters as classes")
        if y.dtype != np.float32:
            raise DTypeError(f"{data.name}: without classes y needs float32, got {y.dtype}")
        if not np.isfinite(y).all():
            raise ValueRangeError(
                f"{data.name}: y needs finite numbers, row {np.isfinite(y).argmin()} is not"
            )
        return
    if y.dtype != np.int64:
        raise DTypeError(f"{data.name}: y needs int64 classes, got {y.dtype}")
    for name, codes in (("y", y), ("x", data.x)) if data.is_text else (("y", y),):
        if codes.min() < 0 or codes.max() >= k:
            raise ValueRangeError(
                f"{data.name}: {name} needs classes 0 to {k - 1}, got {codes.min()} to {codes.max()}"
            )


def _check_columns(data: Dataset) -> None:
    x, features = data.x, data.features
    if not data.is_table:
        if features and not (data.is_documents and len(features) == 1):
            raise DataError(f"{data.name}: only a table has features")
        return
    if features and len(features) != x.shape[1]:
        raise ShapeError(f"{data.name}: x has {x.shape[1]} columns, but {len(features)} features are named")
    if np.isinf(x).any():
        column = int(np.isinf(x).any(0).argmax())
        raise ValueRangeError(
            f"{data.name}: infinite value in column {features[column].name if features else column}; "
            "write nan for a missing one"
        )
    for column, feature in enumerate(features):
        if feature.categories:
            codes = x[:, column][~np.isnan(x[:, column])]
            if np.any((codes != np.rint(codes)) | (codes < UNKNOWN) | (codes >= len(feature.categories))):
                raise ValueRangeError(
                    f"{data.name}: column {feature.name} needs nan, {UNKNOWN} (unknown) or codes "
                    f"0 to {len(feature.categories) - 1}"
                )
