"""SqueezeNet: AlexNet's accuracy with fiftieth of its parameters."""

from typing import Any

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.models.images import he_, need_images
from yuanli.nn import AdaptiveAvgPool2d, Conv2d, Dropout, MaxPool2d, Module, ReLU, Sequential, init
from yuanli.ops import cat, flatten, relu
from yuanli.tensor import Tensor

Rng = np.random.Generator | None
SMALLEST = {"1.0": 21, "1.1": 17}  # pixels


class Fire(Module):
    """Squeeze to few channels by a 1×1, then expand by 1×1 and 3×3 side by side.  Figure 1."""

    def __init__(self, ins: int, squeeze: int, expand: int, rng: Rng = None) -> None:
        self.squeeze = Conv2d(ins, squeeze, 1, rng=rng)
        self.expand1x1 = Conv2d(squeeze, expand, 1, rng=rng)
        self.expand3x3 = Conv2d(squeeze, expand, 3, padding=1, rng=rng)

    def forward(self, x: Any) -> Tensor:
        x = relu(self.squeeze(x))
        return cat([relu(self.expand1x1(x)), relu(self.expand3x3(x))], 1)


class SqueezeNet(Module):
    """A convolution, eight fire modules, a 1×1 to a map for each class, and its average.

    (N, in_channels, H, W) → (N, num_classes), for 224×224 images.  version "1.0": the paper, 1,248,424
    parameters; "1.1": the authors' later one, 3×3 first and pooling earlier, 1,235,496 for 2.4 times less.
    Raises: ShapeError below 21×21 ("1.1": 17×17), ValueRangeError for another version.
    Source: Iandola 2016, arXiv:1602.07360, table 1.  State names are torchvision's.
    """

    def __init__(
        self,
        version: str = "1.0",
        num_classes: int = 1000,
        in_channels: int = 3,
        dropout: float = 0.5,
        rng: Rng = None,
    ) -> None:
        if version not in SMALLEST:
            raise ValueRangeError(f'SqueezeNet needs version "1.0" or "1.1", got {version!r}')
        self.in_channels, self.smallest = in_channels, SMALLEST[version]

        def fire(ins: int, squeeze: int, expand: int) -> Fire:
            return Fire(ins, squeeze, expand, rng)

        def pool() -> MaxPool2d:
            return MaxPool2d(3, 2, ceil_mode=True)

        if version == "1.0":
            self.features = Sequential(
                Conv2d(in_channels, 96, 7, stride=2, rng=rng), ReLU(), pool(),
                fire(96, 16, 64), fire(128, 16, 64), fire(128, 32, 128), pool(),
                fire(256, 32, 128), fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), pool(),
                fire(512, 64, 256),
            )  # fmt: skip
        else:
            self.features = Sequential(
                Conv2d(in_channels, 64, 3, stride=2, rng=rng), ReLU(), pool(),
                fire(64, 16, 64), fire(128, 16, 64), pool(),
                fire(128, 32, 128), fire(256, 32, 128), pool(),
                fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), fire(512, 64, 256),
            )  # fmt: skip
        scores = Conv2d(512, num_classes, 1, rng=rng)
        self.classifier = Sequential(Dropout(dropout, rng=rng), scores, ReLU(), AdaptiveAvgPool2d(1))
        he_(self, rng)
        init.normal_(scores.weight, std=0.01, rng=rng)  # near 0: no class is preferred

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, self.smallest)
        return flatten(self.classifier(self.features(x)), 1)
