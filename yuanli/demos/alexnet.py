"""AlexNet: where its parameters are and where its work is, and what its response normalisation does."""

from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.costs import comparison_bars, layer_bars
from yuanli.inspection.ledger import ledger
from yuanli.inspection.style import save
from yuanli.models import AlexNet
from yuanli.nn.init import skip_init


def alexnet(out: Path, seed: int = 0, *, variant: str = "paper", classes: int = 1000) -> Demonstration:
    """Count every layer of AlexNet, and put a profile of channels through its normalisation."""
    with skip_init():
        model = AlexNet(variant, num_classes=classes)
    shape = (3, 227, 227) if variant == "paper" else (3, 224, 224)
    cost = ledger(model, shape)
    layers = [row for row in cost.rows if row.parameters]
    rows = [
        [row.name, row.layer, "×".join(map(str, row.output)), f"{row.parameters:,}", f"{row.macs:,}"]
        for row in layers
    ]
    linear = sum(row.parameters for row in layers if row.layer == "Linear")
    convolved = sum(row.macs for row in layers if row.layer != "Linear")
    before, after = inhibited()
    lines = [
        f"variant {variant!r}: {len(layers)} layers with weights, {cost.parameters:,} parameters",
        *table(["", "", "output", "parameters", "multiply-adds"], rows),
        f"the linear layers hold {percent(linear / cost.parameters)} of the parameters, "
        f"the convolutions do {percent(convolved / cost.macs)} of the work",
        "",
        "response normalisation, 5 channels, α = 1, k = 1, β = 0.75: next to a strong channel a weak one is"
        f" {before[5] / before[1]:.3g} of one that stands alone before, {after[5] / after[1]:.2f} after",
    ]
    names = [row.layer for row in layers]
    millions = {
        "parameters in millions": [row.parameters / 1e6 for row in layers],
        "multiply-adds in millions": [row.macs / 1e6 for row in layers],
    }
    pictures = [
        save(layer_bars(names, millions, f"AlexNet, variant {variant!r}"), out / "alexnet.png"),
        save(
            comparison_bars(
                [str(i + 1) for i in range(len(before))],
                {"before": before.tolist(), "after": after.tolist()},
                "activity of 12 channels at one place",
            ),
            out / "alexnet-normalisation.png",
        ),
    ]
    numbers = {
        "layers": len(layers),
        "parameters": cost.parameters,
        "macs": cost.macs,
        "linear": linear,
        "before": before.tolist(),
        "after": after.tolist(),
    }
    return Demonstration(lines, numbers, pictures)


def inhibited() -> tuple[np.ndarray, np.ndarray]:
    """Activities of 12 channels, two of them alike and one next to a strong neighbour; normalised."""
    profile = np.array([0, 1, 0, 0, 0, 1, 4, 0, 0, 0, 2, 2], np.float64)
    y = ops.local_response_norm(profile[None, :, None, None], 5, alpha=5.0, beta=0.75, k=1.0)
    return profile, y.data[0, :, 0, 0]
