"""The same numbers in other places, and numbers looked up."""

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.interchange.onnx_export import Writer
from yuanli.interchange.rules.arguments import Rule, argument, first, several, shape_of
from yuanli.interchange.tracing import Call


def reshape(w: Writer, a: Call, b: Call) -> str:
    """All that keeps the numbers in their order."""
    name = next(iter(a.arguments))
    return w.reshape(first(w, a, b), (shape_of(a, name), shape_of(b, name)), (a.result.shape, b.result.shape))


def transpose(w: Writer, a: Call, b: Call) -> str:
    order = list(range(a.result.ndim))
    i, j = a.arguments["dim0"], a.arguments["dim1"]
    order[i], order[j] = order[j], order[i]
    return w.node("Transpose", [first(w, a, b)], perm=order)


def permute(w: Writer, a: Call, b: Call) -> str:
    order = [d % a.result.ndim for d in a.arguments["dims"]]
    return w.node("Transpose", [first(w, a, b)], perm=order)


def channel_shuffle(w: Writer, a: Call, b: Call) -> str:
    _, channels, *rest = a.result.shape
    groups = a.arguments["groups"]
    piles = w.node("Reshape", [first(w, a, b), w.integers(0, groups, channels // groups, *rest)])
    dealt = w.node("Transpose", [piles], perm=[0, 2, 1, *range(3, 3 + len(rest))])
    return w.node("Reshape", [dealt, w.integers(0, channels, *rest)])


def cat(w: Writer, a: Call, b: Call) -> str:
    return w.node("Concat", several(w, a, b), axis=a.arguments["dim"])


def stack(w: Writer, a: Call, b: Call) -> str:
    axis = w.integers(a.arguments["dim"] % a.result.ndim)
    return w.node(
        "Concat", [w.node("Unsqueeze", [x, axis]) for x in several(w, a, b)], axis=a.arguments["dim"]
    )


def broadcast_to(w: Writer, a: Call, b: Call) -> str:
    return w.node("Expand", [first(w, a, b), w.shape(a.result.shape, b.result.shape)])


def pad(w: Writer, a: Call, b: Call) -> str:
    """Widths before all axes, then after all; the last axis came first."""
    flat, ndim = tuple(a.arguments["pad"]), a.result.ndim
    pairs = [(0, 0)] * (ndim - len(flat) // 2) + list(zip(flat[::2], flat[1::2], strict=True))[::-1]
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    widths = w.integers(*(before for before, _ in pairs), *(after for _, after in pairs))
    value = w.constant(np.asarray(a.arguments["value"], a.result.dtype))
    return w.node("Pad", [first(w, a, b), widths, value], mode=mode[a.arguments["mode"]])


def getitem(w: Writer, a: Call, b: Call) -> str:
    """Axis after axis: slices, numbers, one array of whole numbers, new axes."""
    index, other = ((c.arguments["index"],) if not isinstance(c.arguments["index"], tuple)
                    else c.arguments["index"] for c in (a, b))  # fmt: skip
    x, shape = first(w, a, b), shape_of(a, "x")
    given = [i for i in index if i is not None and i is not Ellipsis]
    if any(i is Ellipsis for i in index):
        at = next(k for k, i in enumerate(index) if i is Ellipsis)
        rest = (slice(None),) * (len(shape) - len(given))
        index, other = ((*i[:at], *rest, *i[at + 1 :]) for i in (index, other))
    axis, arrays = 0, 0
    gone: list[int] = []
    added: list[int] = []
    for mine, theirs in zip(index, other, strict=True):
        place = axis - len(gone) + len(added)
        if mine is None:
            added.append(place)
            continue
        if isinstance(mine, slice):
            if mine != theirs:
                raise UnsupportedError(f"the slice {mine} depends on the batch")
            x = _sliced(w, x, mine, axis)
        elif isinstance(mine, int | np.integer):
            x = w.node("Slice", [x, w.integers(int(mine)), w.integers(_end(int(mine))), w.integers(axis)])
            gone.append(axis)
        else:
            arrays += 1
            rows = np.asarray(mine)
            alone = rows.ndim == 1 or len(given) == 1
            if arrays > 1 or rows.dtype.kind not in "iu" or not alone:
                raise UnsupportedError(
                    "indexing by several arrays, or by booleans, has no counterpart in ONNX"
                )
            x = w.node("Gather", [x, w.take(mine, theirs, np.int64)], axis=axis)
        axis += 1
    x = w.node("Squeeze", [x, w.integers(*gone)]) if gone else x
    return w.node("Unsqueeze", [x, w.integers(*added)]) if added else x


def _sliced(w: Writer, x: str, by: slice, axis: int) -> str:
    step = 1 if by.step is None else by.step
    if by == slice(None) or (by.start is None and by.stop is None and step == 1):
        return x
    far = np.iinfo(np.int64).max
    start = (0 if step > 0 else far) if by.start is None else by.start
    stop = (far if step > 0 else -far) if by.stop is None else by.stop
    return w.node("Slice", [x, *(w.integers(int(n)) for n in (start, stop, axis, step))])


def _end(index: int) -> int:
    """What follows an index: nothing has a number after the last."""
    return index + 1 if index != -1 else np.iinfo(np.int64).max


def embedding(w: Writer, a: Call, b: Call) -> str:
    return w.node("Gather", [argument(w, a, b, "weight"), argument(w, a, b, "input")], axis=0)


def nearest_few(w: Writer, a: Call, b: Call) -> str:
    k = w.integers(a.arguments["k"])
    return w.node("TopK", [first(w, a, b), k], outputs=2, axis=1, largest=0)


def take_along(w: Writer, a: Call, b: Call) -> str:
    return w.node("GatherElements", [first(w, a, b), argument(w, a, b, "indices", np.int64)], axis=1)


def in_double(w: Writer, a: Call, b: Call) -> str:
    return argument(w, a, b, "input", np.float64)


def in_whole(w: Writer, a: Call, b: Call) -> str:
    return argument(w, a, b, "input", np.int64)


RULES: dict[str, Rule] = {
    **dict.fromkeys(("reshape", "flatten", "squeeze", "unsqueeze"), reshape),
    "transpose": transpose, "permute": permute, "channel_shuffle": channel_shuffle, "cat": cat,
    "stack": stack, "broadcast_to": broadcast_to, "pad": pad, "getitem": getitem, "embedding": embedding,
    "nearest_few": nearest_few, "take_along": take_along, "in_double": in_double, "in_whole": in_whole,
}  # fmt: skip
