"""Further libraries beside torch, each in a file of its own and a column where it is installed.

Every file has `step(net, weights, x, y)`: a function that makes one step of SGD with momentum on the network
`net` of `nets.py`, begun from `weights` (torch's names, NumPy arrays), and returns the loss.
"""

from importlib import import_module
from importlib.util import find_spec

NAMES = {"JAX": "jax", "Paddle": "paddle", "tinygrad": "tinygrad"}
chosen: tuple[str, ...] = tuple(NAMES)  # of these, what is measured


def steps(net, weights, x, y) -> dict:
    """A library's name and its step; a line for each that is not here, or cannot build the network."""
    made = {}
    for name in chosen:
        if not find_spec(NAMES[name]):
            print(f"{name}: left out, not installed (pip install {NAMES[name]})")
            continue
        try:
            made[name] = import_module(f"{__name__}.{NAMES[name]}").step(net, weights, x, y)
        except Exception as error:
            print(f"{name}: left out, {reason(error)}")
    return made


def reason(error: Exception) -> str:
    """What went wrong, on one line."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]:.150}"
