"""Linear scores, the multilayer perceptron, LeNet-5: published counts, formulas by hand, gradients."""

import math

import numpy as np
import pytest

from yuanli import Tensor, manual_seed, nn, ops
from yuanli.errors import ShapeError, ValueRangeError
from yuanli.models import MLP, LeNet5, LeNet1998, LinearClassifier
from yuanli.models.lenet import TABLE_I, squash


def count(model):
    return sum(p.size for p in model.parameters())


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_linear_scores_are_linear():
    model = LinearClassifier(12, 4, rng=np.random.default_rng(0))
    x, y = images(5, 3, 2, 2), images(5, 3, 2, 2)
    f = lambda x: model(x).numpy() - model.bias.data
    np.testing.assert_allclose(f(x + y), f(x) + f(y), atol=1e-6)  # additivity
    np.testing.assert_allclose(f(3 * x), 3 * f(x), atol=1e-6)  # homogeneity
    np.testing.assert_allclose(f(x), x.reshape(5, 12) @ model.weight.data.T, atol=1e-6)
    assert count(LinearClassifier(3072, 10)) == 30730


@pytest.mark.parametrize(
    ("loss", "start"), [(ops.cross_entropy, math.log(10)), (ops.multiclass_hinge_loss, 9.0)]
)
def test_losses_at_the_start(loss, start):
    """cs231n: ten classes and small weights cost 2.302 under softmax and 9 under the multiclass hinge."""
    model = LinearClassifier(784, 10, rng=np.random.default_rng(0))
    x = np.random.default_rng(1).uniform(-0.5, 0.5, (200, 784)).astype(np.float32)
    assert loss(model(x), np.arange(200) % 10).item() == pytest.approx(start, rel=0.02)


def test_mlp_is_its_formula():
    """f = W₃ max(0, W₂ max(0, W₁ x)), with biases."""
    model = MLP(6, (5, 4), 3, rng=np.random.default_rng(0))
    x = images(7, 6)
    w1, b1, w2, b2, w3, b3 = (p.data for p in model.parameters())
    hidden = np.maximum(0, np.maximum(0, x @ w1.T + b1) @ w2.T + b2)
    np.testing.assert_allclose(model(x).numpy(), hidden @ w3.T + b3, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model(x.reshape(7, 1, 2, 3)).numpy(), model(x).numpy())


def test_mlp_options():
    assert count(MLP(64, (128, 64), 10)) == 64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    assert count(MLP(4, (), 3)) == 15  # no hidden layer: linear scores
    kinds = [type(m).__name__ for m in MLP(4, [3, 2], 1, activation=nn.Tanh, dropout=0.5).layers]
    assert kinds == ["Linear", "Tanh", "Dropout", "Linear", "Tanh", "Dropout", "Linear"]
    for wrong in ((0, (2,), 1), (4, (2, 0), 1), (4, (2,), 0)):
        with pytest.raises(ValueRangeError, match="Linear needs"):
            MLP(*wrong)
    with pytest.raises(ValueRangeError, match="Dropout needs p"):
        MLP(4, (2,), 1, dropout=-0.1)


@pytest.mark.parametrize("size", [32, 28])
def test_lenet_has_the_published_parameters_layer_by_layer(size):
    model = LeNet5(image_size=size)
    layers = {name: count(child) for name, child in model.named_children()}
    assert layers == {"c1": 156, "s2": 0, "c3": 2416, "s4": 0, "c5": 48120, "f6": 10164, "output": 850}
    assert count(model) == 61706
    x = images(2, 1, size, size)
    shapes = {}
    for name, child in model.named_children():
        child.forward = lambda x, name=name, forward=child.forward: shapes.setdefault(name, forward(x))
    model(x)
    assert {name: y.shape[1:] for name, y in shapes.items()} == {
        "c1": (6, 28, 28),
        "s2": (6, 14, 14),
        "c3": (16, 10, 10),
        "s4": (16, 5, 5),
        "c5": (120, 1, 1),
        "f6": (84,),
        "output": (10,),
    }


