"""word2vec: vectors of words learned from their neighbours, by CBOW or skip-gram."""

import functools
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.errors import DataError, NotFiniteError, ValueRangeError
from yuanli.kernels import memory, word_pairs
from yuanli.nn import Module, Parameter
from yuanli.ops.information import huffman_paths
from yuanli.optim import Optimizer
from yuanli.training.interrupt import Interrupted, interruptible
from yuanli.training.state import Hook, Training, restore
from yuanli.words.ahead import in_order
from yuanli.words.corpus import Corpus
from yuanli.words.jobs import Job, Jobs
from yuanli.words.keyed_vectors import KeyedVectors
from yuanli.words.vocabulary import Noise, Vocabulary

BUSY = 512  # nodes, those at the top of Huffman's tree, that are on most words' ways


class Word2Vec:
    """Vectors by which a word is predicted from its neighbours; gensim's parameter names.

        CBOW (sg=0):  p(w | mean of the window's vectors)       skip-gram (sg=1):  Π p(w | each of them)
        negative sampling:  ln σ(x·p_w) + Σ over `negative` drawn words n of ln σ(−x·p_n)
        hierarchical softmax (hs=1):  Σ over the nodes n on Huffman's way to w of ln σ(±x·p_n)

    A window reaches 1 to `window` words to either side, drawn for each word.  The step size falls from alpha
    to min_alpha in a line.  With one worker the same seed gives the same bits; several write into the same
    vectors without waiting for each other (those at the top of Huffman's tree each changes in a copy, merged
    every few steps), so that their order, and the last digits, differ.

    Source: Mikolov 2013, arXiv:1301.3781 (CBOW, skip-gram) and arXiv:1310.4546, eq. 2 to 5.
    Differs: a window's pairs are one step, and its inputs share the negative words drawn; the sigmoid is not
    cut off at ±6.  As in word2vec's code, CBOW moves each of the window's C vectors by the gradient of their
    mean, C times its own.  gensim trains hs=1 and negative=5 at once; here hs=1 means negative=0.
    """

    def __init__(
        self,
        sentences: Iterable[list[str]] | None = None,
        corpus_file: str | Path | None = None,
        *,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_final_vocab: int | None = None,
        sample: float = 1e-3,
        seed: int = 1,
        workers: int = 1,
        min_alpha: float = 1e-4,
        sg: int = 0,
        hs: int = 0,
        negative: int | None = None,
        ns_exponent: float = 0.75,
        epochs: int = 5,
    ) -> None:
        negative = (0 if hs else 5) if negative is None else negative
        most = 1 if max_final_vocab is None else max_final_vocab
        whole = {
            **{"vector_size": vector_size, "window": window, "min_count": min_count},
            **{"workers": workers, "epochs": epochs, "max_final_vocab": most},
        }
        for name, value in whole.items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise ValueRangeError(f"{name} needs a whole number from 1 up, got {value!r}")
        rates = {"alpha": alpha, "min_alpha": min_alpha, "sample": sample, "ns_exponent": ns_exponent}
        for name, number in rates.items():
            if not isinstance(number, int | float) or isinstance(number, bool) or not np.isfinite(number):
                raise ValueRangeError(f"{name} needs a number, got {number!r}")
        if not 0 <= min_alpha <= alpha or not alpha:
            raise ValueRangeError(
                f"alpha needs to be above 0 and min_alpha within 0 … alpha, got {alpha}, {min_alpha}"
            )
        if not 0 <= sample < 1:
            raise ValueRangeError(f"sample needs a share from 0 to below 1, got {sample}")
        if sg not in (0, 1) or hs not in (0, 1):
            raise ValueRangeError(f"sg and hs need 0 or 1, got {sg!r} and {hs!r}")
        if not isinstance(negative, int) or negative < 0 or (negative == 0) != (hs == 1):
            raise ValueRangeError(
                f"either hs=1 or negative ≥ 1 words are needed, got hs={hs} and negative={negative!r}"
            )
        self.vector_size, self.window, self.min_count, self.epochs = vector_size, window, min_count, epochs
        self.max_final_vocab, self.sample, self.seed, self.workers = max_final_vocab, sample, seed, workers
        self.alpha, self.min_alpha, self.sg, self.hs = alpha, min_alpha, sg, hs
        self.negative, self.ns_exponent = negative, ns_exponent
        if (sentences is None) == (corpus_file is None):
            if sentences is not None:
                raise ValueRangeError("Word2Vec needs sentences or a corpus_file, got both")
            return
        corpus = Corpus(corpus_file if sentences is None else sentences)  # type: ignore[arg-type]
        self.build_vocab(corpus)
        self.train(corpus)

    def build_vocab(self, corpus: Corpus) -> None:
        """Count the words and give each its first vector.  Raises: DataError when fewer than two are left."""
        self.start(Vocabulary(*corpus.count(), self.min_count, self.max_final_vocab))

    def start(self, vocabulary: Vocabulary) -> None:
        """Untrained vectors: of words uniform within ±1/D, as gensim's, of targets zero."""
        self.vocabulary = vocabulary
        self.tables = Tables(len(vocabulary), self.vector_size)
        rng = np.random.default_rng(self.seed)
        uniform = rng.random((len(vocabulary), self.vector_size), np.float32)
        self.tables.vectors.data[:, : self.vector_size] = (2 * uniform - 1) / self.vector_size
        self.wv = KeyedVectors(vocabulary.index_to_key, self.tables.vectors.data[:, : self.vector_size])
        self._keep = vocabulary.keep_probabilities(self.sample)
        if self.hs:
            self._first, nodes, turns = huffman_paths(vocabulary.counts)
            self._nodes, self._signs = nodes.astype(np.int32), (1 - 2 * turns).astype(np.float32)
        else:
            self._noise = Noise(vocabulary.counts, self.ns_exponent)

    def train(
        self, corpus: Corpus, hooks: Sequence[Hook] = (), resume: dict[str, Any] | None = None
    ) -> Training:
        """Go through the corpus `epochs` times.  The result's rows have each epoch's loss, nats a prediction.

        resume: a `training.state.snapshot` to go on from.
        Raises: DataError when no word has a neighbour; NotFiniteError; Interrupted.
        """
        jobs = Jobs(corpus, self.vocabulary)
        rate = Decay(self.alpha, self.min_alpha, jobs.words * self.epochs)
        t = Training(self.tables, loss=None, optimizer=rate, batches=jobs, epochs=self.epochs)  # type: ignore[arg-type]
        if resume is not None:
            restore(t, resume)
        work = functools.partial(self._work, jobs=jobs, rate=rate)
        began = time.perf_counter() - t.seconds
        with interruptible() as interrupt:
            for hook in hooks:
                hook.on_start(t)
            try:
                while not t.is_over:
                    for job, (loss, predictions) in in_order(work, jobs, self.workers):
                        jobs.done, t.step = job.number + 1, t.step + 1
                        rate.lr = rate.at(job.epoch * jobs.words + job.before + len(job.words))
                        t.sums["examples"] = t.sums.get("examples", 0) + predictions
                        t.sums["loss"] = t.sums.get("loss", 0) + loss
                        t.seconds = time.perf_counter() - began
                        if not np.isfinite(loss):
                            raise NotFiniteError(
                                f"the loss is no longer finite in epoch {t.epoch + 1}: a smaller alpha than "
                                f"{self.alpha} is needed"
                            )
                        for hook in hooks:
                            hook.on_step(t)
                        if interrupt.made:
                            for hook in hooks:
                                hook.on_interrupt(t)
                            raise Interrupted(
                                f"interrupted after {job.before + len(job.words):,} of {jobs.words:,} words, "
                                f"in epoch {t.epoch + 1} of {self.epochs}"
                            )
                    if not t.sums.get("examples"):
                        raise DataError(
                            f"{corpus.name}: no word has a neighbour to learn from; sentences need two of "
                            f"the {len(self.vocabulary)} words, and sample={self.sample} leaves some out"
                        )
                    jobs.end_epoch()
                    t.epoch += 1
                    row = {"epoch": t.epoch, "step": t.step, "lr": rate.lr, "seconds": round(t.seconds, 3)}
                    t.rows.append(row | {"train_loss": t.means()["loss"]})
                    t.sums = {}
                    for hook in hooks:
                        hook.on_epoch(t)
            finally:
                for hook in hooks:
                    hook.on_end(t)
        return t

    def judge(self, corpus: Corpus) -> tuple[float, int]:
        """The mean loss on a text, and of how many predictions; nothing is learned."""
        still = Decay(0.0, 0.0, 1)
        jobs = Jobs(corpus, self.vocabulary)
        results = [self._work(job, jobs, still) for job in jobs]
        loss, predictions = sum(loss for loss, _ in results), sum(many for _, many in results)
        if not predictions:
            raise DataError(f"{corpus.name}: no two words side by side are among the known ones")
        return loss / predictions, predictions

    def _work(self, job: Job, jobs: Jobs, rate: "Decay") -> tuple[float, int]:
        """Train on a job; what is random in it depends on the seed, the epoch and its number alone."""
        rng = np.random.default_rng([self.seed, job.epoch, job.number])
        words, low, high = self._windows(job, rng)
        rows, signs, first, last = self._targets(words, rng)
        before = job.epoch * jobs.words + job.before
        rates = (rate.at(before), rate.at(before + len(job.words)))
        vectors, outputs = self.tables.vectors.data, self.tables.outputs.data
        copied = min(BUSY, len(outputs)) if self.hs and self.workers > 1 else 0
        return word_pairs.train(
            vectors, outputs, words, low, high, rows, signs, first, last, rates, not self.sg, copied
        )

    def _windows(self, job: Job, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """The words trained on, and for each where its window begins and ends, within its sentence."""
        kept = rng.random(len(job.words), np.float32) < self._keep[job.words]
        words, sentences = job.words[kept], job.sentences[kept]
        borders = np.flatnonzero(np.diff(sentences, prepend=-1, append=-1))
        lengths, here = np.diff(borders), np.arange(len(words))
        reach = rng.integers(1, self.window + 1, len(words))
        low = np.maximum(np.repeat(borders[:-1], lengths), here - reach)
        high = np.minimum(np.repeat(borders[1:], lengths), here + reach + 1)
        return words, low, high

    def _targets(self, words: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        """Rows of outputs and their signs, and where those of each word begin and end."""
        if self.hs:
            return self._nodes, self._signs, self._first[words], self._first[words + 1]
        noise = self._noise.draw((len(words), self.negative), rng)
        noise[noise == words[:, None]] = -1  # the word itself is no wrong answer
        rows = np.concatenate([words[:, None], noise], 1)
        signs = np.full(rows.shape, -1, np.float32)
        signs[:, 0] = 1
        first = np.arange(len(words)) * (1 + self.negative)
        return rows.reshape(-1), signs.reshape(-1), first, first + 1 + self.negative


class Tables(Module):
    """What is trained: a vector a word, and one a target; the numbers beyond the vectors' width stay 0."""

    def __init__(self, words: int, width: int) -> None:
        width += -width % word_pairs.WIDTH
        self.vectors, self.outputs = (Parameter(np.zeros(0, np.float32)) for _ in range(2))
        for table in (self.vectors, self.outputs):
            table.data = memory.empty((words, width))  # not through Parameter, which copies: in large pages
            table.data[:] = 0


class Decay(Optimizer):
    """The step size, falling in a line over so many words."""

    def __init__(self, start: float, end: float, words: int) -> None:
        self.start, self.end, self.words = start, end, words
        self.lr = start

    def at(self, words: int) -> float:
        return self.start + (self.end - self.start) * words / self.words

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """It is a function of the words gone through: there is nothing to load."""
