"""How good predictions are: scikit-learn's metrics, and a confidence interval for an accuracy."""

import math
from typing import Any

import numpy as np

from yuanli.errors import ShapeError, ValueRangeError


def accuracy(scores: np.ndarray, target: np.ndarray) -> float:
    """The share of rows whose largest score is their class: (1/N) Σ [argmax sₙ = yₙ].  (N, K), (N,)."""
    return float((scores.argmax(1) == target).mean())


def mean_absolute_error(prediction: np.ndarray, target: np.ndarray) -> float:
    """(1/N) Σ |ŷₙ − yₙ|; prediction (N,) or (N, 1), target (N,)."""
    return float(np.abs(prediction.reshape(-1) - target).mean())


def wilson_interval(correct: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """The interval that holds the true accuracy in 95 % of samples (z = 1.96), from `correct` out of `total`.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n),  p = correct/n.  Inside [0, 1] even for p = 0 or 1.
    Source: Wilson 1927, Journal of the American Statistical Association 22, p. 209.
    """
    if not (total > 0 and 0 <= correct <= total):
        raise ValueRangeError(
            f"an interval needs 0 ≤ correct ≤ total and total > 0, got {correct} of {total}"
        )
    p, n = correct / total, total
    middle = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def classification_metrics(probabilities: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """Accuracy with its 95 % interval, log loss, and the confusion matrix (rows: the truth).

    probabilities (N, K), rows summing to 1; target (N,) classes 0 … K−1.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss

    if probabilities.ndim != 2 or target.shape != probabilities.shape[:1]:
        raise ShapeError(
            f"metrics need probabilities (N, K) and targets (N,), "
            f"got {probabilities.shape} and {target.shape}"
        )
    probabilities = probabilities / probabilities.sum(
        1, keepdims=True, dtype=np.float64
    )  # float32 is too rough
    classes = np.arange(probabilities.shape[1])
    predicted = probabilities.argmax(1)
    low, high = wilson_interval(int((predicted == target).sum()), len(target))
    return {
        "examples": len(target),
        "accuracy": float(accuracy_score(target, predicted)),
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": float(f1_score(target, predicted, labels=classes, average="macro", zero_division=0)),
        "log_loss": float(log_loss(target, probabilities, labels=classes)),
        "confusion": confusion_matrix(target, predicted, labels=classes).tolist(),
    }


def regression_metrics(prediction: np.ndarray, target: np.ndarray) -> dict[str, Any]:
    """R², mean squared, root mean squared and mean absolute error of predictions (N,)."""
    from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

    if prediction.shape != target.shape or prediction.ndim != 1:
        raise ShapeError(
            f"metrics need predictions and targets (N,), got {prediction.shape} and {target.shape}"
        )
    mse = float(mean_squared_error(target, prediction))
    return {
        "examples": len(target),
        "r2": float(r2_score(target, prediction)) if len(target) > 1 else None,  # needs a spread
        "mse": mse,
        "rmse": math.sqrt(mse),
        "mae": float(mean_absolute_error(target, prediction)),
    }
