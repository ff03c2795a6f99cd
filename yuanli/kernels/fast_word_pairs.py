"""The compiled pass over a text: `word_pairs.train_numpy` by tiles of registers.

Of a window's inputs and targets only the addresses of their rows are brought together; the tiles read the
rows where they lie.  The scores of inputs (rows) and targets (columns) are one matrix, packed so that the
loop over all of it is a long one.  It is filled up to whole tiles and vectors with scores of sign 0, whose
gradient is 0 and whose probability is ½: that ln 2 is taken off the loss again.

What every position reads and changes wanders from one core's cache to the other's and back, row by row, which
takes longer than the arithmetic.  A thread may have such rows as copies, and what changed in a copy is added
to the row every OFTEN-th time.

The loss needs the logarithm of a product of probabilities.  A float's bits are its exponent and a fraction
between 1 and 2: the exponents are added up and the fractions multiplied, and one logarithm does for many.
"""

import math

import numpy as np

from yuanli.kernels.compiler import AVX512, jit
from yuanli.kernels.exponential import logarithm, sigmoid
from yuanli.kernels.simd import LINE, add_tile, address_of, copy_vector, prefetch
from yuanli.kernels.simd_word_pairs import exchange_tile, merge_tile, scores_tile
from yuanli.kernels.word_pairs import LANES, WIDTH

PAIR, MORE = 2, 6  # a tile of scores: PAIR inputs by FEW targets, or CBOW's one by MORE
FEW = 6 if AVX512 else 3  # PAIR · FEW sums fit into one vector
MOST = 10 if AVX512 else 6  # inputs whose exchange with the targets needs no memory in between
VECTOR = 8  # CBOW's few scores are filled up to whole vectors
FULL = 64  # positions: so many numbers below 2 are multiplied at most before their logarithm is taken
EXPONENT_OF_ONE = 127
OFTEN = 8  # times a row is changed in a copy before the others see it
AHEAD = 7  # positions: when a word's vector is asked for, before it comes into the window


