"""The small sets that come with scikit-learn, and the random split."""

from collections.abc import Callable

import numpy as np

from yuanli.data.dataset import Dataset, Feature, Split
from yuanli.errors import DataError, ValueRangeError

DIGITS_TEST = 360  # images held out of the digits' 1,797


def digits() -> Dataset:
    """1,797 handwritten digits, 1×8×8.  Grey levels 0 … 16 become 0 … 255: rint(x · 16 / 255) undoes it.

    Source: Alpaydin & Kaynak, Optical Recognition of Handwritten Digits, UCI 1998.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = np.rint(bunch.images[:, None] * (255 / 16)).astype(np.uint8)
    return Dataset("digits", x, bunch.target.astype(np.int64), tuple(map(str, bunch.target_names)))


def iris() -> Dataset:
    """150 flowers of three species, four lengths in cm.  Source: Fisher 1936."""
    from sklearn.datasets import load_iris

    return _table("iris", load_iris())


def wine() -> Dataset:
    """178 wines from three growers, 13 chemical measurements.  Source: Forina et al., UCI 1991."""
    from sklearn.datasets import load_wine

    return _table("wine", load_wine())


def breast_cancer() -> Dataset:
    """569 tumours, malignant or benign, 30 measurements of cell nuclei.  Source: Wolberg et al., UCI 1995."""
    from sklearn.datasets import load_breast_cancer

    return _table("breast_cancer", load_breast_cancer())


def diabetes() -> Dataset:
    """442 patients, ten measurements already centred and scaled; y is the disease's progression in a year.

    Source: Efron, Hastie, Johnstone & Tibshirani 2004, Least Angle Regression.
    """
    from sklearn.datasets import load_diabetes

    return _table("diabetes", load_diabetes())


BUNDLED: dict[str, Callable[[], Dataset]] = {
    "digits": digits,
    "iris": iris,
    "wine": wine,
    "breast_cancer": breast_cancer,
    "diabetes": diabetes,
}


def load_bundled(name: str, test_size: float, seed: int) -> Split:
    """A bundled set, split.  The digits' split is always the same: 360 test images, by class, seed 0."""
    if name == "digits":
        return split(digits(), test_size=DIGITS_TEST / 1797, seed=0)
    return split(BUNDLED[name](), test_size=test_size, seed=seed)


def split(dataset: Dataset, *, test_size: float = 0.2, seed: int = 0) -> Split:
    """Hold out a share `test_size` of the rows, drawn by `seed`; every class keeps its share where it can.

    A text is cut instead: its end is the test.
    """
    n = len(dataset)
    if not 0 < test_size < 1:
        raise ValueRangeError(f"test_size needs a share between 0 and 1, got {test_size}")
    n_test = round(n * test_size)
    if not 0 < n_test < n:
        unit = "characters of text" if dataset.is_text else "rows"
        raise DataError(
            f"{dataset.name}: {n} {unit} cannot be split with test_size={test_size}: one side is empty"
        )
    if dataset.is_text:
        rows = np.arange(n)
        return Split(dataset.subset(rows[:-n_test]), dataset.subset(rows[-n_test:]))
    from sklearn.model_selection import train_test_split

    k, notes = len(dataset.classes), []
    by_class = bool(k) and np.bincount(dataset.y).min() > 1 and k <= min(n_test, n - n_test)
    if k and not by_class:
        notes.append(
            "some classes are too small to be split evenly: the test rows were drawn from all at once"
        )
    train, test = train_test_split(
        np.arange(n), test_size=n_test, random_state=seed, stratify=dataset.y if by_class else None
    )
    return Split(dataset.subset(train), dataset.subset(test), tuple(notes))


def _table(name, bunch) -> Dataset:
    classes = tuple(map(str, getattr(bunch, "target_names", ())))
    features = tuple(Feature(str(f)) for f in bunch.feature_names)
    y = bunch.target.astype(np.int64 if classes else np.float32)
    return Dataset(name, bunch.data.astype(np.float32), y, classes, features)
