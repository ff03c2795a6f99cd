"""Networks as estimators: any Module in a pipeline, a cross-validation or a search."""

import copy
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from yuanli import ops, optim
from yuanli.classical.base import check_choice, check_integer, check_real, whole
from yuanli.data.batches import Batches
from yuanli.errors import ModelError, ShapeError, ValueRangeError
from yuanli.models import MLP
from yuanli.nn import Module
from yuanli.tensor import Tensor
from yuanli.training import fit as descend
from yuanli.training import predict

OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
    "sgd": optim.SGD,
    "momentum": lambda params, lr: optim.SGD(params, lr, momentum=0.9),
    "adam": optim.Adam,
}
AT_ONCE = 1024  # rows predicted at a time


class _Neural(BaseEstimator):
    """What both share: the network, made in `fit`, and its descent."""

    row_shape_: tuple[int, ...]

    def __init__(
        self,
        module: Module | Callable[..., Module] | None = None,
        *,
        optimizer: str = "adam",
        lr: float = 0.003,
        epochs: int = 100,
        batch_size: int = 32,
        l2: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.optimizer = optimizer
        self.lr = lr
        self.epochs = epochs
        self.batch_size = batch_size
        self.l2 = l2
        self.random_state = random_state

    def _descend(self, x: np.ndarray, loss: Callable[[Tensor, np.ndarray], Tensor], outputs: int) -> None:
        """Fit the network to rows x; `loss` is told scores and the numbers of their rows."""
        optimizer = OPTIMIZERS[check_choice(self, "optimizer", OPTIMIZERS)]
        lr = check_real(self, "lr", 0, open_low=True)
        epochs, size = check_integer(self, "epochs", 1), check_integer(self, "batch_size", 1)
        l2 = check_real(self, "l2", 0)
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.default_rng(seed)
        self.module_ = self._made(x.shape[1:], outputs, rng)
        descend(
            self.module_,
            loss,
            optimizer([p for p in self.module_.parameters() if p.requires_grad], lr=lr),
            Batches(x, np.arange(len(x)), min(size, len(x)), rng=rng),
            epochs=epochs,
            penalty=optim.L2(l2) if l2 else None,
        )
        self.module_.eval()

    def _made(self, shape: tuple[int, ...], outputs: int, rng: np.random.Generator) -> Module:
        """The untrained network for rows of `shape`: a copy of the one given, or a new one."""
        if self.module is None:
            return MLP(int(np.prod(shape)), (100,), outputs, rng=rng)
        made = copy.deepcopy(self.module) if isinstance(self.module, Module) else self.module
        if not isinstance(made, Module):
            if not callable(made):
                raise ModelError(f"module needs a Module or a function that makes one, got {self.module!r}")
            made = made(shape, outputs, rng)
        if not isinstance(made, Module):
            raise ModelError(f"module(shape, outputs, rng) needs to give a Module, got {made!r}")
        return made

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float32, allow_nd=True, reset=False)
        if x.shape[1:] != self.row_shape_:
            raise ShapeError(f"X has rows of shape {x.shape[1:]}, but the fit saw {self.row_shape_}")
        scores, _ = predict(self.module_, Batches(x, np.zeros(len(x)), AT_ONCE, shuffle=False))
        return scores

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if "module_" in state:
            state = state | {"module_": self.module_.state_dict()}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.get("module_")
        super().__setstate__({name: value for name, value in state.items() if name != "module_"})
        if weights is not None:
            made = self._made(self.row_shape_, self._outputs(), np.random.default_rng(0))
            made.load_state_dict(weights)
            self.module_ = made.eval()

    def _outputs(self) -> int:
        return 1


class NeuralClassifier(ClassifierMixin, _Neural):
    """A network under the cross-entropy of its scores:  min (1/N) Σ wₙ · −ln softmax(f(xₙ))_yₙ + (λ/2)‖W‖².

    module: a Module with a score a class, which is copied; or a function (shape of a row, classes, rng) that
    makes one; without it, a perceptron with 100 hidden units.  `l2` is λ, on weights only.  X may have more
    than two axes, as images do.  After `fit`: classes_, module_.
    Differs: a module that is given cannot be saved by `classical.save`; its weights can, by `save_weights`.
    """

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        X, y = validate_data(self, X, y, dtype=np.float32, allow_nd=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueRangeError("a classifier needs at least 2 classes, got 1 class")
        weight = _check_sample_weight(sample_weight, X, dtype=np.float32, ensure_non_negative=True)
        self.row_shape_ = X.shape[1:]

        def loss(scores: Tensor, rows: np.ndarray) -> Tensor:
            if scores.shape != (len(rows), len(self.classes_)):
                raise ShapeError(
                    f"the module needs a score for each of {len(self.classes_)} classes, got {scores.shape}"
                )
            losses = ops.cross_entropy(scores, codes[rows], reduction="none")
            return _weighted_mean(losses, weight[rows])

        self._descend(X, loss, len(self.classes_))
        return self

    def _outputs(self) -> int:
        return len(self.classes_)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Softmax of the scores, (N, K), in float32 as the network."""
        return ops.softmax(self._scores(X), 1).data

    def predict(self, X: Any) -> np.ndarray:
        """The likeliest class of each row."""
        best = self._scores(X).argmax(1)
        return self.classes_[best]


class NeuralRegressor(RegressorMixin, _Neural):
    """A network under the squared error:  min (1/N) Σ wₙ (f(xₙ) − yₙ)² + (λ/2)‖W‖².

    The targets are learned with mean 0 and deviation 1.  module: as NeuralClassifier's, with one output.
    """

    @whole
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        X, y = validate_data(self, X, y, dtype=np.float32, allow_nd=True, y_numeric=True)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float32, ensure_non_negative=True)
        self.row_shape_ = X.shape[1:]
        y = np.asarray(y, np.float64)
        self.mean_, self.deviation_ = float(y.mean()), float(y.std()) or 1.0
        target = ((y - self.mean_) / self.deviation_).astype(np.float32)

        def loss(scores: Tensor, rows: np.ndarray) -> Tensor:
            if scores.shape != (len(rows), 1):
                raise ShapeError(f"the module needs one output a row, got {scores.shape}")
            losses = ops.mse_loss(scores, target[rows][:, None], reduction="none")
            return _weighted_mean(losses.reshape(-1), weight[rows])

        self._descend(X, loss, 1)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The number expected for each row, in float32 as the network computes."""
        return (self._scores(X)[:, 0] * self.deviation_ + self.mean_).astype(np.float32)


def _weighted_mean(losses: Tensor, weight: np.ndarray) -> Tensor:
    """Σ wₙ ℓₙ / Σ wₙ; 0 where no row has weight."""
    return (losses * weight).sum() * np.float32(1 / max(float(weight.sum()), 1e-30))
