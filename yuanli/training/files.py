"""One file for a tree of arrays and plain values: safetensors, whole or not at all, never code.

A tree is nested dicts and lists of arrays, numbers, strings, booleans and None.  Its arrays are the file's
tensors, named by their path ("model/conv1.weight"), and the rest is JSON in the header, in front of it a
CRC-32 of that JSON and of every array: a file cut short, altered or half written is told from a good one.
"""

import contextlib
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.errors import CheckpointError

_ARRAY = "$array"  # {"$array": name} stands in the JSON where an array was
_KEY = "yuanli"  # one header key only: the order of several would differ from file to file


def save(path: Path, tree: dict[str, Any]) -> None:
    """Write `tree` to `path` and the disk; a reader sees the old file or the new one, never half of it."""
    from safetensors.numpy import save as serialize

    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_take_arrays(tree, "", arrays), ensure_ascii=False, separators=(",", ":"))
    write_atomically(path, serialize(arrays, metadata={_KEY: f"{_crc(text, arrays):08x}{text}"}))


def load(path: Path) -> dict[str, Any]:
    """The tree in `path`.  Raises CheckpointError naming the file: missing, damaged, or not one of ours."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    try:
        with safe_open(path, framework="np") as file:
            header = (file.metadata() or {}).get(_KEY, "")
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if not header:
        raise CheckpointError(f"{path} is a safetensors file, but not one that yuanli wrote")
    crc, text = header[:8], header[8:]
    if crc != f"{_crc(text, arrays):08x}":
        raise CheckpointError(f"{path} is damaged: its contents do not match their checksum")
    try:
        tree = _put_arrays(json.loads(text), arrays)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if not isinstance(tree, dict):
        raise CheckpointError(f"{path} is damaged: it holds no names")
    return tree


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file in the same folder, flush it, rename it, flush the folder.

    Killed before the rename there is the old file, after it the new one.  Raises: OSError that names `path`.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(path)) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    with contextlib.suppress(PermissionError):  # Windows cannot open a folder, and needs no flush of it
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def crc32(array: np.ndarray, start: int = 0) -> int:
    """CRC-32 of an array's dtype, shape and bytes, going on from `start`."""
    array = np.asarray(array, order="C")
    if array.dtype.kind == "T":  # strings lie elsewhere, and their array holds but their places
        return zlib.crc32(json.dumps(array.tolist(), ensure_ascii=False).encode(), start)
    start = zlib.crc32(f"{array.dtype.str}{array.shape}".encode(), start)
    return zlib.crc32(array.tobytes(), start)


def _crc(text: str, arrays: dict[str, np.ndarray]) -> int:
    crc = zlib.crc32(text.encode())
    for name in sorted(arrays):
        crc = crc32(arrays[name], zlib.crc32(name.encode(), crc))
    return crc


def _take_arrays(tree: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """`tree` as JSON can hold it; its arrays go into `arrays`, named by their path."""
    if isinstance(tree, dict):
        if not all(isinstance(key, str) for key in tree):
            raise TypeError(f"a saved tree needs keys that are strings, got {list(tree)} at {name!r}")
        return {
            key: _take_arrays(value, f"{name}/{key}" if name else key, arrays) for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [_take_arrays(value, f"{name}/{i}", arrays) for i, value in enumerate(tree)]
    if isinstance(tree, np.ndarray):
        arrays[name] = np.asarray(tree, order="C")
        return {_ARRAY: name}
    return tree.item() if isinstance(tree, np.generic) else tree


def _put_arrays(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(tree, dict):
        if tree.keys() == {_ARRAY}:
            return arrays[tree[_ARRAY]]
        return {key: _put_arrays(value, arrays) for key, value in tree.items()}
    return [_put_arrays(value, arrays) for value in tree] if isinstance(tree, list) else tree
