"""Raw bytes as arrays of a dtype that a Tensor holds."""

import numpy as np

from yuanli.errors import CheckpointError


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
