"""ONNX graphs on this engine: trained further, gradients exact, and graphs and files made to do harm."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yuanli import Tensor, gradcheck, ops
from yuanli.errors import CheckpointError, RefusedError, ShapeError, UnsupportedError, YuanliError
from yuanli.optim import SGD

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

from yuanli.interchange import onnx_files, onnx_graph  # noqa: E402
from yuanli.interchange.onnx_import import Backend, load_onnx  # noqa: E402
from yuanli.interchange.operators import Node  # noqa: E402

pytestmark = pytest.mark.reference
OPSET = [helper.make_opsetid("", 21)]
CODES = {np.dtype(np.float32): 1, np.dtype(np.float64): 11, np.dtype(np.int64): 7}


def model(nodes, inputs, outputs, **constants):
    """A model of nodes; inputs by name and shape, results by name."""
    kind = next((CODES[a.dtype] for a in constants.values() if a.dtype.kind == "f"), 1)
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, kind, []) for name in outputs],
        [numpy_helper.from_array(a, name) for name, a in constants.items()],
    )
    return helper.make_model(graph, opset_imports=OPSET, ir_version=10)


def normal(*shape, dtype=np.float64):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(dtype)


def node(op, inputs, output="y", **attributes):
    return helper.make_node(op, inputs, [output] if isinstance(output, str) else output, **attributes)


def network(dtype=np.float32):
    nodes = [
        node("Conv", ["x", "w1", "b1"], "c", pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "gain", "shift", "mean", "var"], "n"),
        node("Relu", ["n"], "r"),
        node("GlobalAveragePool", ["r"], "p"),
        node("Flatten", ["p"], "f"),
        node("Gemm", ["f", "w2", "b2"], "y", transB=1),
    ]
    constants = {
        "w1": normal(4, 1, 3, 3), "b1": normal(4), "gain": np.ones(4), "shift": np.zeros(4),
        "mean": np.zeros(4), "var": np.ones(4), "w2": normal(3, 4), "b2": normal(3),
    }  # fmt: skip
    return model(nodes, {"x": ["N", 1, 6, 6]}, ["y"], **{k: v.astype(dtype) for k, v in constants.items()})


@pytest.fixture
def saved(tmp_path):
    def save(proto, name="model.onnx"):
        path = tmp_path / name
        path.write_bytes(proto.SerializeToString())
        return path

    return save


def test_a_graph_is_a_module_that_learns(saved):
    graph = load_onnx(saved(network()))
    names = [name for name, _ in graph.named_parameters()]
    assert names == ["b1", "b2", "gain", "shift", "w1", "w2"]
    assert [name for name, _ in graph.named_buffers()] == ["mean", "var"]
    assert repr(graph).startswith("Graph(x → y, 6 nodes")
    x = normal(30, 1, 6, 6, dtype=np.float32)
    labels = np.arange(30) % 3
    optimizer = SGD(graph.parameters(), lr=0.2, momentum=0.9)
    losses = []
    for _ in range(60):
        loss = ops.cross_entropy(graph(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    state = graph.state_dict()
    again = load_onnx(saved(network()))
    again.load_state_dict(state)
    np.testing.assert_array_equal(again(x).data, graph(x).data)


def test_gradients_of_a_graph_are_exact(saved):
    graph = load_onnx(saved(network(np.float64)))
    x = Tensor(normal(2, 1, 6, 6), requires_grad=True)
    gradcheck(lambda *_: (graph(x) ** 2).sum(), [x, *graph.parameters()])


RECURRENT = {
    "LSTM": [normal(3, 2, 3), normal(2, 16, 3) / 2, normal(2, 16, 4) / 2, normal(2, 32) / 2],
    "GRU": [normal(3, 2, 3), normal(2, 12, 3) / 2, normal(2, 12, 4) / 2, normal(2, 24) / 2],
    "RNN": [normal(3, 2, 3), normal(2, 4, 3) / 2, normal(2, 4, 4) / 2, normal(2, 8) / 2],
}


@pytest.mark.parametrize(
    ("op", "inputs", "attributes"),
    [
        ("Conv", [normal(1, 2, 4, 4, 3), normal(2, 1, 2, 3, 2), normal(2)],
         {"group": 2, "strides": [2, 1, 1], "pads": [1, 0, 1, 0, 1, 0]}),
        ("ConvTranspose", [normal(1, 2, 3, 2, 2), normal(2, 2, 2, 2, 3), normal(2)], {"strides": [2, 1, 2]}),
        ("ConvTranspose", [normal(1, 2, 5), normal(2, 1, 3)], {"strides": [2], "pads": [1, 0]}),
        ("ConvTranspose", [normal(1, 1, 3, 3), normal(1, 1, 2, 2)],
         {"output_shape": [8, 8], "strides": [2, 2]}),
        ("AveragePool", [normal(1, 1, 5, 5)],
         {"kernel_shape": [2, 2], "dilations": [2, 2], "pads": [1, 0, 0, 1], "count_include_pad": 1}),
        ("AveragePool", [normal(1, 1, 4, 4, 4)],
         {"kernel_shape": [2, 3, 2], "ceil_mode": 1, "strides": [2, 2, 2]}),
        ("MaxPool", [normal(1, 2, 4, 5, 4)], {"kernel_shape": [2, 2, 3], "pads": [0, 1, 1, 1, 0, 1]}),
        ("LpPool", [normal(1, 1, 4, 4)], {"kernel_shape": [2, 2], "p": 3}),
        ("GroupNormalization", [normal(2, 4, 3), normal(4), normal(4)], {"num_groups": 2}),
        ("InstanceNormalization", [normal(2, 3, 4), normal(3), normal(3)], {}),
        ("LRN", [normal(1, 5, 2, 2)], {"size": 4}),
        ("LayerNormalization", [normal(2, 3, 4), normal(3, 4), normal(3, 4)], {"axis": 1}),
        ("ReduceProd", [normal(2, 3, 2)], {"axes": [0, 2]}),
        ("ReduceL2", [normal(2, 3)], {}),
        ("NegativeLogLikelihoodLoss", [normal(2, 3, 2)], {"ignore_index": 1}),
        ("Erf", [normal(3, 2)], {}),
        ("Mod", [normal(3, 2), normal(3, 2) + 3], {"fmod": 1}),
        ("Tile", [normal(2, 3)], {}),
        ("Shrink", [normal(3, 3)], {"lambd": 0.3, "bias": 0.1}),
        ("PRelu", [normal(2, 3, 2), normal(3, 1)], {}),
        *(("CumSum", [normal(2, 4)], {"reverse": r, "exclusive": e}) for r in (0, 1) for e in (0, 1)),
        *((op, inputs, {"direction": "bidirectional", "hidden_size": 4}) for op, inputs in RECURRENT.items()),
        *((op, inputs, {"direction": "bidirectional", "hidden_size": 4, "clip": 2.5})
          for op, inputs in RECURRENT.items()),
        ("GRU", RECURRENT["GRU"], {"direction": "bidirectional", "linear_before_reset": 1}),
    ],
)  # fmt: skip
def test_gradients_of_operators_put_together_here(op, inputs, attributes):
    from yuanli.interchange.operators import OPERATORS

    more = {
        "NegativeLogLikelihoodLoss": [Tensor(np.array([[0, 1], [2, 2]]))],
        "Tile": [Tensor(np.array([2, 3]))],
        "CumSum": [Tensor(np.array(1))],
    }.get(op, [])
    step = Node(op, 17 if "axes" in attributes else 21, attributes)
    tensors = [Tensor(a, requires_grad=True) for a in inputs]

    def loss(*given):
        result = OPERATORS[op](step, *given, *more)
        parts = result if isinstance(result, tuple) else (result,)
        total = sum((ops.sum(p * ops.exp(p * 0.1)) for p in parts), Tensor(np.array(0.0)))
        return total

    gradcheck(loss, tensors)


def test_integers_as_the_standard_has_them(saved):
    """`alpha` and `beta` of whole numbers too; and sums up to an infinity, exact to the last digit."""
    from onnx.reference import ReferenceEvaluator

    whole, end = np.arange(4).reshape(2, 2), np.array([1.0, 2.0, np.inf], np.float32)
    for made in (
        model([node("Gemm", ["a", "a", "a"], alpha=3.0, beta=-2.0)], {}, ["y"], a=whole),
        model([node("Gemm", ["a", "a"], alpha=0.5)], {}, ["y"], a=whole),
        model([node("CumSum", ["a", "zero"])], {}, ["y"], a=end, zero=np.array(0)),
        model([node("CumSum", ["a", "zero"], reverse=1)], {}, ["y"], a=whole + 2**60, zero=np.array(0)),
    ):
        expected = ReferenceEvaluator(made).run(None, {})[0]
        (found,) = load_onnx(saved(made)).run(())
        np.testing.assert_array_equal(found.data, expected)


def test_usual_and_unusual_forms_of_a_recurrent_layer_agree():
    """The engine's layer, and the equations of the specification step by step."""
    from yuanli.interchange.operators import OPERATORS

    for op, inputs in RECURRENT.items():
        options = {"direction": "bidirectional", "linear_before_reset": 1}
        usual, stepwise = (
            OPERATORS[op](Node(op, 21, options | more), *map(Tensor, inputs), Tensor(np.array([3, 2])))
            for more in ({}, {"clip": 1e9})
        )
        for a, b in zip(usual, stepwise, strict=True):
            np.testing.assert_allclose(a.data, b.data, rtol=1e-12, atol=1e-14)


