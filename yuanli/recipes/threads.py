"""On how many threads a model runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from yuanli.kernels.compiler import set_threads, threads

SMALL = 1_000_000  # parameters


@contextmanager
def suitable_threads(parameters: int) -> Iterator[None]:
    """Inside, a small model runs on one thread, unless YUANLI_THREADS asks for another number.

    Its pieces of work are shorter than the time threads wait for each other: on a busy machine LeNet-5 on the
    digits took a ninth of the processor's time on one thread instead of two.
    """
    if parameters >= SMALL or os.environ.get("YUANLI_THREADS"):
        yield
        return
    before = threads()
    set_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        set_threads(before)
