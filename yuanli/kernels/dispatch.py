"""Which kernels run, compiled ones or their NumPy twins: decided here, once, when the package is imported.

`YUANLI_KERNELS=numpy` asks for the twins, `YUANLI_KERNELS=numba` for the compiled ones; without either, the
compiled kernels run where Numba is installed.
"""

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import TypeVar

from yuanli.errors import UnknownNameError

Kernel = TypeVar("Kernel", bound=Callable)

LARGE = 1 << 16  # elements from which on starting threads (8 µs) costs less than they save


def decide(asked: str | None, numba_installed: bool) -> str:
    """ "numba" or "numpy", from what the user asked for and what there is."""
    if asked not in (None, "", "numba", "numpy"):
        raise UnknownNameError(f"YUANLI_KERNELS must be 'numba' or 'numpy', got {asked!r}")
    if asked == "numba" and not numba_installed:
        raise UnknownNameError("YUANLI_KERNELS=numba needs Numba: pip install numba")
    return asked or ("numba" if numba_installed else "numpy")


KERNELS = decide(os.environ.get("YUANLI_KERNELS"), find_spec("numba") is not None)


def choose(twin: Kernel, compiled: Callable[[], Kernel] | None = None) -> Kernel:
    """The kernel that runs: what `compiled()` returns where compiled kernels run, else the NumPy twin.

    Both have one signature.  `compiled` is a function so that Numba is imported only where it is used.
    """
    return compiled() if compiled and KERNELS == "numba" else twin
