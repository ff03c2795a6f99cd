"""Ctrl-C between two steps and never inside one."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(KeyboardInterrupt):
    """Training was stopped by Ctrl-C; the message says after which step and how to go on."""


class Request:
    """Whether somebody has asked for the end."""

    made = False


@contextmanager
def interruptible() -> Iterator[Request]:
    """Inside, the first Ctrl-C (SIGINT) only notes the request; a second one is a KeyboardInterrupt.

    Outside the main thread signals cannot be caught, and nothing changes.
    """
    request = Request()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, frame: FrameType | None) -> None:
        request.made = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield request
    finally:
        signal.signal(signal.SIGINT, before)
