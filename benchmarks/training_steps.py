"""Whole training steps: forward, loss, backward, optimiser; float32, the same weights and batch for all."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from benchmarks import nets, peers
from yuanli import Tensor, manual_seed, nn, ops, optim

TORCH = SimpleNamespace(relu=torch.nn.functional.relu, cat=torch.cat)
Step = Callable[[], float]
compiled = False  # whether torch.compile is measured too


# The first losses of every side must agree.  From the second on they also measure gradients, which rounding
# alone changes in deep nets, where it moves numbers across ReLU's kink.  For MobileNet v2 at its random start
# torch's own float32 gradients are 1 % off its float64 ones, and its third losses in its two layouts differ
# by 3e-3; our float32 gradients are as far off, and our float64 ones agree with torch's to 1e-10.
LOSS_TOLERANCES = (1e-5, 1e-3, 1e-2)


@dataclass(frozen=True)
class TrainingStep:
    """A row of the table: a network, its inputs, and what ours ÷ best peer should be at most."""

    name: str
    target: float
    net: Callable
    shape: tuple[int, ...]
    classes: int = 10
    words: int = 0  # the inputs are numbers below this, (T, N), and each has a class
    peers: bool = False  # whether the libraries beside torch build it too: their compilers take minutes
    tolerances = LOSS_TOLERANCES

    def steps(self) -> dict[str, Step]:
        """One function a library, each making one step of SGD with momentum and returning the loss."""
        manual_seed(0)
        ours = self.net(nn, ops)
        weights = {name: torch.tensor(array) for name, array in ours.state_dict().items()}
        x, y = self.batch()
        steps = {"yuanli": our_step(ours, x, y), "torch": torch_step(self.net, weights, x, y)}
        if x.ndim == 4:
            steps["torch channels-last"] = torch_step(self.net, weights, x, y, torch.channels_last)
        if self.peers:
            steps |= peers.steps(self.net, {name: w.numpy().copy() for name, w in weights.items()}, x, y)
        if compiled:
            steps["torch.compile"] = torch_step(self.net, weights, x, y, wrap=torch.compile)
        return steps

    def batch(self) -> tuple[np.ndarray, np.ndarray]:
        """Random inputs and classes."""
        rng = np.random.default_rng(0)
        if self.words:
            x = rng.integers(0, self.words, self.shape)
            return x, rng.integers(0, self.classes, math.prod(self.shape))
        x = rng.normal(size=self.shape).astype(np.float32)
        return x, rng.integers(0, self.classes, self.shape[0])


def channels_last(x: np.ndarray) -> np.ndarray:
    """Images in the order of memory in which `Batches` makes them."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def take_over(model: torch.nn.Module, weights: dict[str, torch.Tensor]) -> None:
    """Load our state into torch's network, by order: names may differ."""
    model.load_state_dict(dict(zip(model.state_dict(), weights.values(), strict=True)))


def our_step(model, x: np.ndarray, y: np.ndarray) -> Step:
    """One step a call on one batch."""
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    inputs = Tensor(channels_last(x) if x.ndim == 4 else x)

    def step() -> float:
        loss = ops.cross_entropy(model(inputs), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_step(net, weights, x, y, layout=None, wrap=lambda model: model) -> Step:
    """The same; from the weights that torch chooses where `weights` is None."""
    model, x, target = net(torch.nn, TORCH), torch.tensor(x), torch.tensor(y)
    if weights:
        take_over(model, weights)
    if layout:
        model, x = model.to(memory_format=layout), x.to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    model = wrap(model)

    def step() -> float:
        loss = torch.nn.functional.cross_entropy(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


@dataclass(frozen=True)
class GanStep:
    """Both players of a DCGAN on 32×32 images take a step of Adam."""

    name: str
    target: float
    batch: int
    tolerances = LOSS_TOLERANCES

    def steps(self) -> dict[str, Step]:
        """One function a library, returning the sum of both losses."""
        manual_seed(0)
        nets_ = [net(nn, ops) for net in (nets.dcgan_generator, nets.dcgan_discriminator)]
        weights = [{n: torch.tensor(a) for n, a in net.state_dict().items()} for net in nets_]
        rng = np.random.default_rng(0)
        real = rng.normal(size=(self.batch, 3, 32, 32)).astype(np.float32)
        noise = rng.normal(size=(self.batch, 100, 1, 1)).astype(np.float32)
        steps = {"yuanli": _our_game(*nets_, channels_last(real), noise)}
        for name, layout in (
            ("torch", torch.contiguous_format),
            ("torch channels-last", torch.channels_last),
        ):
            theirs = [net(torch.nn, TORCH) for net in (nets.dcgan_generator, nets.dcgan_discriminator)]
            for net, w in zip(theirs, weights, strict=True):
                net.load_state_dict(w)
                net.to(memory_format=layout)
            tensors = [torch.tensor(a).to(memory_format=layout) for a in (real, noise)]
            steps[name] = _torch_game(*theirs, *tensors)
        return steps


def _our_game(generator, discriminator, real, noise) -> Step:
    players = [
        optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in (generator, discriminator)
    ]
    ones, zeros = (np.full((len(real), 1, 1, 1), v, np.float32) for v in (1, 0))
    bce = ops.binary_cross_entropy_with_logits
    return _game(generator, discriminator, players, bce, Tensor(real), Tensor(noise), ones, zeros)


def _torch_game(generator, discriminator, real, noise) -> Step:
    nets_ = generator, discriminator
    players = [torch.optim.Adam(net.parameters(), lr=2e-4, betas=(0.5, 0.999)) for net in nets_]
    ones, zeros = (torch.full((len(real), 1, 1, 1), v) for v in (1.0, 0.0))
    bce = torch.nn.functional.binary_cross_entropy_with_logits
    return _game(generator, discriminator, players, bce, real, noise, ones, zeros)


def _game(generator, discriminator, players, bce, real, noise, ones, zeros) -> Step:
    """The discriminator's step, then the generator's; the same code for both libraries."""

    def step() -> float:
        fake = generator(noise)
        players[1].zero_grad()
        against = bce(discriminator(real), ones) + bce(discriminator(fake.detach()), zeros)
        against.backward()
        players[1].step()
        players[0].zero_grad()
        deceived = bce(discriminator(fake), ones)
        deceived.backward()
        players[0].step()
        return against.item() + deceived.item()

    return step


TRAINING_STEPS = (
    TrainingStep("MLP 64-128-64-10, batch 32", 0.35, nets.mlp, (32, 64), peers=True),
    TrainingStep("LeNet, batch 128", 0.8, nets.lenet, (128, 1, 28, 28), peers=True),
    TrainingStep("ResNet-20 on 32×32, batch 128", 0.9, nets.resnet20, (128, 3, 32, 32), peers=True),
    TrainingStep("VGG-16-BN on 32×32, batch 64", 0.55, nets.vgg16, (64, 3, 32, 32)),
    TrainingStep("ResNet-18 on 224×224, batch 16", 0.9, nets.resnet18, (16, 3, 224, 224), 1000),
    TrainingStep("MobileNet v2 on 224×224, batch 16", 1.0, nets.mobilenet_v2, (16, 3, 224, 224), 1000),
    TrainingStep("DenseNet-BC-100 (k=12) on 32×32, batch 64", 0.9, nets.densenet100, (64, 3, 32, 32)),
    TrainingStep("LSTM 64→256, batch 32, 64 steps", 1.0, nets.char_lstm, (64, 32), 65, words=65),
    GanStep("DCGAN step on 32×32, batch 64", 0.9, 64),
)
