"""The microscope shows what backward() computes, to the bit, and the numbers a hand calculation gives."""

import re

import numpy as np
import pytest

from yuanli import ops
from yuanli.errors import GradientError, ShapeError, UnknownNameError, ValueRangeError
from yuanli.inspection.microscope import trace
from yuanli.inspection.style import encode
from yuanli.tensor import Tensor


def leaves(rng):
    return [Tensor(rng.normal(size=s), requires_grad=True) for s in ((4, 3), (3, 2), (2,))]


GRAPHS = {
    "chain": lambda x, w, b: (x @ w + b).exp().sum(),
    "used twice": lambda x, w, b: ((x @ w) * (x @ w) + b * b).mean(),
    "views and broadcasting": lambda x, w, b: ((x.T.reshape(4, 3) @ w)[1:3] / (b.exp() + 1)).sum(),
    "ties": lambda x, w, b: x.max(1).sum() + w.abs().min() + b.sum(),
    "a leaf alone": lambda x, w, b: b,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_leaves_get_the_bits_of_backward(name):
    ours, plain = (leaves(np.random.default_rng(1)) for _ in range(2))
    seed = np.array([2.0, -3.0]) if name == "a leaf alone" else None
    seen = trace(GRAPHS[name](*ours), gradient=seed)
    GRAPHS[name](*plain).backward(seed)
    for a, b in zip(ours, plain, strict=True):
        assert (a.grad is None) == (b.grad is None)
        assert a.grad is None or a.grad.tobytes() == b.grad.tobytes()
    used = [p.grad for p in plain if p.grad is not None]
    assert len(seen.leaves) == len(used)
    for leaf, grad in zip(seen.leaves, used, strict=True):
        np.testing.assert_array_equal(leaf.gradient, grad)


def test_steps_of_a_hand_calculation():
    """L = (w·x − y)² at w = 3, x = 2, y = 1: dL/dw = 2(wx − y)x = 20."""
    w, x, y = Tensor(3.0, requires_grad=True), Tensor(2.0), Tensor(1.0)
    error = w * x - y
    seen = trace(error * error, {"w": w, "error": error})
    assert [(s.name, s.operation) for s in seen.steps] == [("v2", "mul"), ("error", "sub"), ("v1", "mul")]
    assert [s.dy.item() for s in seen.steps] == [1, 10, 10]
    assert [[g.item() for g in s.gradients] for s in seen.steps] == [[5, 5], [10], [20]]
    assert seen.leaves[0].gradient == 20
    assert seen.steps[0].formula == "a · b, element by element"
    assert seen.steps[0].rule == "∂/∂a = b, ∂/∂b = a"
    text = str(seen)
    assert "1. v2 = mul(error, error)" in text
    assert "∂L/∂w += 20" in text


def test_earlier_gradients_are_added_to_and_not_shown():
    w = Tensor([1.0, 2.0], requires_grad=True)
    (w * 10).sum().backward()
    seen = trace((w * w).sum())
    np.testing.assert_array_equal(seen.leaves[0].gradient, [2, 4])
    np.testing.assert_array_equal(w.grad, [12, 14])


def test_a_wrong_gradient_leaves_what_was_there():
    w = Tensor([1.0, 2.0], requires_grad=True)
    w.grad = np.ones(2, np.float32)
    with pytest.raises(ShapeError):
        trace(w * w, gradient=np.ones(3))
    np.testing.assert_array_equal(w.grad, [1, 1])


def test_what_cannot_be_traced():
    w = Tensor(2.0, requires_grad=True)
    with pytest.raises(GradientError, match="requires_grad"):
        trace(Tensor(1.0))
    with pytest.raises(UnknownNameError, match="stranger"):
        trace(w * w, {"stranger": Tensor(1.0, requires_grad=True)})
    result = w * w
    result.backward()
    with pytest.raises(GradientError, match="freed"):
        trace(result)


def test_every_operation_has_a_formula_to_show():
    for operation in ops.ALL:
        first = (operation.__doc__ or "").strip().splitlines()[0]
        assert first, operation.__name__


def test_picture_of_a_graph():
    rng = np.random.default_rng(0)
    x, w, b = leaves(rng)
    seen = trace(GRAPHS["used twice"](x, w, b), {"x": x, "$w$ <b>": w})
    figure = seen.figure()
    texts = " ".join(t.get_text() for t in figure.axes[0].texts)
    assert {"matmul", "mean"} <= set(re.findall(r"\w+", texts))
    assert encode(figure).startswith(b"\x89PNG")
    long = b
    for _ in range(50):
        long = long * 1.01
    with pytest.raises(ValueRangeError, match="52"):
        trace(long.sum()).figure()
