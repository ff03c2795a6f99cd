"""Interleaved timing that notices when something else uses the machine."""

import os
import statistics
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

FOREIGN_LIMIT = 0.06  # cores used by other processes above which a measurement is set aside
BATCH_SECONDS = 0.1  # calls shorter than this are timed many at a time


@dataclass(frozen=True)
class Timing:
    """Milliseconds a call: median and quartiles over the quiet batches, and how many of those there were."""

    median: float
    low: float
    high: float
    quiet: int
    batches: int


def interleaved(
    steps: dict[str, Callable[[], object]],
    seconds: float = 20.0,
    rounds: int = 12,
    warm: Collection[str] = (),
) -> dict[str, Timing]:
    """Time every step in turn, round after round, so that all meet the same moments of the machine.

    Each is called before it is timed, unless it is `warm`: it has run, and takes long.

    A batch during which other processes used more than FOREIGN_LIMIT cores does not count, unless fewer than
    three batches of that step were quiet; `Timing.quiet` tells.
    """
    quiet: dict[str, list[float]] = {name: [] for name in steps}
    every: dict[str, list[float]] = {name: [] for name in steps}
    for name, step in steps.items():
        for _ in range(0 if name in warm else 2):
            step()
    start = time.perf_counter()
    while time.perf_counter() - start < seconds and min(map(len, quiet.values())) < rounds:
        for name, step in steps.items():
            if name not in warm:
                step()
            milliseconds, foreign = _batch(step)
            every[name].append(milliseconds)
            if foreign < FOREIGN_LIMIT:
                quiet[name].append(milliseconds)
    return {name: _summary(quiet[name], every[name]) for name in steps}


def foreign_load(seconds: float = 0.5) -> float:
    """Cores that other processes use at present."""
    busy, own, start = _busy(), sum(os.times()[:2]), time.perf_counter()
    time.sleep(seconds)
    return max(0.0, (_busy() - busy - (sum(os.times()[:2]) - own)) / (time.perf_counter() - start))


def _batch(step: Callable[[], object]) -> tuple[float, float]:
    """Median milliseconds of one call within a batch, and the cores others used meanwhile."""
    busy, own, start, times = _busy(), sum(os.times()[:2]), time.perf_counter(), []
    while time.perf_counter() - start < BATCH_SECONDS:
        t = time.perf_counter()
        step()
        times.append(time.perf_counter() - t)
    wall = time.perf_counter() - start
    return statistics.median(times) * 1e3, (_busy() - busy - (sum(os.times()[:2]) - own)) / wall


def _summary(quiet: list[float], every: list[float]) -> Timing:
    kept = quiet if len(quiet) >= 3 else every
    low, median, high = statistics.quantiles(kept, n=4) if len(kept) > 1 else kept * 3
    return Timing(median, low, high, len(quiet), len(every))


def _busy() -> float:
    """Seconds of processor time used by all processes since the machine started; 0 where that is not told."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system, _, _, *interrupts = map(int, stat.read_text().split("\n", 1)[0].split()[1:9])
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")
