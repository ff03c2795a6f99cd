"""word2vec against gensim: whole trainings from a text file, and how good what they have learned is.

Counting, encoding and every epoch are within the time; the same file, threads and parameters.  Both are
judged by the same code: the textbook loss on fixed windows, and analogies where the questions are there.

gensim's time is that of its fastest way, corpus_file.  There each of several threads lets its step size fall
by its own words as a share of the whole text's, so that with T threads an epoch ends after a T-th of its fall
and jumps at the next: other parameters than were asked for.  What gensim has learned is therefore judged
after a training from sentences, whose step size falls in a line, as ours does.
"""

import functools
import gzip
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.kernels.compiler import threads
from yuanli.words import Corpus, KeyedVectors, Noise, Vocabulary, Word2Vec

EPOCHS, SEEDS = 3, (1, 2, 3)
WINDOWS = 20_000  # positions on which the loss is judged


@dataclass(frozen=True)
class Words:
    """A row of the table: one of the four modes."""

    name: str
    target: float
    options: dict[str, int]


WORDS = (
    Words("Skip-gram, hierarchical softmax", 0.35, {"sg": 1, "hs": 1, "negative": 0}),
    Words("CBOW, hierarchical softmax", 0.6, {"sg": 0, "hs": 1, "negative": 0}),
    Words("Skip-gram, 5 negative words", 0.25, {"sg": 1, "hs": 0, "negative": 5}),
    Words("CBOW, 5 negative words", 0.5, {"sg": 0, "hs": 0, "negative": 5}),
)


@dataclass(frozen=True)
class Learned:
    """What either library has learned: of word i the vector i, and the rows and signs of its targets."""

    words: list[str]
    vectors: np.ndarray
    outputs: np.ndarray
    ways: list[tuple[np.ndarray, np.ndarray]] | None  # under hierarchical softmax


def measure(row: Words) -> dict[str, Any]:
    """Train with both libraries in turn, once a seed; medians of the times, means of the qualities."""
    found: dict[str, list[tuple[float, float, float]]] = {"yuanli": [], "gensim": []}
    sides = {"yuanli": (ours, ours), "gensim": (gensims, gensims_by_sentences)}
    with text_file() as path:
        ours(path, row.options, 1, 1)  # compiles
        for seed in SEEDS:
            for name, (timed, judged) in sides.items():
                began = time.perf_counter()
                model = timed(path, row.options, EPOCHS, seed)
                took = time.perf_counter() - began
                if judged is not timed:
                    model = judged(path, row.options, EPOCHS, seed)
                found[name].append(
                    (took, *quality(learned(model, row.options["hs"]), row.options["sg"], path))
                )
    arrays = {name: np.array(values) for name, values in found.items()}
    return {
        "name": row.name,
        "target": row.target,
        "ratio": float(np.median(arrays["yuanli"][:, 0]) / np.median(arrays["gensim"][:, 0])),
        **{
            name: {
                "seconds": float(np.median(values[:, 0])),
                "loss": [float(values[:, 1].mean()), float(values[:, 1].std())],
                "analogies": [float(values[:, 2].mean()), float(values[:, 2].std())],
            }
            for name, values in arrays.items()
        },
    }


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| | yuanli, s | gensim, s | ours ÷ gensim | target | loss, ours | loss, gensim | analogies, ours "
        "| analogies, gensim |",
        "|---" * 9 + "|",
    ]
    for row in rows:
        sides = [row["yuanli"], row["gensim"]]
        losses = " | ".join("{:.3f} ± {:.3f}".format(*side["loss"]) for side in sides)
        shares = " | ".join("{:.1%} ± {:.1%}".format(*side["analogies"]) for side in sides)
        times = " | ".join(f"{side['seconds']:.2f}" for side in sides)
        lines.append(
            f"| {row['name']} | {times} | {row['ratio']:.2f} | ≤ {row['target']:.2f} | {losses} | {shares} |"
        )
    return "\n".join(lines) + "\n"


