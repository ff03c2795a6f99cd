"""Networks of this package as ONNX files: a traced forward pass, operation by operation."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.interchange.tracing import Trace, another_batch, two_traces
from yuanli.nn import Module
from yuanli.tensor import Tensor
from yuanli.training.files import write_atomically

OPSET, IR_VERSION = 20, 9


def export_onnx(model: Module, example: Any, path: str | Path, **options: Any) -> None:
    """Write `model`, in evaluation, as an ONNX graph; the options are those of `model_proto`.

    Raises: UnsupportedError for what is no operation, depends on the batch otherwise than by its size, or has
    no counterpart in ONNX.
    """
    write_atomically(Path(path), model_proto(model, example, **options).SerializeToString())


def model_proto(
    model: Module,
    example: Any,
    other: Any = None,
    *,
    inputs: Sequence[str] = ("input",),
    outputs: Sequence[str] = (),
    sizes: Sequence[str] = ("N",),
    notes: Mapping[str, str] | None = None,
) -> Any:
    """The onnx.ModelProto of a model; weights keep their names.

    example: a batch (N, …) of 2 rows or more, or a tuple of several inputs; of what is in it only the shape
    matters and, for tokens, the range.  other: a second one; lengths that differ are free, and called `sizes`
    in the order in which they come.  Without it the first axis is.  notes: what the file says about itself.
    """
    from onnx import checker, helper

    from yuanli import __version__
    from yuanli.interchange.rules import RULES

    first = tuple(map(np.asarray, example if isinstance(example, tuple) else (example,)))
    second = tuple(map(another_batch, first)) if other is None else tuple(map(np.asarray, other))
    traces = two_traces(model, first, second)
    named = outputs or ("output", *(f"output_{i}" for i in range(1, len(traces[0].outputs))))
    writer = Writer(model, traces, inputs, named, sizes)
    for one, two in zip(*(t.calls for t in traces), strict=True):
        if one.name not in RULES:
            raise UnsupportedError(f"{one.name} has no counterpart in ONNX here")
        writer.results[id(one.result)] = RULES[one.name](writer, one, two)
    for name, one, two in zip(named, *(t.outputs for t in traces), strict=True):
        writer.node("Identity", [writer.take(one, two)], name=name)
    graph = helper.make_graph(
        writer.nodes,
        type(model).__name__,
        writer.described(inputs, *(t.inputs for t in traces)),
        writer.described(named, *(t.outputs for t in traces)),
        writer.weights,
    )
    proto = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in writer.domains.items()],
        ir_version=IR_VERSION,
        producer_name="yuanli",
        producer_version=__version__,
    )
    helper.set_model_props(proto, dict(notes or {}))
    checker.check_model(proto)
    return proto


class Writer:
    """A graph in the making: nodes, weights, and the names that the first trace's values have in it."""

    def __init__(
        self,
        model: Module,
        traces: tuple[Trace, Trace],
        inputs: Sequence[str],
        outputs: Sequence[str],
        sizes: Sequence[str],
    ) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.domains = {"": OPSET}
        self.results: dict[int, str] = {}
        self.sizes: dict[tuple[int, int], tuple[str, str, int]] = {}  # of both traces → its name, where it is
        for name, one, two in zip(inputs, *(t.inputs for t in traces), strict=True):
            self.results |= {id(one): name, id(one.data): name}
            for axis, pair in enumerate(zip(one.shape, two.shape, strict=True)):
                if pair[0] != pair[1] and pair not in self.sizes:
                    self.sizes[pair] = (sizes[len(self.sizes)], name, axis)
        self.names = {id(p): name for name, p in model.named_parameters()}
        self.names |= {id(b): name for name, b in model.named_buffers()}
        self._written: dict[Any, str] = {}
        self._taken = {*inputs, *outputs}
        self._count = 0

    def node(self, op: str, inputs: list[str], *, name: str = "", outputs: int = 1, **attributes: Any) -> str:
        """Add a node; the name of its result, or of the last of several."""
        from onnx import helper

        self._count += 1
        stem = name or self._free(f"{op.lower()}_{self._count}")
        names = [*(f"{stem}_{i}" for i in range(outputs - 1)), stem]
        given = {key: value for key, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(op, inputs, names, **given))
        return stem

    def _free(self, name: str) -> str:
        """The name, or one like it when it is taken."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def take(self, first: Any, second: Any, dtype: Any = None) -> str:
        """The name of a value, given as both traces have it; written as a constant where it is one."""
        if id(first) in self.results:
            name, own = self.results[id(first)], np.asarray(_plain(first)).dtype
            if dtype is None or own == dtype:
                return name
            return self.node("Cast", [name], to=_code(np.dtype(dtype)))
        numbers = np.asarray(_plain(first))
        numbers = numbers.astype(dtype or numbers.dtype)
        if id(first) in self.names:
            return self.constant(numbers, self.names[id(first)])
        return self.constant_of(numbers, np.asarray(_plain(second)).astype(numbers.dtype))

    def constant(self, numbers: np.ndarray, name: str = "") -> str:
        """Numbers as a weight of the graph, each once."""
        from onnx import numpy_helper

        numbers = np.asarray(numbers, order="C")
        key = (name, numbers.dtype.str, numbers.shape, b"" if name else numbers.tobytes())
        if key not in self._written:
            self._written[key] = chosen = self._free(name or f"constant_{len(self.weights)}")
            self.weights.append(numpy_helper.from_array(numbers, chosen))
        return self._written[key]

    def constant_of(self, first: np.ndarray, second: np.ndarray) -> str:
        """A constant that is the same for every batch, or one number repeated over it."""
        if first.shape == second.shape:
            if not np.array_equal(first, second, equal_nan=first.dtype.kind == "f"):
                raise UnsupportedError(
                    "the forward pass computes something from its input outside of operations, as by NumPy; "
                    "a graph cannot contain it"
                )
            return self.constant(first)
        both = np.concatenate([first.reshape(-1), second.reshape(-1)])
        if both.size and (both != both[0]).any():
            raise UnsupportedError("the forward pass makes numbers from its batch outside of operations")
        return self.node(
            "Expand", [self.constant(both[:1].reshape(())), self.shape(first.shape, second.shape)]
        )

    def integers(self, *numbers: int) -> str:
        return self.constant(np.array(numbers, np.int64))

    def shape(self, first: tuple[int, ...], second: tuple[int, ...]) -> str:
        """A shape, of which some lengths may be multiples of those that are free."""
        if first == second:
            return self.integers(*first)
        parts = [
            self.integers(m) if m == n else self._length(m, n) for m, n in zip(first, second, strict=True)
        ]
        return self.node("Concat", parts, axis=0)

    def _length(self, m: int, n: int) -> str:
        """A length that was m and n, as a list of one number."""
        for (one, two), (_, name, axis) in self.sizes.items():
            times, rest = divmod(m, one)
            if not rest and n == times * two:
                size = self._size(name, axis)
                return size if times == 1 else self.node("Mul", [size, self.integers(times)])
        raise UnsupportedError(
            f"a length is {m} for one batch and {n} for another, and no multiple of its sizes"
        )

    def _size(self, name: str, axis: int) -> str:
        key = ("size", name, axis)
        if key not in self._written:
            self._written[key] = self.node("Shape", [name], start=axis, end=axis + 1)
        return self._written[key]

    def described(self, names: Sequence[str], first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
        """Inputs or outputs with their shapes, in which free lengths have names."""
        from onnx import helper

        found = []
        for name, one, two in zip(names, first, second, strict=True):
            pairs = zip(one.shape, two.shape, strict=True)
            shape = [m if m == n else self.sizes.get((m, n), ("",))[0] or None for m, n in pairs]
            found.append(helper.make_tensor_value_info(name, _code(one.dtype), shape))
        return found

    def reshape(self, name: str, before: tuple[Any, Any], after: tuple[Any, Any]) -> str:
        """A value of shapes `before`, in both traces, in those `after`: 0 keeps a length, −1 is the rest."""
        if before[0] == after[0]:
            return name
        wanted = []
        for axis, (m, n) in enumerate(zip(*after, strict=True)):
            there = [b[axis] if axis < len(b) else None for b in before]
            wanted.append(m if m == n else 0 if there == [m, n] else -1)
        zeros = 0 in [m for m, n in zip(*after, strict=True) if m == n]
        if wanted.count(-1) > 1 or zeros:
            return self.node("Reshape", [name, self.shape(*after)], allowzero=int(zeros))
        return self.node("Reshape", [name, self.integers(*wanted)])


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _code(dtype: Any) -> int:
    from onnx import helper

    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
