"""`load`: any data set by its name, or the user's own by its path."""

import difflib
import os
from pathlib import Path

import numpy as np

from yuanli.data import synthetic
from yuanli.data.bundled import BUNDLED, load_bundled, split
from yuanli.data.dataset import Split
from yuanli.errors import DataError, UnknownNameError

SYNTHETIC = {f.__name__: f for f in (synthetic.moons, synthetic.circles, synthetic.spirals, synthetic.blobs)}


def names() -> tuple[str, ...]:
    """Every data set known by name."""
    return (*BUNDLED, *SYNTHETIC)


def load(
    spec: str | os.PathLike,
    *,
    root: str | os.PathLike | None = None,
    target: str | None = None,
    test_size: float = 0.2,
    seed: int = 0,
) -> Split:
    """The data set called `spec`, or the user's own at that path.

    `target` is a table's column to predict.  Raises: UnknownNameError, DataError.
    """
    known = {_key(name): name for name in names()}
    name = known.get(_key(spec)) if isinstance(spec, str) else None
    if name is None:
        if isinstance(spec, str) and not (
            Path(spec).exists() or "/" in spec or os.sep in spec or "." in spec
        ):
            raise UnknownNameError(unknown(spec, known))
        raise DataError(f"no file or folder at {spec}")
    if target is not None:
        raise DataError(f"{name}: only a table of your own needs a target, got target={target!r}")
    if name in SYNTHETIC:
        return split(SYNTHETIC[name](rng=np.random.default_rng(seed)), test_size=test_size, seed=seed)
    return load_bundled(name, test_size, seed)


def unknown(spec: str, known: dict[str, str]) -> str:
    """The message for a name nobody knows, with the nearest ones."""
    near = [known[key] for key in difflib.get_close_matches(_key(spec), known, n=3, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known.values())}"
    return f"no data set is called {spec!r}, and no file or folder either; {hint}"


def _key(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
