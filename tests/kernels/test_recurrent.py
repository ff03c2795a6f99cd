"""The compiled recurrent kernels against their twins in float64, and the functions they are made of."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yuanli.arithmetic import quiet
from yuanli.kernels import compiler, recurrent
from yuanli.kernels.dispatch import KERNELS

pytestmark = pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off")

CELLS = {"rnn tanh": ("rnn", 1, 1, ("tanh",)), "rnn relu": ("rnn", 1, 1, ("relu",))}
CELLS |= {"lstm": ("lstm", 4, 2, ()), "gru": ("gru", 3, 1, ())}


def problem(cell, T, N, D, H, seed=0, biases=True):
    _, gates, states, options = CELLS[cell]
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(T, N, D)).astype(np.float32)
    start = [rng.uniform(-1, 1, (N, H)).astype(np.float32) for _ in range(states)]
    shapes = [(gates * H, D), (gates * H, H), *([(gates * H,)] * 2 if biases else [])]
    weights = [rng.uniform(-(H**-0.5), H**-0.5, shape).astype(np.float32) for shape in shapes]
    weights += [] if biases else [None, None]
    return x, start, weights, rng.random((T, N)) < 0.8, options


def run(cell, kernels, x, start, weights, mask, options, dtype=np.float32):
    """Value and all gradients, by the kernels or (with "_numpy") by their twins."""
    name = CELLS[cell][0]
    x, *start = (a.astype(dtype) for a in (x, *start))
    weights = [None if w is None else w.astype(dtype) for w in weights]
    with quiet():
        y, saved = getattr(recurrent, name + kernels)(x, *start, *weights, mask, *options)
        dy = np.random.default_rng(9).normal(size=y.shape).astype(dtype)
        grad = getattr(recurrent, f"{name}_grad{kernels}")
        *grads, dweights = grad(dy, *weights[:2], mask, saved, *options)
    return [y, *grads, *dweights]


def check(cell, *inputs):
    for ours, exact in zip(
        run(cell, "", *inputs), run(cell, "_numpy", *inputs, dtype=np.float64), strict=True
    ):
        assert ours.dtype == np.float32
        assert ours.shape == exact.shape
        assert np.abs(ours - exact).max(initial=0) <= 5e-6 * max(1, np.abs(exact).max(initial=0))


SHAPES = [  # T, N, D, H
    (20, 33, 3, 40),
    (1, 40, 16, 16),  # one step
    (40, 1, 5, 3),  # one sequence
    (30, 8, 1, 1),
    (3, 150, 17, 31),  # more sequences than are added up at a time
    (5, 16, 64, 256),
    (4, 0, 3, 5),  # no sequence
    (1, 1, 4, 5),  # so little that the twin runs
    (3, 1, 4, 300),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("cell", CELLS)
def test_equal_to_the_twin(cell, shape):
    check(cell, *problem(cell, *shape))


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_equal_to_the_twin_for_any_shape(data):
    cell = data.draw(st.sampled_from(sorted(CELLS)))
    T, N, D, H = (data.draw(st.integers(1, most)) for most in (9, 20, 35, 35))
    check(cell, *problem(cell, T, N, D, H, data.draw(st.integers(0, 99)), data.draw(st.booleans())))


@pytest.mark.parametrize("cell", CELLS)
def test_the_same_bits_on_any_number_of_threads(cell):
    inputs = problem(cell, 12, 37, 20, 50)
    before = compiler.threads()
    try:
        first = run(cell, "", *inputs)
        compiler.set_threads(1)
        for a, b in zip(first, run(cell, "", *inputs), strict=True):
            np.testing.assert_array_equal(a, b)
    finally:
        compiler.set_threads(before)


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("cell", CELLS)
def test_what_is_not_finite_stays_in_its_sequence(cell, number):
    """As the twin has it: nan stays nan; inf saturates gates, also beside units that fill up a block."""
    x, start, weights, _, options = problem(cell, 6, 10, 3, 5)
    x[2, 4, 1] = number
    inputs = (x, start, weights, np.ones((6, 10), bool), options)
    ours, twin = run(cell, "", *inputs)[0], run(cell, "_numpy", *inputs)[0]
    np.testing.assert_allclose(ours, twin, rtol=1e-5, atol=1e-6)
    assert np.isfinite(np.delete(ours, 4, axis=1)).all()
    if np.isnan(number):
        assert np.isnan(ours[2:, 4]).all()


def units_off(function, exact, x):
    """The largest error in units in the last place of the exact value."""
    compiled = np.array([function(v) for v in x.astype(np.float32)])
    y = exact(x.astype(np.float32).astype(np.float64))
    return float((np.abs(compiled - y) / np.spacing(np.abs(y).astype(np.float32))).max())


def test_accuracy_of_the_nonlinearities():
    from yuanli.kernels.exponential import exponential, sigmoid, tanh

    def whole(v):
        power, p = exponential(v)
        return np.float64(power) * (1 + np.float64(p))

    x = np.concatenate([np.linspace(-87, 87, 20001), np.linspace(-3, 3, 20001), np.logspace(-38, 0, 9001)])
    x = np.concatenate([x, -x])
    assert units_off(whole, np.exp, x) < 1.5
    assert units_off(sigmoid, recurrent.sigmoid, x) < 3
    assert units_off(tanh, np.tanh, x) < 4
    for f, at_minus, at_plus in ((sigmoid, 0, 1), (tanh, -1, 1)):
        ends = [f(np.float32(v)) for v in (-np.inf, -1e30, np.inf, 1e30)]
        np.testing.assert_allclose(ends, [at_minus] * 2 + [at_plus] * 2, atol=1e-37)
        assert np.isnan(f(np.float32(np.nan)))
