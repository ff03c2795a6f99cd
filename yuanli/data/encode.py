"""A table of numbers, words and gaps as plain float32 columns."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from yuanli.data.dataset import Feature
from yuanli.data.transformer import Transformer, as_rows
from yuanli.errors import CheckpointError, ShapeError


class EncodeTable(Transformer):
    """Gaps in columns of numbers become the column's median; a column of words becomes one column a word.

    Words seen fewer than `min_count` times in training, or not among the column's `max_categories` most
    frequent, share a last column "unknown" with gaps and with words never seen.  With `add_indicator`, every
    column of numbers that has gaps in training gets a companion that is 1 at a gap.
    Order: the numbers, the companions, then each column of words.  x: (N, D) → (N, D').
    """

    learned = ("median", "gaps", "slots")

    def __init__(
        self,
        features: Sequence[Feature] = (),
        *,
        max_categories: int = 32,
        min_count: int = 1,
        add_indicator: bool = False,
    ) -> None:
        self.features = features
        self.max_categories = max_categories
        self.min_count = min_count
        self.add_indicator = add_indicator

    def fit(self, x: np.ndarray, y: Any = None) -> Self:
        x = self._check(x)
        numbers = x[:, self._numbers(x)]
        self.gaps_ = np.isnan(numbers).any(0)
        # a column that is nothing but gaps has no median; 0 stands in
        self.median_ = np.array(
            [np.median(known) if len(known := c[~np.isnan(c)]) else 0 for c in numbers.T], np.float32
        )
        self.slots_ = np.concatenate([np.zeros(0, np.int64), *(self._slots(x, j) for j in self._words())])
        return self

    def _slots(self, x: np.ndarray, column: int) -> np.ndarray:
        """For each word of a column, its place among those kept, or −1."""
        codes = _codes(x[:, column])
        counts = np.bincount(codes[codes >= 0], minlength=len(self.features[column].categories))
        frequent = np.argsort(-counts, kind="stable")[: self.max_categories]
        kept = np.sort(frequent[counts[frequent] >= max(self.min_count, 1)])
        slots = np.full(len(counts), -1)
        slots[kept] = np.arange(len(kept))
        return slots

    def transform(self, x: np.ndarray) -> np.ndarray:
        self.check_fitted()
        x = self._check(x)
        numbers = x[:, self._numbers(x)]
        if numbers.shape[1] != len(self.median_):
            raise ShapeError(
                f"EncodeTable was fitted on {len(self.median_)} columns of numbers, got {numbers.shape[1]}"
            )
        gap = np.isnan(numbers)
        parts = [np.where(gap, self.median_, numbers)]
        if self.add_indicator:
            parts.append(gap[:, self.gaps_])
        for column, slots in self._each_slots():
            width = int(slots.max(initial=-1)) + 1
            places = np.append(slots, -1)[_codes(x[:, column])]
            parts.append(np.where(places < 0, width, places)[:, None] == np.arange(width + 1))
        return np.concatenate(parts, axis=1, dtype=np.float32)

    def names_out(self) -> tuple[str, ...]:
        """The names of the columns that transform gives."""
        self.check_fitted()
        names = [f.name for f in self.features if not f.categories]
        names = names or [f"column {i}" for i in range(len(self.median_))]
        if self.add_indicator:
            names += [f"{names[i]} is missing" for i in np.flatnonzero(self.gaps_)]
        for column, slots in self._each_slots():
            f = self.features[column]
            names += [f"{f.name} = {f.categories[code]}" for code in np.flatnonzero(slots >= 0)]
            names.append(f"{f.name} = unknown")
        return tuple(names)

    def config(self) -> dict[str, Any]:
        features = [{"name": f.name, "categories": list(f.categories)} for f in self.features]
        return super().config() | {"features": features}

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        features = tuple(Feature(f["name"], tuple(f["categories"])) for f in options["features"])
        return cls(**(options | {"features": features}))

    def load_state(self, state: dict[str, np.ndarray]) -> Self:
        super().load_state(state)
        if len(self.slots_) != sum(len(f.categories) for f in self.features):
            raise CheckpointError("EncodeTable: the saved arrays belong to other columns")
        return self

    def _check(self, x: np.ndarray) -> np.ndarray:
        x = as_rows(self, x)
        if x.ndim != 2 or (self.features and x.shape[1] != len(self.features)):
            wanted = len(self.features) or "D"
            raise ShapeError(f"EncodeTable needs table rows (N, {wanted}), got shape {x.shape}")
        return x

    def _numbers(self, x: np.ndarray) -> list[int]:
        words = self._words()
        return [j for j in range(x.shape[1]) if j not in words]

    def _words(self) -> list[int]:
        return [j for j, f in enumerate(self.features) if f.categories]

    def _each_slots(self) -> list[tuple[int, np.ndarray]]:
        """Each column of words with its part of `slots_`."""
        words = self._words()
        ends = np.cumsum([len(self.features[j].categories) for j in words])
        return list(zip(words, np.split(self.slots_, ends[:-1]) if words else [], strict=True))


def _codes(column: np.ndarray) -> np.ndarray:
    """Codes of words as integers, a gap as −1."""
    return np.where(np.isnan(column), -1, column).astype(np.int64)
