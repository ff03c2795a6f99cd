"""The backward pass: gradients by hand and by torch, how the graph is walked, and what is freed."""

import gc
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import broadcastable_shapes

from yuanli import Tensor, no_grad, ops
from yuanli.errors import DTypeError, GradientError, ShapeError
from yuanli.tensor import differentiable, sum_to

F4, F8 = np.float32, np.float64


def leaf(*numbers, dtype=F4):
    return Tensor(np.array(numbers, dtype), requires_grad=True)


def test_chain_rule_on_paper():
    x, y = leaf(2.0), leaf(3.0)
    z = (x * y + x) * y  # ∂z/∂x = y² + y = 12, ∂z/∂y = 2xy + x = 14
    z.backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([12.0], [14.0])


def test_one_tensor_used_many_times():
    for shape in ((), (1,), (2, 2)):
        x = Tensor(np.full(shape, 3.0), requires_grad=True)
        (x + x + x * x + x * 2.0 + x).sum().backward()  # 1 + 1 + 2x + 2 + 1
        assert type(x.grad) is np.ndarray
        np.testing.assert_array_equal(x.grad, np.full(shape, 11.0))


def test_shared_subexpression_is_walked_once():
    calls = []

    @differentiable
    def counted(x):
        return x * 1, (lambda dy: calls.append(dy.copy()) or dy,)

    x = leaf(1.0)
    y = counted(x)
    (y * 2 + y * 3 + y).backward()
    assert [c.tolist() for c in calls] == [[6.0]]
    assert x.grad.tolist() == [6.0]


def test_doubling_a_hundred_times_is_not_exponential():
    x = leaf(1.0, dtype=F8)
    y = x
    for _ in range(100):
        y = y + y
    y.backward()
    assert x.grad.tolist() == [2.0**100]


def test_a_chain_of_20000_operations():
    x = leaf(1.0)
    y = x
    for _ in range(20_000):
        y = y + 1
    y.backward()
    assert x.grad.tolist() == [1.0]


def test_a_chain_of_50000_operations_is_dropped_without_backward():
    y = leaf(1.0)
    for _ in range(50_000):
        y = -y
    del y  # must not recurse


def test_gradients_add_up_over_backward_calls():
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    assert first.tolist() == [2.0, 4.0]  # what was read before does not change
    x.grad = None
    (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_second_backward_through_a_freed_graph():
    x = leaf(1.0)
    y = x * x
    z = y * 2
    z.backward()
    for again in (z, y):
        with pytest.raises(GradientError, match=r"earlier backward.* freed .* forward pass again"):
            again.backward()
    with pytest.raises(GradientError, match="freed"):
        (y + x).backward()
    assert x.grad.tolist() == [4.0]


def test_two_losses_that_share_a_part_are_added_first():
    x = leaf(3.0)
    shared = x * x
    (shared * 2 + shared.log()).backward()
    np.testing.assert_allclose(x.grad, [4 * 3 + 2 / 3], rtol=1e-6)


def test_a_backward_pass_that_fails_leaves_nothing_half_added_up():
    @differentiable
    def broken(x):
        def grad_x(dy):
            raise RuntimeError

        return x * 1, (grad_x,)

    x = leaf(3.0)
    shared = x * x
    with pytest.raises(RuntimeError):
        (broken(shared) + shared).backward()
    assert shared.grad is None
    (shared * 2).backward()
    assert x.grad.tolist() == [12.0]


def test_backward_frees_what_the_rules_remember():
    x = leaf(1.0, 2.0)
    big = np.ones(2, F4)
    kept = weakref.ref(middle := x * big)
    y = middle.exp().sum()
    del middle
    y.backward()
    gc.collect()
    assert kept() is None


def test_backward_of_a_leaf():
    x = leaf(1.0)
    dy = np.ones(1, F4)
    x.backward(dy)
    assert x.grad.tolist() == [1.0]
    assert not np.may_share_memory(x.grad, dy)


def test_a_gradient_without_axes_is_an_array_too():
    x = Tensor(np.array(3.0), requires_grad=True)
    for _ in range(2):
        (x * 2.0).backward()
        assert type(x.grad) is np.ndarray
    assert x.grad.item() == 4.0


def test_backward_with_a_gradient():
    x = leaf(1.0, 2.0, 3.0)
    dy = np.array([1.0, 10.0, 100.0])
    (x * 2).backward(dy)
    assert x.grad.tolist() == [2.0, 20.0, 200.0]
    assert dy.tolist() == [1.0, 10.0, 100.0]
    assert x.grad.dtype == F4


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda x: Tensor([1.0]).backward(), GradientError, "requires_grad=True"),
        (lambda x: (x * 2).backward(), GradientError, r"shape \(2,\) needs `gradient`"),
        (lambda x: (x * 2).backward(np.ones(3)), ShapeError, r"gradient of shape \(2,\), got \(3,\)"),
        (lambda x: (x * 2).backward("dy"), DTypeError, "got dtype <U2"),
        (lambda x: x.detach().sum().backward(), GradientError, "requires_grad=True"),
    ],
)
def test_backward_that_cannot_be(act, error, message):
    with pytest.raises(error, match=message):
        act(leaf(1.0, 2.0))


