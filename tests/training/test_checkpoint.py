"""Resuming: whatever stops a training, and whenever, it ends with the same bits."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training import tiny
from yuanli.errors import CheckpointError
from yuanli.training import Checkpoints, Hook, snapshot


class StopAt(Hook):
    """Stops the process, so to speak, after a step, or at an epoch's end."""

    def __init__(self, step: int, at_epoch: bool = False) -> None:
        self.step, self.at_epoch = step, at_epoch

    def on_step(self, training):
        if training.step == self.step and not self.at_epoch:
            raise TimeoutError

    def on_epoch(self, training):
        if training.step == self.step and self.at_epoch:
            raise TimeoutError


@pytest.fixture(scope="module")
def uninterrupted():
    return tiny.result(*tiny.train())


STOPS = [(step, False) for step in range(1, tiny.STEPS + 1)] + [(4, True), (8, True), (12, True)]


@pytest.mark.parametrize(("step", "at_epoch"), STOPS)
def test_resumed_at_any_step_it_ends_with_the_same_bits(tmp_path, uninterrupted, step, at_epoch):
    checkpoints = Checkpoints(tmp_path, every=0)
    with pytest.raises(TimeoutError):
        tiny.train([checkpoints, StopAt(step, at_epoch)])
    assert tiny.result(*tiny.train([Checkpoints(tmp_path)], checkpoints.load())) == uninterrupted


def test_the_tiny_training_would_notice(uninterrupted):
    """Each part that is saved matters to the result: left out of the snapshot, the bits differ."""
    taken = []

    class Take(Hook):
        def on_step(self, training):
            if training.step == 6:
                taken.append(snapshot(training))

    tiny.train([Take()])
    assert tiny.result(*tiny.train(resume=taken[0])) == uninterrupted
    fresh = []
    tiny.train([type("First", (Hook,), {"on_start": lambda self, t: fresh.append(snapshot(t))})()])
    for part in ("model", "optimizer", "batches", "generators"):
        changed = taken[0] | {part: fresh[0][part]}
        assert tiny.result(*tiny.train(resume=changed)) != uninterrupted, part


def test_a_snapshot_does_not_go_on_changing(uninterrupted):
    taken = []
    tiny.train([type("Second", (Hook,), {"on_step": lambda self, t: taken.append(snapshot(t))})()])
    for saved in (taken[0], taken[5]):
        assert tiny.result(*tiny.train(resume=saved)) == uninterrupted


def test_two_are_kept_and_a_damaged_one_does_not_matter(tmp_path, uninterrupted):
    with pytest.raises(TimeoutError):
        tiny.train([Checkpoints(tmp_path, every=0), StopAt(6)])
    checkpoints = Checkpoints(tmp_path)
    newest, before = checkpoints.paths()
    assert (newest.stem, before.stem) == ("00000006", "00000005")
    newest.write_bytes(newest.read_bytes()[:-10])
    with pytest.warns(UserWarning, match=r"00000006.safetensors is damaged.*going on from 00000005"):
        saved = checkpoints.load()
    assert tiny.result(*tiny.train([checkpoints], saved)) == uninterrupted
    assert [p.stem for p in checkpoints.paths()] == ["00000012", "00000005"]


def test_without_any_that_can_be_read_the_error_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        Checkpoints(tmp_path).load()
    (tmp_path / "00000003.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"can be read.*00000003"):
        Checkpoints(tmp_path).load()


def test_checkpoints_of_a_training_further_on_are_not_overwritten(tmp_path):
    tiny.train([Checkpoints(tmp_path)])
    with pytest.raises(CheckpointError, match="another folder"):
        tiny.train([Checkpoints(tmp_path)])
    assert [p.stem for p in Checkpoints(tmp_path).paths()] == ["00000012", "00000000"]


def test_what_does_not_fit_is_refused(tmp_path):
    tiny.train([Checkpoints(tmp_path)])
    saved = Checkpoints(tmp_path).load()
    cases = {
        "format": {"format": 0},
        "1 generators": {"generators": saved["generators"][:1]},
        "0 stopping": {"stopping": []},
        "missing 0.weight": {"model": {k: v for k, v in saved["model"].items() if k != "0.weight"}},
        "momentum_buffer": {
            "optimizer": {"lr": 0.1, "step.0": 1, "momentum_buffer.0": np.zeros((4, 1, 3, 3))}
        },
        "batches": {"batches": {**saved["batches"], "rows": 21}},
    }
    for message, change in cases.items():
        with pytest.raises(CheckpointError, match=message):
            tiny.train(resume=saved | change)


KILLED = """
import os, random, signal, sys, time
from pathlib import Path
from tests.training import tiny

folder, kills = Path(sys.argv[1]), int(sys.argv[2])
tiny.train()  # what is slow the first time
began = time.perf_counter()
tiny.train_in(folder / "whole", every=0)
whole = time.perf_counter() - began
random.seed(0)
killed = 0
while killed < kills:
    child = os.fork()
    if child == 0:
        tiny.train_in(folder / "killed", every=0)
        os._exit(0)
    time.sleep(random.uniform(0, whole / 3))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed += os.WIFSIGNALED(status)
    if not os.WIFSIGNALED(status):
        (folder / "killed" / "model").rename(folder / f"model-{killed}")
        for path in (folder / "killed" / "checkpoints").iterdir():
            path.unlink()
tiny.train_in(folder / "killed", every=0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("kills", [20, pytest.param(400, marks=pytest.mark.slow)])
def test_killed_again_and_again_it_ends_with_the_same_bits(tmp_path, kills):
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(kills)]
    environment = os.environ | {"YUANLI_THREADS": "1"}  # as in a forked child; the bits depend on it
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2], env=environment, timeout=600)
    whole = (tmp_path / "whole" / "model").read_bytes()
    ended = [tmp_path / "killed" / "model", *tmp_path.glob("model-*")]
    assert all(path.read_bytes() == whole for path in ended)
    assert not list((tmp_path / "killed" / "checkpoints").glob(".*.tmp"))


def test_saving_refuses_weights_that_are_not_finite(tmp_path):
    from yuanli.errors import NotFiniteError

    class Spoil(Hook):
        def on_step(self, training):
            if training.step == 3:
                next(iter(training.model.parameters())).data[0] = np.inf

    with pytest.raises(NotFiniteError, match=r"0\.weight is no longer finite after step 3"):
        tiny.train([Spoil(), Checkpoints(tmp_path, every=0)])
    assert Checkpoints(tmp_path).load()["training"]["step"] == 2
