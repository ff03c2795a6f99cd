"""The package's own random generator, for everything random that was given none (`rng=None`)."""

import numpy as np

from yuanli.errors import DTypeError, ValueRangeError

_generator = np.random.default_rng()


def manual_seed(seed: int) -> None:
    """Restart the package's generator: the same seed gives the same numbers.  Raises: ValueRangeError."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueRangeError(f"manual_seed needs a whole number from 0 up, got {seed!r}")
    _generator.bit_generator.state = np.random.default_rng(seed).bit_generator.state


def generator(rng: np.random.Generator | None = None) -> np.random.Generator:
    """`rng` itself, or the package's own generator when it is None."""
    if rng is None:
        return _generator
    if not isinstance(rng, np.random.Generator):
        raise DTypeError(
            f"rng needs a numpy.random.Generator, such as np.random.default_rng(0), got {type(rng).__name__}"
        )
    return rng
