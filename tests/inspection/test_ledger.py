"""The cost ledger: layer by layer by hand, published costs, and fields found by following gradients."""

import json

import numpy as np
import pytest

from yuanli import Tensor, nn, ops
from yuanli.errors import ShapeError
from yuanli.inspection.ledger import ledger
from yuanli.inspection.receptive_field import Field, Span
from yuanli.models import MLP, LeNet5, build, build_for, native_shape
from yuanli.nn import init
from yuanli.tensor import ancestors

GMACS = {  # torchvision's published numbers; MobileNet v1 and ShuffleNet v1: the papers' 569 and 137 million
    "alexnet": 0.714,
    "vgg16": 15.470,
    "vgg19": 19.632,
    "googlenet": 1.498,
    "inception_v3": 5.713,
    "inception_v4": 12.25,
    "resnet18": 1.814,
    "resnet34": 3.664,
    "resnet50": 4.089,
    "resnet101": 7.801,
    "resnet152": 11.514,
    "resnet20": 0.041,
    "densenet121": 2.834,
    "densenet161": 7.728,
    "squeezenet1_0": 0.819,
    "squeezenet1_1": 0.349,
    "shufflenet_v1": 0.137,
    "shufflenet_v2_x1_0": 0.145,
    "mobilenet_v1": 0.569,
    "mobilenet_v2": 0.301,
}
HEAVY = ("vgg16", "vgg19", "inception_v3", "inception_v4", "resnet101", "resnet152", "densenet161")


def costs(name, shape=None, **options):
    shape = shape or native_shape(name)
    with init.skip_init():
        return ledger(build_for(name, shape, **options), shape)


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in HEAVY else ()) for n in GMACS]
)
def test_published_multiply_accumulates(name):
    found = costs(name)
    assert found.macs / 1e9 == pytest.approx(GMACS[name], abs=0.00051 if name != "inception_v4" else 0.01)
    assert found.flops == 2 * found.macs
    assert found.macs == sum(row.macs for row in found.rows)
    used = found.parameters - sum(costs_of_idle(name, found.idle))
    assert sum(row.parameters for row in found.rows) == used


def costs_of_idle(name, idle):
    with init.skip_init():
        model = build(name)
    return [p.size for head in idle for p in getattr(model, head).parameters()]


def test_lenet_layer_by_layer():
    """LeCun 1998, section II.B: sizes, weights and connections; one connection is one multiply-accumulate."""
    found = ledger(LeNet5(), (1, 32, 32), batch=3)
    rows = {row.name: row for row in found.rows}
    assert {n: (r.output, r.parameters, r.macs) for n, r in rows.items()} == {
        "c1": ((6, 28, 28), 156, 3 * 28 * 28 * 6 * 25),
        "s2": ((6, 14, 14), 0, 0),
        "c3": ((16, 10, 10), 2416, 3 * 10 * 10 * 16 * 6 * 25),
        "s4": ((16, 5, 5), 0, 0),
        "c5": ((120,), 48_120, 3 * 120 * 400),
        "f6": ((84,), 10_164, 3 * 120 * 84),
        "output": ((10,), 850, 3 * 84 * 10),
    }
    fields = [(r.field.down.size, r.field.down.stride) for r in found.rows]
    assert fields == [(5, 1), (6, 2), (14, 2), (16, 4), (32, 0), (32, 0), (32, 0)]
    made = [2 * 6 * 28 * 28, 6 * 14 * 14, 2 * 16 * 100, 16 * 25, 2 * 120, 2 * 84, 10]  # with tanh
    assert [r.memory for r in found.rows] == [3 * 4 * n for n in made]
    assert found.training_memory == 3 * 4 * (sum(made) + 32 * 32)
    assert found.forward_memory == 3 * 4 * 2 * 6 * 28 * 28  # C1 and its tanh; the picture is no longer needed


