"""Preprocessing: what it does to a cloud of points, and to the speed of learning."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli.data import load
from yuanli.data.preprocess import Center, ScaleToSigned, ScaleToUnit, Standardize
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.charts import curves
from yuanli.inspection.style import COLOURS, panels, save, styled
from yuanli.ops import cross_entropy
from yuanli.tensor import Tensor
from yuanli.training.metrics import accuracy

STEPS = {"raw": None, "centred": Center(), "standardised": Standardize(), "[0, 1]": ScaleToUnit(),
         "[−1, 1]": ScaleToSigned()}  # fmt: skip
RATES = 10.0 ** np.arange(-8, 2)
ALCOHOL, PROLINE = 0, 12  # columns of the wines: per cent, milligrams per litre


def preprocess(out: Path, seed: int = 0, *, steps: int = 100) -> Demonstration:
    """Two measurements of wines in five scales; softmax regression on all 13, at its best step size."""
    data = load("wine", seed=seed)
    train, test = (d.x.astype(np.float64) for d in (data.train, data.test))
    clouds, losses, rows, numbers = {}, {}, [], {}
    for name, step in STEPS.items():
        x, x_test = (
            (train, test) if step is None else (step.fit(train).transform(train), step.transform(test))
        )
        rate, walk, W = min((_learn(x, data.train.y, lr, steps) for lr in RATES), key=lambda run: run[1][-1])
        right = accuracy(_with_one(x_test) @ W, data.test.y)
        cloud = clouds[name] = x[:, [ALCOHOL, PROLINE]]
        losses[f"{name}, step size {rate:g}"] = walk
        low, high = cloud.min(0), cloud.max(0)
        ends = [f"{a:.4g} … {b:.4g}" for a, b in zip(low, high, strict=True)]
        rows.append([name, *ends, rate, walk[-1], percent(right)])
        numbers[name] = {
            "low": low.tolist(),
            "high": high.tolist(),
            "mean": cloud.mean(0).tolist(),
            "std": cloud.std(0).tolist(),
            "loss": walk[-1],
            "accuracy": right,
        }
    head = ["training rows", "alcohol", "proline", "step size", f"loss after {steps}", "test accuracy"]
    lines = [*table(head, rows), "Means and ranges are those of the training rows, for the test rows too."]
    figure = curves(
        losses, xlabel="step", ylabel="training loss", title="Softmax regression on wine", log=True
    )
    pictures = [
        save(_clouds(clouds, data.train.y), out / "preprocess.png"),
        save(figure, out / "preprocess.loss.png"),
    ]
    return Demonstration(lines, numbers, pictures)


def _learn(x: np.ndarray, y: np.ndarray, lr: float, steps: int) -> tuple[float, list[float], np.ndarray]:
    """Batch gradient descent for softmax regression: the step size, the loss after each step, the weights."""
    x = _with_one(x)
    W = Tensor(np.zeros((x.shape[1], int(y.max()) + 1)), requires_grad=True)
    losses = []
    for _ in range(steps):
        W.grad = None
        loss = cross_entropy(Tensor(x) @ W, y)
        loss.backward()
        W.data -= lr * np.asarray(W.grad)
        losses.append(loss.item())
    return float(lr), losses, W.data


def _with_one(x: np.ndarray) -> np.ndarray:
    """A column of ones for the bias."""
    return np.column_stack([x, np.ones(len(x))])


@styled
def _clouds(clouds: dict[str, np.ndarray], y: np.ndarray) -> Figure:
    figure, axes = panels(1, len(clouds), width=2.6, height=2.9)
    for axis, (name, cloud) in zip(axes[0], clouds.items(), strict=True):
        for k in range(int(y.max()) + 1):
            axis.scatter(
                *cloud[y == k].T, s=12, color=COLOURS[k], marker="os^"[k % 3], label=f"grower {k + 1}"
            )
        axis.axhline(0, color="grey", lw=0.8)
        axis.axvline(0, color="grey", lw=0.8)
        axis.set(title=name, xlabel="alcohol")
    axes[0, 0].set_ylabel("proline")
    axes[0, 0].legend(fontsize=7, loc="upper left")
    return figure
