"""The networks that torchvision has not, as plain functions of a state and a picture.

Written from the papers' figures without layers or classes: `w` holds the state by name, and the functions
apply torch's operations to it.
"""

from typing import Any

import torch
import torch.nn.functional as F

Tensor = torch.Tensor


class State:
    """A state dict; `training` decides whose statistics batch norm uses."""

    def __init__(self, arrays: dict[str, Any], training: bool) -> None:
        self.training = training
        self.tensors = {name: torch.tensor(a) for name, a in arrays.items()}
        for name, t in self.tensors.items():
            t.requires_grad_(t.dtype.is_floating_point and "running" not in name)

    def conv(self, name: str, x: Tensor, **options: Any) -> Tensor:
        return F.conv2d(x, self.tensors[f"{name}.weight"], self.tensors.get(f"{name}.bias"), **options)

    def linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"])

    def norm(self, name: str, x: Tensor, eps: float = 1e-5) -> Tensor:
        mean, var, weight, bias = (
            self.tensors[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, weight, bias, self.training, 0.1, eps)

    def has(self, name: str) -> bool:
        return any(key.startswith(f"{name}.") for key in self.tensors)


def average(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def cifar_resnet(w: State, x: Tensor, shortcut: bool = True) -> Tensor:
    """He 2015, section 4.2; option A."""
    x = w.norm("bn1", w.conv("conv1", x, padding=1)).relu()
    for stage in (1, 2, 3):
        i = 0
        while w.has(block := f"layer{stage}.{i}"):
            stride = 2 if stage > 1 and i == 0 else 1
            y = w.norm(f"{block}.bn1", w.conv(f"{block}.conv1", x, stride=stride, padding=1)).relu()
            y = w.norm(f"{block}.bn2", w.conv(f"{block}.conv2", y, padding=1))
            if shortcut and stride == 2:
                zeros = torch.zeros_like(x[:, : x.shape[1] // 2, ::2, ::2])
                x = torch.cat([zeros, x[:, :, ::2, ::2], zeros], 1)
            x = (y + x if shortcut else y).relu()
            i += 1
    return w.linear("fc", average(x))


def plain_resnet(w: State, x: Tensor) -> Tensor:
    """He 2015, table 1, without shortcuts."""
    x = w.norm("bn1", w.conv("conv1", x, stride=2, padding=3)).relu()
    x = F.max_pool2d(x, 3, 2, 1)
    for stage in (1, 2, 3, 4):
        i = 0
        while w.has(block := f"layer{stage}.{i}"):
            stride = 2 if stage > 1 and i == 0 else 1
            x = w.norm(f"{block}.bn1", w.conv(f"{block}.conv1", x, stride=stride, padding=1)).relu()
            x = w.norm(f"{block}.bn2", w.conv(f"{block}.conv2", x, padding=1)).relu()
            i += 1
    return w.linear("fc", average(x))


def cifar_densenet(w: State, x: Tensor) -> Tensor:
    """Huang 2016, sections 3 and 4.2; with two convolutions a layer it is the BC form."""
    x = w.conv("features.conv0", x, padding=1)
    for block in (1, 2, 3):
        maps, i = [x], 1
        while w.has(layer := f"features.denseblock{block}.denselayer{i}"):
            y = w.norm(f"{layer}.norm1", torch.cat(maps, 1)).relu()
            if w.has(f"{layer}.conv2"):
                y = w.norm(f"{layer}.norm2", w.conv(f"{layer}.conv1", y)).relu()
                y = w.conv(f"{layer}.conv2", y, padding=1)
            else:
                y = w.conv(f"{layer}.conv1", y, padding=1)
            maps.append(y)
            i += 1
        x = torch.cat(maps, 1)
        if block < 3:
            t = f"features.transition{block}"
            x = F.avg_pool2d(w.conv(f"{t}.conv", w.norm(f"{t}.norm", x).relu()), 2)
    return w.linear("classifier", average(w.norm("features.norm5", x).relu()))


def mobilenet_v1(w: State, x: Tensor) -> Tensor:
    """Howard 2017, table 1."""
    x = w.norm("features.0.1", w.conv("features.0.0", x, stride=2, padding=1)).relu()
    for i, stride in enumerate((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), 1):
        here = f"features.{i}"
        x = w.conv(f"{here}.0.0", x, stride=stride, padding=1, groups=x.shape[1])
        x = w.norm(f"{here}.0.1", x).relu()
        x = w.norm(f"{here}.1.1", w.conv(f"{here}.1.0", x)).relu()
    return w.linear("classifier.1", average(x))


def shufflenet_v1(w: State, x: Tensor, groups: int) -> Tensor:
    """Zhang 2017, figure 2 and table 1."""
    x = w.norm("conv1.1", w.conv("conv1.0", x, stride=2, padding=1)).relu()
    x = F.max_pool2d(x, 3, 2, 1)
    for stage in (2, 3, 4):
        for i in range({2: 4, 3: 8, 4: 4}[stage]):
            here, first = f"stage{stage}.{i}.branch", i == 0
            y = w.conv(f"{here}.0", x, groups=1 if stage == 2 and first else groups)
            y = F.channel_shuffle(w.norm(f"{here}.1", y).relu(), groups)
            y = w.conv(f"{here}.4", y, stride=2 if first else 1, padding=1, groups=y.shape[1])
            y = w.norm(f"{here}.7", w.conv(f"{here}.6", w.norm(f"{here}.5", y), groups=groups))
            x = (torch.cat([F.avg_pool2d(x, 3, 2, 1), y], 1) if first else x + y).relu()
    return w.linear("fc", average(x))


def alexnet_paper(w: State, x: Tensor) -> Tensor:
    """Krizhevsky 2012, sections 3.3 to 3.5; torch divides α by the number of channels, the paper does not."""

    def response(x: Tensor) -> Tensor:
        return F.local_response_norm(x, 5, alpha=5 * 1e-4, beta=0.75, k=2.0)

    x = F.max_pool2d(response(w.conv("features.0", x, stride=4).relu()), 3, 2)
    x = F.max_pool2d(response(w.conv("features.4", x, padding=2, groups=2).relu()), 3, 2)
    x = w.conv("features.8", x, padding=1).relu()
    x = w.conv("features.10", x, padding=1, groups=2).relu()
    x = F.max_pool2d(w.conv("features.12", x, padding=1, groups=2).relu(), 3, 2)
    x = w.linear("classifier.1", x.flatten(1)).relu()
    return w.linear("classifier.6", w.linear("classifier.4", x).relu())


def googlenet_paper(w: State, x: Tensor) -> Any:
    """Szegedy 2014, table 1; in training with the scores of both auxiliary heads."""

    def conv(name: str, x: Tensor, **options: Any) -> Tensor:
        return w.conv(f"{name}.conv", x, **options).relu()

    def inception(name: str, x: Tensor) -> Tensor:
        three = conv(f"{name}.branch2.1", conv(f"{name}.branch2.0", x), padding=1)
        five = conv(f"{name}.branch3.1", conv(f"{name}.branch3.0", x), padding=2)
        pooled = conv(f"{name}.branch4.1", F.max_pool2d(x, 3, 1, 1))
        return torch.cat([conv(f"{name}.branch1", x), three, five, pooled], 1)

    def head(name: str, x: Tensor) -> Tensor:
        x = conv(f"{name}.conv", F.avg_pool2d(x, 5, 3)).flatten(1)
        return w.linear(f"{name}.fc2", w.linear(f"{name}.fc1", x).relu())

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    x = F.local_response_norm(pool(conv("conv1", x, stride=2, padding=3)), 5)
    x = conv("conv3", conv("conv2", x), padding=1)
    x = pool(F.local_response_norm(x, 5))
    x = pool(inception("inception3b", inception("inception3a", x)))
    low = inception("inception4a", x)
    high = inception("inception4d", inception("inception4c", inception("inception4b", low)))
    x = pool(inception("inception4e", high))
    x = inception("inception5b", inception("inception5a", x))
    scores = w.linear("fc", average(x))
    return (scores, head("aux2", high), head("aux1", low)) if w.training else scores


def nin(w: State, x: Tensor) -> Tensor:
    """Lin 2013."""
    for first, padding in ((0, 2), (8, 2), (16, 1)):
        for i in range(3):
            x = w.conv(f"features.{first + 2 * i}", x, padding=padding if i == 0 else 0)
            x = x if first + 2 * i == 20 else x.relu()
        if first == 0:
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        elif first == 8:
            x = F.avg_pool2d(x, 3, 2, ceil_mode=True)
    return average(x)


def inception_v4(w: State, x: Tensor) -> Tensor:
    """Szegedy 2016, figures 3 to 9; a kernel's shape and its padding are read off the figure."""

    def conv(name: str, x: Tensor, stride: int = 1, same: bool = True) -> Tensor:
        kernel = w.tensors[f"{name}.conv.weight"].shape[2:]
        padding = tuple(n // 2 for n in kernel) if same else (0, 0)
        x = w.conv(f"{name}.conv", x, stride=stride, padding=padding)
        return w.norm(f"{name}.bn", x, eps=0.001).relu()

    def chain(name: str, x: Tensor, last: dict[str, Any] | None = None) -> Tensor:
        """The convolutions name.0, name.1, … in turn; `last` are the options of the last."""
        i = 0
        while w.has(f"{name}.{i}"):
            end = not w.has(f"{name}.{i + 1}")
            x = conv(f"{name}.{i}", x, **(last or {} if end else {}))
            i += 1
        return x

    def pooled(name: str, x: Tensor) -> Tensor:
        return conv(f"{name}.1", F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))

    halve: dict[str, Any] = {"stride": 2, "same": False}
    f = "features"
    x = conv(f"{f}.0", x, **halve)
    x = conv(f"{f}.2", conv(f"{f}.1", x, same=False))
    x = torch.cat([F.max_pool2d(x, 3, 2), conv(f"{f}.3.conv", x, **halve)], 1)
    valid = {"same": False}
    x = torch.cat([chain(f"{f}.4.branch0", x, valid), chain(f"{f}.4.branch1", x, valid)], 1)
    x = torch.cat([conv(f"{f}.5.conv", x, **halve), F.max_pool2d(x, 3, 2)], 1)
    for i in range(6, 22):
        m = f"{f}.{i}"
        if i in (10, 18):
            first = conv(f"{m}.branch0", x, **halve) if i == 10 else chain(f"{m}.branch0", x, halve)
            x = torch.cat([first, chain(f"{m}.branch1", x, halve), F.max_pool2d(x, 3, 2)], 1)
        elif i < 18:
            ways = [conv(f"{m}.branch0", x), chain(f"{m}.branch1", x), chain(f"{m}.branch2", x)]
            x = torch.cat([*ways, pooled(f"{m}.branch3", x)], 1)
        else:
            one = conv(f"{m}.branch1_0", x)
            two = conv(f"{m}.branch2_2", conv(f"{m}.branch2_1", conv(f"{m}.branch2_0", x)))
            ways = [conv(f"{m}.branch0", x), conv(f"{m}.branch1_1a", one), conv(f"{m}.branch1_1b", one)]
            ways += [conv(f"{m}.branch2_3a", two), conv(f"{m}.branch2_3b", two), pooled(f"{m}.branch3", x)]
            x = torch.cat(ways, 1)
    return w.linear("last_linear", average(x))
