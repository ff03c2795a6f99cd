"""Operators that move numbers without changing them."""

import math
from itertools import pairwise

import numpy as np

from yuanli import ops
from yuanli.errors import ShapeError
from yuanli.interchange.operators.node import Node, Operator, Value, array, integers, is_float, room, value
from yuanli.tensor import Tensor


def constant(node: Node) -> Value:
    """The one attribute there is."""
    for name in ("value_floats", "value_float"):
        if name in node.attributes:
            return Tensor(np.asarray(node.get(name), np.float32))
    for name in ("value_ints", "value_int"):
        if name in node.attributes:
            return Tensor(np.asarray(node.get(name), np.int64))
    if "value" not in node.attributes:
        raise node.unsupported("values that are sparse or of strings")
    return value(node.get("value"))


def constant_of_shape(node: Node, shape: Value) -> Value:
    fill = node.get("value", np.zeros(1, np.float32))
    return value(np.full(room(integers(shape)), fill.reshape(()), fill.dtype))


def shape(node: Node, x: Value) -> Value:
    return Tensor(np.array(array(x).shape[node.get("start", 0) : node.get("end")], np.int64))


def size(node: Node, x: Value) -> Value:
    return Tensor(np.array(array(x).size, np.int64))


def reshape(node: Node, x: Value, to: Value = None) -> Value:
    """0 stands for the axis that was there, −1 for what is left."""
    wanted = integers(node.get("shape") if to is None else to) or ()
    if not node.get("allowzero", 0):
        wanted = tuple(x.shape[i] if n == 0 else n for i, n in enumerate(wanted))
    return ops.reshape(x, wanted)


def flatten(node: Node, x: Value) -> Value:
    axis = node.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    return ops.reshape(x, (math.prod(x.shape[:axis]), math.prod(x.shape[axis:])))


def transpose(node: Node, x: Value) -> Value:
    return ops.permute(x, tuple(node.get("perm", range(x.ndim)[::-1])))


def squeeze(node: Node, x: Value, axes: Value = None) -> Value:
    dims = integers(node.get("axes") if axes is None else axes)
    gone = {d % x.ndim for d in dims} if dims is not None else {i for i, n in enumerate(x.shape) if n == 1}
    if any(x.shape[d] != 1 for d in gone):
        raise ShapeError(f"Squeeze needs axes of length 1, got {sorted(gone)} of shape {x.shape}")
    return ops.reshape(x, tuple(n for i, n in enumerate(x.shape) if i not in gone))


def unsqueeze(node: Node, x: Value, axes: Value = None) -> Value:
    dims = integers(node.get("axes") if axes is None else axes) or ()
    ndim = x.ndim + len(dims)
    new = {d % ndim for d in dims}
    rest = iter(x.shape)
    return ops.reshape(x, tuple(1 if i in new else next(rest) for i in range(ndim)))


def concat(node: Node, *inputs: Value) -> Value:
    room([sum(array(x).size for x in inputs)])
    return ops.cat(inputs, node.get("axis", 1))


