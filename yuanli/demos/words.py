"""Word vectors from sentences made of a few dozen words, whose neighbours one can foresee."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from yuanli import nn, ops
from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.inspection.code_tree import code_tree
from yuanli.inspection.style import BLUE, GREY, ORANGE, new_figure, plain_text, save, styled
from yuanli.inspection.word_map import principal_plane, spread_out, word_map
from yuanli.ops.information import HuffmanCode
from yuanli.tensor import Tensor
from yuanli.words import Corpus, KeyedVectors, Noise, Word2Vec

ROLES = {  # he and she, and what is said of both
    ("king", "queen"): ("rules", "crown", "throne", "kingdom"),
    ("prince", "princess"): ("rides", "palace", "dance", "heir"),
    ("man", "woman"): ("works", "field", "plough", "village"),
    ("boy", "girl"): ("plays", "school", "lesson", "toy"),
    ("father", "mother"): ("cooks", "kitchen", "supper", "children"),
}
PRONOUNS = (("he", "his"), ("she", "her"))
FRAMES = (
    "the {person} {verb} and {he} loves {his} {a}",
    "{he} is the {person} of the {a} and the {b} is {his}",
    "the {a} of the {person} is {his} and {he} {verb}",
    "{he} {verb} like a {person} near {his} {b}",
)
PAIRS = [("man", "woman", "king", "queen"), ("boy", "girl", "prince", "princess"),
         ("king", "queen", "father", "mother"), ("prince", "princess", "man", "woman")]  # fmt: skip
OPTIONS = {"vector_size": 24, "window": 4, "min_count": 1, "sample": 0, "alpha": 0.05, "epochs": 8}


def sentences(many: int, seed: int = 0) -> list[list[str]]:
    """Sentences of ROLES: who is meant decides the nouns, he or she the pronouns."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(many):
        who = list(ROLES)[rng.integers(len(ROLES))]
        side = rng.integers(2)
        verb, *nouns = ROLES[who]
        a, b = rng.permutation(nouns)[:2]
        he, his = PRONOUNS[side]
        frame = FRAMES[rng.integers(len(FRAMES))]
        made.append(frame.format(person=who[side], verb=verb, he=he, his=his, a=a, b=b).split())
    return made


def learned(text: list[list[str]] | str, seed: int, **options: Any) -> tuple[Word2Vec, list[float]]:
    """A model trained on the sentences, or a file's, and the loss of each epoch."""
    model = Word2Vec(**OPTIONS | options, seed=seed)
    corpus = Corpus(text, "words") if isinstance(text, str) else Corpus(text)
    model.build_vocab(corpus)
    return model, [row["train_loss"] for row in model.train(corpus).rows]


def cbow(out: Path, seed: int = 0, *, many: int = 3000, window: int = 4, file: str = "") -> Demonstration:
    """A word guessed from the mean of its neighbours: the windows, the loss, what the vectors then know."""
    text = sentences(many, seed)
    model, losses = learned(file or text, seed, sg=0, negative=5, window=window)
    words = text[0]
    windows = [[" ".join(words[max(0, i - 2) : i] + words[i + 1 : i + 3]), w] for i, w in enumerate(words)]
    near = {word: model.wv.most_similar(word, topn=3) for word in _shown(model.wv)[:8]}
    lines = [
        f"a sentence: {' '.join(words)}",
        *table(["the neighbours, two to each side", "predict"], windows),
        f"loss in nats a word: {losses[0]:.3f} in the first epoch, {losses[-1]:.3f} in the last",
        *table(["word", "near it", "cosine"], _near_rows(near)),
    ]
    numbers = {"losses": losses, "near": {word: [n for n, _ in pairs] for word, pairs in near.items()}}
    return Demonstration(lines, numbers, [save(_neighbourhoods(model.wv), out / "words.cbow.png")])