def test_the_memory_of_a_chain_and_of_a_skip():
    """Evaluation holds what is still needed: two arrays of a chain, three where a skip waits."""

    class Skip(nn.Module):
        def __init__(self):
            self.a, self.b = nn.ReLU(), nn.ReLU()

        def forward(self, x):
            return x + self.b(self.a(x))

    chain = ledger(nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU()), (1, 10, 10))
    assert (chain.forward_memory, chain.training_memory) == (2 * 400, 4 * 400)
    skip = ledger(Skip(), (1, 10, 10))
    assert (skip.forward_memory, skip.training_memory) == (3 * 400, 4 * 400)
    flat = ledger(nn.Sequential(nn.ReLU(), nn.Flatten(), nn.Linear(100, 5)), (1, 10, 10))
    assert flat.training_memory == 2 * 400 + 20  # a flattened array is no new one


def test_groups_transposes_and_products_are_counted():
    grouped = ledger(nn.Conv2d(6, 4, 3, groups=2, bias=False), (6, 10, 10))
    assert (grouped.macs, grouped.parameters) == (8 * 8 * 4 * 3 * 9, 4 * 3 * 9)
    up = ledger(nn.ConvTranspose2d(6, 4, 2, stride=2), (6, 5, 5))
    assert up.macs == 25 * 6 * 4 * 4  # every pixel of the input meets every weight once
    assert up.rows[0].field is None
    assert ledger(MLP(12, (5,), 3), (12,), batch=7).macs == 7 * (12 * 5 + 5 * 3)
    named = ledger(MLP(12, (5,), 3), (12,)).rows
    assert [(row.name, row.layer) for row in named] == [("layers.0", "Linear"), ("layers.2", "Linear")]
    steps = ledger(nn.LSTM(4, 6, batch_first=True), (9, 4))  # an example of 9 steps
    assert steps.macs == 9 * (4 * 6 * 4 + 4 * 6 * 6)


def test_buffers_are_counted_apart():
    found = costs("resnet20")
    channels = 16 * 7 + 32 * 6 + 64 * 6
    assert found.buffers == 2 * channels + 19 == sum(row.buffers for row in found.rows)
    found = costs("mobilenet_v2", (3, 32, 32))
    assert (
        found.buffers == 34_112 + 52 == sum(row.buffers for row in found.rows)
    )  # two a channel, 52 counters


def test_idle_heads_are_named():
    assert costs("googlenet", (3, 64, 64)).idle == {
        f"aux{i + 1}": channels * 128 + 2 * 128 + 2048 * 1024 + 1024 + 1024 * 1000 + 1000
        for i, channels in enumerate((512, 528))
    }
    assert costs("googlenet", (3, 64, 64), aux_logits=False).idle == {}


def test_the_model_is_left_as_it_was():
    model = build("resnet20", rng=np.random.default_rng(0))
    model.layer1.eval()
    model.layer2.forward = lambda x, own=model.layer2.forward: own(x)
    frozen = next(model.parameters())
    frozen.requires_grad = False
    before = {name: m.training for name, m in model.named_modules()}
    state = model.state_dict()
    first = ledger(model, (3, 32, 32))
    assert {name: m.training for name, m in model.named_modules()} == before
    assert not frozen.requires_grad
    assert "forward" not in vars(model.layer1)
    assert model.layer2.forward.__name__ == "<lambda>"
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    assert first.to_json() == ledger(model, (3, 32, 32)).to_json()
    with pytest.raises(ShapeError):
        ledger(model, (1, 32, 32))
    assert {name: m.training for name, m in model.named_modules()} == before


def test_json():
    found = json.loads(json.dumps(costs("resnet20").to_json()))
    assert found["field"] == {"size": [81, 81], "stride": [4, 4], "centre": [0, 0]}
    assert found["rows"][0]["output"] == [16, 32, 32]
    assert found["flops"] == 2 * found["macs"]


# Receptive fields ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("alexnet", 195),
        pytest.param("vgg16", 212, marks=pytest.mark.slow),
        ("mobilenet_v1", 315),
        pytest.param("inception_v3", 1311, marks=pytest.mark.slow),
        pytest.param("inception_v4", 2071, marks=pytest.mark.slow),
    ],
)
def test_published_receptive_fields(name, size):
    """Araujo 2019, Computing Receptive Fields of Convolutional Neural Networks, table 1."""
    assert costs(name).field.down.size == size


