"""The words of a text, the most frequent first, and what their frequencies are for."""

from collections.abc import Sequence

import numpy as np

from yuanli.errors import DataError


class Vocabulary:
    """Words and their counts: `index_to_key[i]` is the i-th most frequent word, `key_to_index` its inverse.

    Words that come fewer than min_count times are left out, and all but the max_final_vocab most frequent.
    Equally frequent ones keep the order in which they first come.
    Raises: DataError when fewer than two words are left.
    """

    def __init__(
        self, words: Sequence[str], counts: np.ndarray, min_count: int = 1, max_final_vocab: int | None = None
    ) -> None:
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] >= min_count][:max_final_vocab]
        if len(order) < 2:
            most = f"; the most frequent, {words[int(counts.argmax())]!r}, comes {counts.max()} times"
            raise DataError(
                f"word vectors need at least two words that come min_count={min_count} times, got "
                f"{len(order)} of {len(words)} different ones{most}; give more text or a lower min_count"
            )
        self.index_to_key = [words[i] for i in order]
        self.key_to_index = {word: i for i, word in enumerate(self.index_to_key)}
        self.counts = counts[order]

    def __len__(self) -> int:
        return len(self.index_to_key)

    def keep_probabilities(self, sample: float) -> np.ndarray:
        """Of a word with the share f of the text, √(t/f) + t/f of its occurrences are trained on, t = sample.

        Frequent words say little about their neighbours.  sample = 0 keeps all.
        Source: Mikolov 2013, arXiv:1310.4546, eq. 5.  Differs: that is 1 − √(t/f) left out; this is what
        word2vec's code does, and gensim.
        """
        if not sample:
            return np.ones(len(self), np.float32)
        ratio = sample * self.counts.sum() / self.counts
        return np.minimum(np.sqrt(ratio) + ratio, 1).astype(np.float32)


class Noise:
    """Draws words with probability ∝ countᵖ, p = ns_exponent, in constant time each.

    A probability above the mean 1/V lends what is above it to one below, until every one of V equal columns
    holds at most two words: a draw takes a column, then one of its two words.
    Source: Vose 1991, A Linear Algorithm for Generating Random Numbers with a Given Distribution.
    """

    def __init__(self, counts: np.ndarray, ns_exponent: float) -> None:
        share = counts.astype(np.float64) ** ns_exponent
        share *= len(share) / share.sum()
        self.own = np.ones(len(share))  # how much of a column is its own word's
        self.other = np.arange(len(share), dtype=np.int32)
        small, large = np.flatnonzero(share < 1).tolist(), np.flatnonzero(share >= 1).tolist()
        while small and large:
            poor, rich = small.pop(), large[-1]
            self.own[poor], self.other[poor] = share[poor], rich
            share[rich] -= 1 - share[poor]
            if share[rich] < 1:
                small.append(large.pop())

    def draw(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Numbers of words, int32."""
        place = rng.random(shape) * len(self.own)
        column = place.astype(np.int32)
        return np.where(place - column < self.own[column], column, self.other[column])
