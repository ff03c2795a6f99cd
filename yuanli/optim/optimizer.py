"""What optimisers share: the tensors they move, the learning rate, and what they remember between steps."""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np

from yuanli.arithmetic import quiet
from yuanli.errors import CheckpointError, DTypeError, GradientError, ShapeError, ValueRangeError
from yuanli.tensor import Tensor

State = dict[str, Any]  # what is remembered for one tensor: arrays shaped like it, and its count of steps


class Optimizer:
    """Moves leaf tensors against their gradients, in place: `zero_grad()`, `backward()`, `step()`.

    `lr` may be changed at any time, as schedules do.  A tensor whose `grad` is None stays where it is.
    `weight_decay` λ belongs to (λ/2)·‖w‖² over the tensors `decay`, by default those with two axes or more:
    weights, not biases nor the gains of normalisations.

    Differs: torch decays every tensor.
    """

    remembered: tuple[str, ...] = ()  # the names of the arrays kept for a tensor; they start as zeros
    decays_unasked = False  # weight_decay is on by default, so that nothing to decay is no mistake

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        weight_decay: float = 0.0,
        decay: Iterable[Tensor] | None = None,
    ) -> None:
        self.params = _leaves(params)
        positive(self, lr=lr)
        at_least_0(self, weight_decay=weight_decay)
        self.lr = float(lr)
        self.weight_decay = weight_decay
        chosen = [p for p in self.params if p.ndim >= 2] if decay is None else list(decay)
        if not all(any(c is p for p in self.params) for c in chosen):
            raise ValueRangeError("decay=[…] needs tensors that are among those to be moved, got another")
        if weight_decay and not chosen and not self.decays_unasked:
            raise ValueRangeError(
                "weight_decay finds no tensor with two axes or more; name those it is for with decay=[…]"
            )
        self._decay = [weight_decay if any(p is c for c in chosen) else 0.0 for p in self.params]
        self._states: list[State] = [{} for _ in self.params]
        largest = max(p.data.nbytes for p in self.params)
        room = np.empty(largest, np.uint8)  # for one tensor at a time
        self._scratch = [room[: p.data.nbytes].view(p.dtype).reshape(p.shape) for p in self.params]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in self.params:
            p.grad = None

    def step(self) -> None:
        """Move every tensor that has a gradient."""
        with quiet():
            for i, p in enumerate(self.params):
                g = p.grad
                if g is None:
                    continue
                w, state = p.data, self._states[i]
                if g.shape != w.shape:
                    raise ShapeError(f"parameter {i} has shape {w.shape}, but its gradient {g.shape}")
                if not state:
                    state |= {"step": 0} | {name: np.zeros_like(w) for name in self.remembered}
                state["step"] += 1
                self._update(w, g, state, self._decay[i], self._scratch[i])

    def _update(self, w: np.ndarray, g: np.ndarray, state: State, decay: float, scratch: np.ndarray) -> None:
        """One step for one tensor: write into w, never into g; `scratch` is for results on the way."""
        raise NotImplementedError

    # Saving ------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """What a continued training needs: numbers (`lr`, `step.0`, …) and arrays (`momentum_buffer.0`, …).

        The number after the point counts the tensors.  The arrays are the optimiser's own, not copies.
        """
        entries = {
            f"{name}.{i}": value for i, state in enumerate(self._states) for name, value in state.items()
        }
        return {"lr": self.lr, **entries}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict()`; the optimiser must have been made for the same tensors.

        Raises: CheckpointError naming every missing, unexpected or misshapen entry, having changed nothing.
        """
        if not isinstance(state, dict):
            raise CheckpointError(f"a state is a dict of numbers and arrays, got {type(state).__name__}")
        states: list[State] = [{} for _ in self.params]
        problems = [] if isinstance(state.get("lr"), Real) else ["lr is missing or no number"]
        for key, value in state.items():
            name, _, place = key.rpartition(".")
            i = int(place) if place.isdecimal() else -1
            if key == "lr":
                continue
            if name not in ("step", *self.remembered) or not 0 <= i < len(self.params):
                problems.append(f"{key} is unexpected")
            elif name == "step":
                if isinstance(value, Integral):
                    states[i][name] = int(value)
                else:
                    problems.append(f"{key} is no whole number")
            elif np.shape(value) != self.params[i].shape:
                problems.append(f"{key} has shape {np.shape(value)}, needed {self.params[i].shape}")
            else:
                states[i][name] = np.array(value, self.params[i].dtype)
        for i, s in enumerate(states):
            problems += [f"{n}.{i} is missing" for n in ("step", *self.remembered) if s and n not in s]
        if problems:
            raise CheckpointError(f"this state does not fit {type(self).__name__}: {'; '.join(problems)}")
        self.lr, self._states = float(state["lr"]), states


def positive(owner: Any, **settings: float) -> None:
    """Refuse a setting that is not a number above 0."""
    for name, value in settings.items():
        if not 0 < _number(owner, name, value) < math.inf:
            raise ValueRangeError(f"{type(owner).__name__} needs {name} > 0, got {value}")


def at_least_0(owner: Any, **settings: float) -> None:
    """Refuse a setting that is negative or no number."""
    for name, value in settings.items():
        if not 0 <= _number(owner, name, value) < math.inf:
            raise ValueRangeError(f"{type(owner).__name__} needs {name} ≥ 0, got {value}")


def fraction(owner: Any, **settings: float) -> None:
    """Refuse a setting outside [0, 1)."""
    for name, value in settings.items():
        if not 0 <= _number(owner, name, value) < 1:
            raise ValueRangeError(f"{type(owner).__name__} needs 0 ≤ {name} < 1, got {value}")


def _number(owner: Any, name: str, value: Any) -> Any:
    if not isinstance(value, Real):
        raise DTypeError(f"{type(owner).__name__} needs a number as {name}, got {value!r:.40}")
    return value


def _leaves(params: Iterable[Tensor]) -> list[Tensor]:
    if isinstance(params, Tensor) or not isinstance(params, Iterable):
        raise DTypeError(f"an optimiser needs a list of tensors, got one {type(params).__name__}; write [x]")
    tensors = list(params)
    if not tensors:
        raise ValueRangeError("an optimiser needs tensors to move, got none; has the model no parameters?")
    for i, p in enumerate(tensors):
        if not isinstance(p, Tensor):
            raise DTypeError(f"an optimiser needs Tensors, got {type(p).__name__} as parameter {i}")
        if p._parents is not None:
            raise GradientError(f"parameter {i} was computed from others; an optimiser moves leaves only")
        if p.requires_grad and not p.data.flags.writeable:
            raise ValueRangeError(
                f"parameter {i} is read-only, and an optimiser writes into it; copy its data"
            )
    if len({id(p) for p in tensors}) < len(tensors):
        raise ValueRangeError("an optimiser got a tensor twice, and would move it twice a step; name it once")
    if not any(p.requires_grad for p in tensors):
        raise GradientError("an optimiser needs a tensor with requires_grad=True: none of these would move")
    return tensors