@pytest.mark.parametrize(("stack", "size"), [(1, 3), (2, 5), (3, 7), (10, 21)])
def test_a_stack_of_3x3_sees_what_one_large_kernel_sees(stack, size):
    """Simonyan & Zisserman 2014, section 2.3."""
    span = Span()
    for _ in range(stack):
        span = span.window(3, padding=1)
    assert span == Span().window(size, padding=size // 2)
    assert (span.size, span.centre) == (size, 0)


def test_joining_and_pooling():
    a, b = Span(-1, 1, 2), Span(0, 4, 2)
    assert a.joined(b) == Span(-1, 4, 2)
    assert a.joined(Span(0, 0, 1)) is None
    assert a.whole(5) == Span(-1, 9, 0)
    field = Field().pooled((6, 8), (1, 4))
    assert (field.down, field.across) == (Span(0, 5, 0), Span(0, 1, 2))
    assert Field().pooled((7, 7), (3, 3)) is None


class Branches(nn.Module):
    """A dilated, a shifted and a strided way side by side, and a skip."""

    def __init__(self):
        self.stem = nn.Conv2d(1, 2, (3, 5), stride=(1, 2), padding=(2, 0))
        self.wide = nn.Conv2d(2, 2, 3, padding=3, dilation=3)
        self.even = nn.Conv2d(2, 2, 4, padding="same")
        self.pool = nn.AvgPool2d(3, 1, padding=1)
        self.down = nn.Conv2d(4, 4, 2, stride=2)
        self.skip = nn.Conv2d(2, 4, 1, stride=2)

    def forward(self, x):
        x = ops.relu(self.stem(x))
        both = ops.cat([self.wide(x), self.pool(self.even(x))], 1)
        return self.down(both) + self.skip(x)


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("branches", (1, 40, 60)),
        ("resnet20", (3, 112, 112)),
        ("densenet40_k12", (3, 44, 44)),
        ("squeezenet1_1", (3, 256, 256)),
        ("nin", (3, 48, 48)),
        pytest.param("alexnet", (3, 227, 227), marks=pytest.mark.slow),
        pytest.param("shufflenet_v2_x0_5", (3, 320, 320), marks=pytest.mark.slow),
        pytest.param("googlenet", (3, 256, 256), marks=pytest.mark.slow),
        pytest.param("resnet18", (3, 256, 256), marks=pytest.mark.slow),
    ],
)
def test_gradients_reach_exactly_the_field(name, shape):
    """With positive weights an output has a gradient for every pixel it sees and for no other."""
    with init.skip_init():
        model = (Branches() if name == "branches" else build(name)).to(np.float64).eval()
    for module in model.modules():
        for p in module.parameters(recurse=False):
            p.data[...] = 1 / np.prod(p.shape[1:])
        if isinstance(module, nn.MaxPool2d):  # its gradient goes to the winner only
            options = (module.kernel_size, module.stride, module.padding, module.ceil_mode)
            module.forward = lambda x, options=options: ops.avg_pool2d(x, *options)
    field = ledger(model, shape).field
    x = Tensor(np.ones((1, *shape)), requires_grad=True)
    y = model(x)
    maps = [t for t in ancestors(y) if t.ndim == 4 and t._parents and t.shape[2] > 1]
    last = max(maps, key=lambda t: t._order)
    row, column = last.shape[2] // 2, last.shape[3] // 2 - 1
    last[:, :, row, column].sum().backward()
    seen = x.grad[0].any(0)
    for span, place, reached in ((field.down, row, seen.any(1)), (field.across, column, seen.any(0))):
        low, high = span.low + place * span.stride, span.high + place * span.stride
        found = np.flatnonzero(reached)
        assert (found[0], found[-1]) == (max(low, 0), min(high, len(reached) - 1))
        if name in ("branches", "resnet20"):
            assert 0 < low < high < len(reached) - 1  # nothing was cut off


@pytest.mark.reference
@pytest.mark.parametrize("name", ["resnet18", "googlenet", "densenet121", "shufflenet_v2_x1_0"])
def test_torch_counts_as_many(name):
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from tests.models.torchvision_models import models

    options = {"init_weights": False} if name == "googlenet" else {}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        getattr(models, name)(**options).eval()(torch.zeros(2, 3, 96, 96))
    with init.skip_init():
        assert ledger(build(name), (3, 96, 96), batch=2).flops == counter.get_total_flops()
