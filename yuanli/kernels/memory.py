"""Large arrays whose memory is used again: fresh pages cost as much time as the arithmetic done in them.

`empty` takes a place that nobody looks at any more, or a new one.  A place comes back by itself when the last
view of the array dies, so nobody needs to know, and joins the free ones beside it: what small arrays leave, a
large one can take.  The smallest free place that suffices is taken (best fit), which after a step or two of a
training needs within 5 % of what is in use at once.  What was used stays with the process until `release`.
"""

import math
import mmap
from bisect import bisect_left, insort
from collections import deque
from threading import Lock

import numpy as np

SMALL = 1 << 16  # bytes under which NumPy's own memory is as good, and of which places are multiples
REGION = 1 << 30  # bytes of addresses taken at a time; the system makes pages of them as they are touched
PAGE = 1 << 21  # bytes of a huge page
# A private mapping: what a forked child writes is its own, and the system can back it with huge pages.
PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


class Region:
    """Addresses from 0 to `size`, and which of them are free."""

    def __init__(self, size: int) -> None:
        self.size = size
        try:
            self.memory = mmap.mmap(-1, size, **PRIVATE)
        except OSError:
            raise MemoryError(f"the system has no {size:,} bytes for an array") from None
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self.memory.madvise(mmap.MADV_HUGEPAGE)
        self.free = [(size, 0)]  # (size, start), sorted
        self.starts, self.ends = {0: size}, {size: 0}

    def take(self, size: int) -> int | None:
        """The start of a place, the smallest that suffices; None where there is none."""
        first = bisect_left(self.free, (size, 0))
        if first == len(self.free):
            return None
        found, start = self.free[first]
        self._remove(found, start)
        if found > size:
            self._add(found - size, start + size)
        return start

    def put(self, size: int, start: int) -> None:
        """The place is free again, and one with its free neighbours."""
        if start in self.ends:
            before = self.ends[start]
            self._remove(start - before, before)
            size, start = size + start - before, before
        if start + size in self.starts:
            after = self.starts[start + size]
            self._remove(after, start + size)
            size += after
        self._add(size, start)

    def forget(self) -> None:
        """Give the pages of free places back to the system."""
        if hasattr(mmap, "MADV_DONTNEED"):
            for size, start in self.free:
                self.memory.madvise(mmap.MADV_DONTNEED, start, size)

    def _add(self, size: int, start: int) -> None:
        insort(self.free, (size, start))
        self.starts[start], self.ends[start + size] = size, start

    def _remove(self, size: int, start: int) -> None:
        del self.free[bisect_left(self.free, (size, start))]
        del self.starts[start], self.ends[start + size]


_regions: list[Region] = []
_lock = Lock()
# Places to be put back: garbage collection may find them while another is being taken, and cannot wait.
_left: deque[tuple[Region, int, int]] = deque()


class _Lease(np.ndarray):
    """The one array that looks at a place itself; every other is a view of this one, and so keeps it alive.

    NumPy shortens chains of views, but not past an array of another class; so this has a class of its own.
    """

    place: tuple[Region, int, int]

    def __del__(self, left=_left) -> None:  # a default outlives the module's names at exit
        left.append(self.place)


def empty(shape, dtype=np.float32) -> np.ndarray:
    """An array with whatever numbers the memory held before, as np.empty.  Raises: MemoryError."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size < SMALL:
        return np.empty(shape, dtype)
    return np.ndarray(shape, dtype, _lease(-(-size // SMALL) * SMALL))


def zeros(shape, dtype=np.float32) -> np.ndarray:
    """Such an array, filled with 0."""
    array = empty(shape, dtype)
    array[...] = 0
    return array


def release() -> None:
    """Give what is not in use back to the system."""
    with _lock:
        _put_back()
        _regions[:] = [region for region in _regions if region.free != [(region.size, 0)]]
        for region in _regions:
            region.forget()


def _lease(size: int) -> _Lease:
    with _lock:
        _put_back()
        for region in _regions:
            start = region.take(size)
            if start is not None:
                break
        else:
            region = _new_region(size)
            start = region.take(size)
            assert start is not None
            _regions.append(region)
    lease = _Lease((size,), np.uint8, region.memory, start)
    lease.place = region, size, start
    return lease


def _put_back() -> None:
    while _left:
        region, size, start = _left.popleft()
        region.put(size, start)


def _new_region(size: int) -> Region:
    """REGION bytes of addresses or, where those are limited, no more than needed."""
    try:
        return Region(max(REGION, -(-size // PAGE) * PAGE))
    except MemoryError:
        return Region(size)
