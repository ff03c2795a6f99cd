"""Sequential and ModuleList: order, names, places."""

import numpy as np
import pytest

from yuanli import Tensor, nn
from yuanli.errors import ModelError, ValueRangeError


class Add(nn.Module):
    def __init__(self, amount):
        self.amount = amount

    def forward(self, x):
        return x * 10 + self.amount


def test_modules_run_in_order():
    model = nn.Sequential(Add(1), Add(2)).append(Add(3))
    assert model(Tensor(0.0)).item() == 123
    assert nn.Sequential()(5) == 5


def test_names_from_a_dict():
    model = nn.Sequential({"a": nn.Linear(1, 2), "b": nn.Linear(2, 3)})
    assert list(model.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert model.b is model[1] is model[-1]


def test_places_and_slices():
    a, b, c = Add(1), Add(2), Add(3)
    model = nn.Sequential(a, b, c)
    assert len(model) == 3
    assert list(model[1:]) == [b, c]
    assert model[1:](Tensor(0.0)).item() == 23
    model[-1] = a
    assert list(model) == [a, b, a]
    with pytest.raises(ValueRangeError, match="has 3 modules, none is number 3"):
        model[3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Sequential([nn.ReLU()]), "needs Modules, got list"),
        (lambda: nn.Sequential(nn.ReLU), "needs Modules, got type"),
        (lambda: nn.Sequential({"a.b": nn.ReLU()}), "without dots, got 'a.b'"),
        (lambda: nn.Sequential({"": nn.ReLU()}), "unused name"),
        (lambda: nn.Sequential({"forward": nn.ReLU()}), "unused name"),
        (lambda: nn.Sequential(nn.ReLU(), nn.ReLU())[1:].append(nn.ReLU()), "unused name"),
        (lambda: nn.ModuleList([np.ones(3)]), "ModuleList needs Modules, got ndarray"),
        (lambda: nn.ModuleList([nn.ReLU()]).__setitem__(0, 3), "needs Modules, got int"),
    ],
)
def test_what_is_not_a_row_of_modules(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_module_list():
    class Model(nn.Module):
        def __init__(self):
            self.layers = nn.ModuleList(nn.Linear(1, 1) for _ in range(2))
            self.layers.extend([nn.Linear(1, 1)])

    model = Model()
    assert len(model.layers) == 3
    assert len(list(model.parameters())) == 6
    assert list(model.state_dict())[-1] == "layers.2.bias"
    assert isinstance(model.layers[:2], nn.ModuleList)
    with pytest.raises(NotImplementedError):
        model.layers(1)


@pytest.mark.parametrize("training", [True, False])
def test_neighbours_together_are_what_they_are_apart(training):
    """Value, gradients and running statistics, with ties and windows without a positive number."""
    x = np.random.default_rng(0).normal(size=(4, 3, 5, 6)).astype(np.float32)
    x[:2] = x[:2].round()
    row = [nn.ReLU(), nn.MaxPool2d(2, 1), nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.ReLU(), nn.ReLU()]
    row += [nn.MaxPool2d(2, 1, padding=1), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(80, 9), nn.ReLU()]
    row += [nn.Linear(9, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 2)]
    row += [nn.BatchNorm1d(2), nn.ReLU6()]
    start = nn.Sequential(*row).state_dict()
    seen = []
    for together in (True, False):
        model = nn.Sequential(*row).train(training)
        model.load_state_dict(start)
        inputs = y = Tensor(x, requires_grad=True)
        if together:
            y = model(y)
        else:
            for module in row:
                y = module(y)
        model.zero_grad()
        y.sum().backward()
        seen.append(
            [y.data, inputs.grad, *(p.grad for p in model.parameters()), *model.state_dict().values()]
        )
    for a, b in zip(*seen, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_layers_of_ones_own_are_computed_one_by_one():
    """Whatever their forward pass is, also where it is not that of the class they come from."""

    class Doubled(nn.Linear):
        def forward(self, x):
            return super().forward(x) * 2

    class Shifted(nn.ReLU):
        def forward(self, x):
            return super().forward(x) + 1

    x, layer = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32), Doubled(3, 4)
    expected = np.maximum(2 * (x @ layer.weight.data.T + layer.bias.data), 0)
    np.testing.assert_allclose(nn.Sequential(layer, nn.ReLU())(x).data, expected, rtol=1e-5, atol=1e-6)
    layer = nn.Linear(3, 4)
    expected = np.maximum(x @ layer.weight.data.T + layer.bias.data, 0) + 1
    np.testing.assert_allclose(nn.Sequential(layer, Shifted())(x).data, expected, rtol=1e-5, atol=1e-6)
