"""VGG: memory early, parameters late, and why its authors had to train a shallower net first."""

from pathlib import Path

import numpy as np

from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.charts import curves
from yuanli.inspection.costs import layer_bars
from yuanli.inspection.ledger import Row, ledger
from yuanli.inspection.style import save
from yuanli.models import VGG
from yuanli.nn import Conv2d, ReLU, init
from yuanli.nn.init import skip_init
from yuanli.tensor import Tensor, no_grad


def vgg(out: Path, seed: int = 0, *, depth: int = 16, size: int = 224) -> Demonstration:
    """Memory, parameters and work of every layer; the signal at the start, from 0.01·randn and from He."""
    with skip_init():
        model = VGG(depth, image_size=size)
    cost = ledger(model, (3, size, size))
    layers = [row for row in cost.rows if row.output]
    rows = [
        [row.layer, "×".join(map(str, row.output)), f"{numbers_in(row):,}", f"{row.parameters:,}",
         f"{row.macs:,}", row.field.down.size if row.field else 0]
        for row in layers
    ]  # fmt: skip
    convolutions = [row for row in layers if row.layer.startswith("Conv2d")]
    early, first_linear = sum(map(numbers_in, convolutions[:4])), max(row.parameters for row in layers)
    kept = sum(map(numbers_in, layers))
    signal = {name: spreads(depth, std, seed) for name, std in (("He 2015", None), ("0.01·randn", 0.01))}
    lines = [
        f"VGG-{depth}, {size}×{size}: {cost.parameters:,} parameters, {cost.macs / 1e9:.2f} G multiply-adds",
        *table(["", "output", "numbers", "parameters", "multiply-adds", "sees"], rows),
        f"the first four convolutions make {percent(early / kept)} of the numbers, "
        f"the first linear layer holds {percent(first_linear / cost.parameters)} of the parameters",
        "",
        *(
            f"weights from {name}: the activations' root mean square is {v[0]:.2g} after the first "
            f"convolution, {v[-1]:.2g} after the last"
            for name, v in signal.items()
        ),
    ]
    names = [f"{row.layer}, {'×'.join(map(str, row.output))}" for row in layers]
    columns = {
        "numbers kept, in millions": [numbers_in(row) / 1e6 for row in layers],
        "parameters in millions": [row.parameters / 1e6 for row in layers],
        "multiply-adds in billions": [row.macs / 1e9 for row in layers],
    }
    pictures = [
        save(layer_bars(names, columns, f"VGG-{depth}"), out / "vgg.png"),
        save(
            curves(
                signal,
                xlabel="convolution",
                ylabel="root mean square",
                title="The signal of an untrained net",
                log=True,
            ),
            out / "vgg-start.png",
        ),
    ]
    numbers = {
        "depth": depth,
        "size": size,
        "parameters": cost.parameters,
        "macs": cost.macs,
        "numbers": kept,
        "rows": [[row.output, row.parameters] for row in layers],
        "signal": signal,
    }
    return Demonstration(lines, numbers, pictures)


def numbers_in(row: Row) -> int:
    return int(np.prod(row.output))


def spreads(depth: int, std: float | None, seed: int) -> list[float]:
    """The root mean square after each convolution's ReLU, from N(0, std²) or from He's initialisation."""
    rng = np.random.default_rng(seed)
    with skip_init():
        model = VGG(depth, image_size=32, hidden=(), num_classes=10)
    x = Tensor(rng.normal(size=(4, 3, 32, 32)).astype(np.float32))
    found = []
    with no_grad():
        for layer in model.features:
            if isinstance(layer, Conv2d):
                if std is None:
                    init.kaiming_normal_(layer.weight, rng=rng)
                else:
                    init.normal_(layer.weight, std=std, rng=rng)
            x = layer(x)
            if isinstance(layer, ReLU):
                found.append(float(np.sqrt(np.mean(x.data**2))))
    return found
