"""Classifiers of texts: what only the order of words tells, against scikit-learn; the user's own tables."""

import hashlib

import numpy as np
import pytest

from yuanli.data import load
from yuanli.errors import CheckpointError, DataError, UnknownNameError, ValueRangeError
from yuanli.recipes import evaluate, find, load_other, predict, train

KINDS = ["bow", "textcnn", "textlstm"]
QUICK = {"epochs": 2, "report": False}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Chinese texts in which one word decides."""
    rng = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("texts") / "影评.csv"
    lines = ["编号,评论,标签"]
    for i in range(120):
        good = bool(i % 2)
        words = ["电影", "很长", "音乐", "一般", "昨天", "看了"]
        rng.shuffle(words)
        words.insert(int(rng.integers(6)), "精彩" if good else "糟糕")
        lines.append(f"{i},{''.join(words)},{'好' if good else '坏'}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def trained(name, spec, out, target=None, **options):
    source = {"spec": str(spec), "target": target}
    return train(name, find(name).load(**source), out=out, source=source, **QUICK | options)


@pytest.fixture(scope="module")
def bow(table, tmp_path_factory):
    return trained("bow", table, tmp_path_factory.mktemp("runs") / "bow", target="标签", epochs=30)


def test_a_bag_of_words_is_as_good_as_scikit_learn_s():
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    split = load("reviews")
    peer = make_pipeline(CountVectorizer(), LogisticRegression()).fit(split.train.x.tolist(), split.train.y)
    theirs = peer.score(split.test.x.tolist(), split.test.y)
    recipe = find("bow")
    settings = recipe.choose(split, {"epochs": 20})
    ours = (recipe.learn(settings, split, seed=0)(split.test.x).argmax(1) == split.test.y).mean()
    assert ours == pytest.approx(theirs, abs=0.04)
    assert ours < 0.6  # no bag can know


@pytest.mark.slow
@pytest.mark.parametrize("data", ["reviews", "reviews_zh"])
@pytest.mark.parametrize("name", ["textcnn", "textlstm"])
def test_the_order_of_words_is_learned(name, data, tmp_path):
    run = train(name, find(name).load(data), out=tmp_path / "run", source={"spec": data}, report=False)
    assert evaluate(run).metrics["accuracy"] > 0.97


@pytest.mark.parametrize("name", KINDS)
def test_chinese_tables(name, table, bow, tmp_path):
    options = {"textcnn": {"epochs": 8}, "textlstm": {"epochs": 6, "lr": 0.01}}
    run = bow if name == "bow" else trained(name, table, tmp_path / "run", target="标签", **options[name])
    assert evaluate(run).metrics["accuracy"] > 0.9
    new = tmp_path / "new.txt"
    new.write_text("昨天看了，精彩\n糟糕的音乐\n", encoding="utf-8")
    answers = predict(run, [new])
    assert [(a.row, a.answer) for a in answers] == [(1, "好"), (2, "坏")]


@pytest.mark.reference
def test_words_by_jieba(table, tmp_path):
    pytest.importorskip("jieba")
    run = trained("bow", table, tmp_path / "run", target="标签", tokens="jieba", epochs=30)
    assert "精彩" in run.model()["config"]["preprocess"]["steps"][0]["vocabulary"]
    assert evaluate(run).metrics["accuracy"] > 0.9


def test_other_tables_are_read_as_the_model_knows_them(bow, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("标签,评论,备注\n好,精彩精彩,一个很长很长很长很长的备注\n坏,糟糕,无\n", encoding="utf-8")
    assert evaluate(bow, load_other(bow, other)).metrics["accuracy"] == 1
    other.write_text("标签,评论\n中,精彩\n", encoding="utf-8")
    with pytest.raises(DataError, match="no classes of the model: 中"):
        load_other(bow, other)
    assert [a.answer for a in predict(bow, [table_of(tmp_path, "评论\n精彩\n糟糕\n")])] == ["好", "坏"]
    with pytest.raises(DataError, match="has no column '评论'"):
        predict(bow, [table_of(tmp_path, "text\nx\ny\n")])


def table_of(folder, content):
    path = folder / "rows.csv"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_same_seed_gives_the_same_bits_and_a_report(table, tmp_path):
    digests = set()
    for i in range(2):
        run = trained("textcnn", table, tmp_path / str(i), target="标签", report=True)
        digests.add(hashlib.sha256(run.model_path.read_bytes()).hexdigest())
    assert len(digests) == 1
    assert "精彩" in run.report_path.read_text(encoding="utf-8")


def test_a_run_is_resumed_only_with_its_own_texts(table, bow):
    data = find("bow").load(str(table), target="标签")
    data.train.x[0] = "别的"
    with pytest.raises(CheckpointError, match="the data is not the 影评"):
        train("bow", data, out=bow.folder, resume=True)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"tokens": "letters"}, UnknownNameError, "no kind of tokens is called 'letters'"),
        ({"min_count": 1000}, DataError, "none was seen 1000 times"),
        ({"longest": 0}, ValueRangeError, "longest needs a whole number from 1 up"),
        ({"augment": True}, ValueRangeError, "augment shifts images"),
    ],
)
def test_bad_options_are_refused(table, tmp_path, options, error, says):
    with pytest.raises(error, match=says):
        trained("bow", table, tmp_path / "run", target="标签", **options)


def test_data_of_another_kind_is_refused(table, tmp_path):
    with pytest.raises(DataError, match="reads texts with classes, and these are none"):
        trained("textcnn", "iris", tmp_path / "run")
    with pytest.raises(DataError, match="reads images and tables, and this is text"):
        trained("mlp", "reviews", tmp_path / "run")
    with pytest.raises(DataError, match="which column holds the classes"):
        trained("textcnn", table, tmp_path / "run")
