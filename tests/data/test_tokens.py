"""Tokens: English, Chinese and both; there and back; counts against scikit-learn's."""

import sys

import numpy as np
import pytest

from yuanli.data import preprocess
from yuanli.data.filling import trim
from yuanli.data.tokens import PADDING, UNKNOWN, Tokens, Vocabulary, join, tokenize
from yuanli.errors import CheckpointError, DataError, DTypeError, NotFittedError, UnknownNameError

TEXTS = np.array(["a b b c", "b c", "", "c d e f g"], np.dtypes.StringDType())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't stop, 3.5 men!", ["Don't", "stop", ",", "3", ".", "5", "men", "!"]),
        ("a\n\n b <unk> c-d", ["a", "\n", "\n", "b", "<unk>", "c", "-", "d"]),
        ("这部LSTM很好，真的。", ["这", "部", "LSTM", "很", "好", "，", "真", "的", "。"]),
        ("naïve Äpfel μ", ["naïve", "Äpfel", "μ"]),
        (" \t ", []),
    ],
)
def test_words(text, words):
    assert tokenize(text, "words") == words


@pytest.mark.parametrize(
    "text",
    [
        "He said: no, never! (Or so.)\nAnd went.",
        "\n\nROMEO:\nI dreamt a dream to-night.".replace("-", " "),
        "这部电影很好，真的。下一句",
        "",
    ],
)
def test_words_joined_are_the_text(text):
    assert join(tokenize(text, "words"), "words") == text
    assert join(tokenize(text, "characters"), "characters") == text


@pytest.mark.reference
def test_jieba_finds_chinese_words():
    pytest.importorskip("jieba")
    assert tokenize("我来到北京清华大学\n好", "jieba") == ["我", "来到", "北京", "清华大学", "\n", "好"]
    assert join(["我", "来到", "北京"], "jieba") == "我来到北京"


def test_without_jieba_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(DataError, match="pip install jieba, or take words or characters"):
        tokenize("北京", "jieba")


def test_another_unit_is_refused():
    with pytest.raises(UnknownNameError, match="cut into characters, words, jieba, got 'letters'"):
        tokenize("a", "letters")


def test_a_vocabulary_has_the_most_frequent_first():
    words = list("cbabccd")
    assert Vocabulary.of(words).tokens == ("c", "b", "a", "d")
    assert Vocabulary.of(words, first=(UNKNOWN,), min_count=2).tokens == (UNKNOWN, "c", "b")
    assert Vocabulary.of(words, first=(UNKNOWN,), most=1).tokens == (UNKNOWN, "c")


def test_what_is_not_known():
    with pytest.raises(
        DataError, match="'é' at position 2 is nothing the model has ever seen; it knows 'ab'"
    ):
        Vocabulary("ab").encode(list("abé"))
    known = Vocabulary([UNKNOWN, "a"])
    np.testing.assert_array_equal(known.encode(["a", "x"]), [1, 0])
    assert known.decode([1, 0]) == ["a", UNKNOWN]


def test_rows_of_tokens():
    step = Tokens("words", min_count=2, longest=4).fit(TEXTS)
    assert step.vocabulary_.tokens == (PADDING, UNKNOWN, "b", "c")
    rows = step.transform(TEXTS)
    np.testing.assert_array_equal(rows, [[1, 2, 2, 3], [2, 3, 0, 0], [0] * 4, [3, 1, 1, 1]])
    np.testing.assert_array_equal(trim(rows[1:3]), [[2, 3], [0, 0]])
    np.testing.assert_array_equal(trim(rows[1:3], least=3), [[2, 3, 0], [0, 0, 0]])
    assert trim(np.zeros((2, 1), np.int64), least=5).shape == (2, 5)


def test_counts_equal_scikit_learn_s():
    from sklearn.feature_extraction.text import CountVectorizer

    texts = np.array(["The cat saw the dog", "a dog, a cat and THE bird", "bird"], np.dtypes.StringDType())
    step = Tokens("words", min_count=1).fit(texts)
    theirs = CountVectorizer(token_pattern=r"\w+|,").fit(texts.tolist())
    rows = step.transform(texts)
    for word, column in theirs.vocabulary_.items():
        ours = (rows == step.vocabulary_.numbers[word]).sum(1)
        np.testing.assert_array_equal(ours, theirs.transform(texts.tolist()).toarray()[:, column])


def test_saved_and_made_again():
    chain = preprocess.Chain([Tokens("characters", min_count=1).fit(TEXTS)])
    again = preprocess.from_config(chain.config(), chain.state())
    np.testing.assert_array_equal(again.transform(TEXTS), chain.transform(TEXTS))
    config = chain.config()["steps"][0]
    for change in ({"length": 0}, {"vocabulary": ["a"]}):
        with pytest.raises(CheckpointError, match="Tokens"):
            preprocess.from_config(config | change, {})


def test_bad_texts():
    with pytest.raises(DataError, match="no words are left in 4 texts: none was seen 9 times"):
        Tokens(min_count=9).fit(TEXTS)
    with pytest.raises(DTypeError, match="Tokens needs texts"):
        Tokens().fit(np.ones((3, 2)))
    with pytest.raises(NotFittedError, match="call fit"):
        Tokens().transform(TEXTS)
