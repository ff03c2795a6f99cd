"""Every network of the zoo as an image classifier, trained as its paper does where that suits small data.

What the papers share: steps with momentum 0.9, a penalty on the weights, shifted and mirrored images, and a
learning rate that falls tenfold at half and at three quarters of the training (He 2015, Huang 2016).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from yuanli.data import Dataset, Split
from yuanli.data.augment import Augmentations, Cutout
from yuanli.errors import ValueRangeError
from yuanli.models import ZOO
from yuanli.nn import Module
from yuanli.ops import cross_entropy
from yuanli.recipes.network import Loss, Network, epochs_for
from yuanli.recipes.settings import Settings, number, whole

MANY = 10_000  # images; of fewer, a step sees a few, at a smaller rate, and each is seen at most SEEN times
SEEN = 40


@dataclass(frozen=True)
class Plan:
    """How a family of networks learns.

    Square images of least to most pixels stay as they are; others become squares of their longer side, or of
    the nearer of the two where that is outside.
    steps, batch_size, lr, l2, optimizer, dropout: of the family's paper, or what works.
    """

    least: int
    most: int
    lr: float = 0.1
    l2: float = 1e-4
    batch_size: int = 128
    steps: int = 64_000
    epochs: int = 200  # at most
    optimizer: str = "momentum"
    dropout: float = 0.0
    dropped: str = ""  # the name of the network's option for it, if any
    build: Callable[[tuple[int, ...]], dict[str, Any]] = field(default=lambda shape: {})


def _of_size(shape: tuple[int, ...]) -> dict[str, Any]:
    return {"image_size": shape[1:]}


def _vgg(shape: tuple[int, ...]) -> dict[str, Any]:
    """Small images leave 512 numbers, for which layers of 4096 are too wide."""
    return {"image_size": shape[1:], "hidden": (4096, 4096) if shape[1] >= 128 else (512,)}


def _no_heads(shape: tuple[int, ...]) -> dict[str, Any]:
    return {"aux_logits": False}


CIFAR = Plan(32, 32)
LARGE = Plan(64, 224, batch_size=64, steps=40_000, epochs=90)
NO_NORM = replace(LARGE, lr=0.01, l2=5e-4, dropout=0.5, dropped="dropout")  # 0.1 needs batch norm
MOBILE = replace(LARGE, l2=4e-5)  # small networks over-fit less

# The names in ZOO, with {} for each of the variants, the titles, and how they learn.
FAMILIES: tuple[tuple[str, str, str, tuple[str, ...], Plan], ...] = (
    ("alexnet{}", "AlexNet", "AlexNet 网络", ("",), NO_NORM),
    ("alexnet_paper{}", "AlexNet of the paper", "AlexNet 论文原版", ("",),
     replace(NO_NORM, least=67, most=227, build=_of_size)),
    ("nin{}", "Network in network", "网中网 NiN", ("",), replace(NO_NORM, least=32, most=32, batch_size=128)),
    ("vgg{}", "VGG-{}", "VGG-{} 网络", ("11", "13", "16", "19"), replace(NO_NORM, least=32, build=_vgg)),
    ("vgg{}_bn", "VGG-{} with batch norm", "VGG-{} 网络，批归一化", ("11", "13", "16", "19"),
     replace(NO_NORM, least=32, lr=0.05, build=_vgg)),
    ("googlenet{}", "GoogLeNet", "GoogLeNet 网络", ("",),
     replace(LARGE, lr=0.05, dropout=0.2, dropped="dropout", build=_no_heads)),
    ("googlenet_paper{}", "GoogLeNet of the paper", "GoogLeNet 论文原版", ("",),
     replace(NO_NORM, dropout=0.4, build=_no_heads)),
    ("inception_v{}", "Inception v{}", "Inception v{} 网络", ("3",),
     replace(LARGE, least=128, most=299, lr=0.05, dropout=0.2, dropped="dropout", build=_no_heads)),
    ("inception_v{}", "Inception v{}", "Inception v{} 网络", ("4",),
     replace(LARGE, least=128, most=299, lr=0.05, dropout=0.2, dropped="dropout")),
    ("resnet{}", "ResNet-{}", "残差网络 ResNet-{}", ("18", "34", "50", "101", "152"), LARGE),
    ("plain{}", "ResNet-{} without shortcuts", "去掉捷径的 ResNet-{}", ("18", "34"), LARGE),
    ("resnet{}", "ResNet-{}", "残差网络 ResNet-{}", ("20", "32", "44", "56"), CIFAR),
    ("resnet{}", "ResNet-{}", "残差网络 ResNet-{}", ("110",), replace(CIFAR, lr=0.05)),  # 0.1 starts badly
    ("plain{}", "ResNet-{} without shortcuts", "去掉捷径的 ResNet-{}", ("20", "32", "44", "56", "110"),
     CIFAR),
    ("densenet{}", "DenseNet-{}", "密集连接网络 DenseNet-{}", ("121", "161", "169", "201"),
     replace(LARGE, optimizer="nesterov", dropped="drop_rate")),
    ("densenet{}_k12", "DenseNet-{}, k = 12", "密集连接网络 DenseNet-{}，k = 12", ("40", "_bc100"),
     replace(CIFAR, batch_size=64, steps=200_000, epochs=300, optimizer="nesterov", dropped="drop_rate")),
    ("squeezenet{}", "SqueezeNet {}", "SqueezeNet {} 轻量网络", ("1_0", "1_1"),
     replace(NO_NORM, l2=2e-4)),
    ("shufflenet_{}", "ShuffleNet {}", "ShuffleNet {} 轻量网络",
     ("v1", "v2_x0_5", "v2_x1_0", "v2_x1_5", "v2_x2_0"), MOBILE),
    ("mobilenet_{}", "MobileNet {}", "MobileNet {} 轻量网络", ("v1", "v2"),
     replace(MOBILE, lr=0.05, dropout=0.2, dropped="dropout")),
)  # fmt: skip


@dataclass(frozen=True)
class ConvolutionalSettings(Settings):
    """label_smoothing: the share of each label that is spread over all classes (Szegedy 2015,
    arXiv:1512.00567, section 7).  cutout: the edge in pixels of a square that each training image loses
    somewhere (DeVries & Taylor 2017, arXiv:1708.04552)."""

    label_smoothing: float = 0.0
    cutout: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        share = self.label_smoothing
        self._check("label_smoothing", number(share) and 0 <= share < 1, "a share from 0 to below 1")
        self._check("cutout", whole(self.cutout) and self.cutout >= 0, "a number of pixels, 0 for none")
        self._check("cutout", self.augment or not self.cutout, "augment, which is switched off")


class Convolutional(Network):
    """The network of the zoo called `name`, for classes of images."""

    reads: ClassVar[str] = "images"
    settings_type: ClassVar[type[Settings]] = ConvolutionalSettings
    compared: ClassVar[bool] = False

    def __init__(self, name: str, title: str, title_zh: str, plan: Plan) -> None:
        self.name, self.title, self.title_zh, self.plan = name, title, title_zh, plan

    @property
    def takes_dropout(self) -> bool:  # type: ignore[override]
        return bool(self.plan.dropped)

    def unsuited(self, data: Split) -> str:
        if reason := super().unsuited(data):
            return reason
        if not data.train.is_image:
            return "it convolves images, and this is a table"
        return "" if data.train.is_classification else "it tells classes, and this has a number to predict"

    def settings(self, data: Dataset) -> Settings:
        plan = self.plan
        if len(data) < MANY:
            plan = replace(plan, lr=plan.lr / 2, batch_size=32, epochs=SEEN)
        return ConvolutionalSettings(
            epochs=epochs_for(data, plan.steps, plan.batch_size, plan.epochs),
            lr=plan.lr,
            batch_size=plan.batch_size,
            optimizer=plan.optimizer,
            schedule="milestones",
            l2=plan.l2,
            dropout=plan.dropout,
            augment=True,
        )

    def loss(self, settings: Settings) -> Loss:
        assert isinstance(settings, ConvolutionalSettings)
        return partial(cross_entropy, label_smoothing=settings.label_smoothing)

    def augmentation(self, data: Dataset, settings: Settings) -> Any:
        assert isinstance(settings, ConvolutionalSettings)
        moved, edge = super().augmentation(data, settings), self.size(data) or data.x.shape[3]
        if settings.cutout >= edge:
            raise ValueRangeError(
                f"cutout needs fewer pixels than an image's edge, {edge}, got {settings.cutout}"
            )
        return Augmentations(moved, Cutout(settings.cutout)) if settings.cutout else moved

    def shift(self, data: Dataset) -> int:
        """An eighth of the width: 4 of 32 pixels, as He 2015."""
        return max(1, (self.size(data) or data.x.shape[3]) // 8)

    def size(self, data: Dataset) -> int | None:
        height, width = data.x.shape[2:]
        wanted = min(max(height, width, self.plan.least), self.plan.most)
        return None if height == width == wanted else wanted

    def build(
        self, shape: tuple[int, ...], outputs: int, settings: Settings, rng: np.random.Generator
    ) -> Module:
        options = self.plan.build(shape)
        if self.plan.dropped:
            options[self.plan.dropped] = settings.dropout
        return ZOO[self.name](num_classes=outputs, in_channels=shape[0], rng=rng, **options)


def convolutional() -> list[Convolutional]:
    """A recipe for every network of the zoo but LeNet-5, which has its own."""
    recipes = []
    for name, title, title_zh, variants, plan in FAMILIES:
        for variant in variants:
            spoken = variant.strip("_").replace("_x", " ×").replace("_", ".").replace("bc", "BC-")
            titles = (title.format(spoken), title_zh.format(spoken))
            recipes.append(Convolutional(name.format(variant), *titles, plan))
    return recipes
