"""The loop, its hooks and metrics, checkpoints, and a run's folder."""

from yuanli.training.checkpoint import Checkpoints
from yuanli.training.interrupt import Interrupted
from yuanli.training.loop import fit, judge, predict
from yuanli.training.run import Run
from yuanli.training.state import Hook, Training, restore, snapshot

__all__ = [
    "Checkpoints",
    "Hook",
    "Interrupted",
    "Run",
    "Training",
    "fit",
    "judge",
    "predict",
    "restore",
    "snapshot",
]
