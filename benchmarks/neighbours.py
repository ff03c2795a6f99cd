"""Nearest neighbours: the same rows, the same queries, the same distances."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import faiss
import numpy as np
from sklearn import neighbors
from threadpoolctl import ThreadpoolController

from yuanli.classical import KNeighborsClassifier, NearestNeighbors
from yuanli.kernels.compiler import threads

Step = Callable[[], np.ndarray]

IMAGES = (50_000, 3072)  # CIFAR-10's training images
DIGITS = (60_000, 784)  # MNIST's
K = 10


@dataclass(frozen=True)
class Neighbours:
    """`peers` look for the K nearest of `size` random rows too; the answers are the Lp distances."""

    name: str
    size: tuple[int, int]
    dtype: type
    queries: int
    p: int
    peers: dict[str, Callable]
    target: float
    tolerances = (1e-4,)  # of float32 sums; ours and scikit-learn's are exact

    def steps(self) -> dict[str, Step]:
        rng = np.random.default_rng(0)
        x, queries = (_rows(rng, n, self.size[1], self.dtype) for n in (self.size[0], self.queries))
        ours = NearestNeighbors(n_neighbors=K, p=self.p).fit(x)
        found = {"yuanli": lambda: ours.kneighbors(queries)[0]}
        return found | {name: peer(x, queries, self.p) for name, peer in self.peers.items()}


@dataclass(frozen=True)
class Prediction:
    """KNeighborsClassifier.predict, ours and scikit-learn's; the answers are classes."""

    name: str
    target: float = 1.0
    tolerances = (0.0,)

    def steps(self) -> dict[str, Step]:
        rng = np.random.default_rng(0)
        x, queries = (_rows(rng, n, DIGITS[1], np.float32) for n in (DIGITS[0], 500))
        y = rng.integers(0, 10, len(x))
        ours = KNeighborsClassifier(5).fit(x, y)
        theirs = neighbors.KNeighborsClassifier(5, algorithm="brute").fit(x, y)
        return {"yuanli": lambda: ours.predict(queries), "scikit-learn": lambda: theirs.predict(queries)}


def _rows(rng: np.random.Generator, n: int, d: int, dtype: type) -> np.ndarray:
    if dtype == np.uint8:
        return rng.integers(0, 256, (n, d), np.uint8)
    return rng.standard_normal((n, d), np.float32)


def by_faiss(x: np.ndarray, queries: np.ndarray, p: int) -> Step:
    faiss.omp_set_num_threads(threads())
    for library in ThreadpoolController().lib_controllers:  # its own BLAS, which ours leaves one thread
        if "faiss" in library.filepath:
            library.set_num_threads(threads())
    index = faiss.IndexFlat(x.shape[1], faiss.METRIC_L1 if p == 1 else faiss.METRIC_L2)
    index.add(x.astype(np.float32))
    queries = queries.astype(np.float32)

    def search() -> np.ndarray:
        distances = index.search(queries, K)[0]
        return distances if p == 1 else np.sqrt(distances)

    return search


def by_scikit_learn(x: np.ndarray, queries: np.ndarray, p: int) -> Step:
    model = neighbors.NearestNeighbors(n_neighbors=K, p=p, algorithm="brute", n_jobs=threads())
    model.fit(x.astype(np.float32))
    queries = queries.astype(np.float32)
    return lambda: model.kneighbors(queries)[0]


FAISS, SCIKIT_LEARN = {"FAISS": by_faiss}, {"scikit-learn": by_scikit_learn}
BYTES = partial(Neighbours, size=IMAGES, dtype=np.uint8)
FLOATS = partial(Neighbours, size=DIGITS, dtype=np.float32)
NEIGHBOURS = (
    BYTES("bytes 50,000 × 3,072, 256 queries, L1", queries=256, p=1, peers=FAISS, target=0.08),
    BYTES("bytes 50,000 × 3,072, 32 queries, L1", queries=32, p=1, peers=SCIKIT_LEARN, target=0.02),
    BYTES("bytes 50,000 × 3,072, 1,024 queries, L2", queries=1024, p=2, peers=FAISS, target=0.3),
    FLOATS("float32 60,000 × 784, 10,000 queries, L2", queries=10_000, p=2, peers=FAISS, target=1.0),
    Prediction("KNeighborsClassifier.predict, float32 60,000 × 784, 500 rows"),
)
