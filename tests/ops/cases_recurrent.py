"""Rows for recurrent layers over a sequence: every cell with and without biases, masks, both directions."""

import numpy as np

from tests.ops.case import Case, ErrorCase, integers, noncontiguous, normal
from yuanli import ops
from yuanli.errors import DTypeError, ShapeError, UnknownNameError

# The formulas, one sequence and one step at a time ---------------------------------------------------------


def sigmoid(z):
    return (1 + np.tanh(z / 2)) / 2


def rnn_step(x, states, wi, wh, bi, bh, nonlinearity="tanh"):
    z = wi @ x + bi + wh @ states[0] + bh
    return [np.tanh(z) if nonlinearity == "tanh" else z * (z > 0)]


def lstm_step(x, states, wi, wh, bi, bh):
    h, c = states
    i, f, g, o = (wi @ x + bi + wh @ h + bh).reshape(4, len(h))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


def gru_step(x, states, wi, wh, bi, bh):
    (h,) = states
    (xr, xz, xn), (hr, hz, hn) = (wi @ x + bi).reshape(3, len(h)), (wh @ h + bh).reshape(3, len(h))
    z = sigmoid(xz + hz)
    return [(1 - z) * np.tanh(xn + sigmoid(xr + hr) * hn) + z * h]


def over_time(step, count):
    """The whole sequence by `step`, for `count` states; LSTM's last row is its cell."""

    def formula(x, *rest, mask=None, reverse=False, **options):
        start, (wi, wh, *biases) = rest[:count], rest[count:]
        biases = [np.zeros(len(wi)) if b is None else b for b in (biases or [None, None])]
        T, N = x.shape[:2]
        y = np.empty((T + count - 1, N, wh.shape[1]))
        for n in range(N):
            states = [s[n] for s in start]
            for t in reversed(range(T)) if reverse else range(T):
                if mask is None or mask[t, n]:
                    states = step(x[t, n], states, wi, wh, *biases, **options)
                y[t, n] = states[0]
            if count == 2:
                y[T, n] = states[1]
        return y

    return formula


def on_torch(name, count):
    """torch's layer, whose weights are given to it as they are."""

    def call(torch, x, *rest, mask=None, reverse=False, nonlinearity="tanh"):
        start, weights = rest[:count], [w for w in rest[count:] if w is not None]
        options = {"nonlinearity": nonlinearity} if name == "RNN" else {}
        layer = getattr(torch.nn, name)(
            x.shape[2], weights[1].shape[1], bias=len(weights) == 4, dtype=x.dtype, **options
        )
        weights = dict(zip(dict(layer.named_parameters()), weights, strict=True))
        states = tuple(s[None] for s in start)
        inputs = (x.flip(0) if reverse else x, states if count == 2 else states[0])
        y, last = torch.func.functional_call(layer, weights, inputs)
        y = y.flip(0) if reverse else y
        return torch.cat([y, last[1]]) if count == 2 else y

    return call


def problem(gates, count, T=3, N=2, D=3, H=2, biases=True, x=normal):
    weights = [normal(gates * H, D, scale=0.7), normal(gates * H, H, scale=1 / H)]
    weights += [normal(gates * H), normal(gates * H)] if biases else []
    return [x(T, N, D), *[normal(N, H) for _ in range(count)], *weights]


MASK = np.array([[True, True, False], [True, False, False], [False, True, False], [True, True, True]])
CELLS = [  # op, gates, states, formula, torch's
    (ops.rnn, 1, 1, over_time(rnn_step, 1), on_torch("RNN", 1)),
    (ops.lstm, 4, 2, over_time(lstm_step, 2), on_torch("LSTM", 2)),
    (ops.gru, 3, 1, over_time(gru_step, 1), on_torch("GRU", 1)),
]


def rows(op, gates, count, formula, torch):
    states = [normal(2, 2)] * count
    weights = [normal(2 * gates, 3), normal(2 * gates, 2)]
    lost = [normal(2, 3)] * count
    yield Case(op, problem(gates, count), formula, torch=torch)
    yield Case(op, problem(gates, count), formula, {"reverse": True}, torch)
    yield Case(op, problem(gates, count, biases=False), formula, torch=torch, note="without biases")
    yield Case(op, problem(gates, count, x=noncontiguous), formula, torch=torch, note="non-contiguous")
    yield Case(op, problem(gates, count, T=1, N=1, D=1, H=1), formula, torch=torch, note="of one")
    yield Case(op, problem(gates, count, N=0), formula, torch=torch, note="empty batch")
    yield Case(op, problem(gates, count, T=6, N=3, D=2, H=17), formula, torch=torch, note="of 17 units")
    yield Case(op, problem(gates, count, T=4, N=3), formula, {"mask": MASK}, note="mask")
    yield Case(op, problem(gates, count, T=4, N=3), formula, {"mask": MASK, "reverse": True}, note="mask")
    yield ErrorCase(
        op, [normal(4, 3), *states, *weights], ShapeError, r"needs x \(T, N, D\) .*got shape \(4, 3\)"
    )
    yield ErrorCase(
        op, [np.zeros((0, 2, 3)), *states, *weights], ShapeError, "at least one step", note="no step"
    )
    yield ErrorCase(
        op, [normal(4, 2, 3), *lost, *weights], ShapeError, r"weight_ih of shape .* got", note="other width"
    )
    yield ErrorCase(
        op, [normal(4, 5, 3), *states, *weights], ShapeError, r"h0 of shape \(5, 2\)", note="other batch"
    )
    yield ErrorCase(
        op, [integers(4, 2, 3, high=5), *states, *weights], DTypeError, "x of floats", note="whole numbers"
    )
    yield ErrorCase(
        op, [normal(4, 2, 3), *states, *weights, normal(7)], ShapeError, "bias_ih of shape", note="bias"
    )
    for note, mask, error, match in (
        ("mask of another shape", np.ones((2, 4), bool), ShapeError, r"a mask \(4, 2\).*got \(2, 4\)"),
        ("mask of numbers", np.ones((4, 2)), DTypeError, "mask of booleans, got dtype float64"),
    ):
        yield ErrorCase(op, [normal(4, 2, 3), *states, *weights], error, match, {"mask": mask}, note)


CASES = [
    *(row for cell in CELLS for row in rows(*cell)),
    Case(ops.rnn, problem(1, 1, T=4), CELLS[0][3], {"nonlinearity": "relu"}, CELLS[0][4]),
    ErrorCase(
        ops.rnn,
        problem(1, 1),
        UnknownNameError,
        "nonlinearity 'tanh' or 'relu', got 'elu'",
        {"nonlinearity": "elu"},
    ),
]
