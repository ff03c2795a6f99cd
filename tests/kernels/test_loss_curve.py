"""ResNet-20 trained with the compiled kernels and with their twins: the losses lie on each other.

How near is near?  Rounding moves numbers across the kinks of the ReLUs, so two exact computations of one
training also part.  How far is measured: initial weights that differ by a rounding error (1e-7 of each, two
draws) give two more curves, and the fast curve may be SPREADS times as far from the twin's as these are from
the fast one.  The learning rate is one at which the loss falls clearly and that distance stays below 1e-3.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from yuanli.kernels.dispatch import KERNELS

pytestmark = pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off")

SPREADS = 3
TRAINING = """
import json, sys
import numpy as np
from yuanli import Tensor, manual_seed, ops, optim
from yuanli.models import CifarResNet
from yuanli.ops import conv

steps, batch, noise, seed, factor = json.loads(sys.argv[1])
exact = conv.conv2d_grad_weight
conv.conv2d_grad_weight = lambda *arguments: exact(*arguments) * np.float32(factor)
manual_seed(0)
model = CifarResNet(20)
rng = np.random.default_rng(seed)
for p in model.parameters():
    p.data *= (1 + noise * rng.normal(size=p.shape)).astype(np.float32)
optimizer = optim.SGD(model.parameters(), lr=0.003)
rng = np.random.default_rng(0)
patterns = rng.normal(size=(10, 3, 16, 16)).astype(np.float32)  # a picture a class, seen through noise
losses = []
for _ in range(steps):
    y = rng.integers(0, 10, batch)
    x = patterns[y] + 0.3 * rng.normal(size=(batch, 3, 16, 16)).astype(np.float32)
    loss = ops.cross_entropy(model(Tensor(x)), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(json.dumps(losses))
"""


def losses(kernels, steps, batch, noise=0.0, seed=0, factor=1.0):
    """The losses of a training; its weight gradients of convolutions times `factor`."""
    done = subprocess.run(
        [sys.executable, "-c", TRAINING, json.dumps([steps, batch, noise, seed, factor])],
        env=os.environ | {"YUANLI_KERNELS": kernels},
        capture_output=True,
        text=True,
    )
    assert not done.returncode, done.stderr[-3000:]
    return np.array(json.loads(done.stdout.splitlines()[-1]))


def apart(a, b):
    """The root of the mean squared distance."""
    return np.sqrt(np.square(a - b).mean())


@pytest.mark.slow
def test_200_steps():
    fast = losses("numba", 200, 16)
    assert fast[-20:].mean() < fast[:5].mean() / 2
    spread = max(apart(fast, losses("numba", 200, 16, noise=1e-7, seed=seed)) for seed in (1, 2))
    assert 1e-6 < spread < 1e-3
    twin = losses("numpy", 200, 16)
    assert apart(fast, twin) < SPREADS * spread
    assert apart(losses("numba", 200, 16, factor=1.01), twin) > SPREADS * spread  # 1 % too large: seen


def test_the_first_10_steps():
    """Rounding moves these losses by 1e-6; then, from the fifth on, numbers across a ReLU's kink by 1e-4."""
    fast, twin, wrong = (losses(k, 10, 8, factor=f) for k, f in (("numba", 1), ("numpy", 1), ("numba", 1.01)))
    for steps, near in ((4, 5e-6), (10, 2e-4)):
        assert apart(fast[:steps], twin[:steps]) < near
        assert apart(wrong[:steps], twin[:steps]) > near
