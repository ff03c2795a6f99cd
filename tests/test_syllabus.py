"""The table of topics is complete, and everything it names exists."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from yuanli import demos, syllabus
from yuanli.errors import UnknownNameError
from yuanli.syllabus import TOPICS

ROOT = Path(__file__).parent.parent
IDS = re.findall(
    r"\S+",
    """
    pipeline bases image challenges knn linear loss.mse loss.mae loss.rmse loss.smooth_l1 loss.huber loss.kl
    loss.ce loss.log loss.hinge penalty softmax sigmoid entropy gd backprop mlp activation preprocess init
    dropout batchnorm words.cbow words.sg words.hs words.neg conv pool lenet alexnet vgg receptive
    inception resnet densenet light rnn lstm textcnn gan svm logistic gbdt zoo.paddle
    """,
)
WORKING = [topic for topic in TOPICS if topic.state == "works"]
BY_ID = {"argvalues": WORKING, "ids": [topic.id for topic in WORKING]}


def test_every_row_of_the_note_is_there_in_order():
    assert [topic.id for topic in TOPICS] == IDS


def test_titles_are_in_both_languages_and_used_once():
    for titles in ([t.zh for t in TOPICS], [t.en for t in TOPICS]):
        assert len(set(titles)) == len(titles)
        assert all(titles)
    assert all(any("\u4e00" <= letter <= "\u9fff" for letter in t.zh) for t in TOPICS)
    assert all(t.en.replace("–", "-").isascii() for t in TOPICS)


def test_a_topic_works_exactly_when_it_can_be_demonstrated():
    assert [topic.id for topic in WORKING] == list(demos.TOPICS)
    assert all(topic.oracle and topic.tests for topic in WORKING)
    assert not any(topic.oracle or topic.tests for topic in TOPICS if topic.state == "planned")


@pytest.mark.parametrize("topic", **BY_ID)
def test_what_a_topic_names_exists_and_is_documented(topic):
    for place, found in zip(topic.lives, topic.objects(), strict=True):
        assert inspect.getdoc(found), place
        assert inspect.getsource(inspect.unwrap(found)), place


@pytest.mark.parametrize("topic", **BY_ID)
def test_the_tests_a_topic_names_exist(topic):
    for test in topic.tests:
        file, _, name = test.partition("::")
        functions = {
            node.name
            for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef)
        }
        assert name in functions, test


@pytest.mark.parametrize("topic", **BY_ID)
def test_a_topic_can_be_demonstrated(topic):
    parameters = inspect.signature(demos.demonstration(topic.id)).parameters
    assert list(parameters)[:2] == ["out", "seed"]


@pytest.mark.parametrize(
    ("id", "hint"),
    [
        ("loss.cee", "loss.ce"),
        ("Conv", "conv"),
        ("hinge", "loss.hinge"),
        ("relu", "activation"),
        ("conv2d", "conv"),
        ("zzz", "yuanli topics"),
        ("", "yuanli topics"),
    ],
)
def test_an_unknown_topic_is_met_with_a_suggestion(id, hint):
    with pytest.raises(UnknownNameError, match=hint):
        syllabus.find(id)


def test_a_topic_is_found_by_its_id():
    assert [syllabus.find(id).id for id in IDS] == IDS