@contextmanager
def text_file() -> Iterator[Path]:
    """3.8 million words of English where YUANLI_DATA has them, or words made up by Zipf's law; unpacked."""
    packed = Path(os.environ.get("YUANLI_DATA", "")) / "english" / "corpus.txt.gz"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "text.txt"
        if packed.is_file():
            path.write_bytes(gzip.decompress(packed.read_bytes()))
        else:
            drawn = np.random.default_rng(0).zipf(1.2, (100_000, 20)) % 50_000
            path.write_text("\n".join(" ".join(f"w{i}" for i in line) for line in drawn.tolist()))
        yield path


def ours(path: Path, options: dict[str, int], epochs: int, seed: int) -> Any:
    return Word2Vec(corpus_file=path, workers=threads(), epochs=epochs, seed=seed, **options)


def gensims(path: Path, options: dict[str, int], epochs: int, seed: int) -> Any:
    """Its fastest way: corpus_file, read by its compiled code."""
    from gensim.models import Word2Vec as Gensim

    return Gensim(corpus_file=str(path), workers=threads(), epochs=epochs, seed=seed, **options)


def gensims_by_sentences(path: Path, options: dict[str, int], epochs: int, seed: int) -> Any:
    from gensim.models import Word2Vec as Gensim
    from gensim.models.word2vec import LineSentence

    return Gensim(LineSentence(str(path)), workers=threads(), epochs=epochs, seed=seed, **options)


def learned(model: Any, hs: int) -> Learned:
    words = model.wv.index_to_key
    if isinstance(model, Word2Vec):
        outputs, ways = model.tables.outputs.data[:, : model.vector_size], None
        if hs:
            borders = model._first[1:-1]
            ways = list(zip(np.split(model._nodes, borders), np.split(model._signs, borders), strict=True))
        return Learned(words, model.wv.vectors, outputs, ways)
    attribute = model.wv.get_vecattr
    if not hs:
        return Learned(words, model.wv.vectors, model.syn1neg, None)
    ways = [(attribute(word, "point"), 1.0 - 2.0 * attribute(word, "code")) for word in words]
    return Learned(words, model.wv.vectors, model.syn1, ways)


@functools.cache
def windows(path: Path) -> list[tuple[str, list[str], list[str]]]:
    """Words with their neighbours and five drawn words, the same for every model."""
    rng = np.random.default_rng(0)
    known = Vocabulary(*Corpus(path).count(), min_count=5)
    noise = Noise(known.counts, 0.75)
    lines, found = path.read_text(encoding="utf-8").split("\n"), []
    for _ in range(WINDOWS):
        words = [w for w in lines[rng.integers(len(lines))].split() if w in known.key_to_index]
        if len(words) > 1:
            i, reach = rng.integers(len(words)), rng.integers(1, 6)
            around = words[max(0, i - reach) : i] + words[i + 1 : i + 1 + reach]
            found.append((words[i], around, [known.index_to_key[k] for k in noise.draw((5,), rng)]))
    return found


def quality(model: Learned, sg: int, path: Path) -> tuple[float, float]:
    """The mean of −Σ ln σ(±x·p) over `windows`, and the share of analogies that are right."""
    number = {word: i for i, word in enumerate(model.words)}
    total, inputs = 0.0, 0
    for word, around, drawn in windows(path):
        x = model.vectors[[number[w] for w in around]].astype(np.float64)
        x = x if sg else x.mean(0, keepdims=True)
        if model.ways is None:
            rows = np.array([number[word], *(number[w] for w in drawn if w != word)])
            signs = np.where(np.arange(len(rows)), -1.0, 1.0)
        else:
            rows, signs = model.ways[number[word]]
        total += np.logaddexp(0, -signs * (x @ model.outputs[rows].T)).sum()
        inputs += len(x)
    questions = Path(os.environ.get("YUANLI_DATA", "")) / "word2vec" / "questions-words.txt"
    if not questions.is_file():
        return total / inputs, float("nan")
    return total / inputs, KeyedVectors(model.words, model.vectors).evaluate_word_analogies(questions)[0]
