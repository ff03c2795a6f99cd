"""torch's state dicts, read without torch: a pickle that describes tensors, and their numbers beside it.

Since torch 1.6 a file is a ZIP archive of `NAME/data.pkl` and `NAME/data/KEY`, one for every storage; before,
pickles in a row (a magic number, a version, the machine, the tensors, the keys) and the storages after them.
A tensor is a window on a storage: offset, size and stride, in elements.

Source: torch/serialization.py and torch/_utils.py of torch 2.13.  Differs: quantised, sparse and nested
tensors, modules saved whole and TorchScript archives are refused.
"""

import io
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.errors import CheckpointError, RefusedError
from yuanli.interchange.numbers import checked_shape, from_bytes
from yuanli.interchange.pickle_reader import Function, OrderedState, read_pickle, shown
from yuanli.interchange.pickle_writer import Call, External, Name, write_pickle

LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # a pickle of the number such files begin with
STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "bf16",
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1",
    "ByteStorage": "u1", "BoolStorage": "?",
}  # fmt: skip
MOST_PICKLE = 64 << 20  # bytes of data.pkl, which only describes: a tensor takes about 150


@dataclass
class Storage:
    """Numbers in a row."""

    kind: str
    count: int
    numbers: np.ndarray | None = field(default=None, repr=False)

    def array(self) -> np.ndarray:
        if self.numbers is None:
            raise CheckpointError("the file has no numbers for one of its tensors")
        return self.numbers


@dataclass
class Window:
    """A tensor: the elements offset + Σ index·stride of a storage."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self) -> np.ndarray:
        numbers = self.storage.array()
        strides = [s * numbers.itemsize for s in self.stride]
        return np.lib.stride_tricks.as_strided(
            numbers[self.offset :], self.size, strides, writeable=False, subok=False
        )


def read_zip(path: Path) -> Any:
    """The tree in a ZIP archive of torch: dicts and lists of Windows, numbers and strings."""
    with _opened(path) as archive:
        return _read_archive(archive, path)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive; whatever it makes of damage is a CheckpointError."""
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except CheckpointError:
        raise
    except (
        *(zipfile.BadZipFile, OSError, EOFError, NotImplementedError, struct.error),
        *(RuntimeError, ValueError, LookupError, OverflowError),
    ) as error:
        raise CheckpointError(f"{path} is damaged: {error!r:.120}") from None


def _read_archive(archive: zipfile.ZipFile, path: Path) -> Any:
    members = {member.filename: member for member in archive.infolist()}
    _check_members(archive.infolist(), path)
    described = [name for name in members if name.split("/")[1:] == ["data.pkl"]]
    if len(described) != 1:
        raise CheckpointError(f"{path} is a ZIP archive, but none that torch.save makes: it has no data.pkl")
    root = described[0].removesuffix("data.pkl")
    if f"{root}constants.pkl" in members:
        raise RefusedError(f"{path} is a TorchScript program: save its state_dict() with torch.save instead")
    if members[described[0]].file_size > MOST_PICKLE:
        raise RefusedError(f"{path}: data.pkl is larger than {MOST_PICKLE >> 20} MiB")
    order = "<"
    if f"{root}byteorder" in members:
        order = {b"little": "<", b"big": ">"}[archive.read(f"{root}byteorder")]
    storages: dict[str, Storage] = {}

    def storage(id: Any) -> Storage:
        kind, key, count = _storage_id(id, 5)
        name = f"{root}data/{key}"
        if name not in members:
            raise CheckpointError(f"{path} is damaged: it lacks {name!r:.80}")

        found = _once(storages, key, Storage(kind, count))
        if found.numbers is None:
            found.numbers = from_bytes(archive.read(name), kind, count, order)
        return found

    tree, _ = read_pickle(archive.read(described[0]), 0, NAMES, storage)
    return tree


def _check_members(members: list[zipfile.ZipInfo], path: Path) -> None:
    """Only what is stored as it is, and no more than there is: such an archive cannot swell."""
    if any(m.compress_type != zipfile.ZIP_STORED or m.file_size != m.compress_size for m in members):
        raise RefusedError(f"{path} is compressed; torch.save stores tensors as they are")
    if sum(m.file_size for m in members) > path.stat().st_size:
        raise RefusedError(f"{path} announces more bytes than it has")


