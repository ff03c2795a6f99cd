"""Reports are whole in themselves, hold the right numbers, and no name in them breaks out of its place."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy.stats import binomtest

from yuanli.data import Dataset
from yuanli.data.dataset import Feature
from yuanli.errors import DataError, ShapeError
from yuanli.inspection.report import Outcome, report, write_report

HOSTILE = "<script>alert('x')</script>\"&$\\frac{}$ 图像\x07"
ROWS = [
    {"epoch": e, "train_loss": 2.0 / e, "train_accuracy": 1 - 0.5 / e, "validation_loss": 2.5 / e}
    for e in (1, 2, 3)
]
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "header",
        "main",
        "section",
        "h1",
        "h2",
        "h3",
        "p",
        "div",
    ),
    *(
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "a",
        "figure",
        "img",
        "figcaption",
        "dl",
        "dt",
        "dd",
        "pre",
    ),
    *("details", "summary"),
}
ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "class", "src", "alt", "href", "id"}


class Page(HTMLParser):
    """The tags of a page with their attributes, and the text outside style."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text, self.open = [], "", []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        self.text += data if self.open[-1:] != ["style"] else ""


def images(classes=("cat", "dog", "owl"), n=12, right=9, *, data="zoo", name="net", title="A net", **options):
    """n pictures, classes 0 1 2 0 1 2 …; after the first `right` the next class is taken for the true one."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % len(classes)
    said = np.where(np.arange(n) < right, y, (y + 1) % len(classes))
    p = np.full((n, len(classes)), 0.2 / (len(classes) - 1))
    p[np.arange(n), said] = 0.8
    test = Dataset(data, rng.integers(0, 256, (n, 1, 8, 8), np.uint8), y, tuple(classes))
    return Outcome(name, title, test, p, **options)


def table(column="age", words=("X", "Y")):
    x = np.array([[1, 0], [2, np.nan], [3, -1], [4, 1]], np.float32)
    test = Dataset("t", x, np.array([0, 1, 1, 0]), ("no", "yes"), (Feature(column), Feature("town", words)))
    p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    return Outcome("tree", "A tree", test, p)


def regression():
    x = np.arange(8, dtype=np.float32).reshape(4, 2)
    test = Dataset("r", x, np.array([1, 2, 3, 4], np.float32), (), (Feature("a"), Feature("b")))
    return Outcome("line", "A line", test, np.array([1, 2, 3, 6], np.float32), rows=ROWS)


def test_numbers_of_a_run():
    outcome = images(
        rows=ROWS,
        parameters=1234,
        train_seconds=2.5,
        microseconds=10.25,
        templates=np.linspace(-1, 1, 3 * 64).reshape(3, 1, 8, 8),
        config={"seed": 7},
        command="yuanli train net --seed 7",
        facts={"stopped": "after 3 epochs"},
    )
    page = Page(report([outcome], title="A run"))
    interval = binomtest(9, 12).proportion_ci(method="wilson")
    shown = f"75.0 % (95 % interval {100 * interval.low:.1f} % to {100 * interval.high:.1f} %)"
    for text in (shown, "1,234", "2.50 s", "10.2 µs", outcome.command, '"seed": 7', "stoppedafter 3 epochs"):
        assert text in page.text, text
    assert [a["alt"].split()[0] for tag, a in page.tags if tag == "img"] == [
        "Learning", "Confusion", "Some", "All", "What",
    ]  # fmt: skip
    assert "All 3 mistakes" in page.text
    assert not page.open


def test_per_class_numbers():
    """The last of the four rows of each class is taken for the next class: 3 of 4 right, and 3 of 4 meant."""
    text = Page(report([images()], title="t")).text
    for name in ("cat", "dog", "owl"):
        assert re.search(name + r"75\.0 %75\.0 %75\.0 %4\b", text)


@pytest.fixture(scope="module")
def compared():
    """The report of three models, given in no order."""
    outcomes = [
        images(name=name, title=name, right=right, train_seconds=seconds, parameters=10)
        for name, right, seconds in (("bad", 3, 1.0), ("good", 12, 2.0), ("fair", 8, 3.0))
    ]
    return report(outcomes, title="c", command="yuanli compare zoo")


def test_nothing_comes_from_outside(compared):
    html = compared
    page = Page(html)
    for tag, attributes in page.tags:
        assert tag not in ("script", "link", "iframe", "object"), tag
        for name, value in attributes.items():
            if name == "src":
                head, _, body = value.partition(",")
                assert head == "data:image/png;base64"
                assert base64.b64decode(body, validate=True).startswith(b"\x89PNG")
            if name == "href":
                assert value.startswith("#")
    assert not re.search(r"url\(|@import|https?://", html)


def test_hostile_names_stay_text():
    names = {"data": HOSTILE, "name": HOSTILE, "title": HOSTILE, "command": HOSTILE}
    more = {"config": {HOSTILE: HOSTILE}, "facts": {HOSTILE: HOSTILE}, "parameters": 3, "train_seconds": 1.0}
    hostile = images(classes=(HOSTILE, "b", "c"), rows=ROWS, **names, **more)
    for outcomes in ([hostile, hostile], [table(HOSTILE, (HOSTILE, "b"))]):
        html = report(outcomes, title=HOSTILE, command=HOSTILE, notes=[HOSTILE])
        page = Page(html)
        assert "<script" not in html
        assert "alert('x')" in page.text
        assert {tag for tag, _ in page.tags} <= TAGS
        assert {a for _, attributes in page.tags for a in attributes} <= ATTRIBUTES


def test_tables_show_their_rows():
    page = Page(report([table()], title="t"))
    for text in ("50.0 %", "missing", "unknown", "age", "town", "The worst mistakes"):
        assert text in page.text
    assert [a["alt"] for t, a in page.tags if t == "img"] == [
        "Confusion matrix: how often each class was taken for each"
    ]


def test_regression_shows_residuals():
    page = Page(report([regression()], title="r"))
    for text in ("0.2", "root mean squared error", "The largest errors"):  # R² = 1 − 4/5, RMSE = 1
        assert text in page.text
    assert "R²0.2root mean squared error1mean absolute error0.5" in page.text
    assert "Predictions and residuals on the test data" in [a.get("alt") for _, a in page.tags]


def test_comparison_is_sorted_best_first(compared):
    html = compared
    assert re.findall(r'<a href="#model-\d">(\w+)</a>', html) == ["good", "fair", "bad"]
    page = Page(html)
    anchors = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["href"][1:] for t, a in page.tags if t == "a"} == anchors
    assert "No mistakes on the test data." in page.text


def test_the_same_report_is_the_same_bytes(tmp_path):
    first, second = (write_report(tmp_path / f"{i}/r.html", [regression()], title="t") for i in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_what_does_not_fit():
    with pytest.raises(DataError, match="at least one"):
        report([], title="t")
    with pytest.raises(ShapeError, match=r"\(12, 3\)"):
        Outcome("x", "x", images().test, np.zeros((3, 3)))
