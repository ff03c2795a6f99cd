"""word2vec's files: vectors as text or binary, and the questions of `questions-words.txt`."""

from pathlib import Path

import numpy as np

from yuanli.errors import DataError
from yuanli.training.files import write_atomically

LONGEST = 1 << 16  # bytes of a word in a binary file; what is longer is no word


def write(path: Path, words: list[str], vectors: np.ndarray, binary: bool) -> None:
    """A line "V D"; then for each word itself, a blank, and D numbers: as text, or float32 little-endian."""
    for word in words:
        if not word or len(word.split()) != 1 or word.split()[0] != word:
            raise DataError(f"word2vec's format needs words without blanks, got {word!r}; `save` keeps any")
    parts = [f"{len(words)} {vectors.shape[1]}\n".encode()]
    for word, row in zip(words, vectors.astype("<f4"), strict=True):
        if binary:
            parts += [word.encode() + b" ", row.tobytes(), b"\n"]
        else:
            parts.append(f"{word} {' '.join(['%.9g' % x for x in row.tolist()])}\n".encode())  # noqa: UP031
    write_atomically(path, b"".join(parts))


def read(path: Path, binary: bool) -> tuple[list[str], np.ndarray]:
    """Words and vectors (V, D), float32.  Raises: DataError that says where the file errs."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    content = path.read_bytes()
    head, _, body = content.partition(b"\n")
    try:
        many, width = map(int, head.split())
    except ValueError:
        many = width = -1
    if many < 1 or width < 1 or 4 * many > len(content) or width > len(content):
        raise DataError(
            f'{path} is no file of word vectors: its first line needs "WORDS WIDTH", got {head[:40]!r}'
        )
    return (_read_binary if binary else _read_text)(path, body, many, width)


def _read_text(path: Path, body: bytes, many: int, width: int) -> tuple[list[str], np.ndarray]:
    lines = body.removesuffix(b"\n").split(b"\n")
    if len(lines) != many:
        raise DataError(f"{path}: its first line promises {many} words, but {len(lines)} lines follow")
    words, vectors = [], np.empty((many, width), np.float32)
    for i, line in enumerate(lines):
        word, *numbers = line.rstrip().split(b" ")
        try:
            if len(numbers) != width:
                raise ValueError(f"{len(numbers)} numbers")
            words.append(word.decode("utf-8"))
            vectors[i] = numbers
        except ValueError as error:  # also of a word that is not UTF-8
            raise DataError(
                f"{path}, line {i + 2}: a word and {width} numbers are needed, got {error}"
            ) from None
    return words, vectors


def _read_binary(path: Path, body: bytes, many: int, width: int) -> tuple[list[str], np.ndarray]:
    words, vectors, place = [], np.empty((many, width), "<f4"), 0
    for i in range(many):
        end = body.find(b" ", place, place + LONGEST)
        after = end + 1 + 4 * width
        if end < 0 or after > len(body):
            raise DataError(
                f"{path} is cut short, or not binary: of {many} words with {width} numbers it has {i} whole"
            )
        try:
            words.append(body[place:end].lstrip(b"\n").decode("utf-8"))
        except UnicodeDecodeError:
            raise DataError(
                f"{path}: word {i + 1} of {many} is not UTF-8, {body[place:end][:40]!r}"
            ) from None
        vectors[i] = np.frombuffer(body, "<f4", width, end + 1)
        place = after
    return words, vectors.astype(np.float32, copy=False)


def read_analogies(path: Path) -> list[tuple[str, list[tuple[str, ...]]]]:
    """The sections of a file of questions, (title, questions of four words in capitals)."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as questions: {error}") from None
    sections: list[tuple[str, list[tuple[str, ...]]]] = []
    for number, line in enumerate(lines, 1):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
        elif line.strip():
            words = tuple(line.upper().split())
            if len(words) != 4 or not sections:
                raise DataError(
                    f'{path}, line {number}: four words below a line ": title" are needed, got {line[:60]!r}'
                )
            sections[-1][1].append(words)
    return sections
