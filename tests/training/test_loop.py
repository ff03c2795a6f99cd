"""The loop against closed forms and hand-written steps; its stopping, hooks, interruption and failures."""

import os
import signal

import numpy as np
import pytest

from yuanli import nn
from yuanli.data.batches import Batches
from yuanli.errors import NotFiniteError, ValueRangeError
from yuanli.ops import cross_entropy, mse_loss, sqrt
from yuanli.optim import L1, L2, SGD, Converged, MaxSteps, NoImprovement, SmallGradient, Step, sparsity
from yuanli.training import Hook, Interrupted, fit, predict
from yuanli.training.metrics import accuracy

N, D = 50, 4


def problem(seed=0):
    """A linear regression: x (N, D) and y (N,) in float32."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, D)).astype(np.float32)
    return x, (x @ [1, -2, 0, 0.5] + 0.1 * rng.standard_normal(N)).astype(np.float32)


def squared(scores, y):
    return mse_loss(scores[:, 0], y)


def descend(epochs, *, batch_size=N, lr=0.1, data=None, hooks=(), loss=squared, shuffle=False, **options):
    x, y = data or problem()
    model = nn.Linear(D, 1, bias=False, rng=np.random.default_rng(1))
    batches = Batches(x, y, batch_size, shuffle=shuffle, rng=np.random.default_rng(2))
    return model, fit(
        model, loss, SGD(model.parameters(), lr), batches, epochs=epochs, hooks=hooks, **options
    )


def weights_of(model):
    return model.weight.data[0].astype(np.float64)


def initial():
    return weights_of(nn.Linear(D, 1, bias=False, rng=np.random.default_rng(1)))


def gradient(w, x, y):
    return 2 * x.T.astype(np.float64) @ (x @ w - y) / len(y)


def test_batch_descent_ends_at_least_squares():
    x, y = problem()
    model, _ = descend(300)
    np.testing.assert_allclose(weights_of(model), np.linalg.lstsq(x, y)[0], atol=1e-5)


def test_l2_ends_at_ridge_regression():
    x, y = problem()
    model, _ = descend(300, penalty=L2(3.0))  # (1/N)‖xw − y‖² + (3/2)‖w‖²
    ridge = np.linalg.solve(x.T @ x + 1.5 * N * np.eye(D), x.T @ y)
    np.testing.assert_allclose(weights_of(model), ridge, atol=1e-5)


def test_l1_ends_at_the_lasso_with_exact_zeros():
    from sklearn.linear_model import Lasso

    x, y = problem()
    model, _ = descend(500, penalty=L1(1.0))  # scikit-learn's objective is half of this one
    lasso = Lasso(alpha=0.5, fit_intercept=False, tol=1e-8).fit(x.astype(float), y.astype(float))
    np.testing.assert_allclose(weights_of(model), lasso.coef_, atol=1e-5)
    assert sparsity(model)[0] == (lasso.coef_ == 0).sum() > 0


def test_every_step_is_gradient_descent_on_its_batch():
    x, y = problem()
    model, training = descend(2, batch_size=20, schedule=Step(every=4, gamma=0.5))
    w = initial()
    for step in range(6):  # 20, 20 and 10 rows, twice
        rows = slice(20 * (step % 3), 20 * (step % 3) + 20)
        w -= 0.1 * (0.5 if step >= 4 else 1) * gradient(w, x[rows], y[rows])
    np.testing.assert_allclose(weights_of(model), w, rtol=1e-5)
    assert training.step == 6
    assert [row["lr"] for row in training.rows] == [0.1, 0.05]


def test_clipping_shortens_the_step_to_its_norm():
    x, y = problem()
    model, _ = descend(1, clip=0.25)
    g = gradient(initial(), x, y)
    np.testing.assert_allclose(weights_of(model), initial() - 0.1 * 0.25 * g / np.linalg.norm(g), rtol=1e-4)


def test_a_row_of_the_curves_is_the_mean_over_examples():
    x, y = problem()
    seen = []

    class Look(Hook):
        def on_step(self, training):
            seen.append(weights_of(training.model))

    _, training = descend(
        1, batch_size=20, hooks=[Look()], validation=Batches(x[:9], y[:9], 4, shuffle=False)
    )
    before = [initial(), *seen]
    losses = [np.square(x[i : i + 20] @ before[i // 20] - y[i : i + 20]).sum() for i in (0, 20, 40)]
    row = training.rows[0]
    assert row["train_loss"] == pytest.approx(sum(losses) / N, rel=1e-5)
    assert row["validation_loss"] == pytest.approx(np.square(x[:9] @ seen[-1] - y[:9]).mean(), rel=1e-5)
    assert (row["epoch"], row["step"]) == (1, 3)


def test_the_best_weights_are_those_of_the_least_validation_loss():
    x, y = problem()
    wrong = Batches(x, -y, N, shuffle=False)  # validation gets worse the more is learned
    _, training = descend(5, validation=wrong, hooks=[])
    losses = [row["validation_loss"] for row in training.rows]
    assert losses == sorted(losses)
    one, _ = descend(1)
    np.testing.assert_array_equal(training.best["weight"], one.weight.data)


STOPS = [
    ({"stop_at_step": MaxSteps(7)}, 7, 3, "at most 7"),
    ({"stop_at_step": SmallGradient(1e9)}, 1, 1, "gradient's norm"),
    ({"stop_at_epoch": Converged(1e9)}, 6, 2, "by at most 1e+09"),
    ({"stop_at_epoch": NoImprovement(2, better="lower")}, 9, 3, "no score better"),
]


@pytest.mark.parametrize(("options", "steps", "epochs", "reason"), STOPS)
def test_stopping_rules_stop(options, steps, epochs, reason):
    x, y = problem()
    _, training = descend(10, batch_size=20, validation=Batches(x, -y, N, shuffle=False), **options)
    assert (training.step, len(training.rows)) == (steps, epochs)
    assert reason in training.reason


def test_the_metric_is_counted_and_dropout_is_off_where_it_is_judged():
    x = np.random.default_rng(0).standard_normal((40, 6)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    model = nn.Sequential(
        nn.Dropout(0.5, rng=np.random.default_rng(0)), nn.Linear(6, 2, rng=np.random.default_rng(1))
    )
    whole = Batches(x, y, 15, shuffle=False)
    training = fit(
        model, cross_entropy, SGD(model.parameters(), 0.5), whole, epochs=3, metric=accuracy, validation=whole
    )
    scores, targets = predict(model, whole)
    expected = x @ model[1].weight.data.T + model[1].bias.data
    np.testing.assert_allclose(scores, expected, rtol=1e-5)
    np.testing.assert_array_equal(targets, y)
    assert training.rows[-1]["validation_accuracy"] == (expected.argmax(1) == y).mean()
    assert 0 < training.rows[-1]["train_accuracy"] <= 1
    assert model.training


def test_hooks_are_called_in_order():
    events = []

    class Listen(Hook):
        def on_start(self, training):
            events.append("start")

        def on_step(self, training):
            events.append(training.step)

        def on_epoch(self, training):
            events.append(f"epoch {training.epoch}")

        def on_end(self, training):
            events.append("end")

    descend(2, batch_size=30, hooks=[Listen()])
    assert events == ["start", 1, 2, "epoch 1", 3, 4, "epoch 2", "end"]


@pytest.mark.parametrize("epochs", [0, -1, 1.5])
def test_epochs_must_be_a_number_of_them(epochs):
    with pytest.raises(ValueRangeError, match="epochs"):
        descend(epochs)


# What is not finite ----------------------------------------------------------------------------------------


def test_data_that_is_not_finite_is_blamed():
    x, y = problem()
    x[33, 2] = np.inf
    with pytest.raises(NotFiniteError, match=r"step 4, in the data"):
        descend(1, batch_size=10, data=(x, y))


def test_the_layer_where_it_began_is_named():
    x, y = problem()
    model = nn.Sequential(nn.Linear(D, 3), nn.ReLU(), nn.Linear(3, 1))
    model[2].weight.data[:] = 3e38
    model[0].bias.data[:] = 3e38
    with pytest.raises(NotFiniteError, match=r"step 1, first seen in the output of 2 \(Linear\)"):
        fit(model, squared, SGD(model.parameters(), 0.1), Batches(x, y, 10), epochs=1)
    assert "forward" not in vars(model[2])


def test_a_loss_that_diverges_names_the_step():
    with pytest.raises(
        NotFiniteError, match=r"the loss became (inf|nan) at step \d+, .*lower the learning rate"
    ):
        descend(1000, lr=1e3)


def test_a_gradient_that_is_not_finite_names_its_parameter_and_moves_nothing():
    x, y = problem()
    model = nn.Sequential(nn.Linear(D, 3), nn.Linear(3, 1))
    model[0].weight.data[:] = model[0].bias.data[:] = 0
    before = model.state_dict()

    def loss(scores, y):
        hidden = model[0].weight.sum()
        return squared(scores, y) + sqrt(hidden)  # 1/(2√0): infinite in layer 0 only

    with pytest.raises(NotFiniteError, match=r"the gradient of 0\.weight is not finite at step 1"):
        fit(model, loss, SGD(model.parameters(), 0.1), Batches(x, y, 10), epochs=1)
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_large_but_finite_gradients_are_no_failure():
    from yuanli.training.finite import is_finite

    assert is_finite(np.full(10, 3e38, np.float32))
    assert not is_finite(np.array([1, np.nan, np.inf], np.float32))
    assert not is_finite(np.array([np.inf, -np.inf]))
    assert is_finite(np.zeros(0))
    assert is_finite(np.array([3], np.int64))


# Ctrl-C ----------------------------------------------------------------------------------------------------


class PressCtrlC(Hook):
    """Ctrl-C at a step; notes when the loop says that it was interrupted."""

    def __init__(self, step, times=1):
        self.step, self.times, self.seen = step, times, []

    def on_step(self, training):
        if training.step == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)

    def on_interrupt(self, training):
        self.seen.append(training.step)


def test_ctrl_c_ends_after_the_step():
    handler = signal.getsignal(signal.SIGINT)
    press = PressCtrlC(2)
    with pytest.raises(Interrupted, match="after step 2, in epoch 1 of 9"):
        descend(9, batch_size=10, hooks=[press])
    assert press.seen == [2]
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_ends_at_once():
    handler = signal.getsignal(signal.SIGINT)
    press = PressCtrlC(2, times=2)
    with pytest.raises(KeyboardInterrupt) as caught:
        descend(9, batch_size=10, hooks=[press])
    assert not isinstance(caught.value, Interrupted)
    assert press.seen == []
    assert signal.getsignal(signal.SIGINT) is handler


def test_training_outside_the_main_thread_works():
    import threading

    done = []
    thread = threading.Thread(target=lambda: done.append(descend(1)[1].step))
    thread.start()
    thread.join()
    assert done == [1]
