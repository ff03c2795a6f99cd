"""What a recipe is: a model, with the preprocessing and the options with which it learns well."""

from math import prod
from typing import Any

import numpy as np

from yuanli.data import Dataset, preprocess
from yuanli.data.augment import Augmentations, RandomCrop, RandomHorizontalFlip
from yuanli.nn import Module
from yuanli.ops import cross_entropy, mse_loss
from yuanli.recipes.settings import Settings
from yuanli.tensor import Tensor


class Recipe:
    """One model for any data set that suits it; each subclass says what is its own."""

    name: str
    title: str
    title_zh: str
    takes_dropout = False

    def unsuited(self, data: Dataset) -> str:
        """Why this model cannot learn from `data`; "" when it can."""
        return "it reads images and tables, and this is text" if data.is_text else ""

    def settings(self, data: Dataset) -> Settings:
        """The options that work on data of this size and kind."""
        raise NotImplementedError

    def sparse_lr(self, data: Dataset) -> float:
        """The learning rate of plain descent under an L1 penalty; the more columns, the steeper the loss."""
        return min(0.1, 10 / width(data.x.shape[1:]))

    def size(self, data: Dataset) -> int | None:
        """The height and width that images are brought to; None when they stay as they are."""
        return None

    def preprocessing(self, data: Dataset) -> list[preprocess.Transformer]:
        """The steps after that, to be fitted on training rows."""
        if data.is_image:
            return [preprocess.Standardize(per="channel")]
        return [preprocess.EncodeTable(data.features), preprocess.Standardize()]

    def build(self, shape: tuple[int, ...], outputs: int, dropout: float, rng: np.random.Generator) -> Module:
        """The untrained model for prepared rows of `shape`: an output a class, or one for a number."""
        raise NotImplementedError

    def loss(self, scores: Tensor, y: np.ndarray) -> Tensor:
        """Cross-entropy of the scores of classes, mean squared error of a number: (N, K) or (N, 1), (N,)."""
        return cross_entropy(scores, y) if y.dtype.kind == "i" else mse_loss(scores, y[:, None])

    def augmentation(self, data: Dataset) -> Any:
        """Shifts by up to `shift` pixels; colour pictures, of things, are mirrored too."""
        shifts = RandomCrop(padding=self.shift(data))
        return Augmentations(RandomHorizontalFlip(), shifts) if data.x.shape[1] == 3 else shifts

    def shift(self, data: Dataset) -> int:
        """A sixteenth of the width, in pixels."""
        return max(1, (self.size(data) or data.x.shape[3]) // 16)

    def templates(self, model: Module, shape: tuple[int, ...]) -> np.ndarray | None:
        """What each class looks for, as images (K, C, H, W), where the model has such a thing."""
        return None


def epochs_for(data: Dataset, steps: int, batch_size: int, most: int) -> int:
    """About so many steps, in whole epochs, at most `most` of them."""
    return int(np.clip(round(steps * batch_size / len(data)), 1, most))


def width(shape: tuple[int, ...]) -> int:
    """Numbers in a row of `shape`."""
    return prod(shape)
