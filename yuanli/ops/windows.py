"""What convolution and pooling ask of their arguments, and the size of what comes out."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.kernels import windows

LETTERS = {3: "(N, C, L)", 4: "(N, C, H, W)"}


def need_floats(op: str, **arrays: np.ndarray | None) -> None:
    """Refuse integers and booleans: a sum of products of them has no gradient, and overflows."""
    for name, array in arrays.items():
        if array is not None and array.dtype.kind != "f":
            raise DTypeError(
                f"{op} needs {name} of floats, got dtype {array.dtype}; convert it with .astype(np.float32)"
            )


def need_axes(op: str, input: np.ndarray, ndim: int) -> None:
    """Refuse an input without its batch axis, or with other axes than `ndim`."""
    if input.ndim != ndim:
        hint = "; add the batch axis: x.reshape((1, *x.shape))" if input.ndim == ndim - 1 else ""
        raise ShapeError(f"{op} needs x with {ndim} axes {LETTERS[ndim]}, got shape {input.shape}{hint}")


def numbers(op: str, name: str, value: Any, count: int, least: int) -> tuple[int, ...]:
    """One whole number for all axes, or one for each of the `count` axes, none below `least`."""
    given = value if isinstance(value, Sequence) and not isinstance(value, str) else [value] * count
    try:
        found = tuple(operator.index(v) for v in given)
    except TypeError:
        raise DTypeError(f"{op} needs whole numbers for {name}, got {value!r}") from None
    if len(found) != count:
        raise ShapeError(f"{op} needs one number for {name}, or {count}, got {value!r}")
    if min(found) < least:
        raise ValueRangeError(f"{op} needs {name} of at least {least}, got {value!r}")
    return found


def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """How many places a window of a convolution has along one axis.

    H2 = ⌊(H1 + 2P − D(F − 1) − 1) / S⌋ + 1 with kernel F, stride S, padding P on either side, dilation D.
    Raises: ShapeError when the window is larger than the padded input; ValueRangeError; DTypeError.
    Source: Dumoulin & Visin 2016, arXiv:1603.07285, relationships 6 and 15.
    """
    op = "conv_output_size"
    limits = {"size": (size, 0), "kernel": (kernel, 1), "stride": (stride, 1), "padding": (padding, 0)}
    for name, (value, least) in (limits | {"dilation": (dilation, 1)}).items():
        numbers(op, name, value, 1, least)
    return output_size(op, size, kernel, stride, (padding, padding), dilation)


def output_size(
    op: str, size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int, ceil: bool = False
) -> int:
    """H2 for any padding (before, after); with `ceil`, the last window may end beyond the padded input.

    It must still start inside the input or the padding before it.
    """
    outputs = windows.output_size(size + (stride - 1 if ceil else 0), kernel, stride, padding, dilation)
    if ceil and (outputs - 1) * stride >= size + padding[0]:
        outputs -= 1
    if outputs < 1:
        reach = dilation * (kernel - 1) + 1
        raise ShapeError(
            f"{op} needs an input at least as large as the kernel, which reaches over {reach} = dilation "
            f"{dilation} · (kernel {kernel} − 1) + 1, got {size} and {sum(padding)} of padding"
        )
    return outputs
