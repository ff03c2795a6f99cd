"""Batches in random order that can stop after any one of them and go on, bit for bit, in another process."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from yuanli.errors import CheckpointError, DTypeError, ShapeError, ValueRangeError
from yuanli.random import generator


class Batches:
    """Iterating is one epoch: every row once, `batch_size` rows at a time, as pairs (x, y).

    `augment(x, rng)` changes a batch of raw rows, then `transform` (an object with that method, or a
    function) prepares it.  Images stay uint8 until they are batched; a batch of them is float32 (n, C, H, W)
    in channels-last memory.  Order and augmentation have a generator each, seeded from `rng`.

    `state()` is JSON: the order's generator as the epoch began, the number of the next batch, and the
    augmentation's generator.  After `load_state` the next iteration gives what was left of that epoch:
    nothing, if its last batch had been given but the loop not yet left.  A loop left early starts anew.
    """

    continues = False  # no batch goes on from the one before it

    def __init__(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int,
        *,
        rng: np.random.Generator | None = None,
        shuffle: bool = True,
        augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
        transform: Any = None,
        drop_last: bool = False,
    ) -> None:
        if not (isinstance(x, np.ndarray) and isinstance(y, np.ndarray)):
            raise DTypeError(f"Batches needs arrays x and y, got {type(x).__name__} and {type(y).__name__}")
        if not x.ndim or not y.ndim or len(x) != len(y) or not len(x):
            raise ShapeError(
                f"Batches needs as many x as y, at least one, got shapes {x.shape} and {y.shape}"
            )
        if not isinstance(batch_size, int | np.integer) or batch_size < 1:
            raise ValueRangeError(f"batch_size needs a whole number from 1 up, got {batch_size!r}")
        if drop_last and len(x) < batch_size:
            raise ValueRangeError(
                f"{len(x)} rows do not fill one batch of {batch_size}; drop_last leaves none"
            )
        self.x = x
        self.y = y
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.augment = augment
        self.transform = getattr(transform, "transform", transform)
        self.drop_last = drop_last
        seeds = generator(rng).integers(2**63, size=2) if shuffle or augment else (0, 0)
        self._order_rng, self._augment_rng = map(np.random.default_rng, seeds)
        self._epoch = self._order_rng.bit_generator.state  # as the epoch began
        self._next = 0  # the number of the next batch
        self._resuming = False

    def __len__(self) -> int:
        """Batches in an epoch."""
        n, b = len(self.x), self.batch_size
        return n // b if self.drop_last else -(-n // b)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if not self._resuming:
            self._epoch, self._next = self._order_rng.bit_generator.state, 0
        self._resuming = False
        rows = self._order_rng.permutation(len(self.x)) if self.shuffle else np.arange(len(self.x))
        while self._next < len(self):
            start = self._next * self.batch_size
            batch = rows[start : start + self.batch_size]
            self._next += 1
            yield self._prepare(np.asarray(self.x[batch])), np.asarray(self.y[batch])
        self._epoch, self._next = self._order_rng.bit_generator.state, 0

    def _prepare(self, x: np.ndarray) -> np.ndarray:
        if self.augment is not None:
            x = self.augment(x, self._augment_rng)
        if self.transform is not None:
            x = self.transform(x)
        if x.ndim == 4:
            return _channels_last(x)
        return x.astype(np.float32) if x.dtype == np.uint8 else x

    def state(self) -> dict[str, Any]:
        """Where the iteration stands, as JSON."""
        return {
            "rows": len(self.x),
            "batch_size": self.batch_size,
            "batch": self._next,
            "order": self._epoch,
            "augment": self._augment_rng.bit_generator.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on where `state` was taken.  Raises: CheckpointError when it does not fit, or is damaged."""
        here = (len(self.x), self.batch_size)
        try:
            there, batch = (state["rows"], state["batch_size"]), state["batch"]
            if there != here or not 0 <= batch <= len(self):
                raise CheckpointError(
                    f"batches: the saved place is batch {batch} of (rows, batch_size) = {there}, "
                    f"here they are {here}; resume with the same data and options"
                )
            order, augment = np.random.default_rng(0), np.random.default_rng(0)
            order.bit_generator.state, augment.bit_generator.state = state["order"], state["augment"]
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"batches: the saved place cannot be read: {error!r}") from None
        self._order_rng, self._augment_rng = order, augment
        self._epoch, self._next, self._resuming = state["order"], batch, True


def _channels_last(x: np.ndarray) -> np.ndarray:
    """The same images (n, C, H, W) as float32, in memory (n, H, W, C)."""
    n, channels, height, width = x.shape
    y = np.empty((n, height, width, channels), np.float32)
    for c in range(channels):  # plane by plane: for few channels much faster than one transposed copy
        y[..., c] = x[:, c]
    return y.transpose(0, 3, 1, 2)
