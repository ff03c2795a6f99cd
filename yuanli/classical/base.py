"""What the estimators share beyond scikit-learn's BaseEstimator: a fit that is whole, checked parameters.

An estimator stores its parameters in `__init__` as they come and looks at them in `fit`; what `fit` learns
ends in an underscore.  No compiled call lasts longer than about a second, so that Ctrl-C is heard.
"""

import functools
from collections.abc import Callable, Collection
from numbers import Integral, Real
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from yuanli.errors import ValueRangeError

Self = TypeVar("Self")
P = ParamSpec("P")
R = TypeVar("R")


def whole(fit: Callable[Concatenate[Self, P], R]) -> Callable[Concatenate[Self, P], R]:
    """A `fit` that leaves the estimator as it was when it fails or is interrupted."""

    @functools.wraps(fit)
    def fit_or_nothing(self: Self, *args: P.args, **kwargs: P.kwargs) -> R:
        before = vars(self).copy()
        try:
            return fit(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return fit_or_nothing


def check_integer(estimator: Any, name: str, low: int, high: int | None = None) -> int:
    """The parameter `name` as an int from `low` to `high` (both allowed).  Raises: ValueRangeError."""
    value = getattr(estimator, name)
    whole_number = isinstance(value, Integral) and not isinstance(value, bool | np.bool_)
    if not whole_number or value < low or (high is not None and value > high):
        raise _not_allowed(
            estimator, name, f"an int in the range [{low}, {'inf)' if high is None else f'{high}]'}"
        )
    return int(value)


def check_real(
    estimator: Any,
    name: str,
    low: float,
    high: float = np.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """The parameter `name` as a float from `low` to `high`, without an open end.  Raises: ValueRangeError."""
    value = getattr(estimator, name)
    real = isinstance(value, Real) and not isinstance(value, bool | np.bool_)
    inside = (
        real
        and (low < value if open_low else low <= value)
        and (value < high if open_high else value <= high)
    )
    if not inside:
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}{')' if open_high else ']'}"
        raise _not_allowed(estimator, name, f"a float in the range {interval}")
    return float(value)


def check_choice(estimator: Any, name: str, choices: Collection[Any]) -> Any:
    """The parameter `name`, one of `choices`.  Raises: ValueRangeError."""
    value = getattr(estimator, name)
    if not any(value is choice or (isinstance(value, str) and value == choice) for choice in choices):
        raise _not_allowed(estimator, name, f"one of {', '.join(map(repr, choices))}")
    return value


def _not_allowed(estimator: Any, name: str, needed: str) -> ValueRangeError:
    kind, value = type(estimator).__name__, getattr(estimator, name)
    return ValueRangeError(f"The {name!r} parameter of {kind} must be {needed}. Got {value!r} instead.")
