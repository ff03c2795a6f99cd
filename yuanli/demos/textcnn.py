"""TextCNN against a bag of words where the order of words decides, and which words spoke for its answer."""

from pathlib import Path

import numpy as np

from yuanli.data import load
from yuanli.data.tokens import tokenize
from yuanli.demos import Demonstration
from yuanli.demos.text import with_interval
from yuanli.errors import DataError
from yuanli.inspection.sequences import evidence
from yuanli.inspection.style import save
from yuanli.models import TextCNN
from yuanli.recipes.learn import learn
from yuanli.recipes.text import BagOfWordsRecipe, TextCNNRecipe
from yuanli.tensor import no_grad
from yuanli.training.metrics import wilson_interval

SHOWN = 3  # texts whose words are coloured


def textcnn(out: Path, seed: int = 0, *, data: str = "reviews", epochs: int = 15) -> Demonstration:
    """Reviews, English or Chinese (`reviews_zh`), in which "not", "but" and "although" turn the meaning."""
    split = load(data, seed=seed)
    if not split.train.is_documents or len(split.train.classes) != 2:
        raise DataError(f"this demonstration needs texts of two classes, and {data} has none: reviews has")
    test, accuracies, predictors = split.test, {}, {}
    for name, recipe in (("bag of words", BagOfWordsRecipe()), ("TextCNN", TextCNNRecipe())):
        settings = recipe.chosen(split.train, {"epochs": epochs, "validation": 0.0})
        predictors[recipe.name], _ = learn(recipe, settings, split.train, seed=seed)
        right = int((predictors[recipe.name](test.x).argmax(1) == test.y).sum())
        accuracies[name] = right / len(test), *wilson_interval(right, len(test))
    predictor = predictors["textcnn"]
    model = predictor.model
    assert isinstance(model, TextCNN)
    longest = np.argsort([-len(text) for text in test.x.tolist()], kind="stable")[:SHOWN]
    lines = [f"{name}: {with_interval(share[0], len(test))}" for name, share in accuracies.items()]
    texts, gaps = [], []
    for i in longest:
        text = str(test.x[i])
        words, tokens = tokenize(text.lower(), "words"), predictor.prepare.transform(test.x[i : i + 1])
        share, margin = contributions(model, tokens, len(words))
        with no_grad():
            scores = model(tokens).data[0]
        gaps.append(abs(float(scores[1] - scores[0]) - margin))
        answer, truth = test.classes[int(scores.argmax())], test.classes[test.y[i]]
        texts.append((words, share, f"{answer}, truly {truth}"))
        strongest = ", ".join(f"{words[j]} {share[j]:+.2f}" for j in np.argsort(-np.abs(share))[:4])
        lines.append(f"{answer} (truly {truth}): {strongest}")
    lines += [
        "Each filter gives its weight to the words of the window it answered most; the sums are the score,",
        f"positive minus negative, to within {max(gaps):.1g}.  A bag of words knows the words and no order.",
    ]
    bow, cnn = (share[0] for share in accuracies.values())
    numbers = {"bow": bow, "textcnn": cnn, "gap": max(gaps), "vocabulary": len(model.embedding.weight)}
    return Demonstration(lines, numbers, [save(evidence(texts, accuracies), out / "textcnn.png")])


def contributions(model: TextCNN, tokens: np.ndarray, words: int) -> tuple[np.ndarray, float]:
    """What each word adds to score 1 − score 0, (words,), and that difference itself, the bias with it.

    A filter's part, its weight times its strongest answer, is shared evenly by the words of that window.
    """
    weight = model.output.weight.data[1] - model.output.weight.data[0]
    bias = model.output.state_dict()["bias"] @ np.array([-1, 1], np.float32)
    share, place = np.zeros(words), 0
    with no_grad():
        for width, answers in zip(model.widths, model.answers(tokens), strict=True):
            c = answers.data[0]  # (maps, windows)
            for start, strongest in zip(c.argmax(1), c.max(1), strict=True):
                part = weight[place] * max(0.0, strongest)
                window = slice(start, min(start + width, words))
                share[window] += part / (window.stop - start)
                place += 1
    return share, float(share.sum() + bias)
