"""Losses: the value, the gradient, and what happens where a loss has a kink or a logarithm of 0."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.functions import function_and_derivative
from yuanli.inspection.style import save
from yuanli.tensor import Tensor

ERRORS = np.linspace(-3, 3, 601)
SHOWN = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)

Loss = Callable[[Tensor], Tensor]


def mse(out: Path, seed: int = 0) -> Demonstration:
    """Mean squared error: steep for large errors, flat at 0."""
    loss = lambda x: ops.mse_loss(x, np.zeros(1))
    return _of_an_error("loss.mse", out, {"MSE, one error e": loss})


def mae(out: Path, seed: int = 0) -> Demonstration:
    """Mean absolute error: the same slope however large the error; a kink at 0, where 0 is taken."""
    loss = lambda x: ops.l1_loss(x, np.zeros(1))
    return _of_an_error("loss.mae", out, {"MAE, one error e": loss})


def rmse(out: Path, seed: int = 0) -> Demonstration:
    """Root mean squared error: |e| for one error alone, smooth when other errors are there."""
    others = np.ones(3)

    def among(x):
        return ops.rmse_loss(ops.cat([x, Tensor(others)]), np.zeros(4))

    alone = lambda x: ops.rmse_loss(x, np.zeros(1))
    return _of_an_error("loss.rmse", out, {"RMSE, one error e": alone, "RMSE, e among errors 1, 1, 1": among})


def smooth_l1(out: Path, seed: int = 0) -> Demonstration:
    """Smooth L1: a parabola up to β, then a straight line of slope 1."""
    losses = {f"smooth L1, β = {b:g}": _smooth_l1(b) for b in (0.5, 1.0, 2.0)}
    return _of_an_error("loss.smooth_l1", out, losses)


def huber(out: Path, seed: int = 0) -> Demonstration:
    """Huber: a parabola up to δ, then a straight line of slope δ; δ times smooth L1 with β = δ."""
    losses = {f"Huber, δ = {d:g}": _huber(d) for d in (0.5, 1.0, 2.0)}
    return _of_an_error("loss.huber", out, losses)


def kl(out: Path, seed: int = 0) -> Demonstration:
    """Kullback-Leibler divergence: 0 where the distributions agree, above 0 elsewhere; not symmetric."""
    p = np.array([0.3, 0.7])
    x = np.linspace(0.05, 0.95, 451)

    def forward(x):  # KL(p‖q), q = (x, 1 − x)
        return ops.kl_div(ops.log(ops.cat([x, 1 - x])), p, reduction="sum")

    def backward(x):  # KL(q‖p)
        return ops.kl_div(np.log(p), ops.cat([x, 1 - x]), reduction="sum")

    curves = {"KL(p‖q), p = (0.3, 0.7)": curve(forward, x), "KL(q‖p)": curve(backward, x)}
    figure = function_and_derivative(x, curves, xlabel="x, with q = (x, 1 − x)", columns=2)
    rows = []
    for v in (0.05, 0.3, 0.7, 0.95):
        (a, da), (b, db) = (at(f, v) for f in (forward, backward))
        rows.append([v, a, da, b, db])
    lines = table(["x", "KL(p‖q)", "slope", "KL(q‖p)", "slope"], rows)
    lines.append("0 only for q = p = (0.3, 0.7); elsewhere the two directions differ, but for q = (0.7, 0.3)")
    numbers = {"at_p": rows[1][1], "slope_at_p": rows[1][2], "forward": rows[3][1], "backward": rows[3][3]}
    return Demonstration(lines, numbers, [save(figure, out / "loss.kl.png")])


def ce(out: Path, seed: int = 0) -> Demonstration:
    """Cross-entropy of scores: ln K when nothing is known yet, finite for scores of ±1e4."""

    def loss(x):  # scores (x, 0, 0), class 0 true
        return ops.cross_entropy(ops.cat([x, Tensor(np.zeros(2))]).reshape(1, 3), np.array([0]))

    x = np.linspace(-6, 6, 481)
    curves = {"cross-entropy of scores (s, 0, 0), class 0": curve(loss, x)}
    figure = function_and_derivative(x, curves, xlabel="s, the score of the true class", columns=1)
    rows = [[v, *at(loss, v)] for v in (-1e4, -2.0, 0.0, 2.0, 1e4)]
    start = _at_initialisation(ops.cross_entropy, seed)
    lines = table(["score", "loss", "gradient"], rows)
    lines.append(f"ten classes of digits, weights 0.0001·randn: {start:.4f}; ln 10 = {np.log(10):.4f}")
    numbers = {
        "at_initialisation": start,
        "at_0": rows[2][1],
        "far_wrong": rows[0][1],
        "far_right": rows[4][1],
    }
    return Demonstration(lines, numbers, [save(figure, out / "loss.ce.png")])


def log(out: Path, seed: int = 0) -> Demonstration:
    """Log loss of two classes: from a probability, and from a score, exact where σ rounds to 1."""
    p, s = np.linspace(0.1, 0.995, 359), np.linspace(-6, 6, 481)
    true = np.ones(1)
    of_probability = lambda x: ops.binary_cross_entropy(x, true)
    of_score = lambda x: ops.binary_cross_entropy_with_logits(x, true)
    pictures = []
    for xs, name, loss in ((p, "probability", of_probability), (s, "score", of_score)):
        curves = {f"log loss of a {name}, truth 1": curve(loss, xs)}
        figure = function_and_derivative(xs, curves, xlabel=name, columns=1)
        pictures.append(save(figure, out / f"loss.log.{name}.png"))
    rows = [[v, *at(of_score, v)] for v in (-1e4, -40.0, 0.0, 40.0, 1e4)]
    lines = table(["score", "loss", "gradient"], rows)
    with np.errstate(divide="ignore"):
        naive = -np.log(1 - 1 / (1 + np.exp(-40.0)))
    exact, _ = at(lambda x: ops.binary_cross_entropy_with_logits(x, np.zeros(1)), 40.0)
    lines.append(
        f"truth 0, score 40: {exact:.6g} from the score, {naive} by way of the probability σ(40) = 1"
    )
    numbers = {"at_0": rows[2][1], "far_wrong": rows[0][1], "far_right": rows[4][1], "exact_40": exact}
    return Demonstration(lines, numbers, pictures)


def hinge(out: Path, seed: int = 0, *, margin: float = 1.0) -> Demonstration:
    """Hinge losses: nothing to pay beyond the margin; (K − 1)·Δ when nothing is known yet."""
    binary = lambda x: ops.hinge_loss(x, np.ones(1), margin=margin)

    def several(x):  # scores (x, 0, 1), class 0 true
        scores = ops.cat([x, Tensor(np.array([0.0, 1.0]))]).reshape(1, 3)
        return ops.multiclass_hinge_loss(scores, np.array([0]), margin=margin)

    x = np.linspace(-3, 4, 701)
    curves = {
        "binary hinge, truth +1": curve(binary, x),
        "multiclass, scores (s, 0, 1), class 0": curve(several, x),
    }
    figure = function_and_derivative(x, curves, xlabel="s", columns=2)
    rows = [[v, *at(binary, v), *at(several, v)] for v in (-1.0, 0.0, 1.0, 2.0, 3.0)]
    lines = table(["score", "binary", "gradient", "multiclass", "gradient"], rows)
    start = _at_initialisation(lambda s, y: ops.multiclass_hinge_loss(s, y, margin=margin), seed)
    lines.append(f"ten classes of digits, weights 0.0001·randn: {start:.4f}; (10 − 1)·Δ = {9 * margin:g}")
    lines.append(f"at the kink s = Δ = {margin:g} the gradient taken is {at(binary, margin)[1]:g}")
    numbers = {"at_initialisation": start, "binary_at_0": rows[1][1], "at_the_kink": at(binary, margin)[1]}
    return Demonstration(lines, numbers, [save(figure, out / "loss.hinge.png")])


def at(loss: Loss, x: float) -> tuple[float, float]:
    """The loss of a single number, and its gradient."""
    tensor = Tensor(np.array([x]), requires_grad=True)
    value = loss(tensor)
    value.backward()
    assert tensor.grad is not None
    return value.item(), float(tensor.grad[0])


def curve(loss: Loss, xs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`at` for every x: the values and the gradients."""
    values, slopes = zip(*(at(loss, x) for x in xs), strict=True)
    return np.array(values), np.array(slopes)


