"""The forward pass alone, in evaluation mode and without recording."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from benchmarks import nets
from benchmarks.training_steps import TORCH, Step, channels_last, take_over
from yuanli import Tensor, manual_seed, nn, no_grad, ops


@dataclass(frozen=True)
class Inference:
    """A network and the shape of its inputs."""

    name: str
    net: Callable
    shape: tuple[int, ...]
    target = None
    tolerances = (1e-4,)

    def steps(self) -> dict[str, Step]:
        """One function a library; each returns the largest output, to be compared."""
        manual_seed(0)
        ours = self.net(nn, ops).eval()
        weights = {name: torch.tensor(array) for name, array in ours.state_dict().items()}
        x = np.random.default_rng(0).normal(size=self.shape).astype(np.float32)
        images = x.ndim == 4
        steps = {"yuanli": _ours(ours, Tensor(channels_last(x) if images else x))}
        steps["torch"] = _torch(self.net, weights, torch.tensor(x), torch.contiguous_format)
        if images:
            steps["torch channels-last"] = _torch(self.net, weights, torch.tensor(x), torch.channels_last)
        return steps


def _ours(model, x) -> Step:
    def step() -> float:
        with no_grad():
            return float(model(x).data.max())

    return step


def _torch(net, weights, x, layout) -> Step:
    model = net(torch.nn, TORCH)
    take_over(model, weights)
    model = model.eval().to(memory_format=layout)
    x = x.to(memory_format=layout) if x.ndim == 4 else x

    def step() -> float:
        with torch.no_grad():
            return float(model(x).max())

    return step


NETS = (
    ("MLP 64-128-64-10", nets.mlp, (64,)),
    ("LeNet", nets.lenet, (1, 28, 28)),
    ("ResNet-20 on 32×32", nets.resnet20, (3, 32, 32)),
    ("VGG-16-BN on 32×32", nets.vgg16, (3, 32, 32)),
    ("ResNet-18 on 224×224", nets.resnet18, (3, 224, 224)),
    ("MobileNet v2 on 224×224", nets.mobilenet_v2, (3, 224, 224)),
    ("DenseNet-BC-100 (k=12) on 32×32", nets.densenet100, (3, 32, 32)),
)
INFERENCES = tuple(
    Inference(f"{name}, batch {batch}", net, (batch, *shape))
    for name, net, shape in NETS
    for batch in (1, 64)
)
