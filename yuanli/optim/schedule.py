"""Learning-rate schedules: the factor of the base learning rate at step t = 0, 1, 2, …

Pure functions of the step number, so there is nothing to save: `optimizer.lr = base_lr * schedule(step)`.
The step may count whatever one likes, batches or epochs.
"""

import math
from dataclasses import dataclass, field

from yuanli.errors import DTypeError, ValueRangeError
from yuanli.optim.optimizer import at_least_0, positive


class Schedule:
    """`schedule(step)` is the factor at that step."""

    def __call__(self, step: int) -> float:
        at_least_0(self, step=step)
        return self.factor(step)

    def factor(self, t: int) -> float:
        raise NotImplementedError


@dataclass(frozen=True)
class Constant(Schedule):
    """1"""

    def factor(self, t: int) -> float:
        return 1.0


@dataclass(frozen=True)
class Step(Schedule):
    """γ^⌊t / every⌋: a factor γ less every so many steps.  torch's StepLR."""

    every: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        positive(self, every=self.every, gamma=self.gamma)

    def factor(self, t: int) -> float:
        return self.gamma ** (t // self.every)


@dataclass(frozen=True)
class MultiStep(Schedule):
    """γ^(how many of the `milestones` are not after t): a factor γ less at each.  torch's MultiStepLR.

    He 2015, arXiv:1512.03385, section 4.2: γ = 0.1 at half and at three quarters of the training.
    """

    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __post_init__(self) -> None:
        positive(self, gamma=self.gamma)
        for milestone in self.milestones:
            at_least_0(self, milestone=milestone)

    def factor(self, t: int) -> float:
        return self.gamma ** sum(milestone <= t for milestone in self.milestones)


@dataclass(frozen=True)
class Exponential(Schedule):
    """γᵗ.  torch's ExponentialLR."""

    gamma: float

    def __post_init__(self) -> None:
        positive(self, gamma=self.gamma)

    def factor(self, t: int) -> float:
        return self.gamma**t


@dataclass(frozen=True)
class InverseTime(Schedule):
    """1 / (1 + k t).  Robbins & Monro 1951: the steps' sum diverges and the sum of their squares does not."""

    k: float

    def __post_init__(self) -> None:
        at_least_0(self, k=self.k)

    def factor(self, t: int) -> float:
        return 1 / (1 + self.k * t)


@dataclass(frozen=True)
class Cosine(Schedule):
    """f + (1 − f)·(1 + cos(π t / T)) / 2: from 1 down to `final` f over T `steps`, and constant from there.

    Loshchilov & Hutter 2016, arXiv:1608.03983, eq. 5.  torch's CosineAnnealingLR, which rises again after T.
    """

    steps: int
    final: float = 0.0

    def __post_init__(self) -> None:
        positive(self, steps=self.steps)
        at_least_0(self, final=self.final)

    def factor(self, t: int) -> float:
        return _cosine(1.0, self.final, min(t / self.steps, 1.0))


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up from 1/div to 1 over the first part `rise` of T `steps`, then down to 1/(div·final_div); by cosines.

    The base learning rate is the highest.  Smith & Topin 2017, arXiv:1708.07120.  torch's OneCycleLR, also in
    that T steps are t = 0 … T − 1 and the top is at t = rise·T − 1; constant afterwards, where torch refuses.
    """

    steps: int
    rise: float = 0.3
    div: float = 25.0
    final_div: float = 1e4

    def __post_init__(self) -> None:
        positive(self, steps=self.steps, rise=self.rise, div=self.div, final_div=self.final_div)
        if not 1 < self.rise * self.steps < self.steps:
            raise ValueRangeError(
                f"OneCycle needs more than one step up and a rise < 1, got {self.rise} of {self.steps} steps"
            )

    def factor(self, t: int) -> float:
        top, last = self.rise * self.steps - 1, self.steps - 1
        if t <= top:
            return _cosine(1 / self.div, 1.0, t / top)
        return _cosine(1.0, 1 / (self.div * self.final_div), min((t - top) / (last - top), 1.0))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """(t + 1) / n over the first n `steps`, then the schedule `then` from its own step 0.

    Goyal 2017, arXiv:1706.02677, section 2.2 (gradual warm-up).
    """

    steps: int
    then: Schedule = field(default_factory=Constant)

    def __post_init__(self) -> None:
        positive(self, steps=self.steps)
        if not isinstance(self.then, Schedule):
            raise DTypeError(f"WarmUp needs a Schedule to go on with, got {self.then!r:.40}")

    def factor(self, t: int) -> float:
        return (t + 1) / self.steps if t < self.steps else self.then(t - self.steps)


def _cosine(start: float, end: float, part: float) -> float:
    """From start to end along half a cosine, at a part between 0 and 1 of the way."""
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2
