"""How kernels are compiled and on how many threads they run.  Importing this module imports Numba.

Compiled code is kept in a folder named after a hash of the sources in this one, so that an edited kernel,
also one whose edit is in a file it only calls, never runs as it was before.  Where no folder can be written,
nothing is kept.
"""

import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
from numba.core import event

from yuanli.errors import ValueRangeError


_numba: Any = numba.config  # its settings, which are not declared anywhere


def _cache_folder() -> str | None:
    """A folder for compiled code that can be written to, or None."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]
    asked = os.environ.get("YUANLI_CACHE") or os.environ.get("XDG_CACHE_HOME")
    for root in (asked, "~/.cache"):
        if root:
            folder = Path(root).expanduser() / "yuanli" / "kernels" / digest
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    return str(folder)
            except OSError:
                continue
    return None


CACHE = _cache_folder()
if CACHE:
    _numba.CACHE_DIR = CACHE


def jit(function: Callable) -> Callable:
    """Compile `function` for one thread."""
    return numba.njit(cache=bool(CACHE), nogil=True)(function)


def parallel(function: Callable) -> Callable:
    """Compile `function`, whose `prange` loops run on all threads."""
    return numba.njit(cache=bool(CACHE), nogil=True, parallel=True)(function)


def _has_avx512() -> bool:
    """Whether the processor compiled for (NUMBA_CPU_NAME may name another) has 32 registers of 64 bytes."""
    if _numba.CPU_NAME and llvm.get_host_cpu_name() != _numba.CPU_NAME:
        return "+avx512f" in (_numba.CPU_FEATURES or "")
    return bool(llvm.get_host_cpu_features().get("avx512f"))


AVX512 = _has_avx512()


def set_threads(number: int) -> None:
    """Run kernels on this many threads, from 1 to as many as YUANLI_THREADS said at the start, or cores."""
    most = _numba.NUMBA_NUM_THREADS
    if not 1 <= number <= most:
        raise ValueRangeError(f"set_threads needs a number from 1 to {most}, got {number}")
    numba.set_num_threads(number)


def threads() -> int:
    """How many threads kernels run on."""
    return numba.get_num_threads()


class _Notice(event.Listener):
    """Says once that compiling takes a while."""

    def __init__(self) -> None:
        self.said = False

    def on_start(self, event: event.Event) -> None:
        if not self.said:
            self.said = True
            kept = "kept for next time" if CACHE else "nowhere to keep them: no folder can be written"
            print(f"yuanli: compiling kernels for this processor ({kept}) …", file=sys.stderr, flush=True)

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:compile", _Notice())
