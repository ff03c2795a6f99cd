"""Stopping rules: each looks at how training goes and says, when it is time, why to stop.

    rule = FirstOf(MaxSteps(1000), SmallGradient(1e-4), NoImprovement(patience=5))
    if reason := rule.check(Progress(step=12, value=0.31, gradient_norm=0.2)):
        print(reason)

A rule that waits remembers a few numbers: `state_dict()` gives them, `load_state_dict()` continues.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from yuanli.errors import CheckpointError, ValueRangeError
from yuanli.optim.optimizer import at_least_0, positive


class Going(Protocol):
    """What a rule looks at; anything with these attributes will do."""

    step: int  # steps made
    value: float  # of the loss
    gradient_norm: float
    score: float | None  # on validation data, or None when it was not taken this time


@dataclass
class Progress:
    """How training goes, after a step."""

    step: int = 0
    value: float = float("inf")
    gradient_norm: float = float("inf")
    score: float | None = None


class StoppingRule:
    """`check(progress)` is the reason to stop, or None."""

    remembered: tuple[str, ...] = ()

    def check(self, progress: Going) -> str | None:
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """The plain numbers a continued training needs."""
        return {name: getattr(self, name) for name in self.remembered}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict()`."""
        if set(state) != set(self.remembered):
            raise CheckpointError(
                f"{type(self).__name__} needs a state of {list(self.remembered)}, got {list(state)}"
            )
        for name, value in state.items():
            setattr(self, name, value)


class MaxSteps(StoppingRule):
    """Stop after so many steps."""

    def __init__(self, steps: int) -> None:
        positive(self, steps=steps)
        self.steps = steps

    def check(self, progress: Going) -> str | None:
        if progress.step >= self.steps:
            return f"{progress.step} steps made, at most {self.steps} wanted"
        return None


class SmallGradient(StoppingRule):
    """Stop where the loss is flat: ‖∇L‖ ≤ tolerance."""

    def __init__(self, tolerance: float) -> None:
        at_least_0(self, tolerance=tolerance)
        self.tolerance = tolerance

    def check(self, progress: Going) -> str | None:
        if progress.gradient_norm <= self.tolerance:
            return f"the gradient's norm {progress.gradient_norm:.3g} is at most {self.tolerance:g}"
        return None


class Converged(StoppingRule):
    """Stop when the loss has changed by at most `tolerance` at `patience` checks running.

    |L_t − L_{t−1}| ≤ tolerance; on mini-batches the loss is noisy, so check it once an epoch.
    """

    remembered = ("last", "still")

    def __init__(self, tolerance: float, patience: int = 1) -> None:
        at_least_0(self, tolerance=tolerance)
        positive(self, patience=patience)
        self.tolerance, self.patience = tolerance, patience
        self.last: float | None = None
        self.still = 0  # checks running without change

    def check(self, progress: Going) -> str | None:
        change = abs(progress.value - self.last) if self.last is not None else float("inf")
        self.still = self.still + 1 if change <= self.tolerance else 0
        self.last = float(progress.value)
        if self.still >= self.patience:
            return (
                f"the loss {self.last:.6g} moved by at most {self.tolerance:g} at {self.still} checks running"
            )
        return None


class NoImprovement(StoppingRule):
    """Early stopping: `patience` scores running have not beaten the best by more than `min_delta`.

    `better` is "higher" for an accuracy and "lower" for a loss.  Checks without a score do not count.

    Source: Prechelt 1998, Early Stopping — But When?, criterion UP.
    Differs: waits for an improvement instead of counting rises.
    """

    remembered = ("best", "best_step", "waited")

    def __init__(self, patience: int, min_delta: float = 0.0, better: str = "higher") -> None:
        positive(self, patience=patience)
        at_least_0(self, min_delta=min_delta)
        if better not in ("higher", "lower"):
            raise ValueRangeError(f'NoImprovement needs better="higher" or "lower", got {better!r}')
        self.patience, self.min_delta, self.better = patience, min_delta, better
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0  # scores running without improvement

    def check(self, progress: Going) -> str | None:
        score = progress.score
        if score is None:
            return None
        if self._improves(float(score)):
            self.best, self.best_step, self.waited = float(score), progress.step, 0
        else:
            self.waited += 1
        if self.waited < self.patience:
            return None
        if self.best is None:
            return f"no usable score at {self.waited} checks running"
        return f"no score better than {self.best:.6g} (step {self.best_step}) at {self.waited} checks running"

    def _improves(self, score: float) -> bool:
        if self.best is None:
            return score == score  # nan is no score
        gain = score - self.best if self.better == "higher" else self.best - score
        return gain > self.min_delta


class FirstOf(StoppingRule):
    """Several rules: stop when one of them says so; all of them look every time."""

    def __init__(self, *rules: StoppingRule) -> None:
        if not rules:
            raise ValueRangeError("FirstOf needs at least one rule")
        self.rules = rules

    def check(self, progress: Going) -> str | None:
        reasons = [reason for rule in self.rules if (reason := rule.check(progress))]
        return "; ".join(reasons) or None

    def state_dict(self) -> dict[str, Any]:
        return {f"{i}.{k}": v for i, rule in enumerate(self.rules) for k, v in rule.state_dict().items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        places = [key.partition(".")[0] for key in state]
        if not set(places) <= {str(i) for i in range(len(self.rules))}:
            raise CheckpointError(f"{len(self.rules)} stopping rules cannot continue from {list(state)}")
        for i, rule in enumerate(self.rules):
            rule.load_state_dict(
                {k.partition(".")[2]: v for k, v in state.items() if k.partition(".")[0] == str(i)}
            )
