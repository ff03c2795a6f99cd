"""On how many threads a model runs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from yuanli.inspection.ledger import ledger
from yuanli.kernels.compiler import set_threads, threads
from yuanli.nn import Module

LITTLE = 200_000_000  # multiply-adds: some 2 ms of one core, and three times that with the way back


@contextmanager
def suitable_threads(work: int) -> Iterator[None]:
    """Inside, steps of little `work` run on one thread, unless YUANLI_THREADS asks for another number.

    Their pieces are shorter than the time threads wait for each other: on a busy machine LeNet-5 on the
    digits took a ninth of the processor's time on one thread instead of two.
    """
    if work >= LITTLE or os.environ.get("YUANLI_THREADS"):
        yield
        return
    before = threads()
    set_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        set_threads(before)


def work_of(model: Module, shape: tuple[int, ...], rows: int) -> int:
    """Multiply-adds for so many rows of `shape`: of images what the ledger counts, else one a parameter."""
    if len(shape) != 3:
        return rows * sum(p.size for p in model.parameters())
    before = model.training
    model.eval()
    counted = ledger(model, shape, rows).macs
    model.train(before)
    return counted
