"""RNN, LSTM, GRU and their cells: against each other, against torch's, on closed forms, on wrong input."""

import math

import numpy as np
import pytest

from tests.nn.layers import RECURRENT
from yuanli import Tensor, nn
from yuanli.errors import DTypeError, ShapeError, UnknownNameError, ValueRangeError

CLOSE = {"rtol": 1e-5, "atol": 1e-5}
KINDS = ["RNN", "LSTM", "GRU"]


def results(layer, *inputs, **options):
    """What a layer gives, as a flat list of Tensors: output, h, c."""
    y = layer(*inputs, **options)
    flat = []
    for item in y if isinstance(y, tuple) else (y,):
        flat.extend(item if isinstance(item, tuple) else (item,))
    return flat


def loss(outputs):
    """A sum in which every number of every output has a weight of its own."""
    rng = np.random.default_rng(7)
    return sum((y * rng.normal(size=tuple(y.shape)).astype(np.float32)).sum() for y in outputs)


def states(kind, *shape):
    rng = np.random.default_rng(3)
    h, c = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    return (h, c) if kind.startswith("LSTM") else h


# Against the cells -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"), [("RNN", {}), ("RNN", {"nonlinearity": "relu"}), ("LSTM", {}), ("GRU", {})]
)
def test_a_layer_is_its_cell_step_by_step(kind, options):
    layer, cell = getattr(nn, kind)(5, 18, **options), getattr(nn, kind + "Cell")(5, 18, **options)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = np.random.default_rng(0).normal(size=(9, 4, 5)).astype(np.float32)
    sequence, steps = Tensor(x, requires_grad=True), [Tensor(step, requires_grad=True) for step in x]
    start = states(kind, 1, 4, 18)
    state = tuple(s[0] for s in start) if kind == "LSTM" else start[0]
    outputs = []
    for step in steps:
        state = cell(step, state)
        outputs.append(state[0] if kind == "LSTM" else state)
    last = state if kind == "LSTM" else (state,)
    theirs = [*outputs, *last]
    output, *ends = results(layer, sequence, start)
    ours = [*output, *(end[0] for end in ends)]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), **CLOSE)
    loss(ours).backward()
    loss(theirs).backward()
    np.testing.assert_allclose(sequence.grad, [step.grad for step in steps], **CLOSE)
    for p, q in zip(layer.parameters(), cell.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad, rtol=1e-4, atol=1e-4)


# Closed forms ----------------------------------------------------------------------------------------------


def test_an_open_lstm_adds_up_its_input():
    """Gates held open by large biases, g ≈ 0.01·x: the cell is the running sum of tanh(0.01 x)."""
    layer = nn.LSTM(1, 1)
    state = layer.state_dict()
    for value in state.values():
        value[...] = 0
    state["weight_ih_l0"][2] = 0.01
    state["bias_ih_l0"][[0, 1, 3], ...] = 30
    layer.load_state_dict(state)
    x = np.arange(40, dtype=np.float32).reshape(40, 1, 1)
    y, (_, c) = layer(x)
    total = np.cumsum(np.tanh(0.01 * x[:, 0, 0].astype(np.float64)))
    np.testing.assert_allclose(y.numpy()[:, 0, 0], np.tanh(total), rtol=1e-5)
    np.testing.assert_allclose(c.numpy(), total[-1], rtol=1e-5)


def test_a_gru_whose_update_gate_is_shut_keeps_its_state():
    layer = nn.GRU(2, 3)
    layer.bias_ih_l0.data[3:6] = 50  # z = 1
    start = states("GRU", 1, 4, 3)
    y, last = layer(np.random.default_rng(0).normal(size=(30, 4, 2)).astype(np.float32), start)
    np.testing.assert_allclose(last.numpy(), start, rtol=1e-6)
    np.testing.assert_allclose(y.numpy(), np.broadcast_to(start, y.shape), rtol=1e-6)


@pytest.mark.parametrize("kind", [*KINDS, "RNNCell", "LSTMCell", "GRUCell"])
def test_weights_start_uniform(kind):
    a, b = (getattr(nn, kind)(50, 100, rng=np.random.default_rng(0)) for _ in range(2))
    for p, q in zip(a.parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(p.numpy(), q.numpy())
        assert np.abs(p.numpy()).max() <= 1 / math.sqrt(100)
    weights = a.state_dict()["weight_ih" if kind.endswith("Cell") else "weight_ih_l0"]
    assert weights.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.02)


def test_a_step_without_a_state_starts_at_zero():
    for kind in KINDS:
        layer = getattr(nn, kind)(3, 4, num_layers=2)
        x = np.ones((2, 5, 3), np.float32)
        zero = np.zeros((2, 5, 4), np.float32)
        for a, b in zip(
            results(layer, x), results(layer, x, (zero, zero) if kind == "LSTM" else zero), strict=True
        ):
            np.testing.assert_array_equal(a.numpy(), b.numpy())


