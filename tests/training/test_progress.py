"""What is said while a model is trained."""

import io
import time
from types import SimpleNamespace

import pytest

from yuanli.training.progress import Bar, Lines, Waiting

ROW = {
    "lr": 0.0028, "train_loss": 2.18074, "train_accuracy": 0.25833,
    "validation_loss": 1.70149, "validation_accuracy": 0.5625,
}  # fmt: skip


def trained(hook, epochs, seconds_an_epoch=0.01):
    """Run the hook through as many epochs of ten steps as a training of `epochs` has."""
    t = SimpleNamespace(
        epoch=0, epochs=epochs, step=0, seconds=0.0, rows=[], reason="", is_over=False, batches=range(10)
    )
    t.means = lambda: {"loss": 2.18074, "accuracy": 0.25833}
    hook.on_start(t)
    while t.epoch < epochs:
        for _ in range(10):
            t.step += 1
            hook.on_step(t)
        t.epoch += 1
        t.seconds += seconds_an_epoch
        t.rows.append(ROW)
        t.is_over = t.epoch == epochs
        hook.on_epoch(t)
    hook.on_end(t)


def test_a_line_says_where_training_is_and_how_long_it_takes():
    stream = io.StringIO()
    trained(Lines(stream, every=0), 3, seconds_an_epoch=60)
    first = (
        "epoch 1/3  loss 2.181 accuracy 0.2583  validation loss 1.701 accuracy 0.5625  lr 0.0028  2:00 left"
    )
    lines = stream.getvalue().splitlines()
    assert lines[0] == first
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]


def test_many_short_epochs_are_not_many_lines():
    stream = io.StringIO()
    trained(Lines(stream, every=60), 400)
    assert [line.split()[1] for line in stream.getvalue().splitlines()] == ["1/400", "400/400"]


@pytest.mark.parametrize("width", [80, 120])
def test_the_bar_and_its_lines_fit_the_terminal(width, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    bar = Bar(stream)
    bar.bar.console._force_terminal = True
    trained(bar, 40)
    lines = stream.getvalue().splitlines()
    whole = "epoch 12/40  loss 2.181 accuracy 0.2583  validation loss 1.701 accuracy 0.5625"
    assert whole in [line.strip() for line in lines], "not broken in two"
    last = next(line for line in reversed(lines) if "━" in line)
    assert "400/400  loss 2.181  accuracy 0.2583" in last
    assert last.count("━") >= 20


def test_where_there_is_no_epoch_the_time_is_told_until_the_first_begins():
    stream = io.StringIO()
    with Waiting(stream, "gbdt", every=0.02) as waiting:
        deadline = time.monotonic() + 10
        while not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
        waiting.on_start(None)
        told = stream.getvalue()
        time.sleep(0.1)
        assert stream.getvalue() == told
    assert told.splitlines()[0] == "gbdt is learning, 0:00 so far"


def test_on_a_terminal_the_clock_is_wiped_away():
    stream = io.StringIO()
    stream.isatty = lambda: True
    with Waiting(stream, "svm") as waiting:
        waiting.every = 0.01
        deadline = time.monotonic() + 10
        while not stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    *_, line, blank, rest = stream.getvalue().split("\r")
    assert line.startswith("svm is learning, 0:0")
    assert blank == " " * len(line)
    assert rest == ""
