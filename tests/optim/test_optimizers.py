"""Optimisers step for step against torch, by hand, and in what they keep, skip and refuse."""

import numpy as np
import pytest

from tests.references.make_optim import CONFIGURATIONS, PATH, STEPS, ask_torch, gradients, start, title
from yuanli import Tensor
from yuanli.errors import CheckpointError, DTypeError, GradientError, ShapeError, ValueRangeError
from yuanli.optim import SGD, Adagrad, Adam, AdamW, RMSprop

OURS = {c.__name__: c for c in (SGD, Adam, AdamW, RMSprop, Adagrad)}
TORCH = dict(np.load(PATH))
every = pytest.mark.parametrize(("name", "options"), CONFIGURATIONS, ids=[title(*c) for c in CONFIGURATIONS])


def leaves(dtype=np.float64):
    return [Tensor(a.astype(dtype), requires_grad=True) for a in start()]


def step(optimizer, weight, bias):
    weight.grad, bias.grad = (g.astype(weight.dtype) for g in gradients(weight.data, bias.data))
    optimizer.step()


def path(name, options, dtype=np.float64):
    """Weight and bias after every step, (STEPS, 15)."""
    weight, bias = leaves(dtype)
    optimizer, places = OURS[name]([weight, bias], **options), []
    for _ in range(STEPS):
        step(optimizer, weight, bias)
        places.append(np.concatenate([weight.data.ravel(), bias.data]))
    return np.array(places)


@every
def test_20_steps_equal_what_torch_gave(name, options):
    np.testing.assert_allclose(path(name, options), TORCH[title(name, options)], rtol=1e-6, atol=1e-6)


@pytest.mark.reference
@every
def test_20_steps_equal_torch(name, options):
    np.testing.assert_allclose(path(name, options), ask_torch(name, options), rtol=1e-12, atol=1e-12)


@every
def test_float32_stays_close_to_float64(name, options):
    single = path(name, options, np.float32)
    np.testing.assert_allclose(single, path(name, options), rtol=1e-4, atol=1e-4)


def numbers(*values):
    """A leaf, and the next gradients it will be given."""
    return Tensor(np.array(values, np.float64), requires_grad=True)


@pytest.mark.parametrize(
    ("make", "after_one", "after_two"),
    [  # from w = 1 with the gradients 2 and 4
        (lambda p: SGD(p, 0.1), 0.8, 0.4),
        (lambda p: SGD(p, 0.1, momentum=0.5), 0.8, 0.8 - 0.1 * (0.5 * 2 + 4)),
        (lambda p: SGD(p, 0.1, momentum=0.5, dampening=0.5), 0.8, 0.8 - 0.1 * (0.5 * 2 + 0.5 * 4)),
        (lambda p: SGD(p, 0.1, momentum=0.5, nesterov=True), 0.7, 0.7 - 0.1 * (4 + 0.5 * (0.5 * 2 + 4))),
        (lambda p: SGD(p, 0.1, weight_decay=3.0, decay=p), 1 - 0.1 * 5, 0.5 - 0.1 * (4 + 1.5)),
        (lambda p: Adam(p, 0.1, eps=0.0), 0.9, 0.9 - 0.1 * (0.58 / 0.19) / (0.019996 / 0.001999) ** 0.5),
        (lambda p: AdamW(p, 0.1, eps=0.0, weight_decay=2.0, decay=p), 0.8 - 0.1, None),
        (lambda p: RMSprop(p, 0.1, alpha=0.75, eps=0.0), 0.8, 0.8 - 0.1 * 4 / (0.75 * 1 + 0.25 * 16) ** 0.5),
        (lambda p: Adagrad(p, 0.1, eps=0.0), 0.9, 0.9 - 0.1 * 4 / 20**0.5),
    ],
)
def test_two_steps_by_hand(make, after_one, after_two):
    w = numbers(1.0)
    optimizer = make([w])
    for gradient, expected in ((2.0, after_one), (4.0, after_two)):
        w.grad = np.array([gradient])
        optimizer.step()
        if expected is not None:
            assert w.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("optimizer", OURS.values())
