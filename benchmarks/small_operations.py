"""Single operations on small arrays, forward and backward: what the engine itself costs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.training_steps import Step
from yuanli import Tensor, ops


@dataclass(frozen=True)
class SmallOperation:
    """The same expression of the same inputs, ours and torch's; all inputs require gradients."""

    name: str
    ours: Callable
    theirs: Callable
    shapes: tuple[tuple[int, ...], ...]
    target = None
    tolerances = (1e-5,)

    def steps(self) -> dict[str, Step]:
        rng = np.random.default_rng(0)
        arrays = [rng.normal(size=shape).astype(np.float32) for shape in self.shapes]
        return {
            "yuanli": _ours(self.ours, [Tensor(a, requires_grad=True) for a in arrays]),
            "torch": _torch(self.theirs, [torch.tensor(a, requires_grad=True) for a in arrays]),
        }


def _ours(operation, inputs) -> Step:
    ones = np.ones_like(operation(*inputs).data)

    def step() -> float:
        for x in inputs:
            x.grad = None
        y = operation(*inputs)
        y.backward(ones)
        return float(y.data.flat[0])

    return step


def _torch(operation, inputs) -> Step:
    ones = torch.ones_like(operation(*inputs))

    def step() -> float:
        for x in inputs:
            x.grad = None
        y = operation(*inputs)
        y.backward(ones)
        return float(y.detach().flatten()[0])

    return step


SIZE = (32, 64)
SMALL_OPERATIONS = (
    SmallOperation("a + b", lambda a, b: a + b, lambda a, b: a + b, (SIZE, SIZE)),
    SmallOperation("a · b", lambda a, b: a * b, lambda a, b: a * b, (SIZE, SIZE)),
    SmallOperation("a + row", lambda a, b: a + b, lambda a, b: a + b, (SIZE, (64,))),
    SmallOperation("sum", lambda a: a.sum(), lambda a: a.sum(), (SIZE,)),
    SmallOperation("relu", ops.relu, F.relu, (SIZE,)),
    SmallOperation("tanh", ops.tanh, torch.tanh, (SIZE,)),
    SmallOperation("linear 64→32", ops.linear, F.linear, (SIZE, SIZE, (32,))),
    SmallOperation("softmax", lambda a: ops.softmax(a, 1), lambda a: F.softmax(a, 1), (SIZE,)),
    SmallOperation("layer_norm", lambda a: ops.layer_norm(a, 64), lambda a: F.layer_norm(a, (64,)), (SIZE,)),
    SmallOperation("a[3:9]", lambda a: a[3:9], lambda a: a[3:9], (SIZE,)),
)