def sg(out: Path, seed: int = 0, *, many: int = 3000, window: int = 4, file: str = "") -> Demonstration:
    """Each neighbour guesses the word by itself; he to she is one direction, so that analogies are sums."""
    text = sentences(many, seed)
    model, losses = learned(file or text, seed, sg=1, negative=5, window=window)
    words = text[0]
    pairs = [
        f"{words[j]}→{words[2]}" for j in range(max(0, 2 - window), min(len(words), 3 + window)) if j != 2
    ]
    asked = [q for q in PAIRS if all(word in model.wv for word in q)]
    rows = [[a, b, c, model.wv.most_similar([b, c], [a], 1)[0][0], d] for a, b, c, d in asked]
    lines = [
        f"a sentence: {' '.join(words)}",
        f"pairs for its third word, {words[2]!r}: {', '.join(pairs)}",
        f"loss in nats a pair: {losses[0]:.3f} in the first epoch, {losses[-1]:.3f} in the last",
        *table(["as", "is to", "so is", "to", "hoped for"], rows),
    ]
    numbers = {"losses": losses, "analogies": rows, "right": sum(row[3] == row[4] for row in rows)}
    return Demonstration(lines, numbers, [save(_directions(model.wv), out / "words.sg.png")])


def hs(out: Path, seed: int = 0, *, many: int = 3000, word: str = "queen") -> Demonstration:
    """A word's probability as turns in Huffman's tree: all add up to 1, and few nodes are looked at."""
    text = sentences(many, seed)
    model, losses = learned(text, seed, sg=1, hs=1)
    counts = model.vocabulary.counts
    layer = nn.HierarchicalSoftmax(24, counts)
    layer.weight.data[:] = model.tables.outputs.data[: len(counts) - 1, :24]
    number = model.wv.get_index(word)
    neighbour = {"queen": "throne"}.get(word, "the")
    x = Tensor(model.wv[[neighbour]])
    chance = np.exp(layer.log_prob(x).data[0].astype(np.float64))
    code = HuffmanCode(dict(zip(model.wv.index_to_key, counts.tolist(), strict=True)))
    scores = model.tables.outputs.data[code.nodes[word], :24] @ x.data[0]
    p = ops.sigmoid(Tensor(np.where(code.turns[word], -scores, scores))).data
    nodes = sum(len(code.words[w]) * n for w, n in code.counts.items()) / counts.sum()
    best = [model.wv.index_to_key[i] for i in np.argsort(-chance)[:5]]
    lines = [
        f"{word!r} has the word {code.words[word]} in Huffman's code; beside {neighbour!r} its turns have p",
        "  = " + " × ".join(f"{v:.3f}" for v in p) + f" = {np.prod(p):.4f}",
        f"over all {len(counts)} words these products add up to {chance.sum():.6f}",
        f"most probable beside {neighbour!r}: {', '.join(best)}",
        f"nodes looked at: {nodes:.2f} a word on average, instead of {len(counts)} scores; "
        f"of a million equal words, 20",
        f"loss in nats a pair: {losses[0]:.3f} in the first epoch, {losses[-1]:.3f} in the last; "
        f"knowing nothing is {len(code.words[word])} · ln 2 for this word",
    ]
    numbers = {
        "product": float(np.prod(p)),
        "layer": float(chance[number]),
        "sum": float(chance.sum()),
        "nodes": nodes,
        "losses": losses,
        "best": best,
    }
    turns = {code.words[word][: i + 1]: f"{v:.2f}" for i, v in enumerate(p)}
    tree = code_tree(code, f"The way to “{word}”, and p beside “{neighbour}”", str, word, turns)
    return Demonstration(lines, numbers, [save(tree, out / "words.hs.png")])


