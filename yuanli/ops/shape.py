"""The same numbers in other places: each gradient takes dy back the way the numbers came."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from yuanli.errors import DTypeError, ShapeError, ValueRangeError
from yuanli.kernels.dispatch import LARGE
from yuanli.kernels.memory import empty
from yuanli.kernels.pixels import join_channels
from yuanli.tensor import Tensor, differentiable


@differentiable
def permute(input, dims):
    """The axes in the order `dims`: (N, H, W, C) → (N, C, H, W) by (0, 3, 1, 2).

    Raises: ShapeError unless every axis is named once.
    """
    order = normalize_axis_tuple(dims, input.ndim)
    if len(order) != input.ndim:
        raise ShapeError(
            f"permute needs all {input.ndim} axes of shape {input.shape}, got dims {tuple(dims)}"
        )
    return input.transpose(order), (lambda dy: dy.transpose(np.argsort(order)),)


def cat(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """The tensors one after the other along an axis they have; each receives its piece of dy.

    Raises: ShapeError when the other axes differ or there is nothing to join.
    """
    return _cat(*_several("cat", tensors), dim=dim)


@differentiable
def _cat(*arrays, dim):
    room = _room_for(arrays, dim)
    if room is not None and room.ndim == 4 and dim in (1, -3):
        y = join_channels(arrays, room)
    else:
        y = np.concatenate(arrays, dim, out=room)
    ends = np.cumsum([0] + [a.shape[dim] for a in arrays])
    before = (slice(None),) * normalize_axis_index(dim, y.ndim)

    def grad_piece(start, stop):
        return lambda dy: dy[(*before, slice(start, stop))]

    return y, tuple(grad_piece(i, j) for i, j in pairwise(ends))


def _room_for(arrays, dim):
    """Memory that is used again for arrays in a row, channels last when they are; None when small."""
    first = arrays[0]
    alike = all(a.ndim == first.ndim and a.dtype == first.dtype for a in arrays)
    if sum(a.size for a in arrays) < LARGE or not alike:
        return None
    shape = [*first.shape]
    shape[dim] = sum(a.shape[dim] for a in arrays)
    if first.ndim != 4 or first.strides[1] != first.itemsize:
        return empty(shape, first.dtype)
    n, c, h, w = shape
    return empty((n, h, w, c), first.dtype).transpose(0, 3, 1, 2)


def stack(tensors: Sequence[Any], dim: int = 0) -> Tensor:
    """Tensors of one shape side by side along a new axis `dim`; each receives its slice of dy.

    Raises: ShapeError when the shapes differ or there is nothing to join.
    """
    return _stack(*_several("stack", tensors), dim=dim)


@differentiable
def _stack(*arrays, dim):
    y = np.stack(arrays, dim)
    return y, tuple(lambda dy, i=i: np.moveaxis(dy, dim, 0)[i] for i in range(len(arrays)))


def _several(name: str, tensors: Any) -> Sequence[Any]:
    if isinstance(tensors, str) or not isinstance(tensors, Sequence | Tensor | np.ndarray):
        raise DTypeError(f"{name} needs a list or tuple of tensors, got {type(tensors).__name__}")
    if len(tensors) == 0:
        raise ShapeError(f"{name} needs at least one tensor, got none")
    for t in tensors:
        if not isinstance(t, Tensor | np.ndarray):
            raise DTypeError(f"{name} needs Tensors or arrays in its list, got {t!r:.40}")
    return list(tensors)


_NUMPY_MODE = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@differentiable
def pad(input, pad, mode="constant", value=0.0):
    """More numbers around the last axes: pad = (left, right, top, bottom, …), the last axis first.

    `mode`: "constant" adds `value`, "reflect" mirrors without repeating the edge, "replicate" repeats it,
    "circular" goes round.  Every copy hands its part of dy to the element it was copied from.
    Raises: ValueRangeError for a negative width or an unknown mode, ShapeError when there are too many widths
    or the axis is too short to mirror.  Differs: torch also takes negative widths and crops.
    """
    widths = _widths(input, pad)
    if mode == "constant":
        inside = tuple(slice(before, before + n) for (before, _), n in zip(widths, input.shape, strict=True))
        return np.pad(input, widths, constant_values=value), (lambda dy: dy[inside],)
    if mode not in _NUMPY_MODE:
        raise ValueRangeError(
            f'pad needs mode "constant", "reflect", "replicate" or "circular", got {mode!r}'
        )
    for n, width in zip(input.shape, widths, strict=True):
        most = {"reflect": n - 1, "replicate": max(width) if n else 0, "circular": n}[mode]
        if max(width) > most:
            raise ShapeError(f"pad by {width} in mode {mode!r} needs a longer axis than {n} of {input.shape}")
    sources = [np.pad(np.arange(n), w, _NUMPY_MODE[mode]) for n, w in zip(input.shape, widths, strict=True)]

    def grad_input(dy):
        for axis, source in enumerate(sources):
            if len(source) != input.shape[axis]:
                folded = np.zeros((input.shape[axis], *np.delete(dy.shape, axis)), dy.dtype)
                np.add.at(folded, source, np.moveaxis(dy, axis, 0))
                dy = np.moveaxis(folded, 0, axis)
        return dy

    return input[np.ix_(*sources)], (grad_input,)


def _widths(x: np.ndarray, pad: Any) -> list[tuple[int, int]]:
    """torch's flat `pad` as NumPy's (before, after) for each axis."""
    pad = tuple(pad)
    if not all(isinstance(p, int | np.integer) for p in pad):
        raise DTypeError(f"pad needs whole numbers, got {pad}")
    if len(pad) % 2 or len(pad) > 2 * x.ndim:
        raise ShapeError(f"pad needs two widths an axis and at most {x.ndim} axes of {x.shape}, got {pad}")
    if min(pad, default=0) < 0:
        raise ValueRangeError(f"pad needs widths ≥ 0, got {pad}; indexing crops")
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    return [(0, 0)] * (x.ndim - len(pairs)) + pairs[::-1]


@differentiable
def channel_shuffle(input, groups):
    """The channels dealt round: the first of every group, then the second of every group, and so on.

    y[:, i·g + j] = x[:, j·C/g + i] for g = groups, so that what follows sees channels of every group.
    Shapes: (N, C, …) → the same.  Raises: ShapeError, ValueRangeError unless groups divides C.
    Source: Zhang 2017, arXiv:1707.01083, figure 1.
    """
    if input.ndim < 3:
        raise ShapeError(f"channel_shuffle needs x with at least 3 axes (N, C, …), got shape {input.shape}")
    channels = input.shape[1]
    if not isinstance(groups, int) or groups < 1 or channels % groups:
        raise ValueRangeError(f"channel_shuffle needs groups that divide {channels} channels, got {groups!r}")

    def deal(x, piles):
        last = np.moveaxis(x, 1, -1)
        dealt = last.reshape(*last.shape[:-1], piles, channels // piles).swapaxes(-1, -2)
        return np.moveaxis(dealt.reshape(last.shape), -1, 1)

    return deal(input, groups), (lambda dy: deal(dy, channels // groups),)


@differentiable
def flatten(input, start_dim=0, end_dim=-1):
    """The axes from `start_dim` to `end_dim` as one; (N, C, H, W) → (N, C·H·W) by start_dim=1."""
    if not input.ndim:
        return input.reshape(1), (lambda dy: dy.reshape(()),)
    start, end = normalize_axis_index(start_dim, input.ndim), normalize_axis_index(end_dim, input.ndim)
    if start > end:
        raise ShapeError(f"flatten needs start_dim before end_dim, got {start_dim} and {end_dim}")
    together = int(np.prod(input.shape[start : end + 1]))
    y = input.reshape(*input.shape[:start], together, *input.shape[end + 1 :])
    return y, (lambda dy: dy.reshape(input.shape),)


@differentiable
def broadcast_to(input, shape):
    """Repeated to `shape` by NumPy's rules, without copying; ∂/∂x adds up dy over the copies.

    Raises: ShapeError when an axis is neither 1 nor the wanted length.
    """
    return np.broadcast_to(input, shape), (lambda dy: dy,)


@differentiable
def squeeze(input, dim=None):
    """Without the axes of length 1, or without axis `dim` if its length is 1."""
    if dim is not None and input.shape[dim] != 1:
        return input, (lambda dy: dy,)
    return input.squeeze(dim), (lambda dy: dy.reshape(input.shape),)


@differentiable
def unsqueeze(input, dim):
    """With a new axis of length 1 at place `dim`."""
    return np.expand_dims(input, dim), (lambda dy: dy.reshape(input.shape),)
