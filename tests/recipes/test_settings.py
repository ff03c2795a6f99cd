"""Options that make no sense are errors that say what would; every name means what it says."""

import numpy as np
import pytest

from yuanli import nn
from yuanli.errors import UnknownNameError, ValueRangeError
from yuanli.recipes.settings import OPTIMIZERS, SCHEDULES, Settings

GOOD = {"epochs": 2, "lr": 0.1, "batch_size": 8}

BAD = [
    ({"epochs": 0}, "epochs needs a whole number from 1 up, got 0"),
    ({"epochs": 2.5}, "epochs needs a whole number"),
    ({"epochs": True}, "epochs needs a whole number"),
    ({"lr": 0}, "lr needs a number above 0, got 0"),
    ({"lr": -1e-3}, "lr needs a number above 0"),
    ({"lr": float("nan")}, "lr needs a number above 0, got nan"),
    ({"lr": float("inf")}, "lr needs a number above 0"),
    ({"lr": "0.1"}, "lr needs a number above 0, got '0.1'"),
    ({"batch_size": 0}, "batch_size needs a whole number from 1 up"),
    ({"l1": -1}, "l1 needs a number from 0 up, got -1"),
    ({"l2": float("inf")}, "l2 needs a number from 0 up"),
    ({"dropout": 1}, "dropout needs a share from 0 to below 1"),
    ({"validation": -0.1}, "validation needs a share"),
    ({"patience": 0}, "patience needs a whole number"),
    ({"patience": 3, "validation": 0}, "patience watches the validation loss"),
    ({"clip": 0}, "clip needs a number above 0"),
    ({"augment": 1}, "augment needs yes or no"),
    ({"optimizer": "adma"}, "no optimizer is called 'adma'; did you mean adam"),
    ({"optimizer": None}, "no optimizer is called None"),
    ({"schedule": "onecycle"}, "no schedule is called 'onecycle'; did you mean one-cycle"),
    ({"schedule": "zzz"}, "there are: constant, step"),
]


@pytest.mark.parametrize(("option", "message"), BAD)
def test_bad_options_are_refused(option, message):
    with pytest.raises((ValueRangeError, UnknownNameError), match=message):
        Settings(**GOOD | option)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_descends(name):
    settings = Settings(**GOOD | {"optimizer": name, "lr": 0.01})
    model = nn.Linear(3, 1, rng=np.random.default_rng(0))
    optimizer = settings.make_optimizer(model)
    assert optimizer.lr == 0.01
    before = model.weight.data.copy()
    model(np.ones((1, 3), np.float32)).sum().backward()
    optimizer.step()
    assert (model.weight.data < before).all()


ENDS = {  # the factor at the first and the last of 100 steps
    "constant": (1, 1),
    "step": (1, 0.1**3),
    "milestones": (1, 0.01),
    "exponential": (1, 0.01 ** (99 / 100)),
    "inverse-time": (1, 1 / (1 + 9 * 99 / 100)),
    "cosine": (1, (1 + np.cos(np.pi * 0.99)) / 2),
    "one-cycle": (1 / 25, 1 / 25e4),
    "warm-up": (0.1, 1),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_spans_the_training(name):
    schedule = Settings(**GOOD | {"schedule": name}).make_schedule(100)
    assert (schedule(0), schedule(99)) == pytest.approx(ENDS[name])
    for steps in (1, 2, 3):  # the shortest trainings
        short = Settings(**GOOD | {"schedule": name}).make_schedule(steps)
        assert all(0 <= short(t) <= 1 for t in range(steps))