# Sequences of several lengths ------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_masked_sequences_are_as_if_alone(kind, batch_first):
    """Values and gradients of each sequence as without the others, whatever stands in the padding."""
    lengths = [7, 1, 4, 20]
    rng = np.random.default_rng(0)
    layer = getattr(nn, kind)(3, 5, num_layers=2, bidirectional=True, batch_first=batch_first)
    x = rng.normal(size=(4, 20, 3)).astype(np.float32)
    mask = np.arange(20) < np.array(lengths)[:, None]
    x[~mask] = np.nan
    inputs = x if batch_first else x.swapaxes(0, 1)
    output, *ends = results(layer, inputs, mask=mask if batch_first else mask.T)
    output = output if batch_first else output.transpose(0, 1)
    assert (output.numpy()[~mask] == 0).all()
    loss(
        [y for n, many in enumerate(lengths) for y in (output[n, :many], *(e[:, n] for e in ends))]
    ).backward()
    together = {name: p.grad for name, p in layer.named_parameters()}
    layer.zero_grad()
    alone = []
    for n, many in enumerate(lengths):
        y, *last = results(layer, x[n, :many])
        np.testing.assert_allclose(output.numpy()[n, :many], y.numpy(), **CLOSE)
        for a, b in zip(ends, last, strict=True):
            np.testing.assert_allclose(a.numpy()[:, n], b.numpy(), **CLOSE)
        alone += [y, *last]
    loss(alone).backward()
    for name, p in layer.named_parameters():
        np.testing.assert_allclose(together[name], p.grad, rtol=1e-4, atol=1e-4, err_msg=name)


# Training and evaluation -----------------------------------------------------------------------------------


def test_dropout_is_between_layers_and_in_training_only():
    layer = nn.LSTM(3, 50, num_layers=2, dropout=0.5, rng=np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(4, 2, 3)).astype(np.float32)
    first, second = layer(x)[0].numpy(), layer(x)[0].numpy()
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer.eval()(x)[0].numpy(), layer(x)[0].numpy())
    assert list(layer.generators()) == [layer.rng]
    with pytest.warns(UserWarning, match="LSTM has dropout between layers, and of these only one"):
        nn.LSTM(3, 4, dropout=0.5)


def test_dropout_takes_the_share_p_and_scales_the_rest():
    """The second layer, of relu with W_ih = 1 and W_hh = 0, hands on what it is given."""
    layer = nn.RNN(3, 40, 2, "relu", dropout=0.25, rng=np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(50, 8, 3)).astype(np.float32)
    layer.load_state_dict(
        {name: np.zeros_like(v) for name, v in layer.state_dict().items()}
        | {"weight_ih_l1": np.eye(40, dtype=np.float32), "weight_ih_l0": layer.weight_ih_l0.numpy()}
    )
    layer.bias_ih_l0.data[...] = 5.0  # so that nothing below is 0
    whole = layer.eval()(x)[0].numpy()
    some = layer.train()(x)[0].numpy()
    kept = some != 0
    np.testing.assert_allclose(some[kept], whole[kept] / 0.75, rtol=1e-5)
    assert (whole > 0).all()
    assert kept.mean() == pytest.approx(0.75, abs=0.02)


def test_float64():
    layer = nn.GRU(3, 20).to(np.float64)
    y, h = layer(np.random.default_rng(0).normal(size=(5, 4, 3)))
    assert y.dtype == h.dtype == np.float64


def test_repr():
    assert repr(nn.LSTM(3, 4, 2, batch_first=True)) == "LSTM(3, 4, num_layers=2, batch_first=True)"
    assert repr(nn.GRUCell(3, 4, bias=False)) == "GRUCell(3, 4, bias=False)"


# Wrong input -----------------------------------------------------------------------------------------------

