"""Models written as ONNX: onnxruntime gives their answers, for batches of other sizes than were traced."""

import numpy as np
import pytest

from tests.interchange import onnx_cases
from yuanli import nn, ops
from yuanli.errors import UnsupportedError
from yuanli.models import ZOO, build
from yuanli.tensor import Tensor, no_grad

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

from yuanli.interchange.onnx_export import export_onnx, model_proto  # noqa: E402
from yuanli.interchange.onnx_import import load_onnx  # noqa: E402
from yuanli.interchange.rules import RULES  # noqa: E402

pytestmark = pytest.mark.reference


def by_onnxruntime(proto, x):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (entry,) = session.get_inputs()
    return session.run(None, {entry.name: x})


def check(model, x):
    """The graph traced with two rows answers all rows of x as the model does."""
    with no_grad():
        expected = model.eval()(Tensor(x))
    expected = onnx_cases.leaves(expected)
    found = by_onnxruntime(model_proto(model, x[:2]), x)
    assert len(found) == len(expected)
    for mine, theirs in zip(expected, found, strict=True):
        assert theirs.shape == mine.shape
        scale = max(1.0, float(np.abs(mine.data).max()))
        np.testing.assert_allclose(theirs / scale, mine.data / scale, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", onnx_cases.CASES, ids=str)
def test_every_operation(case):
    check(onnx_cases.Of(case.function), case.input())


def test_every_operation_has_a_rule_and_a_case():
    operations = {op.__name__.lstrip("_") for op in set(ops.ALL) - set(ops.LOSSES)}
    assert operations <= RULES.keys()
    compared = {"equal", "less", "greater", "less_equal", "greater_equal", "not_equal"}
    lookups = {"nearest_few", "take_along", "in_double", "in_whole"}
    assert operations | compared | lookups == RULES.keys()
    assert {case.name for case in onnx_cases.CASES} >= operations


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}])
def test_recurrent_layers(name, options):
    layer = getattr(nn, name)(3, 4, batch_first=True, rng=np.random.default_rng(0), **options)
    check(layer, np.random.default_rng(1).normal(size=(4, 5, 3)).astype(np.float32))


def test_relu_in_a_recurrent_layer():
    layer = nn.RNN(3, 4, nonlinearity="relu", batch_first=True, rng=np.random.default_rng(0))
    check(layer, np.random.default_rng(1).normal(size=(4, 5, 3)).astype(np.float32))


def picture(name):
    sizes = {"lenet": (1, 32, 32), "inception_v3": (3, 299, 299), "inception_v4": (3, 299, 299),
             "alexnet_paper": (3, 227, 227), "nin": (3, 32, 32)}  # fmt: skip
    small = name.endswith(("20", "32", "44", "56", "110", "k12"))
    return sizes.get(name, (3, 32, 32) if small else (3, 224, 224))


QUICK = ("lenet", "nin", "resnet20", "plain20", "squeezenet1_1", "shufflenet_v1", "shufflenet_v2_x0_5",
         "mobilenet_v2", "densenet40_k12", "googlenet_paper")  # fmt: skip


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in ZOO])
def test_every_network_of_the_zoo(name):
    rng = np.random.default_rng(0)
    model = build(name, rng=rng)
    for key, buffer in model.named_buffers():
        if key.endswith(("running_mean", "running_var")):
            buffer[...] = rng.uniform(0.5, 1.5, buffer.shape)
    check(model, rng.normal(size=(3, *picture(name))).astype(np.float32))


def test_weights_keep_their_names_and_come_back(tmp_path):
    model = build("resnet20", num_classes=3, rng=np.random.default_rng(0))
    x = np.random.default_rng(1).normal(size=(5, 3, 32, 32)).astype(np.float32)
    export_onnx(model, x[:2], tmp_path / "m.onnx", inputs=("image",), outputs=("scores",), notes={"a": "b"})
    proto = onnx.load(tmp_path / "m.onnx")
    names = {t.name for t in proto.graph.initializer}
    assert {name for name, _ in model.named_parameters()} <= names
    assert [d.dim_param or d.dim_value for d in proto.graph.input[0].type.tensor_type.shape.dim] == [
        "N",
        3,
        32,
        32,
    ]
    assert [(p.key, p.value) for p in proto.metadata_props] == [("a", "b")]
    graph = load_onnx(tmp_path / "m.onnx")
    assert (graph.inputs, graph.outputs) == (("image",), ("scores",))
    np.testing.assert_allclose(graph(x).data, model.eval()(x).data, rtol=1e-5, atol=1e-5)
    assert {name for name, _ in graph.named_parameters()} >= {name for name, _ in model.named_parameters()}


class Named(nn.Module):
    """Its weights are called as things in a graph are."""

    def __init__(self):
        self.input, self.output = nn.Parameter(np.ones(3)), nn.Parameter(np.full(3, 2.0))
        self.mul_1, self.constant_0 = nn.Parameter(np.full(3, 3.0)), nn.Parameter(np.full(3, 4.0))

    def forward(self, x):
        return x * self.input + self.output * self.mul_1 - self.constant_0 * 1.5


def test_names_do_not_collide():
    check(Named(), np.random.default_rng(0).normal(size=(3, 3)))


def test_the_model_is_left_as_it_was():
    model = nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5)).train()
    model[0].eval()
    model_proto(model, np.zeros((2, 3), np.float32))
    assert [m.training for m in model.modules()] == [True, False, True]


class ByNumPy(nn.Module):
    def forward(self, x):
        return x * Tensor(np.exp(x.data))


class BySize(nn.Module):
    def forward(self, x):
        return x * float(len(x))


class ByBranch(nn.Module):
    def forward(self, x):
        return ops.relu(x) if len(x) % 2 else x


class Dropping(nn.Module):
    def forward(self, x):
        return ops.dropout(x, 0.5, True)


class OfStatistics(nn.Module):
    def forward(self, x):
        return ops.batch_norm(x, None, None, training=True)


class WithLoss(nn.Module):
    def forward(self, x):
        return ops.mse_loss(x, np.zeros((1, 3), np.float32) * x.data)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (ByNumPy(), "outside of operations"),
        (BySize(), "outside of operations"),
        (ByBranch(), "other operations for another batch"),
        (Dropping(), "drops also in evaluation"),
        (OfStatistics(), "batch's own statistics"),
        (WithLoss(), "mse_loss has no counterpart"),
        (onnx_cases.Of(lambda x: ops.local_response_norm(x, 4)), "even number of channels"),
        (onnx_cases.Of(lambda x: x[np.arange(2), np.arange(2)]), "by several arrays"),
        (onnx_cases.Of(lambda x: ops.var(x, 0)), "over the batch"),
        (onnx_cases.Of(lambda x: x[: len(x) - 1]), "depends on the batch"),
    ],
)
def test_what_no_graph_can_say_is_refused(model, says):
    x = np.random.default_rng(0).normal(size=(2, 3, 3)).astype(np.float32)
    with pytest.raises(UnsupportedError, match=says):
        model_proto(model, x)
