"""Inception: 1×1 convolutions that make large ones cheap, and n×n in two parts of n."""

from pathlib import Path
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.costs import comparison_bars
from yuanli.inspection.images import grid
from yuanli.inspection.ledger import ledger
from yuanli.inspection.style import save
from yuanli.models.googlenet import Inception
from yuanli.nn import Conv2d, MaxPool2d, Module
from yuanli.nn.init import skip_init
from yuanli.tensor import Tensor

WIDTHS = (192, 64, 96, 128, 16, 32, 32)  # of inception 3a: table 1 of the paper


class Naive(Module):
    """Figure 2a: 1×1, 3×3, 5×5 and a maximum side by side, without reductions."""

    def __init__(self, ins: int, ch1: int, ch3: int, ch5: int) -> None:
        self.branch1 = Conv2d(ins, ch1, 1)
        self.branch2 = Conv2d(ins, ch3, 3, padding=1)
        self.branch3 = Conv2d(ins, ch5, 5, padding=2)
        self.branch4 = MaxPool2d(3, 1, padding=1)

    def forward(self, x: Any) -> Tensor:
        return ops.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


def inception(out: Path, seed: int = 0, *, n: int = 7, channels: int = 192, size: int = 28) -> Demonstration:
    """Inception 3a with and without reductions; an n×n kernel as 1×n and n×1, exact and not."""
    ins, ch1, red3, ch3, red5, ch5, proj = WIDTHS
    with skip_init():
        reduced = Inception(ins, ch1, red3, ch3, red5, ch5, proj, norm=False, rng=None)
        naive = Naive(ins, ch1, ch3, ch5)
    costs = {"naive": ledger(naive, (ins, size, size)), "with 1×1": ledger(reduced, (ins, size, size))}
    rows, parts = [], {}
    for name, cost in costs.items():
        macs = {b: sum(r.macs for r in cost.rows if r.name.startswith(b)) for b in BRANCHES}
        parts[name] = [macs[b] / 1e6 for b in BRANCHES]
        outputs = cost.rows[-1].output[0]
        rows.append([name, outputs, f"{cost.parameters:,}", f"{cost.macs:,}"])
    with skip_init():
        square = Conv2d(channels, channels, n, padding=n // 2, bias=False)
        first = Conv2d(channels, channels, (1, n), padding=(0, n // 2), bias=False)
        second = Conv2d(channels, channels, (n, 1), padding=(n // 2, 0), bias=False)
    weights = {"n×n": square.weight.size, "1×n, n×1": first.weight.size + second.weight.size}
    blurred, difference, kept = factored(n, seed)
    lines = [
        "inception 3a of GoogLeNet, 192 channels in:",
        *table(["", "channels out", "parameters", "multiply-adds"], rows),
        "",
        f"{n}×{n} with {channels} → {channels} channels: {weights['n×n']:,} weights; 1×{n} and {n}×1: "
        f"{weights['1×n, n×1']:,}, {percent(weights['1×n, n×1'] / weights['n×n'])}",
        f"a Gaussian {n}×{n} is {n}×1 times 1×{n}: the two results differ by {difference:.1g}",
        f"of a random {n}×{n} the best such product keeps {percent(kept)} of the squared weights",
    ]
    labels = ["1×1", "3×3", "5×5", "pooling"]
    pictures = [
        save(comparison_bars(labels, parts, "multiply-adds in millions"), out / "inception.png"),
        save(grid(blurred, ["a digit", f"{n}×{n} blur", f"1×{n}", f"1×{n}, then {n}×1"], columns=4, size=1.7),
             out / "inception-factors.png"),
    ]  # fmt: skip
    numbers = {
        "macs": {name: cost.macs for name, cost in costs.items()},
        "parameters": {name: cost.parameters for name, cost in costs.items()},
        "weights": list(weights.values()),
        "difference": difference,
        "kept": kept,
    }
    return Demonstration(lines, numbers, pictures)


BRANCHES = ("branch1", "branch2", "branch3", "branch4")


def factored(n: int, seed: int) -> tuple[list[np.ndarray], float, float]:
    """(pictures, the largest difference of both ways, the share of a random kernel that has rank 1)"""
    digit = load("digits").test.x[seed % 360, 0].repeat(4, 0).repeat(4, 1) / 255.0
    bell = np.exp(-0.5 * (np.arange(n) - n // 2) ** 2 / (n / 5) ** 2)
    bell /= bell.sum()
    x = digit[None, None]
    whole = ops.conv2d(x, np.outer(bell, bell)[None, None], padding=n // 2).data
    rows = ops.conv2d(x, bell[None, None, None, :], padding=(0, n // 2)).data
    both = ops.conv2d(rows, bell[None, None, :, None], padding=(n // 2, 0)).data
    singular = np.linalg.svd(np.random.default_rng(seed).normal(size=(n, n)), compute_uv=False)
    kept = float(singular[0] ** 2 / (singular**2).sum())
    return [digit, whole[0, 0], rows[0, 0], both[0, 0]], float(np.abs(whole - both).max()), kept
