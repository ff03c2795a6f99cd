"""Residual networks: plain nets learn worse when they are deeper, residual ones do not."""

from pathlib import Path

import numpy as np

from yuanli.data import load
from yuanli.data.batches import Batches
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.charts import curves
from yuanli.inspection.style import save
from yuanli.models import BasicBlock, CifarResNet, PlainBlock
from yuanli.ops import cross_entropy
from yuanli.optim import SGD
from yuanli.tensor import Tensor, no_grad
from yuanli.training import fit
from yuanli.training.metrics import accuracy

KINDS = {"plain": PlainBlock, "residual": BasicBlock}


def resnet(
    out: Path, seed: int = 0, *, shallow: int = 20, deep: int = 56, epochs: int = 5, rows: int = 1437
) -> Demonstration:
    """Digits learned by plain and by residual nets of two depths: figure 6 of the paper, in small."""
    split = load("digits")
    mean, std = (np.float32(v) for v in (split.train.x.mean(), split.train.x.std()))
    x, test = ((part.x - mean) / std for part in (split.train, split.test))
    x, y = x[:rows], split.train.y[:rows]
    losses, learned, numbers = {}, [], {}
    for kind, block in KINDS.items():
        for depth in (shallow, deep):
            rng = np.random.default_rng(seed)
            model = CifarResNet(depth, block, in_channels=1, rng=rng)
            batches = Batches(x, y, 64, rng=rng)
            optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
            training = fit(model, cross_entropy, optimizer, batches, epochs=epochs)
            with no_grad():
                right = accuracy(model.eval()(Tensor(test)).data, split.test.y)
            name = f"{kind}-{depth}"
            losses[name] = [row["train_loss"] for row in training.rows]
            parameters = sum(p.size for p in model.parameters())
            learned.append([name, f"{parameters:,}", losses[name][0], losses[name][-1], percent(right)])
            numbers[name] = {"loss": losses[name], "accuracy": right, "parameters": parameters}
    lines = [
        *table(["", "parameters", "loss, epoch 1", f"loss, epoch {epochs}", "test accuracy"], learned),
        "",
        "the deeper plain net is worse at its own training rows: it does not over-fit, it is hard to fit",
        "on CIFAR-10, hours each: yuanli train plain56 --data cifar10, and plain20, resnet20, resnet56",
    ]
    title = "Degradation: digits, 8×8 pixels"
    figure = curves(losses, xlabel="epoch", ylabel="training loss in nats", title=title, log=True)
    return Demonstration(lines, numbers, [save(figure, out / "resnet.png")])