def test_moves_a_point_of_any_shape_downhill(optimizer):
    """f(x, y) = x² + 10 y² on a pair, on a number, and with rows that are not in order in memory."""
    for data in (np.array([2.0, -1.0]), np.array(3.0), np.arange(6.0).reshape(2, 3).T + 1):
        point = Tensor(data.copy(order="K"), requires_grad=True)
        held = point.data
        opt = optimizer([point], lr=0.05)
        before = (point * point).sum().item()
        for _ in range(30):
            opt.zero_grad()
            (point * point).sum().backward()
            opt.step()
        assert (point * point).sum().item() < 0.9 * before
        assert point.data is held, "the array itself must be moved, others may hold it"


@pytest.mark.parametrize("optimizer", OURS.values())
def test_gradients_are_read_only_to_a_step(optimizer):
    w = numbers(1.0, 2.0)
    w.grad = np.array([3.0, 4.0])
    opt = optimizer([w], lr=0.1)
    for _ in range(3):
        opt.step()
    assert w.grad.tolist() == [3.0, 4.0]


@pytest.mark.parametrize("optimizer", OURS.values())
def test_a_tensor_without_gradient_stays_and_its_steps_are_not_counted(optimizer):
    """What moves later moves as if it had been alone."""
    a, b, alone = numbers(1.0), numbers(1.0), numbers(1.0)
    both, one = optimizer([a, b], lr=0.1), optimizer([alone], lr=0.1)
    a.grad = np.array([1.0])
    both.step()
    assert b.item() == 1
    a.grad, b.grad, alone.grad = None, np.array([2.0]), np.array([2.0])
    for _ in range(2):
        both.step()
        one.step()
    assert b.item() == alone.item() != 1
    both.zero_grad()
    assert b.grad is None


def test_weight_decay_is_for_weights_and_not_for_biases():
    weight, bias = leaves()
    weight.grad, bias.grad = np.zeros((3, 4)), np.zeros(3)
    SGD([weight, bias], lr=0.1, weight_decay=5.0).step()
    np.testing.assert_allclose(weight.data, start()[0] * (1 - 0.1 * 5.0))
    np.testing.assert_array_equal(bias.data, start()[1])
    SGD([weight, bias], lr=0.1, weight_decay=5.0, decay=[bias]).step()
    np.testing.assert_allclose(bias.data, start()[1] * 0.5)


def test_a_frozen_tensor_may_be_among_them():
    frozen, w = Tensor(np.ones(2)), numbers(1.0)
    w.grad = np.array([1.0])
    SGD([frozen, w], lr=0.5).step()
    assert frozen.data.tolist() == [1, 1]
    assert w.item() == 0.5


@every
def test_continues_bit_for_bit(name, options):
    weight, bias = leaves()
    optimizer = OURS[name]([weight, bias], **options)
    for _ in range(3):
        step(optimizer, weight, bias)
    optimizer.lr *= 0.5
    saved = {k: np.copy(v) if isinstance(v, np.ndarray) else v for k, v in optimizer.state_dict().items()}
    again = [Tensor(p.data.copy(), requires_grad=True) for p in (weight, bias)]
    for _ in range(3):
        step(optimizer, weight, bias)
    other = OURS[name](again, **options)
    other.load_state_dict(saved)
    for _ in range(3):
        step(other, *again)
    np.testing.assert_array_equal(again[0].data, weight.data)
    np.testing.assert_array_equal(again[1].data, bias.data)
    assert other.lr == optimizer.lr


