"""How a model is trained: the options of `train`, their checks, and what they stand for."""

import difflib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from yuanli import optim
from yuanli.errors import UnknownNameError, ValueRangeError
from yuanli.nn import Module

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": optim.SGD,
    "momentum": lambda params, lr: optim.SGD(params, lr, momentum=0.9),
    "nesterov": lambda params, lr: optim.SGD(params, lr, momentum=0.9, nesterov=True),
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "adagrad": optim.Adagrad,
}

SCHEDULES: dict[str, Callable[[int], optim.Schedule]] = {  # over so many steps
    "constant": lambda steps: optim.Constant(),
    "step": lambda steps: optim.Step(max(1, steps // 3)),
    "milestones": lambda steps: optim.MultiStep((max(1, steps // 2), max(1, 3 * steps // 4))),
    "exponential": lambda steps: optim.Exponential(0.01 ** (1 / steps)),
    "inverse-time": lambda steps: optim.InverseTime(9 / steps),
    "cosine": lambda steps: optim.Cosine(steps),
    "one-cycle": lambda steps: optim.OneCycle(steps) if steps > 3 else optim.Constant(),
    "warm-up": lambda steps: optim.WarmUp(max(1, steps // 10)),
}


@dataclass(frozen=True)
class Settings:
    """The options of one training.

    l1, l2: the penalty λ₁‖w‖₁ + (λ₂/2)‖w‖² on the weights.  validation: the share of the training rows kept
    aside for the learning curves.  patience: epochs without a better validation loss before training stops,
    and the best model is taken; None never stops.  clip: the largest norm of the gradient, None for no limit.
    weights: a file to start from; freeze: names of what is not trained (see `fine_tuning.start_from`).
    """

    epochs: int
    lr: float
    batch_size: int
    optimizer: str = "adam"
    schedule: str = "one-cycle"
    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0
    augment: bool = False
    validation: float = 0.1
    patience: int | None = None
    clip: float | None = None
    weights: str | None = None
    freeze: str | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience"):
            self._check(name, whole(value := getattr(self, name)) and value >= 1, "a whole number from 1 up")
        for name in ("lr", "clip"):
            self._check(name, number(value := getattr(self, name)) and value > 0, "a number above 0")
        for name in ("l1", "l2"):
            self._check(name, number(value := getattr(self, name)) and value >= 0, "a number from 0 up")
        for name in ("dropout", "validation"):
            self._check(
                name, number(value := getattr(self, name)) and 0 <= value < 1, "a share from 0 to below 1"
            )
        self._check("augment", isinstance(self.augment, bool), "yes or no")
        for name in ("weights", "freeze"):
            value = getattr(self, name)
            self._check(name, value is None or isinstance(value, str), "text")
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        one_of("schedule", self.schedule, SCHEDULES)
        if self.patience is not None and not self.validation:
            raise ValueRangeError("patience watches the validation loss: it needs validation > 0, got 0")

    def _check(self, name: str, good: bool, needed: str) -> None:
        value = getattr(self, name)
        if not good and not (value is None and name in ("patience", "clip")):
            raise ValueRangeError(f"{name} needs {needed}, got {value!r}")

    def make_optimizer(self, model: Module) -> optim.Optimizer:
        moving = [p for p in model.parameters() if p.requires_grad]
        return OPTIMIZERS[self.optimizer](moving, lr=self.lr)

    def make_schedule(self, steps: int) -> optim.Schedule:
        return SCHEDULES[self.schedule](steps)


def whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def checked_number(name: str, value: Any) -> None:
    """Refuse what is no number above 0.  Raises: ValueRangeError."""
    if not number(value) or value <= 0:
        raise ValueRangeError(f"{name} needs a number above 0, got {value!r}")


def one_of(what: str, name: Any, known: Iterable[str]) -> None:
    """Refuse a name that is not known, offering the nearest ones."""
    names = list(known)
    if name in names:
        return
    near = difflib.get_close_matches(str(name).lower(), names, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(names)}"
    raise UnknownNameError(f"no {what} is called {name!r}; {hint}")
