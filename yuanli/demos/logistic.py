"""Logistic regression beside the support vector machine: the two losses, and the two boundaries."""

from pathlib import Path

import numpy as np
from sklearn.preprocessing import StandardScaler

from yuanli.classical import SVC, LogisticRegression
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.inspection.style import BLUE, GREEN, ORANGE, RED, panels, save, styled

KINDS: dict[str, SVC | LogisticRegression] = {
    "logistic regression": LogisticRegression(C=1.0, tol=1e-8),
    "SVM": SVC(kernel="linear", tol=1e-6),
}
MARGINS = np.linspace(-3, 3, 241)


def logistic(out: Path, seed: int = 0, *, distance: float = 5.0) -> Demonstration:
    """Points on their own side move one boundary and not the other; and probabilities to be trusted."""
    losses = {
        "log loss / ln 2": np.logaddexp(0, -MARGINS) / np.log(2),
        "hinge (SVM)": np.maximum(0, 1 - MARGINS),
        "squared": (1 - MARGINS) ** 2,
        "0-1": (MARGINS <= 0).astype(float),
    }
    rng = np.random.default_rng(seed)
    y = np.repeat([0, 1], 30)
    x = rng.normal(size=(60, 2)) * 0.9 + np.where(y[:, None] == 1, 1.2, -1.2)
    far = np.concatenate([x, rng.normal(size=(40, 2)) * 0.4 + [distance, -distance / 2]])
    both = np.concatenate([y, np.ones(40, int)])
    lines_of, moved = {}, {}
    for name, machine in KINDS.items():
        before, after = _boundary(machine, x, y), _boundary(machine, far, both)
        lines_of[name] = (before, after)
        moved[name] = float(np.degrees(np.arccos(_cosine(before[:2], after[:2]))))

    data = load("breast-cancer", seed=seed)
    scaler = StandardScaler().fit(data.train.x)
    model = LogisticRegression().fit(scaler.transform(data.train.x), data.train.y)
    p = model.predict_proba(scaler.transform(data.test.x))[:, 1]
    sure = np.maximum(p, 1 - p)
    correct = (p > 0.5) == data.test.y
    rows = [
        [
            f"{a:.2f}–{min(b, 1):.2f}",
            int(here.sum()),
            percent(float(sure[here].mean())),
            percent(float(correct[here].mean())),
        ]
        for a, b in ((0.5, 0.9), (0.9, 0.99), (0.99, 1.01))
        if (here := (sure >= a) & (sure < b)).any()
    ]
    lines = [
        "log loss ln(1 + e⁻ᵐ) pulls at every point, the less the further it is on its own side; hinge",
        "max(0, 1 − m) not at all beyond the margin; the squared loss, the note's, punishes being too right",
        f"40 points {distance:g} away on their own side turn the boundary by",
        *table(["", "degrees"], [[name, angle] for name, angle in moved.items()], digits=3),
        f"breast cancer, {percent(float(correct.mean()))} of new points right; as sure as it should be?",
        *table(["said", "points", "mean said", "right"], rows),
    ]
    numbers = {
        "moved": moved, "accuracy": float(correct.mean()),
        "losses": {k: v.tolist() for k, v in losses.items()},
        "coef": model.coef_.tolist(), "intercept": model.intercept_.tolist(),
    }  # fmt: skip
    return Demonstration(lines, numbers, [_draw(out, losses, (far, both), lines_of, moved)])


def _boundary(machine: SVC | LogisticRegression, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(w, b)"""
    machine.fit(x, y)
    return np.append(machine.coef_.ravel(), machine.intercept_)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))


@styled
def _draw(out: Path, losses: dict, points: tuple, lines_of: dict, moved: dict) -> Path:
    figure, axes = panels(1, 3, width=4.2, height=3.6)
    for (name, values), colour, style in zip(
        losses.items(), (BLUE, RED, ORANGE, GREEN), ("-", "-", "--", ":"), strict=True
    ):
        axes[0, 0].plot(MARGINS, values, color=colour, linestyle=style, label=name)
    axes[0, 0].set(title="loss of a point", xlabel="margin m = y (w·x + b)", ylim=(0, 5))
    axes[0, 0].legend()
    x, y = points
    for axis, (name, (before, after)) in zip(axes[0, 1:], lines_of.items(), strict=True):
        for k, (colour, marker) in enumerate(((BLUE, "o"), (RED, "s"))):
            axis.scatter(*x[y == k].T, s=16, color=colour, marker=marker, linewidths=0)
        low, high = x.min(0) - [0.5, 1.8], x.max(0) + 0.5
        up = np.array([low[1], high[1]])
        for (a, b, c), style, label in ((before, "--", "without the far points"), (after, "-", "with them")):
            axis.plot(-(b * up + c) / a, up, color="black", linestyle=style, linewidth=1.6, label=label)
        axis.set(title=f"{name}: turned {moved[name]:.1f}°", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        axis.legend(loc="lower left")
    return save(figure, out / "logistic.png")
