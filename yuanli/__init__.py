"""yuanli (原理, "principle"): the core algorithms of deep learning, written once to be read."""

import importlib
from typing import Any

from yuanli.gradcheck import gradcheck
from yuanli.random import manual_seed
from yuanli.tensor import Tensor, no_grad

__version__ = "0.1.0"
__all__ = ["Tensor", "gradcheck", "manual_seed", "no_grad"]

_PARTS = (
    "classical",
    "data",
    "errors",
    "inspection",
    "kernels",
    "models",
    "nn",
    "ops",
    "optim",
    "recipes",
    "training",
    "words",
)


def __getattr__(name: str) -> Any:
    """Import a part of the package when it is first asked for, so that `import yuanli` stays quick."""
    if name in _PARTS:
        return importlib.import_module(f"yuanli.{name}")
    raise AttributeError(f"module 'yuanli' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PARTS])