def neg(
    out: Path, seed: int = 0, *, many: int = 3000, negative: int = 5, ns_exponent: float = 0.75
) -> Demonstration:
    """The right word against a few drawn ones: how they are drawn, and what it learns."""
    text = sentences(many, seed)
    model, losses = learned(text, seed, sg=1, negative=negative, ns_exponent=ns_exponent)
    counts = model.vocabulary.counts
    wanted = counts**ns_exponent / (counts**ns_exponent).sum()
    drawn = Noise(counts, ns_exponent).draw((200_000,), np.random.default_rng(seed))
    found = np.bincount(drawn, minlength=len(counts)) / len(drawn)
    plain = Counter(word for sentence in text for word in sentence)
    some = [*model.wv.index_to_key[:3], *model.wv.index_to_key[-3:]]
    rows = [
        [w, plain[w], plain[w] / counts.sum(), wanted[i], found[i]]
        for w in some
        for i in [model.wv.get_index(w)]
    ]
    start = (1 + negative) * float(np.log(2))
    near = {word: model.wv.most_similar(word, topn=3) for word in ("king", "school")}
    lines = [
        f"drawn in proportion to count^{ns_exponent:g}: rare words more often than they come",
        *table(["word", "count", "its share", "drawn: wanted", "drawn: found"], rows),
        f"loss in nats a pair: {start:.3f} = {1 + negative} ln 2 before anything is known, "
        f"{losses[0]:.3f} in the first epoch, {losses[-1]:.3f} in the last",
        *table(["word", "near it", "cosine"], _near_rows(near)),
    ]
    numbers = {
        "wanted": wanted.tolist(),
        "found": found.tolist(),
        "counts": counts.tolist(),
        "losses": losses,
        "near": {word: [n for n, _ in pairs] for word, pairs in near.items()},
    }
    picture = _noise(model.wv.index_to_key, counts / counts.sum(), wanted, found, ns_exponent)
    return Demonstration(lines, numbers, [save(picture, out / "words.neg.png")])


def _shown(wv: KeyedVectors) -> list[str]:
    """The people of ROLES, he before she, or of another text its most frequent words."""
    people = [person for pair in ROLES for person in pair if person in wv]
    return people if len(people) == 2 * len(ROLES) else wv.index_to_key[:40]


def _near_rows(near: dict[str, list[tuple[str, float]]]) -> list[list[Any]]:
    return [[word, ", ".join(n for n, _ in pairs), pairs[0][1]] for word, pairs in near.items()]


def _neighbourhoods(wv: KeyedVectors) -> Figure:
    """People and what is said of them, coloured by role; of another text its most frequent words."""
    words, groups = _shown(wv), None
    if words[0] == "king":
        roles = [[*pair, *said] for pair, said in ROLES.items()]
        words = [word for role in roles for word in role]
        groups = [i for i, role in enumerate(roles) for _ in role]
    title = "CBOW: what is used alike lies together"
    return word_map(words, spread_out(wv[words]), groups, title)


def _directions(wv: KeyedVectors) -> Figure:
    """From him to her, in the plane in which people spread most."""
    words, arrows = _shown(wv), []
    if words[0] == "king":
        arrows = [(i, i + 1) for i in range(0, len(words), 2)]
    title = "Skip-gram: from him to her is about one direction"
    groups = [i // 2 for i in range(len(words))] if arrows else None
    return word_map(words, principal_plane(wv[words]), groups, title, arrows)


@styled
def _noise(
    words: list[str], share: np.ndarray, wanted: np.ndarray, found: np.ndarray, exponent: float
) -> Figure:
    """How often each word comes, and how often it is drawn."""
    figure = new_figure(8.0, 3.8)
    axes = figure.add_subplot()
    places = np.arange(len(words))
    axes.bar(places - 0.2, share, 0.4, color=GREY, label="its share of the text")
    axes.bar(places + 0.2, wanted, 0.4, color=ORANGE, label=f"∝ count^{exponent:g}")
    axes.plot(places + 0.2, found, ".", color=BLUE, label="found in 200,000 draws")
    axes.set_xticks(places, [plain_text(word) for word in words], rotation=90, fontsize=8)
    axes.grid(False, axis="x")
    axes.set(ylabel="share", xlim=(-1, len(words)))
    axes.set_title("Words that are drawn as wrong answers")
    axes.legend()
    return figure
