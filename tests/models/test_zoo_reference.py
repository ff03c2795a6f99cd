"""Every network with the same weights against torch: torchvision's, or the figures rebuilt (torch_nets)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pytest

from yuanli import Tensor, no_grad
from yuanli.models import build
from yuanli.nn import init

pytestmark = pytest.mark.reference


@dataclass(frozen=True)
class Case:
    """A network of ours; `theirs` names torchvision's, or the function of torch_nets that rebuilds it.

    `size` keeps the last maps larger than one pixel, without which batch norm has nothing to average.
    """

    name: str
    theirs: str = ""
    size: int = 64
    options: dict[str, Any] = field(default_factory=dict)
    rebuilt: bool = False
    extra: dict[str, Any] = field(default_factory=dict)  # of theirs
    slow: bool = False

    def __str__(self) -> str:
        return self.name

    def ours(self) -> Any:
        options = {"dropout": 0.0} if self.drops() else {}
        with init.skip_init():
            return build(self.name, num_classes=7, **options, **self.options)

    def drops(self) -> bool:
        return self.name.startswith(("alexnet", "nin", "vgg", "google", "inception", "squeeze", "mobile"))


TORCHVISION = [
    Case("alexnet", size=67),
    Case("vgg11", size=32, slow=True),
    Case("vgg13_bn", size=64, slow=True),
    Case("vgg16", size=32, slow=True),
    Case("vgg19_bn", size=64, slow=True),
    Case("googlenet", extra={"aux_logits": True, "dropout_aux": 0.0}),
    Case("inception_v3", size=299, extra={"aux_logits": True}, slow=True),
    Case("resnet18"),
    Case("resnet34", slow=True),
    Case("resnet50"),
    Case("resnet101", slow=True),
    Case("resnet152", slow=True),
    Case("densenet121"),
    Case("densenet161", slow=True),
    Case("densenet169", slow=True),
    Case("densenet201", slow=True),
    Case("squeezenet1_0"),
    Case("squeezenet1_1"),
    Case("shufflenet_v2_x0_5"),
    Case("shufflenet_v2_x1_0", slow=True),
    Case("shufflenet_v2_x1_5", slow=True),
    Case("shufflenet_v2_x2_0", slow=True),
    Case("mobilenet_v2"),
]
REBUILT = [
    Case("alexnet_paper", "alexnet_paper", 67, {"image_size": 67}),
    Case("nin", "nin", 12),
    Case("googlenet_paper", "googlenet_paper", 224, slow=True),
    Case("inception_v4", "inception_v4", 107, slow=True),
    Case("resnet20", "cifar_resnet", 16),
    Case("resnet56", "cifar_resnet", 16, slow=True),
    Case("plain20", "cifar_resnet", 16, extra={"shortcut": False}),
    Case("plain18", "plain_resnet", 64),
    Case("densenet40_k12", "cifar_densenet", 12),
    Case("densenet_bc100_k12", "cifar_densenet", 12, slow=True),
    Case("shufflenet_v1", "shufflenet_v1", 64, extra={"groups": 3}),
    Case("mobilenet_v1", "mobilenet_v1", 64),
]
CASES = [
    pytest.param(case, id=case.name, marks=pytest.mark.slow if case.slow else ())
    for case in (*TORCHVISION, *REBUILT)
]


def weights(model: Any, dtype: Any) -> dict[str, np.ndarray]:
    """A state that lets every part show: He's convolutions, gains near 1, statistics that are not 0 and 1."""
    rng = np.random.default_rng(0)
    state = model.state_dict()
    for name, value in state.items():
        if name.endswith("num_batches_tracked"):
            continue
        if name.endswith("running_var"):
            value[...] = rng.uniform(0.5, 2, value.shape)
        elif value.ndim > 1:
            value[...] = rng.normal(size=value.shape) * np.sqrt(2 / np.prod(value.shape[1:]))
        else:
            gain = name.endswith("weight")
            value[...] = gain + 0.1 * rng.normal(size=value.shape)
    return {n: v.astype(dtype) if v.dtype.kind == "f" else v for n, v in state.items()}


