"""`generate`: what a trained model makes by itself."""

from pathlib import Path

import numpy as np

from yuanli.errors import CheckpointError, ValueRangeError
from yuanli.recipes.adversarial import Adversarial, Painter, save_grid
from yuanli.recipes.evaluate import open_model, recipe_of
from yuanli.recipes.settings import whole
from yuanli.recipes.writer import Writer
from yuanli.training import Run

MOST = 10_000  # images made at a time


def makes_images(run: Run | str | Path) -> bool:
    """Whether the run's model makes images; else it writes text, or nothing."""
    run = run if isinstance(run, Run) else Run.open(run)
    return isinstance(recipe_of(run), Adversarial)


def paint(
    run: Run | str | Path, n: int = 64, *, seed: int = 0, out: str | Path | None = None
) -> tuple[np.ndarray, Path]:
    """n images of the run's generator, uint8 (n, C, H, W), and the picture file of them in rows.

    out: that file; RUN/generated.png unless given.  Raises: CheckpointError when the run makes no images;
    ValueRangeError.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    if not whole(n) or not 1 <= n <= MOST:
        raise ValueRangeError(f"n needs a whole number of images from 1 to {MOST:,}, got {n!r}")
    model = open_model(run)
    if not isinstance(model, Painter):
        raise CheckpointError(f"{run.folder} holds a {run.config['model']}, which makes no images")
    images = model.paint(n, np.random.default_rng(seed))
    columns = max(8, round(n**0.5))
    return images, save_grid(images, Path(out or run.folder / "generated.png"), min(n, columns))


def generate(
    run: Run | str | Path,
    prompt: str = "",
    *,
    length: int = 500,
    temperature: float = 0.8,
    top_k: int | None = None,
    seed: int = 0,
) -> str:
    """The prompt as the run's language model goes on with it, `length` tokens further.

    temperature: above 1 more is dared, below 1 less, at 0 always the likeliest token comes.  top_k: only the
    k likeliest can come.  Raises: CheckpointError when the run is none of a language model; DataError for a
    character it has never seen; ValueRangeError.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    model = open_model(run)
    if not isinstance(model, Writer):
        raise CheckpointError(f"{run.folder} holds a {run.config['model']}, which writes no text")
    rng = np.random.default_rng(seed)
    return model.write(prompt, length, temperature=temperature, top_k=top_k, rng=rng)
