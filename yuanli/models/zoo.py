"""Every network of the zoo by its name, which is torchvision's where torchvision has it."""

import difflib
from collections.abc import Callable
from functools import partial
from typing import Any

from yuanli.errors import UnknownNameError
from yuanli.models.alexnet import AlexNet
from yuanli.models.densenet import CifarDenseNet, DenseNet
from yuanli.models.googlenet import GoogLeNet
from yuanli.models.inception_v3 import InceptionV3
from yuanli.models.inception_v4 import InceptionV4
from yuanli.models.lenet import LeNet5
from yuanli.models.mobilenet import MobileNetV1, MobileNetV2
from yuanli.models.nin import NiN
from yuanli.models.resnet import BasicBlock, Bottleneck, CifarResNet, PlainBlock, ResNet
from yuanli.models.shufflenet import ShuffleNetV1, ShuffleNetV2
from yuanli.models.squeezenet import SqueezeNet
from yuanli.models.vgg import VGG
from yuanli.nn import Module

LAYERS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}

ZOO: dict[str, Callable[..., Module]] = {
    "lenet": LeNet5,
    "alexnet": AlexNet,
    "alexnet_paper": partial(AlexNet, "paper"),
    "nin": NiN,
    **{f"vgg{depth}": partial(VGG, depth) for depth in (11, 13, 16, 19)},
    **{f"vgg{depth}_bn": partial(VGG, depth, True) for depth in (11, 13, 16, 19)},
    "googlenet": GoogLeNet,
    "googlenet_paper": partial(GoogLeNet, "paper"),
    "inception_v3": InceptionV3,
    "inception_v4": InceptionV4,
    **{f"resnet{depth}": partial(ResNet, BasicBlock, LAYERS[depth]) for depth in (18, 34)},
    **{f"resnet{depth}": partial(ResNet, Bottleneck, LAYERS[depth]) for depth in (50, 101, 152)},
    **{f"plain{depth}": partial(ResNet, PlainBlock, LAYERS[depth]) for depth in (18, 34)},
    **{f"resnet{depth}": partial(CifarResNet, depth) for depth in (20, 32, 44, 56, 110)},
    **{f"plain{depth}": partial(CifarResNet, depth, PlainBlock) for depth in (20, 32, 44, 56, 110)},
    "densenet121": DenseNet,
    "densenet161": partial(DenseNet, 48, (6, 12, 36, 24), 96),
    "densenet169": partial(DenseNet, 32, (6, 12, 32, 32)),
    "densenet201": partial(DenseNet, 32, (6, 12, 48, 32)),
    "densenet40_k12": partial(CifarDenseNet, 40),
    "densenet_bc100_k12": partial(CifarDenseNet, 100, bottleneck=True),
    "squeezenet1_0": partial(SqueezeNet, "1.0"),
    "squeezenet1_1": partial(SqueezeNet, "1.1"),
    "shufflenet_v1": ShuffleNetV1,
    "shufflenet_v2_x0_5": partial(ShuffleNetV2, 0.5),
    "shufflenet_v2_x1_0": partial(ShuffleNetV2, 1.0),
    "shufflenet_v2_x1_5": partial(ShuffleNetV2, 1.5),
    "shufflenet_v2_x2_0": partial(ShuffleNetV2, 2.0),
    "mobilenet_v1": MobileNetV1,
    "mobilenet_v2": MobileNetV2,
}


def build(name: str, **options: Any) -> Module:
    """The network called `name`, with the options of its class: num_classes, in_channels, rng, …

    Raises: UnknownNameError that offers the nearest names; what the class raises.
    """
    known(name)
    return ZOO[name](**options)


def known(name: str) -> str:
    """`name`, if a network has it; the error offers the nearest names."""
    if name not in ZOO:
        near = difflib.get_close_matches(name.lower().replace("-", "_"), ZOO, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are: {', '.join(ZOO)}"
        raise UnknownNameError(f"no network is called {name!r}; {hint}")
    return name


def native_shape(name: str) -> tuple[int, int, int]:
    """(C, H, W) of the pictures that the network called `name` was made for."""
    if name == "lenet":
        return (1, 32, 32)
    made = ZOO[known(name)]
    kind = made.func if isinstance(made, partial) else made
    pixels = 32 if kind in (CifarResNet, CifarDenseNet, NiN) else 299 if name.startswith("inception") else 224
    return (3, 227, 227) if name == "alexnet_paper" else (3, pixels, pixels)


def build_for(name: str, shape: tuple[int, ...], **options: Any) -> Module:
    """`build` for pictures of `shape` (C, H, W): so many channels, and the size where it is an option."""
    sized = name in ("lenet", "alexnet_paper") or name.startswith("vgg")
    sizes = {"image_size": shape[1:]} if sized else {}
    return build(name, in_channels=shape[0], **sizes, **options)
