"""Runs: what is kept, what can be done with it, and what is refused."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from yuanli.data import load
from yuanli.errors import (
    CheckpointError,
    DataError,
    NotFiniteError,
    UnknownNameError,
    ValueRangeError,
    YuanliError,
)
from yuanli.recipes import RECIPES, chosen, compare, evaluate, load_other, predict, train
from yuanli.recipes.supervised import Supervised
from yuanli.training import Hook, Interrupted, Run

SOURCE = {"spec": "digits"}
QUICK = {"epochs": 2, "batch_size": 200, "source": SOURCE, "report": False}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def mlp(digits, tmp_path_factory):
    return train("mlp", digits, out=tmp_path_factory.mktemp("runs") / "mlp", **QUICK)


def digest(run):
    return hashlib.sha256(run.model_path.read_bytes()).hexdigest()


def test_a_run_holds_everything(digits, tmp_path):
    run = train("linear", digits, out=tmp_path / "run", **QUICK | {"report": True})
    names = {path.name for path in run.folder.iterdir()}
    assert names == {
        "config.json", "metrics.jsonl", "checkpoints",
        "model.safetensors", "predictions.safetensors", "report.html",
    }  # fmt: skip
    config = json.loads((run.folder / "config.json").read_text())
    assert (config["model"], config["seed"], config["data"]["name"]) == ("linear", 0, "digits")
    assert config["settings"]["epochs"] == 2
    assert config["versions"]["numpy"] == np.__version__
    assert config["command"] == "yuanli train linear --data digits --epochs 2 --batch-size 200"
    assert [row["epoch"] for row in run.metrics()] == [1, 2]
    assert "data:image/png;base64," in run.report_path.read_text()
    np.testing.assert_array_equal(run.predictions()["labels"], digits.test.y)


def test_evaluate_finds_the_data_again_and_agrees_with_the_predictions_kept(mlp, digits):
    judged = evaluate(mlp.folder)
    np.testing.assert_array_equal(judged.predictions, mlp.predictions()["predictions"])
    assert judged.metrics["accuracy"] == (judged.predictions.argmax(1) == digits.test.y).mean()
    assert judged.parameters == 64 * 128 + 128 + 128 * 64 + 64 + 64 * 10 + 10
    assert judged.microseconds > 0
    json.dumps(judged.to_json())


def test_mirrored_is_the_mean_over_an_image_and_its_mirror_image(mlp, digits, tmp_path):
    both = evaluate(mlp, views=2)
    flipped = replace(digits.test, x=digits.test.x[..., ::-1].copy())
    one, other = (evaluate(mlp, replace(digits, test=test)).predictions for test in (digits.test, flipped))
    np.testing.assert_allclose(both.predictions, (one + other) / 2, rtol=1e-6)
    assert both.parameters == evaluate(mlp).parameters
    table = train("linear", load("iris"), out=tmp_path / "run", **QUICK)
    with pytest.raises(ValueRangeError, match="views are for models of images"):
        evaluate(table, views=2)


def test_ten_views_are_five_places_and_their_mirror_images(mlp, digits):
    x, total = digits.test.x, 0
    for down, right in ((0, 0), (-1, -1), (-1, 1), (1, -1), (1, 1)):
        moved = np.zeros_like(x)
        to, source = (
            (slice(max(s, 0), 8 + min(s, 0)) for s in step) for step in ((down, right), (-down, -right))
        )
        moved[(..., *to)] = x[(..., *source)]
        for view in (moved, moved[..., ::-1].copy()):
            test = replace(digits.test, x=view)
            total = total + evaluate(mlp, replace(digits, test=test)).predictions
    np.testing.assert_allclose(evaluate(mlp, views=10).predictions, total / 10, rtol=1e-5)
    with pytest.raises(ValueRangeError, match="views needs 1, 2 or 10, got 3"):
        evaluate(mlp, views=3)


def test_pictures_are_predicted_as_their_pixels_are(mlp, digits, tmp_path):
    from PIL import Image

    for i in range(12):
        Image.fromarray(digits.test.x[i, 0]).save(tmp_path / f"{i:02d}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    expected = mlp.predictions()["predictions"][:12]
    answers = predict(mlp, [tmp_path])
    assert [Path(a.file).name for a in answers] == [f"{i:02d}.png" for i in range(12)]
    assert [a.answer for a in answers] == [digits.test.classes[k] for k in expected.argmax(1)]
    np.testing.assert_allclose([a.probability for a in answers], expected.max(1), rtol=1e-4)
    for answer, probabilities in zip(answers, expected, strict=True):
        assert answer.row is None
        np.testing.assert_allclose(
            [p for _, p in answer.best], np.sort(probabilities)[:-6:-1], rtol=1e-3, atol=1e-6
        )
    again = predict(mlp, [tmp_path / "03.png", tmp_path])
    assert [a.file for a in again[:2]] == [answers[3].file, answers[0].file]
    assert again[0] == again[4]


@pytest.fixture
def table(tmp_path):
    """A table with words and gaps: the class is the word, unless the number is large."""
    rng = np.random.default_rng(0)
    lines = ["size,colour,kind"]
    for _ in range(200):
        size, colour = rng.integers(0, 10), rng.choice(["red", "green", ""])
        kind = "big" if size > 6 else {"red": "berry", "green": "leaf", "": "stone"}[colour]
        lines.append(f"{size},{colour},{kind}")
    path = tmp_path / "things.csv"
    path.write_text("\n".join(lines))
    return path


def test_a_table_of_words_and_gaps_is_learned_and_predicted(table, tmp_path):
    source = {"spec": str(table), "target": "kind"}
    run = train("mlp", load(**source), out=tmp_path / "run", source=source, report=False)
    judged = evaluate(run)
    assert judged.metrics["accuracy"] >= 0.95
    asked = tmp_path / "asked.csv"
    asked.write_text("colour,weight,size\nred,1,2\ngreen,2,3\n,3,4\nred,4,9\npurple,5,1\n")
    answers = predict(run, [asked])
    assert [a.answer for a in answers[:4]] == ["berry", "leaf", "stone", "big"]
    assert [a.row for a in answers] == [1, 2, 3, 4, 5]
    assert all(len(a.best) == 4 and sum(p for _, p in a.best) == pytest.approx(1, abs=1e-5) for a in answers)


def test_a_number_is_predicted_in_its_own_unit(tmp_path):
    x = np.arange(100)
    (tmp_path / "line.csv").write_text("x,y\n" + "\n".join(f"{i},{3000.5 + 10 * i}" for i in x))
    source = {"spec": str(tmp_path / "line.csv"), "target": "y"}
    run = train("linear", load(**source), out=tmp_path / "run", l2=0.0, source=source)
    (tmp_path / "asked.csv").write_text("x\n50\n")
    (answer,) = predict(run, [tmp_path / "asked.csv"])
    assert answer.answer == pytest.approx(3500.5, rel=0.01)
    assert (answer.probability, answer.best) == (None, ())
    assert evaluate(run).metrics["r2"] > 0.99
    assert run.report_path.is_file()


# Other data than the run's own ----------------------------------------------------------------------------


def test_a_new_table_is_read_with_the_columns_and_classes_of_the_run(table, tmp_path):
    """Other order, further columns, a class that does not occur, a word not seen before."""
    source = {"spec": str(table), "target": "kind"}
    run = train("mlp", load(**source), out=tmp_path / "run", source=source, report=False)
    new = tmp_path / "新.csv"
    new.write_text("kind,extra,colour,size\nberry,1,red,2\nleaf,2,green,3\nberry,3,,4\nbig,4,purple,9\n")
    split = load_other(run, new)
    judged = evaluate(run, split)
    assert (judged.data, judged.metrics["examples"]) == ("新", 4)
    asked = predict(run, [new])
    assert judged.metrics["accuracy"] == np.mean(
        [a.answer == k for a, k in zip(asked, ["berry", "leaf", "berry", "big"], strict=True)]
    )
    np.testing.assert_array_equal(split.test.x[:3], [[2, 1], [3, 0], [4, np.nan]])
    assert len(load_other(run, table).test) == 40, "its own table: the rows kept aside, not all"
    new.write_text("kind,colour,size\nstar,red,2\n")
    with pytest.raises(DataError, match="kind has values that are no classes of the model: star"):
        load_other(run, new)
    new.write_text("kind,colour\nberry,red\n")
    with pytest.raises(DataError, match="no column 'size'"):
        load_other(run, new)


def test_other_pictures_get_the_size_and_channels_of_the_run(mlp, digits, tmp_path):
    from PIL import Image

    rows = [i for i in range(60) if digits.test.y[i] in (3, 7)]
    for i in rows:  # twice as large, in colour, and two of the ten classes
        folder = tmp_path / "图片" / str(digits.test.y[i])
        folder.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(digits.test.x[i, 0]).resize((16, 16), Image.Resampling.NEAREST)
        picture.convert("RGB").save(folder / f"{i:02d}.png")
    test = load_other(mlp, tmp_path / "图片").test
    assert (test.x.shape, test.classes) == ((len(rows), 1, 8, 8), digits.test.classes)
    assert sorted(test.y) == sorted(digits.test.y[rows])
    ours = evaluate(mlp, replace(digits, test=digits.test.subset(np.array(rows))))
    theirs = evaluate(mlp, load_other(mlp, tmp_path / "图片"))
    assert theirs.metrics["accuracy"] == pytest.approx(ours.metrics["accuracy"], abs=0.25)
    (tmp_path / "图片" / "cat").mkdir()
    (tmp_path / "图片" / "3").rename(tmp_path / "图片" / "cat" / "3")
    with pytest.raises(DataError, match="classes that the model has not: cat"):
        load_other(mlp, tmp_path / "图片")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="is a table, and the model has learned from pictures"):
        load_other(mlp, tmp_path / "a.csv")


def test_data_found_in_a_data_root_is_found_again_there(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sets").mkdir()
    source = {"spec": "digits", "target": None, "root": "sets"}
    run = train("linear", digits, out=tmp_path / "run", **QUICK | {"source": source, "epochs": 1})
    assert run.config["data"]["source"]["root"] == str(tmp_path / "sets")
    assert "--data digits --data-root sets" in run.config["command"]
    assert evaluate(run).metrics["examples"] == 360


# Resuming -------------------------------------------------------------------------------------------------


class PressCtrlC(Hook):
    def __init__(self, step):
        self.step = step

    def on_step(self, training):
        if training.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("step", [1, 5, 7, 9])  # 7 steps an epoch, 14 in all
def test_ctrl_c_saves_and_resuming_ends_with_the_same_bits(mlp, digits, tmp_path, step):
    out = tmp_path / "a run"
    with pytest.raises(Interrupted) as stopped:
        train("mlp", digits, out=out, hooks=[PressCtrlC(step)], **QUICK)
    assert f"after step {step}," in str(stopped.value)
    assert str(stopped.value).endswith(f"--out '{out}' --resume")
    with pytest.raises(CheckpointError, match="not finished"):
        evaluate(out)
    run = train("mlp", digits, out=out, resume=True, source=SOURCE, report=False)
    assert digest(run) == digest(mlp)
    assert without_clock(run) == without_clock(mlp)


def without_clock(run):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in run.metrics()]


def test_resuming_a_finished_run_only_makes_what_is_missing(mlp, digits, tmp_path):
    import shutil

    shutil.copytree(mlp.folder, tmp_path / "run")
    before = (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns
    run = train("mlp", digits, out=tmp_path / "run", resume=True)
    assert run.report_path.is_file()
    assert run.model_path.stat().st_mtime_ns == before


REFUSED = [
    ("mlp", {"epochs": 3}, "epochs was 2, now 3"),
    ("mlp", {"seed": 1}, "seed was 0, now 1"),
    ("linear", {}, "model was mlp, now linear"),
    ("mlp", {"optimizer": "sgd", "lr": 1.0}, "optimizer was adam, now sgd; lr was 0.003, now 1.0"),
]


@pytest.mark.parametrize(("model", "options", "message"), REFUSED)
def test_a_run_is_resumed_as_it_was_begun(mlp, digits, model, options, message):
    with pytest.raises(CheckpointError, match=message):
        train(model, digits, out=mlp.folder, resume=True, **options)


def test_a_run_is_resumed_with_its_own_data(mlp, digits):
    other = replace(digits, train=digits.train.subset(np.arange(1000)))
    with pytest.raises(CheckpointError, match="the data is not the digits it was trained on"):
        train("mlp", other, out=mlp.folder, resume=True)


SCRIPT = """
import sys
from yuanli.data import load
from yuanli.recipes import train
train("mlp", load("digits"), out=sys.argv[1], epochs=2, batch_size=200, report=False)
"""


def test_two_fresh_processes_give_the_same_bits(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    processes = [subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)]) for folder in folders]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    assert len({digest(Run.open(folder)) for folder in folders}) == 1


# What is refused ------------------------------------------------------------------------------------------

BAD_TRAININGS = [
    ("lenat", {}, UnknownNameError, "did you mean lenet"),
    ("linear", {"dropout": 0.5}, ValueRangeError, "linear has no dropout.*leave it out"),
    ("knn", {"n_neighbors": 5000}, ValueRangeError, "at most the .* rows to learn from, got 5000"),
    ("linear", {"epochs": 0}, ValueRangeError, "epochs needs"),
    ("linear", {"epoch": 3}, UnknownNameError, "did you mean epochs"),
    ("linear", {"seed": -1}, ValueRangeError, "seed needs"),
    ("linear", {"seed": 0.5}, ValueRangeError, "seed needs"),
    ("linear", {"seed": 1 << 32}, ValueRangeError, "seed needs"),
]


@pytest.mark.parametrize(("model", "options", "error", "message"), BAD_TRAININGS)
def test_what_cannot_be_trained_leaves_no_folder(digits, tmp_path, model, options, error, message):
    with pytest.raises(error, match=message):
        train(model, digits, out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_table_is_neither_augmented_nor_convolved(tmp_path):
    iris = load("iris")
    with pytest.raises(ValueRangeError, match="augment shifts images"):
        train("linear", iris, out=tmp_path / "run", augment=True)
    with pytest.raises(DataError, match="lenet does not suit iris: it convolves images"):
        train("lenet", iris, out=tmp_path / "run")
    with pytest.raises(DataError, match="hinge does not suit diabetes"):
        train("hinge", load("diabetes"), out=tmp_path / "run")


def test_no_run_is_overwritten(mlp, digits, tmp_path):
    with pytest.raises(CheckpointError, match=r"already holds a run.*--resume"):
        train("mlp", digits, out=mlp.folder)
    (tmp_path / "letter.txt").write_text("keep me")
    with pytest.raises(CheckpointError, match="holds other things"):
        train("mlp", digits, out=tmp_path)


def test_names_count_up(digits, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [train("linear", digits, **QUICK | {"epochs": 1}) for _ in range(2)]
    assert [str(run.folder) for run in runs] == ["runs/digits-linear", "runs/digits-linear-2"]


def test_what_is_no_run_is_said_to_be_none(mlp, tmp_path):
    import shutil

    folder = tmp_path / "run"
    with pytest.raises(CheckpointError, match="no such folder"):
        Run.open(folder)
    folder.mkdir()
    with pytest.raises(CheckpointError, match=r"not a run: it has no config.json"):
        evaluate(folder)
    for text in ("{", "[]", "{}", '{"format": 99}'):
        (folder / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match=r"config.json"):
            evaluate(folder)
    shutil.rmtree(folder)
    shutil.copytree(mlp.folder, folder)
    config = json.loads((folder / "config.json").read_text())
    for change in ({"model": "lenet"}, {"settings": {}}, {"data": None}, {"model": "nothing"}):
        (folder / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(YuanliError):
            evaluate(folder)
    (folder / "config.json").write_text(json.dumps(config))
    model = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(model[:-1])
    with pytest.raises(CheckpointError, match=r"model.safetensors is damaged"):
        evaluate(folder)


@pytest.mark.parametrize(
    ("file", "text", "error", "message"),
    [
        ("metrics.jsonl", '{"a":\n{"seconds": 1}\n', CheckpointError, "metrics.jsonl is damaged"),
        ("metrics.jsonl", "[]\n", CheckpointError, "metrics.jsonl is damaged"),
        ("config.json", "[" * 100_000, CheckpointError, "config.json cannot be read"),
        ("config.json", {"source": [1]}, DataError, "give the data"),
        ("config.json", {"source": {"spec": "digits", "code": "x"}}, DataError, "give the data"),
    ],
    ids=["cut in the middle", "no row", "deep", "source a list", "source with more"],
)
def test_a_file_of_a_run_that_was_altered_is_an_error(mlp, tmp_path, file, text, error, message):
    import shutil

    shutil.copytree(mlp.folder, tmp_path / "run")
    path = tmp_path / "run" / file
    path.write_text(text if isinstance(text, str) else json.dumps({**mlp.config, "data": text}))
    with pytest.raises(error, match=message):
        evaluate(tmp_path / "run")


def test_other_data_is_refused(mlp, tmp_path):
    with pytest.raises(DataError, match=r"the model predicts 0, 1, 2.*iris has setosa"):
        evaluate(mlp, load("iris"))
    for file, message in {
        "a.csv": "is a table",
        "a.png": "no picture at",
        "folder": "holds no pictures",
    }.items():
        if file == "folder":
            (tmp_path / file).mkdir()
        with pytest.raises(DataError, match=message):
            predict(mlp, [tmp_path / file])
    with pytest.raises(DataError, match="at least one file"):
        predict(mlp, [])


def test_a_run_without_source_asks_for_data(digits, tmp_path):
    run = train("linear", digits, out=tmp_path / "run", **QUICK | {"source": None, "epochs": 1})
    with pytest.raises(DataError, match="give the data"):
        evaluate(run)
    assert evaluate(run, digits).metrics["examples"] == 360


def test_a_training_that_explodes_keeps_its_last_good_checkpoint(digits, tmp_path):
    from yuanli.training import Checkpoints

    with pytest.raises(NotFiniteError, match=r"at step \d+.*The last good checkpoint is in"):
        train(
            "linear", digits, out=tmp_path / "run", lr=1e38, optimizer="sgd", epochs=50, schedule="constant"
        )
    saved = Checkpoints(tmp_path / "run" / "checkpoints").load()
    assert all(np.isfinite(array).all() for array in saved["model"].values())


# Comparing ------------------------------------------------------------------------------------------------


def test_models_are_compared_and_those_that_do_not_suit_say_why(tmp_path):
    split, models = load("iris"), ["linear", "hinge", "mlp", "lenet"]
    result = compare(split, models, out=tmp_path / "all", source={"spec": "iris"})
    assert [entry.name for entry in result.entries] == models
    assert "convolves images" in result.entries[3].unsuited
    for entry in result.entries[:3]:
        metrics = entry.evaluation.metrics
        assert metrics["accuracy_low"] < metrics["accuracy"] <= metrics["accuracy_high"]
        assert metrics["accuracy"] >= 0.9
        assert entry.evaluation.train_seconds > 0
        run = Run.open(tmp_path / "all" / entry.name)
        np.testing.assert_array_equal(evaluate(run).predictions, entry.evaluation.predictions)
    saved = json.loads((tmp_path / "all" / "comparison.json").read_text())
    assert saved == json.loads(json.dumps(result.to_json()))
    assert Path(result.report).read_text().count("<h2") >= 3
    with pytest.raises(CheckpointError, match="choose another"):
        compare(split, out=tmp_path / "all")


def test_all_models_made_for_it_are_compared(tmp_path, monkeypatch):
    """Of every recipe that answers rows, unasked those that say so; any when named."""
    suited = [r for r in RECIPES.values() if isinstance(r, Supervised)]
    assert chosen(None) == [r for r in suited if r.compared]
    assert {"knn", "linear", "hinge", "mlp", "lenet"} <= {r.name for r in chosen(None)}
    assert chosen([r.name for r in suited]) == suited
    for recipe in RECIPES.values():
        if recipe not in suited:
            with pytest.raises(ValueRangeError, match=f"{recipe.name} gives none"):
                chosen([recipe.name])


def test_a_number_is_compared_too_and_nothing_is_kept_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = compare(load("diabetes"), ["linear", "hinge"])
    assert 0.3 < result.entries[0].evaluation.metrics["r2"] < 0.7
    assert "hinge loss separates classes" in result.entries[1].unsuited
    assert result.report is None
    assert not list(tmp_path.iterdir())
    with pytest.raises(UnknownNameError, match="did you mean"):
        compare(load("iris"), ["lineer"])
