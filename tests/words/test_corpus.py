"""Texts read piece by piece are what Python's split makes of them."""

import gzip
from collections import Counter

import numpy as np
import pytest

from yuanli.errors import DataError, DTypeError
from yuanli.words import Corpus, Noise, Vocabulary, corpus

TEXT = "the ship sails\n\n  the wave \t breaks\r\n水 火 水\nthe\u3000end of\n"
LINES = [line.split() for line in TEXT.split("\n")]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT.encode())
    return path


def read(source):
    """The sentences that have words, back as words."""
    text = Corpus(source)
    words, _ = text.count()
    found = []
    for numbers, lengths in text.pieces({word: i for i, word in enumerate(words)}):
        ends = np.cumsum(lengths)
        found += [[words[i] for i in numbers[e - n : e]] for e, n in zip(ends, lengths, strict=True) if n]
    return found


@pytest.mark.parametrize("piece", [7, 16, 1 << 22])
@pytest.mark.parametrize("kept", [0, 1 << 20])
def test_a_file_is_its_lines_cut_at_blanks(file, piece, kept, monkeypatch):
    """Whatever the pieces read, kept or read again; except that a line cut in two is two sentences."""
    monkeypatch.setattr(corpus, "PIECE", piece)
    monkeypatch.setattr(corpus, "KEPT", kept)
    found = read(file)
    assert [word for line in found for word in line] == TEXT.split()
    if piece > 100:
        assert found == [line for line in LINES if line]


def test_gzip_lists_and_byte_order_marks(file, tmp_path):
    expected = read(file)
    with gzip.open(tmp_path / "text.txt.gz", "wb") as packed:
        packed.write(b"\xef\xbb\xbf" + TEXT.encode())
    assert read(tmp_path / "text.txt.gz") == expected
    assert read(LINES) == expected


def test_counts(file):
    text = Corpus(file)
    words, counts = text.count()
    assert text.count() == (words, counts)
    (piece,) = text.pieces({"the": 0})
    assert len(piece.words) == 3
    assert dict(zip(words, counts.tolist(), strict=True)) == Counter(TEXT.split())
    vocabulary = Vocabulary(words, counts, min_count=2)
    assert vocabulary.index_to_key == ["the", "水"]
    assert Vocabulary(words, counts, 1, 3).index_to_key == ["the", "水", "ship"]


def test_tokens_leave_capitals_and_punctuation(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("The ship's sails, 3 of them!\n\n水火: “The END”\n", encoding="utf-8")
    text = Corpus(path, "words")
    words, counts = text.count()
    assert words == ["the", "ship's", "sails", "3", "of", "them", "水", "火", "end"]
    assert counts.tolist() == [2, 1, 1, 1, 1, 1, 1, 1, 1]
    (piece,) = text.pieces({word: i for i, word in enumerate(words)})
    assert piece.lengths.tolist() == [6, 0, 4]


def test_unknown_words_leave_their_sentences(file):
    text = Corpus(file)
    (piece,) = text.pieces({"the": 5, "end": 7})
    text.count()
    (kept,) = text.pieces({"the": 5, "end": 7})
    assert [part.tolist() for part in kept] == [part.tolist() for part in piece]
    assert piece.words.tolist() == [5, 5, 5, 7]
    assert piece.lengths[piece.lengths > 0].tolist() == [1, 1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no words"),
        (b" \n\t \n", "has no words"),
        (b"good\nba\xffd\n", r"byte 0xff at position 7, line 2"),
        (b"good \xe6\xb0", r"byte 0xe6 at position 5, line 1"),
    ],
)
def test_bad_files(content, message, tmp_path):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        Corpus(path).count()


def test_the_position_counts_over_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "PIECE", 8)
    path = tmp_path / "bad.txt"
    path.write_bytes(b"one two\nthree four\nfi\xffve\n")
    with pytest.raises(DataError, match="position 21, line 3"):
        Corpus(path).count()


def test_what_is_no_text(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        Corpus(tmp_path / "missing").count()
    (tmp_path / "broken.gz").write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match="gzip"):
        Corpus(tmp_path / "broken.gz").count()
    with pytest.raises(DTypeError, match="only once"):
        Corpus(line for line in LINES)
    with pytest.raises(DTypeError, match="split it"):
        Corpus(["the ship sails"]).count()
    with pytest.raises(DTypeError, match="list of words"):
        Corpus([["the", 5]]).count()


def test_too_few_words():
    with pytest.raises(DataError, match=r"min_count=5.*'the', comes 3 times.*lower min_count"):
        Vocabulary(["a", "the"], np.array([1, 3]), 5)
    with pytest.raises(DataError, match="at least two words"):
        Vocabulary(["one"], np.array([9]), 1)


def test_frequent_words_are_left_out_as_often_as_the_code_of_word2vec_does():
    kept = Vocabulary(list("abc"), np.array([900, 90, 10]), 1).keep_probabilities(0.01)
    share = np.array([0.9, 0.09, 0.01])
    np.testing.assert_allclose(kept, np.minimum(1, (np.sqrt(share / 0.01) + 1) * 0.01 / share), rtol=1e-6)


def test_noise_follows_its_distribution():
    counts = np.array([1000, 400, 30, 30, 1])
    noise = Noise(counts, 0.75)
    expected = counts**0.75 / (counts**0.75).sum()
    mass = np.zeros(5)  # exactly: every column is worth 1/V
    for column in range(5):
        mass[column] += noise.own[column] / 5
        mass[noise.other[column]] += (1 - noise.own[column]) / 5
    np.testing.assert_allclose(mass, expected, rtol=1e-12)
    drawn = noise.draw((20_000, 5), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(drawn.ravel(), minlength=5) / 1e5, expected, atol=0.005)