def read_legacy(path: Path) -> Any:
    """The tree in a file of torch before 1.6."""
    data = path.read_bytes()
    at = len(LEGACY)
    version, at = read_pickle(data, at, {})
    machine, at = read_pickle(data, at, {})
    if version != 1001 or not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise CheckpointError(f"{path} is of a version or machine that is not known: {shown(version)}")
    storages: dict[str, Storage] = {}

    def storage(id: Any) -> Storage:
        kind, key, count = _storage_id(id, 6)
        return _once(storages, key, Storage(kind, count))

    tree, at = read_pickle(data, at, NAMES, storage)
    keys, at = read_pickle(data, at, {})
    if not isinstance(keys, list):
        raise CheckpointError(f"{path} is damaged: it has no list of its storages")
    for key in keys:
        found = storages.get(key) if isinstance(key, str) else None
        if found is None or found.numbers is not None:
            raise CheckpointError(
                f"{path} is damaged: the storage {shown(key)} is used by no tensor, or twice"
            )
        if data[at : at + 8] != struct.pack("<q", found.count):
            raise CheckpointError(f"{path} is damaged: the storage {shown(key)} has another length than said")
        size = found.count * (2 if found.kind == "bf16" else np.dtype(found.kind).itemsize)
        found.numbers = from_bytes(data[at + 8 : at + 8 + size], found.kind, found.count, "<")
        at += 8 + size
    return tree


def _storage_id(id: Any, length: int) -> tuple[str, str, int]:
    """The kind, key and element count of ("storage", kind, key, device, count[, view])."""
    if not isinstance(id, tuple) or len(id) != length or id[0] != "storage":
        raise RefusedError("the file refers to something that is no storage of numbers")
    kind, key, count = id[1], id[2], id[4]
    if kind not in STORAGES.values() or not isinstance(key, str) or not _is_count(count):
        raise CheckpointError(
            f"the file is damaged: it describes storage {shown(key)} as {shown(kind)} × {shown(count)}"
        )
    if length == 6 and id[5] is not None:
        raise RefusedError("the file has a storage within a storage; load and save it again with torch ≥ 1.6")
    return kind, key, count


def _once(storages: dict[str, Storage], key: str, storage: Storage) -> Storage:
    known = storages.setdefault(key, storage)
    if (known.kind, known.count) != (storage.kind, storage.count):
        raise CheckpointError(f"the file is damaged: storage {key!r:.40} is described in two ways")
    return known


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *rest: Any) -> Window:
    """A window that lies within its storage and has no more elements than it."""
    if not isinstance(storage, Storage) or not isinstance(size, tuple) or not isinstance(stride, tuple):
        raise CheckpointError("the file is damaged: it describes a tensor without storage, size or stride")
    if len(checked_shape(size)) != len(stride) or not all(map(_is_count, (offset, *stride))):
        raise CheckpointError("the file is damaged: a tensor's offset or strides are no whole numbers ≥ 0")
    elements, last = 1, offset
    for n, step in zip(size, stride, strict=True):
        elements *= n
        last += (n - 1) * step
    if elements > storage.count:
        raise RefusedError(f"a tensor of size {size} has more elements than its storage of {storage.count}")
    if (elements and last >= storage.count) or offset > storage.count:
        raise CheckpointError(f"the file is damaged: a tensor of size {size} reaches out of its storage")
    return Window(storage, offset, size, stride)


def _rebuild_parameter(data: Any, *rest: Any) -> Window:
    if not isinstance(data, Window):
        raise RefusedError("the file has a parameter that is no tensor")
    return data


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**48


def ordered_dict(*items: Any) -> OrderedState:
    if items:
        raise RefusedError("the file fills a dict in a way that torch.save does not")
    return OrderedState()


NAMES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Function(ordered_dict),
    ("torch._utils", "_rebuild_tensor"): Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): Function(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): Function(_rebuild_parameter),
    **{("torch", name): kind for name, kind in STORAGES.items()},
}


def write(state: dict[str, np.ndarray]) -> bytes:
    """A ZIP archive that torch.load(weights_only=True) reads as an OrderedDict of tensors."""
    kinds = {kind: Name("torch", name) for name, kind in STORAGES.items()}
    tensors, ordered = {}, Name("collections", "OrderedDict")
    for number, (name, array) in enumerate(state.items()):
        kind = kinds.get(array.dtype.str[1:] if array.dtype != bool else "?")
        if kind is None:
            raise CheckpointError(f"torch has no tensors of dtype {array.dtype}, that of {name}")
        id = External(("storage", kind, str(number), "cpu", array.size))
        stride = tuple(s // array.itemsize for s in np.empty(array.shape, array.dtype).strides)
        arguments = (id, 0, array.shape, stride, False, Call(ordered, ()))
        tensors[name] = Call(Name("torch._utils", "_rebuild_tensor_v2"), arguments)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in (
            ("data.pkl", write_pickle(tensors, 2)),
            ("byteorder", b"little"),
            *((f"data/{i}", np.ascontiguousarray(a).tobytes()) for i, a in enumerate(state.values())),
            ("version", b"3\n"),
        ):
            archive.writestr(zipfile.ZipInfo(f"archive/{name}"), content)  # no date: the same bits every time
    return file.getvalue()
