"""What a training is made of and how far it has come; everything of it that changes, as a tree to save."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from yuanli import random
from yuanli.errors import CheckpointError
from yuanli.nn import Module
from yuanli.optim import Optimizer, StoppingRule
from yuanli.tensor import Tensor

if TYPE_CHECKING:
    from yuanli.data.batches import Batches
    from yuanli.data.streams import Streams

FORMAT = 2
SAVED = ("step", "epoch", "seconds", "sums", "carried", "rows", "reason", "best")

Loss = Callable[[Tensor, np.ndarray], Tensor]
Metric = Callable[[np.ndarray, np.ndarray], float]  # (scores, targets) -> the mean over the batch


@dataclass
class Training:
    """One training: its parts, and the counters that move.  `fit` makes and runs it, hooks see it."""

    model: Module
    loss: Loss
    optimizer: Optimizer
    batches: "Batches | Streams"
    epochs: int
    metric: Metric | None = None
    validation: "Batches | Streams | None" = None
    stop_at_step: StoppingRule | None = None
    stop_at_epoch: StoppingRule | None = None

    step: int = 0  # optimiser steps made
    epoch: int = 0  # epochs finished
    seconds: float = 0.0
    sums: dict[str, float] = field(default_factory=dict)  # over this epoch's examples so far
    carried: list[np.ndarray] | None = None  # the states of a recurrent model after the last batch
    rows: list[dict[str, Any]] = field(default_factory=list)  # one an epoch: the learning curves
    reason: str = ""  # why it ended before its last epoch
    best: dict[str, np.ndarray] = field(
        default_factory=dict
    )  # weights after the epoch of least validation loss

    def add(self, value: float, scores: np.ndarray, y: np.ndarray) -> None:
        """Count a batch whose mean loss was `value` into this epoch's sums."""
        count(self.sums, value, self.metric, scores, y)

    @property
    def is_over(self) -> bool:
        return bool(self.reason) or self.epoch >= self.epochs

    def means(self) -> dict[str, float]:
        """Mean loss and metric over this epoch's examples so far."""
        return means(self.sums)


def count(
    sums: dict[str, float], value: float, metric: Metric | None, scores: np.ndarray, y: np.ndarray
) -> None:
    """Add a batch whose mean loss was `value` to `sums`; each number to predict is an example."""
    new = {"examples": y.size, "loss": value * y.size}
    if metric is not None:
        new[metric.__name__] = metric(scores, y) * y.size
    for name, amount in new.items():
        sums[name] = sums.get(name, 0) + amount


def means(sums: dict[str, float]) -> dict[str, float]:
    """The mean loss and metric of the examples counted."""
    return {name: total / sums["examples"] for name, total in sums.items() if name != "examples"}


class Hook:
    """What else is to happen around the loop: override any of these."""

    def on_start(self, training: Training) -> None: ...
    def on_step(self, training: Training) -> None: ...
    def on_epoch(self, training: Training) -> None: ...
    def on_interrupt(self, training: Training) -> None: ...
    def on_end(self, training: Training) -> None: ...


def snapshot(training: Training) -> dict[str, Any]:
    """Everything that changes while training: weights, optimiser, shuffling, stopping rules, every generator.

    The schedule is a function of the step and the options are in the run's config: neither changes.
    """
    moving = {
        "format": FORMAT,
        "training": {name: getattr(training, name) for name in SAVED},
        "model": training.model.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "batches": training.batches.state(),
        "stopping": [rule.state_dict() for rule in rules(training)],
        "generators": [rng.bit_generator.state for rng in generators(training)],
    }
    return copy.deepcopy(moving)  # what is kept must not go on changing


def restore(training: Training, saved: dict[str, Any]) -> None:
    """Put a snapshot back into a training of the same parts.  Raises CheckpointError where they differ."""
    if saved.get("format") != FORMAT:
        raise CheckpointError(f"a checkpoint of format {FORMAT} is needed, got {saved.get('format')!r}")
    parts: dict[str, list] = {"generators": generators(training), "stopping": rules(training)}
    for name, own in parts.items():
        if len(own) != len(saved[name]):
            raise CheckpointError(f"the checkpoint has {len(saved[name])} {name}, this training {len(own)}")
    training.model.load_state_dict(saved["model"])
    training.optimizer.load_state_dict(saved["optimizer"])
    training.batches.load_state(saved["batches"])
    for rule, state in zip(rules(training), saved["stopping"], strict=True):
        rule.load_state_dict(state)
    for rng, state in zip(generators(training), saved["generators"], strict=True):
        rng.bit_generator.state = state
    for name in SAVED:
        setattr(training, name, saved["training"][name])


def generators(training: Training) -> list[np.random.Generator]:
    """The package's own generator, then those that layers draw from."""
    return [random.generator(), *training.model.generators()]


def rules(training: Training) -> list[StoppingRule]:
    return [rule for rule in (training.stop_at_step, training.stop_at_epoch) if rule is not None]