def test_weights_behind_other_nodes_are_trained_too(saved):
    """What depends on constants alone is computed once; a weight turned round is then the weight."""
    nodes = [node("Transpose", ["w"], "t", perm=[1, 0]), node("MatMul", ["x", "t"])]
    graph = load_onnx(saved(model(nodes, {"x": [2, 3]}, ["y"], w=normal(4, 3, dtype=np.float32))))
    assert [(name, p.shape) for name, p in graph.named_parameters()] == [("t", (3, 4))]


def test_names_that_a_module_needs_itself_are_changed(saved):
    names = ["forward", "training", "__class__", "_steps", "state_dict"]
    nodes = [node("Sum", ["x", *(f"p{i}" for i in range(len(names)))], "y")]
    nodes = [node("Add", ["x", names[0]], "s0")]
    nodes += [node("Add", [f"s{i}", name], f"s{i + 1}") for i, name in enumerate(names[1:])]
    proto = model(nodes, {"x": [2]}, [f"s{len(names) - 1}"], **{n: np.ones(2, np.float32) for n in names})
    graph = load_onnx(saved(proto))
    assert graph(np.zeros(2, np.float32)).data.tolist() == [5, 5]
    assert [name for name, _ in graph.named_parameters()] == sorted(f"{name}_" for name in names)


