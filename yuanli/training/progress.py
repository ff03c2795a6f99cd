"""How training is going: a live bar on a terminal, a plain line an epoch elsewhere."""

import math
import sys
import threading
import time
from types import TracebackType
from typing import Any, Self

from yuanli.training.state import Hook, Training


def progress(stream: Any = None) -> Hook:
    """A bar when `stream` (stderr) is a terminal, plain lines when it is a file or a pipe."""
    stream = stream or sys.stderr
    return Bar(stream) if stream.isatty() else Lines(stream)


class Lines(Hook):
    """A line an epoch: `epoch 3/10  loss 0.2134 accuracy 0.9412  validation …  lr 0.001  0:12 left`.

    At most one every `every` seconds, and always the first and the last: small data has many epochs.
    """

    def __init__(self, stream: Any, every: float = 1.0) -> None:
        self.stream = stream
        self.every = every
        self.last = -math.inf

    def on_start(self, training: Training) -> None:
        self.before = training.seconds, training.epoch

    def on_epoch(self, training: Training) -> None:
        now = time.monotonic()
        if now - self.last < self.every and not training.is_over:
            return
        self.last = now
        seconds, epoch = self.before
        left = (training.seconds - seconds) / (training.epoch - epoch) * (training.epochs - training.epoch)
        row = training.rows[-1]
        line = f"epoch {training.epoch}/{training.epochs}  {describe(row)}  lr {row['lr']:.2g}"
        print(f"{line}  {clock(left)} left", file=self.stream, flush=True)

    def on_end(self, training: Training) -> None:
        if training.reason:
            print(f"stopped after epoch {training.epoch}: {training.reason}", file=self.stream, flush=True)


class Bar(Hook):
    """A Rich progress bar over all steps, with the running loss and metric of the epoch and the time left."""

    def __init__(self, stream: Any) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}  {task.fields[numbers]}"),
            TimeRemainingColumn(compact=True),
            console=Console(file=stream),
        )

    def on_start(self, training: Training) -> None:
        total = training.epochs * len(training.batches)
        self.task = self.bar.add_task(
            "", total=total, completed=training.step, epoch=where(training), numbers=""
        )
        self.bar.start()

    def on_step(self, training: Training) -> None:
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in training.means().items())
        self.bar.update(self.task, completed=training.step, epoch=where(training), numbers=numbers)

    def on_epoch(self, training: Training) -> None:
        row = training.rows[-1]
        self.bar.console.print(f"epoch {training.epoch}/{training.epochs}  {describe(row)}", highlight=False)

    def on_end(self, training: Training) -> None:
        self.bar.stop()
        if training.reason:
            self.bar.console.print(
                f"stopped after epoch {training.epoch}: {training.reason}", highlight=False
            )


class Waiting(Hook):
    """How long there is no epoch to count: `with Waiting(stream, "gbdt"):`, over at the first `on_start`.

    A clock that ticks on a terminal; elsewhere a line every `every` seconds, `gbdt is learning, 1:00 so far`.
    """

    def __init__(self, stream: Any, name: str, every: float = 30.0) -> None:
        self.stream, self.name = stream, name
        self.every = 0.5 if stream.isatty() else every
        self.over = threading.Event()
        self.clock = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        self.clock.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.clock.join()

    def on_start(self, training: Training) -> None:
        self.__exit__(None, None, None)

    def _tick(self) -> None:
        began = time.monotonic()
        start, end = ("\r", "") if self.stream.isatty() else ("", "\n")
        line = ""
        while not self.over.wait(self.every):
            line = f"{self.name} is learning, {clock(time.monotonic() - began)} so far"
            print(f"{start}{line}", end=end, file=self.stream, flush=True)
        if line and start:
            print(f"\r{' ' * len(line)}\r", end="", file=self.stream, flush=True)


def where(training: Training) -> str:
    """The epoch under way, of how many."""
    return f"{min(training.epoch + 1, training.epochs)}/{training.epochs}"


def describe(row: dict[str, Any]) -> str:
    """A row of the learning curves in words: `loss 2.181 accuracy 0.2583  validation loss …`."""
    parts = {name: [key for key in row if key.startswith(name)] for name in ("train_", "validation_")}
    texts = [
        " ".join(f"{key.removeprefix(name)} {row[key]:.4g}" for key in keys) for name, keys in parts.items()
    ]
    return "  validation ".join(filter(None, texts))


def clock(seconds: float) -> str:
    """87.4 → "1:27"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
