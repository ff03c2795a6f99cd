"""Information against closed forms, SciPy, and every possible code."""

import itertools
import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from yuanli import Tensor
from yuanli.errors import DataError, DTypeError, ShapeError, UnknownNameError, ValueRangeError
from yuanli.ops.information import (
    HuffmanCode,
    code_lengths,
    cross_entropy,
    entropy,
    huffman_paths,
    kl_divergence,
)

DYADIC = [0.5, 0.25, 0.125, 0.125]


@pytest.mark.parametrize(
    ("p", "base", "expected"),
    [
        ([0.5, 0.5], 2, 1.0),  # a fair coin
        (np.full(8, 1 / 8), 2, 3.0),
        (np.full(65, 1 / 65), math.e, math.log(65)),  # a uniform guess among 65 characters: 4.174 nats
        (DYADIC, 2, 1.75),
        ([1.0], 2, 0.0),
        ([1.0, 0.0, 0.0], 2, 0.0),
        ([0.9, 0.1], 2, 0.4689955935892812),
        (Tensor([0.5, 0.5]), 2, 1.0),
    ],
)
def test_entropy(p, base, expected):
    assert entropy(p, base) == pytest.approx(expected, abs=1e-12)
    assert math.copysign(1, entropy(p, base)) == 1


def test_two_distributions_by_hand():
    p, q = [0.5, 0.5], [0.75, 0.25]
    assert cross_entropy(p, q) == pytest.approx(0.5 * math.log2(4 / 3) + 0.5 * 2)
    assert kl_divergence(p, q) == pytest.approx(0.5 * math.log2(2 / 3) + 0.5 * math.log2(2))
    assert cross_entropy([1, 0], [0, 1]) == kl_divergence([1, 0], [0, 1]) == math.inf
    assert kl_divergence([1, 0], [0.5, 0.5]) == 1
    assert kl_divergence(p, p) == 0


def test_equals_scipy():
    p, q = np.random.default_rng(0).dirichlet(np.ones(9), 2)
    assert entropy(p) == pytest.approx(scipy.stats.entropy(p, base=2), rel=1e-12)
    assert kl_divergence(p, q, math.e) == pytest.approx(scipy.stats.entropy(p, q), rel=1e-12)
    assert cross_entropy(p, q) == pytest.approx(entropy(p) + kl_divergence(p, q), rel=1e-12)


