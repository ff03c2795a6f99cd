"""DenseNet: which of the earlier maps every layer has learned to use."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli.data import load
from yuanli.data.batches import Batches
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.ledger import ledger
from yuanli.inspection.style import new_figure, save, styled
from yuanli.models import CifarDenseNet, build
from yuanli.models.densenet import DenseBlock, DenseLayer
from yuanli.nn.init import skip_init
from yuanli.ops import cross_entropy
from yuanli.optim import L2, SGD
from yuanli.tensor import Tensor, no_grad
from yuanli.training import fit
from yuanli.training.metrics import accuracy


def densenet(
    out: Path, seed: int = 0, *, depth: int = 22, growth: int = 6, epochs: int = 10
) -> Demonstration:
    """Learn digits with a small DenseNet, and look at the weights between its layers, as in figure 5."""
    split = load("digits")
    mean, std = (np.float32(v) for v in (split.train.x.mean(), split.train.x.std()))
    x, test = ((part.x - mean) / std for part in (split.train, split.test))
    rng = np.random.default_rng(seed)
    model = CifarDenseNet(depth, growth, in_channels=1, rng=rng)
    batches = Batches(x, split.train.y, 64, rng=rng)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)
    fit(model, cross_entropy, optimizer, batches, epochs=epochs, penalty=L2(0.01))  # what is not used fades
    with no_grad():
        right = accuracy(model.eval()(Tensor(test)).data, split.test.y)
    used = [weights_between(block, growth) for block in model.features if isinstance(block, DenseBlock)]
    parameters = sum(p.size for p in model.parameters())
    rows, costs = [], {}
    for name in ("densenet121", "resnet50", "densenet201", "resnet101"):
        with skip_init():
            cost = ledger(build(name), (3, 64, 64))
        costs[name] = cost.parameters
        connections = "–" if name.startswith("resnet") else f"{dense_connections(name):,}"
        rows.append([name, f"{cost.parameters:,}", connections])
    lines = [
        f"DenseNet-{depth}, k = {growth}: {parameters:,} parameters, accuracy {percent(right)} on new digits",
        f"a block of L layers has L(L + 1)/2 direct connections: here {connections_in(len(used[0]))} in each",
        "",
        *table(["", "parameters", "direct connections"], rows),
    ]
    numbers = {
        "accuracy": right,
        "parameters": parameters,
        "used": [[[None if np.isnan(v) else float(v) for v in row] for row in block] for block in used],
        "costs": costs,
    }
    return Demonstration(lines, numbers, [save(heat(used), out / "densenet.png")])


def connections_in(layers: int) -> int:
    return layers * (layers + 1) // 2


def dense_connections(name: str) -> int:
    """Within the blocks of the network called `name`."""
    with skip_init():
        blocks = [b for b in build(name).modules() if isinstance(b, DenseBlock)]
    return sum(connections_in(len(list(block.children()))) for block in blocks)


def weights_between(block: DenseBlock, growth: int) -> np.ndarray:
    """The mean |weight| of layer l (column) on the maps of source s (row), 0 the block's input; nan if none.

    Each column is divided by its largest.
    """
    layers = list(block.children())
    table = np.full((len(layers), len(layers)), np.nan)
    for to, layer in enumerate(layers):
        assert isinstance(layer, DenseLayer)
        weight = np.abs(layer.conv1.weight.data).mean((0, 2, 3))  # of every map that comes in
        start = len(weight) - to * growth
        sources = [weight[:start], *np.split(weight[start:], to)] if to else [weight]
        values = np.array([s.mean() for s in sources])
        table[: len(values), to] = values / values.max()
    return table


@styled
def heat(blocks: list[np.ndarray]) -> Figure:
    least = min(float(np.nanmin(block)) for block in blocks)
    figure = new_figure(3.1 * len(blocks) + 0.8, 3.3)
    axes = figure.subplots(1, len(blocks), squeeze=False)[0]
    for i, (axis, block) in enumerate(zip(axes, blocks, strict=True), 1):
        shown = axis.imshow(block, cmap="viridis", vmin=least, vmax=1)
        axis.grid(False)
        axis.set(xlabel="to layer", title=f"block {i}")
        axis.set_xticks(range(len(block)), range(1, len(block) + 1))
        axis.set_yticks(range(len(block)), ["input", *range(1, len(block))])
    axes[0].set_ylabel("from")
    figure.colorbar(shown, ax=axes, label="mean |weight|, a layer's largest = 1", shrink=0.8)
    return figure
