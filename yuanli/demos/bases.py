"""Bases of natural images: learned from patches of photographs they are edges, and useful as features."""

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_sample_images

from yuanli.classical import KNeighborsClassifier, PatchBases
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.backgrounds import digits_on_backgrounds
from yuanli.demos.text import percent, table
from yuanli.errors import DataError, ValueRangeError
from yuanli.inspection.images import bases as draw
from yuanli.inspection.style import save

SIDE = 32  # of the pieces that photographs are cut into
LEARNED = 1000  # digits to learn from


def bases(
    out: Path,
    seed: int = 0,
    *,
    data: str = "photographs",
    components: int = 96,
    size: int = 8,
    steps: int = 60,
) -> Demonstration:
    """Learn bases of colour patches by k-means, of grey ones by sparse coding; look how directed they are."""
    if size < 2:
        raise ValueRangeError(f"size needs 2 pixels or more, for a base to have a direction, got {size}")
    images = _photographs() if data == "photographs" else load(data).train.x
    if images.ndim != 4 or min(images.shape[2:]) < size:
        raise DataError(
            f"this needs images of at least {size}×{size} pixels, and {data} has {images.shape[1:]}"
        )
    grey = images.mean(1, keepdims=True).astype(np.float32)
    options: Any = {"patch_size": size, "n_patches": 40_000, "random_state": seed}
    learned = {
        "k-means": PatchBases(components, max_iter=steps, **options).fit(images),
        "sparse coding": PatchBases(
            components, method="sparse", alpha=0.6, max_iter=3 * steps, **options
        ).fit(grey),
    }
    shapes = {"k-means": (images.shape[1], size, size), "sparse coding": (1, size, size)}
    shown = {name: model.components_.reshape(-1, *shapes[name]) for name, model in learned.items()}
    rng = np.random.default_rng(seed)
    noise = PatchBases(components, max_iter=1, **options).fit(
        rng.integers(0, 256, (200, 1, SIDE, SIDE)).astype(np.uint8)
    )
    shown_noise = noise.components_.reshape(-1, 1, size, size)
    directed = {
        name: float(direction(b.mean(1)).mean()) for name, b in (shown | {"noise": shown_noise}).items()
    }
    plain, features = _digits(rng)
    lines = [
        f"{components} bases of {size}×{size} patches of {len(images):,} images ({data}), whitened",
        *table(
            ["bases", "how directed (0 no direction, 1 one)"],
            [[name, value] for name, value in directed.items()],
            2,
        ),
        f"As features: digits in front of coloured backgrounds, {LEARNED:,} to learn from, 500 to recognise",
        f"  5 nearest neighbours by pixels: {percent(plain)}",
        f"  5 nearest neighbours by features of 60 bases: {percent(features)}",
        "Contrast normalisation takes away what a background has in common; edges are what is left.",
    ]
    numbers = {"directed": directed, "pixels": plain, "features": features}
    return Demonstration(
        lines,
        numbers,
        [save(draw({f"{name}, {len(b)} bases": b for name, b in shown.items()}), out / "bases.png")],
    )


def direction(images: np.ndarray) -> np.ndarray:
    """(N, h, w) -> (N,): how much the gradients of each have one direction: (λ₁ − λ₂)/(λ₁ + λ₂) of Σ ∇∇ᵀ."""
    down, across = np.gradient(images, axis=(1, 2))
    dd, aa, da = ((p * q).sum((1, 2)) for p, q in ((down, down), (across, across), (down, across)))
    return np.sqrt((dd - aa) ** 2 + 4 * da**2) / np.maximum(dd + aa, 1e-12)


def _photographs() -> np.ndarray:
    """Scikit-learn's two photographs in pieces (N, 3, 32, 32)."""
    pieces = []
    for picture in load_sample_images().images:
        H, W = (length // SIDE for length in picture.shape[:2])
        cut = picture[: H * SIDE, : W * SIDE].reshape(H, SIDE, W, SIDE, 3)
        pieces.append(cut.transpose(0, 2, 4, 1, 3).reshape(-1, 3, SIDE, SIDE))
    return np.concatenate(pieces)


def _digits(rng: np.random.Generator) -> tuple[float, float]:
    """The accuracy of nearest neighbours by pixels, and by features of bases."""
    images, digits, _ = digits_on_backgrounds(1500, rng)
    model = PatchBases(60, patch_size=9, pool=3, n_patches=20_000, max_iter=10, whitening=1.0, random_state=0)
    model.fit(images[:LEARNED])
    scores = []
    for x in (images.reshape(len(images), -1), model.transform(images)):
        scores.append(
            KNeighborsClassifier().fit(x[:LEARNED], digits[:LEARNED]).score(x[LEARNED:], digits[LEARNED:])
        )
    return scores[0], scores[1]
