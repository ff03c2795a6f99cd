"""LeNet-5 on small images."""

import numpy as np

from yuanli.data import Dataset, Split
from yuanli.models import LeNet5
from yuanli.nn import Module
from yuanli.recipes.network import Network
from yuanli.recipes.settings import Settings

MANY = 10_000  # images; of fewer, each is seen more often, and shifted further


class LeNet(Network):
    """Images of 28 to 32 pixels stay as they are; all others are brought to 32×32."""

    name = "lenet"
    title = "LeNet-5"
    title_zh = "LeNet-5 卷积网络"
    reads = "images"

    def unsuited(self, data: Split) -> str:
        return super().unsuited(data) or (
            "" if data.train.is_image else "it convolves images, and this is a table"
        )

    def settings(self, data: Dataset) -> Settings:
        if len(data) >= MANY:
            return Settings(epochs=5, lr=0.003, batch_size=64, augment=True)
        return Settings(epochs=40, lr=0.006, batch_size=32, augment=True, l2=1e-3)

    def sparse_lr(self, data: Dataset) -> float:
        return 0.1

    def shift(self, data: Dataset) -> int:
        return super().shift(data) if len(data) >= MANY else 3

    def size(self, data: Dataset) -> int | None:
        height, width = data.x.shape[2:]
        return None if height == width and 28 <= height <= 32 else 32

    def build(
        self, shape: tuple[int, ...], outputs: int, settings: Settings, rng: np.random.Generator
    ) -> Module:
        return LeNet5(shape[0], outputs, image_size=shape[1:], rng=rng)
