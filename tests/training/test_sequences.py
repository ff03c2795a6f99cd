"""Truncated backpropagation through time by the one loop: states go on, gradients do not, runs resume."""

import math

import numpy as np
import pytest

from yuanli import nn
from yuanli.data.batches import Batches
from yuanli.data.streams import Streams
from yuanli.errors import CheckpointError, NotFiniteError
from yuanli.models import LanguageModel
from yuanli.models.language_model import next_token_loss
from yuanli.ops import cross_entropy
from yuanli.optim import SGD, Adam, NoImprovement, OneCycle
from yuanli.tensor import Tensor
from yuanli.training import Checkpoints, Hook, fit, judge, snapshot

TEXT = np.random.default_rng(0).integers(0, 5, 101)
X, Y = TEXT[:-1], TEXT[1:]
EPOCHS, STEPS = 2, 10  # of 5 batches each: 4, 4, 4, 4 and 4 steps of 5 streams


def new_model(kind="lstm", dropout=0.3):
    return LanguageModel(5, kind, 3, 4, 2, dropout=dropout, rng=np.random.default_rng(1))


def train(hooks=(), resume=None, kind="lstm"):
    model = new_model(kind)
    return model, fit(
        model,
        next_token_loss,
        Adam(model.parameters(), lr=0.01),
        Streams(X, Y, 5, 4),
        epochs=EPOCHS,
        schedule=OneCycle(STEPS),
        clip=1.0,
        validation=Streams(X[:30], Y[:30], 2, 6),
        stop_at_epoch=NoImprovement(50, better="lower"),
        hooks=hooks,
        resume=resume,
    )


def result(model, training):
    weights = {name: array.tobytes() for name, array in model.state_dict().items()}
    return weights, [{k: v for k, v in row.items() if k != "seconds"} for row in training.rows]


class StopAfter(Hook):
    def __init__(self, step):
        self.step = step

    def on_step(self, training):
        if training.step == self.step:
            raise TimeoutError


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_resumed_after_any_step_it_ends_with_the_same_bits(tmp_path, kind):
    uninterrupted = result(*train(kind=kind))
    for step in range(1, STEPS + 1):
        checkpoints = Checkpoints(tmp_path / str(step), every=0)
        with pytest.raises(TimeoutError):
            train([checkpoints, StopAfter(step)], kind=kind)
        assert result(*train([], checkpoints.load(), kind=kind)) == uninterrupted, step


def test_the_states_carried_are_part_of_what_is_saved():
    taken = []

    class Take(Hook):
        def on_step(self, training):
            if training.step == 7:
                taken.append(snapshot(training))

    uninterrupted = result(*train([Take()]))
    assert result(*train(resume=taken[0])) == uninterrupted
    forgotten = taken[0] | {"training": taken[0]["training"] | {"carried": None}}
    assert result(*train(resume=forgotten)) != uninterrupted


def test_each_step_is_descent_on_a_stretch_whose_past_is_a_constant():
    """The loop against the same steps by hand: the states go on as arrays, from zeros at an epoch's start."""
    ours, theirs = new_model(dropout=0.0), new_model(dropout=0.0)
    fit(ours, next_token_loss, SGD(ours.parameters(), 0.5), Streams(X, Y, 5, 4), epochs=EPOCHS)
    for _ in range(EPOCHS):
        states = None
        for x, y in Streams(X, Y, 5, 4):
            scores, states = theirs(x, states)
            theirs.zero_grad()
            next_token_loss(scores, y).backward()
            states = [np.array(s.data) for s in states]
            for p in theirs.parameters():
                p.data -= 0.5 * p.grad
    for name, value in ours.state_dict().items():
        np.testing.assert_allclose(value, theirs.state_dict()[name], rtol=1e-6, atol=1e-7)


def test_gradients_stop_where_a_stretch_begins():
    model = new_model(dropout=0.0)
    _, states = model(X[:4, None])
    start = [Tensor(s.data, requires_grad=True) for s in states]
    scores, _ = model(X[4:8, None], start)
    next_token_loss(scores, Y[4:8, None]).backward()
    assert all(np.abs(s.grad).max() > 0 for s in start)  # there is a gradient to be cut off
    whole, _ = model(X[:8, None])
    cut = {name: p.grad.copy() for name, p in model.named_parameters()}
    model.zero_grad()
    next_token_loss(whole[4:], Y[4:8, None]).backward()
    assert any(not np.allclose(p.grad, cut[name]) for name, p in model.named_parameters())


def test_a_text_is_judged_as_one_however_it_is_cut():
    model = new_model().eval()
    scores, _ = model(X[:, None])
    whole = next_token_loss(scores, Y[:, None]).item()
    for steps in (1, 7, 100):
        assert judge(model, next_token_loss, Streams(X, Y, 1, steps))["loss"] == pytest.approx(
            whole, rel=1e-5
        )
    assert judge(model, next_token_loss, Streams(X, Y, 4, 7))["loss"] != pytest.approx(whole, rel=1e-5)


def test_a_checkpoint_of_other_streams_is_refused(tmp_path):
    checkpoints = Checkpoints(tmp_path, every=0)
    train([checkpoints])
    saved = checkpoints.load()
    with pytest.raises(CheckpointError, match="streams: the saved place"):
        train(resume=saved | {"batches": saved["batches"] | {"steps": 5}})


@pytest.mark.parametrize(("layer", "name"), [("embedding", "embedding"), ("recurrent", "recurrent")])
def test_a_layer_that_is_not_finite_is_blamed(layer, name):
    model = new_model()
    next(iter(getattr(model, layer).parameters())).data[...] = math.inf
    says = f"step 1, first seen in the output of {name}"
    with pytest.raises(NotFiniteError, match=says), np.errstate(all="ignore"):
        fit(model, next_token_loss, SGD(model.parameters(), 0.1), Streams(X, Y, 5, 4), epochs=1)


def test_mean_losses_count_numbers_not_rows():
    """A last stretch of fewer steps weighs less: (T, N) targets are T·N examples."""
    seen = []

    class Look(Hook):
        def on_step(self, training):
            seen.append(dict(training.sums))

    model = new_model()
    fit(model, next_token_loss, SGD(model.parameters(), 0.1), Streams(X, Y, 6, 7), epochs=1, hooks=[Look()])
    assert [s["examples"] for s in seen] == [42, 84, 96]


def test_batches_that_do_not_go_on_carry_nothing():
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    model = nn.Linear(3, 2, rng=np.random.default_rng(0))
    y = np.arange(8) % 2
    training = fit(model, cross_entropy, SGD(model.parameters(), 0.1), Batches(x, y, 4), epochs=1)
    assert training.carried is None
