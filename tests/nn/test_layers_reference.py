"""Every layer and loss against torch's of that name, from the same state: values, gradients, statistics."""

import inspect

import numpy as np
import pytest

from tests.nn.layers import LAYERS, LOSSES
from yuanli import Tensor, nn

pytestmark = pytest.mark.reference
CLOSE = {"rtol": 2e-5, "atol": 2e-6}  # float32, sums in another order


def randomised(layer):
    """State other than the starting one, so that gains, shifts and running statistics show."""
    rng = np.random.default_rng(0)
    state = layer.state_dict()
    for name, value in state.items():
        if value.dtype == np.float32:
            value[...] = rng.uniform(0.2, 1, value.shape) if "var" in name else rng.normal(size=value.shape)
    layer.load_state_dict(state)
    return state


@pytest.mark.parametrize("mode", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("case", LAYERS, ids=str)
def test_layer(case, mode):
    import torch

    ours, theirs = case.make(nn).train(mode), case.make(torch.nn).train(mode)
    theirs.load_state_dict({k: torch.tensor(v) for k, v in randomised(ours).items()})
    array = case.input()
    differentiable = array.dtype.kind == "f"
    x, tx = Tensor(array, requires_grad=differentiable), torch.tensor(array, requires_grad=differentiable)
    for _ in range(2):  # the second pass sees the statistics of the first
        y, ty = ours(x), theirs(tx)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.numpy(), ty.detach().numpy(), **CLOSE)
    dy = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    if y.requires_grad:
        y.backward(dy)
        ty.backward(torch.tensor(dy))
    if differentiable:
        np.testing.assert_allclose(x.grad, tx.grad.numpy(), **CLOSE)
    for (name, p), (their_name, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == their_name
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), **CLOSE, err_msg=name)


@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_loss(case):
    import torch

    options = {k: torch.tensor(v) if isinstance(v, list) else v for k, v in case.options.items()}
    theirs = getattr(torch.nn, case.name)(**options)
    input, target = case.inputs()
    x, tx = Tensor(input, requires_grad=True), torch.tensor(input, requires_grad=True)
    y, ty = case.make(nn)(x, target), theirs(tx, torch.tensor(target))
    np.testing.assert_allclose(y.numpy(), ty.detach().numpy(), **CLOSE)
    y.sum().backward()
    ty.sum().backward()
    np.testing.assert_allclose(x.grad, tx.grad.numpy(), **CLOSE)
    assert list(case.make(nn).state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("name", sorted({case.name for case in (*LAYERS, *LOSSES)}))
def test_options_have_torch_s_names_and_defaults(name):
    import torch

    ours, theirs = (inspect.signature(getattr(m, name)).parameters for m in (nn, torch.nn))
    required = {("Softmax", "dim"), ("LogSoftmax", "dim")}  # torch guesses an axis, and warns
    for option, parameter in ours.items():
        if option != "rng" and (name, option) not in required:
            assert theirs[option].default == parameter.default


def test_a_state_made_by_torch_loads():
    import torch

    theirs = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten())
    ours = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten())
    ours.load_state_dict(theirs.state_dict())
    x = np.random.default_rng(0).normal(size=(2, 1, 5, 5)).astype(np.float32)
    np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), **CLOSE)
