"""What a Dataset takes and what it refuses."""

import numpy as np
import pytest

from yuanli.data.dataset import Dataset, Feature, Split
from yuanli.errors import DataError, DTypeError, ShapeError, ValueRangeError

IMAGES = np.zeros((3, 1, 4, 4), np.uint8)
TABLE = np.array([[0, 1.5], [2, np.nan], [-1, 0]], np.float32)
TEXT = np.array([0, 1, 0])
Y = np.array([0, 1, 1])
TOWN = Feature("town", ("a", "b", "c"))


@pytest.mark.parametrize(
    ("x", "y", "classes", "features", "kind"),
    [
        (IMAGES, Y, ("a", "b"), (), "is_image"),
        (IMAGES, Y.astype(np.float32), (), (), "is_image"),
        (TABLE, Y, ("a", "b"), (), "is_table"),
        (TABLE, Y.astype(np.float32), (), (TOWN, Feature("size")), "is_table"),
        (TEXT, Y, ("a", "b"), (), "is_text"),
    ],
)
def test_good(x, y, classes, features, kind):
    data = Dataset("d", x, y, classes, features)
    assert len(data) == 3
    assert [k for k in ("is_image", "is_table", "is_text") if getattr(data, k)] == [kind]
    assert data.is_classification == bool(classes)
    part = data.subset(np.array([2, 0]))
    np.testing.assert_array_equal(part.x, x[[2, 0]])
    np.testing.assert_array_equal(part.y, y[[2, 0]])
    assert (part.classes, part.features) == (classes, features)


TWO = ("a", "b")


@pytest.mark.parametrize(
    ("x", "y", "classes", "features", "error", "says"),
    [
        ([[1.0]], Y, TWO, (), DTypeError, "x needs a NumPy array, got list"),
        (IMAGES, [0, 1, 1], TWO, (), DTypeError, "y needs a NumPy array"),
        (IMAGES.astype(np.float32), Y, TWO, (), DTypeError, "uint8 .* got float32"),
        (TABLE.astype(np.float64), Y, TWO, (), DTypeError, "got float64"),
        (TEXT.astype(np.int32), Y, TWO, (), DTypeError, "int64"),
        (IMAGES[0], Y, TWO, (), ShapeError, r"got shape \(1, 4, 4\)"),
        (IMAGES, Y[:2], TWO, (), ShapeError, r"shape \(3,\), got \(2,\)"),
        (IMAGES, Y[:, None], TWO, (), ShapeError, "one value a row"),
        (IMAGES[:0], Y[:0], TWO, (), DataError, "at least one row"),
        (TABLE[:, :0], Y, TWO, (), DataError, "something in them"),
        (IMAGES, Y, ("a",), (), ValueRangeError, "0 to 0, got 0 to 1"),
        (IMAGES, Y - 1, TWO, (), ValueRangeError, "got -1 to 0"),
        (IMAGES, Y.astype(np.int32), TWO, (), DTypeError, "int64 classes"),
        (IMAGES, Y, (), (), DTypeError, "float32, got int64"),
        (TABLE, np.array([1, np.nan, 2], np.float32), (), (), ValueRangeError, "row 1 is not"),
        (TEXT, Y.astype(np.float32), (), (), DataError, "characters as classes"),
        (TEXT + 1, Y, TWO, (), ValueRangeError, "x needs classes"),
        (IMAGES, Y, TWO, (TOWN,), DataError, "only a table"),
        (TABLE, Y, TWO, (TOWN,), ShapeError, "2 columns, but 1 features"),
        (
            np.where(TABLE == 1.5, -np.float32(np.inf), TABLE),
            Y,
            TWO,
            (TOWN, Feature("size")),
            ValueRangeError,
            "column size",
        ),
        (TABLE, Y, TWO, (Feature("size"), TOWN), ValueRangeError, "column town"),
        (TABLE + 1, Y, TWO, (TOWN, Feature("size")), ValueRangeError, "codes 0 to 2"),
    ],
)
def test_bad(x, y, classes, features, error, says):
    with pytest.raises(error, match=says):
        Dataset("d", x, y, classes, features)


def test_train_and_test_fit_together():
    images = Dataset("d", IMAGES, Y, TWO)
    with pytest.raises(DataError, match="same classes"):
        Split(images, Dataset("d", IMAGES, Y, ("b", "a")))
    with pytest.raises(ShapeError, match="one shape"):
        Split(images, Dataset("d", IMAGES[:, :, :2], Y, TWO))
