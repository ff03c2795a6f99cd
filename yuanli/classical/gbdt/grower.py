"""One tree, leaf by leaf: always the leaf whose best split gains most is split next.

A node's histogram is made from the rows of its smaller child only; the other child's is the difference.

Source: Shi 2007, Best-first decision tree learning; Ke 2017, LightGBM, NeurIPS, sec. 2.
"""

import heapq
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from yuanli.classical.gbdt.binning import Bins
from yuanli.classical.gbdt.forest import Tree
from yuanli.errors import DataError
from yuanli.kernels.codes import CODES, transpose
from yuanli.kernels.histograms import Rows, first_histogram, room_for
from yuanli.kernels.partition import partition
from yuanli.kernels.tree_children import children
from yuanli.kernels.tree_growth import Rules, best_splits, category_order
from yuanli.kernels.tree_values import leaf_sums


class Limits(NamedTuple):
    """How large a tree may become, and what its splits must keep to."""

    leaves: float
    depth: float
    rules: Rules
    monotonic: np.ndarray  # (F,) +1 where the answer may only grow with the feature, −1 where only fall


@dataclass
class Node:
    """Rows, their sums of gradients and hessians in units, and the best split."""

    at: int
    depth: int
    begin: int  # of its rows among those of all leaves
    rows: np.ndarray
    sums: tuple[int, int, int]  # q_g, q_h, rows
    value: float
    low: float = -np.inf
    high: float = np.inf
    histogram: np.ndarray | None = None
    gain: float = 0.0
    feature: int = 0
    goes_left: np.ndarray | None = None  # by code; of a number it is made when the node is split
    cut: int = 0
    missing_left: int = 0
    left_sums: tuple[int, int, int] = (0, 0, 0)

    @property
    def end(self) -> int:
        return self.begin + len(self.rows)

    def __lt__(self, other: "Node") -> bool:
        return (-self.gain, self.at) < (-other.gain, other.at)

    def vector(self) -> np.ndarray:
        return np.array([*self.sums, self.value, self.low, self.high])


def bounds_of(leaves: list[Node]) -> np.ndarray:
    """Where each leaf's rows begin, and where the last one's end."""
    return np.array([*(leaf.begin for leaf in leaves), leaves[-1].end])


