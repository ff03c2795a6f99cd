"""The most memory that training steps need, each side in a process of its own."""

import gc
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.timing import Timing
from benchmarks.training_steps import TRAINING_STEPS, TrainingStep

STEPS = 3


@dataclass(frozen=True)
class PeakMemory:
    """Megabytes that three steps add at most to what a process uses that has made one small step before."""

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
            )
            megabytes = float(done.stdout)
            found[side] = Timing(megabytes, megabytes, megabytes, 1, 1)
        return found


def _peak(row: TrainingStep, side: str) -> float:
    small = TrainingStep(row.name, row.target, row.net, (2, *row.shape[1:]), row.classes, row.words)
    small.steps()[side]()  # kernels are loaded, threads started
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _status("VmRSS")
    step = row.steps()[side]
    for _ in range(STEPS):
        step()
    return (_status("VmHWM") - before) / 1024


def _status(what: str) -> int:
    """Kilobytes of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1])
    raise OSError(f"/proc/self/status does not tell {what}")


PEAKS = tuple(
    PeakMemory(row.name)
    for row in TRAINING_STEPS
    if isinstance(row, TrainingStep) and row.name.startswith(("LeNet", "ResNet", "VGG", "DenseNet"))
)


if __name__ == "__main__":
    torch.set_num_threads(2)
    name, side = sys.argv[1:]
    row = next(row for row in TRAINING_STEPS if row.name == name)
    assert isinstance(row, TrainingStep)
    print(_peak(row, side))
