"""Boosted trees on a million rows, against scikit-learn and LightGBM: fitting, and predicting."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from sklearn import ensemble
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score

from benchmarks.training_steps import Step
from yuanli.classical import HistGradientBoostingClassifier
from yuanli.kernels.compiler import threads

ROWS, FEATURES = 1_000_000, 28
JUDGED = 50_000  # held-out rows whose AUC is the answer: the seed alone moves it by 0.002
TREES = {"max_iter": 100, "max_leaf_nodes": 31, "learning_rate": 0.1, "early_stopping": False}


@functools.cache
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows and classes to fit to, and to judge by."""
    x, y = make_classification(
        ROWS + JUDGED, FEATURES, n_informative=14, n_redundant=6, n_clusters_per_class=8, class_sep=0.6,
        flip_y=0.05, random_state=0,
    )  # fmt: skip
    x = np.ascontiguousarray(x, np.float32)
    return x[:ROWS], y[:ROWS], x[ROWS:], y[ROWS:]


def ours() -> Any:
    return HistGradientBoostingClassifier(**TREES)


def theirs() -> Any:
    return ensemble.HistGradientBoostingClassifier(**TREES)


def light(**options: Any) -> Callable[[], Any]:
    return lambda: lightgbm.LGBMClassifier(
        n_estimators=100, num_leaves=31, learning_rate=0.1, n_jobs=threads(), verbose=-1, **options
    )


MODELS = {
    "yuanli": ours,
    "scikit-learn": theirs,
    "LightGBM": light(),
    "LightGBM by rows": light(force_row_wise=True),
}


@dataclass(frozen=True)
class Fitting:
    name: str = "HistGradientBoostingClassifier.fit, 1,000,000 × 28, 100 trees × 31 leaves"
    targets = {"scikit-learn": 0.35, "LightGBM": 0.6, "LightGBM by rows": 0.6}
    tolerances: tuple[float, ...] = (0.006,)  # three times what the seed does

    def steps(self) -> dict[str, Step]:
        x, y, held_x, held_y = table()
        ours().set_params(max_iter=2).fit(x[:100_000], y[:100_000]).predict_proba(held_x)  # compiles

        def step(make: Callable[[], Any]) -> float:
            model = make().fit(x, y)
            return _judged(model, held_x, held_y)

        return {name: functools.partial(step, make) for name, make in MODELS.items()}


@dataclass(frozen=True)
class Predicting:
    name: str = "HistGradientBoostingClassifier.predict_proba, 1,000,000 × 28, 100 trees × 31 leaves"
    target: float | None = 0.6
    tolerances: tuple[float, ...] = (0.02,)  # fitted to a tenth of the rows

    def steps(self) -> dict[str, Step]:
        x, y, _, _ = table()
        names = ("yuanli", "scikit-learn", "LightGBM")
        models = {name: MODELS[name]().fit(x[::10], y[::10]) for name in names}

        def step(model: Any) -> float:
            return float(roc_auc_score(y[:JUDGED], model.predict_proba(x)[:JUDGED, 1]))

        return {name: functools.partial(step, model) for name, model in models.items()}


def _judged(model: Any, x: np.ndarray, y: np.ndarray) -> float:
    return float(roc_auc_score(y, model.predict_proba(x)[:, 1]))


BOOSTING = (Fitting(), Predicting())
