"""Independent pieces of work, one a thread, that Ctrl-C stops."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from yuanli.kernels.compiler import set_threads, threads


class Stopped(Exception):
    """Another piece has failed, or Ctrl-C came: the answer is not wanted any more."""


def share_out(work: Callable[[int, Callable[[], None]], Any], number: int) -> list[Any]:
    """[work(0, check), …, work(number − 1, check)]; `check` raises where the work is not wanted any more.

    Work calls `check` several times a second.  One piece has all threads to itself.
    """
    many = min(threads(), number)
    if many <= 1:
        return [work(i, lambda: None) for i in range(number)]
    stop = threading.Event()

    def check() -> None:
        if stop.is_set():
            raise Stopped

    with ThreadPoolExecutor(many, initializer=set_threads, initargs=(1,)) as pool:
        tasks = [pool.submit(work, i, check) for i in range(number)]
        try:
            for task in as_completed(tasks):
                task.result()
        except BaseException:
            stop.set()
            for task in tasks:
                task.cancel()
            raise
    return [task.result() for task in tasks]
