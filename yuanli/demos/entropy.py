"""Entropy and Huffman's code: no code of a text's characters is shorter on average than the entropy."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.errors import DataError
from yuanli.inspection.style import BLUE, GREY, frameless, new_figure, plain_text, save, styled
from yuanli.ops import information

SENTENCE = "learning by gradient descent"  # short enough for a tree one can read
DYADIC = {"a": 0.5, "b": 0.25, "c": 0.125, "d": 0.125}
MOST = 12  # characters whose words are printed


def entropy(out: Path, seed: int = 0, *, file: str = "") -> Demonstration:
    """A text's entropy and the mean length of its Huffman words; equality for powers of ½; a code's tree."""
    text = _text(file)
    counts = Counter(text)
    code = information.HuffmanCode(counts)
    bits = information.entropy(np.array(list(counts.values())) / len(text))
    length = code.mean_length()
    encoded = code.encode(text)
    same = "".join(code.decode(encoded)) == text
    dyadic = information.HuffmanCode(DYADIC)
    dyadic_bits, dyadic_length = information.entropy(list(DYADIC.values())), dyadic.mean_length()
    uniform = float(np.log2(len(counts)))
    rows = [
        [repr(c), n, float(-np.log2(n / len(text))), len(code.words[c]), code.words[c]]
        for c, n in counts.most_common(MOST)
    ]
    lines = [
        f"{file or 'a description of data'}: {len(text):,} characters, {len(counts)} different ones",
        *table(["character", "count", "−log₂ p", "bits", "word"], rows),
        f"entropy {bits:.4f} ≤ mean length {length:.4f} < entropy + 1; log₂ {len(counts)} = {uniform:.2f}",
        f"{len(encoded):,} bits in all, {100 * len(encoded) / (8 * len(text)):.1f} % of a byte each; "
        f"decoded to the same text: {same}",
        f"p = (½, ¼, ⅛, ⅛): entropy {dyadic_bits:g} bits, mean length {dyadic_length:g}: equal",
    ]
    numbers = {
        "entropy": bits,
        "length": length,
        "bits": len(encoded),
        "round_trip": same,
        "dyadic": [dyadic_bits, dyadic_length],
    }
    tree = _tree(information.HuffmanCode(Counter(SENTENCE)))
    return Demonstration(lines, numbers, [save(tree, out / "entropy.png")])


def _text(file: str) -> str:
    """The file's text; without one, the description that comes with scikit-learn's breast cancer data."""
    if not file:
        from sklearn.datasets import load_breast_cancer

        return load_breast_cancer().DESCR
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as a text in UTF-8: {error}") from None
    if not text:
        raise DataError(f"{file} is empty; a code needs a text")
    return text


@styled
def _tree(code: information.HuffmanCode) -> Figure:
    """The code of SENTENCE: 0 to the left, 1 to the right, each character where its word ends."""
    leaves = {word: symbol for symbol, word in code.words.items()}
    across = {word: float(i) for i, word in enumerate(sorted(leaves))}
    inner = {word[:k] for word in leaves for k in range(len(word))}
    for prefix in inner:
        below = [across[word] for word in leaves if word.startswith(prefix)]
        across[prefix] = (min(below) + max(below)) / 2
    figure = new_figure(0.62 * len(leaves) + 0.6, 4.6)
    axes = figure.add_subplot()
    frameless(axes)
    for word, x in across.items():
        if word:
            top = (across[word[:-1]], -len(word) + 1)
            axes.plot([top[0], x], [top[1], -len(word)], color=GREY, lw=1, zorder=1)
            middle = ((top[0] + x) / 2, (top[1] - len(word)) / 2)
            box: Any = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text(*middle, word[-1], fontsize=8, color=BLUE, ha="center", va="center", bbox=box)
        if word in leaves:
            box = {"facecolor": "white", "edgecolor": GREY, "boxstyle": "round,pad=0.2"}
            symbol = "␣" if leaves[word] == " " else plain_text(leaves[word])
            label = f"{symbol}\n{code.counts[leaves[word]]:g}"
            axes.text(x, -len(word), label, fontsize=10, ha="center", va="top", bbox=box)
        else:
            axes.plot(x, -len(word), "o", color=GREY, ms=5, zorder=2)
    depth = max(map(len, leaves))
    axes.set(xlim=(-0.7, len(leaves) - 0.3), ylim=(-depth - 0.9, 0.3))
    axes.set_title(f"“{SENTENCE}”: {code.mean_length():.3f} bits a character")
    return figure
