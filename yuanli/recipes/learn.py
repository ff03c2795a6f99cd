"""One model learns from one data set: a part kept aside, preprocessing, batches, the loop."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from yuanli.data import Dataset, preprocess
from yuanli.data.batches import Batches
from yuanli.data.bundled import split
from yuanli.optim import ElasticNet, NoImprovement
from yuanli.recipes.fine_tuning import start_from
from yuanli.recipes.predictor import AT_ONCE, NetworkPredictor
from yuanli.recipes.settings import Settings
from yuanli.recipes.threads import suitable_threads
from yuanli.training import Hook, Training, fit
from yuanli.training.metrics import accuracy, mean_absolute_error

if TYPE_CHECKING:
    from yuanli.recipes.network import Network


def learn(
    recipe: "Network",
    settings: Settings,
    data: Dataset,
    *,
    seed: int,
    hooks: Sequence[Hook] = (),
    resume: dict[str, Any] | None = None,
) -> tuple[NetworkPredictor, Training]:
    """Train `recipe` on `data`; the share `settings.validation` of it is kept aside, for the curves only.

    The seed decides everything: initial weights and dropout, order and augmentation, and the part kept aside.
    """
    train, validation = keep_aside(data, settings.validation, seed)
    predictor = untrained(recipe, settings, train, np.random.default_rng([seed, 0]))
    start_from(predictor.model, settings.weights if resume is None else None, settings.freeze)
    batches = batches_of(predictor, train, settings, np.random.default_rng([seed, 1]))
    model = predictor.model
    with suitable_threads(predictor.work(batches.batch_size)):
        training = fit(
            model,
            recipe.loss(settings),
            settings.make_optimizer(model),
            batches,
            epochs=settings.epochs,
            schedule=settings.make_schedule(settings.epochs * len(batches)),
            penalty=ElasticNet(settings.l1, settings.l2) if settings.l1 or settings.l2 else None,
            clip=settings.clip or float("inf"),
            metric=accuracy if data.is_classification else error_of(predictor),
            validation=None if validation is None else batches_of(predictor, validation),
            stop_at_epoch=NoImprovement(settings.patience, better="lower") if settings.patience else None,
            hooks=hooks,
            resume=resume,
        )
    if settings.patience and training.best:
        model.load_state_dict(training.best)
    model.eval()
    return predictor, training


def keep_aside(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset | None]:
    """Training rows and validation rows; none of these when the share is less than a row."""
    if round(len(data) * share) < 1:
        return data, None
    parts = split(data, test_size=share, seed=seed)
    return parts.train, parts.test


def untrained(
    recipe: "Network", settings: Settings, data: Dataset, rng: np.random.Generator
) -> NetworkPredictor:
    """A model for `data` that has learned nothing yet, with preprocessing that is fitted on it."""
    known = recipe.prepared(data, settings)
    model = recipe.build(known["shape"], max(1, len(data.classes)), settings, rng)
    return NetworkPredictor(**known, model=model)


def batches_of(
    predictor: NetworkPredictor,
    data: Dataset,
    settings: Settings | None = None,
    rng: np.random.Generator | None = None,
) -> Batches:
    """Training batches by `settings`; without them, all rows in order.

    Tables and texts are prepared at once, images when they are batched; but images are resized at once and
    stay uint8.
    """
    x, y, steps = data.x, data.y, list(predictor.prepare.steps)
    while steps and (not data.is_image or isinstance(steps[0], preprocess.Resize)):
        x = steps.pop(0).transform(x)
    if predictor.target is not None:
        y = predictor.target.transform(y[:, None])[:, 0]
    transform = preprocess.Chain(steps) if steps else None
    if settings is None:
        return Batches(x, y, AT_ONCE, shuffle=False, transform=transform)
    augment = predictor.recipe.augmentation(data, settings) if settings.augment else None
    return Batches(x, y, min(settings.batch_size, len(x)), rng=rng, augment=augment, transform=transform)


def error_of(predictor: NetworkPredictor) -> Any:
    """The mean absolute error in the target's own unit."""

    def mae(scores: np.ndarray, y: np.ndarray) -> float:
        to_unit = predictor.target.inverse_transform  # type: ignore[union-attr]
        return mean_absolute_error(to_unit(scores), to_unit(y[:, None])[:, 0])

    return mae