@jit
def train(vectors, outputs, words, low, high, rows, signs, first, last, rates, mean, copied):
    """One function, and below it numbers only: arrays that change hands are counted, which takes time."""
    D, steps = vectors.shape[1], vectors.shape[1] // LANES
    vectors_at, outputs_at, row = address_of(vectors), address_of(outputs), 4 * D
    most_inputs, most_targets = 0, 0
    for i in range(len(words)):
        most_inputs = max(most_inputs, high[i] - low[i])
        most_targets = max(most_targets, last[i] - first[i])
    most_inputs, most_targets = most_inputs + PAIR, most_targets + MORE + VECTOR
    dx, dp = _zeros(most_inputs * D).reshape(-1, D), _zeros(most_targets * D).reshape(-1, D)
    middle = _zeros(D)
    x, p = np.zeros(most_inputs, np.int64), np.zeros(most_targets, np.int64)  # lists of addresses of rows
    dxs, dps = np.zeros(most_inputs, np.int64), np.zeros(most_targets, np.int64)
    for k in range(most_inputs):
        dxs[k] = address_of(dx) + row * k
    for k in range(most_targets):
        dps[k] = address_of(dp) + row * k
    centre = np.zeros(1, np.int64)
    centre[0] = address_of(middle)
    most = most_inputs * most_targets
    z, sign, product = _zeros(most), _zeros(most), _zeros(most)
    product[:] = 1
    losses, exponent = np.zeros(most), _zeros(most).view(np.int32)
    x_at, p_at, dxs_at, dps_at = address_of(x), address_of(p), address_of(dxs), address_of(dps)
    centre_at, z_at, sign_at = address_of(centre), address_of(z), address_of(sign)
    predictions, filled, probabilities = 0, 0, 0
    copies, merged, changes = _zeros(copied * D), _zeros(copied * D), np.zeros(copied, np.int64)
    copies_at, merged_at, alone = address_of(copies), address_of(merged), len(outputs) - copied
    copies[:] = outputs[alone:].reshape(-1)
    merged[:] = copies
    for i in range(len(words)):
        if i % FULL == 0:
            _take(product, losses)
        if i + AHEAD < len(words):
            prefetch(vectors_at + row * words[i + AHEAD], D, 1)
        if i + 1 < len(words):
            for k in range(first[i + 1], last[i + 1]):
                if 0 <= rows[k] < alone:
                    prefetch(outputs_at + row * rows[k], D, 1)
        C, L = 0, 0
        for j in range(low[i], high[i]):
            if j != i:
                x[C] = vectors_at + row * words[j]
                C += 1
        falling = apart = True  # apart: no target is there twice; those down a Huffman tree never are
        for k in range(first[i], last[i]):
            if rows[k] >= 0:
                p[L], sign[L] = outputs_at + row * rows[k], signs[k]
                if rows[k] >= alone:
                    p[L] = copies_at + row * (rows[k] - alone)
                falling = falling and (L == 0 or p[L] < p[L - 1])
                for j in range(0 if falling else L):
                    apart = apart and p[j] != p[L]
                L += 1
        if C == 0 or L == 0:
            continue
        x[C] = x[C - 1]  # something to read for the tiles that stick out
        p[L : L + MORE] = p[L - 1]
        rate = np.float32(rates[0] + (rates[1] - rates[0]) * i / len(words))
        if mean:
            inputs, inputs_at, columns = 1, centre_at, L + -L % MORE
            columns += -columns % VECTOR
            middle[:] = 0
            for k in range(C):
                add_tile(x[k], centre[0], steps, LANES)
            share = np.float32(1 / C)
            for d in range(D):
                middle[d] *= share
            for b in range(0, L, MORE):
                scores_tile(centre_at, p_at + 8 * b, z_at + 4 * b, columns, steps, 1, MORE, LANES)
        else:
            inputs, inputs_at, columns = C, x_at, L + -L % FEW
            for a in range(0, C, PAIR):
                for b in range(0, L, FEW):
                    z_ab = z_at + 4 * (a * columns + b)
                    scores_tile(x_at + 8 * a, p_at + 8 * b, z_ab, columns, steps, PAIR, FEW, LANES)
        sign[L:columns] = 0
        for k in range(columns, inputs * columns, columns):
            for j in range(0, columns, LANES):  # beyond the row's end, where the next begins
                copy_vector(sign_at + 4 * j, sign_at + 4 * (k + j), LANES)
        whole = inputs * columns
        sign[whole : whole + -whole % WIDTH] = 0
        whole += -whole % WIDTH
        for k in range(whole):  # rate · ∂ log σ(sign · z)/∂z in the place of every score z
            right = sigmoid(sign[k] * z[k])
            z[k] = rate * sign[k] * (np.float32(1) - right)
            bits = np.float32(right).view(np.int32)
            exponent[k] += np.int32(bits >> np.int32(23))
            fraction = np.int32(np.int32(bits & np.int32(0x007FFFFF)) | np.int32(0x3F800000)).view(np.float32)
            product[k] *= fraction + (right - right)  # what is not a number stays so
        predictions += inputs
        filled += whole - inputs * L
        probabilities += whole
        at_once = apart and inputs <= MOST
        kept = mean or not at_once  # in dx, before it is added to the vectors
        if kept:
            dx[:inputs] = 0
        if not at_once:
            dp[:L] = 0
        for a in range(0, inputs, MOST):
            exchange_tile(
                z_at + 4 * a * columns, columns, inputs_at + 8 * a, p_at,
                dxs_at + 8 * a if kept else x_at, p_at if at_once else dps_at,
                min(MOST, inputs - a), L, steps, MOST, LANES,
            )  # fmt: skip
        if kept:
            for k in range(C):
                add_tile(dxs[0 if mean else k], x[k], steps, LANES)
        if not at_once:
            for k in range(L):
                add_tile(dps[k], p[k], steps, LANES)
        for k in range(first[i], last[i]):
            if rows[k] >= alone:
                c = rows[k] - alone
                changes[c] += 1
                if changes[c] % OFTEN == 0:
                    merge_tile(
                        copies_at + row * c, merged_at + row * c, outputs_at + row * rows[k], steps, LANES
                    )
    for c in range(copied):
        merge_tile(copies_at + row * c, merged_at + row * c, outputs_at + row * (alone + c), steps, LANES)
    _take(product, losses)
    loss = losses.sum() + (EXPONENT_OF_ONE * probabilities - exponent.sum()) * math.log(2)
    return loss - filled * math.log(2), predictions


@jit
def _zeros(count):
    """Floats that begin where a line of the cache does: a vector across two lines takes two loads."""
    room = np.zeros(count + LINE, np.float32)
    start = -(address_of(room) // 4) % LINE
    return room[start : start + count]


@jit
def _take(product, losses):
    """The products start again from 1; their logarithms are taken off the losses."""
    for k in range(len(product)):
        losses[k] -= logarithm(product[k])
        product[k] = np.float32(1)
