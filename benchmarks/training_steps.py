"""Whole training steps: forward, loss, backward, optimiser; float32, the same weights and batch for all."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from benchmarks import nets
from yuanli import Tensor, manual_seed, nn, ops, optim

TORCH = SimpleNamespace(relu=torch.nn.functional.relu, cat=torch.cat)
Step = Callable[[], float]


@dataclass(frozen=True)
class Benchmark:
    """A row of the table: a network, its inputs, and what ours ÷ best peer should be at most."""

    name: str
    target: float
    net: Callable
    shape: tuple[int, ...]
    classes: int = 10
    words: int = 0  # the inputs are numbers below this, (T, N), and each has a class

    def steps(self) -> dict[str, Step]:
        """One function a library, each making one step of SGD with momentum and returning the loss."""
        manual_seed(0)
        ours = self.net(nn, ops)
        weights = {name: torch.tensor(array) for name, array in ours.state_dict().items()}
        rng = np.random.default_rng(0)
        if self.words:
            x, y = rng.integers(0, self.words, self.shape), rng.integers(0, self.classes, np.prod(self.shape))
        else:
            x = rng.normal(size=self.shape).astype(np.float32)
            y = rng.integers(0, self.classes, self.shape[0])
        steps = {"yuanli": _our_step(ours, x, y), "torch": _torch_step(self.net, weights, torch.tensor(x), y)}
        if x.ndim == 4:
            last = torch.tensor(x).to(memory_format=torch.channels_last)
            steps["torch channels-last"] = _torch_step(self.net, weights, last, y, torch.channels_last)
        return steps


def _our_step(model, x: np.ndarray, y: np.ndarray) -> Step:
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    if x.ndim == 4:  # as `Batches` makes them
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    inputs = Tensor(x)

    def step() -> float:
        loss = ops.cross_entropy(model(inputs), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def _torch_step(net, weights, x, y, layout=None) -> Step:
    model, target = net(torch.nn, TORCH), torch.tensor(y)
    model.load_state_dict(weights)
    if layout:
        model = model.to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> float:
        loss = torch.nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


BENCHMARKS = (
    Benchmark("MLP 64-128-64-10, batch 32", 0.35, nets.mlp, (32, 64)),
    Benchmark("LeNet, batch 128", 0.8, nets.lenet, (128, 1, 28, 28)),
    Benchmark("ResNet-20 on 32×32, batch 128", 0.9, nets.resnet20, (128, 3, 32, 32)),
    Benchmark("VGG-16-BN on 32×32, batch 64", 0.55, nets.vgg16, (64, 3, 32, 32)),
    Benchmark("ResNet-18 on 224×224, batch 16", 0.9, nets.resnet18, (16, 3, 224, 224), 1000),
    Benchmark("MobileNet v2 on 224×224, batch 16", 1.0, nets.mobilenet_v2, (16, 3, 224, 224), 1000),
    Benchmark("DenseNet-BC-100 (k=12) on 32×32, batch 64", 0.9, nets.densenet100, (64, 3, 32, 32)),
    Benchmark("LSTM 64→256, batch 32, 64 steps", 1.0, nets.char_lstm, (64, 32), 65, words=65),
)