class Grower:
    """Grows trees on one training set; its codes, row order and histograms are kept from tree to tree."""

    def __init__(self, codes: np.ndarray, bins: Bins, limits: Limits) -> None:
        self.bins, self.limits = bins, limits
        features = len(bins.bins)
        self.rows = Rows(codes, transpose(codes, features), np.empty(len(codes), np.int64), len(codes))
        missing = np.array([not column.all() for column in self.rows.columns])
        self.features = np.stack([bins.bins, missing, bins.categorical], axis=1).astype(np.int64)
        self.order = np.arange(len(codes), dtype=np.uint32)
        self.index, self.other = np.empty((2, len(codes)), np.uint32)
        self.splits, self.room = np.empty((2, features, 6)), room_for(features)
        self.units = (1.0, 1.0)
        self.free: list[np.ndarray] = []  # histograms of nodes that are done

    def grow(self, gradient: np.ndarray, hessian: np.ndarray, seed: int) -> tuple[Tree, list[Node]]:
        """A tree for these gradients, and its leaves in the order of their rows in `index`."""
        root = self._root(gradient, hessian, seed)
        nodes, leaves, open_nodes = [root], list[Node](), list[Node]()
        self._consider(root, self.splits[0], open_nodes, leaves)
        parents: list[tuple[Node, int]] = []
        while open_nodes:
            node = heapq.heappop(open_nodes)
            left, right = self._split(node, len(nodes))
            parents.append((node, left.at))
            nodes += [left, right]
            if len(leaves) + len(open_nodes) + 2 >= self.limits.leaves:
                leaves += [left, right, *open_nodes]
                break
            splits = self._look_at(node, left, right)
            self._consider(left, splits[0], open_nodes, leaves)
            self._consider(right, splits[1], open_nodes, leaves)
        self.free += [node.histogram for node in nodes if node.histogram is not None]
        leaves.sort(key=lambda leaf: leaf.begin)
        for leaf in leaves:
            if leaf.depth % 2 == 0:  # the root, or what its parent has put elsewhere
                self.index[leaf.begin : leaf.end] = leaf.rows
        return self._tree(nodes, parents), leaves

    def values(self, leaves: list[Node], gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
        """The leaves' values from unrounded sums: rounding has a say in splits, not in answers."""
        g, h = leaf_sums(gradient, hessian, self.index, bounds_of(leaves))
        low, high = np.array([(leaf.low, leaf.high) for leaf in leaves]).T
        return np.clip(-g / (h + self.limits.rules.l2 + 1e-15), low, high)

    def _root(self, gradient: np.ndarray, hessian: np.ndarray, seed: int) -> Node:
        sums = self._free_histogram()
        self.units = first_histogram(self.rows, gradient, hessian, seed, self.room, sums)
        if np.isnan(self.units).any():
            raise DataError(
                "boosting needs finite gradients, got infinite ones: scale y down, or lower learning_rate"
            )
        self.rows = self.rows._replace(most=int(sums[2].max()))
        g, h, rows = sums[:, 0].sum(1).tolist()
        total = g, h, rows
        root = Node(0, 0, 0, self.order, total, 0.0, histogram=sums)
        root.value = self._value(root)
        best_splits(
            sums, self.units, self.features, self.limits.monotonic, root.vector(), self.limits.rules,
            self.splits[0],
        )  # fmt: skip
        return root

    def _look_at(self, parent: Node, left: Node, right: Node) -> np.ndarray:
        """Make the histograms of both children, and find the best splits of every feature of both."""
        if not (self._may_split(left) or self._may_split(right)):
            self._release(parent)
            return self.splits
        small, large = (left, right) if len(left.rows) < len(right.rows) else (right, left)
        small.histogram, large.histogram = self._free_histogram(), parent.histogram
        parent.histogram = None
        children(
            self.rows, small.rows, self.room, small.histogram, large.histogram, self.units, self.features,
            self.limits.monotonic, np.array([small.vector(), large.vector()]), self.limits.rules, self.splits,
        )  # fmt: skip
        return self.splits if small is left else self.splits[::-1]

    def _consider(self, node: Node, splits: np.ndarray, open_nodes: list[Node], leaves: list[Node]) -> None:
        """Choose the feature that a node is to be split by; where none is worth it, it is a leaf."""
        sums = node.histogram
        if sums is not None and self._may_split(node):
            node.feature = int(splits[:, 0].argmax())
            node.gain, *split = splits[node.feature].tolist()
        if sums is None or node.gain <= self._noise(node):
            leaves.append(node)
            self._release(node)
            return
        node.cut, node.missing_left, *left = map(int, split)
        if self.bins.categorical[node.feature]:
            feature = self.features[node.feature]
            order = category_order(sums[:, node.feature], self.units, feature, node.vector())
            node.goes_left = np.zeros(CODES, np.uint8)
            node.goes_left[order[::-1][: node.cut] if node.missing_left else order[: node.cut]] = 1
            left = sums[:, node.feature, node.goes_left > 0].sum(1).tolist()
        node.left_sums = left[0], left[1], left[2]
        heapq.heappush(open_nodes, node)

    def _noise(self, node: Node) -> float:
        """The gain that the rounding of gradients and hessians alone may show among many cuts."""
        u_g, u_h = self.units[0], self.units[1] * node.value
        h = node.sums[1] * self.units[1] / node.sums[2] + self.limits.rules.l2
        return 8 * (u_g**2 + u_h**2) / (h + 1e-15)

    def _may_split(self, node: Node) -> bool:
        rules = self.limits.rules
        return (
            node.depth < self.limits.depth
            and self.limits.leaves > 1
            and node.sums[2] >= 2 * rules.min_samples_leaf
            and node.sums[1] * self.units[1] >= rules.min_hessian
        )

    def _split(self, node: Node, at: int) -> tuple[Node, Node]:
        """Divide the node's rows; where no value was missing, a missing one goes with the majority."""
        (g, h, rows), (left_g, left_h, count) = node.sums, node.left_sums
        target = (self.other if node.depth % 2 else self.index)[node.begin : node.end]
        if node.goes_left is None:
            node.goes_left = np.zeros(CODES, np.uint8)
            node.goes_left[1 : node.cut + 1] = 1
            node.goes_left[0] = node.missing_left
        partition(self.rows.columns[node.feature], node.rows, node.goes_left, count, target)
        if not self.features[node.feature, 1]:
            node.goes_left[0] = 2 * count > rows
        middle, rest = node.begin + count, (g - left_g, h - left_h, rows - count)
        left = Node(at, node.depth + 1, node.begin, target[:count], node.left_sums, 0.0, node.low, node.high)
        right = Node(at + 1, node.depth + 1, middle, target[count:], rest, 0.0, node.low, node.high)
        for child in (left, right):
            child.value = self._value(child)
        direction = self.limits.monotonic[node.feature]
        if direction:
            between = (left.value + right.value) / 2
            lower, upper = (left, right) if direction > 0 else (right, left)
            lower.high, upper.low = between, between
        return left, right

    def _value(self, node: Node) -> float:
        g, h = node.sums[0] * self.units[0], node.sums[1] * self.units[1]
        return min(max(-g / (h + self.limits.rules.l2 + 1e-15), node.low), node.high)

    def _free_histogram(self) -> np.ndarray:
        return self.free.pop() if self.free else np.empty((3, len(self.features), CODES), np.int64)

    def _release(self, node: Node) -> None:
        if node.histogram is not None:
            self.free.append(node.histogram)
            node.histogram = None

    def _tree(self, nodes: list[Node], parents: list[tuple[Node, int]]) -> Tree:
        tree = Tree.of_leaves(value=[node.value for node in nodes], rows=[len(node.rows) for node in nodes])
        for node, left in parents:
            f = node.feature
            inner = not self.bins.categorical[f]
            threshold = self.bins.edges[f, node.cut - 1] if inner and node.cut < self.bins.bins[f] else np.inf
            assert node.goes_left is not None  # made when the node was split
            tree.split(node.at, f, left, node.gain, threshold if inner else np.nan, node.cut, node.goes_left)
        return tree