def test_a_state_is_arrays_and_plain_numbers():
    weight, bias = leaves()
    optimizer = Adam([weight, bias])
    assert optimizer.state_dict() == {"lr": 1e-3}
    step(optimizer, weight, bias)
    state = optimizer.state_dict()
    assert sorted(state) == [
        "exp_avg.0",
        "exp_avg.1",
        "exp_avg_sq.0",
        "exp_avg_sq.1",
        "lr",
        "step.0",
        "step.1",
    ]
    assert {type(v) for v in state.values()} == {float, int, np.ndarray}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"lr": None}, "lr is missing"),
        ({"lr": "0.1"}, "lr is missing or no number"),
        ({"exp_avg.1": None}, "exp_avg.1 is missing"),
        ({"step.1": None}, "step.1 is missing"),
        ({"exp_avg.2": np.zeros(3)}, "exp_avg.2 is unexpected"),
        ({"momentum_buffer.0": np.zeros(3)}, "momentum_buffer.0 is unexpected"),
        ({"step.0": "20"}, "step.0 is no whole number"),
        ({"exp_avg.0": np.zeros(3)}, r"exp_avg.0 has shape \(3,\), needed \(3, 4\)"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, match):
    weight, bias = leaves()
    optimizer = Adam([weight, bias])
    step(optimizer, weight, bias)
    before = optimizer.state_dict()
    broken = {k: v for k, v in (before | change | {"lr": 7.0} | change).items() if v is not None}
    with pytest.raises(CheckpointError, match=match):
        optimizer.load_state_dict(broken)
    assert optimizer.state_dict() == before


def reader():
    fixed = np.ones(2)
    fixed.flags.writeable = False
    return Tensor(fixed, requires_grad=True)


W = numbers(1.0)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: SGD([], 0.1), ValueRangeError, "got none"),
        (lambda: SGD(W, 0.1), DTypeError, r"got one Tensor; write \[x\]"),
        (lambda: SGD(None, 0.1), DTypeError, "got one NoneType"),
        (lambda: SGD([W], "0.1"), DTypeError, "SGD needs a number as lr, got '0.1'"),
        (lambda: Adam([W], betas=0.9), DTypeError, "two numbers as betas, got 0.9"),
        (
            lambda: SGD([W], 0.1, weight_decay=1, decay=[numbers(1)]),
            ValueRangeError,
            "among those to be moved",
        ),
        (lambda: SGD([W], 0.1, weight_decay=1, decay=W), ValueRangeError, "among those to be moved"),
        (lambda: SGD([np.ones(2)], 0.1), DTypeError, "got ndarray as parameter 0"),
        (lambda: SGD([W * 2], 0.1), GradientError, "parameter 0 was computed from others"),
        (lambda: SGD([Tensor(np.ones(2))], 0.1), GradientError, "none of these would move"),
        (lambda: SGD([W, W], 0.1), ValueRangeError, "twice"),
        (lambda: SGD([reader()], 0.1), ValueRangeError, "read-only"),
        (lambda: SGD([W], 0.0), ValueRangeError, "SGD needs lr > 0, got 0.0"),
        (lambda: SGD([W], -0.1), ValueRangeError, "SGD needs lr > 0, got -0.1"),
        (lambda: Adam([W], np.nan), ValueRangeError, "Adam needs lr > 0, got nan"),
        (lambda: SGD([W], np.inf), ValueRangeError, "got inf"),
        (lambda: SGD([W], 0.1, momentum=-1), ValueRangeError, "momentum ≥ 0, got -1"),
        (lambda: SGD([W], 0.1, nesterov=True), ValueRangeError, "momentum > 0"),
        (lambda: SGD([W], 0.1, 0.9, 0.5, nesterov=True), ValueRangeError, "dampening = 0"),
        (lambda: SGD([W], 0.1, weight_decay=-1), ValueRangeError, "weight_decay ≥ 0"),
        (lambda: SGD([W], 0.1, weight_decay=1), ValueRangeError, r"no tensor with two axes.*decay=\[…\]"),
        (lambda: Adam([W], betas=(1.0, 0.9)), ValueRangeError, "0 ≤ beta1 < 1, got 1.0"),
        (lambda: RMSprop([W], alpha=1.5), ValueRangeError, "0 ≤ alpha < 1"),
        (lambda: Adagrad([W], lr_decay=-1), ValueRangeError, "lr_decay ≥ 0"),
        (lambda: AdamW([W], eps=-1, weight_decay=0), ValueRangeError, "eps ≥ 0"),
    ],
)
def test_refuses(make, error, match):
    with pytest.raises(error, match=match):
        make()


def test_refuses_a_gradient_of_another_shape():
    w = numbers(1.0, 2.0)
    w.grad = np.ones(1)
    with pytest.raises(ShapeError, match=r"parameter 0 has shape \(2,\), but its gradient \(1,\)"):
        SGD([w], 0.1).step()
