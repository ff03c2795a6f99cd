"""A Huffman code as the tree it is."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from matplotlib.figure import Figure

from yuanli.inspection.style import BLUE, GREY, RED, frameless, new_figure, plain_text, styled
from yuanli.ops.information import HuffmanCode


@styled
def code_tree(
    code: HuffmanCode,
    title: str,
    label: Callable[[Hashable], str],
    way: Hashable | None = None,
    turns: Mapping[str, str] | None = None,
) -> Figure:
    """0 to the left, 1 to the right, each symbol's `label` where its word ends.

    way: a symbol whose way is marked.  turns: what is written beside a branch instead of 0 and 1, by the word
    so far.
    """
    leaves = {word: symbol for symbol, word in code.words.items()}
    across = {word: float(i) for i, word in enumerate(sorted(leaves))}
    for prefix in {word[:k] for word in leaves for k in range(len(word))}:
        below = [across[word] for word in leaves if word.startswith(prefix)]
        across[prefix] = (min(below) + max(below)) / 2
    marked = code.words[way] if way is not None else None
    wide = max(len(line) for symbol in leaves.values() for line in label(symbol).split("\n"))
    upright = wide > 2  # words: turned, so that they fit beside each other
    depth = max(map(len, leaves))
    across_a_leaf, below_it = (0.32, 0.1 * wide) if upright else (0.62, 0.4)
    figure = new_figure(across_a_leaf * len(leaves) + 0.6, 0.65 * depth + below_it + 0.6)
    axes = figure.add_subplot()
    frameless(axes)
    for word, x in across.items():
        on_the_way = marked is not None and marked.startswith(word)
        colour = RED if on_the_way else GREY
        if word:
            top = (across[word[:-1]], -len(word) + 1)
            axes.plot([top[0], x], [top[1], -len(word)], color=colour, lw=2 if on_the_way else 1, zorder=1)
            middle = ((top[0] + x) / 2, (top[1] - len(word)) / 2)
            box: Any = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            text = word[-1] if turns is None else turns.get(word, "")
            blue = RED if on_the_way else BLUE
            axes.text(*middle, text, fontsize=8, color=blue, ha="center", va="center", bbox=box)
        if word in leaves:
            box = {"facecolor": "white", "edgecolor": colour, "boxstyle": "round,pad=0.2"}
            name = "\n".join(map(plain_text, label(leaves[word]).split("\n")))
            turned = 90 if upright else 0
            axes.text(x, -len(word), name, fontsize=10, ha="center", va="top", bbox=box, rotation=turned)
        else:
            axes.plot(x, -len(word), "o", color=colour, ms=5, zorder=2)
    axes.set(xlim=(-0.7, len(leaves) - 0.3), ylim=(-depth - below_it / 0.5 - 0.1, 0.3))
    axes.set_title(title)
    return figure
