"""`export`: other programs give a run's answers."""

import json

import numpy as np
import pytest

from yuanli import recipes
from yuanli.cli import main
from yuanli.data import load
from yuanli.errors import CheckpointError, UnsupportedError
from yuanli.interchange import read_weights
from yuanli.recipes.evaluate import open_predictor
from yuanli.recipes.export import Deployed, export
from yuanli.training import Run

RUNS = {"lenet": "digits", "mlp": "diabetes", "linear": "iris"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for model, data in {**RUNS, "knn": "iris"}.items():
        given = {} if model == "knn" else {"epochs": 1}
        recipes.train(model, load(data), out=folder / model, **given)
    return folder


@pytest.mark.parametrize("ending", ["safetensors", "pth", "pdparams"])
def test_weights_alone(ending, runs, tmp_path):
    assert export(runs / "lenet", weights=tmp_path / f"w.{ending}") == [f"Weights: {tmp_path}/w.{ending}"]
    own = open_predictor(Run.open(runs / "lenet")).model.state_dict()
    found = read_weights(tmp_path / f"w.{ending}")
    assert found.keys() == own.keys()
    np.testing.assert_array_equal(found["c1.weight"], own["c1.weight"])


def test_what_is_no_network_is_refused(runs, tmp_path):
    with pytest.raises(UnsupportedError, match="holds a knn"):
        export(runs / "knn", weights=tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=r"written as \.safetensors"):
        export(runs / "lenet", weights=tmp_path / "w.bin")


@pytest.mark.reference
@pytest.mark.parametrize("model", RUNS)
def test_onnxruntime_gives_the_runs_answers(model, runs, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    said = export(runs / model, onnx=tmp_path / "m.onnx")
    assert "read again" in said[1]
    predictor = open_predictor(Run.open(runs / model))
    rows = load(RUNS[model]).test.x[:7]
    whole = Deployed(predictor)
    steps = [s for s in predictor.prepare.steps if type(s).__name__ in ("Resize", "EncodeTable")]
    given = rows
    for step in steps:
        given = step.transform(given)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), options)
    (found,) = session.run([whole.gives], {"rows": given.astype(np.float32)})
    expected = predictor(rows)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)
    notes = session.get_modelmeta().custom_metadata_map
    assert notes["model"] == model
    assert tuple(json.loads(notes["classes"])) == predictor.classes


@pytest.mark.reference
def test_what_is_no_graph_of_operations_is_refused(runs, tmp_path):
    with pytest.raises(UnsupportedError, match="holds a knn"):
        export(runs / "knn", onnx=tmp_path / "m.onnx")


@pytest.mark.reference
def test_from_the_command_line(runs, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["export", str(runs / "linear"), "--onnx", str(tmp_path / "m.onnx")])
    assert not exit.value.code
    out = capsys.readouterr().out
    assert f"ONNX: {tmp_path}/m.onnx" in out
    assert "rows (N, 4)" in out
    with pytest.raises(SystemExit) as exit:
        main(["export", str(runs / "linear")])
    assert exit.value.code == 2
    assert "--onnx FILE" in capsys.readouterr().err