def test_inputs_are_checked_and_errors_name_the_node(saved):
    graph = load_onnx(saved(network()))
    with pytest.raises(ShapeError, match=r"needs 1 inputs \(x\), got 0"):
        graph()
    with pytest.raises(ShapeError, match=r"'x' of shape \(any, 1, 6, 6\), got \(2, 2, 6, 6\)"):
        graph(np.zeros((2, 2, 6, 6), np.float32))
    free = load_onnx(saved(model([node("MatMul", ["x", "w"])], {"x": ["N", "D"]}, ["y"], w=normal(3, 2))))
    with pytest.raises(ShapeError, match="MatMul → 'y'"):
        free(normal(2, 2))


def test_what_is_not_supported_is_named(saved):
    nodes = [node("Unique", ["x"], ["v"]), node("Einsum", ["v"], equation="i->i")]
    with pytest.raises(UnsupportedError, match="Einsum, Unique"):
        load_onnx(saved(model(nodes, {"x": [3]}, ["y"])))
    own = helper.make_node("Secret", ["x"], ["y"], domain="com.example")
    proto = model([own], {"x": [3]}, ["y"])
    proto.opset_import.append(helper.make_opsetid("com.example", 1))
    with pytest.raises(UnsupportedError, match=r"com\.example\.Secret"):
        load_onnx(saved(proto))
    with pytest.raises(UnsupportedError, match="activation Affine"):
        Backend.run_node(
            node("RNN", ["x", "w", "r"], activations=["Affine"], hidden_size=1),
            [np.ones((1, 1, 1), np.float32)] * 3,
        )


