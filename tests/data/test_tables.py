"""Tables and texts as users have them."""

import datetime
import decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from yuanli.data import Feature, load
from yuanli.data.tables import read_rows, read_table
from yuanli.data.text import read_text
from yuanli.errors import DataError, ValueRangeError

NAN = np.nan
PEOPLE = """age, town ,joined,ok,kind
30, Bo ,1970-01-02,true,good
?,Li,1970-01-03,false,bad
41,,1970-01-04,true,good
52.5,Bo,,false,bad
"""
FEATURES = (Feature("age"), Feature("town", ("Bo", "Li")), Feature("joined"), Feature("ok"))
ROWS = [[30, 0, 1, 1], [NAN, 1, 2, 0], [41, NAN, 3, 1], [52.5, 0, NAN, 0]]


def csv(tmp_path, text, name="people.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def parquet(tmp_path):
    day = datetime.date(1970, 1, 1)
    table = {
        "age": [30, None, 41, 52.5],
        "town": pa.array([" Bo ", "Li", "", "Bo"]).dictionary_encode(),
        "joined": [
            day + datetime.timedelta(1),
            day + datetime.timedelta(2),
            day + datetime.timedelta(3),
            None,
        ],
        "ok": [True, False, True, False],
        "kind": ["good", "bad", "good", "bad"],
    }
    path = tmp_path / "people.parquet"
    pq.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda p: csv(p, PEOPLE),
        lambda p: csv(p, b"\xef\xbb\xbf" + PEOPLE.encode()),
        lambda p: csv(p, PEOPLE.replace("\n", "\r\n")),
        lambda p: csv(p, PEOPLE.replace(",", ";")),
        lambda p: csv(p, PEOPLE.replace(",", "\t"), "people.tsv"),
        parquet,
    ],
)
def test_a_table_of_everything(tmp_path, make):
    data, notes = read_table(make(tmp_path), "kind")
    assert data.features == FEATURES
    np.testing.assert_array_equal(data.x, np.array(ROWS, np.float32))
    assert data.classes == ("bad", "good")
    assert data.y.tolist() == [1, 0, 1, 0]
    assert notes == ()


def column(values):
    """A table with a column t to predict and one to predict from."""
    return "x,t\n" + "".join(f"{i},{v}\n" for i, v in enumerate(values))


@pytest.mark.parametrize(
    ("values", "classes", "y"),
    [
        (["b", "a", "b", "a"], ("a", "b"), [1, 0, 1, 0]),
        (["true", "false", "true", "true"], ("false", "true"), [1, 0, 1, 1]),
        ([10, 9, 10, 9], ("9", "10"), [1, 0, 1, 0]),  # in order of number, not of letters
        ([3, 1, 4, 2], (), [3, 1, 4, 2]),  # whole numbers, every row another
        ([1.5, 2.5, 1.5, 2.5], (), [1.5, 2.5, 1.5, 2.5]),
        (list(range(20)) * 2, tuple(map(str, range(20))), list(range(20)) * 2),
        (list(range(21)) * 2, (), list(range(21)) * 2),
    ],
)
def test_which_targets_are_classes(tmp_path, values, classes, y):
    data, _ = read_table(csv(tmp_path, column(values)), "t")
    assert data.classes == classes
    assert data.y.dtype == (np.int64 if classes else np.float32)
    assert data.y.tolist() == y


def test_it_is_split(tmp_path):
    path = csv(tmp_path, column(["b", "a"] * 50))
    split = load(path, target="t", test_size=0.3, seed=1)
    assert (len(split.train), len(split.test)) == (70, 30)
    assert np.bincount(split.test.y).tolist() == [15, 15]
    assert sorted([*split.train.x[:, 0], *split.test.x[:, 0]]) == list(range(100))


def test_rows_without_target_are_left_out_with_a_note(tmp_path):
    data, notes = read_table(csv(tmp_path, column(["a", "", "b", "NA", "a"])), "t")
    assert data.x[:, 0].tolist() == [0, 2, 4]
    assert notes == ("2 rows without t were left out",)


def test_a_column_of_names_is_noted(tmp_path):
    text = "name,x,t\n" + "".join(f"n{i},{i},{'ab'[i % 2]}\n" for i in range(30))
    assert "name" in read_table(csv(tmp_path, text), "t")[1][0]


def test_types_are_found_from_the_whole_file(tmp_path):
    """Long whole numbers first, a fraction and a word only after two megabytes."""
    text = "a,b,t\n" + "1,2,x\n" * 400_000 + "1.5,w,y\n" * 10
    data, _ = read_table(csv(tmp_path, text), "t")
    assert data.x[-1].tolist() == [1.5, 1]
    assert data.features[1].categories == ("2", "w")


