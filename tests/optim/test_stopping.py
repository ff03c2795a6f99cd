"""Stopping rules on sequences whose end is known."""

import json

import pytest

from yuanli.errors import CheckpointError, ValueRangeError
from yuanli.optim import Converged, FirstOf, MaxSteps, NoImprovement, Progress, SmallGradient


def stops(rule, sequence):
    """At which of the progresses the rule first gives a reason, and which."""
    for i, progress in enumerate(sequence):
        if reason := rule.check(progress):
            return i, reason
    return None


def values(*numbers):
    return [Progress(step=i, value=v) for i, v in enumerate(numbers)]


def scores(*numbers):
    return [Progress(step=i, score=s) for i, s in enumerate(numbers)]


nan = float("nan")


@pytest.mark.parametrize(
    ("rule", "sequence", "expected"),
    [
        (MaxSteps(3), [Progress(step=s) for s in range(6)], (3, "3 steps made, at most 3 wanted")),
        (MaxSteps(3), [Progress(step=2), Progress(step=7)], (1, "7 steps made, at most 3 wanted")),
        (
            SmallGradient(0.1),
            [Progress(gradient_norm=g) for g in (nan, 1, 0.2, 0.1, 0)],
            (3, "the gradient's norm 0.1 is at most 0.1"),
        ),
        (SmallGradient(0), [Progress(gradient_norm=g) for g in (1, 1e-300)], None),
        (
            Converged(0.1),
            values(3, 2, 1.5, 1.45, 1.45),
            (3, "the loss 1.45 moved by at most 0.1 at 1 checks running"),
        ),
        (
            Converged(0.1, patience=2),
            values(3, 3, 2, 2, 2.05, 0),
            (4, "the loss 2.05 moved by at most 0.1 at 2 checks running"),
        ),
        (Converged(0.1), values(1, 2, 1, 2, nan, nan), None),
        (
            NoImprovement(2),
            scores(0.5, 0.7, None, 0.6, None, 0.7, 0.9),
            (5, "no score better than 0.7 (step 1) at 2 checks running"),
        ),
        (NoImprovement(2), scores(0.5, 0.4, 0.6, 0.5, 0.7), None),
        (
            NoImprovement(2, min_delta=0.1),
            scores(0.5, 0.55, 0.59),
            (2, "no score better than 0.5 (step 0) at 2 checks running"),
        ),
        (
            NoImprovement(1, better="lower"),
            scores(2.0, 1.0, 1.5),
            (2, "no score better than 1 (step 1) at 1 checks running"),
        ),
        (NoImprovement(2), scores(nan, nan), (1, "no usable score at 2 checks running")),
        (NoImprovement(2), scores(nan, 0.5, nan, 0.6, nan), None),
        (
            FirstOf(MaxSteps(4), NoImprovement(2)),
            scores(1, 0, 0, 0),
            (2, "no score better than 1 (step 0) at 2 checks running"),
        ),
        (
            FirstOf(MaxSteps(2), NoImprovement(2)),
            scores(1, 0, 0),
            (2, "2 steps made, at most 2 wanted; no score better than 1 (step 0) at 2 checks running"),
        ),
    ],
)
def test_stops_when_it_should_and_says_why(rule, sequence, expected):
    assert stops(rule, sequence) == expected


@pytest.mark.parametrize(
    "make",
    [lambda: NoImprovement(3), lambda: Converged(0.5, 3), lambda: FirstOf(MaxSteps(99), NoImprovement(3))],
)
@pytest.mark.parametrize("pause", range(5))
def test_continues_from_its_state(make, pause):
    """Interrupted anywhere and sent through JSON, it stops where it would have."""
    sequence = [Progress(step=i, value=v, score=-v) for i, v in enumerate((5, 4, 3, 3, 3, 3, 3))]
    whole, first, second = make(), make(), make()
    end = stops(whole, sequence)
    assert end is not None
    assert stops(first, sequence[:pause]) is None
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert stops(second, sequence[pause:]) == (end[0] - pause, end[1])


def test_refuses_a_foreign_state():
    with pytest.raises(CheckpointError, match="Converged needs a state of"):
        Converged(0.1).load_state_dict(NoImprovement(2).state_dict())
    with pytest.raises(CheckpointError, match="1 stopping rules cannot continue"):
        FirstOf(MaxSteps(1)).load_state_dict({"3.best": 1})


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: MaxSteps(0), "steps > 0"),
        (lambda: SmallGradient(-1), "tolerance ≥ 0"),
        (lambda: Converged(0.1, 0), "patience > 0"),
        (lambda: NoImprovement(2, better="max"), "got 'max'"),
        (lambda: FirstOf(), "at least one rule"),
    ],
)
def test_refuses(make, match):
    with pytest.raises(ValueRangeError, match=match):
        make()
