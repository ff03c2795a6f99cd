"""One demonstration a topic of the syllabus, found by name.

The topic's id names the file and the function: `conv` is `yuanli.demos.conv:conv`, `loss.mse` is
`yuanli.demos.loss:mse`.  Every demonstration is called `function(out, seed=0, **options)`: it runs the
topic's code on real or synthetic data, writes its pictures into the folder `out`, and returns a
`Demonstration`.  The options are keyword-only, have defaults, and are the numbers a reader may want to change
(`conv(out, stride=2, padding=0)`).  The same seed gives the same numbers.  Matplotlib and the rest are
imported when a demonstration is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

from yuanli.errors import UnknownNameError, ValueRangeError

__all__ = ["TOPICS", "Demonstration", "demonstration"]

TOPICS = (
    "pipeline", "bases", "image", "challenges", "knn", "linear",
    "loss.mse", "loss.mae", "loss.rmse", "loss.smooth_l1", "loss.huber",
    "loss.kl", "loss.ce", "loss.log", "loss.hinge",
    "penalty", "softmax", "sigmoid", "entropy", "gd", "backprop", "mlp", "activation", "preprocess", "init",
    "dropout", "batchnorm", "words.cbow", "words.sg", "words.hs", "words.neg",
    "conv", "pool", "lenet",
    "alexnet", "vgg", "receptive", "inception", "resnet", "densenet", "light",
    "rnn", "lstm", "textcnn", "gan",
    "svm", "logistic", "gbdt", "zoo.paddle",
)  # fmt: skip
LEAST = {"seed": 0, "padding": 0}  # every other whole number counts something, from 1 up


@dataclass(frozen=True)
class Demonstration:
    """What a demonstration found: `lines` to print, the same `numbers` to check, the `pictures` it wrote."""

    lines: list[str]
    numbers: dict[str, Any]
    pictures: list[Path] = field(default_factory=list)


def demonstration(topic: str) -> Callable[..., Demonstration]:
    """The function that demonstrates `topic`, one of TOPICS.

    Raises: UnknownNameError for a topic without a demonstration; called, ValueRangeError for an option that
    counts nothing.
    """
    if topic not in TOPICS:
        raise UnknownNameError(f"no demonstration is called {topic!r}; there are: {', '.join(TOPICS)}")
    family, _, name = topic.partition(".")
    function = getattr(import_module(f"yuanli.demos.{family}"), name or family)

    @wraps(function)
    def checked(out: Path, seed: int = 0, **options: Any) -> Demonstration:
        for option, value in {"seed": seed, **options}.items():
            least = LEAST.get(option, 1)
            if isinstance(value, int) and value < least:
                raise ValueRangeError(f"{option} needs a whole number from {least} up, got {value}")
            if isinstance(value, float) and not isfinite(value):
                raise ValueRangeError(f"{option} needs a number, got {value}")
        return function(out, seed, **options)

    return checked
