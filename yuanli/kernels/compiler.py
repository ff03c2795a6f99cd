"""How kernels are compiled and on how many threads they run.

Compiled code is kept in a folder named after a hash of the kernel's file and of the kernel files that it
imports, so that an edited kernel, also one whose edit is in a file it only calls, never runs as it was
before, and the others need not be compiled again.  Where no folder can be written, nothing is kept.  Where
the NumPy twins run, Numba is not imported and nothing is compiled.
"""

import ast
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.kernels.dispatch import KERNELS

if KERNELS == "numba" and (_asked := os.environ.get("YUANLI_THREADS")):
    if not _asked.isdecimal() or not 1 <= int(_asked) <= 1024:
        raise ValueRangeError(f"YUANLI_THREADS needs a whole number from 1 to 1024, got {_asked!r}")
    if "numba" not in sys.modules:
        os.environ["NUMBA_NUM_THREADS"] = _asked  # Numba reads it when it is imported

# Threads that wait soon sleep: spinning ones take the cores from the threads they wait for whenever something
# else runs too.  To wake them takes 45 µs, so they spin about as long before.  A LeNet step, asleep at once,
# spinning so long, and ten times as long: 6.2, 5.5, 5.4 ms alone; 14, 16, 42 beside one that never rests.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")

numba: Any = __import__("numba") if KERNELS == "numba" else None


def _cache_folder() -> Path | None:
    """A folder for compiled code that can be written to, or None."""
    for root in (os.environ.get("YUANLI_CACHE"), os.environ.get("XDG_CACHE_HOME"), "~/.cache"):
        if root:
            folder = Path(root).expanduser() / "yuanli" / "kernels"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    return folder
            except OSError:
                continue
    return None


CACHE = _cache_folder() if numba else None


@cache
def _imported(file: Path) -> list[Path]:
    """The kernel files beside this one that a file imports; any name of such a file counts."""
    words: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            words |= {word for name in node.names for word in name.name.split(".")}
            words |= set((getattr(node, "module", None) or "").split("."))
    return [path for path in sorted(Path(__file__).parent.glob("*.py")) if path.stem in words]


@cache
def digest(file: Path) -> str:
    """A hash of a kernel's file and of all kernel files that it needs, whatever folder they lie in."""
    needed, new = {file}, [file]
    while new:
        new = [path for path in _imported(new.pop()) if path not in needed] + new
        needed |= set(new)
    parts = sorted((path.name, hashlib.sha256(path.read_bytes()).hexdigest()) for path in needed)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


class Locator:
    """Where Numba keeps a function's compiled code; see NUMBA_CACHE_LOCATOR_CLASSES in its manual."""

    def __init__(self, function: Callable, file: str) -> None:
        self.line, self.file = function.__code__.co_firstlineno, Path(file)

    from_function = classmethod(lambda cls, function, file: cls(function, file))

    def get_cache_path(self) -> str:
        return str(CACHE / f"{self.file.stem}-{digest(self.file)}") if CACHE else ""

    def ensure_cache_path(self) -> None:
        Path(self.get_cache_path()).mkdir(exist_ok=True)

    def get_source_stamp(self) -> str:
        return digest(self.file)

    def get_disambiguator(self) -> str:
        return str(self.line)


