"""`predict`: what a trained model makes of the user's own files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from yuanli.data.catalog import TABLES
from yuanli.data.documents import read_lines
from yuanli.data.pictures import SUFFIXES, read_pictures
from yuanli.data.tables import read_rows
from yuanli.errors import DataError
from yuanli.recipes.evaluate import open_predictor
from yuanli.recipes.predictor import Predictor
from yuanli.training import Run

BEST = 5


@dataclass(frozen=True)
class Answer:
    """What the model says of one picture, or of one row of a table.

    answer: the class, or the number predicted.  best: the likeliest classes with their probabilities, at most
    five, likeliest first; empty for a number.  row: of a table or line of a text, counted from 1.
    """

    file: str
    row: int | None
    answer: str | float
    probability: float | None
    best: tuple[tuple[str, float], ...]


def predict(run: Run | str | Path, files: Sequence[str | Path]) -> list[Answer]:
    """What the run's model says of pictures, folders of pictures or tables, in order.

    Pictures are brought to the size and the channels of those it has learned from; of a table only its own
    columns are read, of a text file each line.  Raises: CheckpointError; DataError that names the file.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    predictor = open_predictor(run)
    if not files:
        raise DataError("predict needs at least one file")
    if len(predictor.row) == 3:
        pictures = [picture for file in files for picture in pictures_in(Path(file))]
        channels, height, width = predictor.row
        x = read_pictures(pictures, channels=channels, size=(height, width))
        return answers(predictor, x, [(str(picture), None) for picture in pictures])
    of_file = of_table if predictor.row else of_texts
    return [answer for file in files for answer in of_file(predictor, Path(file))]


def pictures_in(path: Path) -> list[Path]:
    """The picture itself, or those in a folder and below it, in order of name."""
    if not path.is_dir():
        if path.suffix.lower() in TABLES:
            raise DataError(f"{path} is a table, and the model has learned from pictures")
        return [path]
    found = [
        Path(folder, name) for folder, _, names in os.walk(path) for name in names if not name.startswith(".")
    ]
    pictures = sorted(file for file in found if file.suffix.lower() in SUFFIXES)
    if not pictures:
        raise DataError(f"{path} holds no pictures ({', '.join(sorted(SUFFIXES))})")
    return pictures


def of_table(predictor: Predictor, path: Path) -> list[Answer]:
    if path.suffix.lower() not in TABLES:
        raise DataError(f"the model has learned from a table and needs one ({', '.join(TABLES)}), got {path}")
    x = read_rows(path, predictor.features)
    return answers(predictor, x, [(str(path), row) for row in range(1, len(x) + 1)])


def of_texts(predictor: Predictor, path: Path) -> list[Answer]:
    x, rows = read_lines(path, predictor.features[0].name)
    return answers(predictor, x, [(str(path), row) for row in rows])


def answers(predictor: Predictor, x: np.ndarray, places: list[tuple[str, int | None]]) -> list[Answer]:
    """One for each row of x, which came from `places`."""
    predictions = predictor(x)
    if not predictor.classes:
        return [
            Answer(file, row, float(value), None, ())
            for (file, row), value in zip(places, predictions, strict=True)
        ]
    found = []
    for (file, row), probabilities in zip(places, predictions, strict=True):
        order = np.argsort(-probabilities, kind="stable")[:BEST]
        best = tuple((predictor.classes[k], float(probabilities[k])) for k in order)
        found.append(Answer(file, row, *best[0], best))
    return found
