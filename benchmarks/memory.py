"""The most memory that training steps need, each side in a process of its own."""

import ctypes
import gc
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.timing import Timing
from benchmarks.training_steps import TRAINING_STEPS, TrainingStep, our_step, torch_step
from yuanli import nn, ops
from yuanli.kernels import memory

STEPS = 3
SECONDS = 240  # for a side


@dataclass(frozen=True)
class PeakMemory:
    """Megabytes that a network and three steps add at most to a process that holds the batch.

    A network has made a step on two examples before and is gone: kernels are loaded, threads are started.
    """

    name: str
    target = 1.0

    def measure(self) -> dict[str, Timing]:
        """A library's name and its megabytes."""
        found = {}
        for side in ("yuanli", "torch", "torch channels-last"):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.memory", self.name, side],
                check=True,
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
            megabytes = float(done.stdout)
            found[side] = Timing(megabytes, megabytes, megabytes, 1, 1)
        return found


def _peak(row: TrainingStep, side: str) -> float:
    x, y = row.batch()
    _step(row, side, x, y)()
    gc.collect()
    memory.release()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status("VmRSS")
    step = _step(row, side, x, y)
    for _ in range(STEPS):
        step()
    return (_status("VmHWM") - before) / 1024


def _step(row: TrainingStep, side: str, x, y):
    if side == "yuanli":
        return our_step(row.net(nn, ops), x, y)
    layout = torch.channels_last if side == "torch channels-last" else None
    return torch_step(row.net, None, x, y, layout)


def _status(what: str) -> int:
    """Kilobytes of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1])
    raise OSError(f"/proc/self/status does not tell {what}")


PEAKS = tuple(
    PeakMemory(row.name) for row in TRAINING_STEPS if isinstance(row, TrainingStep) and len(row.shape) == 4
)


if __name__ == "__main__":
    torch.set_num_threads(2)
    name, side = sys.argv[1:]
    row = next(row for row in TRAINING_STEPS if row.name == name)
    assert isinstance(row, TrainingStep)
    print(_peak(row, side))
