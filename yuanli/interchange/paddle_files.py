"""Paddle's state dicts, read without Paddle: a pickle of NumPy arrays.

Paddle has torch's layouts but for two: the weight of a linear layer is (in, out), and the running statistics
are called `_mean` and `_variance`.

Source: paddle/framework/io.py of Paddle 3.3; NumPy's array.__reduce__.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.errors import CheckpointError, RefusedError
from yuanli.interchange.numbers import checked_shape, from_bytes
from yuanli.interchange.pickle_reader import Function, Record, read_pickle, shown
from yuanli.interchange.pickle_writer import Call, Name, write_pickle
from yuanli.interchange.torch_files import ordered_dict
from yuanli.nn import Linear, Module

KINDS = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
NAME_TABLE = "StructuredToParameterName@@"  # Paddle's own names for the parameters
STATISTICS = {"running_mean": "_mean", "running_var": "_variance"}


class DType(Record):
    """A NumPy dtype in the making."""

    def __init__(self, code: Any, *rest: Any) -> None:
        kind = {"b1": "?"}.get(code, code) if isinstance(code, str) else None
        if kind not in KINDS:
            raise RefusedError(f"the file has an array of dtype {shown(code)}; only plain numbers are read")
        self.kind: str = kind
        self.order = "<"

    def build(self, state: Any) -> None:
        """(3, byte order, …)"""
        if not isinstance(state, tuple) or len(state) < 2 or state[1] not in ("<", ">", "|", "="):
            raise CheckpointError("the file is damaged: a dtype without its byte order")
        self.order = ">" if state[1] == ">" else "<"


class Array(Record):
    """A NumPy array in the making."""

    def __init__(self, *arguments: Any) -> None:
        self.made: np.ndarray | None = None

    def build(self, state: Any) -> None:
        """(1, shape, dtype, whether columns come first, bytes)"""
        if not isinstance(state, tuple) or len(state) != 5:
            raise CheckpointError("the file is damaged: an array without its numbers")
        _, shape, dtype, columns_first, data = state
        if not isinstance(dtype, DType) or not isinstance(data, bytes) or not isinstance(shape, tuple):
            raise RefusedError("the file has an array of something else than plain numbers")
        flat = from_bytes(data, dtype.kind, math.prod(checked_shape(shape)), dtype.order)
        self.made = flat.reshape(shape, order="F" if columns_first is True else "C")

    def array(self) -> np.ndarray:
        if self.made is None:
            raise CheckpointError("the file is damaged: an array without its numbers")
        return self.made


def _encode(text: Any, encoding: Any) -> bytes:
    """How protocol 2 writes bytes: as text."""
    if not isinstance(text, str) or encoding != "latin1":
        raise RefusedError("the file encodes text in a way that no array needs")
    return text.encode("latin-1")


def _bytes() -> bytes:
    """How protocol 2 writes no bytes."""
    return b""


def _tuple(items: Any) -> tuple:
    """How Paddle writes a tensor within a list: as its name and its array."""
    if not isinstance(items, tuple):
        raise RefusedError("the file makes a tuple of what is none")
    return items


NAMES: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Function(ordered_dict),
    ("numpy", "dtype"): Function(DType),
    ("numpy", "ndarray"): None,
    ("_codecs", "encode"): Function(_encode),
    ("__builtin__", "bytes"): Function(_bytes),
    ("builtins", "tuple"): Function(_tuple),
    ("__builtin__", "tuple"): Function(_tuple),
    ("numpy.core.multiarray", "_reconstruct"): Function(Array),
    ("numpy._core.multiarray", "_reconstruct"): Function(Array),
}


def read(path: Path) -> Any:
    """The tree in a file that paddle.save made: dicts and lists of Arrays, numbers and strings."""
    data = path.read_bytes()
    tree, end = read_pickle(data, 0, NAMES)
    if end != len(data):
        raise CheckpointError(f"{path} is damaged: something follows the tensors")
    if isinstance(tree, dict):
        tree.pop(NAME_TABLE, None)
    return tree


def write(state: dict[str, np.ndarray]) -> bytes:
    """A file that paddle.load reads as a dict of tensors."""
    arrays = {}
    for name, array in state.items():
        code, order = array.dtype.str[1:], array.dtype.newbyteorder("<").str[0]
        dtype = Call(Name("numpy", "dtype"), (code, False, True), (3, order, None, None, None, -1, -1, 0))
        arrays[name] = Call(
            Name("numpy.core.multiarray", "_reconstruct"),
            (Name("numpy", "ndarray"), (0,), b"b"),
            (1, array.shape, dtype, False, np.ascontiguousarray(array).tobytes()),
        )
    return write_pickle(arrays, 4)


def from_paddle(state: dict[str, np.ndarray], model: Module) -> dict[str, np.ndarray]:
    """Paddle's state under the names and in the layouts of `model`."""
    ours = {paddles: name for name, paddles in STATISTICS.items()}
    linear = _linear_weights(model)
    renamed = {_rename(name, ours): array for name, array in state.items()}
    return {
        name: array.T if array.ndim == 2 and _ends_in(name, linear) else array
        for name, array in renamed.items()
    }


def to_paddle(model: Module) -> dict[str, np.ndarray]:
    """The state of `model` under Paddle's names and in its layouts; it keeps no count of batches."""
    linear = _linear_weights(model)
    return {
        _rename(name, STATISTICS): array.T if name in linear else array
        for name, array in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def _linear_weights(model: Module) -> set[str]:
    modules = model.named_modules(remove_duplicate=False)
    return {f"{path}.weight".lstrip(".") for path, module in modules if isinstance(module, Linear)}


def _ends_in(name: str, names: set[str]) -> bool:
    """Whether `name` is one of them, also behind a prefix."""
    parts = name.split(".")
    return any(".".join(parts[i:]) in names for i in range(len(parts)))


def _rename(name: str, names: dict[str, str]) -> str:
    path, dot, last = name.rpartition(".")
    return path + dot + names.get(last, last)
