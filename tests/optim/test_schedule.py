"""Schedules against closed forms and torch."""

import math

import pytest

from yuanli.errors import DTypeError, ValueRangeError
from yuanli.optim import Constant, Cosine, Exponential, InverseTime, MultiStep, OneCycle, Step, WarmUp


@pytest.mark.parametrize(
    ("schedule", "factors"),
    [  # {step: factor}
        (Constant(), {0: 1, 1000: 1}),
        (Step(10), {0: 1, 9: 1, 10: 0.1, 19: 0.1, 20: 0.01}),
        (Step(3, gamma=0.5), {2: 1, 3: 0.5, 6: 0.25}),
        (MultiStep((4, 6)), {0: 1, 3: 1, 4: 0.1, 5: 0.1, 6: 0.01, 99: 0.01}),
        (Exponential(0.9), {0: 1, 1: 0.9, 10: 0.9**10}),
        (InverseTime(0.5), {0: 1, 2: 0.5, 18: 0.1}),
        (InverseTime(0), {7: 1}),
        (Cosine(100), {0: 1, 50: 0.5, 100: 0, 101: 0, 10**6: 0, 25: (1 + math.sqrt(0.5)) / 2}),
        (Cosine(100, final=0.2), {0: 1, 50: 0.6, 100: 0.2, 300: 0.2}),
        (OneCycle(101, rise=51 / 101), {0: 1 / 25, 25: 0.52, 50: 1, 100: 1 / 25e4, 1000: 1 / 25e4}),
        (WarmUp(4), {0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 100: 1}),
        (WarmUp(4, Cosine(10)), {0: 0.25, 3: 1, 4: 1, 9: 0.5, 14: 0, 20: 0}),
        (WarmUp(2, WarmUp(2, Step(1))), {0: 0.5, 1: 1, 2: 0.5, 3: 1, 4: 1, 5: 0.1}),
    ],
    ids=str,
)
def test_factors(schedule, factors):
    for step, factor in factors.items():
        assert schedule(step) == pytest.approx(factor, rel=1e-12, abs=1e-15)


@pytest.mark.reference
@pytest.mark.parametrize(
    ("schedule", "theirs", "steps"),
    [
        (Step(7, 0.3), lambda lr, o: lr.StepLR(o, 7, 0.3), 40),
        (MultiStep((5, 11, 30), 0.3), lambda lr, o: lr.MultiStepLR(o, [5, 11, 30], 0.3), 40),
        (Exponential(0.95), lambda lr, o: lr.ExponentialLR(o, 0.95), 40),
        (Cosine(40, 0.25), lambda lr, o: lr.CosineAnnealingLR(o, 40, eta_min=0.5), 40),
        (OneCycle(40), lambda lr, o: lr.OneCycleLR(o, 2.0, 40), 39),
        (
            OneCycle(33, 0.4, 10, 100),
            lambda lr, o: lr.OneCycleLR(o, 2.0, 33, None, None, 0.4, "cos", True, 0.8, 0.9, 10, 100),
            32,
        ),
        (WarmUp(10), lambda lr, o: lr.LinearLR(o, 1 / 10, total_iters=9), 40),
    ],
    ids=str,
)
def test_equals_torch(schedule, theirs, steps):
    """The factors of a base learning rate of 2."""
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0, momentum=0.9)
    reference = theirs(torch.optim.lr_scheduler, optimizer)
    for t in range(steps + 1):
        assert 2 * schedule(t) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9)
        if t < steps:
            optimizer.step()
            reference.step()


def test_a_schedule_is_a_value():
    assert WarmUp(4, Cosine(10)) == WarmUp(4, Cosine(10)) != WarmUp(4, Cosine(11))
    assert repr(WarmUp(4, Cosine(10))) == "WarmUp(steps=4, then=Cosine(steps=10, final=0.0))"


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Cosine("10"), "Cosine needs a number as steps, got '10'"),
        (lambda: WarmUp(3, lambda t: 1.0), "needs a Schedule to go on with"),
        (lambda: Step(0), "Step needs every > 0, got 0"),
        (lambda: MultiStep((3, -1)), "MultiStep needs milestone"),
        (lambda: Exponential(-1), "gamma > 0"),
        (lambda: InverseTime(-1), "k ≥ 0"),
        (lambda: Cosine(0), "steps > 0"),
        (lambda: Cosine(5, final=-1), "final ≥ 0"),
        (lambda: OneCycle(10, rise=1.0), "a rise < 1, got 1.0 of 10 steps"),
        (lambda: OneCycle(3), "more than one step up"),
        (lambda: WarmUp(0), "steps > 0"),
        (lambda: Constant()(-1), "Constant needs step ≥ 0, got -1"),
    ],
)
def test_refuses(make, match):
    with pytest.raises((ValueRangeError, DTypeError), match=match):
        make()
