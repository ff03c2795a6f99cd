"""The networks that are measured, written once: `nn` is ours or torch's, `F` its functions.

Where the zoo has the network, ours is the zoo's, and the same is written for torch: its state has other
names, in the same order.
"""

from yuanli import nn as ours
from yuanli.models import CifarDenseNet, build


def mlp(nn, F):
    """64-128-64-10."""
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def lenet(nn, F):
    """LeNet-5 with ReLU and max pooling."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def vgg16(nn, F):
    """VGG-16 with batch norm for 32×32 images.  Simonyan & Zisserman 2014, arXiv:1409.1556, table 1 D."""
    layers, ins = [], 3
    for width in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if width:
            layers += [nn.Conv2d(ins, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            ins = width
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def resnet20(nn, F):
    """ResNet-20 for 32×32 images, with projections.  He 2015, arXiv:1512.03385, section 4.2."""
    return _resnet(nn, F, [nn.Conv2d(3, 16, 3, padding=1, bias=False)], (16, 32, 64), 3)


def resnet18(nn, F):
    """ResNet-18 for 224×224 images.  He 2015, arXiv:1512.03385, table 1."""
    if nn is ours:
        return build("resnet18")
    stem = [nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)]
    return _resnet(
        nn, F, stem, (64, 128, 256, 512), 2, after_stem=[nn.MaxPool2d(3, 2, padding=1)], classes=1000
    )


def _resnet(nn, F, stem, widths, depth, after_stem=(), classes=10):
    class Block(nn.Module):
        def __init__(self, ins, outs, stride):
            super().__init__()
            self.residual = nn.Sequential(
                nn.Conv2d(ins, outs, 3, stride=stride, padding=1, bias=False), nn.BatchNorm2d(outs),
                nn.ReLU(), nn.Conv2d(outs, outs, 3, padding=1, bias=False), nn.BatchNorm2d(outs),
            )  # fmt: skip
            shortcut = [nn.Conv2d(ins, outs, 1, stride=stride, bias=False), nn.BatchNorm2d(outs)]
            self.shortcut = nn.Sequential(*shortcut if stride > 1 or ins != outs else [])

        def forward(self, x):
            return F.relu(self.residual(x) + self.shortcut(x))

    blocks, ins = [], widths[0]
    for width in widths:
        for i in range(depth):
            blocks.append(Block(ins, width, 2 if i == 0 and width != widths[0] else 1))
            ins = width
    return nn.Sequential(
        *stem, nn.BatchNorm2d(widths[0]), nn.ReLU(), *after_stem, *blocks,
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(ins, classes),
    )  # fmt: skip


def mobilenet_v2(nn, F):
    """MobileNet v2 for 224×224 images.  Sandler 2018, arXiv:1801.04381, table 2."""
    if nn is ours:
        return build("mobilenet_v2", dropout=0.0)

    def conv(ins, outs, kernel, stride=1, groups=1, act=True):
        return [
            nn.Conv2d(ins, outs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outs),
            *([nn.ReLU6()] if act else []),
        ]

    class Inverted(nn.Module):
        def __init__(self, ins, outs, stride, widen):
            super().__init__()
            wide = ins * widen
            self.adds = stride == 1 and ins == outs
            self.path = nn.Sequential(
                *(conv(ins, wide, 1) if widen > 1 else []),
                *conv(wide, wide, 3, stride, wide),
                *conv(wide, outs, 1, act=False),
            )

        def forward(self, x):
            return x + self.path(x) if self.adds else self.path(x)

    layers, ins = conv(3, 32, 3, 2), 32
    for widen, outs, many, stride in (
        (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
        (6, 160, 3, 2), (6, 320, 1, 1),
    ):  # fmt: skip
        for i in range(many):
            layers.append(Inverted(ins, outs, stride if i == 0 else 1, widen))
            ins = outs
    return nn.Sequential(
        *layers, *conv(ins, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)
    )


def densenet100(nn, F):
    """DenseNet-BC-100, growth 12, for 32×32 images.  Huang 2016, arXiv:1608.06993, section 3 and 4.2."""
    if nn is ours:
        return CifarDenseNet(100, growth_rate=12, bottleneck=True)
    growth = 12

    class Dense(nn.Module):
        def __init__(self, ins):
            super().__init__()
            self.layers = nn.Sequential(
                nn.BatchNorm2d(ins), nn.ReLU(), nn.Conv2d(ins, 4 * growth, 1, bias=False),
                nn.BatchNorm2d(4 * growth), nn.ReLU(),
                nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
            )  # fmt: skip

        def forward(self, x):
            return F.cat([x, self.layers(x)], 1)

    layers, ins = [nn.Conv2d(3, 2 * growth, 3, padding=1, bias=False)], 2 * growth
    for block in range(3):
        for _ in range(16):
            layers.append(Dense(ins))
            ins += growth
        layers += [nn.BatchNorm2d(ins), nn.ReLU()]
        if block < 2:
            layers += [nn.Conv2d(ins, ins // 2, 1, bias=False), nn.AvgPool2d(2)]
            ins //= 2
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(ins, 10))


def char_lstm(nn, F):
    """A language model of 65 characters: embedding, LSTM, scores for the next character at every step."""

    class CharLSTM(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(65, 64)
            self.lstm = nn.LSTM(64, 256)
            self.scores = nn.Linear(256, 65)

        def forward(self, characters):  # (T, N)
            y, _ = self.lstm(self.embedding(characters))
            return self.scores(y).reshape(-1, 65)  # (T·N, 65)

    return CharLSTM()


def dcgan_generator(nn, F):
    """100 numbers to a 32×32 image.  Radford 2015, arXiv:1511.06434, figure 1, one size smaller."""
    layers, ins = [], 100
    for outs, kernel, stride, padding in ((256, 4, 1, 0), (128, 4, 2, 1), (64, 4, 2, 1)):
        conv = nn.ConvTranspose2d(ins, outs, kernel, stride=stride, padding=padding, bias=False)
        layers += [conv, nn.BatchNorm2d(outs), nn.ReLU()]
        ins = outs
    return nn.Sequential(*layers, nn.ConvTranspose2d(64, 3, 4, stride=2, padding=1, bias=False), nn.Tanh())


def dcgan_discriminator(nn, F):
    """A 32×32 image to one score.  Radford 2015, arXiv:1511.06434, section 3."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Conv2d(128, 256, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(256), nn.LeakyReLU(0.2),
        nn.Conv2d(256, 1, 4, bias=False),
    )  # fmt: skip
