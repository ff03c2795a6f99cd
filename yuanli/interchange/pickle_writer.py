"""Writing the pickles that torch and Paddle read: arrays by name, and nothing else."""

import struct
from typing import Any, NamedTuple


class Name(NamedTuple):
    """Something the reader is to look up, as "torch FloatStorage"."""

    module: str
    name: str


class Call(NamedTuple):
    """What the reader is to call, and the state it is to give the result."""

    function: Name
    arguments: tuple[Any, ...]
    state: Any = None


class External(NamedTuple):
    """A reference to what lies outside the pickle."""

    id: Any


def write_pickle(value: Any, protocol: int) -> bytes:
    """`value` of dicts, tuples, strings, bytes, numbers, and the above, as a pickle of protocol 2 or 4."""
    return b"\x80" + bytes([protocol]) + _code(value) + b"."


def _code(value: Any) -> bytes:
    if isinstance(value, Name):
        return f"c{value.module}\n{value.name}\n".encode()
    if isinstance(value, Call):
        call = _code(value.function) + _code(value.arguments) + b"R"
        return call if value.state is None else call + _code(value.state) + b"b"
    if isinstance(value, External):
        return _code(value.id) + b"Q"
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        length = value.bit_length() // 8 + 1
        return b"\x8a" + bytes([length]) + value.to_bytes(length, "little", signed=True)
    if isinstance(value, str):
        text = value.encode()
        return b"X" + struct.pack("<I", len(text)) + text
    if isinstance(value, bytes):
        return b"\x8e" + struct.pack("<Q", len(value)) + value
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_code, value)) + b"t"
    if isinstance(value, dict):
        return b"}(" + b"".join(_code(k) + _code(v) for k, v in value.items()) + b"u"
    raise TypeError(f"{type(value).__name__} is nothing a tensor file holds")
