"""The user's own pictures: a folder with one sub-folder a class."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

from yuanli.data.bundled import split
from yuanli.data.dataset import Dataset, Split
from yuanli.data.pictures import SUFFIXES, is_grey, opened, read_pictures
from yuanli.data.progress import track
from yuanli.errors import DataError

LONGEST = 256  # pixels of the longer side; larger pictures are made smaller
TEST_NAMES = ("test", "val", "valid", "validation")
HIDDEN = (".", "__")  # how names begin that no user gave: .git, __MACOSX


def load_folder(folder: Path, *, test_size: float, seed: int) -> Split:
    """Every sub-folder is a class; sub-folders train and test (or val), each with the classes, are the split.

    The pictures become grey if all are grey, colour otherwise.  If their sizes differ they are resized to the
    most frequent one, or, when no size has half of them, to the median height and width; the longer side
    becomes at most 256 pixels.  Files that are hidden or no pictures are left out.  The notes say so.
    Raises: DataError.
    """
    train = folder / "train"
    tests = [folder / name for name in TEST_NAMES if (folder / name).is_dir()]
    parts = [train, *tests[:1]] if train.is_dir() else [folder]
    notes: list[str] = []
    listings = [_listing(part, notes) for part in parts]
    classes = tuple(listings[0])
    if len(classes) < 2:
        raise DataError(
            f"{parts[0]} needs a sub-folder of pictures for each of two or more classes, "
            f"got {', '.join(classes) or 'none'}"
        )
    if not listings[-1]:
        raise DataError(f"{parts[-1]} has no sub-folder of pictures")
    if extra := sorted(set(listings[-1]) - set(classes)):
        raise DataError(f"{parts[-1]} has classes that {parts[0]} has not: {', '.join(extra)}")
    files = [[f for c in classes for f in listing.get(c, ())] for listing in listings]
    channels, size = _common_form([f for part in files for f in part], notes)
    datasets = [
        Dataset(
            folder.resolve().name,
            read_pictures(paths, channels=channels, size=size),
            np.repeat(np.arange(len(classes)), [len(listing.get(c, ())) for c in classes]),
            classes,
        )
        for paths, listing in zip(files, listings, strict=True)
    ]
    if len(datasets) == 2:
        return Split(datasets[0], datasets[1], tuple(notes))
    drawn = split(datasets[0], test_size=test_size, seed=seed)
    return replace(drawn, notes=(*notes, *drawn.notes))


def has_classes(folder: Path) -> bool:
    """Whether `load_folder` would find two classes or more: by the names of the sub-folders."""
    inside = folder / "train" if (folder / "train").is_dir() else folder
    return sum(p.is_dir() and not p.name.startswith(HIDDEN) for p in inside.iterdir()) > 1


def load_pictures_alone(folder: Path, *, test_size: float, seed: int) -> Split:
    """All pictures in a folder and below it as one class, brought to one size as by `load_folder`."""
    found = [
        Path(place, file)
        for place, _, files in os.walk(folder)
        for file in files
        if Path(file).suffix.lower() in SUFFIXES and not file.startswith(HIDDEN)
    ]
    if len(found) < 2:
        raise DataError(
            f"{folder} needs two pictures or more ({', '.join(sorted(SUFFIXES))}), got {len(found)}"
        )
    notes: list[str] = []
    channels, size = _common_form(sorted(found), notes)
    x = read_pictures(sorted(found), channels=channels, size=size)
    every = Dataset(folder.resolve().name, x, np.zeros(len(x), np.int64), ("picture",))
    return replace(split(every, test_size=test_size, seed=seed), notes=tuple(notes))


def read_folder(
    folder: Path, *, classes: tuple[str, ...], channels: int, size: tuple[int, int]
) -> tuple[Dataset, tuple[str, ...]]:
    """Every picture of a folder laid out as for `load_folder`, to judge a model on, and notes on the rest.

    Of sub-folders train and test (or val) only the test's are read.  `classes`, `channels` and `size` are
    those of the model; a class may be missing.  Raises: DataError, also for a class that is none of these.
    """
    tests = [folder / name for name in TEST_NAMES if (folder / name).is_dir()]
    part = tests[0] if tests and (folder / "train").is_dir() else folder
    notes: list[str] = []
    listing = _listing(part, notes)
    if not listing:
        raise DataError(
            f"{part} needs sub-folders of pictures named as the classes: {', '.join(classes[:12])}"
        )
    if strange := sorted(set(listing) - set(classes)):
        raise DataError(f"{part} has classes that the model has not: {', '.join(strange)}")
    files = [file for there in listing.values() for file in there]
    y = np.repeat([classes.index(c) for c in listing], [len(there) for there in listing.values()])
    x = read_pictures(files, channels=channels, size=size)
    return Dataset(folder.resolve().name, x, y.astype(np.int64), classes), tuple(notes)


def _listing(folder: Path, notes: list[str]) -> dict[str, list[Path]]:
    """The pictures of each class, in order of name."""
    classes: dict[str, list[Path]] = {}
    ignored: list[Path] = []
    for place, folders, files in os.walk(folder):
        ignored += [Path(place, f) for f in folders if f.startswith(HIDDEN)]
        folders[:] = sorted(f for f in folders if not f.startswith(HIDDEN))
        parts = Path(place).relative_to(folder).parts
        pictures = classes.setdefault(parts[0], []) if parts else None
        for file in sorted(files):
            path = Path(place, file)
            is_picture = path.suffix.lower() in SUFFIXES and not file.startswith(HIDDEN)
            (pictures if is_picture and pictures is not None else ignored).append(path)
    if empty := [c for c, files in classes.items() if not files]:
        raise DataError(f"{folder}: no pictures in {', '.join(empty)} ({', '.join(sorted(SUFFIXES))})")
    if ignored:
        notes.append(f"{len(ignored)} files are no pictures of a class and were left out, first {ignored[0]}")
    return classes


def _common_form(files: list[Path], notes: list[str]) -> tuple[int, tuple[int, int]]:
    """The channels and the size (height, width) that all pictures get."""
    sizes: Counter[tuple[int, int]] = Counter()
    grey = 0
    for file in track(files, len(files), "looking at pictures"):
        with opened(file, str(file)) as picture:
            turned = picture.getexif().get(0x0112, 1) > 4  # a camera held upright
            sizes[picture.size if turned else picture.size[::-1]] += 1
            grey += is_grey(picture)
    size, count = min(sizes.items(), key=lambda item: (-item[1], item[0]))
    if 2 * count < len(files):
        each = np.array(list(sizes.elements()))
        size = int(np.median(each[:, 0])), int(np.median(each[:, 1]))
    shrink = min(1, LONGEST / max(size))
    size = max(1, round(size[0] * shrink)), max(1, round(size[1] * shrink))
    if resized := len(files) - sizes[size]:
        notes.append(f"{resized} of {len(files)} pictures were resized to {size[0]}×{size[1]}")
    if 0 < grey < len(files):
        notes.append(f"{grey} grey pictures became colour ones, as the other {len(files) - grey} are")
    return (1 if grey == len(files) else 3), size
