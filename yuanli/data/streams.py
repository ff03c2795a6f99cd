"""A long text cut so that each batch goes on from where the one before it ended."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from yuanli.errors import CheckpointError, DataError, ShapeError, ValueRangeError


class Streams:
    """Iterating is one epoch: a text as `batch_size` streams side by side, `steps` tokens of each at a time.

    x and y (T,) → pairs (steps, batch_size); stream n holds the tokens from n·L on, L = T // batch_size, so
    that row t of one batch is followed by the first row of the next.  The last batch may have fewer steps;
    the T mod batch_size tokens at the end are left out.  Nothing is random: `state()` is a place in the text.
    """

    continues = True

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int, steps: int) -> None:
        for name, value in (("batch_size", batch_size), ("steps", steps)):
            if not isinstance(value, int | np.integer) or value < 1:
                raise ValueRangeError(f"{name} needs a whole number from 1 up, got {value!r}")
        if x.ndim != 1 or x.shape != y.shape:
            raise ShapeError(f"Streams needs tokens x and y (T,), got shapes {x.shape} and {y.shape}")
        if len(x) < batch_size:
            raise DataError(
                f"{batch_size} streams need at least as many tokens, got {len(x)}; "
                "take more text or a smaller batch_size"
            )
        self.batch_size, self.steps = int(batch_size), int(steps)
        self.length = len(x) // self.batch_size
        end = self.length * self.batch_size
        self.x, self.y = (np.ascontiguousarray(a[:end].reshape(self.batch_size, -1).T) for a in (x, y))
        self._next = 0  # the number of the next batch
        self._resuming = False

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-self.length // self.steps)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if not self._resuming:
            self._next = 0
        self._resuming = False
        while self._next < len(self):
            rows = slice(self._next * self.steps, (self._next + 1) * self.steps)
            self._next += 1
            yield self.x[rows], self.y[rows]
        self._next = 0

    def state(self) -> dict[str, Any]:
        """Where the iteration stands, as JSON."""
        return {"length": self.length, "streams": self.batch_size, "steps": self.steps, "batch": self._next}

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken.  Raises: CheckpointError when it does not fit, or is damaged."""
        here = {"length": self.length, "streams": self.batch_size, "steps": self.steps}
        batch = state.get("batch")
        if {**state, "batch": 0} != {**here, "batch": 0}:
            raise CheckpointError(f"streams: the saved place is in {state}, here they are {here}")
        if not isinstance(batch, int) or not 0 <= batch <= len(self):
            raise CheckpointError(f"streams: the saved place is batch {batch!r} of {len(self)}")
        self._next, self._resuming = batch, True
