"""Penalties against minima that are known: ridge and lasso in closed form, scikit-learn's elastic net."""

import numpy as np
import pytest
from sklearn.linear_model import ElasticNet as SklearnElasticNet

from yuanli import Tensor, nn
from yuanli.errors import DTypeError, ValueRangeError
from yuanli.optim import L1, L2, SGD, Adam, ElasticNet, sparsity
from yuanli.optim.penalty import weights


class Linear:
    """As much of a model as a penalty looks at: y = x Wᵀ + b, and a gain as of a normalisation."""

    def __init__(self, features, outputs=1):
        rng = np.random.default_rng(2)
        self.weight = Tensor(rng.normal(size=(outputs, features)), requires_grad=True)
        self.bias = Tensor(np.zeros(outputs), requires_grad=True)
        self.gain = Tensor(np.ones(outputs), requires_grad=True)
        self.frozen = Tensor(np.full((2, 2), 0.1))

    def named_parameters(self):
        return vars(self).items()


def problem(n=60, features=5):
    """Rows, and targets that are linear in some of the columns, with an intercept of 3."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, features))
    return x, x @ np.array([2.0, -1.0, 0.5, 0.0, 0.0])[:features] + 3 + 0.1 * rng.normal(size=n)


def minimise(penalty, x, y, steps=600, lr=0.3):
    """(1/2n)·‖x Wᵀ + b − y‖² + R(W), by proximal gradient descent."""
    model = Linear(x.shape[1])
    optimizer = SGD([model.weight, model.bias], lr)
    for _ in range(steps):
        optimizer.zero_grad()
        error = x @ model.weight.T + model.bias - y[:, None]
        ((error * error).mean() / 2 + penalty.loss(model)).backward()
        optimizer.step()
        penalty.prox(model, optimizer.lr)
    return model


@pytest.mark.parametrize("strength", [0.0, 0.1, 1.0])
def test_l2_is_ridge_regression_with_a_free_intercept(strength):
    x, y = problem()
    model = minimise(L2(strength), x, y)
    xc, yc = x - x.mean(0), y - y.mean()
    weight = np.linalg.solve(xc.T @ xc / len(x) + strength * np.eye(5), xc.T @ yc / len(x))
    np.testing.assert_allclose(model.weight.data[0], weight, rtol=1e-8)
    assert model.bias.item() == pytest.approx(y.mean() - x.mean(0) @ weight, rel=1e-8)


def orthogonal():
    """Columns with xᵀx = n·1 and mean 0."""
    x, y = problem(64)
    q, _ = np.linalg.qr(np.column_stack([np.ones(64), x]))
    return q[:, 1:] * 8, y


@pytest.mark.parametrize(("strength", "zeros"), [(0.05, 2), (0.7, 3), (1.2, 4), (100.0, 5)])
def test_l1_on_orthogonal_columns_is_a_soft_threshold(strength, zeros):
    x, y = orthogonal()
    alone = x.T @ y / len(x)  # without penalty
    model = minimise(L1(strength), x, y)
    expected = np.sign(alone) * np.maximum(np.abs(alone) - strength, 0)
    np.testing.assert_allclose(model.weight.data[0], expected, rtol=1e-9, atol=1e-15)
    assert sparsity(model) == (zeros, 5)
    assert model.bias.item() == pytest.approx(y.mean()), "the bias is free however large the penalty"


@pytest.mark.parametrize(("alpha", "ratio"), [(0.1, 0.5), (0.5, 0.8), (1.0, 0.3), (0.7, 1.0)])
def test_elastic_net_equals_scikit_learn(alpha, ratio):
    x, y = problem()
    theirs = SklearnElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-12, max_iter=100000).fit(x, y)
    model = minimise(ElasticNet(alpha * ratio, alpha * (1 - ratio)), x, y)
    np.testing.assert_allclose(model.weight.data[0], theirs.coef_, rtol=1e-6, atol=1e-9)
    assert ((theirs.coef_ == 0) == (model.weight.data[0] == 0)).all()
    assert model.bias.item() == pytest.approx(theirs.intercept_, rel=1e-6)


def test_a_large_penalty_by_hand():
    """λ = 8: the loss, its gradient, and one proximal step."""
    model = Linear(3)
    model.weight.data[:] = [[3.0, -0.5, 0.0]]
    loss = L2(8.0).loss(model)
    assert loss.item() == 8 / 2 * (9 + 0.25)
    loss.backward()
    assert model.weight.grad.tolist() == [[24.0, -4.0, 0.0]]
    assert model.bias.grad is None
    assert model.gain.grad is None
    assert L1(8.0).value(model) == 8 * 3.5
    assert ElasticNet(2.0, 8.0).value(model) == 2 * 3.5 + 37
    L1(8.0).prox(model, lr=0.1)
    np.testing.assert_allclose(model.weight.data, [[3 - 0.8, 0, 0]])
    assert sparsity(model) == (2, 3)
    assert model.gain.data.tolist() == [1]
    assert (model.frozen.data == 0.1).all()


def test_the_loss_of_l2_is_weight_decay():
    x, y = problem()
    by_loss = minimise(L2(2.0), x, y, steps=7)
    model = Linear(5)
    optimizer = SGD([model.weight, model.bias], 0.3, weight_decay=2.0)
    for _ in range(7):
        optimizer.zero_grad()
        error = x @ model.weight.T + model.bias - y[:, None]
        ((error * error).mean() / 2).backward()
        optimizer.step()
    np.testing.assert_allclose(model.weight.data, by_loss.weight.data, rtol=1e-12)


def test_l1_has_no_smooth_part_and_l2_no_proximal_one():
    model = Linear(3)
    before = model.weight.data.copy()
    assert L1(5.0).loss(model) == 0
    L2(5.0).prox(model, 0.1)
    np.testing.assert_array_equal(model.weight.data, before)


def test_of_a_network_the_weights_and_nothing_else():
    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3), nn.LayerNorm(3)
    )
    penalised = {name for name, p in model.named_parameters() if any(p is w for w in weights(model))}
    assert penalised == {"0.weight", "3.weight"}
    before = {name: p.data.copy() for name, p in model.named_parameters()}
    L1(1e3).prox(model, lr=1.0)
    assert sparsity(model) == (18 + 24, 18 + 24)
    for name, p in model.named_parameters():
        assert (p.data == (0 if name in penalised else before[name])).all(), name


def test_zeros_are_exact_after_an_adaptive_step_too():
    x, y = problem()
    model = Linear(5)
    optimizer = Adam([model.weight, model.bias], 0.05)
    for _ in range(300):
        optimizer.zero_grad()
        error = x @ model.weight.T + model.bias - y[:, None]
        ((error * error).mean() / 2).backward()
        optimizer.step()
        L1(0.3).prox(model, optimizer.lr)
    zeros, total = sparsity(model)
    assert 0 < zeros < total == 5
    assert (model.weight.data[0, 3:] == 0).all(), "the two columns that do nothing"


def test_tensors_may_be_named():
    model = Linear(3)
    assert L2(2.0).loss([model.bias, model.gain]).item() == 1.0
    L1(5.0).prox([model.gain], 1.0)
    assert sparsity([model.gain]) == (1, 1)


@pytest.mark.parametrize("penalty", [L1(1.0), L2(1.0), ElasticNet(1.0, 1.0)])
def test_float32_stays_float32(penalty):
    w = Tensor(np.ones((2, 2), np.float32), requires_grad=True)
    penalty.prox([w], np.float64(0.1))
    assert w.dtype == np.float32
    if isinstance(loss := penalty.loss([w]), Tensor):
        assert loss.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: L1(-1), ValueRangeError, "l1 ≥ 0, got -1"),
        (lambda: L2(np.nan), ValueRangeError, "l2 ≥ 0, got nan"),
        (lambda: L1(1).prox(Linear(2), -0.1), ValueRangeError, "lr ≥ 0, got -0.1"),
        (lambda: L2(1).loss(Tensor([1.0])), DTypeError, r"got Tensor; write \[w\]"),
        (lambda: L2(1).loss(3), DTypeError, "got int"),
        (
            lambda: L2(1).loss(type("Empty", (), {"named_parameters": lambda self: []})()),
            ValueRangeError,
            "in Empty",
        ),
    ],
)
def test_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call()