@pytest.mark.parametrize(
    "act",
    [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: (a + b).reshape(2, 2) + (a - b).reshape(2, 2),
        lambda a, b: a.reshape(2, 2).T + b.reshape(2, 2),
        lambda a, b: a.reshape(2, 2) + b.reshape(2, 2),
        lambda a, b: ops.cat([a, b]),
        lambda a, b: ops.stack([a, b]),
        lambda a, b: ops.squeeze(a) + ops.unsqueeze(b, 0)[0] + ops.flatten(a),
        lambda a, b: ops.dropout(a, 0.5, False) + ops.broadcast_to(b, (4,)),
        lambda a, b: a.sum() + b.sum(),
    ],
)
def test_gradients_are_nobody_elses_memory(act):
    a, b = leaf(1.0, 2.0, 3.0, 4.0), leaf(5.0, 6.0, 7.0, 8.0)
    y = act(a, b)
    dy = np.ones(y.shape, F4)
    y.backward(dy)
    arrays = [a.grad, b.grad, a.data, b.data, dy]
    for i, first in enumerate(arrays):
        for second in arrays[:i]:
            assert not np.may_share_memory(first, second)
    for grad in (a.grad, b.grad):
        grad += 1  # writable


def test_a_gradient_kept_by_two_parents_is_not_written_into():
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x + w  # both receive the same dy
    (y + x + x + w).sum().backward()
    assert (x.grad.tolist(), w.grad.tolist()) == ([3.0, 3.0], [2.0, 2.0])


def test_untouched_leaves_have_no_gradient():
    x, unused, frozen = leaf(1.0), leaf(2.0), Tensor([3.0])
    (x * frozen).backward()
    assert unused.grad is None
    assert frozen.grad is None


def test_inputs_without_gradient_cost_nothing():
    @differentiable
    def picky(x, y):
        return x * y, (lambda dy: dy * y, lambda dy: pytest.fail("nobody asked for this gradient"))

    x = leaf(1.0)
    picky(x, Tensor([2.0])).backward()
    assert x.grad.tolist() == [2.0]


def test_detach_shares_the_numbers_and_not_the_history():
    x = leaf(2.0)
    y = x * x
    cut = y.detach()
    assert cut.data is y.data
    assert not cut.requires_grad
    (cut * x).backward()
    assert x.grad.tolist() == [4.0]


def test_no_grad():
    x = leaf(1.0)
    with no_grad():
        assert not (x * 2).requires_grad
        with no_grad():
            pass
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad
    with pytest.raises(ZeroDivisionError), no_grad():
        raise ZeroDivisionError
    assert (x * 2).requires_grad

    @no_grad()
    def double(x):
        return x * 2

    assert not double(x).requires_grad
    assert not double(x).requires_grad


@pytest.mark.parametrize(
    "inputs", [{"bias": 2}, {"weight": 1, "bias": 2}, {"input": 0, "weight": 1, "bias": 2}]
)
def test_tensors_given_by_name_receive_gradients(inputs):
    rng = np.random.default_rng(0)
    tensors = [Tensor(rng.normal(size=s), requires_grad=True) for s in ((2, 3), (4, 3), (4,))]
    by_name = {name: tensors[i] for name, i in inputs.items()}
    ops.linear(*tensors[: 3 - len(inputs)], **by_name).sum().backward()
    by_place = [Tensor(t.data, requires_grad=True) for t in tensors]
    ops.linear(*by_place).sum().backward()
    for ours, theirs in zip(tensors, by_place, strict=True):
        np.testing.assert_array_equal(ours.grad, theirs.grad)


def test_a_tensor_index_and_one_index_twice():
    x = leaf(1.0, 2.0, 3.0)
    x[Tensor([0, 0, 2])].sum().backward()
    assert x.grad.tolist() == [2.0, 0.0, 1.0]


@given(broadcastable_shapes((2, 1, 3), min_dims=0, max_dims=4, max_side=3), st.data())
def test_summing_undoes_broadcasting(shape, data):
    """⟨broadcast(x), g⟩ = ⟨x, sum_to(g)⟩: the two are each other's transpose."""
    wide = np.broadcast_shapes(shape, (2, 1, 3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    x, g = rng.normal(size=shape), rng.normal(size=wide)
    back = sum_to(g, shape)
    assert back.shape == shape
    np.testing.assert_allclose((np.broadcast_to(x, wide) * g).sum(), (x * back).sum(), atol=1e-12)


@pytest.mark.reference
@pytest.mark.parametrize(
    "shapes", [((3,), (2, 3)), ((), (2, 2)), ((2, 1, 1), (3, 1)), ((1, 4), (3, 1)), ((0, 3), (3,))]
)
def test_a_longer_expression_equals_torch(shapes):
    import torch

    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=s) for s in shapes]
    ours = [Tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]

    def expression(a, b):
        c = a * b + a
        return (c * c + b / (1 + a * a)).sum() + (c[..., -1:] * c.max() if c.shape[0] else c).sum()

    for tensors in (ours, theirs):
        expression(*tensors).backward()
    for mine, torchs in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine.grad, torchs.grad.numpy(), rtol=1e-10)
