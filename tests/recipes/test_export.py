"""`export`: other programs give a run's answers."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from yuanli import recipes
from yuanli.cli import main
from yuanli.data import load
from yuanli.errors import CheckpointError, UnsupportedError
from yuanli.interchange import read_weights
from yuanli.models import BagOfWords, LanguageModel, TextCNN, TextLSTM
from yuanli.models.gan import dcgan, gan
from yuanli.models.language_model import KINDS
from yuanli.ops import softmax
from yuanli.recipes.deployed import Continues, Paints, Texts
from yuanli.recipes.estimator import Estimator
from yuanli.recipes.evaluate import open_predictor
from yuanli.recipes.export import export
from yuanli.tensor import Tensor
from yuanli.training import Run

RUNS = {"lenet": "digits", "mlp": "diabetes", "linear": "iris", "knn": "iris"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs, each trained when it is first asked for."""
    folder = tmp_path_factory.mktemp("runs")

    class Runs:
        def __truediv__(self, model):
            if not (folder / model).exists():
                given = {} if model == "knn" else {"epochs": 1}
                recipes.train(model, load(RUNS[model]), out=folder / model, **given)
            return folder / model

    return Runs()


@pytest.mark.parametrize("ending", ["safetensors", "pth", "pdparams"])
def test_weights_alone(ending, runs, tmp_path):
    assert export(runs / "linear", weights=tmp_path / f"w.{ending}") == [f"Weights: {tmp_path}/w.{ending}"]
    own = open_predictor(Run.open(runs / "linear")).model.state_dict()
    found = read_weights(tmp_path / f"w.{ending}")
    assert found.keys() == own.keys()
    np.testing.assert_array_equal(found["weight"], own["weight"])


def test_what_is_no_network_is_refused(runs, tmp_path):
    with pytest.raises(UnsupportedError, match="holds a knn"):
        export(runs / "knn", weights=tmp_path / "w.pth")
    with pytest.raises(CheckpointError, match=r"written as \.safetensors"):
        export(runs / "linear", weights=tmp_path / "w.bin")


def test_without_the_package_onnx(runs, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("yuanli.interchange.onnx")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'yuanli\[onnx\]'"):
        export(runs / "linear", onnx=tmp_path / "m.onnx")


@pytest.mark.reference
def test_a_graph_that_fails_its_check_is_not_kept(runs, tmp_path, monkeypatch):
    """And what lay there before it stays."""
    from yuanli.interchange import onnx_files

    (tmp_path / "m.onnx").write_text("an earlier one")
    monkeypatch.setattr(onnx_files, "MOST_NODES", 1)
    with pytest.raises(CheckpointError, match="more than 1 nodes"):
        export(runs / "linear", onnx=tmp_path / "m.onnx")
    monkeypatch.undo()
    monkeypatch.setattr("yuanli.recipes.export._difference", lambda found, expected: float("nan"))
    with pytest.raises(UnsupportedError, match="by nan; none was kept"):
        export(runs / "linear", onnx=tmp_path / "m.onnx")
    monkeypatch.undo()
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.onnx"):
        export(runs / "linear", onnx=tmp_path / "folder.onnx")
    assert (tmp_path / "m.onnx").read_text() == "an earlier one"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.onnx", "m.onnx"]


@pytest.mark.reference
@pytest.mark.parametrize("model", RUNS)
def test_onnxruntime_gives_the_runs_answers(model, runs, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    said = export(runs / model, onnx=tmp_path / "m.onnx")
    assert "read again" in said[1]
    predictor = open_predictor(Run.open(runs / model))
    rows = load(RUNS[model]).test.x[:7]
    steps = [s for s in predictor.prepare.steps if type(s).__name__ in ("Resize", "EncodeTable")]
    given = rows
    for step in steps:
        given = step.transform(given)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), options)
    (found,) = session.run(None, {"rows": given.astype(np.float32)})
    expected = predictor(rows)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)
    notes = session.get_modelmeta().custom_metadata_map
    assert notes["model"] == model
    assert tuple(json.loads(notes.get("classes", "[]"))) == predictor.classes


V = SimpleNamespace(tokens=[f"word{i}" for i in range(50)])
TOKENS = SimpleNamespace(steps=[SimpleNamespace(length_=12, vocabulary_=V)])
MODELS = {
    "textcnn": lambda rng: Texts(SimpleNamespace(prepare=TOKENS, model=TextCNN(50, 3, 8, 4, rng=rng).eval())),
    "textlstm": lambda rng: Texts(
        SimpleNamespace(prepare=TOKENS, model=TextLSTM(50, 3, 8, 5, rng=rng).eval())
    ),
    "bow": lambda rng: Texts(SimpleNamespace(prepare=TOKENS, model=BagOfWords(50, 3, rng=rng))),
    **{kind: lambda rng, k=kind: Continues(LanguageModel(30, k, 8, 6, 2, rng=rng)) for kind in KINDS},
    "gan": lambda rng: Paints(gan((1, 8, 8), rng=rng)),
    "dcgan": lambda rng: Paints(dcgan((3, 32, 32), rng=rng)),
}