def test_lenet_of_1998_has_the_papers_parameters():
    """Section II.B: 156, 12, 1,516, 32, 48,120 and 10,164, together 60,000; the codes are not trained."""
    model = LeNet1998(rng=np.random.default_rng(0))
    layers = {name: count(child) for name, child in model.named_children()}
    assert layers == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}
    assert count(model) == 60_000
    assert sum(map(len, TABLE_I)) == 60  # of 96 pairs
    assert {len(set(row)) for row in TABLE_I} == {3, 4, 6}
    assert [sum(i in row for row in TABLE_I) for i in range(6)] == [10] * 6  # every map is seen by ten
    assert squash(Tensor([1.0, -1.0])).data == pytest.approx([1, -1], abs=1e-4)


def test_lenet_of_1998_chooses_the_nearest_code():
    model = LeNet1998(rng=np.random.default_rng(0)).to(np.float64)
    rng = np.random.default_rng(1)
    x, y = Tensor(rng.normal(size=(3, 1, 32, 32))), np.array([3, 1, 4])
    scores = model(x)
    assert scores.shape == (3, 10)
    assert (scores.data < 0).all()
    ops.cross_entropy(scores, y).backward()
    p = model.s2.coefficient
    slope = p.grad[2, 0, 0]
    p.data[2] += 1e-6
    above = ops.cross_entropy(model(x), y).item()
    p.data[2] -= 2e-6
    assert slope == pytest.approx((above - ops.cross_entropy(model(x), y).item()) / 2e-6, rel=1e-6)
    with pytest.raises(ShapeError, match="32×32 pixels, got"):
        model(images(1, 1, 28, 28))
    with pytest.raises(ShapeError, match=r"LeNet1998 needs images of 32×32 pixels, got \(40, 32\)"):
        model(images(1, 1, 40, 32))


@pytest.mark.parametrize("size", [12, 13, (12, 31), (40, 32)])
def test_lenet_takes_other_sizes(size):
    model = LeNet5(in_channels=3, num_classes=7, image_size=size)
    height, width = size if isinstance(size, tuple) else (size, size)
    assert model(images(2, 3, height, width)).shape == (2, 7)
    assert model(images(0, 3, height, width)).shape == (0, 7)


def test_lenet_refuses_what_is_too_small_or_another_size():
    with pytest.raises(ShapeError, match="at least 12×12 pixels, got 8×8; enlarge"):
        LeNet5(image_size=8)
    with pytest.raises(ShapeError, match=r"needs x of shape \(N, 1, 28, 28\), got \(2, 1, 32, 32\)"):
        LeNet5(image_size=28)(images(2, 1, 32, 32))
    with pytest.raises(ShapeError, match=r"got \(2, 3, 32, 32\)"):
        LeNet5()(images(2, 3, 32, 32))
    with pytest.raises(ValueRangeError, match="image_size"):
        LeNet5(image_size=32.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: LinearClassifier(144, 3, rng=rng),
        lambda rng: MLP(144, (5,), 3, activation=nn.Tanh, rng=rng),
        lambda rng: LeNet5(num_classes=3, image_size=12, rng=rng),
    ],
    ids=["linear", "mlp", "lenet"],
)
def test_gradient_of_the_loss_along_a_random_direction(make):
    """The slope of the loss along a direction through all parameters equals its finite difference."""
    rng = np.random.default_rng(0)
    model = make(rng).to(np.float64)
    x, y = rng.normal(size=(4, 1, 12, 12)), np.array([0, 1, 2, 0])
    loss = lambda: ops.cross_entropy(model(Tensor(x)), y)
    loss().backward()
    start = [p.data.copy() for p in model.parameters()]
    direction = [rng.normal(size=p.shape) for p in model.parameters()]
    slope = sum((p.grad * d).sum() for p, d in zip(model.parameters(), direction, strict=True))

    def at(step):
        for p, s, d in zip(model.parameters(), start, direction, strict=True):
            p.data[...] = s + step * d
        return loss().item()

    numerical = (at(1e-5) - at(-1e-5)) / 2e-5
    assert slope == pytest.approx(numerical, rel=1e-6)


def test_the_same_seed_makes_the_same_model():
    for make in (lambda: LinearClassifier(4, 2), lambda: MLP(4, (3,), 2), LeNet5):
        manual_seed(0)
        a = make().state_dict()
        manual_seed(0)
        for name, value in make().state_dict().items():
            np.testing.assert_array_equal(value, a[name])
