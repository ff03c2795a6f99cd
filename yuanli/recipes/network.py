"""Networks: trained by gradient descent on batches, by `learn`."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, ClassVar

import numpy as np

from yuanli.data import Dataset, Split
from yuanli.data.augment import Augmentations, RandomCrop, RandomHorizontalFlip
from yuanli.errors import ValueRangeError
from yuanli.nn import Module
from yuanli.ops import cross_entropy, mse_loss
from yuanli.recipes.fine_tuning import start_from
from yuanli.recipes.learn import learn, untrained
from yuanli.recipes.predictor import NetworkPredictor
from yuanli.recipes.settings import Settings, one_of
from yuanli.recipes.supervised import Supervised, width
from yuanli.tensor import Tensor
from yuanli.training import Hook

Loss = Callable[[Tensor, np.ndarray], Tensor]  # of scores and answers


class Network(Supervised):
    """A network with scores (N, K), or (N, 1) for a number; each subclass says what is its own.

    `settings_type`: Settings, or a dataclass derived from it with the network's own options.
    """

    settings_type: ClassVar[type[Settings]] = Settings
    takes_dropout: ClassVar[bool] = False

    @abstractmethod
    def settings(self, data: Dataset) -> Settings:
        """The options that work on data of this size and kind."""

    @abstractmethod
    def build(
        self, shape: tuple[int, ...], outputs: int, settings: Settings, rng: np.random.Generator
    ) -> Module:
        """The untrained model for prepared rows of `shape`: an output a class, or one for a number."""

    def loss(self, settings: Settings) -> Loss:
        """Cross-entropy of the scores of classes, mean squared error of a number: (N, K) or (N, 1), (N,)."""
        return lambda scores, y: (
            cross_entropy(scores, y) if y.dtype.kind == "i" else mse_loss(scores, y[:, None])
        )

    def sparse_lr(self, data: Dataset) -> float:
        """The learning rate of plain descent under an L1 penalty; the more columns, the steeper the loss."""
        return min(0.1, 10 / width(data.x.shape[1:]))

    def augmentation(self, data: Dataset, settings: Settings) -> Any:
        """Shifts by up to `shift` pixels; colour pictures, of things, are mirrored too."""
        shifts = RandomCrop(padding=self.shift(data))
        return Augmentations(RandomHorizontalFlip(), shifts) if data.x.shape[1] == 3 else shifts

    def shift(self, data: Dataset) -> int:
        """A sixteenth of the width, in pixels."""
        return max(1, (self.size(data) or data.x.shape[3]) // 16)

    def options(self) -> tuple[str, ...]:
        names = (field.name for field in fields(self.settings_type))
        return tuple(name for name in names if name != "dropout" or self.takes_dropout)

    def choose(self, data: Split, given: dict[str, Any]) -> dict[str, Any]:
        return asdict(self.chosen(data.train, given))

    def chosen(self, data: Dataset, given: dict[str, Any]) -> Settings:
        """The settings for `data`, changed by those given, where they make sense for it."""
        if given.get("dropout") and not self.takes_dropout:
            raise ValueRangeError(
                f"{self.name} has no dropout to set, got dropout={given['dropout']}; leave it out"
            )
        for name in given:
            one_of(f"option of {self.name}", name, ("dropout", *self.options()))
        defaults = self.settings(data)
        if given.get("validation") == 0:
            defaults = replace(defaults, patience=None)
        if given.get("l1") and not {"optimizer", "lr"} & given.keys():
            # plain steps end at zero; Adam's, as long for small gradients as for large, jump over it
            defaults = replace(defaults, optimizer="sgd", lr=self.sparse_lr(data))
        settings = replace(defaults, **given)
        if settings.augment and not data.is_image:
            raise ValueRangeError(f"augment shifts images, and {data.name} has none; leave it out")
        return settings

    def remarks(self, settings: dict[str, Any], data: Split) -> list[str]:
        chosen = self.settings_type(**settings)
        if not (chosen.weights or chosen.freeze):
            return []
        predictor = untrained(self, chosen, data.train, np.random.default_rng(0))
        return start_from(predictor.model, chosen.weights, chosen.freeze)

    def learn(
        self,
        settings: dict[str, Any],
        data: Split,
        *,
        seed: int,
        hooks: Sequence[Hook] = (),
        resume: dict[str, Any] | None = None,
    ) -> NetworkPredictor:
        chosen = self.settings_type(**settings)
        predictor, _ = learn(self, chosen, data.train, seed=seed, hooks=hooks, resume=resume)
        return predictor

    def rebuild(
        self, settings: dict[str, Any], config: dict[str, Any], state: dict[str, Any], known: dict[str, Any]
    ) -> NetworkPredictor:
        outputs = max(1, len(known["classes"]))
        chosen = self.settings_type(**settings)
        model = self.build(known["shape"], outputs, chosen, np.random.default_rng(0))
        model.load_state_dict(state["learned"])
        return NetworkPredictor(**known, model=model.eval())


def epochs_for(data: Dataset, steps: int, batch_size: int, most: int) -> int:
    """About so many steps, in whole epochs, at most `most` of them."""
    return int(np.clip(round(steps * batch_size / len(data)), 1, most))
