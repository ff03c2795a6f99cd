"""Generative adversarial networks: a generator and a discriminator that are trained against each other."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.errors import ShapeError
from yuanli.nn import (
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    Sequential,
    Tanh,
    init,
)
from yuanli.nn.activation import LeakyReLU, ReLU
from yuanli.random import generator as own
from yuanli.tensor import Tensor, no_grad


class GAN(Module):
    """Two players: `generator` makes images of noise z, `discriminator` tells them from real ones.

        min_G max_D  E[ln D(x)] + E[ln(1 − D(G(z)))],   z ~ N(0, 1)ⁿ,   D = σ(score)

    Its optimum for a fixed G is D = p/(p + p_G), and the game's is p_G = p, where D is 1/2 everywhere.
    Source: Goodfellow 2014, arXiv:1406.2661, equation 1 and proposition 1.
    """

    def __init__(
        self, generator: Module, discriminator: Module, noise: int, rng: np.random.Generator | None = None
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.noise = noise
        self.rng = np.random.default_rng(own(rng).integers(2**63))

    def forward(self, z: Any) -> Tensor:  # (N, noise) → (N, …)
        return self.generator(z)

    def draw(self, n: int, rng: np.random.Generator | None = None) -> np.ndarray:
        """Noise z (n, noise), from `rng` or the game's own generator."""
        return (rng or self.rng).standard_normal((n, self.noise), np.float32)

    def sample(self, z: np.ndarray, at_once: int = 256) -> np.ndarray:
        """What the generator makes of the noise z (n, noise), in evaluation mode."""
        before = self.generator.training
        self.generator.eval()
        with no_grad():
            parts = [self.generator(Tensor(z[i : i + at_once])).data for i in range(0, len(z), at_once)]
        self.generator.train(before)
        return np.concatenate(parts)


def gan(
    shape: Sequence[int],
    *,
    noise: int = 64,
    hidden: Sequence[int] = (256, 512),
    rng: np.random.Generator | None = None,
) -> GAN:
    """The first GAN: multilayer perceptrons for rows or images of `shape`; images have values in [−1, 1].

    Source: Goodfellow 2014, arXiv:1406.2661, section 5.
    Differs: the discriminator has leaky ReLUs in place of maxout and dropout; images are tanh in place of
    sigmoid; the generator's hidden layers are normalised over the batch where there are images.
    """
    size, images = int(np.prod(shape)), len(shape) == 3
    layers: list[Module] = []
    for ins, outs in pairwise((noise, *hidden)):
        layers += [Linear(ins, outs, rng=rng), *([BatchNorm1d(outs)] if images else []), ReLU()]
    layers += [Linear(hidden[-1], size, rng=rng), *([Tanh()] if images else [])]
    judge: list[Module] = []
    for ins, outs in pairwise((size, *reversed(hidden))):
        judge += [Linear(ins, outs, rng=rng), LeakyReLU(0.2)]
    judge.append(Linear(hidden[0], 1, rng=rng))
    return GAN(Sequential(*layers, Reshape(shape)), Sequential(Reshape((size,)), *judge), noise, rng)


def dcgan(
    shape: Sequence[int], *, noise: int = 64, width: int = 32, rng: np.random.Generator | None = None
) -> GAN:
    """Convolutions with strides in place of pooling, batch normalisation, ReLU against leaky ReLU.

    shape: (C, H, W), H and W multiples of 4, at least 8; images are in [−1, 1].  The generator doubles the
    size twice, from (4·width, H/4, W/4) to (2·width, H/2, W/2) to the image; the discriminator goes back.
    Raises: ShapeError for another size.
    Source: Radford 2015, arXiv:1511.06434, section 3 and figure 1: weights N(0, 0.02²), slope 0.2.
    Differs: two doublings in place of four, for images of 28 and 32 pixels where the paper has 64.
    """
    C, H, W = shape
    if H % 4 or W % 4 or min(H, W) < 8:
        raise ShapeError(f"dcgan needs images whose sides are multiples of 4, at least 8, got {H}×{W}")
    h, w, wide = H // 4, W // 4, 2 * width
    options: dict[str, Any] = {"stride": 2, "padding": 1, "bias": False, "rng": rng}
    generator = Sequential(
        Linear(noise, 2 * wide * h * w, bias=False, rng=rng), Reshape((2 * wide, h, w)),
        BatchNorm2d(2 * wide), ReLU(),
        ConvTranspose2d(2 * wide, wide, 4, **options), BatchNorm2d(wide), ReLU(),
        ConvTranspose2d(wide, C, 4, **options | {"bias": True}), Tanh(),
    )  # fmt: skip
    discriminator = Sequential(
        Conv2d(C, wide, 4, **options | {"bias": True}), LeakyReLU(0.2),
        Conv2d(wide, 2 * wide, 4, **options), BatchNorm2d(2 * wide), LeakyReLU(0.2),
        Reshape((2 * wide * h * w,)), Linear(2 * wide * h * w, 1, rng=rng),
    )  # fmt: skip
    for module in (*generator.modules(), *discriminator.modules()):
        if isinstance(module, Linear | Conv2d | ConvTranspose2d):
            init.normal_(module.weight, 0, 0.02, rng=rng)
    return GAN(generator, discriminator, noise, rng)


class Reshape(Module):
    """(N, …) → (N, *shape)."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)

    def forward(self, x: Any) -> Tensor:
        return ops.reshape(x, (len(x), *self.shape))

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.shape))
