"""What every preprocessing step is: `fit` on training rows, `transform` any, and a form that can be saved."""

from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from yuanli.errors import CheckpointError, DTypeError, NotFittedError, ShapeError


class Transformer(TransformerMixin, BaseEstimator):
    """A step of preprocessing in scikit-learn's manner, so that it fits into its pipelines and searches.

    `config()` is JSON, `state()` arrays; `preprocess.from_config(config, state)` makes the same object again.
    """

    learned: ClassVar[tuple[str, ...]] = ()  # fit sets these attributes, each with _ behind its name

    def fit(self, x: np.ndarray, y: Any = None) -> Self:
        """Learn from training rows; here there is nothing to learn."""
        as_rows(self, x)
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def config(self) -> dict[str, Any]:
        """The class and its options, JSON-able."""
        return {"kind": type(self).__name__, **self.get_params(deep=False)}

    def state(self) -> dict[str, np.ndarray]:
        """What fit has learned."""
        self.check_fitted()
        return {name: getattr(self, name + "_") for name in self.learned}

    def load_state(self, state: dict[str, np.ndarray]) -> Self:
        """Be as if fitted, with what `state()` of another gave."""
        if set(state) != set(self.learned):
            raise CheckpointError(
                f"{type(self).__name__} needs the arrays {sorted(self.learned)}, got {sorted(state)}"
            )
        for name, array in state.items():
            setattr(self, name + "_", np.asarray(array))
        return self

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        """A new object from what `config()` gave, without its "kind"."""
        return cls(**options)

    def check_fitted(self) -> None:
        if not all(hasattr(self, name + "_") for name in self.learned):
            raise NotFittedError(
                f"{type(self).__name__} has learned nothing yet: call fit(x) on training rows"
            )


def as_rows(step: Transformer, x: Any) -> np.ndarray:
    """x as an array of numbers with a row a case; Raises ShapeError, DTypeError."""
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise DTypeError(f"{type(step).__name__} needs numbers, got dtype {x.dtype}")
    if x.ndim < 2 or not x.size:
        raise ShapeError(
            f"{type(step).__name__} needs rows (N, D) or images (N, C, H, W), got shape {x.shape}"
        )
    return x