def test_code_lengths():
    np.testing.assert_allclose(code_lengths([0.5, 0.25, 0.25, 0.0]), [1, 2, 2, math.inf])
    np.testing.assert_allclose(code_lengths(DYADIC, math.e), np.array([1, 2, 3, 3]) * math.log(2))


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (
            lambda: entropy([0.5, 0.6]),
            ValueRangeError,
            "add up to 1, got 0.5 at least and 1.1 in all; divide counts",
        ),
        (lambda: entropy([1.5, -0.5]), ValueRangeError, "-0.5 at least"),
        (lambda: entropy([math.nan, 1]), ValueRangeError, "add up to 1"),
        (lambda: entropy([]), ShapeError, "one axis of probabilities"),
        (lambda: entropy([[1.0]]), ShapeError, r"got shape \(1, 1\)"),
        (lambda: entropy([1.0], base=1), ValueRangeError, "base above 0 other than 1, got 1"),
        (lambda: kl_divergence([1.0], [0.5, 0.5]), ShapeError, "the same outcomes, got 1 and 2"),
        (lambda: entropy("ab"), DTypeError, "list of probabilities, got 'ab'"),
        (lambda: HuffmanCode(5), DTypeError, "needs counts, got 5"),
        (lambda: HuffmanCode({"a": "b"}), ValueRangeError, "got 'b' of 'a'"),
        (lambda: HuffmanCode([1, 2]).decode(5), DTypeError, "text of 0 and 1, got 5"),
        (lambda: HuffmanCode([]), ValueRangeError, "a symbol that occurs"),
        (lambda: HuffmanCode([0, 0]), ValueRangeError, "a symbol that occurs"),
        (lambda: HuffmanCode({"a": -1}), ValueRangeError, "got -1 of 'a'"),
        (lambda: HuffmanCode({"a": math.inf}), ValueRangeError, "got inf of 'a'"),
        (lambda: HuffmanCode([math.nan]), ValueRangeError, "got nan of 0"),
        (lambda: HuffmanCode("abracadabra"), DTypeError, r"collections\.Counter"),
        (lambda: HuffmanCode({"a": 2, "b": 0}).encode("ab"), UnknownNameError, "no word for 'b'"),
        (lambda: HuffmanCode([1, 2, 3]).decode("0x"), DataError, "no words with 'x'"),
        (lambda: HuffmanCode({"a": 2}).decode("01"), DataError, "no words with '1'"),
        (lambda: HuffmanCode([5, 2, 1]).decode("0"), DataError, "end within a word"),
    ],
)
def test_refuses(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_a_code_by_hand():
    """a 5, b 2, r 2, c 1, d 1: c and d are joined first, then b and r, then the two pairs, then a."""
    code = HuffmanCode(Counter("abracadabra"))
    assert code.words == {"a": "0", "b": "110", "r": "111", "c": "100", "d": "101"}
    assert code.encode("abra") == "01101110"
    assert code.mean_length() == pytest.approx(23 / 11)
    assert code.nodes["c"] == [3, 2, 0]  # the root was made last
    assert code.turns["c"] == [1, 0, 0]


def test_equal_counts_are_joined_in_order():
    assert HuffmanCode([1, 1, 1, 1]).words == {0: "00", 1: "01", 2: "10", 3: "11"}
    assert HuffmanCode({"x": 1, "y": 1}).words == {"x": "0", "y": "1"}
    assert HuffmanCode({"y": 1, "x": 1}).words == {"y": "0", "x": "1"}


def test_a_single_symbol_keeps_its_number():
    code = HuffmanCode({"a": 7, "b": 0})
    assert code.words == {"a": "0"}
    assert code.decode(code.encode("aaaa")) == list("aaaa")
    assert (code.mean_length(), code.nodes["a"], code.children) == (1.0, [], [])


def test_dyadic_sources_meet_their_entropy():
    code = HuffmanCode(DYADIC)
    assert [len(code.words[i]) for i in range(4)] == code_lengths(DYADIC).tolist()
    assert code.mean_length() == entropy(DYADIC) == 1.75


COUNTS = st.lists(st.integers(1, 1000), min_size=2, max_size=40)


@given(COUNTS)
def test_mean_length_is_within_a_bit_of_the_entropy(counts):
    h = entropy(np.array(counts) / sum(counts))
    assert h - 1e-12 <= HuffmanCode(counts).mean_length() < h + 1


@given(COUNTS)
def test_no_word_begins_another_and_none_is_wasted(counts):
    words = HuffmanCode(counts).words.values()
    assert not any(b.startswith(a) for a, b in itertools.permutations(words, 2))
    assert sum(Fraction(1, 2 ** len(w)) for w in words) == 1  # Kraft's inequality, met with equality


@given(st.text(min_size=1, max_size=200))
def test_a_text_comes_back(text):
    code = HuffmanCode(Counter(text))
    bits = code.encode(text)
    assert "".join(code.decode(bits)) == text
    assert len(bits) == pytest.approx(code.mean_length() * len(text))


@given(COUNTS)
def test_paths_lead_from_the_root_to_the_symbol(counts):
    code = HuffmanCode(counts)
    for leaf, symbol in enumerate(code.symbols):
        at = len(counts) + len(code.children) - 1
        for node, turn in zip(code.nodes[symbol], code.turns[symbol], strict=True):
            assert at == len(counts) + node
            at = code.children[node][turn]
        assert at == leaf
        assert code.words[symbol] == "".join(map(str, code.turns[symbol]))


@given(st.lists(st.integers(1, 50), min_size=2, max_size=40))
def test_paths_as_arrays_are_the_codes(counts):
    code = HuffmanCode(counts)
    first, nodes, turns = huffman_paths(counts)
    for symbol in range(len(counts)):
        way = slice(first[symbol], first[symbol + 1])
        assert nodes[way].tolist() == code.nodes[symbol]
        assert turns[way].tolist() == code.turns[symbol]


def test_paths_need_symbols_that_occur():
    for counts in ([], [1], [3, 0], [2, float("nan")]):
        with pytest.raises(ValueRangeError, match="two symbols or more"):
            huffman_paths(counts)


@pytest.mark.parametrize("seed", range(20))
def test_no_code_is_shorter(seed):
    """Kraft: lengths have a code exactly if Σ 2⁻ˡ ≤ 1; all of them are tried."""
    counts = np.random.default_rng(seed).integers(1, 30, 5).tolist()
    possible = (
        lengths
        for lengths in itertools.product(range(1, 5), repeat=5)
        if sum(Fraction(1, 2**l) for l in lengths) <= 1
    )
    best = min(sum(c * l for c, l in zip(counts, lengths, strict=True)) for lengths in possible)
    assert HuffmanCode(counts).mean_length() * sum(counts) == pytest.approx(best)


def test_many_symbols_are_quick_and_deep_ones_possible():
    fibonacci = [1, 1]
    while len(fibonacci) < 60:
        fibonacci.append(sum(fibonacci[-2:]))
    assert max(map(len, HuffmanCode(fibonacci).words.values())) == 59
    zipf = HuffmanCode(1 / np.arange(1, 20001))
    assert len(zipf.children) == 19999
