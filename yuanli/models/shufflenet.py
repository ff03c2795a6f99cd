"""ShuffleNet v1 and v2: cheap 1×1 convolutions, and channels that are dealt round."""

from typing import Any

import numpy as np

from yuanli.errors import ValueRangeError
from yuanli.models.images import he_, need_images
from yuanli.nn import (
    AvgPool2d,
    BatchNorm2d,
    ChannelShuffle,
    Conv2d,
    Identity,
    Linear,
    MaxPool2d,
    Module,
    ReLU,
    Sequential,
)  # fmt: skip
from yuanli.ops import adaptive_avg_pool2d, cat, channel_shuffle, flatten, relu
from yuanli.tensor import Tensor

Rng = np.random.Generator | None
REPEATS = (4, 8, 4)  # units in stages 2, 3 and 4

# Channels of stages 2 to 4 at scale 1, so that each number of groups costs about the same: v1, table 1.
STAGES_V1 = {
    1: (144, 288, 576),
    2: (200, 400, 800),
    3: (240, 480, 960),
    4: (272, 544, 1088),
    8: (384, 768, 1536),
}
# Channels of stages 2 to 4 and of the last 1×1: v2, table 5.
STAGES_V2 = {
    0.5: (48, 96, 192, 1024), 1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024), 2.0: (244, 488, 976, 2048),
}  # fmt: skip


def pointwise(ins: int, outs: int, rng: Rng, groups: int = 1) -> Conv2d:
    return Conv2d(ins, outs, 1, groups=groups, bias=False, rng=rng)


def depthwise(channels: int, stride: int, rng: Rng) -> Conv2d:
    return Conv2d(channels, channels, 3, stride=stride, padding=1, groups=channels, bias=False, rng=rng)


def stem(in_channels: int, rng: Rng) -> Sequential:
    conv = Conv2d(in_channels, 24, 3, stride=2, padding=1, bias=False, rng=rng)
    return Sequential(conv, BatchNorm2d(24), ReLU())


class ShuffleUnitV1(Module):
    """Grouped 1×1, shuffle, 3×3 on each channel, grouped 1×1; then x is added (stride 1) or joined.

    v1, figure 2b and c.
    """

    def __init__(self, ins: int, outs: int, stride: int, groups: int, rng: Rng = None) -> None:
        self.stride = stride
        width = outs // 4
        made = outs - ins if stride == 2 else outs
        self.branch = Sequential(
            pointwise(ins, width, rng, 1 if ins == 24 else groups), BatchNorm2d(width), ReLU(),
            ChannelShuffle(groups),
            depthwise(width, stride, rng), BatchNorm2d(width),
            pointwise(width, made, rng, groups), BatchNorm2d(made),
        )  # fmt: skip
        self.shortcut = AvgPool2d(3, 2, padding=1) if stride == 2 else Identity()

    def forward(self, x: Any) -> Tensor:
        if self.stride == 2:
            return relu(cat([self.shortcut(x), self.branch(x)], 1))
        return relu(x + self.branch(x))


class ShuffleNetV1(Module):
    """A 3×3 convolution, a maximum, three stages of shuffle units, the average, a linear layer.

    (N, in_channels, H, W) → (N, num_classes), for 224×224 images.  `groups`: 1, 2, 3, 4 or 8; with 3
    1,865,728 parameters.  The first 1×1 has no groups, since it sees 24 channels.
    Raises: ValueRangeError for other groups.
    Source: Zhang 2017, arXiv:1707.01083, table 1.
    """

    def __init__(
        self, groups: int = 3, num_classes: int = 1000, in_channels: int = 3, rng: Rng = None
    ) -> None:
        if groups not in STAGES_V1:
            raise ValueRangeError(f"ShuffleNetV1 needs groups of 1, 2, 3, 4 or 8, got {groups!r}")
        self.in_channels = in_channels
        self.conv1 = stem(in_channels, rng)
        self.maxpool = MaxPool2d(3, 2, padding=1)
        ins, stages = 24, []
        for outs, repeats in zip(STAGES_V1[groups], REPEATS, strict=True):
            units = [ShuffleUnitV1(ins, outs, 2, groups, rng)]
            units += [ShuffleUnitV1(outs, outs, 1, groups, rng) for _ in range(repeats - 1)]
            stages.append(Sequential(*units))
            ins = outs
        self.stage2, self.stage3, self.stage4 = stages
        self.fc = Linear(ins, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, smallest=1)
        x = self.maxpool(self.conv1(x))  # (N, 24, 56, 56)
        x = self.stage4(self.stage3(self.stage2(x)))  # (N, 960, 7, 7)
        return self.fc(flatten(adaptive_avg_pool2d(x, 1), 1))