def test_the_backend_runs_nodes_and_models():
    a, b = normal(2, 3, dtype=np.float32), normal(3, 2, dtype=np.float32)
    (y,) = Backend.run_node(node("MatMul", ["a", "b"]), [a, b])
    np.testing.assert_allclose(y, a @ b, rtol=1e-6)
    assert Backend.supports_device("CPU")
    assert not Backend.supports_device("CUDA")
    with pytest.raises(UnsupportedError, match="not on CUDA"):
        Backend.prepare(network(), "CUDA")
    results = Backend.run_model(network(), normal(2, 1, 6, 6, dtype=np.float32))
    assert results["y"].shape == (2, 3)


# Files and graphs made to do harm ---------------------------------------------------------------------------


def external(**said):
    """A model whose weight w (2, 2) lies elsewhere."""
    proto = model([node("MatMul", ["x", "w"])], {"x": [1, 2]}, ["y"], w=np.ones((2, 2), np.float32))
    (tensor,) = proto.graph.initializer
    tensor.ClearField("raw_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    for key, value in said.items():
        tensor.external_data.add(key=key, value=str(value))
    return proto


def test_external_data_is_read_from_the_folder(saved, tmp_path):
    (tmp_path / "sub").mkdir()
    content = bytes(8) + np.arange(4, dtype=np.float32).tobytes()
    for place in ("w.bin", "sub/w.bin"):
        (tmp_path / place).write_bytes(content)
        graph = load_onnx(saved(external(location=place, offset=8, length=16)))
        assert graph(np.ones((1, 2), np.float32)).data.tolist() == [[2, 4]]


@pytest.mark.parametrize(
    "place",
    ["/etc/hostname", "../w.bin", "sub/../../w.bin", "sub/../w.bin", "", ".", "./w.bin", "..", "C:\\w.bin",
     "C:/w.bin", "\\\\host\\w.bin", "sub\\..\\..\\w.bin", "//host/w.bin", "missing.bin", "sub", "w.bin\0",
     "link.bin", "dangling.bin", "linked/w.bin", "hard.bin", "fifo"],
)  # fmt: skip
def test_external_data_stays_in_the_folder(place, tmp_path):
    inside, outside = tmp_path / "model", tmp_path / "w.bin"
    (inside / "sub").mkdir(parents=True)
    outside.write_bytes(bytes(16))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "w.bin").write_bytes(bytes(16))
    (inside / "link.bin").symlink_to(outside)
    (inside / "dangling.bin").symlink_to(tmp_path / "none")
    (inside / "linked").symlink_to(tmp_path / "elsewhere")
    os.link(outside, inside / "hard.bin")
    os.mkfifo(inside / "fifo")
    path = inside / "model.onnx"
    path.write_bytes(external(location=place).SerializeToString())
    with pytest.raises(RefusedError, match="external data must"):
        load_onnx(path)


@pytest.mark.parametrize(
    "said",
    [{"offset": 1}, {"offset": -4}, {"length": 12}, {"length": 2**40}, {"offset": 2**70}, {"length": "all"}],
)
def test_external_data_of_wrong_sizes(said, saved, tmp_path):
    (tmp_path / "w.bin").write_bytes(bytes(16))
    with pytest.raises(CheckpointError):
        load_onnx(saved(external(location="w.bin", **said)))


def test_external_data_needs_a_path_and_a_limit(saved, tmp_path, monkeypatch):
    with pytest.raises(RefusedError, match="by its path"):
        Backend.prepare(external(location="w.bin"))
    (tmp_path / "w.bin").write_bytes(bytes(16))
    monkeypatch.setattr(onnx_files, "MOST_EXTERNAL", 15)
    with pytest.raises(RefusedError, match="more than 15 bytes"):
        load_onnx(saved(external(location="w.bin")))


def test_limits_of_size_and_nodes(saved, monkeypatch):
    path = saved(network())
    monkeypatch.setattr(onnx_files, "MOST_NODES", 5)
    with pytest.raises(RefusedError, match="more than 5 nodes"):
        load_onnx(path)
    monkeypatch.setattr(onnx_files, "MOST_BYTES", 100)
    with pytest.raises(RefusedError, match="at most 100 are read"):
        load_onnx(path)


