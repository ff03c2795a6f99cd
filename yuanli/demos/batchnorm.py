"""Batch normalisation: a deep network that learns with it and not without; batch and running statistics."""

from pathlib import Path

import numpy as np

from yuanli.data import load
from yuanli.data.batches import Batches
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.charts import curves
from yuanli.inspection.style import save
from yuanli.nn import BatchNorm1d, Flatten, Linear, Module, ReLU, Sequential, init
from yuanli.ops import cross_entropy
from yuanli.optim import SGD
from yuanli.tensor import Tensor
from yuanli.training import fit
from yuanli.training.metrics import accuracy


def batchnorm(
    out: Path, seed: int = 0, *, layers: int = 10, width: int = 50, epochs: int = 12
) -> Demonstration:
    """Digits learned by hidden layers that start as 0.05·randn; one layer's statistics in both modes."""
    data = load("digits")
    train, test = ((d.x / np.float32(255), d.y) for d in (data.train, data.test))
    losses, rows, accuracies = {}, [], {}
    for name, normalised in (("without batch normalisation", False), ("with batch normalisation", True)):
        rng = np.random.default_rng(seed)
        model = network(layers, width, normalised, rng)
        optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
        run = fit(model, cross_entropy, optimizer, Batches(*train, 64, rng=rng), epochs=epochs)
        model.eval()
        losses[name] = [row["train_loss"] for row in run.rows]
        accuracies[name] = accuracy(model(Tensor(test[0])).data, test[1])
        rows.append([name, losses[name][0], losses[name][-1], percent(accuracies[name])])

    rng = np.random.default_rng(seed)
    layer = BatchNorm1d(3)
    x = rng.normal([0, 5, -2], [1, 2, 0.5], (4000, 3)).astype(np.float32)
    for batch in np.split(x, 80):
        y = layer(Tensor(batch)).data
    layer.eval()
    alone = layer(Tensor(x[:1])).data
    among = layer(Tensor(x[:50])).data[:1]
    independent = bool(np.array_equal(alone, among))
    running = [np.asarray(a, np.float64) for a in (layer.running_mean, layer.running_var)]
    lines = [
        f"{layers} hidden layers of {width}, weights 0.05·randn, the same step size:",
        *table(["", "loss, epoch 1", f"loss, epoch {epochs}", "test accuracy"], rows),
        "",
        "one layer on x ~ N((0, 5, −2), (1, 2, 0.5)²), after 80 batches of 50:",
        f"training: mean of y {_text(y.mean(0))}, deviation {_text(y.std(0))}, from the batch itself",
        f"running mean {_text(running[0])}, running deviation {_text(np.sqrt(running[1]))}, for evaluation",
        f"evaluation: a row's result does not depend on the rows beside it: {independent}",
    ]
    numbers = {
        "accuracy": list(accuracies.values()),
        "loss": [v[-1] for v in losses.values()],
        "mean": y.mean(0).tolist(),
        "std": y.std(0).tolist(),
        "running_mean": running[0].tolist(),
        "running_var": running[1].tolist(),
        "independent": independent,
    }
    title = f"{layers} hidden layers on digits"
    figure = curves(losses, xlabel="epoch", ylabel="training loss in nats", title=title, log=True)
    return Demonstration(lines, numbers, [save(figure, out / "batchnorm.png")])


def network(layers: int, width: int, normalised: bool, rng: np.random.Generator) -> Module:
    """Linear, perhaps batch normalisation, ReLU; again and again; all weights start as 0.05·randn."""
    model = Sequential(Flatten())
    inputs = 64
    for _ in range(layers):
        model.append(Linear(inputs, width, rng=rng))
        if normalised:
            model.append(BatchNorm1d(width))
        model.append(ReLU())
        inputs = width
    model.append(Linear(inputs, 10, rng=rng))
    for parameter in model.parameters():
        if parameter.ndim == 2:
            init.normal_(parameter, std=0.05, rng=rng)
    return model


def _text(values: np.ndarray) -> str:
    return "(" + ", ".join(f"{round(float(v), 2) + 0.0:.2f}" for v in values) + ")"
