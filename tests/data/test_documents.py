"""Labelled texts: the user's tables, English and Chinese, and the reviews that come with the package."""

import numpy as np
import pytest

from yuanli.data import load
from yuanli.data.documents import load_documents, read_documents, read_lines
from yuanli.data.reviews import WORDS, reviews, reviews_zh
from yuanli.errors import DataError

ROWS = [("a good film", "yes"), ("a bad film, truly", "no"), ("good, good", "yes"), ("bad music", "no")] * 5


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "films.csv"
    lines = [f'{i},"{text} {i}",x,{label}' for i, (text, label) in enumerate(ROWS)]
    path.write_text("\n".join(["id,text,kind,liked", *lines]) + "\n", encoding="utf-8")
    return path


def test_the_longest_column_of_words_is_the_text(table):
    data, notes = read_documents(table, "liked")
    assert data.is_documents
    assert data.features[0].name == "text"
    assert data.classes == ("no", "yes")
    assert data.x[1] == "a bad film, truly 1"
    np.testing.assert_array_equal(data.y[:4], [1, 0, 1, 0])
    assert notes == ("the text is text; not read: id, kind",)


def test_a_split_keeps_every_class_s_share(table):
    split = load_documents(table, "liked", test_size=0.2, seed=0)
    assert (len(split.train), len(split.test)) == (16, 4)
    assert np.bincount(split.test.y).tolist() == [2, 2]


def test_a_table_of_texts_alone_is_seen_to_be_one(tmp_path):
    path = tmp_path / "影评.csv"
    rows = [f"{'好看' if i % 2 else '难看'}的电影{i},{'正' if i % 2 else '负'}" for i in range(30)]
    path.write_text("\n".join(["评论,标签", *rows]), encoding="utf-8")
    split = load(path, target="标签")
    assert split.train.is_documents
    assert split.train.classes == ("正", "负")


def test_words_that_repeat_stay_a_table(tmp_path):
    path = tmp_path / "colours.csv"
    path.write_text("colour,class\n" + "red,a\nblue,b\n" * 10)
    assert load(path, target="class").train.is_table


def test_rows_without_text_or_class_are_left_out(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("text,liked\ngood one,yes\n,no\nbad one,no\nwhat,\n")
    data, notes = read_documents(path, "liked")
    assert data.x.tolist() == ["good one", "bad one"]
    assert notes == ("2 rows without a text or a class were left out",)


def test_other_tables_are_read_by_what_a_model_knows(table, tmp_path):
    like, _ = read_documents(table, "liked")
    other = tmp_path / "other.csv"
    other.write_text("liked,text,longer\nyes,good,a very very long column\n")
    data, _ = read_documents(other, "liked", like=like)
    assert (data.x.tolist(), data.classes) == (["good"], ("no", "yes"))


@pytest.mark.parametrize(
    ("content", "target", "says"),
    [
        ("text,liked\na b,yes\nc d,no\n", None, "which column holds the classes, the target"),
        ("text,liked\na b,yes\nc d,no\n", "like", "no column 'like'; did you mean liked"),
        ("n,liked\n1,yes\n2,no\n", "liked", "no column besides liked holds text"),
        ("text,liked\na b,1.5\nc d,2.5\n", "liked", "liked holds numbers"),
        ("text,liked\na b,yes\nc d,yes\n", "liked", "two classes are needed"),
        ("text,liked\n,yes\n,no\na,\n", "liked", "no row has both a text in text and a class in liked"),
        ("", "liked", "cannot be read as a table"),
        ("text,liked\n", "liked", "has no rows"),
        ("text,liked\nfilm,yes\nm\xe9lo,no\n", "liked", "not UTF-8: byte 0xe9 at position 21, line 3"),
    ],
)
def test_bad_tables(tmp_path, content, target, says):
    path = tmp_path / "films.csv"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(DataError, match=says):
        read_documents(path, target)


def test_lines_of_a_text_file(tmp_path):
    path = tmp_path / "new.txt"
    path.write_text("first one\n\n第二\n", encoding="utf-8")
    texts, rows = read_lines(path, "text")
    assert (texts.tolist(), rows) == (["first one", "第二"], [1, 3])
    path.write_text("\n \n")
    with pytest.raises(DataError, match="needs words, and here are none"):
        read_lines(path, "text")
    with pytest.raises(DataError, match="no file at"):
        read_lines(tmp_path / "none.txt", "text")


@pytest.mark.parametrize("make", [reviews, reviews_zh])
def test_reviews_are_balanced_and_repeat_themselves(make):
    data = make(200, rng=np.random.default_rng(0))
    assert np.bincount(data.y).tolist() == [100, 100]
    np.testing.assert_array_equal(data.x, make(200, rng=np.random.default_rng(0)).x)


def test_the_main_clause_of_a_review_decides():
    data = reviews(500, rng=np.random.default_rng(0))
    for text, feeling in zip(data.x.tolist(), data.y.tolist(), strict=True):
        main = text.partition("but ")[2] or (
            text.rpartition(", ")[2] if text.startswith("although") else text.partition(", although")[0]
        )
        (word,) = [w for w in main.split() if w in WORDS[0] + WORDS[1]]
        assert ((word in WORDS[1]) ^ ("not" in main.split())) == feeling
