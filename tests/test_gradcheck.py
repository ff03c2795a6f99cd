"""gradcheck: it passes right gradients, and catches every kind of wrong one."""

import numpy as np
import pytest

from yuanli import Tensor, gradcheck, ops
from yuanli.errors import DTypeError, GradientError, ValueRangeError
from yuanli.tensor import differentiable


def leaf(*shape, dtype=np.float64):
    return Tensor(np.random.default_rng(0).normal(size=shape).astype(dtype), requires_grad=True)


def wrong(factor=lambda g: g):
    """x³ whose gradient went through `factor`."""

    @differentiable
    def cube(x):
        return x * x * x, (lambda dy: factor(3 * x * x * dy),)

    return cube


def at(index, change):
    def spoil(g):
        g = g.copy()
        g[index] = change(g[index])
        return g

    return spoil


def test_right_gradients_pass_and_are_told():
    x, w = leaf(2, 3), leaf(4, 3)
    result = gradcheck(ops.linear, [x, w])
    assert result
    assert result.error <= 1e-9
    assert [i.name for i in result.inputs] == ["input", "weight"]
    lines = str(result).splitlines()
    assert lines[0] == "gradients agree (relative tolerance 1e-07)"
    assert lines[1].startswith("input (2, 3): largest relative error")


@pytest.mark.parametrize(
    "factor",
    [
        lambda g: -g,
        lambda g: 2 * g,
        lambda g: g * (1 + 1e-6),
        lambda g: g + 1e-6,
        lambda g: np.zeros_like(g),
        lambda g: np.full_like(g, np.nan),
        lambda g: g.T.reshape(g.shape),
        at((1, 2), lambda v: v * 1.001),
        at((1, 2), lambda v: np.inf),
    ],
)
def test_wrong_gradients_are_caught(factor):
    with pytest.raises(GradientError, match="gradients disagree"):
        gradcheck(wrong(factor), [leaf(2, 3)])


def test_the_message_names_input_place_and_both_numbers():
    x = leaf(2, 3)
    dy = np.random.default_rng(5).standard_normal((2, 3))
    right = dy[1, 2] * 3 * x.data[1, 2] ** 2
    with pytest.raises(GradientError) as caught:
        gradcheck(wrong(at((1, 2), lambda v: 2 * v)), [x], rng=np.random.default_rng(5))
    line = str(caught.value).splitlines()[1]
    assert line.startswith("x (2, 3): largest relative error 5.0e-01 at [1, 2], analytic ")
    assert f"analytic {2 * right:.10g}, numeric {right:.10g}" in line


def test_a_missing_gradient_is_caught():
    @differentiable
    def half(x, y):
        return x * y, (lambda dy: dy * y, None)

    with pytest.raises(GradientError, match=r"y \(2,\): largest relative error 1.0e\+00"):
        gradcheck(half, [leaf(2), leaf(2)])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_small_and_large_gradients_are_held_to_the_same_tolerance(scale):
    gradcheck(lambda x: wrong()(x) * scale, [leaf(3)])
    with pytest.raises(GradientError):
        gradcheck(lambda x: wrong(lambda g: g * (1 + 1e-6))(x) * scale, [leaf(3)])


def test_gradients_of_zero_are_no_error():
    flat = Tensor(np.zeros(3), requires_grad=True)
    assert gradcheck(lambda x: x * x, [flat]).error == 0
    assert gradcheck(lambda x: x * 0 + 5.0, [leaf(3)]).error == 0


def test_tensors_keep_their_data_dtype_and_gradient():
    x = leaf(3, dtype=np.float32)
    data, x.grad = x.data, np.ones(3, np.float32)
    before, grad = data.copy(), x.grad
    gradcheck(lambda x: x * x, [x])
    assert x.data is data
    assert x.grad is grad
    np.testing.assert_array_equal(x.data, before)
    with pytest.raises(ZeroDivisionError):
        gradcheck(lambda x: 1 / 0, [x])
    assert x.data is data


def test_a_function_may_hold_the_tensors_itself():
    weight, x = leaf(3, 2, dtype=np.float32), Tensor(np.ones((4, 3)))
    assert gradcheck(lambda *parameters: (x @ weight).exp(), [weight])


def test_inputs_without_gradient_are_left_alone():
    result = gradcheck(lambda x, y: x * y, [leaf(2), Tensor(np.ones(2))])
    assert [i.name for i in result.inputs] == ["x"]


def test_any_number_of_inputs():
    result = gradcheck(lambda *xs: ops.cat(xs), [leaf(2), leaf(3)])
    assert [i.name for i in result.inputs] == ["input 0", "input 1"]


def test_no_elements_and_no_axes():
    assert gradcheck(lambda x: x.exp(), [Tensor(np.ones((0, 3)), requires_grad=True)])
    assert gradcheck(lambda x: x.exp(), [Tensor(np.array(1.0), requires_grad=True)])


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda x: gradcheck(ops.exp, [Tensor(x.data)]), GradientError, "an input with requires_grad"),
        (lambda x: gradcheck(ops.exp, [x.data]), DTypeError, "needs Tensors, got ndarray as input 0"),
        (lambda x: gradcheck(ops.exp, x), DTypeError, "needs a list of Tensors"),
        (lambda x: gradcheck(lambda x: 1.0, [x]), DTypeError, "that gives a Tensor, got float"),
        (lambda x: gradcheck(lambda x: ops.dropout(x), [x]), GradientError, "same value twice"),
        (lambda x: gradcheck(lambda x: x.detach(), [x]), GradientError, "requires_grad=True"),
        (lambda x: gradcheck(ops.exp, [x * 2]), GradientError, "computed from others"),
        (lambda x: gradcheck(ops.exp, [x], eps=0), ValueRangeError, "eps > 0"),
        (lambda x: gradcheck(ops.exp, [x], tolerance=-1), ValueRangeError, "tolerance > 0"),
    ],
)
def test_what_cannot_be_checked(act, error, message):
    with pytest.raises(error, match=message):
        act(leaf(8))
