"""The compiled pass over a text: `word_pairs.train_numpy` by tiles of registers.

Of a window's inputs and targets only the addresses of their rows are brought together; the tiles read the
rows where they lie.  The scores of inputs (rows) and targets (columns) are one matrix, packed so that the
loop over all of it is a long one.  Its columns are filled up to whole tiles with targets of sign 0, whose
gradient is 0 and whose probability is ½: that ln 2 is taken off the loss again.
"""

import math

import numpy as np

from yuanli.kernels.compiler import AVX512, jit
from yuanli.kernels.exponential import logarithm, sigmoid
from yuanli.kernels.simd import add_tile, exchange_tile, prefetch, scores_tile
from yuanli.kernels.word_pairs import LANES

PAIR, MORE = 2, 6  # a tile: PAIR inputs by FEW targets, or CBOW's one by MORE
FEW = 6 if AVX512 else 3  # PAIR · FEW sums fit into one vector
VECTOR = 8  # CBOW's few scores are filled up to whole vectors
AHEAD = 7  # positions: when a word's vector is asked for, before it comes into the window


@jit
def train(vectors, outputs, words, low, high, rows, signs, first, last, rates, mean):
    """One function, and below it numbers only: arrays that change hands are counted, which takes time."""
    D, steps = vectors.shape[1], vectors.shape[1] // LANES
    vectors_at, outputs_at, row = vectors.ctypes.data, outputs.ctypes.data, 4 * D
    most_inputs, most_targets = 0, 0
    for i in range(len(words)):
        most_inputs = max(most_inputs, high[i] - low[i])
        most_targets = max(most_targets, last[i] - first[i])
    most_inputs, most_targets = most_inputs + PAIR, most_targets + MORE + VECTOR
    x, p = np.zeros(most_inputs, np.int64), np.zeros(most_targets, np.int64)  # addresses of rows
    dx, dp = np.zeros((most_inputs, D), np.float32), np.zeros((most_targets, D), np.float32)
    z = np.zeros(most_inputs * most_targets, np.float32)
    sign, losses = np.zeros(len(z), np.float32), np.zeros(len(z))
    middle, middle_at = np.zeros(D, np.float32), np.zeros(1, np.int64)
    middle_at[0] = middle.ctypes.data
    x_at, p_at, z_at, dx_at, dp_at = (
        x.ctypes.data, p.ctypes.data, z.ctypes.data, dx.ctypes.data, dp.ctypes.data,
    )  # fmt: skip
    inputs, filled = 0, 0
    for i in range(len(words)):
        if i + AHEAD < len(words):
            prefetch(vectors_at + row * words[i + AHEAD], D, 1)
        if i + 1 < len(words):
            for k in range(first[i + 1], last[i + 1]):
                if rows[k] >= 0:
                    prefetch(outputs_at + row * rows[k], D, 1)
        C, L = 0, 0
        for j in range(low[i], high[i]):
            if j != i:
                x[C] = vectors_at + row * words[j]
                C += 1
        for k in range(first[i], last[i]):
            if rows[k] >= 0:
                p[L], sign[L] = outputs_at + row * rows[k], signs[k]
                L += 1
        if C == 0 or L == 0:
            continue
        x[C] = x[C - 1]  # something to read for the tiles that stick out
        p[L : L + MORE] = p[L - 1]
        rate = np.float32(rates[0] + (rates[1] - rates[0]) * i / len(words))
        dp[:L] = 0
        if mean:
            columns = L + -L % MORE
            columns += -columns % VECTOR
            sign[L:columns] = 0
            middle[:] = 0
            for k in range(C):
                add_tile(x[k], middle.ctypes.data, steps, LANES)
            share = np.float32(1 / C)
            for d in range(D):
                middle[d] *= share
            for b in range(0, L, MORE):
                scores_tile(middle_at.ctypes.data, p_at + 8 * b, z_at + 4 * b, columns, steps, 1, MORE, LANES)
            _slopes(z, sign, columns, rate, losses)
            dx[0] = 0
            for b in range(0, L, MORE):
                exchange_tile(
                    z_at + 4 * b, columns, middle_at.ctypes.data, p_at + 8 * b, dx_at, dp_at + row * b,
                    steps, 1, MORE, LANES,
                )  # fmt: skip
            for k in range(C):
                add_tile(dx_at, x[k], steps, LANES)
            inputs += 1
            filled += columns - L
        else:
            columns = L + -L % FEW
            sign[L:columns] = 0
            for k in range(columns, C * columns):
                sign[k] = sign[k - columns]
            for a in range(0, C, PAIR):
                for b in range(0, L, FEW):
                    z_ab = z_at + 4 * (a * columns + b)
                    scores_tile(x_at + 8 * a, p_at + 8 * b, z_ab, columns, steps, PAIR, FEW, LANES)
            _slopes(z, sign, C * columns, rate, losses)
            z[C * columns : (C + C % PAIR) * columns] = 0
            dx[: C + C % PAIR] = 0
            for a in range(0, C, PAIR):
                for b in range(0, L, FEW):
                    exchange_tile(
                        z_at + 4 * (a * columns + b), columns, x_at + 8 * a, p_at + 8 * b,
                        dx_at + row * a, dp_at + row * b, steps, PAIR, FEW, LANES,
                    )  # fmt: skip
            for k in range(C):
                add_tile(dx_at + row * k, x[k], steps, LANES)
            inputs += C
            filled += C * (columns - L)
        for k in range(L):
            add_tile(dp_at + row * k, p[k], steps, LANES)
    return losses.sum() - filled * math.log(2), inputs


@jit
def _slopes(z, sign, count, rate, losses):
    """Put rate · ∂ log σ(sign · z)/∂z in the place of every score z, and add up −log σ(sign · z)."""
    for k in range(count):
        right = sigmoid(sign[k] * z[k])
        z[k] = rate * sign[k] * (np.float32(1) - right)
        losses[k] -= logarithm(right)