class InvertedResidual(Module):
    """Half of the channels pass, the other half is convolved; joined and shuffled.  v2, figure 3c and d.

    With stride 2 all channels go both ways, so that they become twice as many.
    """

    def __init__(self, ins: int, outs: int, stride: int, rng: Rng = None) -> None:
        self.stride = stride
        half = outs // 2
        into = ins if stride == 2 else half
        self.branch1 = Sequential()
        if stride == 2:
            self.branch1.extend((depthwise(ins, 2, rng), BatchNorm2d(ins)))
            self.branch1.extend((pointwise(ins, half, rng), BatchNorm2d(half), ReLU()))
        self.branch2 = Sequential(
            pointwise(into, half, rng), BatchNorm2d(half), ReLU(),
            depthwise(half, stride, rng), BatchNorm2d(half),
            pointwise(half, half, rng), BatchNorm2d(half), ReLU(),
        )  # fmt: skip

    def forward(self, x: Any) -> Tensor:
        if self.stride == 2:
            return channel_shuffle(cat([self.branch1(x), self.branch2(x)], 1), 2)
        half = x.shape[1] // 2
        return channel_shuffle(cat([x[:, :half], self.branch2(x[:, half:])], 1), 2)


class ShuffleNetV2(Module):
    """As v1, with units that split their channels, and a 1×1 convolution before the average.

    (N, in_channels, H, W) → (N, num_classes), for 224×224 images.  `scale` 0.5, 1.0, 1.5 or 2.0; 2,278,604
    parameters at 1.0.
    Raises: ValueRangeError for another scale.
    Source: Ma 2018, arXiv:1807.11164, table 5.  State names are torchvision's.
    """

    def __init__(
        self, scale: float = 1.0, num_classes: int = 1000, in_channels: int = 3, rng: Rng = None
    ) -> None:
        if scale not in STAGES_V2:
            raise ValueRangeError(f"ShuffleNetV2 needs a scale of 0.5, 1.0, 1.5 or 2.0, got {scale!r}")
        self.in_channels = in_channels
        self.conv1 = stem(in_channels, rng)
        self.maxpool = MaxPool2d(3, 2, padding=1)
        *widths, last = STAGES_V2[scale]
        ins, stages = 24, []
        for outs, repeats in zip(widths, REPEATS, strict=True):
            units = [InvertedResidual(ins, outs, 2, rng)]
            units += [InvertedResidual(outs, outs, 1, rng) for _ in range(repeats - 1)]
            stages.append(Sequential(*units))
            ins = outs
        self.stage2, self.stage3, self.stage4 = stages
        self.conv5 = Sequential(pointwise(ins, last, rng), BatchNorm2d(last), ReLU())
        self.fc = Linear(last, num_classes, rng=rng)
        he_(self, rng)

    def forward(self, x: Any) -> Tensor:  # (N, 3, 224, 224)
        need_images(self, x, self.in_channels, smallest=1)
        x = self.maxpool(self.conv1(x))  # (N, 24, 56, 56)
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))  # (N, 1024, 7, 7)
        return self.fc(flatten(adaptive_avg_pool2d(x, 1), 1))