X = np.ones((2, 5, 3), np.float32)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.LSTM(3, 0), ValueRangeError, "LSTM needs hidden_size to be a whole number ≥ 1, got 0"),
        (lambda: nn.GRU(3, 4, num_layers=0), ValueRangeError, "num_layers .* got 0"),
        (lambda: nn.GRU(3, 4, 2, dropout=2), ValueRangeError, r"dropout in \[0, 1\], got 2"),
        (lambda: nn.RNN(3, 4, nonlinearity="elu"), UnknownNameError, "'tanh' or 'relu', got 'elu'"),
        (lambda: nn.RNNCell(3, 4, nonlinearity="elu"), UnknownNameError, "'tanh' or 'relu', got 'elu'"),
        (lambda: nn.LSTM(4, 4)(X), ShapeError, r"needs x \(T, N, 4\) or \(T, 4\), got shape \(2, 5, 3\)"),
        (lambda: nn.LSTM(4, 4, batch_first=True)(X), ShapeError, r"needs x \(N, T, 4\)"),
        (lambda: nn.LSTM(3, 4)(X[0, 0]), ShapeError, r"got shape \(3,\)"),
        (lambda: nn.LSTM(3, 4)(X[:0]), ShapeError, "at least one step"),
        (lambda: nn.LSTM(3, 4)(X, X), DTypeError, r"a pair \(h, c\), got ndarray"),
        (lambda: nn.GRU(3, 4)(X, X), ShapeError, r"states of shape \(1, 5, 4\), got \(2, 5, 3\)"),
        (lambda: nn.GRU(3, 4)(X, mask=np.ones((5, 2), bool)), ShapeError, r"mask of booleans \(2, 5\)"),
        (lambda: nn.GRU(3, 4)(X, mask=np.ones((2, 5))), ShapeError, "got float64"),
        (lambda: nn.GRU(3, 4)(X.astype(int)), DTypeError, "gru needs x of floats"),
        (lambda: nn.LSTMCell(3, 4)(X), ShapeError, r"LSTMCell needs x \(N, 3\) or \(3,\), got \(2, 5, 3\)"),
        (lambda: nn.LSTMCell(3, 4)(X[0], X[0]), DTypeError, r"a pair \(h, c\), got ndarray"),
        (lambda: nn.GRUCell(3, 4)(X[0], X[0]), ShapeError, r"states of shape \(5, 4\), got \(5, 3\)"),
    ],
)
def test_wrong_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


# Against torch's -------------------------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.parametrize("start", [False, True], ids=["zeros", "states"])
@pytest.mark.parametrize("case", RECURRENT, ids=str)
def test_equals_torch(case, start):
    import torch

    ours, theirs = case.make(nn), case.make(torch.nn)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    x = case.input()
    leaves = [x]
    if start:
        if case.name.endswith("Cell"):
            shape = (*x.shape[:-1], ours.hidden_size)
        else:
            batch = () if x.ndim == 2 else (x.shape[0 if ours.batch_first else 1],)
            shape = (ours.num_layers * (1 + ours.bidirectional), *batch, ours.hidden_size)
        given = states(case.name, *shape)
        leaves += given if isinstance(given, tuple) else [given]
    tensors = [Tensor(a, requires_grad=True) for a in leaves]
    their_tensors = [torch.tensor(a, requires_grad=True) for a in leaves]
    pack = lambda t: [t[0], *([] if len(t) == 1 else [t[1] if len(t) == 2 else tuple(t[1:])])]
    y, ty = results(ours, *pack(tensors)), results(theirs, *pack(their_tensors))
    for a, b in zip(y, ty, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), **CLOSE)
    loss(y).backward()
    their_loss(torch, ty).backward()
    for a, b in zip(tensors, their_tensors, strict=True):
        np.testing.assert_allclose(a.grad, b.grad.numpy(), **CLOSE)
    for (name, p), (their_name, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == their_name
        error = np.abs(p.grad - q.grad.numpy()).max()
        assert error <= 1e-5 * max(1, np.abs(q.grad.numpy()).max()), name


def their_loss(torch, outputs):
    rng = np.random.default_rng(7)
    weights = [torch.tensor(rng.normal(size=tuple(y.shape)).astype(np.float32)) for y in outputs]
    return sum((y * w).sum() for y, w in zip(outputs, weights, strict=True))


@pytest.mark.reference
@pytest.mark.parametrize("kind", KINDS)
def test_a_mask_equals_torch_s_packed_sequences(kind):
    import torch
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    ours, theirs = (getattr(m, kind)(3, 5, num_layers=2, bidirectional=True) for m in (nn, torch.nn))
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    lengths = [3, 8, 1]
    x = np.random.default_rng(0).normal(size=(8, 3, 3)).astype(np.float32)
    y = results(ours, x, mask=np.arange(8)[:, None] < lengths)
    output, last = theirs(pack_padded_sequence(torch.tensor(x), lengths, enforce_sorted=False))
    ty = [pad_packed_sequence(output)[0], *(last if kind == "LSTM" else (last,))]
    for a, b in zip(y, ty, strict=True):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), **CLOSE)
    loss(y).backward()
    their_loss(torch, ty).backward()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.reference
@pytest.mark.parametrize("kind", KINDS)
def test_options_have_torch_s_names_order_and_defaults(kind):
    import torch

    ours, theirs = getattr(nn, kind)(3, 4), getattr(torch.nn, kind)(3, 4)
    for name in ("num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(ours, name) == getattr(theirs, name)
    ours, theirs = (
        getattr(m, kind)(3, 4, 2, *(["relu"] if kind == "RNN" else []), False, True, 0.25, True)
        for m in (nn, torch.nn)
    )
    for name in ("num_layers", "bias", "batch_first", "dropout", "bidirectional"):
        assert getattr(ours, name) == getattr(theirs, name)
