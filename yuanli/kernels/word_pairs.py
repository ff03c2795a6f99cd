"""word2vec's pass over a text: every word with the words around it, a gradient step at each.

Position i has a window, the positions low[i] … high[i] − 1 without i itself, and targets, rows of `outputs`
with a sign each: under hierarchical softmax the nodes on the way to word i, with Huffman's turns as signs;
under negative sampling word i (+1) and the words drawn (−1).  The step lowers −Σ log σ(sign · x·p) over all
pairs of an input x and a target p of the position.  Skip-gram has an input for each word of the window, its
vector; CBOW has one, their mean.

A window's inputs have their targets in common, so that its scores are a small matrix product, made of tiles
of registers, and so are its two updates.  All of a window is computed before anything is changed.

`vectors` and `outputs` are float32 (rows, D), D a multiple of WIDTH; targets below 0 are left out.  Several
threads may change the same arrays at once, each on its own positions: now and then one's update of a number
is lost to another's (Recht 2011, arXiv:1106.5730), and results are no longer the same bits.

Source: Mikolov 2013, arXiv:1301.3781 and arXiv:1310.4546, eq. 3 and 4.
"""

import numpy as np

from yuanli.kernels.compiler import AVX512
from yuanli.kernels.dispatch import choose

WIDTH = 16
LANES = WIDTH if AVX512 else 8


@np.errstate(over="ignore", invalid="ignore")
def train_numpy(vectors, outputs, words, low, high, rows, signs, first, last, rates, mean, copied):
    """Step through the positions; targets of i: rows[first[i]:last[i]] and their signs.

    rates: the step size at the first position and after the last; mean: CBOW; copied: how many of the last
    rows of outputs a thread may change in a copy, merged now and then.
    -> (the sum of the losses before each step, how many inputs there were)
    """
    loss, inputs = 0.0, 0
    for i in range(len(words)):
        window = np.r_[words[low[i] : i], words[i + 1 : high[i]]]
        if not len(window) or not (rows[first[i] : last[i]] >= 0).any():
            continue
        rate = np.float32(rates[0] + (rates[1] - rates[0]) * i / len(words))
        there = rows[first[i] : last[i]] >= 0
        targets, sign = rows[first[i] : last[i]][there], signs[first[i] : last[i]][there]
        x, p = vectors[window], outputs[targets]  # (C, D), (L, D)
        x = x.mean(0, keepdims=True) if mean else x
        z = sign * (x @ p.T)
        g = rate * sign / (1 + np.exp(z))  # rate · ∂ log σ(z) / ∂(x·p)
        loss += np.logaddexp(0, -z).sum(dtype=np.float64)
        np.add.at(vectors, window, g @ p)
        np.add.at(outputs, targets, g.T @ x)
        inputs += len(x)
    return loss, inputs


def _compiled():
    from yuanli.kernels.fast_word_pairs import train

    return train


train = choose(train_numpy, _compiled)
