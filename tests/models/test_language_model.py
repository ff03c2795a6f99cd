"""The language model against cells, closed forms and torch's; sampling against its probabilities."""

import itertools

import numpy as np
import pytest
from scipy import special, stats

from yuanli import nn
from yuanli.errors import DataError, UnknownNameError, ValueRangeError
from yuanli.models import LanguageModel
from yuanli.models.language_model import draw, next_token_loss, sample

KINDS = ("rnn", "lstm", "gru")
TOKENS = np.random.default_rng(0).integers(0, 7, (9, 3))
CLOSE = {"rtol": 1e-5, "atol": 1e-5}


def small(kind="lstm", **options):
    return LanguageModel(7, kind, 4, 5, rng=np.random.default_rng(0), **options)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_an_embedding_cells_and_a_linear_layer(kind):
    model = small(kind, num_layers=2)
    cell_type = {"rnn": nn.RNNCell, "lstm": nn.LSTMCell, "gru": nn.GRUCell}[kind]
    weights = model.recurrent.state_dict()
    cells = []
    for layer, width in enumerate((4, 5)):
        cell = cell_type(width, 5)
        cell.load_state_dict({name: weights[f"{name}_l{layer}"] for name in cell.state_dict()})
        cells.append(cell)
    states = [None, None]
    for t, scores in enumerate(model(TOKENS)[0].numpy()):
        x = model.embedding(TOKENS[t])
        for layer, cell in enumerate(cells):
            states[layer] = cell(x, states[layer])
            x = states[layer][0] if kind == "lstm" else states[layer]
        np.testing.assert_allclose(scores, model.output(x).numpy(), **CLOSE)


@pytest.mark.parametrize("kind", KINDS)
def test_text_in_pieces_is_text_at_once(kind):
    model = small(kind, num_layers=2)
    whole, end = model(TOKENS)
    states, pieces = None, []
    for piece in (TOKENS[:4], TOKENS[4:5], TOKENS[5:]):
        scores, states = model(piece, states)
        pieces.append(scores.numpy())
    np.testing.assert_allclose(np.concatenate(pieces), whole.numpy(), **CLOSE)
    for a, b in zip(states, end, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), **CLOSE)


def test_forget_gates_start_open():
    model = small(num_layers=2)
    for layer in (0, 1):
        sums = sum(getattr(model.recurrent, f"{bias}_l{layer}").numpy() for bias in ("bias_ih", "bias_hh"))
        np.testing.assert_array_equal(sums[5:10], 1)
        assert np.abs(sums[:5]).max() < 1


def test_dropout_goes_up_and_not_on_in_time():
    model = small(dropout=0.9, num_layers=1)
    _, first = model(TOKENS)
    _, second = model(TOKENS)
    assert not np.array_equal(model(TOKENS)[0].numpy(), model(TOKENS)[0].numpy())
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_the_loss_at_the_start_is_that_of_guessing():
    model = small()
    model.output.weight.data[...] = 0
    model.output.bias.data[...] = 0
    assert next_token_loss(model(TOKENS)[0], TOKENS).item() == pytest.approx(np.log(7), rel=1e-6)


def test_sampling_goes_on_from_the_prompt():
    """With temperature 0 each token is the likeliest after all before it, read anew from the beginning."""
    model = small().eval()
    written = [3, 1]
    for token in itertools.islice(sample(model, [3, 1], temperature=0), 12):
        assert token == model(np.array(written)[:, None])[0].numpy()[-1, 0].argmax()
        written.append(token)


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.5, None), (2.0, 3), (1.0, 99)])
def test_tokens_are_drawn_with_their_probabilities(temperature, top_k):
    scores = np.array([0.5, 2.0, -1.0, 1.0, 0.0], np.float32)
    kept = np.argsort(-scores)[:top_k]
    p = np.zeros(5)
    p[kept] = special.softmax(scores[kept].astype(np.float64) / temperature)
    rng = np.random.default_rng(0)
    counts = np.bincount([draw(scores, temperature, top_k, rng) for _ in range(4000)], minlength=5)
    assert (counts[p == 0] == 0).all()
    assert stats.chisquare(counts[p > 0], 4000 * p[p > 0]).pvalue > 0.01


def test_the_same_seed_writes_the_same():
    first, second, other = (
        list(itertools.islice(sample(small(), [0], rng=np.random.default_rng(seed)), 20))
        for seed in (1, 1, 2)
    )
    assert first == second != other


def test_sampling_leaves_training_mode_as_it_was():
    model = small(dropout=0.5)
    next(sample(model, [1]))
    assert model.training


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"prompt": []}, DataError, "a prompt of at least one token"),
        ({"temperature": -1}, ValueRangeError, "temperature needs a number from 0 up, got -1"),
        ({"temperature": float("nan")}, ValueRangeError, "temperature needs"),
        ({"top_k": 0}, ValueRangeError, "top_k needs a whole number from 1 up, got 0"),
    ],
)
def test_bad_sampling(options, error, says):
    with pytest.raises(error, match=says):
        sample(small(), **{"prompt": [1], **options})


def test_a_kind_nobody_knows():
    with pytest.raises(UnknownNameError, match="rnn or lstm or gru, got 'transformer'"):
        LanguageModel(7, "transformer")


@pytest.mark.reference
@pytest.mark.parametrize("kind", KINDS)
def test_scores_and_gradients_equal_torch_s(kind):
    import torch

    model = small(kind, num_layers=2)
    embedding = torch.nn.Embedding(7, 4)
    recurrent = getattr(torch.nn, kind.upper())(4, 5, 2)
    output = torch.nn.Linear(5, 7)
    pairs = [(model.embedding, embedding), (model.recurrent, recurrent), (model.output, output)]
    for ours, theirs in pairs:
        theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    scores, _ = model(TOKENS[:-1])
    their_scores = output(recurrent(embedding(torch.tensor(TOKENS[:-1])))[0])
    np.testing.assert_allclose(scores.numpy(), their_scores.detach().numpy(), **CLOSE)
    loss = next_token_loss(scores, TOKENS[1:])
    their_loss = torch.nn.functional.cross_entropy(
        their_scores.reshape(-1, 7), torch.tensor(TOKENS[1:]).reshape(-1)
    )
    assert loss.item() == pytest.approx(their_loss.item(), rel=1e-6)
    loss.backward()
    their_loss.backward()
    for ours, theirs in pairs:
        for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_no_token_of_the_future_is_seen():
    model = small().eval()
    changed = TOKENS.copy()
    changed[5:] = 0
    np.testing.assert_array_equal(model(TOKENS)[0].numpy()[:5], model(changed)[0].numpy()[:5])
