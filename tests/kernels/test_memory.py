"""Memory of arrays that is used again: whose it is, and that none is lost."""

import gc
import itertools
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yuanli.kernels import memory


def test_memory_is_used_again_only_when_nobody_looks_at_it():
    first = memory.empty((300, 1000))
    place = first.ctypes.data
    first[:] = 1
    view = first[::2].T[3:][:, 5:]
    del first
    gc.collect()
    second = memory.empty((300, 1000))
    second[:] = 2
    assert (view == 1).all()
    assert second.ctypes.data != place
    del view
    gc.collect()
    assert memory.empty((1000, 300)).ctypes.data == place


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_what_a_forked_child_writes_is_its_own():
    array = memory.empty((1000, 1000))
    array[:] = 1
    child = os.fork()
    if not child:
        array[:] = 2
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (array == 1).all()


def resident() -> int:
    """Kilobytes of this process that are in memory."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line)
    return int(line.split()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="memory in use is read from /proc")
def test_unused_memory_is_given_back_when_asked():
    gc.collect()
    memory.release()
    held = memory.empty((1000, 1000))
    held[:] = 1
    before = resident()
    memory.zeros((25_000_000,))
    gc.collect()
    assert resident() > before + 90_000
    memory.release()
    assert resident() < before + 10_000
    assert (held == 1).all()


def test_free_places_beside_each_other_become_one():
    region = memory.Region(64 * memory.SMALL)
    starts = [region.take(16 * memory.SMALL) for _ in range(4)]
    assert starts == [0, 16 * memory.SMALL, 32 * memory.SMALL, 48 * memory.SMALL]
    assert region.take(memory.SMALL) is None
    for start in (starts[0], starts[2], starts[1]):
        region.put(16 * memory.SMALL, start)
    assert region.free == [(48 * memory.SMALL, 0)]
    assert region.take(48 * memory.SMALL) == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 20)), max_size=80))
def test_no_two_places_overlap_and_none_is_lost(steps):
    region, held = memory.Region(64 * memory.SMALL), []
    for takes, size in steps:
        if takes:
            start = region.take(size * memory.SMALL)
            if start is None:
                assert all(free < size * memory.SMALL for free, _ in region.free)
            else:
                held.append((start, size * memory.SMALL))
        elif held:
            start, freed = held.pop(size % len(held))
            region.put(freed, start)
        places = sorted(held + [(start, free) for free, start in region.free])
        assert sum(size for _, size in places) == region.size
        assert all(a + size == b for (a, size), (b, _) in itertools.pairwise(places))
        assert region.free == sorted(region.free)
        free = sorted(start for _, start in region.free)
        assert all(region.starts[a] + a < b for a, b in itertools.pairwise(free))  # neighbours are joined


def test_where_addresses_are_few_a_region_is_as_small_as_it_can_be(monkeypatch):
    real = memory.mmap.mmap

    def limited(handle, size, **options):
        if size > 1 << 23:
            raise OSError("Cannot allocate memory")
        return real(handle, size, **options)

    monkeypatch.setattr(memory.mmap, "mmap", limited)
    monkeypatch.setattr(memory, "_regions", [])
    array = memory.zeros((1000, 1000))
    assert memory._regions[0].size < 1 << 23
    assert (array == 0).all()
    with pytest.raises(MemoryError, match="no 40,"):
        memory.empty((10_000_000,))


def test_a_step_that_is_repeated_makes_no_new_blocks(monkeypatch):
    def step():
        held = [memory.empty((100_000 * n,)) for n in (9, 5, 7)]
        del held[1]
        return [memory.empty((100_000 * n,)) for n in (3, 5, 11)], held

    step()
    gc.collect()
    made = []
    real = memory.mmap.mmap
    monkeypatch.setattr(memory.mmap, "mmap", lambda *a, **k: made.append(a) or real(*a, **k))
    for _ in range(3):
        step()
        gc.collect()
    assert not made
