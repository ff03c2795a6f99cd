"""Entropy and Huffman's code: no code of a text's characters is shorter on average than the entropy."""

from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from yuanli.demos import Demonstration
from yuanli.demos.text import table
from yuanli.errors import DataError
from yuanli.inspection.code_tree import code_tree
from yuanli.inspection.style import BLUE, GREY, new_figure, save, styled
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
    short = information.HuffmanCode(Counter(SENTENCE))
    title = f"“{SENTENCE}”: {short.mean_length():.3f} bits a character"
    tree = code_tree(short, title, lambda c: f"{'␣' if c == ' ' else c}\n{short.counts[c]:g}")
    pictures = [save(tree, out / "entropy.png"), save(_lengths(code), out / "entropy_lengths.png")]
    return Demonstration(lines, numbers, pictures)


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
def _lengths(code: information.HuffmanCode) -> Figure:
    """Each symbol's bits against −log₂ p, its ideal length, which need not be whole."""
    total = sum(code.counts.values())
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot()
    ideal = np.array([-np.log2(count / total) for count in code.counts.values()])
    bits = np.array([len(code.words[symbol]) for symbol in code.counts])
    share = np.array(list(code.counts.values())) / total
    ends = np.array([0, max(ideal.max(), bits.max()) + 0.5])
    axes.plot(ends, ends, color=GREY, lw=1, label="bits = −log₂ p")
    axes.plot(ends, ends + 1, color=GREY, lw=1, ls=":", label="one bit more")
    axes.scatter(ideal, bits, s=12 + 900 * share, color=BLUE, alpha=0.6, label="a character, by frequency")
    axes.set(xlabel="−log₂ p, bits", ylabel="length of its word, bits", xlim=ends, ylim=ends)
    axes.set_title("Frequent characters have short words")
    axes.legend(loc="upper left")
    return figure
