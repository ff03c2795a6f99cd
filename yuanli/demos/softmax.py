"""Softmax: scores to probabilities, whatever their size."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.style import COLOURS, panels, save, styled

SCORES = np.array([3.2, 5.1, -1.7])  # of cat, car, frog
TEMPERATURES = (0.25, 1.0, 4.0)


def softmax(out: Path, seed: int = 0) -> Demonstration:
    """Probabilities of three scores at three temperatures, shifted by a constant, and for scores of ±1e4."""
    p = ops.softmax(SCORES, 0).data
    shifted = ops.softmax(SCORES + 1000, 0).data
    huge = ops.softmax(np.array([1e4, 0.0, -1e4]), 0).data
    with np.errstate(over="ignore", invalid="ignore"):
        naive = np.exp([1e4, 0.0, -1e4]) / np.exp([1e4, 0.0, -1e4]).sum()
    named = {
        "scores": SCORES,
        "softmax": p,
        "softmax(scores + 1000)": shifted,
        "softmax(10⁴, 0, −10⁴)": huge,
        "the same as eˢ / Σ eˢ": naive,
    }
    lines = table(
        ["", "s₁", "s₂", "s₃", "sum"], [[n, *map(float, v), float(v.sum())] for n, v in named.items()]
    )
    lines.append("adding a constant to all scores changes nothing, so the largest is taken off before eˢ")
    cooled = [ops.softmax(SCORES / t, 0).data for t in TEMPERATURES]
    numbers = {"p": p.tolist(), "shifted": shifted.tolist(), "huge": huge.tolist()}
    return Demonstration(lines, numbers, [save(_draw(cooled), out / "softmax.png")])


@styled
def _draw(probabilities: list[np.ndarray]) -> Figure:
    figure, axes = panels(1, len(TEMPERATURES), width=3.0, height=2.8, sharey=True)
    for axis, t, p in zip(axes[0], TEMPERATURES, probabilities, strict=True):
        bars = axis.bar([f"score\n{s:g}".replace("-", "−") for s in SCORES], p, color=COLOURS[:3], width=0.6)
        axis.bar_label(bars, fmt="%.3f", padding=2)
        axis.set(title=f"softmax(s / {t:g})", ylim=(0, 1.1))
        axis.grid(False, axis="x")
    axes[0, 0].set_ylabel("probability")
    return figure
