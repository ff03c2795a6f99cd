"""What the layers of a network give for one image, and the filters of its first convolution."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from yuanli.errors import ModelError
from yuanli.inspection.images import maps, tiles
from yuanli.inspection.style import DIVERGING, as_picture, styled
from yuanli.nn import Conv2d, Module
from yuanli.tensor import Tensor, no_grad

STAGES = 4  # layers whose maps are shown
CHANNELS = 16  # maps of each


@contextmanager
def replaced(module: Module, change: Callable[[Any], Any]) -> Iterator[None]:
    """Inside, the module gives `change(output)`."""
    forward = module.forward
    object.__setattr__(module, "forward", lambda *inputs, **options: change(forward(*inputs, **options)))
    try:
        yield
    finally:
        del module.__dict__["forward"]


def convolutions(model: Module) -> list[tuple[str, Conv2d]]:
    """The model's two-dimensional convolutions and their names, in the order they were made.

    Raises: ModelError when there is none.
    """
    found = [(name, module) for name, module in model.named_modules() if isinstance(module, Conv2d)]
    if not found:
        raise ModelError(f"{type(model).__name__} has no convolutions, and so no maps of features")
    return found


def feature_maps(model: Module, x: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """(name, maps (C, H, W)) of each convolution run for the prepared image x (1, C, H, W), in that order."""
    seen: list[tuple[str, np.ndarray]] = []

    def keep(name: str) -> Callable[[Tensor], Tensor]:
        def kept(output: Tensor) -> Tensor:
            seen.append((name, output.data[0]))
            return output

        return kept

    with ExitStack() as stack, no_grad():
        for name, module in convolutions(model):
            stack.enter_context(replaced(module, keep(name)))
        model.eval()(Tensor(x))
    return seen


def maps_chart(found: list[tuple[str, np.ndarray]], image: np.ndarray) -> Figure:
    """The image, and the maps of up to STAGES convolutions: the first, the last with places, some between."""
    found = [(name, array) for name, array in found if array[0].size > 1]
    chosen = np.unique(np.linspace(0, len(found) - 1, STAGES).round().astype(int))
    shown = []
    for i in chosen:
        name, array = found[i]
        C, H, W = array.shape
        count = f"{C} maps" if C <= CHANNELS else f"{CHANNELS} of {C} maps"
        shown.append((f"{name}: {count}, {H}×{W}", array[:CHANNELS]))
    return maps([("the image", [as_picture(image)]), *shown])


@styled
def filters_chart(model: Module) -> Figure:
    """The first convolution's filters: as colours where it sees them, else orange for, purple against."""
    name, first = convolutions(model)[0]
    weight = first.weight.data[:64]
    if weight.shape[1] == 3:
        top = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) + 1e-12
        pictures = list((weight / top / 2 + 0.5).transpose(0, 2, 3, 1))
        figure, _ = tiles(pictures, (), columns=8, size=0.9)
    else:
        top = float(np.abs(weight).max()) or 1.0
        figure, shown = tiles(
            list(weight.mean(1)), (), columns=8, size=0.9, cmap=DIVERGING, vmin=-top, vmax=top
        )
        if shown is not None:
            figure.colorbar(shown, ax=figure.axes, label="weight", shrink=0.8)
    O, _, H, W = first.weight.shape
    figure.axes[0].set_title(f"{name}: {len(weight)} of {O} filters, {H}×{W}", fontsize=10)
    return figure