def jit(function: Callable) -> Callable:
    """Numba's `njit`: code is kept where `Locator` says, and numbers divide as NumPy's do, also by zero."""
    if not numba:
        return function
    others = numba.config.CACHE_LOCATOR_CLASSES
    numba.config.CACHE_LOCATOR_CLASSES = f"{__name__}.Locator"
    try:
        options = {"cache": bool(CACHE), "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
        return numba.njit(**options)(function)
    finally:
        numba.config.CACHE_LOCATOR_CLASSES = others


class parallel:
    """Compile a kernel for all threads: each runs it with its own first argument, which says what to `share`.

    It is called without that argument.  In a forked child the one thread does the whole: the pool of threads
    does not survive a fork, and starting it again there is not safe.
    """

    def __init__(self, function: Callable) -> None:
        self.__doc__ = function.__doc__
        self.kernel = jit(function)
        self.in_parts: Callable = self._first

    def __call__(self, *arguments: Any) -> None:
        if self.in_parts(threads(), *arguments):
            raise RuntimeError(f"{self.kernel.__name__} failed")

    def on_one(self, *arguments: Any) -> None:
        """All of it on the thread that asks."""
        if self.in_parts(1, *arguments):
            raise RuntimeError(f"{self.kernel.__name__} failed")

    def _first(self, parts: int, *arguments: Any) -> int | None:
        self.in_parts = _in_parts(self.kernel)
        return self.in_parts(parts, *arguments)


@jit
def share(thread, number):
    """The thread's share of `number` pieces of work, as a range: thread is (which it is, of how many)."""
    k, many = thread
    return range(np.uint64(number * k // many), np.uint64(number * (k + 1) // many))


def _run_in_parts(parts, *arguments):
    return _run_parts(_kernel, parts, arguments)  # noqa: F821, names that `_in_parts` gives


def _in_parts(kernel: Any) -> Callable:
    """A function of the number of parts and the kernel's other arguments, kept with the kernel's file."""
    if not numba:
        return lambda parts, *arguments: kernel((0, 1), *arguments)
    from yuanli.kernels.threads import run_parts, start_threads

    start_threads()
    of, name = kernel.py_func.__code__, f"{kernel.__name__}_in_parts"
    code = _run_in_parts.__code__.replace(
        co_filename=of.co_filename, co_firstlineno=of.co_firstlineno, co_name=name, co_qualname=name
    )
    names = {"_run_parts": run_parts, "_kernel": kernel, "__name__": kernel.__module__}
    return jit(FunctionType(code, names))


def processor_has(feature: str) -> bool:
    """Whether the processor compiled for (NUMBA_CPU_NAME may name another) has "avx2", "avx512f", …"""
    if not numba:
        return False
    import llvmlite.binding as llvm

    if numba.config.CPU_NAME and llvm.get_host_cpu_name() != numba.config.CPU_NAME:
        return f"+{feature}" in (numba.config.CPU_FEATURES or "").split(",")
    return bool(llvm.get_host_cpu_features().get(feature))


AVX512 = processor_has("avx512f")  # 32 registers of 64 bytes


def set_threads(number: int) -> None:
    """Run kernels on this many threads: from 1 to YUANLI_THREADS, or, without that, the cores there are.

    NumPy's BLAS keeps to one thread, whatever the number: its threads and these would wait for each other.
    """
    most = numba.config.NUMBA_NUM_THREADS if numba else 1
    if not isinstance(number, int) or not 1 <= number <= most:
        raise ValueRangeError(f"set_threads needs a whole number from 1 to {most}, got {number!r}")
    global _threads
    _threads = number


def threads() -> int:
    """How many threads kernels run on."""
    return 1 if _forked else _threads


_threads = 1
_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


def _prepare_threads() -> None:
    from threadpoolctl import threadpool_limits

    most, asked = numba.config.NUMBA_NUM_THREADS, int(os.environ.get("YUANLI_THREADS") or 0)
    if asked > most:
        raise ValueRangeError(
            f"YUANLI_THREADS={asked} is more than the {most} threads of Numba, which was imported before: "
            "import yuanli first, or set NUMBA_NUM_THREADS too"
        )
    set_threads(asked or most)
    threadpool_limits(1, user_api="blas")
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)


def _say_when_compiling() -> None:
    """Say once that it takes a while, when something is compiled that is not kept from last time."""
    from numba.core import event

    class Notice(event.Listener):
        said = False

        def on_start(self, event: Any) -> None:
            if not self.said:
                self.said = True
                kept = "kept for next time" if CACHE else "kept nowhere: no cache folder can be written"
                print(f"yuanli: compiling kernels for this processor ({kept}) …", file=sys.stderr, flush=True)

        def on_end(self, event: Any) -> None:
            pass

    event.register("numba:compile", Notice())


if numba:
    _prepare_threads()
    _say_when_compiling()
