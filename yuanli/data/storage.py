"""Where files are looked for and kept: the data root, and decoded pictures in the user's cache folder."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

DECODER = 1  # to be raised when the same files decode to something else than before


def cache_folder() -> Path:
    """The user's cache folder for this package, as the operating system has it."""
    import pooch

    return Path(pooch.os_cache("yuanli"))


def data_root(root: str | os.PathLike | None = None) -> Path:
    """The folder of downloaded data sets: `root`, else the variable YUANLI_DATA, else in the cache folder."""
    given = root or os.environ.get("YUANLI_DATA")
    return Path(given).expanduser() if given else cache_folder() / "data"


def remember(
    name: str, files: Sequence[Path], decode: Callable[[], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """decode() of those files, kept as .npy so that the next time it is there at once.

    Kept under the files' paths, sizes and times of change; where nothing can be written, it is decoded anew.
    The first array is read from disk as it is used (a memory map), the second at once.
    """
    places = hashlib.sha256("\n".join(str(f.resolve()) for f in files).encode()).hexdigest()[:16]
    stats = [f.stat() for f in files]
    version = hashlib.sha256(repr((DECODER, [(s.st_size, s.st_mtime_ns) for s in stats])).encode())
    folder = cache_folder() / "decoded"
    kept = [folder / f"{name}-{places}-{version.hexdigest()[:16]}-{part}.npy" for part in "xy"]
    found = _read(kept)
    if found is not None:
        return found
    arrays = decode()
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob(f"{name}-{places}-*"):
            old.unlink()
        for path, array in zip(kept, arrays, strict=True):
            _write(path, array)
        return _read(kept) or arrays
    return arrays


def _read(kept: list[Path]) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        return np.load(kept[0], mmap_mode="r", allow_pickle=False), np.load(kept[1], allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None


def _write(path: Path, array: np.ndarray) -> None:
    """To a temporary file in the same folder, then renamed: a half-written file never has the name."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".tmp", delete=False) as file:
        try:
            np.save(file, array, allow_pickle=False)
        except BaseException:
            file.close()
            os.unlink(file.name)
            raise
    os.replace(file.name, path)