def test_other_types_of_parquet(tmp_path):
    at = datetime.datetime(1970, 1, 2, 12)
    table = pa.table(
        {
            "when": [at, None],
            "zone": pa.array([at, at], pa.timestamp("s", "UTC")),
            "exact": [decimal.Decimal("1.25"), decimal.Decimal("2.50")],
            "small": pa.array([1, 2], pa.uint8()),
            "hour": [datetime.time(6), datetime.time(18)],
            "nothing": pa.nulls(2),
            "t": [0.5, 1.5],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    data, _ = read_table(tmp_path / "t.parquet", "t")
    np.testing.assert_array_equal(data.x, [[1.5, 1.5, 1.25, 1, 0.25, NAN], [NAN, 1.5, 2.5, 2, 0.75, NAN]])


def test_new_rows_for_a_trained_model(tmp_path):
    """Columns by name, in the model's order; words by the model's codes, whatever the new file looks like."""
    path = csv(tmp_path, "extra,ok,town,joined,age\n1,true,Mu,1970-01-05,7\n2,,Li,,8.5\n")
    np.testing.assert_array_equal(
        read_rows(path, FEATURES), np.array([[7, -1, 4, 1], [8.5, 1, NAN, NAN]], np.float32)
    )
    path = csv(tmp_path, "age,town,joined,ok\n1,5,,\n")  # a town that looks like a number
    np.testing.assert_array_equal(read_rows(path, FEATURES), np.array([[1, -1, NAN, NAN]], np.float32))


def test_new_rows_with_their_target(tmp_path):
    model, _ = read_table(csv(tmp_path, PEOPLE), "kind")
    data, _ = read_table(
        csv(tmp_path, "kind,ok,joined,town,age\ngood,true,1970-01-02,Li,3\n"), "kind", like=model
    )
    assert (data.classes, data.features) == (model.classes, model.features)
    assert data.y.tolist() == [1]
    np.testing.assert_array_equal(data.x, [[3, 1, 1, 1]])
    with pytest.raises(DataError, match="no classes of the model: great"):
        read_table(csv(tmp_path, "kind,ok,joined,town,age\ngreat,true,1970-01-02,Li,3\n"), "kind", like=model)


@pytest.mark.parametrize(
    ("text", "target", "says"),
    [
        (PEOPLE, None, "which column is the target.*age, town, joined, ok, kind"),
        (PEOPLE, "knd", "no column 'knd'; did you mean kind.*columns: age, town"),
        ("", "t", "Empty CSV"),
        ("a,t\n", "t", "no rows, only the columns a, t"),
        ("a,t\n1,2\n3\n", "t", "Expected 2 columns, got 1"),
        ("a,t\n1,2\n3,4,5\n", "t", "Expected 2 columns, got 3"),
        ("a,a,t\n1,2,3\n", "t", "more than one column is called a"),
        ("5.1,3.5,0.2\n4.9,3.0,0.1\n", "0.2", "names in its first line"),
        ("t\n1\n2\n", "t", "no column is left"),
        (column(["a"] * 9), "t", "t is a in every row"),
        (column([""] * 9), "t", "no row has a value in t"),
        (column([f"name {i}" for i in range(30)]), "t", "30 different values in 30 rows, no classes"),
        (b"a,t\n\xff\xfe,x\n1,y\n", "t", "is not UTF-8: byte 0xff at position 4, line 2"),
        (b"\xff,t\n1,x\n1,y\n", "t", "not UTF-8 in its first line"),
        ("a,t\n1,x\n1,y\n".encode("utf-16"), "t", "is UTF-16; save it as UTF-8"),
        ("a,t\n1e39,x\n2,y\n3,x\n4,y\n", "t", "infinite value in column a"),
        ("a,t\ninf,x\n2,y\n3,x\n4,y\n", "t", "infinite value in column a"),
        ("a,t\n1,1.5\n2,inf\n3,2\n4,1\n", "t", "y needs finite numbers, row 1"),
    ],
)
def test_bad_tables(tmp_path, text, target, says):
    with pytest.raises((DataError, ValueRangeError), match=says):
        load(csv(tmp_path, text), target=target)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("age,town,joined\n1,Bo,\n", "no column 'ok'"),
        ("age,town,joined,ok\nold,Bo,,\n", "column age needs numbers, got 'old'"),
        ("age,town,joined,ok\n1e300,Bo,,\n", "infinite value in column age"),
    ],
)
def test_bad_new_rows(tmp_path, text, says):
    with pytest.raises(DataError, match=says):
        read_rows(csv(tmp_path, text), FEATURES)


def test_bad_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [[1, 2], [3]], "t": ["x", "y"]}), path)
    with pytest.raises(DataError, match="column a holds list"):
        load(path, target="t")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"t\.parquet is damaged|cannot be read"):
        load(path, target="t")


# Texts


def test_a_text_is_its_characters(tmp_path):
    text = "你好 abc\nabc 🙂\n"
    split = load(csv(tmp_path, text, "book.txt"), test_size=0.25)
    for part in (split.train, split.test):
        assert part.is_text
        np.testing.assert_array_equal(part.x[1:], part.y[:-1])  # y is the character after x
    whole = [*split.train.x, *split.test.x, split.test.y[-1]]
    assert "".join(split.train.classes[i] for i in whole) == text
    assert len(split.test) == round(0.25 * (len(text) - 1))


@pytest.mark.parametrize(
    ("content", "expected"), [(b"a\r\nb\rc\n", "a\nb\nc\n"), (b"\xef\xbb\xbfa", "a"), ("ä".encode(), "ä")]
)
def test_text_as_read(tmp_path, content, expected):
    assert read_text(csv(tmp_path, content, "a.txt")) == expected


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"one\ntwo\xff\n", "byte 0xff at position 7, line 2"),
        ("größer".encode("latin-1"), "byte 0xf6 at position 2, line 1"),
        (b"", "at least two characters, got 0"),
        (b"a", "at least two characters, got 1"),
    ],
)
def test_bad_texts(tmp_path, content, says):
    with pytest.raises(DataError, match=says):
        load(csv(tmp_path, content, "a.txt"))


@pytest.mark.parametrize(
    ("name", "target", "says"),
    [
        ("a.bin", None, "is no folder of pictures, table"),
        ("a.png", None, "is no folder"),
        ("a", None, "is no folder"),
        ("a.txt", "t", "only a table needs a target"),
    ],
)
def test_other_files(tmp_path, name, target, says):
    with pytest.raises(DataError, match=says):
        load(csv(tmp_path, "abc", name), target=target)
