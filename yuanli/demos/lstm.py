"""What the gates of an LSTM do, word by word."""

from functools import partial
from pathlib import Path

import numpy as np

from yuanli import nn
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table
from yuanli.errors import DataError
from yuanli.inspection.sequences import gates as draw
from yuanli.inspection.style import save
from yuanli.kernels.recurrent import sigmoid
from yuanli.models import TextLSTM
from yuanli.ops import softmax
from yuanli.recipes.learn import learn
from yuanli.recipes.text import TextLSTMRecipe
from yuanli.tensor import no_grad

SENTENCE = "although the story was not boring , the ending was really weak ."
UNITS = 24  # few enough to be seen one by one


class Small(TextLSTMRecipe):
    """The recipe of `textlstm` for a network of few units."""

    model = partial(TextLSTM, hidden_size=UNITS)


def lstm(out: Path, seed: int = 0, *, text: str = SENTENCE, epochs: int = 12) -> Demonstration:
    """An LSTM learns to tell good reviews from bad ones; then a text is read with its gates in view."""
    split = load("reviews", seed=seed)
    recipe = Small()
    settings = recipe.chosen(split.train, {"epochs": epochs, "validation": 0.0})
    predictor, _ = learn(recipe, settings, split.train, seed=seed)
    model = predictor.model
    assert isinstance(model, TextLSTM)
    right = float((predictor(split.test.x).argmax(1) == split.test.y).mean())
    (step,) = predictor.prepare.steps
    words = step.cut(text)
    if not words:
        raise DataError("the text to read needs at least one word")
    tokens = step.vocabulary_.encode(words)
    values, h = gates_of(model.recurrent, model.embedding(tokens).data)
    with no_grad():
        read = np.concatenate([softmax(model(tokens[None, : t + 1]), 1).data for t in range(len(tokens))])
        states, _ = model.recurrent(model.embedding(tokens[:, None]))
    gap = float(np.abs(states.data[:, 0, : h.shape[1]] - h).max())
    means = {name: value.mean(1) for name, value in values.items() if name.endswith("gate")}
    lines = [
        f"{percent(right)} of {len(split.test)} new reviews are told right",
        *table(
            ["word", "positive", *means],
            [
                [w, percent(p), *(float(m[t]) for m in means.values())]
                for t, (w, p) in enumerate(zip(words, read[:, 1], strict=True))
            ],
            digits=3,
        ),
        "i lets the new in, f keeps the old, o lets it be seen: c = f·c + i·g, h = o·tanh c; means of units",
        f"computed gate by gate, as the equations say; the layer's states differ by at most {gap:.1g}",
    ]
    numbers = {
        "accuracy": right,
        "gap": gap,
        "probability": read[:, 1].tolist(),
        "gates": {name: value.tolist() for name, value in means.items()},
    }
    order = np.argsort(values["forget gate"].mean(0))
    shown = {name: value[:, order] for name, value in values.items()}
    figure = draw(words, read[:, 1], shown, split.test.classes)
    return Demonstration(lines, numbers, [save(figure, out / "lstm.png")])


def gates_of(layer: nn.LSTM, x: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The gates and the cell after each step forwards in time, and the states h: x (T, D) → (T, H) each."""
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    weight_ih, weight_hh, bias_ih, bias_hh = (layer.state_dict()[name] for name in names)
    h = c = np.zeros(layer.hidden_size, np.float32)
    seen = []
    for step in x:
        i, f, g, o = np.split(weight_ih @ step + bias_ih + weight_hh @ h + bias_hh, 4)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c = f * c + i * g
        h = o * np.tanh(c)
        seen.append((i, f, o, c, h))
    arrays = [np.array(one) for one in zip(*seen, strict=True)]
    return dict(zip(("input gate", "forget gate", "output gate", "cell"), arrays, strict=False)), arrays[-1]
