"""A loss or gradient that is infinite or not a number: found at its step, blamed on its layer."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from yuanli.errors import NotFiniteError
from yuanli.nn import Module
from yuanli.tensor import Tensor, no_grad

if TYPE_CHECKING:
    from yuanli.training.state import Training

ADVICE = "lower the learning rate, clip the gradient, or look at the data"


def check_loss(training: "Training", value: float, x: np.ndarray) -> None:
    """Raises NotFiniteError when `value` is not finite, naming the first layer whose output was not."""
    if math.isfinite(value):
        return
    where = "in the data: the batch itself holds values that are not finite"
    if np.isfinite(x).all():
        name = first_not_finite_output(training.model, x)
        where = (
            f"first seen in the output of {name}"
            if name
            else "in the loss function; every layer's output is finite"
        )
    raise NotFiniteError(f"the loss became {value} at step {training.step + 1}, {where}; {ADVICE}")


def check_gradients(training: "Training") -> None:
    """Raises NotFiniteError naming the parameter the backward pass came to first, of those not finite."""
    for name, parameter in reversed(list(training.model.named_parameters())):
        if parameter.grad is not None and not is_finite(parameter.grad):
            raise NotFiniteError(
                f"the gradient of {name} is not finite at step {training.step + 1}; {ADVICE}"
            )


def check_weights(training: "Training") -> None:
    """Raises NotFiniteError naming the first entry of the model's state that is not finite."""
    for name, array in training.model.state_dict().items():
        if not is_finite(array):
            raise NotFiniteError(f"{name} is no longer finite after step {training.step}; {ADVICE}")


def is_finite(array: np.ndarray) -> bool:
    """One sum, in which inf and nan survive; only where it overflows is every element looked at."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum()) or np.isfinite(array).all())


def tensors(output: Any) -> list[Tensor]:
    """What a layer gives: one Tensor, or a recurrent layer's output and states."""
    return [output] if isinstance(output, Tensor) else [t for part in output for t in tensors(part)]


def first_not_finite_output(model: Module, x: np.ndarray) -> str:
    """The first layer, in the order they run, whose output on `x` is not finite; "" if there is none."""
    found: list[str] = []

    def watch(name: str, module: Module) -> None:
        forward = module.forward

        def watched(*inputs: Any, **options: Any) -> Any:
            output = forward(*inputs, **options)
            if not found and not all(np.isfinite(part.data).all() for part in tensors(output)):
                found.append(f"{name or 'the model'} ({type(module).__name__})")
            return output

        object.__setattr__(module, "forward", watched)  # the instance's own, in front of its class's

    modules = list(model.named_modules())
    for name, module in modules:
        watch(name, module)
    try:
        with no_grad():
            model(Tensor(x))
    finally:
        for _, module in modules:
            object.__delattr__(module, "forward")
    return found[0] if found else ""
