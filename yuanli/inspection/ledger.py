"""The cost ledger: what every layer of a network costs, and what it sees.

The network is run once on an empty picture, in evaluation mode, and the tape that is left is read: so skips,
branches and functions called in `forward` are in the account as well as layers.

Conventions.  A multiply-accumulate (MAC) is one product and its addition, in convolutions, linear and
recurrent layers; biases, norms, activations, sums and pooling are not counted.  FLOPs = 2 · MACs.  Memory is
of activations only, in bytes of the input's dtype: *forward*, the most that is alive at once when every array
is let go after its last use; *training*, all of them and the input, since the backward pass needs them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from yuanli.inspection.receptive_field import Field
from yuanli.nn import Module, Parameter
from yuanli.tensor import Tensor, ancestors

FOLLOW = {  # operations that are counted with what they follow
    "relu", "relu6", "leaky_relu", "elu", "gelu", "softplus", "silu", "sigmoid", "tanh", "clip", "dropout",
    "batch_norm", "batch_norm_relu", "batch_norm_relu6", "layer_norm", "local_response_norm", "softmax",
    "log_softmax", "flatten", "reshape", "squeeze", "unsqueeze", "permute", "transpose", "getitem", "pad",
    "channel_shuffle",
}  # fmt: skip


@dataclass
class Row:
    """A layer, or an operation of a forward pass, with the norms and activations that follow it.

    `output` is the shape of one example's result, `memory` the bytes of all arrays made here.
    """

    name: str
    layer: str
    output: tuple[int, ...]
    parameters: int = 0
    buffers: int = 0
    macs: int = 0
    memory: int = 0
    field: Field | None = None

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"output": list(self.output), "field": self.field and self.field.to_json()}


@dataclass(frozen=True)
class Ledger:
    """The rows in the order of computation, and the totals, for `batch` examples of shape `input`.

    `idle`: modules that evaluation does not use, as auxiliary heads, and their parameters.
    """

    model: str
    input: tuple[int, ...]
    batch: int
    rows: list[Row]
    parameters: int
    buffers: int
    macs: int
    forward_memory: int
    training_memory: int
    idle: dict[str, int] = field(default_factory=dict)

    @property
    def flops(self) -> int:
        return 2 * self.macs

    @property
    def field(self) -> Field | None:
        """What the last maps see, before a global average or a linear layer sees all."""
        return next((r.field for r in reversed(self.rows) if r.field and r.field.down.stride), None)

    def to_json(self) -> dict[str, Any]:
        seen = self.field
        return vars(self) | {
            "input": list(self.input),
            "flops": self.flops,
            "convention": "FLOPs = 2 · MACs, of convolutions, linear and recurrent layers",
            "field": seen and seen.to_json(),
            "rows": [row.to_json() for row in self.rows],
        }


def ledger(model: Module, shape: Sequence[int], batch: int = 1, name: str = "") -> Ledger:
    """The cost of `model` for `batch` examples of `shape`, (C, H, W) or another without the batch.

    Raises: what the model raises for such an input.
    """
    x = Tensor(np.zeros((1, *shape), np.float32), requires_grad=True)
    with _watched(model) as calls:
        y = model(x)
    results = y if isinstance(y, tuple) else (y,)  # recurrent layers give their states too
    made = {id(t): t for r in results if isinstance(r, Tensor) for t in ancestors(r) if t._parents}
    nodes = sorted(made.values(), key=lambda t: t._order)
    rows = list(_rows(x, nodes, calls, model))
    forward, training = _memory(x, nodes)
    for row in rows:
        row.macs, row.memory = row.macs * batch, row.memory * batch
    used = {id(p) for t in nodes for p, _ in t._parents or () if isinstance(p, Parameter)}
    idle = {
        path: sum(p.size for p in own)
        for path, child in model.named_children()
        if (own := list(child.parameters())) and not any(id(p) in used for p in own)
    }
    return Ledger(
        name or type(model).__name__,
        tuple(shape),
        batch,
        rows,
        sum(p.size for p in model.parameters()),
        sum(b.size for b in model.buffers()),
        sum(row.macs for row in rows),
        forward * batch,
        training * batch,
        idle,
    )


@dataclass
class _Call:
    """A module at work: the operations whose order lies between start and end are its own."""

    path: str
    module: Module
    start: int
    end: int = 0


@contextmanager
def _watched(model: Module) -> Iterator[list[_Call]]:
    """The model in evaluation mode, all parameters on the tape, and every call of a module noted."""
    calls: list[_Call] = []
    modules = list(model.named_modules())
    before = [(m, m.training, vars(m).get("forward")) for _, m in modules]
    frozen = [p for p in model.parameters() if not p.requires_grad]

    def watch(path: str, module: Module) -> None:
        forward = module.forward

        def noted(*inputs: Any, **options: Any) -> Any:
            call = _Call(path, module, Tensor(0.0)._order)
            calls.append(call)
            y = forward(*inputs, **options)
            call.end = Tensor(0.0)._order
            return y

        module.forward = noted  # type: ignore[method-assign]

    model.eval().requires_grad_()
    for path, module in modules:
        watch(path, module)
    try:
        yield calls
    finally:
        for module, training, forward in before:
            del module.forward
            if forward is not None:
                module.forward = forward  # type: ignore[method-assign]
            module.training = training
        for p in frozen:
            p.requires_grad = False


def _rows(x: Tensor, nodes: list[Tensor], calls: list[_Call], model: Module) -> Iterator[Row]:
    fields: dict[int, Field | None] = {id(x): Field() if x.ndim == 4 else None}
    row_of: dict[int, Row] = {}
    counted: set[int] = set()
    owner = {id(p): (path, m) for path, m in model.named_modules() for p in m.parameters(recurse=False)}
    for t in nodes:
        operation = t._rule.__name__.lstrip("_")
        parents = [p for p, _ in t._parents or ()]
        data = [p for p in parents if id(p) in fields]
        weights = [p for p in parents if id(p) not in fields]
        call = min(
            (c for c in calls if c.start < t._order < c.end), key=lambda c: c.end - c.start, default=None
        )
        fields[id(t)] = _field(operation, t, data, fields, call.module if call else None)
        row = row_of.get(id(data[0])) if operation in FOLLOW and data else None
        if row is None and operation in FOLLOW and _is_view(t, data):
            continue  # a picture flattened before anything is computed
        if row is None:
            path, module = (call.path, call.module) if call else ("", None)
            if module is not None and list(module.children()):  # a layer computed with its neighbour
                path, module = next((owner[id(p)] for p in weights if id(p) in owner), (path, module))
            leaf = module is not None and not list(module.children())
            row = Row(path, _describe(module) if leaf and module else operation, t.shape[1:])
            yield row
        row_of[id(t)] = row
        row.output, row.field = t.shape[1:], fields[id(t)]
        row.macs += _macs(operation, t, data, weights)
        row.memory += 0 if _is_view(t, data) else t.data.nbytes
        for p in weights:
            if isinstance(p, Parameter) and id(p) not in counted:
                counted.add(id(p))
                row.parameters += p.size
        for module in {id(m): m for _, m in (owner[id(p)] for p in weights if id(p) in owner)}.values():
            if id(module) not in counted:
                counted.add(id(module))
                row.buffers += sum(b.size for _, b in module.named_buffers(recurse=False))


def _macs(operation: str, y: Tensor, data: list[Tensor], weights: list[Tensor]) -> int:
    """Multiply-accumulates: for every output of a convolution or product, one for each weight it meets."""
    matrices = [w.shape for w in weights if w.ndim > 1]
    if operation in ("conv1d", "conv2d", "linear", "linear_relu") and matrices:
        return y.size * prod(matrices[0][1:])
    if operation == "conv_transpose2d":
        return data[0].size * prod(matrices[0][1:])
    if operation == "matmul":
        return y.size * (data[0].shape[-1] if data else weights[0].shape[-1])
    if operation in ("rnn", "lstm", "gru") and data:
        steps, sequences = data[0].shape[:2]
        return steps * sequences * sum(map(prod, matrices))
    return 0


def _field(
    operation: str, y: Tensor, data: list[Tensor], fields: dict[int, Field | None], layer: Module | None
) -> Field | None:
    """What y sees, from what its parents see; None where that cannot be said."""
    seen = [fields[id(p)] for p in data]
    if not seen or any(f is None for f in seen):
        return None
    first = seen[0]
    assert first is not None
    for other in seen[1:]:
        joined = first.joined(other) if other else None
        if joined is None:
            return None
        first = joined
    if operation in ("conv2d", "max_pool2d", "avg_pool2d"):
        return first.through(layer) if layer else None
    before, after = data[0].shape, y.shape
    if operation == "adaptive_avg_pool2d":
        return first.pooled(before[2:], after[2:])
    if len(before) < 4 or before[2:] == after[2:]:
        return first if len(after) == len(before) or len(before) < 4 else None
    return first.whole(*before[2:]) if len(after) < 4 else None


def _memory(x: Tensor, nodes: list[Tensor]) -> tuple[int, int]:
    """(the most bytes alive at once when each array goes after its last use, the bytes of all arrays)"""
    holder: dict[int, int] = {id(x): id(x)}  # a view → the tensor whose array it is
    last = {id(x): 0}
    size = {id(x): x.data.nbytes}
    for i, t in enumerate(nodes):
        data = [p for p, _ in t._parents or () if id(p) in holder]
        source = next((p for p in data if _is_view(t, [p])), None)
        holder[id(t)] = holder[id(source)] if source is not None else id(t)
        if source is None:
            size[id(t)] = t.data.nbytes
        for p in [*data, t]:
            last[holder[id(p)]] = i
    alive = peak = x.data.nbytes
    for i, t in enumerate(nodes):
        if holder[id(t)] == id(t):
            alive += size[id(t)]
            peak = max(peak, alive)
        alive -= sum(size[key] for key, end in last.items() if end == i)
    return peak, sum(size.values())


def _is_view(t: Tensor, data: list[Tensor]) -> bool:
    return any(np.may_share_memory(t.data, p.data) for p in data)


def _describe(layer: Module) -> str:
    """Conv2d 3×3, Conv2d 3×3/2 for a stride of 2, depthwise 3×3, Linear, …"""
    kernel, stride, groups = (getattr(layer, name, None) for name in ("kernel_size", "stride", "groups"))
    depthwise = groups and groups > 1 and groups == getattr(layer, "out_channels", None)
    text = "depthwise" if depthwise else type(layer).__name__
    if kernel:
        text += " " + "×".join(map(str, kernel))
    if stride and max(stride) > 1:
        text += "/" + "×".join(map(str, stride if len(set(stride)) > 1 else stride[:1]))
    return f"{text}, {groups} groups" if groups and groups > 1 and not depthwise else text
