"""`generate`: what a trained model makes by itself."""

from pathlib import Path

import numpy as np

from yuanli.errors import CheckpointError
from yuanli.recipes.evaluate import open_model
from yuanli.recipes.language import Writer
from yuanli.training import Run


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
