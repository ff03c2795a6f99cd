"""Dropout: the mask, the mean it keeps, and what it does to over-fitting."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli.data import load
from yuanli.data.batches import Batches
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.errors import ValueRangeError
from yuanli.inspection.style import BLUE, RED, panels, save, styled
from yuanli.models import MLP
from yuanli.nn import Dropout
from yuanli.ops import cross_entropy
from yuanli.optim import SGD
from yuanli.tensor import Tensor, no_grad
from yuanli.training import fit
from yuanli.training.metrics import accuracy

WRONG = 0.2  # of the training labels are drawn anew, so that learning them by heart does harm


def dropout(out: Path, seed: int = 0, *, p: float = 0.5, rows: int = 300, epochs: int = 60) -> Demonstration:
    """One mask; the mean over many; and a wide network on digits of which a fifth is labelled at random."""
    if not 0 <= p < 1:
        raise ValueRangeError(f"p needs a share from 0 to below 1, got {p:g}")
    layer = Dropout(p, rng=np.random.default_rng(seed))
    ones = np.ones((4, 10), np.float32)
    mask = layer(Tensor(ones)).data
    mean = float(layer(Tensor(np.ones(100_000, np.float32))).data.mean())
    layer.eval()
    same = bool(np.array_equal(layer(Tensor(ones)).data, ones))
    found = {"no dropout": _learn(0.0, rows, epochs, seed), f"p = {p:g}": _learn(p, rows, epochs, seed)}
    summary = [
        [name, own, curve[-1], curve[-1] - own, percent(right)] for name, (own, curve, right) in found.items()
    ]
    lines = [
        f"a mask on 4 × 10 ones, p = {p:g}: an element is 0 (·) or 1/(1 − p) = {1 / (1 - p):g}",
        *("  " + " ".join("·" if v == 0 else f"{v:g}" for v in row) for row in mask),
        f"mean over 100,000 ones: {mean:.4f}; in evaluation nothing changes: {same}",
        f"a network 64-256-256-10 after {epochs} epochs on {rows} digits, every fifth labelled at random:",
        *table(["", "loss on them", "on 360 others", "gap", "accuracy on others"], summary),
    ]
    numbers = {
        "mask": mask.tolist(),
        "mean": mean,
        "identity": same,
        "gaps": [row[3] for row in summary],
        "accuracy": [right for _, _, right in found.values()],
    }
    figure = _draw(mask, {name: curve for name, (_, curve, _) in found.items()})
    return Demonstration(lines, numbers, [save(figure, out / "dropout.png")])


def _learn(p: float, rows: int, epochs: int, seed: int) -> tuple[float, list[float], float]:
    """The loss on the training rows at the end, that on others after each epoch, the accuracy on others."""
    rng = np.random.default_rng(seed)
    data = load("digits")
    x, y = data.train.x[:rows] / np.float32(255), data.train.y[:rows].copy()
    wrong = rng.random(rows) < WRONG
    y[wrong] = rng.integers(0, 10, wrong.sum())
    others = Batches(data.test.x / np.float32(255), data.test.y, 360, shuffle=False)
    model = MLP(64, (256, 256), 10, dropout=p, rng=rng)
    optimizer = SGD(model.parameters(), lr=0.02, momentum=0.9)
    batches = Batches(x, y, 25, rng=rng)
    run = fit(model, cross_entropy, optimizer, batches, epochs=epochs, metric=accuracy, validation=others)
    model.eval()
    with no_grad():
        own = cross_entropy(model(Tensor(x)), y).item()
    return own, [row["validation_loss"] for row in run.rows], run.rows[-1]["validation_accuracy"]


@styled
def _draw(mask: np.ndarray, losses: dict[str, list[float]]) -> Figure:
    figure, axes = panels(1, 2, width=4.2, height=3.2)
    left, right = axes[0]
    left.imshow(mask > 0, cmap="Greys", vmin=-0.4, vmax=1.6)
    left.grid(False)
    left.set(title="A mask: dark units work", xlabel="unit", ylabel="example", yticks=range(len(mask)))
    for (name, values), colour, dashes in zip(losses.items(), (RED, BLUE), ("--", "-"), strict=True):
        right.plot(range(1, len(values) + 1), values, dashes, color=colour, label=name)
    right.set(title="Loss on other digits", xlabel="epoch", ylabel="cross-entropy in nats")
    right.legend()
    return figure
