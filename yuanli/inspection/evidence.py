"""Which part of an image speaks for a class: by covering it up, and by gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure

from yuanli.errors import ModelError, ValueRangeError
from yuanli.inspection.feature_maps import convolutions, feature_maps, replaced
from yuanli.inspection.style import as_picture, frameless, panels, plain_text, styled
from yuanli.nn import Module
from yuanli.tensor import Tensor

STEPS = 16  # places of the covering square along a side


def occlusion_map(
    answer: Callable[[np.ndarray], np.ndarray], image: np.ndarray, k: int, *, size: float = 0.25
) -> np.ndarray:
    """How much of class k's probability is lost when a grey square covers a place: p − p(covered), (H, W).

    The square has `size` of the image's width and is moved in STEPS steps a side; a pixel's loss is the mean
    over the squares that cover it.  image: uint8 (C, H, W).
    Source: Zeiler & Fergus 2013, arXiv:1311.2901, section 4.2.  Cost: STEPS² predictions.
    """
    if not 0 < size <= 1:
        raise ValueRangeError(f"the covering square needs a share of the width in (0, 1], got {size}")
    _, H, W = image.shape
    h, w = (max(1, round(size * side)) for side in (H, W))
    places = [
        (top, left)
        for top in np.unique(np.linspace(0, H - h, STEPS).round().astype(int))
        for left in np.unique(np.linspace(0, W - w, STEPS).round().astype(int))
    ]
    covered = np.repeat(image[None], len(places) + 1, 0)
    for one, (top, left) in zip(covered[1:], places, strict=True):
        one[:, top : top + h, left : left + w] = 128
    p = answer(covered)[:, k]
    lost, times = np.zeros((H, W)), np.zeros((H, W))
    for (top, left), probability in zip(places, p[1:], strict=True):
        lost[top : top + h, left : left + w] += p[0] - probability
        times[top : top + h, left : left + w] += 1
    return lost / np.maximum(times, 1)


def grad_cam(model: Module, x: np.ndarray, k: int) -> np.ndarray:
    """Where the last convolution's maps A speak for class k:  ReLU(Σᶜ αᶜ Aᶜ),  αᶜ = mean of ∂scoreₖ/∂Aᶜ.

    The last is that which runs last and still has places, more than one.  x: the prepared image (1, C, H, W);
    the answer has the maps' size (H', W').  Raises: ModelError when the model has no convolutions.
    Source: Selvaraju et al. 2016, arXiv:1610.02391, equations 1 and 2.
    """
    last: list[Tensor] = []

    def cut(output: Tensor) -> Tensor:
        last[:] = [Tensor(output.data, requires_grad=True)]
        return last[0]

    ran = [name for name, maps in feature_maps(model, x) if maps[0].size > 1]
    modules = dict(convolutions(model))
    if not ran:
        raise ModelError(f"no convolution of {type(model).__name__} gives a map of more than one place")
    with replaced(modules[ran[-1]], cut):
        model.eval()(Tensor(x))[0, k].backward()
    maps, gradient = last[0].data[0], last[0].grad
    assert gradient is not None
    weights = gradient[0].mean((1, 2))
    return np.maximum(np.tensordot(weights, maps, 1), 0)


@styled
def evidence_chart(image: np.ndarray, found: Sequence[tuple[str, np.ndarray]]) -> Figure:
    """The image, and beside it under each title a map over it: the stronger, the warmer."""
    picture = as_picture(image)
    H, W = picture.shape[:2]
    figure, axes = panels(1, 1 + len(found), width=3.2, height=3.3)
    for axis in axes[0]:
        frameless(axis)
        axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=(0, W, H, 0))
    axes[0, 0].set_title("the image")
    for axis, (title, strength) in zip(axes[0, 1:], found, strict=True):
        top = float(strength.max())
        share = np.clip(strength / top, 0, 1) if top > 0 else np.zeros_like(strength)
        axis.imshow(
            share, cmap="inferno", vmin=0, vmax=1, alpha=0.65, extent=(0, W, H, 0), interpolation="bilinear"
        )
        axis.set_title(plain_text(title, 48), fontsize=9.5)
    return figure
