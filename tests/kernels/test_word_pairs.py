"""word2vec's pass over a text: the compiled one against its twin, the twin against the engine's gradients."""

import numpy as np
import pytest

from yuanli import ops
from yuanli.kernels import word_pairs
from yuanli.kernels.dispatch import KERNELS
from yuanli.tensor import Tensor

RATES = (0.05, 0.01)


def problem(seed, positions, vocabulary, width, reach, most_targets):
    """Tables, and the arguments of a pass: sentences of 9 words, targets left out here and there."""
    rng = np.random.default_rng(seed)
    padded = width + -width % word_pairs.WIDTH
    tables = np.zeros((2, vocabulary, padded), np.float32)
    tables[..., :width] = rng.normal(size=(2, vocabulary, width)) / np.sqrt(width)
    here = np.arange(positions)
    reaches = rng.integers(1, reach + 1, positions)
    low = np.maximum(here // 9 * 9, here - reaches)
    high = np.minimum(np.minimum(here // 9 * 9 + 9, positions), here + reaches + 1)
    words = rng.integers(0, vocabulary, positions).astype(np.int32)
    rows = rng.integers(-1, vocabulary, positions * most_targets).astype(np.int32)
    signs = rng.choice(np.float32([-1, 1]), positions * most_targets)
    first = here * most_targets
    last = first + rng.integers(1, most_targets + 1, positions)
    return tables, (words, low, high, rows, signs, first, last)


@pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off")
@pytest.mark.parametrize("mean", [False, True], ids=["skip-gram", "CBOW"])
@pytest.mark.parametrize("width", [1, 16, 40, 100])
@pytest.mark.parametrize(
    ("reach", "most_targets", "copied"), [(1, 1, 0), (5, 6, 0), (8, 7, 0), (2, 20, 0), (5, 6, 30), (2, 20, 7)]
)
def test_compiled_equals_its_twin(width, reach, most_targets, copied, mean):
    tables, rest = problem(width, 100, 30, width, reach, most_targets)
    fast, slow = tables.copy(), tables.astype(np.float64)
    loss, inputs = word_pairs.train(*fast, *rest, RATES, mean, copied)
    expected, expected_inputs = word_pairs.train_numpy(*slow, *rest, RATES, mean, copied)
    assert inputs == expected_inputs
    assert loss == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(fast, slow, atol=2e-6)
    assert not fast[..., width:].any()


@pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off")
@pytest.mark.parametrize("mean", [False, True], ids=["skip-gram", "CBOW"])
@pytest.mark.parametrize("scale", [0.0, 4.0])
def test_the_loss_of_many_sure_or_unsure_positions(scale, mean):
    """Probabilities of ½, of nearly 1 and of nearly 0: the products of thousands stay within a float."""
    tables, (words, low, high, rows, signs, first, last) = problem(5, 2000, 30, 8, 2, 3)
    tables *= np.float32(scale)
    low[::64] = np.arange(0, len(low), 64)  # no window there
    high[::64] = low[::64] + 1
    arguments = words, low, high, rows, signs, first, last, (0.0, 0.0), mean, 0
    loss, _ = word_pairs.train(*tables.copy(), *arguments)
    assert loss == pytest.approx(word_pairs.train_numpy(*tables.astype(np.float64), *arguments)[0], rel=1e-6)


@pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off")
def test_a_score_that_is_not_a_number_is_seen_in_the_loss():
    tables, rest = problem(1, 100, 30, 8, 5, 6)
    tables[0, 3] = np.nan
    assert np.isnan(word_pairs.train(*tables, *rest, RATES, False, 0)[0])


@pytest.mark.parametrize("mean", [False, True], ids=["skip-gram", "CBOW"])
def test_a_step_is_the_gradient_of_the_textbook_loss(mean):
    """Position by position: −Σ log σ(sign · x·p), differentiated by the engine."""
    tables, (words, low, high, rows, signs, first, last) = problem(3, 60, 12, 8, 4, 6)
    here = np.arange(len(words))
    moved = 0
    for i in here:
        vectors, outputs = (Tensor(table.astype(np.float64), requires_grad=True) for table in tables)
        window = [j for j in range(low[i], high[i]) if j != i]
        targets = [k for k in range(first[i], last[i]) if rows[k] >= 0]
        after = tables.copy()
        alone = np.where(here == i, low, here), np.where(here == i, high, here + 1)  # no window elsewhere
        got = word_pairs.train(*after, words, *alone, rows, signs, first, last, (0.05, 0.05), mean, 0)
        if not targets:
            assert got == (0, 0)
            continue
        x = ops.embedding(words[window], vectors)
        x = x.mean(0, keepdim=True) if mean else x
        scores = x @ ops.embedding(rows[targets], outputs).T
        loss = ops.softplus(-scores * signs[targets].astype(np.float64)).sum()
        loss.backward()
        assert got == (pytest.approx(loss.item(), rel=1e-6), 1 if mean else len(window))
        share = len(window) if mean else 1  # CBOW: each vector moves as their mean should
        np.testing.assert_allclose(after[0], tables[0] - 0.05 * share * vectors.grad, atol=1e-6)
        np.testing.assert_allclose(after[1], tables[1] - 0.05 * outputs.grad, atol=1e-6)
        assert (after != tables).any(axis=(1, 2)).all()
        moved += 1
    assert moved > 40


@pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off")
def test_the_logarithm_is_one():
    from yuanli.kernels.compiler import jit
    from yuanli.kernels.exponential import logarithm

    @jit
    def logarithms(x, y):
        for i in range(len(x)):
            y[i] = logarithm(x[i])

    x = np.concatenate([np.logspace(-37, 37, 20_001), 1 + np.linspace(-0.5, 0.5, 20_001)]).astype(np.float32)
    y = np.empty_like(x)
    logarithms(x, y)
    exact = np.log(x.astype(np.float64))
    assert (np.abs(y - exact) <= 1e-7 + 2.4e-7 * np.abs(exact)).all()
    logarithms(np.float32([np.nan]), y)
    assert np.isnan(y[0])
