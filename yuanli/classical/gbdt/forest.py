"""Grown trees as arrays, one entry a node: what is kept, saved, drawn, and made fast."""

from typing import NamedTuple

import numpy as np

from yuanli.kernels.codes import CODES
from yuanli.kernels.tree_values import add_trees, pack_nodes


class Tree(NamedTuple):
    """One tree; node 0 is the root, and a child comes after its parent.

    A leaf has feature −1.  A numeric node sends x ≤ threshold left, missing values where `goes_left` says; a
    category's threshold is nan.  `goes_left` has a bit for every code.
    """

    feature: np.ndarray
    threshold: np.ndarray
    cut: np.ndarray  # the last code on the left
    goes_left: np.ndarray  # (nodes, 32) bytes of 8 codes, the first code highest
    left: np.ndarray  # the left child, the right one follows it; of a leaf, itself
    value: np.ndarray
    gain: np.ndarray
    rows: np.ndarray  # of the training set that pass through

    @classmethod
    def of_leaves(cls, value: list[float], rows: list[int]) -> "Tree":
        n = len(value)
        return cls(
            feature=np.full(n, -1, np.int32),
            threshold=np.full(n, np.nan),
            cut=np.full(n, 255, np.uint8),
            goes_left=np.full((n, CODES // 8), 255, np.uint8),
            left=np.arange(n, dtype=np.int32),
            value=np.array(value),
            gain=np.zeros(n),
            rows=np.array(rows, np.int64),
        )

    def split(
        self, at: int, feature: int, left: int, gain: float, threshold: float, cut: int, goes_left: np.ndarray
    ) -> None:
        self.feature[at], self.left[at], self.gain[at] = feature, left, gain
        self.threshold[at], self.cut[at] = threshold, cut
        self.goes_left[at] = np.packbits(goes_left)

    @property
    def missing_left(self) -> np.ndarray:
        return self.goes_left[:, 0] >= 128


class Forest(NamedTuple):
    """Trees one after another; tree t is nodes start[t] … start[t + 1] − 1 and adds to output t mod K."""

    start: np.ndarray
    nodes: Tree

    @classmethod
    def of(cls, trees: list[Tree]) -> "Forest":
        start = np.cumsum([0, *(len(tree.value) for tree in trees)])
        return cls(start, Tree(*(np.concatenate(parts) for parts in zip(*trees, strict=True))))

    def __len__(self) -> int:
        return len(self.start) - 1

    def tree(self, t: int) -> Tree:
        here = slice(self.start[t], self.start[t + 1])
        return Tree(*(part[here] for part in self.nodes))

    def depths(self) -> np.ndarray:
        """How deep each tree is."""
        depth = np.zeros(len(self), np.int64)
        at, tree, level = self.start[:-1], np.arange(len(self)), 0
        while len(at):
            depth[tree] = level
            inner = self.nodes.feature[at] >= 0
            at, tree, level = at[inner], tree[inner], level + 1
            left = self.start[tree] + self.nodes.left[at]
            at, tree = np.concatenate([left, left + 1]), np.concatenate([tree, tree])
        return depth

    def add(self, codes: np.ndarray, out: np.ndarray) -> None:
        """out (N, K) += what the trees say about the rows."""
        nodes = self.nodes
        inner = nodes.feature >= 0
        table = inner & np.isnan(nodes.threshold)
        missing_left = nodes.missing_left | ~inner
        packed = pack_nodes(np.maximum(nodes.feature, 0), nodes.cut, missing_left, table, nodes.left)
        add_trees(codes, packed, nodes.goes_left, self.start[:-1], self.depths(), nodes.value, out)

    def part(self, first: int, last: int) -> "Forest":
        """Trees first … last − 1."""
        here = slice(self.start[first], self.start[last])
        return Forest(
            self.start[first : last + 1] - self.start[first], Tree(*(part[here] for part in self.nodes))
        )

    def check(self, features: int) -> None:
        """Raise ValueError unless every step from a root stays within its tree and ends."""
        nodes, start = self.nodes, self.start
        sizes = np.diff(start)
        n = len(nodes.value)
        root = np.repeat(start[:-1], sizes) if len(start) and start[0] == 0 and (sizes > 0).all() else None
        if root is None or len(root) != n or {len(part) for part in nodes} != {n}:
            raise ValueError("its trees are not whole")
        own = np.arange(n) - root
        inner = nodes.feature >= 0
        good = np.where(
            inner, (nodes.left > own) & (nodes.left + 1 < np.repeat(sizes, sizes)), nodes.left == own
        )
        if not good.all() or nodes.feature.max() >= features or nodes.goes_left.shape != (n, CODES // 8):
            raise ValueError("its trees have nodes that lead nowhere")
