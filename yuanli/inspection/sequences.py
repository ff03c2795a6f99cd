"""Pictures of what recurrent networks and convolutions do along a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from yuanli.inspection.style import COLOURS, GREY, log_scale, new_figure, panels, plain_text, styled


@styled
def reach(
    gradients: Mapping[str, tuple[np.ndarray, np.ndarray]],
    losses: Mapping[str, Sequence[float]],
    guess: float,
) -> Figure:
    """How far errors reach back, before (dashed) and after learning, and the loss while learning.

    `gradients`: by name, the norm of ∂L/∂x at distance 0, 1, 2, … from the end, before and after; `losses`:
    by name, step by step; `guess`: the loss of always saying the mean.
    """
    figure, axes = panels(1, 2, width=4.8, height=3.8)
    left, right = axes[0]
    for (name, (before, after)), colour in zip(gradients.items(), COLOURS, strict=False):
        left.plot(before, "--", color=colour, lw=1.3)
        left.plot(after, color=colour, label=name)
        loss = np.asarray(losses[name])
        width = max(1, len(loss) // 50)
        smooth = loss[: len(loss) // width * width].reshape(-1, width).mean(1)
        right.plot(np.arange(len(smooth)) * width + width / 2, smooth, color=colour, label=name)
    log_scale(left, "y")
    left.set_ylim(bottom=1e-14)
    left.plot([], "--", color=GREY, lw=1.3, label="before learning")
    left.set(xlabel="steps back in time", title="Size of the gradient")
    log_scale(right, "y")
    left.plot([], ":", color=GREY, lw=1, label="saying the mean")
    right.axhline(guess, color=GREY, lw=1, ls=":")
    right.set(xlabel="training steps", title="Squared error")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=len(losses) + 2)
    return figure


@styled
def gates(
    tokens: Sequence[str], probability: np.ndarray, values: Mapping[str, np.ndarray], classes: Sequence[str]
) -> Figure:
    """Above, the probability of the second class after each token; below, gates and cells, a row a unit.

    `values`: by name, (T, H); gates between 0 and 1, and what has negative values around 0.
    """
    T = len(tokens)
    figure = new_figure(max(6.5, 1.6 + 0.62 * T), 1.9 + 1.75 * len(values))
    axes = figure.subplots(1 + len(values), 1, height_ratios=[1, *[1.25] * len(values)])
    top, *rest = axes
    top.bar(range(T), probability - 0.5, bottom=0.5, width=0.7,
            color=[COLOURS[1] if p < 0.5 else COLOURS[2] for p in probability])  # fmt: skip
    top.axhline(0.5, color=GREY, lw=1)
    top.set(ylim=(0, 1), yticks=[0, 0.5, 1], xlim=(-0.5, T - 0.5))
    top.set_title(f"Probability of “{plain_text(classes[1])}” after each word")
    for axis, (name, value) in zip(rest, values.items(), strict=True):
        signed = value.min() < 0
        limit = np.abs(value).max()
        shown = axis.imshow(
            value.T,
            aspect="auto",
            cmap="PuOr_r" if signed else "viridis",
            vmin=-limit if signed else 0,
            vmax=limit if signed else 1,
            interpolation="nearest",
        )
        axis.set_title(name)
        axis.set(yticks=[], ylabel="units")
        axis.grid(False)
        figure.colorbar(shown, ax=axis, pad=0.01)
    for axis in axes:
        axis.set_xticks(range(T), [plain_text(t, 14) for t in tokens], fontsize=9)
    return figure


@styled
def evidence(
    texts: Sequence[tuple[Sequence[str], np.ndarray, str]], accuracies: Mapping[str, tuple]
) -> Figure:
    """Texts whose words are coloured by what speaks for (green) and against (red), and accuracies as bars.

    `texts`: the words, a number for each, and a caption; `accuracies`: by name, the share and its interval.
    """
    widest = max(len(words) for words, _, _ in texts)
    figure = new_figure(max(7.0, 1.0 + 0.8 * widest), 1.3 + 0.4 * len(accuracies) + 1.0 * len(texts))
    axes = figure.subplots(
        1 + len(texts), 1, height_ratios=[0.5 + 0.5 * len(accuracies), *[1.0] * len(texts)]
    )
    bars, *rest = axes
    names = list(accuracies)[::-1]
    share, low, high = (100 * np.array([accuracies[n][i] for n in names]) for i in range(3))
    bars.barh(range(len(names)), share, height=0.6, color=COLOURS[0], alpha=0.85)
    bars.errorbar(
        share, range(len(names)), xerr=[share - low, high - share], fmt="none", ecolor=GREY, capsize=3
    )
    for i, value in enumerate(share):
        bars.annotate(
            f"{value:.1f} %", (high[i], i), (6, 0), textcoords="offset points", va="center", fontsize=9
        )
    bars.set_yticks(range(len(names)), names)
    bars.set(xlim=(0, 112), xticks=range(0, 101, 20), title="Accuracy on new texts in %")
    bars.grid(False, axis="y")
    limit = max(np.abs(numbers).max() for _, numbers, _ in texts) or 1.0
    for axis, (words, numbers, caption) in zip(rest, texts, strict=True):
        shown = np.full((1, widest), np.nan)
        shown[0, : len(words)] = numbers
        axis.imshow(shown, aspect="auto", cmap="RdYlGn", vmin=-limit, vmax=limit, alpha=0.75)
        for i, word in enumerate(words):
            axis.text(i, 0, plain_text(word, 12), ha="center", va="center", fontsize=9)
        axis.set_title(plain_text(caption, 120), fontsize=9.5)
        axis.set(xticks=[], yticks=[])
        axis.grid(False)
        for spine in axis.spines.values():
            spine.set_visible(False)
    return figure
