"""A training with all that must be saved: dropout, augmentation, batch norm, Adam, one-cycle, rules."""

from pathlib import Path

import numpy as np

from yuanli import nn
from yuanli.data.augment import RandomCrop
from yuanli.data.batches import Batches
from yuanli.ops import cross_entropy
from yuanli.optim import Adam, Converged, ElasticNet, MaxSteps, NoImprovement, OneCycle
from yuanli.training import Checkpoints, fit
from yuanli.training.files import save
from yuanli.training.metrics import accuracy

EPOCHS, ROWS, BATCH = 3, 20, 6  # four steps an epoch, the last with two rows
STEPS = 4 * EPOCHS


def train(hooks=(), resume=None, epochs=EPOCHS):
    """Train anew or from a snapshot, as a fresh process would: nothing is shared between two calls."""
    data = np.random.default_rng(0)
    x = data.integers(0, 256, (ROWS, 1, 6, 6), dtype=np.uint8)
    y = data.integers(0, 3, ROWS)
    rng = np.random.default_rng(1)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, rng=rng),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(0.3, rng=rng),
        nn.Linear(64, 3, rng=rng),
    )
    batches = Batches(
        x, y, BATCH, rng=np.random.default_rng(2), augment=RandomCrop(1), transform=lambda x: x / 255
    )
    training = fit(
        model,
        cross_entropy,
        Adam(model.parameters(), lr=0.01),
        batches,
        epochs=epochs,
        schedule=OneCycle(STEPS),
        penalty=ElasticNet(1e-3, 1e-2),
        clip=1.0,
        metric=accuracy,
        validation=Batches(x[:8], y[:8], 8, shuffle=False, transform=lambda x: x / np.float32(255)),
        stop_at_step=MaxSteps(1000),
        stop_at_epoch=NoImprovement(50, better="lower"),
        hooks=hooks,
        resume=resume,
    )
    return model, training


def result(model, training):
    """All that must not depend on interruptions: the weights' bytes and the curves without the clock."""
    weights = {name: array.tobytes() for name, array in model.state_dict().items()}
    return weights, [{k: v for k, v in row.items() if k != "seconds"} for row in training.rows]


def train_in(folder: Path, every: float) -> None:
    """Train with checkpoints in `folder`, from the last one there is, to `folder`/model."""
    checkpoints = Checkpoints(folder / "checkpoints", every)
    model, _ = train([checkpoints], checkpoints.load() if checkpoints.paths() else None)
    save(folder / "model", model.state_dict())


__all__ = ["EPOCHS", "STEPS", "Converged", "result", "train", "train_in"]
