"""scikit-learn-style estimators as recipes."""

import numpy as np
import pytest

from yuanli.classical import KNeighborsClassifier
from yuanli.data import load
from yuanli.errors import CheckpointError, UnknownNameError, ValueRangeError
from yuanli.recipes import evaluate, find, predict, train
from yuanli.training import Run


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_a_run_answers_as_the_estimator_alone_does(digits, tmp_path):
    run = train("knn", digits, out=tmp_path / "run", n_neighbors=3, source={"spec": "digits"})
    alone = KNeighborsClassifier(3).fit(digits.train.x.reshape(1437, -1), digits.train.y)
    expected = alone.predict_proba(digits.test.x.reshape(360, -1))
    np.testing.assert_array_equal(evaluate(run.folder).predictions, expected)
    assert run.config["command"] == "yuanli train knn --data digits --set n_neighbors=3"
    assert run.config["settings"]["n_neighbors"] == 3
    assert run.report_path.is_file()
    assert [set(row) for row in run.metrics()] == [{"seconds"}]


def test_a_table_with_a_number_to_predict_is_learned_and_predicted(tmp_path):
    x = np.arange(60)
    rows = "\n".join(f"{i},{'a' if i % 2 else 'b'},{i * (1 + i % 2)}" for i in x)
    (tmp_path / "t.csv").write_text(f"x,kind,y\n{rows}\n")
    source = {"spec": str(tmp_path / "t.csv"), "target": "y"}
    run = train("knn", load(**source), out=tmp_path / "run", source=source, n_neighbors=1, report=False)
    (tmp_path / "asked.csv").write_text("kind,x\na,31\nb,30\n")
    answers = predict(run, [tmp_path / "asked.csv"])
    assert [a.answer for a in answers] == pytest.approx([62, 30], abs=4.1)
    assert answers[0].probability is None


REFUSED = [
    (
        {"n_neighbours": 3},
        UnknownNameError,
        "no option of knn is called 'n_neighbours'; did you mean n_neigh",
    ),
    ({"epochs": 3}, UnknownNameError, "no option of knn is called 'epochs'"),
    ({"n_neighbors": 0}, ValueRangeError, "n_neighbors"),
    ({"metric": "far"}, ValueRangeError, "metric"),
]


@pytest.mark.parametrize(("options", "error", "message"), REFUSED)
def test_what_it_cannot_work_with_leaves_no_folder(digits, tmp_path, options, error, message):
    with pytest.raises(error, match=message):
        train("knn", digits, out=tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_an_altered_model_is_an_error(digits, tmp_path):
    from yuanli.training.files import load as load_tree
    from yuanli.training.files import save

    run = train("knn", digits, out=tmp_path / "run", report=False)
    tree = load_tree(run.model_path)
    for learned in ({}, {"$estimator": "Popen", "params": {}, "state": {}}, None):
        save(run.model_path, tree | {"learned": learned})
        with pytest.raises(CheckpointError, match="no estimator"):
            evaluate(Run.open(run.folder), digits)


MODELS = ["knn", "logistic", "linear-svm", "perceptron", "svm", "tree", "gbdt", "boosting"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("data", "least"), [("wine", 0.85), ("diabetes", -0.4)])
def test_every_estimator_learns_tables_and_answers_the_same_when_opened_again(name, data, least, tmp_path):
    split = load(data)
    if find(name).unsuited(split):
        assert name in ("logistic", "linear-svm", "perceptron")
        assert data == "diabetes"
        return
    options = {"n_estimators": 20} if name == "boosting" else {}
    run = train(name, split, out=tmp_path / "run", report=False, **options)
    judged = evaluate(Run.open(tmp_path / "run"), split)
    np.testing.assert_array_equal(judged.predictions, run.predictions()["predictions"])
    assert judged.metrics.get("accuracy", judged.metrics.get("r2")) > least
    assert (judged.parameters > 0) == (name != "knn")


def test_gaps_and_words_reach_the_trees_as_they_are(tmp_path):
    """The class is the word where there is one, else whether x is large: only whole columns tell."""
    rng = np.random.default_rng(0)
    lines = ["x,word,class"]
    for _ in range(400):
        x, word = rng.uniform(0, 1), rng.choice(["red", "blue", "", "green"])
        kind = {"red": "a", "blue": "b", "green": "a", "": "a" if x > 0.5 else "b"}[word]
        lines.append(f"{x if rng.random() < 0.9 or not word else ''},{word},{kind}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    source = {"spec": str(tmp_path / "t.csv"), "target": "class"}
    for name in ("gbdt", "tree"):
        run = train(name, load(**source), out=tmp_path / name, source=source, report=False)
        assert evaluate(run).metrics["accuracy"] > 0.95, name
    (tmp_path / "asked.csv").write_text("word,x\nred,0.1\nblue,0.9\n,0.9\n,0.2\nviolet,0.5\n")
    assert [a.answer for a in predict(run, [tmp_path / "asked.csv"])][:4] == ["a", "b", "a", "b"]


def test_learned_bases_are_features_for_a_linear_machine(digits, tmp_path):
    """The same answers as scikit-learn's pipeline of the same parts, and after being opened again."""
    from yuanli.classical import LinearSVC, PatchBases

    run = train(
        "bases", digits, out=tmp_path / "run", n_components=40, source={"spec": "digits"}, report=False
    )
    judged = evaluate(run.folder)
    assert judged.metrics["accuracy"] > 0.96
    bases = PatchBases(40, patch_size=3, random_state=0)
    f, g = bases.fit_transform(digits.train.x), bases.transform(digits.test.x)
    scale = np.sqrt(f.var(0, dtype=np.float64) + 0.01)
    f, g = ((part - f.mean(0, dtype=np.float64)) / scale for part in (f, g))
    alone = LinearSVC(C=0.01, random_state=0).fit(f, digits.train.y).predict(g)
    assert (judged.predictions.argmax(1) == alone).mean() > 0.99
    for options, message in (
        ({"C": 0}, "C needs"),
        ({"n_components": 0}, "n_components"),
        ({"K": 1}, "option"),
    ):
        with pytest.raises((ValueRangeError, UnknownNameError), match=message):
            train("bases", digits, out=tmp_path / "bad", **options)
        assert not (tmp_path / "bad").exists()
    assert "cuts images" in find("bases").unsuited(load("iris"))
