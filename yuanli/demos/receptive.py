"""Receptive field and cost: stacks of 3×3 against 5×5 and 7×7, and how far real networks see."""

from pathlib import Path

import numpy as np

from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.costs import growth, kernel_stacks
from yuanli.inspection.ledger import ledger
from yuanli.inspection.style import save
from yuanli.models import build, known
from yuanli.nn import Conv2d, Module, Sequential
from yuanli.nn.init import skip_init
from yuanli.tensor import Tensor

STACKS = {"one 5×5": (5,), "two 3×3": (3, 3), "one 7×7": (7,), "three 3×3": (3, 3, 3)}


def receptive(
    out: Path,
    seed: int = 0,
    *,
    channels: int = 64,
    size: int = 224,
    nets: str = "alexnet,mobilenet_v1,resnet18",
) -> Demonstration:
    """What one output sees through each stack, by its gradient; weights and multiply-adds; real nets."""
    names = [known(name.strip()) for name in nets.split(",")]
    rows, found = [], {}
    for name, kernels in STACKS.items():
        seen = pixels_with_a_gradient(kernels)
        with skip_init():
            layers = [Conv2d(channels, channels, k, padding=k // 2, bias=False) for k in kernels]
        cost = ledger(Sequential(*layers), (channels, 16, 16))
        found[name] = {"sees": seen, "weights": cost.parameters, "macs": cost.macs}
        a_pair = cost.parameters // channels**2
        rows.append([name, f"{seen}×{seen}", a_pair, f"{cost.parameters:,}", f"{cost.macs:,}", len(kernels)])
    head = ["", "sees", "weights a pair", f"of {channels} channels", "multiply-adds, 16×16", "ReLUs"]
    fields, lines = {}, []
    for name in names:
        with skip_init():
            cost = ledger(build(name), (3, size, size), name=name)
        sizes = [r.field.down.size for r in cost.rows if r.field and r.field.down.stride]
        fields[name] = [s for i, s in enumerate(sizes) if s > max(sizes[:i], default=1)]
        if field := cost.field:
            size_and_step = f"sees {field.down.size} pixels, the next one {field.down.stride} on"
            lines.append(f"{name}: an output of the last maps {size_and_step}")
    pictures = [
        save(kernel_stacks(list(STACKS.items()), 7), out / "receptive.png"),
        save(growth(fields, size), out / "receptive-nets.png"),
    ]
    text = [*table(head, rows), "", *lines, "`yuanli summary NAME` has every layer of a network."]
    return Demonstration(text, {"stacks": found, "fields": fields}, pictures)


def pixels_with_a_gradient(kernels: tuple[int, ...]) -> int:
    """How many pixels along an axis reach the middle output of a stack: those whose gradient is not 0."""
    x = Tensor(np.ones((1, 1, 15, 15)), requires_grad=True)
    y: Tensor = x
    for kernel in kernels:
        layer: Module = Conv2d(1, 1, kernel, padding=kernel // 2, bias=False).to(np.float64)
        for p in layer.parameters():
            p.data[...] = 1
        y = layer(y)
    y[0, 0, 7, 7].backward()
    assert x.grad is not None
    return int(np.count_nonzero(x.grad[0, 0, 7]))
