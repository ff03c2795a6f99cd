"""The optimisers' steps: compiled ones give the bits of their twins, small or large, whatever the layout."""

import numpy as np
import pytest

from yuanli.kernels import updates
from yuanli.kernels.elementwise import LARGE

STEPS = {  # how many arrays a step remembers, and its settings
    "descend": (0, [(0.1, 0.0), (0.1, 0.3)]),
    "descend_with_momentum": (
        1,
        [
            (0.1, 0.0, 0.9, 1, False),
            (0.1, 0.3, 0.9, 1, True),
            (0.1, 0.3, 0.9, 0.5, False),
            (0.1, 0, 0, 1, False),
        ],
    ),
    "adam": (2, [(0.1, 0.0, 0.9, 0.999, 0.0316, 1e-8), (0.01, 0.3, 0.8, 0.9, 1.0, 0.1)]),
}
CASES = [(name, settings) for name, (_, every) in STEPS.items() for settings in every]


def arrays(shape, name, dtype):
    """w, g, what is remembered, all ≥ 0 as squares are; and room for results on the way."""
    rng = np.random.default_rng(0)
    w, g = (rng.normal(size=shape).astype(dtype) for _ in range(2))
    return [w, g, *(rng.random(shape).astype(dtype) for _ in range(STEPS[name][0])), np.empty(shape, dtype)]


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (7, 5), (3, 2, 2, 3), (LARGE + 1,), (300, 301)], ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_of_the_twin(name, settings, shape, dtype):
    ours, theirs = arrays(shape, name, dtype), arrays(shape, name, dtype)
    for array in (ours[1], theirs[1]):
        array.flags.writeable = False  # g is only read
    for _ in range(3):
        getattr(updates, name)(*ours, *settings)
        getattr(updates, f"{name}_numpy")(*theirs, *settings)
    for a, b in zip(ours[:-1], theirs[:-1], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_each_step_is_its_formula(name, settings):
    """In float64, written down once more."""
    w, g, *state, scratch = arrays((4, 3), name, np.float64)
    lr, decay, *rest = settings
    d = g + decay * w
    if name == "descend":
        expected = w - lr * d
    elif name == "descend_with_momentum":
        momentum, gain, nesterov = rest
        v = momentum * state[0] + gain * d
        expected = w - lr * (d + momentum * v if nesterov else v)
    else:
        beta1, beta2, root2, eps = rest
        m, v = beta1 * state[0] + (1 - beta1) * d, beta2 * state[1] + (1 - beta2) * d * d
        expected = w - lr * m / (np.sqrt(v) / root2 + eps)
    getattr(updates, name)(w, g, *state, scratch, *settings)
    np.testing.assert_allclose(w, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
@pytest.mark.parametrize("size", [(6, 5), (301, 300)])
def test_arrays_in_another_order_of_memory(name, settings, size):
    expected = arrays(size, name, np.float32)
    getattr(updates, f"{name}_numpy")(*expected, *settings)
    for turned in (slice(0, None), slice(1, 2), slice(2, -1)):  # all; g alone; what is remembered alone
        ours = arrays(size, name, np.float32)
        ours[turned] = [np.asfortranarray(a) for a in ours[turned]]
        getattr(updates, name)(*ours, *settings)
        for a, b in zip(ours[:-1], expected[:-1], strict=True):
            np.testing.assert_array_equal(a, b)
