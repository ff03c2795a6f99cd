"""Tensors: what they hold, their dtypes, and what they refuse."""

import copy

import numpy as np
import pytest

from yuanli import Tensor, ops
from yuanli.errors import DTypeError, GradientError, ShapeError, YuanliError

F4, F8 = np.float32, np.float64


def leaf(*numbers, dtype=F4):
    return Tensor(np.array(numbers, dtype), requires_grad=True)


# Making tensors ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        (1.5, F4),
        (3, np.int64),
        (True, np.bool),
        ([1.0, 2], F4),
        ([[1, 2], [3, 4]], np.int64),
        ([], F4),
        ([np.float64(1)], F4),
        (np.float64(1), F8),
        (np.arange(3, dtype=np.uint8), np.uint8),
        (np.ones(2), F8),
        (np.ones(2, F4), F4),
        (range(3), np.int64),
    ],
)
def test_dtype_of_a_new_tensor(data, dtype):
    tensor = Tensor(data)
    assert tensor.dtype == dtype
    np.testing.assert_array_equal(tensor.numpy(), data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("abc", "got dtype <U3"),
        (None, "got dtype object"),
        ([1, None], "got dtype object"),
        ([[1, 2], [3]], "regular nest"),
        (1j, "got dtype complex128"),
        (np.ones(2, np.float16), "got dtype float16"),
        (np.ones(2, np.longdouble), "got dtype float128|got dtype longdouble|got dtype float80"),
        ({"a": 1}, "got dtype object"),
        (np.array(["2020-01-01"], "M8[D]"), "got dtype datetime64"),
        (np.ones(2, ">f4"), "got dtype >f4"),
    ],
    ids=str,
)
def test_what_a_tensor_cannot_hold(data, message):
    with pytest.raises(DTypeError, match=message):
        Tensor(data)


def test_an_array_is_not_copied_and_a_list_is():
    array = np.zeros(3, F4)
    assert Tensor(array).data is array
    assert Tensor(Tensor(array)).data is array


def test_only_floats_require_gradients():
    with pytest.raises(DTypeError, match="only float tensors have gradients, got dtype int64"):
        Tensor([1, 2], requires_grad=True)


def test_everyday_properties():
    x = Tensor(np.arange(6.0).reshape(2, 3))
    assert (x.shape, x.ndim, x.size, len(x), x.T.shape) == ((2, 3), 2, 6, 2, (3, 2))
    assert [float(row.sum()) for row in x] == [3.0, 12.0]
    assert (x[1, 2].item(), float(x[0, 1]), bool(x[0, 0])) == (5.0, 1.0, False)
    assert repr(Tensor([1.0, 2.0], requires_grad=True)) == "tensor([1., 2.], float32, requires_grad=True)"
    assert np.asarray(x) is x.data
    assert np.array(x, F4).dtype == F4
    copied = copy.deepcopy(x)
    copied.data[0, 0] = 9
    assert x.data[0, 0] == 0


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: Tensor([1.0, 2.0]).item(), ShapeError, r"item\(\) needs .* one number, got shape \(2,\)"),
        (lambda: len(Tensor(1.0)), ShapeError, "no axes"),
        (lambda: list(Tensor(1.0)), ShapeError, "no axes"),
        (lambda: bool(Tensor([1.0, 2.0])), ShapeError, "one number"),
        (lambda: Tensor([1.0]).T, ShapeError, r"T needs a matrix \(2 axes\), got shape \(1,\)"),
        (lambda: Tensor([1.0, 2.0]) + Tensor([1.0, 2.0, 3.0]), ShapeError, r"add needs .* \(2,\) and \(3,\)"),
        (lambda: Tensor([1.0, 2.0]) < np.ones(3), ShapeError, r"less needs .* \(2,\) and \(3,\)"),
        (lambda: Tensor([1.0, 2.0]) == "a", DTypeError, "equal needs .* got 'a'"),
        (lambda: Tensor([1.0]) - [1.0], DTypeError, r"sub needs .* got \[1.0\] \(list\)"),
        (lambda: "a" * Tensor([1.0]), DTypeError, "mul needs .* got 'a'"),
        (lambda: 1j / Tensor([1.0]), DTypeError, "div needs .* got 1j"),
        (lambda: None @ Tensor([1.0]), DTypeError, "matmul needs .* got None"),
        (lambda: Tensor([1.0]) ** "a", DTypeError, "pow needs .* got 'a'"),
        (
            lambda: Tensor(np.ones((2, 3))).reshape(4),
            ShapeError,
            r"reshape cannot take \(float64\[2, 3\], 4\)",
        ),
        (lambda: Tensor([1.0]).sum(1), ShapeError, "axis 1 is out of bounds"),
        (lambda: Tensor([1.0]).sum(axis=0), TypeError, "axis"),
        (lambda: Tensor([1.0]).transpose(0, 1), ShapeError, "axis2: axis 1 is out of bounds"),
        (lambda: Tensor([1.0])[3], ShapeError, "index 3 is out of bounds"),
        (lambda: ops.relu(Tensor([1.0]), wrong=1), DTypeError, "relu cannot take .*wrong"),
        (lambda: ops.where(np.array([True]), Tensor([1.0]), None), DTypeError, "where needs .* got None"),
        (lambda: ops.linear(Tensor([1.0]), wrong=Tensor([1.0])), DTypeError, "linear .*wrong"),
        (lambda: np.exp(Tensor([1.0])), TypeError, "does not support ufuncs"),
    ],
)
def test_mistakes_are_told_where_they_are_made(act, error, message):
    with pytest.raises(error, match=message):
        act()


