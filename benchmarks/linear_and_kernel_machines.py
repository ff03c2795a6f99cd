"""Support vector machines and logistic regression against scikit-learn (LIBSVM, liblinear) and oneDAL.

The answer compared beside the time is what is minimised, or the share of rows told right.  Peers have all
threads of NumPy's BLAS, which yuanli keeps to one for itself.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sklearnex.svm
from sklearn import linear_model, svm
from sklearn.datasets import make_classification
from threadpoolctl import threadpool_limits

from benchmarks.training_steps import Step
from yuanli import classical
from yuanli.data import load
from yuanli.kernels.compiler import threads

Rows = tuple[np.ndarray, np.ndarray]


@functools.cache
def made(rows: int, informative: int, clusters: int) -> Rows:
    x, y = make_classification(
        rows, 100, n_informative=informative, n_clusters_per_class=clusters, flip_y=0.05, random_state=0
    )
    x = x.astype(np.float32)
    return (x - x.mean(0)) / x.std(0), y


@functools.cache
def mnist(rows: int) -> Rows:
    data = load("mnist").train
    return data.x[:rows].reshape(rows, -1).astype(np.float32) / np.float32(255), data.y[:rows]


def with_all_threads(step: Step) -> Step:
    def free() -> float:
        with threadpool_limits(threads(), user_api="blas"):
            return step()

    return free


def kernel_objective(machine: Any, rows: Rows) -> float:
    """The dual objective of a machine for two classes; for more, the sum of its coefficients' sizes."""
    coefficients = np.abs(machine.dual_coef_).sum()
    if len(machine.intercept_) > 1:
        return float(coefficients)
    margins = machine.decision_function(rows[0][machine.support_]) - machine.intercept_[0]
    return float(machine.dual_coef_[0] @ margins / 2 - coefficients)


def hinge_objective(machine: Any, rows: Rows) -> float:
    """½‖(w, b)‖² + C Σ max(0, 1 − margin)², over all classes against the rest."""
    x, y = rows
    sign = np.where(y[:, None] == np.arange(len(machine.coef_)), 1, -1)
    short = np.maximum(0, 1 - sign * (x @ machine.coef_.T.astype(np.float32) + machine.intercept_))
    size = (machine.coef_**2).sum() + (machine.intercept_**2).sum()
    return float(size / 2 + machine.C * (short**2).sum())


def log_objective(machine: Any, rows: Rows) -> float:
    x, y = rows
    margin = np.where(y == 1, 1, -1) * (x @ machine.coef_[0].astype(np.float32) + machine.intercept_[0])
    return float(np.logaddexp(0, -margin).sum() + (machine.coef_**2).sum() / 2)


def right(machine: Any, rows: Rows) -> float:
    return float((machine.predict(rows[0]) == rows[1]).mean())


@dataclass(frozen=True)
class Fitting:
    name: str
    targets: dict[str, float]
    rows: Callable[[], Rows]
    machines: dict[str, Callable[[], Any]]
    objective: Callable[[Any, Rows], float]
    tolerances: tuple[float, ...]

    def steps(self) -> dict[str, Step]:
        rows = self.rows()
        for _ in range(2):  # compiles
            self.machines["yuanli"]().fit(rows[0][:500], rows[1][:500])
        steps = {
            name: functools.partial(lambda make: self.objective(make().fit(*rows), rows), make)
            for name, make in self.machines.items()
        }
        return {name: step if name == "yuanli" else with_all_threads(step) for name, step in steps.items()}


@dataclass(frozen=True)
class Predicting:
    name: str
    targets: dict[str, float]
    rows: Callable[[], Rows]
    some: int  # rows that are fitted
    machines: dict[str, Callable[[], Any]]
    tolerances: tuple[float, ...] = (2e-3,)

    def steps(self) -> dict[str, Step]:
        x, y = rows = self.rows()
        steps = {
            name: functools.partial(right, make().fit(x[: self.some], y[: self.some]), rows)
            for name, make in self.machines.items()
        }
        return {name: step if name == "yuanli" else with_all_threads(step) for name, step in steps.items()}


def machines(name: str, oneapi: bool = False, **options: Any) -> dict[str, Callable[[], Any]]:
    found: dict[str, Callable[[], Any]] = {
        "yuanli": functools.partial(getattr(classical, name), **options),
        "scikit-learn": functools.partial(getattr(svm, name), **options),
    }
    if oneapi:
        found["scikit-learn-intelex"] = functools.partial(getattr(sklearnex.svm, name), **options)
    return found


RBF = machines("SVC", oneapi=True, C=1.0, gamma=0.01)
DIGITS = machines("SVC", oneapi=True, C=5.0, gamma=0.02)
LINEAR = machines("LinearSVC", C=0.1)
LINEAR["scikit-learn"] = functools.partial(LINEAR["scikit-learn"], dual=True)
LOGISTIC: dict[str, Callable[[], Any]] = {
    "yuanli": classical.LogisticRegression,
    "scikit-learn": linear_model.LogisticRegression,
    "scikit-learn newton-cholesky": functools.partial(
        linear_model.LogisticRegression, solver="newton-cholesky"
    ),
}
NOISY = functools.partial(made, 20_000, 40, 8)
FITTED = {"scikit-learn": 0.25, "scikit-learn-intelex": 1.0}
ASKED = {"scikit-learn": 1.0, "scikit-learn-intelex": 1.0}
SOLVED = {"scikit-learn": 0.9, "scikit-learn newton-cholesky": 0.9}
SCORED = {"scikit-learn": 1.0, "scikit-learn newton-cholesky": 1.0}

DIGITS_20, DIGITS_60 = functools.partial(mnist, 20_000), functools.partial(mnist, 60_000)
MANY = functools.partial(made, 200_000, 40, 2)

MACHINES = (
    Fitting("SVC(kernel='rbf').fit, 20,000 × 100", FITTED, NOISY, RBF, kernel_objective, (1e-5,)),
    Fitting("SVC(kernel='rbf').fit, MNIST 20,000", FITTED, DIGITS_20, DIGITS, kernel_objective, (1e-3,)),
    Predicting("SVC(kernel='rbf').predict, 20,000 × 100", ASKED, NOISY, 5_000, RBF),
    Predicting("SVC(kernel='rbf').predict, MNIST 20,000", ASKED, DIGITS_20, 5_000, DIGITS),
    Fitting(
        "LinearSVC.fit, MNIST 60,000", {"scikit-learn": 0.8}, DIGITS_60, LINEAR, hinge_objective, (1e-3,)
    ),
    Predicting("LinearSVC.predict, MNIST 60,000", {"scikit-learn": 1.0}, DIGITS_60, 2_000, LINEAR),
    Fitting("LogisticRegression.fit, 200,000 × 100", SOLVED, MANY, LOGISTIC, log_objective, (1e-4,)),
    Predicting("LogisticRegression.predict, 200,000 × 100", SCORED, MANY, 20_000, LOGISTIC),
)