@pytest.mark.reference
@pytest.mark.parametrize("name", MODELS)
def test_onnxruntime_gives_the_answers_of_other_models(name):
    """Of texts, of language, of images; for other sizes than were traced."""
    onnxruntime = pytest.importorskip("onnxruntime")
    from yuanli.interchange.onnx_export import model_proto

    rng = np.random.default_rng(0)
    whole = MODELS[name](rng).eval()
    if name == "bow":
        whole.model.weight.weight.data[1:] = rng.normal(size=(49, 3))
    first, second = whole.examples()
    proto = model_proto(whole, first, second, inputs=whole.inputs, outputs=whole.outputs, sizes=whole.sizes)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    found = session.run(None, dict(zip(whole.inputs, second, strict=True)))
    assert session.get_inputs()[0].shape[: len(whole.sizes)] == list(whole.sizes)
    expected = whole(*map(Tensor, second))
    for mine, theirs in zip(expected if isinstance(expected, tuple) else (expected,), found, strict=True):
        np.testing.assert_allclose(theirs, mine.data, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["textcnn", "textlstm", "bow"])
def test_models_of_texts_said_in_operations(name):
    """What is exported is what the model does, on texts of any length and an empty one."""
    rng = np.random.default_rng(0)
    whole = MODELS[name](rng).eval()
    tokens = rng.integers(1, 50, (7, 12))
    for row, length in zip(tokens, (12, 11, 5, 3, 2, 1, 0), strict=True):
        row[length:] = 0
    expected = softmax(whole.model(tokens), 1).data
    np.testing.assert_allclose(whole(Tensor(tokens)).data, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.reference
@pytest.mark.parametrize(("model", "data"), [("textcnn", "texts"), ("gru", "text")])
def test_runs_of_texts_are_exported(model, data, tmp_path):
    pytest.importorskip("onnx")
    lines = [f"{word} story number {i}" for i, word in enumerate(["good", "bad"] * 40)]
    if data == "texts":
        rows = "\n".join(f"{line},{line.split()[0]}" for line in lines)
        (tmp_path / "t.csv").write_text(f"text,label\n{rows}\n")
        spec, options = tmp_path / "t.csv", {"target": "label"}
    else:
        (tmp_path / "t.txt").write_text("\n".join(lines))
        spec, options = tmp_path / "t.txt", {}
    split = recipes.find(model).load(str(spec), **options)
    recipes.train(model, split, out=tmp_path / "run", epochs=1)
    assert "tokens" in export(tmp_path / "run", onnx=tmp_path / "m.onnx")[1]


ESTIMATORS = [name for name, recipe in recipes.RECIPES.items() if isinstance(recipe, Estimator)]


@pytest.mark.reference
@pytest.mark.parametrize("data", ["iris", "diabetes"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_is_exported(name, data, tmp_path):
    """The graph is read again and compared before it is kept."""
    pytest.importorskip("onnx")
    split = load(data)
    if reason := recipes.find(name).unsuited(split):
        pytest.skip(reason)
    recipes.train(name, split, out=tmp_path / "run")
    assert "read again" in export(tmp_path / "run", onnx=tmp_path / "m.onnx")[1]
    assert (tmp_path / "m.onnx").is_file()


@pytest.mark.reference
@pytest.mark.parametrize("name", ["gbdt", "tree", "mlp"])
def test_a_table_with_words_is_exported(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    colours, sizes = rng.choice(["red", "green", "blue", "grey"], 300), rng.normal(size=300)
    rows = [f"{c},{s:.3f},{'yes' if (c in ('red', 'grey')) ^ (s > 1) else 'no'}"
            for c, s in zip(colours, sizes, strict=True)]  # fmt: skip
    (tmp_path / "t.csv").write_text("\n".join(["colour,size,bought", *rows]) + "\n")
    split = load(tmp_path / "t.csv", target="bought")
    run = recipes.train(name, split, out=tmp_path / "run")
    export(run, onnx=tmp_path / "m.onnx")
    predictor = open_predictor(run)
    given = split.test.x
    for step in predictor.prepare.steps:
        given = step.transform(given) if type(step).__name__ == "EncodeTable" else given
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), options)
    (found,) = session.run(None, {"rows": given.astype(np.float32)})
    np.testing.assert_allclose(found, predictor(split.test.x), rtol=1e-4, atol=1e-5)
    columns = json.loads(session.get_modelmeta().custom_metadata_map["columns"])
    assert columns == [["colour", "blue", "green", "grey", "red"], ["size"]]


@pytest.mark.reference
def test_vectors_of_words_are_exported(tmp_path):
    onnx = pytest.importorskip("onnx")
    (tmp_path / "t.txt").write_text("the cat sat on the mat and the dog sat on the cat\n" * 30)
    data = recipes.find("word2vec").load(str(tmp_path / "t.txt"))
    recipes.train("word2vec", data, out=tmp_path / "run", epochs=1)
    export(tmp_path / "run", onnx=tmp_path / "m.onnx")
    proto = onnx.load(tmp_path / "m.onnx")
    words = json.loads(next(p.value for p in proto.metadata_props if p.key == "vocabulary"))
    (table,) = proto.graph.initializer
    assert table.dims[0] == len(words)
    assert "cat" in words


@pytest.mark.reference
def test_from_the_command_line(runs, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["export", str(runs / "linear"), "--onnx", str(tmp_path / "m.onnx")])
    assert not exit.value.code
    out = capsys.readouterr().out
    assert f"ONNX: {tmp_path}/m.onnx" in out
    assert "rows (N, 4), the columns" in out
    with pytest.raises(SystemExit) as exit:
        main(["export", str(runs / "linear")])
    assert exit.value.code == 2
    assert "--onnx FILE" in capsys.readouterr().err