def _of_an_error(topic: str, out: Path, losses: Mapping[str, Loss]) -> Demonstration:
    """Value and gradient over the error e = prediction − truth, and what happens at 0."""
    curves = {name: curve(loss, ERRORS) for name, loss in losses.items()}
    figure = function_and_derivative(ERRORS, curves, xlabel="error e = prediction − truth")
    lines, numbers = [], {}
    for name, loss in losses.items():
        rows = [[e, *at(loss, e)] for e in SHOWN]
        lines += [name, *table(["e", "value", "gradient"], rows)]
        left, middle, right = (at(loss, e)[1] for e in (-1e-6, 0.0, 1e-6))
        kind = "smooth" if abs(right - left) < 1e-3 else "a kink"
        lines += [
            f"at 0: slope {left:.3g} on the left, {middle:.3g} taken, {right:.3g} on the right: {kind}",
            "",
        ]
        numbers[name] = {"values": [r[1] for r in rows], "gradients": [r[2] for r in rows],
                         "at_0": [left, middle, right]}  # fmt: skip
    return Demonstration(lines[:-1], numbers, [save(figure, out / f"{topic}.png")])


def _at_initialisation(loss: Callable, seed: int) -> float:
    """The loss of a linear classifier of digits whose weights are still tiny random numbers."""
    from yuanli.data import load

    data = load("digits").train
    x = data.x.reshape(len(data), -1) / 255
    w = 1e-4 * np.random.default_rng(seed).standard_normal((x.shape[1], len(data.classes)))
    return loss(Tensor(x @ w), data.y).item()


def _smooth_l1(beta: float) -> Loss:
    return lambda x: ops.smooth_l1_loss(x, np.zeros(1), beta=beta)


def _huber(delta: float) -> Loss:
    return lambda x: ops.huber_loss(x, np.zeros(1), delta=delta)
