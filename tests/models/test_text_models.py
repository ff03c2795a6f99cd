"""Classifiers of texts against loops, cells, scikit-learn and torch; filling does not count."""

import numpy as np
import pytest

from yuanli import nn
from yuanli.models import BagOfWords, TextCNN, TextLSTM
from yuanli.ops import cross_entropy
from yuanli.optim import SGD

LENGTHS = (6, 1, 9, 0, 3)
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def texts(rng=None):
    rng = rng or np.random.default_rng(0)
    rows = np.zeros((len(LENGTHS), 12), np.int64)
    for row, length in zip(rows, LENGTHS, strict=True):
        row[:length] = rng.integers(1, 11, length)
    return rows


def models():
    rng = np.random.default_rng(0)
    bag = BagOfWords(11, 3, rng=rng)
    bag.weight.weight.data[1:] = rng.normal(size=(10, 3))
    bag.bias.data[...] = rng.normal(size=3)
    return [
        bag,
        TextCNN(11, 3, 4, maps=5, widths=(2, 3, 5), rng=rng).eval(),
        TextLSTM(11, 3, 4, 6, rng=rng).eval(),
    ]


@pytest.mark.parametrize("model", models(), ids=lambda m: type(m).__name__)
def test_a_text_is_read_as_if_alone(model):
    rows = texts()
    together = model(rows).numpy()
    for row, length, scores in zip(rows, LENGTHS, together, strict=True):
        np.testing.assert_allclose(model(row[None, :length]).numpy()[0], scores, **CLOSE)


@pytest.mark.parametrize("model", models(), ids=lambda m: type(m).__name__)
def test_filling_is_never_learned(model):
    cross_entropy(model(texts()), np.array([0, 1, 2, 0, 1])).backward()
    table = (model.weight if isinstance(model, BagOfWords) else model.embedding).weight
    assert (table.grad[0] == 0).all()
    assert np.abs(table.grad[1:]).sum() > 0


def test_text_cnn_is_kim_s_equations():
    model = models()[1]
    for row, length in zip(texts(), LENGTHS, strict=True):
        x = model.embedding.weight.numpy()[row]  # (T, D)
        found = []
        for width in (2, 3, 5):
            conv = getattr(model, f"conv{width}")
            for w, b in zip(conv.weight.numpy()[:, :, 0], conv.bias.numpy(), strict=True):  # (D, width)
                c = [(w * x[t : t + width].T).sum() + b for t in range(max(1, length - width + 1))]
                found.append(max(0, *c))
        expected = model.output.weight.numpy() @ found + model.output.bias.numpy()
        np.testing.assert_allclose(model(row[None]).numpy()[0], expected, **CLOSE)


def test_text_lstm_reads_both_ways():
    model = models()[2]
    weights = model.recurrent.state_dict()
    for row, length in zip(texts(), LENGTHS, strict=True):
        last = []
        for ending, order in (("_l0", range(length)), ("_l0_reverse", reversed(range(length)))):
            cell = nn.LSTMCell(4, 6)
            cell.load_state_dict({name: weights[name + ending] for name in cell.state_dict()})
            state = (np.zeros((1, 6), np.float32), np.zeros((1, 6), np.float32))
            for t in order:
                state = cell(model.embedding(row[t : t + 1]), state)
            last.append(np.asarray(state[0]))
        expected = model.output(np.concatenate(last, 1)).numpy()
        np.testing.assert_allclose(model(row[None]).numpy(), expected, **CLOSE)


def test_a_bag_of_words_ends_where_scikit_learn_s_logistic_regression_does():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(1)
    rows = rng.integers(0, 6, (80, 7))
    rows[:, 1:][rows[:, :-1] == 0] = 0  # filling anywhere would not matter to a bag either
    counts = np.stack([(rows == word).sum(1) for word in range(6)], 1).astype(float)
    y = (counts[:, 1] + 0.7 * rng.normal(size=80) > counts[:, 2]).astype(np.int64)
    model = BagOfWords(6, 2)
    optimizer = SGD(model.parameters(), lr=1.0)
    for _ in range(600):
        optimizer.zero_grad()
        loss = cross_entropy(model(rows), y) + (0.05 / 2) * (model.weight.weight * model.weight.weight).sum()
        loss.backward()
        optimizer.step()
    # two columns of weights ±w/2 cost half as much as one column w: C is doubled
    theirs = LogisticRegression(C=2 / (80 * 0.05), tol=1e-10, max_iter=1000).fit(counts[:, 1:], y)
    w = model.weight.weight.numpy()[1:]
    np.testing.assert_allclose(w[:, 1] - w[:, 0], theirs.coef_[0], atol=1e-4)
    assert model.bias.numpy() @ [-1, 1] == pytest.approx(theirs.intercept_[0], abs=1e-4)


@pytest.mark.reference
def test_text_cnn_equals_torch_s_layers():
    import torch

    rows = np.random.default_rng(0).integers(1, 11, (4, 9))
    ours = TextCNN(11, 3, 4, maps=5, dropout=0.0, rng=np.random.default_rng(0))
    tensors = {name: torch.tensor(p.numpy(), requires_grad=True) for name, p in ours.named_parameters()}
    x = torch.nn.functional.embedding(torch.tensor(rows), tensors["embedding.weight"]).transpose(1, 2)
    strongest = []
    for width in (3, 4, 5):
        weight, bias = tensors[f"conv{width}.weight"][:, :, 0], tensors[f"conv{width}.bias"]
        strongest.append(torch.relu(torch.nn.functional.conv1d(x, weight, bias)).amax(2))
    theirs = torch.nn.functional.linear(
        torch.cat(strongest, 1), tensors["output.weight"], tensors["output.bias"]
    )
    y = np.array([0, 1, 2, 0])
    scores = ours(rows)
    np.testing.assert_allclose(scores.numpy(), theirs.detach().numpy(), **CLOSE)
    cross_entropy(scores, y).backward()
    torch.nn.functional.cross_entropy(theirs, torch.tensor(y)).backward()
    for name, p in ours.named_parameters():
        np.testing.assert_allclose(p.grad, tensors[name].grad.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)
