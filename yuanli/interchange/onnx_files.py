"""An ONNX file, read with care: limits to its size, and numbers beside it only from its own folder."""

import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from yuanli.errors import CheckpointError, RefusedError

MOST_BYTES = 2 << 30  # of the model itself: more cannot be one protobuf message
MOST_EXTERNAL = 16 << 30  # of the files beside it
MOST_NODES = 100_000


def read_model(path: str | Path) -> Any:
    """The onnx.ModelProto in a file, its external numbers brought in, and checked.

    Raises: CheckpointError when the file is missing or damaged; RefusedError for limits that are passed, and
    for external numbers anywhere but in a plain file of the model's own folder.
    """
    import onnx
    from google.protobuf.message import DecodeError

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    if path.stat().st_size > MOST_BYTES:
        raise RefusedError(f"{path} has {path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are read")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CheckpointError(f"{path} is no ONNX file, or damaged: {error}") from None
    left = MOST_EXTERNAL
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            data = _external(tensor, path.parent, left)
            left -= len(data)
            tensor.raw_data = data
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    check_model(model)
    return model


def check_model(model: Any) -> None:
    """Refuse what is too large, has numbers elsewhere, or is no valid model.  Raises: CheckpointError."""
    import onnx

    nodes = 0
    for graph in _graphs(model.graph):
        nodes += len(graph.node)
        if nodes > MOST_NODES:
            raise RefusedError(f"the graph has more than {MOST_NODES:,} nodes")
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise RefusedError(f"{tensor.name!r:.60} is in another file: load the model by its path")
        if any(n < 0 for n in tensor.dims):
            raise CheckpointError(f"{tensor.name!r:.60} has the shape {list(tensor.dims)[:8]}")
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError, TypeError) as error:
        raise CheckpointError(f"this is no valid ONNX model: {error!s:.300}") from None


def _graphs(graph: Any) -> Iterator[Any]:
    """A graph and those inside its nodes' attributes."""
    waiting = [graph]
    while waiting:
        graph = waiting.pop()
        yield graph
        for node in graph.node:
            for attribute in node.attribute:
                waiting.extend([*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs])


def _tensors(graph: Any) -> Iterator[Any]:
    for each in _graphs(graph):
        yield from each.initializer
        for sparse in each.sparse_initializer:
            yield from (sparse.values, sparse.indices)
        for node in each.node:
            for attribute in node.attribute:
                yield from attribute.tensors
                if attribute.HasField("t"):
                    yield attribute.t


def _external(tensor: Any, folder: Path, left: int) -> bytes:
    """The bytes of a tensor that lie in a plain file of `folder`, reached through no link.

    Source: onnx's own advisories (CVE-2022-25882, CVE-2024-27318, CVE-2024-5187): a location may climb out by
    "..", or lead out by a link.
    """
    from onnx.helper import tensor_dtype_to_np_dtype

    said = {entry.key: entry.value for entry in tensor.external_data}
    location = said.get("location", "")
    parts = PurePosixPath(location).parts
    windows = PureWindowsPath(location)
    if not parts or windows.is_absolute() or windows.drive or "\\" in location or location.startswith("/"):
        raise RefusedError(f"external data must lie in the model's folder, got the location {location!r:.80}")
    if any(part in ("..", ".") or "\0" in part for part in location.split("/")):
        raise RefusedError(f"external data must lie in the model's folder, got the location {location!r:.80}")
    try:
        dtype = tensor_dtype_to_np_dtype(tensor.data_type)
        offset, length = int(said.get("offset", 0)), int(said.get("length", -1))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"external data of {tensor.name!r:.60} is described wrongly: {error}") from None
    bits = {"int4": 4, "uint4": 4, "float4_e2m1fn": 4, "int2": 2, "uint2": 2}.get(
        dtype.name, 8 * dtype.itemsize
    )
    size = -(-math.prod(tensor.dims) * bits // 8)
    if length not in (-1, size) or offset < 0 or min(tensor.dims, default=0) < 0:
        raise CheckpointError(
            f"{tensor.name!r:.60} needs {size} bytes, and {length} at {offset} are announced"
        )
    if size > left:
        raise RefusedError(f"the model has more than {MOST_EXTERNAL:,} bytes of external data")
    with _open_plain(folder, parts) as file:
        if offset + size > os.fstat(file.fileno()).st_size:
            raise CheckpointError(f"{location!r:.80} is shorter than {tensor.name!r:.60} needs")
        file.seek(offset)
        return file.read(size)


def _open_plain(folder: Path, parts: tuple[str, ...]) -> Any:
    """A file below `folder`, opened one name after the other, so that no link is followed on the way."""
    if os.open not in os.supports_dir_fd:  # Windows
        return _open_looked_at(folder, parts)
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = below
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
    except OSError as error:
        raise RefusedError(
            f"external data must be a plain file in the model's folder, and {'/'.join(parts)!r:.80} is none: "
            f"{error.strerror}"
        ) from None
    finally:
        os.close(at)
    return _plain_or_refused(descriptor, parts)


def _open_looked_at(folder: Path, parts: tuple[str, ...]) -> Any:
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink() or not path.exists():
            raise RefusedError(f"external data must be a plain file in the model's folder: {path.name!r:.80}")
    return _plain_or_refused(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), parts)


def _plain_or_refused(descriptor: int, parts: tuple[str, ...]) -> Any:
    """The open file, if it is one and has no other name."""
    state = os.fstat(descriptor)
    if stat.S_ISREG(state.st_mode) and state.st_nlink == 1:
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    what = "has a second name (a hard link)" if stat.S_ISREG(state.st_mode) else "is no plain file"
    raise RefusedError(
        f"external data must be a plain file in the model's folder, and {'/'.join(parts)!r:.80} {what}"
    )
