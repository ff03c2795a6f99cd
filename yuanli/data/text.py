"""A text file as a sequence of characters."""

from pathlib import Path

import numpy as np

from yuanli.data.dataset import Dataset
from yuanli.errors import DataError


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, lines ending in \\n.  Raises: DataError that says where it is not UTF-8."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not UTF-8: byte {content[error.start]:#04x} at position {error.start}, line {line}; "
            "save it as UTF-8"
        ) from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def text_dataset(path: Path) -> Dataset:
    """The characters of a text as codes, to predict each from those before it: x = 0 … T−2, y = 1 … T−1."""
    text = read_text(path)
    if len(text) < 2:
        raise DataError(f"{path}: a text needs at least two characters, got {len(text)}")
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    alphabet, codes = np.unique(points, return_inverse=True)
    codes = codes.astype(np.int64, copy=False)
    return Dataset(path.stem, codes[:-1], codes[1:], tuple(map(chr, alphabet)))
