"""Networks that start from a file of weights, and of which parts stay as they are."""

import numpy as np
import pytest

from yuanli import nn
from yuanli.data import load
from yuanli.errors import CheckpointError, ValueRangeError
from yuanli.interchange import save_weights
from yuanli.recipes import find, train
from yuanli.recipes.evaluate import open_predictor
from yuanli.recipes.fine_tuning import start_from

QUICK = {"epochs": 1, "batch_size": 100, "source": {"spec": "digits"}, "report": False}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture
def weights(digits, tmp_path):
    """The weights of a trained LeNet-5, as a file."""
    model = open_predictor(train("lenet", digits, out=tmp_path / "first", **QUICK)).model
    save_weights(model, tmp_path / "first.safetensors")
    return tmp_path / "first.safetensors", model.state_dict()


def test_what_is_frozen_stays_and_the_rest_moves(digits, weights, tmp_path):
    path, first = weights
    said = []
    run = train(
        "lenet",
        digits,
        out=tmp_path / "run",
        weights=str(path),
        freeze="c1,c3.weight",
        tell=said.append,
        **QUICK,
    )
    after = open_predictor(run).model.state_dict()
    same = {name for name in first if np.array_equal(first[name], after[name])}
    assert same == {"c1.weight", "c1.bias", "c3.weight"}
    assert "arrays taken over" in said[0]
    frozen = sum(first[name].size for name in same)
    assert said[-1] == f"{61_706 - frozen:,} of 61,706 parameters are trained, the rest frozen"
    assert f"--weights {path} --freeze c1,c3.weight" in run.config["command"]


def test_a_better_start_is_a_better_end(digits, weights, tmp_path):
    path, _ = weights
    options = QUICK | {"lr": 1e-4}
    cold, warm = (
        train("lenet", digits, out=tmp_path / name, **options, **more).metrics()[0]["train_loss"]
        for name, more in (("cold", {}), ("warm", {"weights": str(path)}))
    )
    assert warm < 0.8 * cold


def test_weights_of_other_classes_are_taken_but_for_the_last_layer(weights):
    path, first = weights
    model = find("lenet").build((1, 28, 28), 3, None, np.random.default_rng(1))
    fresh = model.state_dict()
    said = start_from(model, str(path), None)
    after = model.state_dict()
    last = {name for name in first if first[name].shape != after[name].shape}
    assert len(last) == 2
    assert f"misshapen: {', '.join(sorted(last, key=list(first).index))}" in said
    for name in first:
        np.testing.assert_array_equal(after[name], fresh[name] if name in last else first[name])


def test_a_frozen_normalisation_keeps_its_statistics():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4))
    start_from(model, None, "1")
    model.train()
    before = model.state_dict()
    model(np.random.default_rng(0).standard_normal((16, 3)).astype(np.float32) + 5)
    after = model.state_dict()
    assert [model[i].training for i in range(3)] == [True, False, True]
    np.testing.assert_array_equal(before["1.running_mean"], after["1.running_mean"])
    assert (before["2.running_mean"] != after["2.running_mean"]).any()


def test_what_cannot_be_started_leaves_no_folder(digits, tmp_path):
    (tmp_path / "bad.pth").write_bytes(b"not weights at all")
    wrong = [
        ({"freeze": "nothing"}, ValueRangeError, "nothing is called 'nothing'; at the top there are c1"),
        ({"freeze": "*"}, ValueRangeError, "leaves nothing to train"),
        ({"weights": str(tmp_path / "bad.pth")}, CheckpointError, "bad.pth"),
        ({"weights": str(tmp_path / "none.pth")}, CheckpointError, "no such file"),
        ({"weights": 3}, ValueRangeError, "weights needs text"),
    ]
    for options, error, message in wrong:
        with pytest.raises(error, match=message):
            train("lenet", digits, out=tmp_path / "run", **QUICK, **options)
        assert not (tmp_path / "run").exists()
