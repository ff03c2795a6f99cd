"""K nearest neighbours: k by cross-validation, the regions of its decisions, and what its distances see."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from yuanli.classical import KNeighborsClassifier, NearestNeighbors, choose_n_neighbors
from yuanli.data import load
from yuanli.data.synthetic import moons
from yuanli.demos import Demonstration
from yuanli.demos.backgrounds import COLOURS, digits_on_backgrounds
from yuanli.demos.text import percent, table, with_interval
from yuanli.errors import DataError, ValueRangeError
from yuanli.inspection.charts import cross_validation
from yuanli.inspection.functions import decision_regions
from yuanli.inspection.images import neighbours
from yuanli.inspection.style import save

METRICS = {"L1": 1, "L2": 2}
SHOWN = 6  # neighbours in a row of the gallery
FOLDS = 5


def knn(
    out: Path, seed: int = 0, *, data: str = "digits", rows: int = 5000, largest: int = 20
) -> Demonstration:
    """Choose k from 1 to `largest` on `rows` training rows, then judge on all of them and the test rows."""
    split = load(data)
    train, test = split.train, split.test
    if not train.is_classification:
        raise DataError(f"this needs a data set with classes, and {data} has numbers to predict")
    rng = np.random.default_rng(seed)
    some = rng.permutation(len(train))[:rows]
    fewest = np.bincount(train.y[some], minlength=len(train.classes)).min()
    if fewest < FOLDS:
        raise ValueRangeError(f"rows needs {FOLDS} of every class or more, got {fewest} in {rows} rows")
    x, queries = (part.x.reshape(len(part), -1) for part in (train, test))
    ks = tuple(range(1, largest + 1))
    choices = {
        name: choose_n_neighbors(KNeighborsClassifier(p=p), x[some], train.y[some], ks, cv=FOLDS)
        for name, p in METRICS.items()
    }
    accuracy: dict[str, dict[int, float]] = {}
    for name, choice in choices.items():
        for k in sorted({1, choice.n_neighbors}):
            model = KNeighborsClassifier(k, p=METRICS[name]).fit(x, train.y)
            accuracy.setdefault(name, {})[k] = model.score(queries, test.y)
    curve = cross_validation(
        ks,
        {name: choice.scores for name, choice in choices.items()},
        xlabel="k",
        ylabel="accuracy on the fold left out in %",
    )
    gallery, seen = _gallery(rng)
    plane = moons(300, noise=0.3, rng=rng)
    regions = decision_regions(
        [(f"k = {k}", _classifier(k, plane.x, plane.y), plane.x, plane.y) for k in (1, 5, 25, 150)], columns=4
    )
    best = {name: choice.n_neighbors for name, choice in choices.items()}
    lines = [
        f"{data}: k by cross-validation, 5 folds of {len(some):,} training rows;",
        f"then all {len(train):,} of them, judged on {len(test):,} test rows",
        *table(
            ["distance", "k", "cross-validation", "test rows"],
            [
                [
                    name,
                    k,
                    percent(float(choices[name].scores[:, k - 1].mean())),
                    with_interval(score, len(test)),
                ]
                for name in METRICS
                for k, score in accuracy[name].items()
            ],
        ),
        "What the distances see: digits in front of coloured backgrounds, and their nearest neighbours",
        f"  the same background: {percent(seen['background'])}, by chance {percent(1 / len(COLOURS))}",
        f"  the same digit:      {percent(seen['digit'])}, by chance 10.0 %",
        "Every pixel counts the same, and most pixels are background.",
    ]
    numbers = {
        "curves": {name: choice.scores.mean(0).tolist() for name, choice in choices.items()},
        "k": best,
        "accuracy": accuracy,
        "seen": seen,
    }
    pictures = [(gallery, "knn_gallery.png"), (curve, "knn_k.png"), (regions, "knn_regions.png")]
    return Demonstration(lines, numbers, [save(figure, out / name) for figure, name in pictures])


def _gallery(rng: np.random.Generator):
    """The neighbours of some images among 3,000 others, and how many share background and digit with all."""
    images, digits, colours = digits_on_backgrounds(3300, rng)
    x = images.reshape(len(images), -1)
    _, found = NearestNeighbors(n_neighbors=SHOWN).fit(x[300:]).kneighbors(x[:300])
    found += 300
    seen = {
        "background": float((colours[found] == colours[:300, None]).mean()),
        "digit": float((digits[found] == digits[:300, None]).mean()),
    }
    names = [f"{digit} on {list(COLOURS)[colour]}" for digit, colour in zip(digits, colours, strict=True)]
    shown = [int(np.flatnonzero(colours[:300] == colour)[0]) for colour in range(len(COLOURS))]
    rows = [[q, *found[q]] for q in shown]
    return neighbours(images, rows, names, digits), seen


def _classifier(k: int, x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return KNeighborsClassifier(k).fit(x, y).predict
