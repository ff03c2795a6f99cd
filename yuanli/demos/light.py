"""Light networks: accuracy for what it costs."""

from pathlib import Path
from typing import Any

from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.errors import UnknownNameError
from yuanli.inspection.costs import accuracy_circles
from yuanli.inspection.ledger import ledger
from yuanli.inspection.style import save
from yuanli.models import build, native_shape
from yuanli.nn.init import skip_init

# Top-1 on ImageNet's validation images, of torchvision's weights IMAGENET1K_V1; MobileNet v1 and Inception v4
# from their papers, which state 70.6 (table 4) and an error of 20.0 (table 2, one crop).
TOP1 = {
    "alexnet": 56.522, "vgg11": 69.020, "vgg16": 71.592, "vgg19": 72.376, "googlenet": 69.778,
    "inception_v3": 77.294, "inception_v4": 80.0, "resnet18": 69.758, "resnet34": 73.314, "resnet50": 76.130,
    "resnet101": 77.374, "resnet152": 78.312, "densenet121": 74.434, "densenet161": 77.138,
    "densenet169": 75.600, "densenet201": 76.896, "squeezenet1_0": 58.092, "squeezenet1_1": 58.178,
    "shufflenet_v2_x0_5": 60.552, "shufflenet_v2_x1_0": 69.362, "shufflenet_v2_x1_5": 72.996,
    "shufflenet_v2_x2_0": 76.230, "mobilenet_v1": 70.6, "mobilenet_v2": 71.878,
}  # fmt: skip


def light(out: Path, seed: int = 0, *, nets: str = ",".join(TOP1)) -> Demonstration:
    """Count every network's multiply-adds and parameters, and draw its published accuracy against them."""
    names = [name.strip() for name in nets.split(",")]
    for name in names:
        if name not in TOP1:
            raise UnknownNameError(f"no accuracy is known here for {name!r}; there are: {', '.join(TOP1)}")
    rows: list[list[Any]] = []
    numbers = {}
    for name in names:
        with skip_init():
            cost = ledger(build(name), native_shape(name))
        parameters = cost.parameters - sum(cost.idle.values())  # auxiliary heads are for training only
        numbers[name] = {"top1": TOP1[name], "gmacs": cost.macs / 1e9, "parameters": parameters}
        rows.append([name, TOP1[name], cost.macs / 1e9, parameters / 1e6, TOP1[name] / (parameters / 1e6)])
    rows.sort(key=lambda row: row[3])
    lines = [
        *table(["", "top-1, %", "G multiply-adds", "M parameters", "% a million parameters"], rows),
        "",
        "a 3×3 convolution C → C costs 9C² a pixel, depthwise and pointwise 9C + C²: 1/C + 1/9 of it",
    ]
    values = list(numbers.values())
    figure = accuracy_circles(
        names,
        [v["top1"] for v in values],
        [v["gmacs"] for v in values],
        [v["parameters"] for v in values],
        [family(name) for name in names],
    )
    return Demonstration(lines, numbers, [save(figure, out / "light.png")])


def family(name: str) -> str:
    """vgg16 → vgg: what shares a colour."""
    kinds = ("alexnet", "vgg", "resnet", "densenet", "squeezenet", "shufflenet", "mobilenet")
    return next((kind for kind in kinds if name.startswith(kind)), "inception")