def split(node: Node, x: Value, sizes: Value = None) -> Value:
    """By sizes, or in equal parts, of which the last may be smaller."""
    axis = node.get("axis", 0) % x.ndim
    parts = integers(node.get("split") if sizes is None else sizes)
    if parts is None:
        count = node.get("num_outputs", node.outputs)
        each = -(-x.shape[axis] // count)
        parts = tuple(max(0, min(each, x.shape[axis] - i * each)) for i in range(count))
    if sum(parts) != x.shape[axis] or min(parts, default=0) < 0:
        raise ShapeError(f"Split needs parts that sum to {x.shape[axis]}, got {parts}")
    before = (slice(None),) * axis
    ends = np.cumsum((0, *parts)).tolist()
    return tuple(x[(*before, slice(i, j))] for i, j in pairwise(ends))


def slices(
    node: Node, x: Value, starts: Value = None, ends: Value = None, axes: Value = None, steps: Value = None
) -> Value:
    if starts is None:
        starts, ends, axes = node.get("starts"), node.get("ends"), node.get("axes")
    begin, end = integers(starts) or (), integers(ends) or ()
    dims = integers(axes) or tuple(range(len(begin)))
    step = integers(steps) or (1,) * len(begin)
    index = [slice(None)] * x.ndim
    for i, j, d, s in zip(begin, end, dims, step, strict=True):
        n = x.shape[d]
        before_the_first = s < 0 and j < -n  # which Python has no number for
        index[d] = slice(min(i, n - 1) if s < 0 else i, None if before_the_first else j, s)
    return x[tuple(index)]


def gather(node: Node, x: Value, indices: Value) -> Value:
    axis = node.get("axis", 0) % x.ndim
    rows = _within(array(indices), x.shape[axis], node)
    room((*x.shape[:axis], *rows.shape, *x.shape[axis + 1 :]))
    if axis == 0 and x.ndim == 2 and is_float(x):
        return ops.embedding(rows, x)
    return x[(*(slice(None),) * axis, rows)]


def gather_elements(node: Node, x: Value, indices: Value) -> Value:
    return x[_along(node, x, indices, node.get("axis", 0) % x.ndim)]


def gather_nd(node: Node, x: Value, indices: Value) -> Value:
    batch, rows = node.get("batch_dims", 0), array(indices)
    lead = np.indices(x.shape[:batch]).reshape(batch, *x.shape[:batch], *(1,) * (rows.ndim - 1 - batch))
    picked = tuple(_within(rows[..., i], x.shape[batch + i], node) for i in range(rows.shape[-1]))
    return x[(*lead, *picked)]


def _along(node: Node, x: Value, indices: Value, axis: int) -> tuple[np.ndarray, ...]:
    """An index for every axis: along `axis` the given ones, along the others each its own."""
    rows = array(indices)
    where: list[np.ndarray] = list(np.indices(rows.shape))
    where[axis] = _within(rows, x.shape[axis], node)
    return tuple(where)


def _within(indices: np.ndarray, n: int, node: Node) -> np.ndarray:
    """Indices from 0 on; those below 0 count from the end."""
    if indices.size and not (-n <= indices.min() and indices.max() < n):
        raise ShapeError(
            f"{node.op} needs indices from {-n} to {n - 1}, got {indices.min()} … {indices.max()}"
        )
    return np.where(indices < 0, indices + n, indices)


def expand(node: Node, x: Value, to: Value) -> Value:
    wanted = room(np.broadcast_shapes(x.shape, integers(to) or ()))
    return ops.broadcast_to(x, wanted)


def tile(node: Node, x: Value, repeats: Value) -> Value:
    """Every axis as (times, length), the first of them repeated."""
    times = integers(repeats) or ()
    room([n * t for n, t in zip(x.shape, times, strict=True)])
    split_up = [m for n in x.shape for m in (1, n)]
    spread = [m for n, t in zip(x.shape, times, strict=True) for m in (t, n)]
    wide = ops.broadcast_to(ops.reshape(x, tuple(split_up)), tuple(spread))
    return ops.reshape(wide, tuple(n * t for n, t in zip(x.shape, times, strict=True)))


MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}


def pad(node: Node, x: Value, pads: Value = None, fill: Value = None, axes: Value = None) -> Value:
    """Widths before and after every axis; those below 0 crop."""
    widths = integers(node.get("pads", node.get("paddings")) if pads is None else pads) or ()
    dims = integers(axes) or tuple(range(x.ndim))
    both = [(0, 0)] * x.ndim
    for i, d in enumerate(dims):
        both[d] = (widths[i], widths[i + len(dims)])
    x = x[tuple(slice(max(0, -a), n - max(0, -b)) for (a, b), n in zip(both, x.shape, strict=True))]
    both = [(max(0, a), max(0, b)) for a, b in both]
    room([n + a + b for n, (a, b) in zip(x.shape, both, strict=True)])
    number = node.get("value", 0.0) if fill is None else array(fill).reshape(()).item()
    mode = MODES[node.get("mode", "constant")]
    return ops.pad(x, [w for pair in both[::-1] for w in pair], mode, number)


