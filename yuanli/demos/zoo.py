"""Weights that travel: a network written for Paddle, torch and safetensors, and read again."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.style import DIVERGING, new_figure, save, styled
from yuanli.interchange import load_weights, read_weights, save_weights
from yuanli.recipes.learn import learn, untrained
from yuanli.recipes.mlp import Perceptron
from yuanli.training.metrics import accuracy

KINDS = (".safetensors", ".pth", ".pdparams")


def paddle(out: Path, seed: int = 0, *, data: str = "iris", epochs: int = 60) -> Demonstration:
    """Train a perceptron, write its weights three ways, and give them to networks that have learned nothing.

    In Paddle's file the weight of a linear layer is (in, out), in the others (out, in).
    """
    split = load(data)
    recipe = Perceptron()
    settings = recipe.chosen(split.train, {"epochs": epochs})
    trained, _ = learn(recipe, settings, split.train, seed=seed)
    answers = trained(split.test.x)
    name = [n for n, p in trained.model.named_parameters() if p.ndim == 2][-1]
    rows, held, differences = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            path = Path(folder) / f"weights{kind}"
            save_weights(trained.model, path)
            held[kind] = read_weights(path)
            fresh = untrained(recipe, settings, split.train, np.random.default_rng(seed + 1)).model.eval()
            report = load_weights(fresh, path, strict=True)
            differences[kind] = float(np.abs(replace(trained, model=fresh)(split.test.x) - answers).max())
            shape = "×".join(map(str, held[kind][name].shape))
            rows.append([kind, path.stat().st_size, len(report.matched), shape, f"{differences[kind]:g}"])
    right = accuracy(answers, split.test.y)
    lines = [
        *table(["file", "bytes", "arrays", name, "answers differ by"], rows),
        f"the network is right in {100 * right:.1f} % of {len(split.test)} rows of {data}, before and after",
        "torch.load(path, weights_only=True) and paddle.load(path) give these to their own models",
    ]
    numbers = {
        "accuracy": right,
        "differences": differences,
        "shapes": {kind: list(held[kind][name].shape) for kind in KINDS},
        "turned": bool(np.array_equal(held[".pth"][name], held[".pdparams"][name].T)),
    }
    figure = both_ways(held[".pth"][name], held[".pdparams"][name], split.test.classes)
    return Demonstration(lines, numbers, [save(figure, out / "zoo.paddle.png")])


@styled
def both_ways(ours: np.ndarray, theirs: np.ndarray, classes: Sequence[str]) -> Figure:
    """The last layer's weights as torch and as Paddle keep them."""
    figure = new_figure(7.6, 4.2)
    wide, tall = figure.subplots(1, 2, width_ratios=[3, 1])
    most, places = np.abs(ours).max(), range(len(classes))
    for axis, weights in ((wide, ours), (tall, theirs)):
        axis.imshow(weights, cmap=DIVERGING, vmin=-most, vmax=most, interpolation="nearest", aspect="auto")
        axis.grid(False)
    wide.set(title=f"torch: (out, in) = {ours.shape}", xlabel="hidden unit", ylabel="class")
    wide.set_yticks(places, classes)
    tall.set(title=f"Paddle: {theirs.shape}", xlabel="class", ylabel="hidden unit")
    tall.set_xticks(places, classes, rotation=30, ha="right")
    figure.suptitle("The last layer's weights: the same numbers, turned")
    return figure