def test_the_original_error_is_kept_as_the_cause():
    with pytest.raises(ShapeError) as caught:
        Tensor([1.0]).sum(1)
    assert isinstance(caught.value.__cause__, np.exceptions.AxisError)


# DTypes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "dtype"),
    [
        (lambda x: x + 1, F4),
        (lambda x: 2.5 * x, F4),
        (lambda x: x * np.float64(2.5), F4),
        (lambda x: np.float64(2.5) - x, F4),
        (lambda x: x / np.int64(3), F4),
        (lambda x: x + True, F4),
        (lambda x: x * np.bool(True), F4),
        (lambda x: x + np.arange(2), F4),
        (lambda x: np.arange(2) + x, F4),
        (lambda x: x * Tensor([1, 2]), F4),
        (lambda x: x * (x > 0), F4),
        (lambda x: x + np.ones(2, F4), F4),
        (lambda x: x + np.ones(2, F8), F8),
        (lambda x: np.ones(2, F8) @ x, F8),
        (lambda x: x**2, F4),
        (lambda x: 2**x, F4),
        (lambda x: x ** np.float64(0.5), F4),
        (lambda x: x.mean() / 3, F4),
        (lambda x: ops.maximum(x, 0.5), F4),
        (lambda x: ops.where(x > 0, x, 1.0), F4),
        (lambda x: ops.clip(x, np.float64(0.1)), F4),
        (lambda x: ops.leaky_relu(x, np.float64(0.1)), F4),
        (lambda x: ops.leaky_relu(x, negative_slope=np.float64(0.1)), F4),
        (lambda x: ops.maximum(x, other=np.float64(0.1)), F4),
        (lambda x: ops.pad(x, (1, 1), value=np.float64(2)), F4),
        (lambda x: ops.cat([x, x]), F4),
    ],
)
def test_float32_is_widened_by_float64_arrays_only(act, dtype):
    x = leaf(1.0, 2.0)
    y = act(x)
    assert y.dtype == dtype
    y.sum().backward()
    assert x.grad.dtype == F4


@pytest.mark.parametrize(
    ("act", "dtype"),
    [
        (lambda i: i + 1, np.int64),
        (lambda i: i * i, np.int64),
        (lambda i: i.sum(), np.int64),
        (lambda i: i.max(), np.int64),
        (ops.relu, np.int64),
        (lambda i: i / 2, F4),
        (lambda i: i + 0.5, F4),
        (lambda i: i.mean(), F4),
        (lambda i: i.exp(), F4),
        (ops.sigmoid, F4),
        (ops.gelu, F4),
        (ops.softmax, F4),
        (ops.log_softmax, F4),
        (lambda i: ops.logsumexp(i, 0), F4),
        (ops.var, F4),
        (lambda i: ops.linear(i, np.ones((1, 3), np.int64)), np.int64),
    ],
)
def test_whole_numbers_stay_or_become_float32(act, dtype):
    exact = act(Tensor(np.array([1.0, 2.0, 4.0])))
    y = act(Tensor([1, 2, 4]))
    assert y.dtype == dtype
    np.testing.assert_allclose(y.data, exact.data, rtol=1e-6)
    assert not y.requires_grad


def test_small_whole_numbers_do_not_become_half_precision():
    assert ops.exp(np.arange(3, dtype=np.int8)).dtype == F4


def test_numbers_alone_give_float32():
    assert (ops.exp(1.0).dtype, ops.add(1.0, 2.0).dtype, ops.tanh(0.0).item()) == (F4, F4, 0.0)


def test_a_gradient_has_its_leafs_dtype():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0, dtype=F8)
    (x * w).sum().backward()
    assert (x.grad.dtype, w.grad.dtype) == (F4, F8)


def test_overflow_and_division_by_zero_are_silent_forward_and_backward():
    x = leaf(0.0, 3e38)
    y = (x * x) + 1 / x + x.log() + x.exp() + (x - 1).sqrt()
    y.sum().backward()
    assert not np.isfinite(x.grad).all()


# Beside other arrays --------------------------------------------------------------------------------------


def test_comparisons_are_plain_arrays():
    x = Tensor([1.0, 2.0, 3.0])
    for compare in ("__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"):
        ours = getattr(x, compare)(2)
        assert type(ours) is np.ndarray
        np.testing.assert_array_equal(ours, getattr(x.data, compare)(2))
        np.testing.assert_array_equal(ours, getattr(x, compare)(Tensor([2.0, 2.0, 2.0])))
    assert len({x, Tensor([1.0, 2.0, 3.0])}) == 2  # hashed by identity


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (lambda a, x: a + x, [11.0, 22.0]),
        (lambda a, x: a - x, [9.0, 18.0]),
        (lambda a, x: a * x, [10.0, 40.0]),
        (lambda a, x: a / x, [10.0, 10.0]),
        (lambda a, x: a**x, [10.0, 400.0]),
        (lambda a, x: a @ x, 50.0),
    ],
)
def test_an_array_before_a_tensor(act, expected):
    x = leaf(1.0, 2.0)
    y = act(np.array([10.0, 20.0], F4), x)
    assert isinstance(y, Tensor)
    np.testing.assert_allclose(y.data, expected)
    assert y.requires_grad


def test_every_error_is_one_of_ours():
    for error in (DTypeError, GradientError, ShapeError):
        assert issubclass(error, YuanliError)