def torch_side(case: Case, state: dict[str, np.ndarray], training: bool) -> tuple[Callable, Callable]:
    """(a function of a picture, a function giving the gradients by name)."""
    import torch

    if case in REBUILT:
        from tests.models import torch_nets

        w = torch_nets.State(state, training)
        gradients = lambda: {n: t.grad for n, t in w.tensors.items() if t.grad is not None}
        return partial(getattr(torch_nets, case.theirs), w, **case.extra), gradients
    from tests.models.torchvision_models import models

    options = {"num_classes": 7, **case.extra}
    if case.name.startswith(("googlenet", "inception")):
        options["init_weights"] = False
    if case.drops():
        options["dropout"] = 0.0
    model = getattr(models, case.name)(**options)
    if case.name.startswith("vgg"):  # ours has the widths of the maps; theirs always 7×7
        model.avgpool = torch.nn.Identity()
        model.classifier = torch.nn.Sequential(torch.nn.Linear(512 * (case.size // 32) ** 2, 7))
    model = model.train(training).to(torch.float64 if state_dtype(state) == np.float64 else torch.float32)
    model.load_state_dict({n: torch.tensor(a) for n, a in state.items()}, strict=True)
    return model, lambda: {n: p.grad for n, p in model.named_parameters()}


def state_dtype(state: dict[str, np.ndarray]) -> Any:
    return next(v.dtype for v in state.values() if v.dtype.kind == "f")


def ours(case: Case) -> Any:
    if case.name.startswith("vgg"):
        case = Case(case.name, options={"image_size": case.size, "hidden": ()})
    return case.ours()


def answers(y: Any) -> list[Any]:
    """The scores, and those of auxiliary heads."""
    return list(y) if isinstance(y, tuple) else [y]


@pytest.mark.parametrize("case", CASES)
def test_outputs_equal_torchs(case):
    """float32, evaluation; the state's names are theirs, so that published weights load."""
    import torch

    model = ours(case).eval()
    state = weights(model, np.float32)
    model.load_state_dict(state)
    x = np.random.default_rng(1).normal(size=(2, 3, case.size, case.size)).astype(np.float32)
    theirs, _ = torch_side(case, state, training=False)
    with torch.no_grad():
        expected = theirs(torch.tensor(x)).numpy()
    with no_grad():
        found = model(x).data
    assert found.shape == expected.shape == (2, 7)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("case", CASES)
def test_gradients_equal_torchs(case):
    """float64, training, of a loss that every score and auxiliary head enters."""
    import torch

    model = ours(case)
    state = weights(model, np.float64)
    model.to(np.float64).load_state_dict(state)
    if case.name.startswith("googlenet"):
        for head in (model.aux1, model.aux2):
            head.dropout.p = 0.0
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 3, case.size, case.size))
    theirs, gradients = torch_side(case, state, training=True)
    found, expected = answers(model(Tensor(x))), answers(theirs(torch.tensor(x)))
    assert len(found) == len(expected)
    for y, their_y in zip(found, expected, strict=True):
        close(y.data, their_y.detach().numpy(), 1e-6, "scores")
    pulls = [rng.normal(size=y.shape) for y in found]
    sum(
        ((y * p).sum() for y, p in zip(found[1:], pulls[1:], strict=True)), (found[0] * pulls[0]).sum()
    ).backward()
    sum((y * torch.tensor(p)).sum() for y, p in zip(expected, pulls, strict=True)).backward()
    wanted = gradients()
    own = dict(model.named_parameters())
    assert own.keys() == wanted.keys()
    noise = 1e-9 * max(np.linalg.norm(g.numpy()) for g in wanted.values())  # a bias before batch norm has 0
    for name, p in own.items():
        close(p.grad, wanted[name].numpy(), 1e-3, name, noise)


def close(found: np.ndarray, expected: np.ndarray, tolerance: float, what: str, noise: float = 0.0) -> None:
    """‖found − expected‖ against ‖expected‖."""
    assert np.linalg.norm(found - expected) <= max(tolerance * np.linalg.norm(expected), noise), what
