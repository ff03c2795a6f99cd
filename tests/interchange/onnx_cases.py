"""One use of every operation, and more where its options matter, as a function of one batch."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from yuanli import nn, ops
from yuanli.tensor import Tensor

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


W = {shape: nn.Parameter(normal(*shape)) for shape in [(3,), (4,), (6,), (4, 3), (6, 4, 3), (4, 2, 3), (5, 4),
     (6, 2, 3, 3), (4, 3, 2, 2), (8, 3), (8, 2), (8,), (6, 3), (6, 2), (2, 3), (2, 2), (2,)]}  # fmt: skip


class Case(NamedTuple):
    name: str
    function: Callable[[Tensor], Any]
    shape: tuple[int, ...] = (3, 4)
    kind: str = "normal"

    def input(self) -> np.ndarray:
        rng = np.random.default_rng(7)
        shape = (4, *self.shape)
        if self.kind == "indices":
            return rng.integers(1, 5, shape)
        x = rng.normal(size=shape).astype(np.float32)
        return np.abs(x) + np.float32(0.1) if self.kind == "positive" else x

    def __str__(self) -> str:
        return self.name


class Of(nn.Module):
    """A function as a module; its weights are the constants above."""

    def __init__(self, function):
        self.function = function
        self.weights = nn.ModuleList()

    def forward(self, x):
        return self.function(x)


def leaves(value):
    return [leaf for each in value for leaf in leaves(each)] if isinstance(value, tuple | list) else [value]


class Weighted(nn.Module):
    """A recurrent operation with weights of its own, over time on axis 1."""

    def __init__(self, op, gates):
        self.op = op
        self.ih, self.hh = nn.Parameter(normal(gates * 2, 3)), nn.Parameter(normal(gates * 2, 2))
        self.bi, self.bh = nn.Parameter(normal(gates * 2)), nn.Parameter(normal(gates * 2))

    def forward(self, x):
        x = ops.transpose(x, 0, 1)
        start = np.zeros((x.shape[1], 2), np.float32)
        states = (start, start) if self.op is ops.lstm else (start,)
        back = self.op(x, *states, self.ih, self.hh, self.bi, self.bh, reverse=True)
        moved = [ops.tanh(x[0, :, :2]) for _ in states]
        return back, self.op(x, *moved, self.ih, self.hh)


CASES = [
    *(
        Case(name, getattr(ops, name))
        for name in ("abs", "neg", "exp", "relu", "relu6", "sigmoid", "tanh", "silu")
    ),
    *(Case(name, getattr(ops, name), kind="positive") for name in ("log", "sqrt")),
    Case("add", lambda x: 1 + x + W[4,]),
    Case("sub", lambda x: 2 - x),
    Case("mul", lambda x: x * 3 * x),
    Case("div", lambda x: 1 / x / np.arange(1, 5)),
    Case("pow", lambda x: x**1.5 + 2**x, kind="positive"),
    Case("matmul", lambda x: x @ W[4, 3]),
    Case("matmul", lambda x: x @ x.transpose(1, 2)),
    Case("getitem", lambda x: x[:, 1]),
    Case("getitem", lambda x: x[:, ::2, -1]),
    Case("getitem", lambda x: x[..., 1:3]),
    Case("getitem", lambda x: x[:, None, np.array([2, 0])]),
    Case("getitem", lambda x: x[:, ::-1, :-1]),
    Case("reshape", lambda x: x.reshape(-1, 2)),
    Case("reshape", lambda x: x.reshape(len(x) * 3, 4)),
    Case("reshape", lambda x: x.reshape(len(x), 2, 6)),
    Case("transpose", lambda x: x.transpose(0, 2)),
    Case("reshape", lambda x: ops.reshape(ops.transpose(x, 0, 1), (3, len(x) * 2, 2))),
    *(
        Case(f.__name__, lambda x, f=f: (f(x, 1), f(x, (1, 2), True), f(x)))
        for f in (ops.sum, ops.mean, ops.max, ops.min)
    ),
    Case("var", lambda x: (ops.var(x, 1), ops.var(x, (1, 2), correction=0, keepdim=True))),
    Case("logsumexp", lambda x: ops.logsumexp(x, 2)),
    Case("softmax", lambda x: ops.softmax(x, 1)),
    Case("log_softmax", ops.log_softmax),
    Case("clip", lambda x: ops.clip(x, -0.5, 0.7)),
    Case("clip", lambda x: ops.clip(x, max=0.1)),
    Case("elu", lambda x: ops.elu(x, 0.7)),
    Case("gelu", lambda x: (ops.gelu(x), ops.gelu(x, "tanh"))),
    Case("leaky_relu", lambda x: ops.leaky_relu(x, 0.2)),
    Case("maximum", lambda x: ops.maximum(x, 0.1)),
    Case("minimum", lambda x: ops.minimum(x, -x)),
    Case("softplus", lambda x: ops.softplus(x, 2.0)),
    Case("where", lambda x: ops.where(x > 0.2, x, -1.0)),
    Case("where", lambda x: ops.where(x != x, 0.0, x)),
    Case("where", lambda x: ops.where(x <= 0, x, 2 * x)),
    Case("broadcast_to", lambda x: ops.broadcast_to(ops.unsqueeze(x, 1), (len(x), 2, 3, 4))),
    Case("cat", lambda x: ops.cat([x, x * 2], -1)),
    Case("stack", lambda x: ops.stack([x, -x], 1)),
    Case("stack", lambda x: ops.stack([x, -x], -1)),
    Case("flatten", lambda x: ops.flatten(x, 1)),
    Case("flatten", ops.flatten),
    Case("flatten", lambda x: ops.flatten(x, 0, 1)),
    Case(
        "pad",
        lambda x: (ops.pad(x, (1, 2)), ops.pad(x, (1, 0, 0, 2), value=3.0), ops.pad(x, (1, 1), "reflect")),
    ),
    Case("pad", lambda x: (ops.pad(x, (1, 1), "replicate"), ops.pad(x, (2, 1), "circular"))),
    Case("permute", lambda x: ops.permute(x, (2, 0, 1))),
    Case("squeeze", lambda x: ops.squeeze(x, 1), (1, 4)),
    Case("unsqueeze", lambda x: ops.unsqueeze(x, -1)),
    Case("dropout", lambda x: ops.dropout(x, 0.5, False)),
    Case("channel_shuffle", lambda x: ops.channel_shuffle(x, 2), (6, 3, 2)),
    Case("embedding", lambda x: ops.embedding(x, W[5, 4]), (6,), "indices"),
    Case("linear", lambda x: ops.linear(x, W[4, 3], W[4,]), (3,)),
    Case("linear", lambda x: ops.linear(x, W[4, 3]), (2, 3)),
    Case("linear_relu", lambda x: ops.linear_relu(x, W[4, 3], W[4,]), (3,)),
    Case("conv1d", lambda x: ops.conv1d(x, W[4, 2, 3], W[4,], 2, 1, 1, 2), (4, 9)),
    Case("conv2d", lambda x: ops.conv2d(x, W[6, 2, 3, 3], W[6,], (1, 2), (1, 0), (1, 2), 3), (6, 7, 8)),
    Case("conv2d", lambda x: ops.conv2d(x, W[4, 3, 2, 2], None, 1, "same"), (3, 5, 5)),
    Case("conv2d", lambda x: ops.conv2d(x, W[4, 3, 2, 2], None, 1, "valid"), (3, 5, 5)),
    Case("conv_transpose2d", lambda x: ops.conv_transpose2d(x, W[4, 3, 2, 2], W[3,], 2, 1, 1), (4, 5, 4)),
    Case("max_pool2d", lambda x: ops.max_pool2d(x, 3, 2, 1, 1, True), (2, 8, 9)),
    Case("max_pool2d", lambda x: ops.max_pool2d(x, (2, 3), dilation=(2, 1)), (2, 8, 9)),
    Case("avg_pool2d", lambda x: ops.avg_pool2d(x, 3, 2, 1), (2, 8, 9)),
    Case("avg_pool2d", lambda x: ops.avg_pool2d(x, 3, 2, 1, True, False), (2, 8, 9)),
    Case("avg_pool2d", lambda x: ops.avg_pool2d(x, 3, 2, 1, True, True), (2, 8, 10)),
    Case("avg_pool2d", lambda x: ops.avg_pool2d(x, (2, 3)), (2, 8, 9)),
    *(
        Case("adaptive_avg_pool2d", lambda x, n=n: ops.adaptive_avg_pool2d(x, n), (2, 8, 6))
        for n in (1, 2, (3, 4))
    ),
    Case(
        "batch_norm",
        lambda x: ops.batch_norm(
            x, np.array([0.1, -0.2, 0.3], np.float32), np.array([1, 2, 0.5], np.float32), W[3,]
        ),
    ),
    Case("batch_norm", lambda x: ops.batch_norm(x, np.zeros(4), np.ones(4), None, W[4,]), (4,)),
    Case("batch_norm_relu", lambda x: ops.batch_norm_relu(x, np.zeros(4), np.ones(4), W[4,], W[4,]), (4,)),
    Case("batch_norm_relu6", lambda x: ops.batch_norm_relu6(9 * x, np.zeros(4), np.ones(4)), (4,)),
    Case("batch_norm_add_relu", lambda x: ops.batch_norm_add_relu(x, 2 * x, np.zeros(4), np.ones(4)), (4,)),
    Case("layer_norm", lambda x: (ops.layer_norm(x, 4, W[4,], W[4,]), ops.layer_norm(x, (3, 4)))),
    Case("local_response_norm", lambda x: ops.local_response_norm(x, 5, 5e-4, 0.75, 2.0), (6, 3, 3)),
    Case("rnn", Weighted(ops.rnn, 1), (5, 3)),
    Case("lstm", Weighted(ops.lstm, 4), (5, 3)),
    Case("gru", Weighted(ops.gru, 3), (5, 3)),
]