def whole(*numbers):
    return np.array(numbers, np.int64)


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("ConstantOfShape", ["n"], "c"), node("Add", ["x", "c"])], {"n": whole(2**20, 2**20)}),
        ([node("Expand", ["x", "n"])], {"n": whole(2**20, 2**20, 1)}),
        ([node("Tile", ["x", "n"])], {"n": whole(2**40)}),
        ([node("Pad", ["x", "n"])], {"n": whole(2**40, 0)}),
        ([node("Range", ["a", "n", "b"], "c"), node("Add", ["x", "c"])],
         {"a": np.array(0), "n": np.array(2**40), "b": np.array(1)}),
        ([node("OneHot", ["i", "n", "v"], "c"), node("Add", ["x", "c"])],
         {"i": whole(*range(100)), "n": whole(2**40), "v": np.zeros(2, np.float32)}),
        ([node("Reshape", ["x", "n"], "c"), node("Mul", ["x", "c"])], {"n": whole(-1, *(1,) * 20)}),
        ([node("Concat", ["x"] * 60, "a", axis=0), node("Concat", ["a"] * 60, "b", axis=0),
          node("Concat", ["b"] * 60, "c", axis=0), node("Concat", ["c"] * 60, axis=0)], {}),
        ([node("Unsqueeze", ["x", "n"], "c"), node("Add", ["x", "c"])], {"n": whole(1)}),
        ([node("Unsqueeze", ["x", "n"], "c"), node("Unsqueeze", ["x", "m"], "d"), node("MatMul", ["c", "d"])],
         {"n": whole(1), "m": whole(0)}),
        ([node("Gather", ["x", "i"], "a"), node("Gather", ["a", "i"], "b"), node("Gather", ["b", "i"])],
         {"i": np.zeros((200, 200), np.int64)}),
    ],
)  # fmt: skip
def test_a_few_bytes_cannot_ask_for_any_size(nodes, constants, saved):
    path = saved(model(nodes, {"x": [40_000]}, ["y"], **constants))
    with pytest.raises(RefusedError, match="numbers at once"):
        load_onnx(path)(np.ones(40_000, np.float32))


def test_values_that_are_used_up_are_let_go(saved, monkeypatch):
    """The limit is on what is held at a time, and a chain holds little."""
    chain = [node("Tanh", [f"v{i}"], f"v{i + 1}") for i in range(50)]
    fan = [node("Tanh", ["x"], f"v{i}") for i in range(50)] + [node("Sum", [f"v{i}" for i in range(50)])]
    monkeypatch.setattr(onnx_graph, "MOST_BYTES", 10_000)
    x = np.ones(400, np.float32)
    load_onnx(saved(model(chain, {"v0": [400]}, ["v50"])))(x)
    with pytest.raises(RefusedError, match="for its values"):
        load_onnx(saved(model(fan, {"x": [400]}, ["y"])))(x)


def test_a_file_that_is_none(tmp_path):
    with pytest.raises(CheckpointError, match="no such file"):
        load_onnx(tmp_path / "none.onnx")
    for content in (b"", b"ONNX", b"\x80\x02.", bytes(1000)):
        (tmp_path / "x.onnx").write_bytes(content)
        with pytest.raises(CheckpointError):
            load_onnx(tmp_path / "x.onnx")


def test_a_tensor_with_too_few_numbers(saved):
    proto = network()
    proto.graph.initializer[0].raw_data = bytes(4)
    with pytest.raises(CheckpointError, match="w1"):
        load_onnx(saved(proto))
    proto.graph.initializer[0].dims[:] = [2**40, 2**20]
    with pytest.raises(CheckpointError):
        load_onnx(saved(proto))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_and_altered_files_run_or_are_refused(data, tmp_path):
    content = bytearray(network().SerializeToString())
    at = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
    for place, byte in data.draw(st.lists(at, max_size=4)):
        content[place] = byte
    length = data.draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    path: Path = tmp_path / "altered.onnx"
    path.write_bytes(bytes(content[:length]))
    try:
        result = load_onnx(path)(normal(2, 1, 6, 6, dtype=np.float32))
    except YuanliError:
        return
    assert np.asarray(result.data).size < 1000
