"""Information: how many bits news is worth, and a code that gets by with hardly more.

Plain arrays and numbers, nothing is differentiated.  `cross_entropy` here is that of two distributions; the
loss of scores is `yuanli.ops.cross_entropy`.

Source: Shannon, A Mathematical Theory of Communication, 1948; Cover & Thomas, Elements of Information Theory,
2006, chapters 2 and 5.
"""

import math
from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from numbers import Real
from typing import Any

import numpy as np

from yuanli.errors import DataError, DTypeError, ShapeError, UnknownNameError, ValueRangeError
from yuanli.tensor import plain


def entropy(p: Any, base: float = 2) -> float:
    """H(p) = −Σ p log p: the mean news of a draw from p, in bits for base 2, nats for base e; 0 log 0 = 0."""
    return cross_entropy(p, p, base)


def cross_entropy(p: Any, q: Any, base: float = 2) -> float:
    """H(p, q) = −Σ p log q: the mean length of draws from p coded for q; at least H(p), inf if q = 0 < p."""
    p, q = distribution(p), distribution(q)
    if p.shape != q.shape:
        raise ShapeError(f"two distributions need the same outcomes, got {len(p)} and {len(q)}")
    used = p > 0
    with np.errstate(divide="ignore"):
        return float(-(p[used] * np.log(q[used])).sum() / _log(base)) + 0.0


def kl_divergence(p: Any, q: Any, base: float = 2) -> float:
    """D(p‖q) = Σ p log(p/q) = H(p, q) − H(p): what coding for q wastes; 0 if p = q only, inf if q = 0 < p."""
    p, q = distribution(p), distribution(q)
    if p.shape != q.shape:
        raise ShapeError(f"two distributions need the same outcomes, got {len(p)} and {len(q)}")
    used = p > 0
    with np.errstate(divide="ignore"):
        return max(0.0, float((p[used] * np.log(p[used] / q[used])).sum() / _log(base)))


def code_lengths(p: Any, base: float = 2) -> np.ndarray:
    """−log p of every outcome: the length its code word should have; inf where p = 0."""
    with np.errstate(divide="ignore"):
        return -np.log(distribution(p)) / _log(base) + 0.0


def distribution(p: Any) -> np.ndarray:
    """p as an array of float64 that is checked to be a distribution: one axis, nothing negative, sum 1."""
    try:
        p = np.asarray(plain(p), np.float64)
    except (TypeError, ValueError):
        raise DTypeError(f"a distribution needs a list of probabilities, got {p!r:.40}") from None
    if p.ndim != 1 or not p.size:
        raise ShapeError(f"a distribution needs one axis of probabilities, got shape {p.shape}")
    if not (p >= 0).all() or not math.isclose(p.sum(), 1, abs_tol=1e-5):
        raise ValueRangeError(
            f"a distribution needs probabilities ≥ 0 that add up to 1, got {p.min():.4g} at least and "
            f"{p.sum():.6g} in all; divide counts by their sum"
        )
    return p


