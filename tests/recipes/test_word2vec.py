"""word2vec as a recipe: runs, resumption, what can be asked of a run, bad input."""

import gzip
import json
import re

import numpy as np
import pytest

from tests.words.texts import sentences
from yuanli import recipes
from yuanli.cli import main
from yuanli.errors import CheckpointError, DataError, NotFiniteError, UnknownNameError, ValueRangeError
from yuanli.recipes.word_vectors import open_vectors
from yuanli.training import Hook, Interrupted, Run
from yuanli.words import jobs

OPTIONS = {"vector_size": 12, "min_count": 2, "window": 3, "sample": 0.01, "epochs": 4, "alpha": 0.05}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "harbour.txt"
    path.write_text("\n".join(" ".join(s).capitalize() + "." for s in sentences(150)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(text, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "run"
    source = {"spec": str(text)}
    data = recipes.find("word2vec").load(str(text))
    return recipes.train("word2vec", data, out=out, source=source, **OPTIONS)


def test_a_run_keeps_everything(run):
    wv = open_vectors(run)
    assert wv.vectors.shape == (19, 12)  # 18 words and "the", in small letters and without full stops
    assert "ship" in wv
    assert "Ship" not in wv
    rows = run.metrics()
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    judged = recipes.evaluate(run)
    assert judged.learned
    assert judged.metrics["loss"] < 6 * np.log(2)
    assert judged.metrics == recipes.kept(run).metrics
    assert "data:image/png;base64" in run.report_path.read_text(encoding="utf-8")


def test_interrupted_training_resumes_to_the_same_bits(run, text, tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "JOB", 300)

    class Stop(Hook):
        def on_step(self, training):
            if training.step == 7:
                raise KeyboardInterrupt

    recipe, found = recipes.find("word2vec"), []
    for name, hooks in (("whole", []), ("parts", [Stop()])):
        data = recipe.load(str(text))
        try:
            recipes.train("word2vec", data, out=tmp_path / name, hooks=hooks, report=False, **OPTIONS)
        except KeyboardInterrupt:
            recipes.train("word2vec", recipe.load(str(text)), out=tmp_path / name, resume=True, report=False)
        found.append(open_vectors(tmp_path / name).vectors.tobytes())
    assert found[0] == found[1]
    other = tmp_path / "other.txt"
    other.write_text("another text\n" * 20)
    with pytest.raises(CheckpointError, match="not the harbour it was trained on"):
        recipes.train("word2vec", recipe.load(str(other)), out=tmp_path / "parts", resume=True)


def test_other_texts_and_questions_judge_a_run(run, text, tmp_path):
    other = tmp_path / "new.txt.gz"
    with gzip.open(other, "wt", encoding="utf-8") as file:
        file.write("\n".join(" ".join(s) for s in sentences(20, seed=5)))
    judged = recipes.evaluate(run, recipes.load_other(run, other))
    assert not judged.learned
    assert 0 < judged.metrics["loss"] < 6 * np.log(2)
    questions = tmp_path / "questions.txt"
    questions.write_text(": places\nship harbour cow barn\nship harbour unknown barn\n")
    judged = recipes.evaluate(run, recipes.load_other(run, questions))
    assert judged.metrics["examples"] == 1
    assert set(judged.metrics) == {"examples", "right", "places"}
    strange = tmp_path / "strange.txt"
    strange.write_text("nothing known here\n")
    with pytest.raises(DataError, match="known ones"):
        recipes.evaluate(run, recipes.load_other(run, strange))


def command(*arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([str(a) for a in arguments])
    return stopped.value.code or 0, *capsys.readouterr()


def test_the_commands(run, tmp_path, capsys):
    code, out, _ = command("similar", run.folder, "Ship", "cow", "--top", "3", "--json", capsys=capsys)
    assert code == 0
    found = json.loads(out)
    assert {word: [n["word"] for n in near] for word, near in found.items()} == {
        word: [n for n, _ in open_vectors(run).most_similar(word, topn=3)] for word in ("ship", "cow")
    }
    code, out, _ = command("similar", run.folder, "ship", "--map", tmp_path / "map.png", capsys=capsys)
    assert (code, out.count("\n") > 10) == (0, True)
    assert (tmp_path / "map.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = command("analogy", run.folder, "ship", "harbour", "cow", capsys=capsys)
    assert code == 0
    assert "ship is to harbour as cow is to …" in out
    best, cosine = open_vectors(run).most_similar(["harbour", "cow"], ["ship"], 1)[0]
    assert re.search(rf"^{best} +{cosine:.3f}$", out, re.M)
    code, _, err = command("similar", run.folder, "shop ship", capsys=capsys)
    assert (code, err.count("\n")) == (2, 1)
    assert "no vector is known" in err


@pytest.mark.parametrize(
    ("content", "options", "error", "message"),
    [
        (b"", {}, DataError, "no words"),
        (b"one word only, one\n", {"min_count": 2}, DataError, "at least two words"),
        (b"few words\n", {}, DataError, "min_count=5"),
        (b"\xff\xfe", {}, DataError, "position 0"),
        (b"a b\n" * 9, {"sgd": 1}, UnknownNameError, "did you mean sg"),
        (b"a b\n" * 9, {"tokens": "word"}, UnknownNameError, "did you mean words"),
        (b"a b\n" * 9, {"window": 0}, ValueRangeError, "window"),
        (b"a b\n" * 9, {"vector_size": "many"}, ValueRangeError, "vector_size"),
        (b"a b\n" * 9, {"alpha": "fast"}, ValueRangeError, "alpha"),
        (b"a b\n" * 9, {"sample": "often"}, ValueRangeError, "sample"),
        (b"a b\n" * 9, {"sg": "yes"}, ValueRangeError, "sg"),
        (b": section\na b c d\n", {}, DataError, "these are questions"),
        (b"a b\n" * 9, {"alpha": 1e30, "min_alpha": 1e30, "sample": 0}, NotFiniteError, "smaller alpha"),
    ],
)
def test_bad_input_leaves_no_run(content, options, error, message, tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(content)
    recipe = recipes.find("word2vec")
    with pytest.raises(error, match=message):
        recipes.train("word2vec", recipe.load(str(path)), out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists() or "alpha" in message


def test_what_is_no_text_of_words(tmp_path, run):
    recipe = recipes.find("word2vec")
    with pytest.raises(DataError, match="is none"):
        recipe.load(str(tmp_path))
    with pytest.raises(ValueRangeError, match="no columns"):
        recipe.load("x.csv", target="price")
    with pytest.raises(CheckpointError, match="no such folder"):
        open_vectors(tmp_path / "nowhere")
    assert isinstance(Run.open(run.folder), Run)
    assert issubclass(Interrupted, KeyboardInterrupt)