def space_to_depth(node: Node, x: Value) -> Value:
    n, c, h, w = x.shape
    b = node.get("blocksize")
    order = (0, 3, 5, 1, 2, 4) if node.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    x = ops.permute(ops.reshape(x, (n, c, h // b, b, w // b, b)), order)
    return ops.reshape(x, (n, c * b * b, h // b, w // b))


def depth_to_space(node: Node, x: Value) -> Value:
    n, c, h, w = x.shape
    b = node.get("blocksize")
    if node.get("mode", "DCR") == "DCR":
        x = ops.permute(ops.reshape(x, (n, b, b, c // b**2, h, w)), (0, 3, 4, 1, 5, 2))
    else:
        x = ops.permute(ops.reshape(x, (n, c // b**2, b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return ops.reshape(x, (n, c // b**2, h * b, w * b))


def range_(node: Node, start: Value, limit: Value, delta: Value) -> Value:
    first, last, step = (array(v).reshape(()) for v in (start, limit, delta))
    count = max(0, math.ceil((last.item() - first.item()) / step.item()))
    room([count])
    return Tensor((first + np.arange(count) * step).astype(first.dtype))


def trilu(node: Node, x: Value, k: Value = None) -> Value:
    """The upper or the lower triangle, the rest 0."""
    rows, columns = x.shape[-2:]
    diagonal = 0 if k is None else int(array(k))
    below = np.tri(rows, columns, diagonal if not node.get("upper", 1) else diagonal - 1, dtype=bool)
    keep = ~below if node.get("upper", 1) else below
    zero = np.zeros((), x.dtype)
    return ops.where(keep, x, zero) if is_float(x) else Tensor(np.where(keep, array(x), zero))


def arg_extreme(node: Node, x: Value) -> Value:
    """Where the largest or smallest is along an axis: the first, or by select_last_index the last."""
    axis, numbers = node.get("axis", 0), array(x)
    function = np.argmax if node.op == "ArgMax" else np.argmin
    if node.get("select_last_index", 0):
        found = numbers.shape[axis] - 1 - function(np.flip(numbers, axis), axis)
    else:
        found = function(numbers, axis)
    return Tensor((np.expand_dims(found, axis) if node.get("keepdims", 1) else found).astype(np.int64))


def top_k(node: Node, x: Value, k: Value = None) -> Value:
    """The k largest or smallest along an axis and where they are, of equal ones the first."""
    axis = node.get("axis", -1) % x.ndim
    count = int(node.get("k") if k is None else array(k).reshape(()))
    numbers, n = array(x), x.shape[axis]
    if not 0 <= count <= n:
        raise ShapeError(f"TopK needs a k of at most {n}, got {count}")
    if node.get("largest", 1):
        order = n - 1 - np.flip(np.argsort(np.flip(numbers, axis), axis, kind="stable"), axis)
    else:
        order = np.argsort(numbers, axis, kind="stable")
    found = np.take(order, np.arange(count), axis)
    return x[_along(node, x, Tensor(found), axis)], Tensor(found)


def one_hot(node: Node, indices: Value, depth: Value, values: Value) -> Value:
    n, axis = int(array(depth).reshape(())), node.get("axis", -1)
    off, on = array(values)
    rows = array(indices).astype(np.int64)
    room([*rows.shape, n])
    hot = np.where(rows % n == rows, rows, np.where((rows < 0) & (rows >= -n), rows + n, -1))
    y = np.where(hot[..., None] == np.arange(n), on, off)
    return Tensor(np.moveaxis(y, -1, axis))


def non_zero(node: Node, x: Value) -> Value:
    return Tensor(np.array(np.nonzero(array(x)), np.int64))


def eye_like(node: Node, x: Value) -> Value:
    from yuanli.interchange.operators.casts import dtype_of

    dtype = dtype_of(node.get("dtype")) if "dtype" in node.attributes else array(x).dtype
    rows, columns = array(x).shape
    return value(np.eye(rows, columns, node.get("k", 0), dtype=dtype))


OPERATORS: dict[str, Operator] = {
    "Constant": constant, "ConstantOfShape": constant_of_shape, "Identity": lambda node, x: x,
    "Shape": shape, "Size": size, "Reshape": reshape, "Flatten": flatten, "Transpose": transpose,
    "Squeeze": squeeze, "Unsqueeze": unsqueeze, "Concat": concat, "Split": split, "Slice": slices,
    "Gather": gather, "GatherElements": gather_elements, "GatherND": gather_nd, "Expand": expand,
    "Tile": tile, "Pad": pad, "SpaceToDepth": space_to_depth, "DepthToSpace": depth_to_space,
    "Range": range_, "Trilu": trilu, "ArgMax": arg_extreme, "ArgMin": arg_extreme, "OneHot": one_hot,
    "NonZero": non_zero, "TopK": top_k, "EyeLike": eye_like,
}  # fmt: skip
