"""How far errors reach back in time: a plain recurrent network against LSTM and GRU."""

from pathlib import Path

import numpy as np

from yuanli import nn
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.errors import ValueRangeError
from yuanli.inspection.sequences import reach
from yuanli.inspection.style import save
from yuanli.models.language_model import open_forget_gates
from yuanli.ops import mse_loss
from yuanli.optim import Adam, clip_grad_norm_
from yuanli.tensor import Tensor, no_grad

HIDDEN, BATCH = 32, 64
GUESS = 1 / 6  # the variance of the sum of two numbers from U(0, 1): what always saying 1 costs


def rnn(out: Path, seed: int = 0, *, length: int = 50, steps: int = 1000) -> Demonstration:
    """The adding problem: two of `length` numbers are marked, one in each half, and their sum is asked for.

    The gradient is that of the last state with respect to each input before it.
    """
    if length < 2:
        raise ValueRangeError(f"length needs a number in each half: 2 or more, got {length}")
    gradients, losses, rows = {}, {}, []
    for name, kind in (("RNN", nn.RNN), ("LSTM", nn.LSTM), ("GRU", nn.GRU)):
        rng = np.random.default_rng(seed)
        layer: nn.Module = kind(2, HIDDEN, rng=rng)
        if isinstance(layer, nn.LSTM):
            open_forget_gates(layer)
        output = nn.Linear(HIDDEN, 1, rng=rng)
        before = gradient_by_distance(layer, length, seed)
        losses[name] = learn(layer, output, length, steps, rng)
        gradients[name] = before, gradient_by_distance(layer, length, seed)
        x, y = problem(np.random.default_rng([seed, 2]), 1000, length)
        with no_grad():
            error = mse_loss(output(layer(x)[0][length - 1])[:, 0], y).item()
        far = [float(norms[-1]) for norms in gradients[name]]
        rows.append({"layer": name, "error": error, "far before": far[0], "far after": far[1]})
    lines = [
        f"the adding problem over {length} steps, {steps} training steps of {BATCH}, {HIDDEN} units",
        f"squared error of always saying 1: {GUESS:.4f}",
        *table(
            ["layer", "squared error", f"|gradient| {length - 1} steps back, before", "after learning"],
            [list(row.values()) for row in rows],
            digits=2,
        ),
        "Each step back multiplies the gradient by W_hhᵀ and a slope below 1: the RNN's fades, and what was",
        "far back is never learned.  An open gate hands it on nearly as it is.",
    ]
    numbers = {str(row.pop("layer")): row for row in rows}
    return Demonstration(lines, numbers, [save(reach(gradients, losses, GUESS), out / "rnn.png")])


def problem(rng: np.random.Generator, n: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """n sequences (length, n, 2) of a number from U(0, 1) and a mark, and the sums of the two marked (n,).

    Source: Hochreiter & Schmidhuber 1997, section 5.4, with numbers from [0, 1].
    """
    x = np.zeros((length, n, 2), np.float32)
    x[:, :, 0] = rng.random((length, n))
    rows, half = np.arange(n), length // 2
    first, second = rng.integers(0, half, n), rng.integers(half, length, n)
    x[first, rows, 1] = x[second, rows, 1] = 1
    return x, x[first, rows, 0] + x[second, rows, 0]


def learn(
    layer: nn.Module, output: nn.Linear, length: int, steps: int, rng: np.random.Generator
) -> list[float]:
    """Train on new sequences at every step; the loss of each."""
    parameters = [*layer.parameters(), *output.parameters()]
    optimizer, losses = Adam(parameters, lr=0.01), []
    for _ in range(steps):
        x, y = problem(rng, BATCH, length)
        optimizer.zero_grad()
        loss = mse_loss(output(layer(x)[0][length - 1])[:, 0], y)
        loss.backward()
        clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def gradient_by_distance(layer: nn.Module, length: int, seed: int) -> np.ndarray:
    """The mean norm over sequences of ∂(d·h_T)/∂xₜ for T − t = 0, 1, 2, …, with d drawn at random."""
    rng = np.random.default_rng([seed, 1])
    x = Tensor(problem(rng, BATCH, length)[0], requires_grad=True)
    last = layer(x)[0][length - 1]
    (last * rng.standard_normal(last.shape).astype(np.float32)).sum().backward()
    assert x.grad is not None
    return np.linalg.norm(x.grad.astype(np.float64), axis=2).mean(1)[::-1]
