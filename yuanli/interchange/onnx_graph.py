"""An ONNX graph as a Module: its nodes in order, its constants as parameters and buffers."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from yuanli.arithmetic import quiet
from yuanli.errors import CheckpointError, RefusedError, ShapeError, UnsupportedError, YuanliError
from yuanli.interchange.operators import OPERATORS, Node, Value, array, value
from yuanli.interchange.operators.node import MOST_ELEMENTS, room
from yuanli.nn import Module, Parameter
from yuanli.tensor import DTYPES, Tensor

# Inputs of these places are weights; whatever else is constant is an option.
WEIGHTS = {
    "Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (0, 1, 2), "MatMul": (0, 1),
    "BatchNormalization": (1, 2), "LayerNormalization": (1, 2), "RMSNormalization": (1,),
    "GroupNormalization": (1, 2), "InstanceNormalization": (1, 2), "PRelu": (1,), "Gather": (0,),
    "RNN": (1, 2, 3), "LSTM": (1, 2, 3, 7), "GRU": (1, 2, 3), "Add": (0, 1), "Mul": (0, 1),
}  # fmt: skip
AS_THEY_ARE = ("Cast", "CastLike", "Identity", "Shape", "Size", "EyeLike", "Equal")  # take any dtype
BROADCASTING = (
    *("Add", "Sub", "Mul", "Div", "Pow", "Mod", "Max", "Min", "Sum", "Mean", "Where", "And", "Or", "Xor"),
    *("Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"),
)
HALVES = ("float16", "bfloat16")
MOST_BYTES = 16 << 30  # of all values that a graph holds at a time


class Step(NamedTuple):
    """A node, and the names of what it takes and gives; "" is left out."""

    node: Node
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


class Graph(Module):
    """An ONNX graph as a Module: `graph(x)` runs it, `graph.parameters()` are its weights.

    Weights are what is constant and goes where layers take their weights; what is constant besides, as the
    statistics of batch normalisation, are buffers.  What depends on constants alone is computed once.
    A single result is a Tensor, several are a tuple in the graph's order, which `inputs` and `outputs` name.
    Differs: dropout and batch normalisation do what the graph says, whatever train() or eval() say.
    """

    def __init__(self, model: Any) -> None:
        graph = model.graph
        steps = _steps(model)
        constants: dict[str, Value] = {t.name: _array(t) for t in graph.initializer}
        self.inputs = tuple(i.name for i in graph.input if i.name not in constants)
        self.outputs = tuple(o.name for o in graph.output)
        self._needed = {i.name: _shape(i) for i in graph.input}
        self._steps: tuple[Step, ...] = tuple(_fold(steps, constants, set(self.outputs)))
        self._attributes: dict[str, str] = {}
        used = {name for step in self._steps for name in step.inputs} | set(self.outputs)
        trained = {
            step.inputs[i]
            for step in self._steps
            for i in WEIGHTS.get(step.node.op, ())
            if i < len(step.inputs)
        }
        self._others: dict[str, Value] = {}
        for name in sorted(used & constants.keys()):
            self._keep(name, constants[name], name in trained)

    def _keep(self, name: str, constant: Value, trained: bool) -> None:
        """A constant as parameter or buffer, under its name unless a Module needs that itself."""
        if not isinstance(constant, Tensor):
            self._others[name] = constant
            return
        attribute = name if name and not hasattr(self, name) else f"{name}_"
        while hasattr(self, attribute):
            attribute += "_"
        self._attributes[name] = attribute
        if trained and constant.dtype in (np.float32, np.float64) and constant.ndim:
            vars(self)[attribute] = Parameter(constant)
        else:
            vars(self)[attribute] = np.array(constant.data)
            self._buffer_names = (*self._buffer_names, attribute)

    def forward(self, *inputs: Any) -> Any:
        """The results for the inputs, in the graph's order.

        Raises: ShapeError for inputs other than the graph names; what an operator raises, with its name.
        """
        results = self.run(inputs)
        return results[0] if len(results) == 1 else results

    def run(self, inputs: Sequence[Any]) -> tuple[Any, ...]:
        """As forward; always a tuple."""
        if len(inputs) != len(self.inputs):
            names = ", ".join(self.inputs)
            raise ShapeError(f"the graph needs {len(self.inputs)} inputs ({names}), got {len(inputs)}")
        values: dict[str, Any] = {**self._others}
        for name, attribute in self._attributes.items():
            held = vars(self)[attribute]
            values[name] = held if isinstance(held, Tensor) else Tensor(held)
        for name, given in zip(self.inputs, inputs, strict=True):
            values[name] = given if isinstance(given, Tensor | list) or given is None else value(given)
            _check_input(name, values[name], self._needed[name])
        with quiet():
            _walk(self._steps, values, set(self.outputs))
        return tuple(values[name] for name in self.outputs)

    def extra_repr(self) -> str:
        return f"{', '.join(self.inputs)} → {', '.join(self.outputs)}, {len(self._steps)} nodes"


def _steps(model: Any) -> list[Step]:
    """The nodes of a model.  Raises: UnsupportedError that names all that is not supported."""
    from onnx import helper

    version = {o.domain: o.version for o in model.opset_import}
    opset = version.get("", version.get("ai.onnx", 1))
    missing = sorted({
        f"{node.domain}.{node.op_type}".lstrip(".")
        for node in model.graph.node
        if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS
    })  # fmt: skip
    if missing:
        raise UnsupportedError(f"the graph needs operators that this engine has not: {', '.join(missing)}")
    if model.functions or model.graph.sparse_initializer:
        raise UnsupportedError("graphs with functions of their own, or with sparse weights, are not run")
    steps = []
    for node in model.graph.node:
        attributes = {a.name: _attribute(helper.get_attribute_value(a)) for a in node.attribute}
        outputs = len(node.output)
        while outputs > 1 and not node.output[outputs - 1]:
            outputs -= 1
        described = Node(node.op_type, opset, attributes, outputs)
        steps.append(Step(described, tuple(node.input), tuple(node.output)))
    return steps


def _attribute(given: Any) -> Any:
    """An attribute as a plain value: text, numbers, lists of them, arrays."""
    from onnx import TensorProto

    if isinstance(given, bytes):
        return given.decode(errors="replace")
    if isinstance(given, TensorProto):
        return _array(given, plain=True)
    if isinstance(given, list):
        return [_attribute(each) for each in given]
    return given


def _array(tensor: Any, plain: bool = False) -> Value:
    from onnx import numpy_helper

    elements = 1
    for n in tensor.dims:
        elements *= n
    if elements > MOST_ELEMENTS * 8:
        raise CheckpointError(f"{tensor.name!r:.60} has {elements:,} numbers")
    try:
        numbers = numpy_helper.to_array(tensor)
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{tensor.name!r:.60} is damaged: {error!s:.120}") from None
    return numbers if plain else value(numbers)


def _fold(steps: list[Step], constants: dict[str, Value], outputs: set[str]) -> list[Step]:
    """The steps that depend on an input; the results of the others join `constants`."""
    known, first, left = set(constants), [], []
    for step in steps:
        if step.node.op != "Dropout" and all(not name or name in known for name in step.inputs):
            first.append(step)
            known.update(step.outputs)
        else:
            left.append(step)
    needed = {name for step in left for name in step.inputs}
    with quiet():
        _walk(first, constants, known & (needed | outputs))
    return left


def _walk(steps: Sequence[Step], values: dict[str, Any], kept: set[str]) -> None:
    """Run the steps; what no later step takes and is not `kept` is let go.

    Raises: RefusedError when what is held grows beyond MOST_BYTES.
    """
    last = {name: i for i, step in enumerate(steps) for name in step.inputs}
    sizes: dict[str, int] = {}
    for i, step in enumerate(steps):
        _run(step, values)
        sizes |= {name: array(values[name]).nbytes for name in step.outputs if name in values}
        for name in (*step.inputs, *step.outputs):
            if name in values and last.get(name, -1) <= i and name not in kept:
                del values[name]
                sizes.pop(name, None)
        if sum(sizes.values()) > MOST_BYTES:
            raise RefusedError(f"the graph needs more than {MOST_BYTES >> 30} GiB for its values")


def _run(step: Step, values: dict[str, Any]) -> None:
    """Give one step what it takes and keep what it gives.  Raises: YuanliError that names the step."""
    node = step.node
    inputs: list[Any] = [values[name] if name else None for name in step.inputs]
    half = None
    if node.op not in AS_THEY_ARE:
        half = next(
            (a.dtype for a in inputs if getattr(getattr(a, "dtype", None), "name", "") in HALVES), None
        )
        inputs = [_engine_value(node, v) for v in inputs]
    try:
        if node.op in BROADCASTING:
            room(np.broadcast_shapes(*(array(v).shape for v in inputs)))
        results = OPERATORS[node.op](node, *inputs)
    except YuanliError as error:
        error.args = (f"{node.op} → {step.outputs[0]!r:.60}: {error}",)
        raise
    except (
        ValueError,
        TypeError,
        IndexError,
        KeyError,
        AttributeError,
        ArithmeticError,
        MemoryError,
    ) as error:
        raise ShapeError(
            f"{node.op} → {step.outputs[0]!r:.60} cannot take its inputs: {error!s:.200}"
        ) from error
    results = results if isinstance(results, tuple) else (results,)
    for name, result in zip(step.outputs, results, strict=False):
        if half is not None and isinstance(result, Tensor) and result.dtype == np.float32:
            result = result.data.astype(half)
        values[name] = result


def _engine_value(node: Node, given: Any) -> Any:
    """A half float as a float32; others that no Tensor holds are refused."""
    if isinstance(given, np.ndarray) and given.dtype not in DTYPES:
        if given.dtype.name in HALVES:
            return Tensor(given.astype(np.float32))
        raise node.unsupported(f"numbers of the kind {given.dtype}")
    if isinstance(given, list):
        raise node.unsupported("a sequence")
    return given


def _shape(described: Any) -> list[int | None] | None:
    """The shape that a graph announces of an input: None where anything goes."""
    kind = described.type.tensor_type
    if not described.type.HasField("tensor_type") or not kind.HasField("shape"):
        return None
    return [d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim]


def _check_input(name: str, given: Any, needed: list[int | None] | None) -> None:
    if needed is None or given is None or isinstance(given, list):
        return
    shape = array(given).shape
    if len(shape) != len(needed) or any(n not in (None, m) for n, m in zip(needed, shape, strict=True)):
        wanted = ", ".join("any" if n is None else str(n) for n in needed)
        raise ShapeError(f"the graph needs {name!r} of shape ({wanted}), got {shape}")
