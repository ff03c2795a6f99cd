"""Hierarchical softmax is a distribution, its parts are sigmoids, and only the way to a class is paid for."""

import numpy as np
import pytest

from yuanli import Tensor, gradcheck, nn
from yuanli.errors import ShapeError, ValueRangeError
from yuanli.ops.information import HuffmanCode


def layer(counts, width=4, seed=0):
    made = nn.HierarchicalSoftmax(width, counts)
    made.weight.data[:] = np.random.default_rng(seed).normal(size=made.weight.shape)
    return made.to(np.float64)


COUNTS = [9, 1, 4, 4, 2, 7, 1]


@pytest.mark.parametrize("counts", [COUNTS, [1, 1], [3] * 8, 2.0 ** -np.arange(12), 1 / np.arange(1, 400)])
def test_probabilities_sum_to_1(counts):
    x = np.random.default_rng(1).normal(size=(5, 4)) * 3
    log_p = layer(counts).log_prob(Tensor(x)).data
    assert log_p.shape == (5, len(counts))
    np.testing.assert_allclose(np.exp(log_p).sum(1), 1, rtol=1e-12)


def test_each_is_the_product_along_huffmans_way():
    made, code = layer(COUNTS), HuffmanCode(COUNTS)
    x = np.random.default_rng(1).normal(size=4)
    expected = []
    for symbol in range(len(COUNTS)):
        right = 1 / (1 + np.exp(made.weight.data[code.nodes[symbol]] @ x))
        turns = np.array(code.turns[symbol])
        expected.append(np.prod(np.where(turns, right, 1 - right)))
    np.testing.assert_allclose(np.exp(made.log_prob(Tensor(x[None])).data[0]), expected, rtol=1e-12)


def test_the_loss_is_that_of_its_log_probabilities():
    made = layer(COUNTS)
    x = Tensor(np.random.default_rng(2).normal(size=(6, 4)))
    target = np.array([0, 6, 3, 3, 1, 5])
    output, loss = made(x, target)
    everything = made.log_prob(x)
    np.testing.assert_allclose(output.data, everything.data[np.arange(6), target], rtol=1e-12)
    assert loss.item() == pytest.approx(-output.data.mean())
    np.testing.assert_array_equal(made.predict(x), everything.data.argmax(1))


def test_gradients():
    made = layer(COUNTS)
    x = Tensor(np.random.default_rng(2).normal(size=(3, 4)), requires_grad=True)

    def loss(x, weight):
        made.weight = weight
        return made(x, np.array([0, 6, 3])).loss

    assert gradcheck(loss, (x, made.weight))


def test_only_the_way_to_the_class_is_paid_for():
    made = layer(np.ones(1 << 12))
    made(Tensor(np.ones((1, 4))), np.array([77])).loss.backward()
    assert (made.weight.grad != 0).any(1).sum() == 12  # of 4,095 nodes


def test_it_learns_the_frequencies():
    counts = np.array([50, 25, 15, 10])
    made = nn.HierarchicalSoftmax(1, counts)
    target = np.repeat(np.arange(4), counts)
    x = Tensor(np.ones((100, 1), np.float32))
    for _ in range(300):
        made.zero_grad()
        made(x, target).loss.backward()
        made.weight.data -= 4 * made.weight.grad
    np.testing.assert_allclose(np.exp(made.log_prob(x).data[0]), counts / 100, atol=1e-4)


def test_wrong_inputs():
    made = nn.HierarchicalSoftmax(4, COUNTS)
    x = Tensor(np.ones((2, 4), np.float32))
    with pytest.raises(ShapeError, match="a class a row"):
        made(x, np.array([1]))
    with pytest.raises(ShapeError, match="a class a row"):
        made(x, np.array([1.0, 2.0]))
    with pytest.raises(ValueRangeError, match="classes 0 … 6, got 1 … 7"):
        made(x, np.array([1, 7]))
    with pytest.raises(ValueRangeError, match="two symbols"):
        nn.HierarchicalSoftmax(4, [5])
    with pytest.raises(ValueRangeError, match="in_features"):
        nn.HierarchicalSoftmax(0, COUNTS)
