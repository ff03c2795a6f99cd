"""Large arrays whose memory is used again: fresh pages cost as much time as the arithmetic done in them.

`empty` takes a block that nobody looks at any more, or a new one.  A block comes back by itself when the last
view of the array dies, so nobody needs to know.  A training step needs again what the last one left, so kept
are as many blocks as a third more than were ever in use at once; then the longest unused are given up.
"""

import math
import mmap
import threading

import numpy as np

SMALL = 1 << 16  # bytes under which NumPy's own memory is as good
PAGE = 1 << 21  # bytes of a huge page, which the system can back blocks with from this size on
ROUND = 8 * PAGE  # from this size on blocks are multiples of huge pages; smaller ones would waste much
ENOUGH = 1 << 26  # bytes of blocks that are never too many
# A private mapping: what a forked child writes is its own, and the system can back it with huge pages.
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}

_unused: dict[int, list[mmap.mmap]] = {}  # by size, the sizes last used last
_lock = threading.RLock()  # a block may come back, by garbage collection, while another is being taken
_used = _most_used = _kept = 0  # bytes


def _give_back(block: mmap.mmap, size: int) -> None:
    global _used, _kept
    with _lock:
        _unused.setdefault(size, []).append(block)
        _used -= size
        _kept += size
        # sizes do not fit each other exactly: with no room to spare a MobileNet v2 step gives up 113 blocks
        # that the next one needs, and an LSTM's a fifth of its time; with a third more, none
        while _used + _kept > max(_most_used * 4 // 3, ENOUGH):
            oldest = next(iter(_unused))
            _unused[oldest].pop()
            _kept -= oldest
            if not _unused[oldest]:
                del _unused[oldest]


def release() -> None:
    """Give all blocks that are not in use back to the system, and forget how many were."""
    global _most_used, _kept
    with _lock:
        _unused.clear()
        _most_used, _kept = _used, 0


class _Lease(np.ndarray):
    """The one array that looks at a block itself; every other is a view of this one, and so keeps it alive.

    NumPy shortens chains of views, but not past an array of another class; so this has a class of its own.
    """

    def __del__(self, give_back=_give_back) -> None:  # a default outlives the module's names at exit
        give_back(self.base, self.nbytes)


def empty(shape, dtype=np.float32) -> np.ndarray:
    """An array with whatever numbers the memory held before, as np.empty."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    step = SMALL if size < ROUND else PAGE
    size = -(-size // step) * step
    return np.ndarray(shape, dtype, _lease(size))


def zeros(shape, dtype=np.float32) -> np.ndarray:
    """Such an array, filled with 0."""
    array = empty(shape, dtype)
    array[...] = 0
    return array


def _lease(size: int) -> _Lease:
    global _used, _most_used, _kept
    with _lock:
        if size not in _unused:  # one that is a little too large will do
            size = min((s for s in _unused if size < s <= size * 5 // 4), default=size)
        blocks = _unused.pop(size, None)
        if blocks:
            block = blocks.pop()
            _kept -= size
            if blocks:
                _unused[size] = blocks
        else:
            block = mmap.mmap(-1, size, **PRIVATE)
            if size >= PAGE and hasattr(mmap, "MADV_HUGEPAGE"):
                block.madvise(mmap.MADV_HUGEPAGE)
        _used += size
        _most_used = max(_most_used, _used)
    return _Lease((size,), np.uint8, block)
