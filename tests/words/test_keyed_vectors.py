"""Neighbours, analogies and files of word vectors."""

import itertools

import numpy as np
import pytest

from yuanli.errors import CheckpointError, DataError, ShapeError, UnknownNameError, ValueRangeError
from yuanli.words import KeyedVectors

WORDS = ["king", "queen", "man", "woman", "Paris", "France", "Rome", "Italy", "水"]


@pytest.fixture
def vectors():
    """A gender and a capital direction, and some noise."""
    rng = np.random.default_rng(0)
    royal, female, paris, rome, capital, water = rng.normal(size=(6, 12))
    rows = [royal, royal + female, 0 * royal, female, paris + capital, paris, rome + capital, rome, water]
    return KeyedVectors(WORDS, (np.array(rows) + 0.1 * rng.normal(size=(9, 12))).astype(np.float32))


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text(
        ": family\nman king woman queen\nMAN woman KING queen\nman uncle woman aunt\n"
        ": capital-common\nParis France Rome Italy\nFrance Paris Italy Rome\nqueen king woman Paris\n"
    )
    return path


def test_neighbours_by_their_definition(vectors):
    unit = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    target = unit[1] - unit[2] + unit[0]
    cosines = unit @ target / np.linalg.norm(target)
    order = [i for i in np.argsort(-cosines) if i not in (0, 1, 2)]
    found = vectors.most_similar(["queen", "king"], ["man"], topn=3)
    assert [word for word, _ in found] == [WORDS[i] for i in order[:3]]
    np.testing.assert_allclose([cosine for _, cosine in found], cosines[order[:3]], rtol=1e-5)
    assert vectors.most_similar(["king", "woman"], "man")[0][0] == "queen"
    assert len(vectors.most_similar("水", topn=50)) == 8
    assert vectors.similarity("king", "king") == pytest.approx(1, abs=1e-6)


def test_analogies(vectors, questions):
    share, sections = vectors.evaluate_word_analogies(questions)
    assert [(len(s["correct"]), len(s["incorrect"])) for s in sections] == [(2, 0), (2, 1)]
    assert share == 0.8
    assert sections[1]["incorrect"] == [("QUEEN", "KING", "WOMAN", "PARIS")]


@pytest.mark.parametrize("binary", [False, True])
def test_files_come_back_to_the_bit(vectors, tmp_path, binary):
    path = tmp_path / "vectors"
    vectors.save_word2vec_format(path, binary)
    again = KeyedVectors.load_word2vec_format(path, binary)
    assert again.index_to_key == WORDS
    assert again.vectors.tobytes() == vectors.vectors.tobytes()
    vectors.save(path)
    again = KeyedVectors.load(path)
    assert again.index_to_key == WORDS
    assert again.vectors.tobytes() == vectors.vectors.tobytes()


@pytest.mark.parametrize("binary", [False, True])
def test_a_file_cut_short_anywhere_is_told(vectors, tmp_path, binary):
    path = tmp_path / "vectors"
    vectors.save_word2vec_format(path, binary)
    content = path.read_bytes()
    for end in range(0, len(content) - 1, 7):
        path.write_bytes(content[:end])
        try:
            again = KeyedVectors.load_word2vec_format(path, binary)
        except DataError:
            continue
        assert not binary  # the last number of a text may lose digits: nothing says how many it had
        assert len(content) - end < 16
        assert again.index_to_key == WORDS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "first line"), (b"two words\na 1\n", "first line"), (b"-1 5\n", "first line"),
        (b"9999999999 3\n", "first line"), (b"2 1\na 1\n", "promises 2 words, but 1"),
        (b"1 2\na 1\n", "line 2: a word and 2 numbers"), (b"1 2\na 1 x\n", "line 2"),
        (b"1 1\n\xff 1\n", "line 2"), (b"2 1\na 1\na 2\n", "more than once"),
    ],
)  # fmt: skip
def test_what_is_no_file_of_vectors(content, message, tmp_path):
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(DataError, match=message):
        KeyedVectors.load_word2vec_format(tmp_path / "bad")


def test_bad_requests(vectors, tmp_path, questions):
    with pytest.raises(UnknownNameError, match=r"'quean'.*did you mean queen"):
        vectors.most_similar("quean")
    with pytest.raises(ValueRangeError, match="needs a word"):
        vectors.most_similar([])
    with pytest.raises(ShapeError, match="a row a word"):
        KeyedVectors(["a"], np.zeros((2, 3)))
    with pytest.raises(DataError, match="without blanks"):
        KeyedVectors(["a b", "c"], np.eye(2)).save_word2vec_format(tmp_path / "x")
    with pytest.raises(DataError, match="no question"):
        KeyedVectors(["a", "b"], np.eye(2)).evaluate_word_analogies(questions)
    questions.write_text(": one\nfour words are needed here\n")
    with pytest.raises(DataError, match="line 2: four words"):
        vectors.evaluate_word_analogies(questions)
    with pytest.raises(CheckpointError, match="no such file"):
        KeyedVectors.load(tmp_path / "missing")


@pytest.mark.reference
def test_gensim_reads_ours_and_finds_the_same(vectors, tmp_path, questions):
    from gensim.models import KeyedVectors as Gensim

    for binary in (False, True):
        vectors.save_word2vec_format(tmp_path / "ours", binary)
        theirs = Gensim.load_word2vec_format(tmp_path / "ours", binary=binary)
        assert theirs.index_to_key == WORDS
        assert theirs.vectors.tobytes() == vectors.vectors.tobytes()
        theirs.save_word2vec_format(tmp_path / "theirs", binary=binary)
        again = KeyedVectors.load_word2vec_format(tmp_path / "theirs", binary)
        np.testing.assert_allclose(again.vectors, vectors.vectors, rtol=1e-6)
        assert again.index_to_key == WORDS
    for plus, minus in itertools.product([["king"], ["king", "woman"]], [[], ["man"], ["man", "Rome"]]):
        found, expected = vectors.most_similar(plus, minus, 4), theirs.most_similar(plus, minus, 4)
        assert [word for word, _ in found] == [word for word, _ in expected]
        np.testing.assert_allclose([c for _, c in found], [c for _, c in expected], rtol=1e-5)
    share, sections = vectors.evaluate_word_analogies(questions)
    expected_share, expected_sections = theirs.evaluate_word_analogies(questions)
    assert share == expected_share
    for own, other in zip(sections, expected_sections, strict=False):
        assert own["correct"] == [tuple(q) for q in other["correct"]]
        assert own["incorrect"] == [tuple(q) for q in other["incorrect"]]
