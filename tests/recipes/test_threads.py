"""How many threads a model runs on: little work is done on one."""

import numpy as np
import pytest

from yuanli.kernels.compiler import threads
from yuanli.models import ZOO, LeNet5
from yuanli.nn import Linear
from yuanli.recipes.threads import LITTLE, suitable_threads, work_of


def test_work_is_what_the_summary_counts():
    """ResNet-20's 41 million multiply-adds an image (He 2015), of only 270,000 parameters."""
    model = ZOO["resnet20"](rng=np.random.default_rng(0))
    before = model.state_dict()
    one = work_of(model, (3, 32, 32), 1)
    assert 40e6 < one < 42e6
    assert work_of(model, (3, 32, 32), 128) == 128 * one > LITTLE
    assert model.training
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())
    assert work_of(LeNet5(rng=np.random.default_rng(0)), (1, 32, 32), 32) < LITTLE
    assert work_of(Linear(64, 10, rng=np.random.default_rng(0)), (64,), 5) == 5 * 650


@pytest.mark.skipif(threads() == 1, reason="one thread is all there is")
def test_little_work_runs_on_one_thread(monkeypatch):
    monkeypatch.delenv("YUANLI_THREADS", raising=False)
    before = threads()
    with suitable_threads(LITTLE - 1):
        assert threads() == 1
    with suitable_threads(LITTLE):
        assert threads() == before
    monkeypatch.setenv("YUANLI_THREADS", str(before))
    with suitable_threads(0):
        assert threads() == before
    assert threads() == before
