"""HierarchicalSoftmax."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from yuanli import ops
from yuanli.errors import ShapeError, ValueRangeError
from yuanli.nn.module import Module, Parameter
from yuanli.nn.options import positive
from yuanli.ops.information import huffman_paths
from yuanli.tensor import Tensor


class Output(NamedTuple):
    """The log-probability of each target (N,), and the loss: minus their mean."""

    output: Tensor
    loss: Tensor


class HierarchicalSoftmax(Module):
    """Probabilities of V classes as turns in Huffman's tree, about log₂ V a class instead of V scores.

        ln p(class | x) = Σ over the nodes n on the way to the class of ln σ(±x·w_n),  + left, − right

    At every node the two turns share its probability, so that the leaves' probabilities add up to 1.
    counts: how often each class comes (equal ones make a balanced tree); weight (V − 1, in_features), a row
    an inner node, starts at 0.  Called as torch's AdaptiveLogSoftmaxWithLoss: x (N, D), target (N,).

    Source: Morin & Bengio 2005; Huffman's tree, and no bias: Mikolov 2013, arXiv:1310.4546, eq. 3.
    """

    nodes: np.ndarray  # (V, depth): each class's way, filled with node 0 …
    signs: np.ndarray  # … of sign 0

    def __init__(self, in_features: int, counts: Sequence[float] | np.ndarray) -> None:
        positive("HierarchicalSoftmax", in_features=in_features)
        first, nodes, turns = huffman_paths(counts)
        lengths = np.diff(first)
        self.in_features, self.classes = in_features, len(lengths)
        places = np.minimum(first[:-1, None] + np.arange(lengths.max()), len(nodes) - 1)
        on_the_way = np.arange(lengths.max()) < lengths[:, None]
        self.register_buffer(
            "nodes", np.where(on_the_way, nodes[places], 0)
        )  # (V, depth), filled with node 0
        self.register_buffer("signs", np.where(on_the_way, 1 - 2 * turns[places], 0))
        self.weight = Parameter(np.zeros((self.classes - 1, in_features), np.float32))

    def forward(self, x: Any, target: Any) -> Output:
        """O(N · log V): only the nodes on the targets' ways are looked at, and get a gradient."""
        target = np.asarray(target)
        if target.dtype.kind not in "iu" or target.shape != x.shape[:1]:
            raise ShapeError(
                f"HierarchicalSoftmax needs a class a row: {x.shape[:1]}, got {target.dtype}{target.shape}"
            )
        if target.size and not 0 <= target.min() <= target.max() < self.classes:
            raise ValueRangeError(
                f"HierarchicalSoftmax has classes 0 … {self.classes - 1}, got {target.min()} … {target.max()}"
            )
        rows = ops.embedding(self.nodes[target], self.weight)  # (N, depth, D)
        scores = (rows * ops.unsqueeze(x, 1)).sum(2)
        output = self._log_probabilities(scores, self.signs[target])
        return Output(output, -output.mean())

    def log_prob(self, x: Any) -> Tensor:
        """ln p of every class: (N, in_features) → (N, V); O(N · V log V)."""
        scores = ops.linear(x, self.weight)  # (N, V − 1)
        return self._log_probabilities(scores[:, self.nodes], self.signs)

    def predict(self, x: Any) -> np.ndarray:
        """The most probable class of each row (N,)."""
        return self.log_prob(x).data.argmax(1)

    def _log_probabilities(self, scores: Tensor, signs: np.ndarray) -> Tensor:
        """Σ ln σ(sign · score) over the last axis, where a sign of 0 is nothing."""
        signs = signs.astype(scores.dtype)
        return -(ops.softplus(scores * -signs) * np.abs(signs)).sum(-1)

    def extra_repr(self) -> str:
        return f"{self.in_features}, classes={self.classes}, depth={self.nodes.shape[1]}"
