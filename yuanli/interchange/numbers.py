"""Raw bytes as arrays of a dtype that a Tensor holds."""

import math
from typing import Any

import numpy as np

from yuanli.errors import CheckpointError

MOST = 1 << 48  # elements, also along the axes beside an empty one


def checked_shape(sizes: Any) -> tuple[int, ...]:
    """The shape a file announces.  Raises: CheckpointError for what NumPy cannot make an array of."""
    sizes = tuple(sizes)
    if not all(type(n) is int and 0 <= n < MOST for n in sizes):
        raise CheckpointError("the file is damaged: an array's shape is no whole numbers ≥ 0")
    if len(sizes) > 32 or math.prod(n for n in sizes if n) >= MOST:
        raise CheckpointError(f"the file is damaged: it announces an array of shape {sizes!s:.60}")
    return sizes


def from_bytes(data: bytes, kind: str, count: int, order: str) -> np.ndarray:
    """`count` numbers of `kind` ("f4", "i8", "?" … or "bf16") in byte order `order`; half floats as float32.

    A bfloat16 is the upper half of a float32.  Raises: CheckpointError unless there are that many bytes.
    """
    dtype = np.dtype(f"{order}{'u2' if kind == 'bf16' else kind}")
    if len(data) != count * dtype.itemsize:
        raise CheckpointError(
            f"the file is damaged: {count} numbers of {dtype.itemsize} bytes are announced, "
            f"and {len(data)} bytes are there"
        )
    numbers = np.frombuffer(data, dtype)
    if kind == "bf16":
        return (numbers.astype(np.uint32) << 16).view(np.float32)
    if kind == "?":
        return numbers.view(np.uint8) != 0  # other bytes than 0 and 1 are no booleans to NumPy
    return numbers.astype(np.float32 if kind == "f2" else dtype.newbyteorder("="), copy=False)