class HuffmanCode:
    """The shortest code of whole bits a symbol in which no code word begins another.

    The two rarest trees are joined until one is left; a symbol's word is its turns on the way down, 0 left, 1
    right.  Equally rare ones go in the order of `counts`, then of joining: the same counts, the same code.
    H(p) ≤ mean length < H(p) + 1, equal to H(p) when every p is a power of ½.  O(n log n).

    `counts` are counts or probabilities, by symbol, or of the symbols 0, 1, …  What never occurs has no word;
    a single symbol has the word "0", so that its number of repeats is not lost.

    For hierarchical softmax: `nodes[symbol]` and `turns[symbol]` are the inner nodes from the root to the
    symbol (numbered 0 … n − 2 in the order of joining, the root last) and the turns taken there.

    Source: Huffman, A Method for the Construction of Minimum-Redundancy Codes, 1952.
    """

    words: dict[Hashable, str]
    nodes: dict[Hashable, list[int]]
    turns: dict[Hashable, list[int]]
    children: list[tuple[int, int]]  # of each inner node: n + number for an inner node, below n for a symbol

    def __init__(self, counts: Mapping[Any, float] | Iterable[float]) -> None:
        if isinstance(counts, str) or not isinstance(counts, Iterable):
            raise DTypeError(
                f"a Huffman code needs counts, got {counts!r:.40}; collections.Counter(text) counts a text"
            )
        pairs: list[tuple[Any, Any]] = list(
            counts.items() if isinstance(counts, Mapping) else enumerate(plain(counts))
        )
        for symbol, count in pairs:
            if not isinstance(count, Real) or not 0 <= float(count) < math.inf:
                raise ValueRangeError(f"a Huffman code needs counts ≥ 0, got {count!r} of {symbol!r}")
        self.counts = {symbol: count for symbol, count in pairs if count > 0}
        if not self.counts:
            raise ValueRangeError("a Huffman code needs a symbol that occurs, got none")
        self.symbols = list(self.counts)
        self.children = _join(list(self.counts.values()))
        self.nodes, self.turns, self.words = {}, {}, {}
        paths: dict[int, tuple[list[int], list[int]]] = {2 * len(self.symbols) - 2: ([], [])}
        for node in reversed(range(len(self.children))):  # parents were made after their children
            nodes, turns = paths.pop(len(self.symbols) + node)
            for turn, child in enumerate(self.children[node]):
                paths[child] = ([*nodes, node], [*turns, turn])
        for leaf, symbol in enumerate(self.symbols):
            self.nodes[symbol], self.turns[symbol] = paths[leaf]
            self.words[symbol] = "".join(map(str, self.turns[symbol])) or "0"

    def mean_length(self) -> float:
        """Bits a symbol, when symbols come as often as counted."""
        bits = math.fsum(count * len(self.words[symbol]) for symbol, count in self.counts.items())
        return bits / math.fsum(self.counts.values())

    def encode(self, symbols: Iterable[Any]) -> str:
        """The words of the symbols, one after the other, as a text of 0 and 1."""
        try:
            return "".join([self.words[symbol] for symbol in symbols])
        except KeyError as error:
            raise UnknownNameError(
                f"this Huffman code has no word for {error.args[0]!r}: it was not counted"
            ) from None

    def decode(self, bits: str) -> list[Any]:
        """The symbols whose words `bits` are, a text of 0 and 1."""
        if not isinstance(bits, str):
            raise DTypeError(f"a Huffman code decodes a text of 0 and 1, got {bits!r:.40}")
        if wrong := set(bits) - ({"0", "1"} if self.children else {"0"}):
            raise DataError(f"this Huffman code has no words with {min(wrong)!r} in them")
        if not self.children:
            return self.symbols * len(bits)
        symbols, root = [], len(self.children) - 1
        node = root
        for bit in bits:
            child = self.children[node][bit == "1"]
            if child < len(self.symbols):
                symbols.append(self.symbols[child])
                node = root
            else:
                node = child - len(self.symbols)
        if node != root:
            raise DataError(
                "the bits end within a word of this Huffman code: some are missing, or some differ"
            )
        return symbols


def huffman_paths(counts: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """HuffmanCode's `nodes` and `turns` of the symbols 0, 1, … of `counts` as arrays, for many symbols.

    -> first (n + 1,), nodes, turns: those of symbol s are nodes[first[s]:first[s + 1]], from the root on.
    """
    counts = plain(counts)
    n = len(counts)
    if n < 2 or not np.all(np.asarray(counts) > 0):
        raise ValueRangeError(f"paths through a tree need two symbols or more, all with counts > 0, got {n}")
    parent, turn = np.zeros(2 * n - 1, np.int64), np.zeros(2 * n - 1, np.int64)
    for side, children in enumerate(np.array(_join(np.asarray(counts).tolist())).T):
        parent[children], turn[children] = np.arange(n, 2 * n - 1), side
    upwards: list[tuple[np.ndarray, ...]] = []  # a step of all symbols at once: symbol, its node, its turn
    symbol, place = np.arange(n), np.arange(n)
    while len(symbol):
        upwards.append((symbol, parent[place] - n, turn[place]))
        below = parent[place] < 2 * n - 2
        symbol, place = symbol[below], parent[place][below]
    symbols, nodes, turns = (np.concatenate(parts) for parts in zip(*reversed(upwards), strict=True))
    order = np.argsort(symbols, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(symbols, minlength=n))])
    return first, nodes[order], turns[order]


def _join(counts: list[float]) -> list[tuple[int, int]]:
    """The children of each inner node, in the order in which the two rarest trees are joined.

    Sums of two rarest never get smaller: sorted leaves and the inner nodes as they come are two queues, and
    the rarest tree is at the head of one (van Leeuwen 1976, On the construction of Huffman trees).
    """
    trees = sorted(range(len(counts)), key=counts.__getitem__)
    leaves = deque((counts[leaf], leaf) for leaf in trees)
    inner: deque[tuple[float, int]] = deque()
    children: list[tuple[int, int]] = []
    for node in range(len(counts), 2 * len(counts) - 1):
        (a, left), (b, right) = (
            (leaves if leaves and not (inner and inner[0] < leaves[0]) else inner).popleft() for _ in range(2)
        )
        inner.append((a + b, node))
        children.append((left, right))
    return children


def _log(base: float) -> float:
    if not (base > 0 and base != 1):
        raise ValueRangeError(f"a logarithm needs a base above 0 other than 1, got {base}")
    return math.log(base)
