"""word2vec: what it minimises is what it says, in all four modes, and it learns."""

import numpy as np
import pytest

from tests.words.texts import THEMES, sentences
from yuanli import ops
from yuanli.errors import DataError, NotFiniteError, ValueRangeError
from yuanli.ops.information import HuffmanCode
from yuanli.tensor import Tensor
from yuanli.training.interrupt import Interrupted
from yuanli.training.state import Hook, snapshot
from yuanli.words import Corpus, Vocabulary, Word2Vec, jobs
from yuanli.words.jobs import Jobs

MODES = {
    "CBOW-HS": {"sg": 0, "hs": 1}, "SG-HS": {"sg": 1, "hs": 1},
    "CBOW-NEG": {"sg": 0, "negative": 5}, "SG-NEG": {"sg": 1, "negative": 5},
}  # fmt: skip
SMALL = {"vector_size": 16, "min_count": 1, "window": 3, "sample": 0, "epochs": 3, "alpha": 0.05}


@pytest.fixture(params=MODES.values(), ids=MODES)
def mode(request):
    return SMALL | request.param


def started(options, many=60):
    model, text = Word2Vec(**options), Corpus(sentences(many))
    model.build_vocab(text)
    return model, text


def test_the_reported_loss_is_the_textbooks(mode):
    """With steps too small to move anything, against the formula on the same windows by the engine."""
    model, text = started(mode | {"alpha": 1e-12, "min_alpha": 0, "epochs": 1, "sample": 0.01})
    rng = np.random.default_rng(7)
    outputs = rng.normal(size=(len(model.vocabulary), 16)).astype(np.float32)
    model.tables.outputs.data[:, :16] = outputs
    model.tables.vectors.data[:, :16] = rng.normal(size=outputs.shape)
    (job,) = Jobs(text, model.vocabulary)
    rng = np.random.default_rng([model.seed, 0, 0])
    words, low, high = model._windows(job, rng)
    rows, _, first, last = model._targets(words, rng)
    code = HuffmanCode(model.vocabulary.counts.tolist())
    total, predictions = 0.0, 0
    x, p = Tensor(model.wv.vectors.astype(np.float64)), Tensor(outputs.astype(np.float64))
    for i, word in enumerate(words.tolist()):
        window = np.r_[words[low[i] : i], words[i + 1 : high[i]]]
        if not len(window):
            continue
        h = x[window] if model.sg else x[window].mean(0, keepdim=True)
        if model.hs:
            turns = np.array(code.turns[word])
            scores = h @ p[np.array(code.nodes[word])].T
            loss = ops.softplus(scores * (2.0 * turns - 1)).sum()  # left is σ(x·p), right is 1 − σ(x·p)
        else:
            drawn = rows[first[i] + 1 : last[i]]
            assert word not in drawn
            right, wrong = h @ p[[word]].T, h @ p[drawn[drawn >= 0]].T
            loss = ops.softplus(-right).sum() + ops.softplus(wrong).sum()
        total, predictions = total + loss.item(), predictions + h.shape[0]
    reported = model.train(text).rows[0]["train_loss"]
    assert reported == pytest.approx(total / predictions, rel=1e-5)


def test_every_mode_moves_both_tables_and_learns(mode):
    model, text = started(mode | {"epochs": 8, "sample": 1e-2}, 300)
    before = model.tables.state_dict()
    rows = model.train(text).rows
    for name, table in model.tables.state_dict().items():
        assert (table[:, :16] != before[name][:, :16]).any(1).mean() > 0.9, name
        assert not table[:, 16:].any()
    assert rows[-1]["train_loss"] < 0.95 * rows[0]["train_loss"]
    for theme in THEMES.values():
        near = [word for word, _ in model.wv.most_similar(theme[0], topn=5)]
        assert len(set(near) & set(theme)) >= 4, (theme[0], near)


def test_the_same_seed_gives_the_same_bits(mode):
    def bits(seed):
        model, text = started(mode | {"seed": seed, "epochs": 1})
        rows = model.train(text).rows
        return model.tables.vectors.data.tobytes(), rows[0]["train_loss"]

    assert bits(1) == bits(1)
    assert bits(1) != bits(2)


def test_several_workers_learn_as_well(mode, monkeypatch):
    monkeypatch.setattr(jobs, "JOB", 200)
    losses = []
    for workers in (1, 3):
        model, text = started(mode | {"workers": workers, "epochs": 3}, 200)
        losses.append(model.train(text).rows[-1]["train_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=0.05)


def test_interrupted_training_goes_on_to_the_same_bits(mode, monkeypatch):
    monkeypatch.setattr(jobs, "JOB", 100)

    class Stop(Hook):
        def on_step(self, training):
            if training.step == 9:
                self.saved = snapshot(training)
                raise Interrupted

    whole, text = started(mode)
    rows = whole.train(text).rows
    stopped, text = started(mode)
    stop = Stop()
    with pytest.raises(Interrupted):
        stopped.train(text, [stop])
    again, text = started(mode)
    resumed = again.train(text, resume=stop.saved).rows
    assert again.tables.vectors.data.tobytes() == whole.tables.vectors.data.tobytes()
    assert [row["train_loss"] for row in resumed] == [row["train_loss"] for row in rows]


def test_a_file_is_trained_on_as_its_lists_are(tmp_path):
    lines = sentences(40)
    (tmp_path / "text.txt").write_text("\n".join(map(" ".join, lines)))
    one, two = Word2Vec(lines, **SMALL), Word2Vec(corpus_file=tmp_path / "text.txt", **SMALL)
    assert one.wv.index_to_key == two.wv.index_to_key
    assert one.wv.vectors.tobytes() == two.wv.vectors.tobytes()


def test_windows_stay_within_their_sentences():
    model, text = started(SMALL | {"window": 4, "sample": 0.05})
    (job,) = Jobs(text, model.vocabulary)
    words, low, high = model._windows(job, np.random.default_rng(0))
    kept = np.random.default_rng(0).random(len(job.words), np.float32) < model._keep[job.words]
    sentences_kept = job.sentences[kept]
    assert len(words) == kept.sum() < len(kept)
    reaches = set()
    for i in range(len(words)):
        assert set(sentences_kept[low[i] : high[i]]) == {sentences_kept[i]}
        assert low[i] <= i < high[i]
        reaches |= {i - low[i], high[i] - 1 - i}
    assert reaches == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vector_size": 0}, "vector_size"), ({"window": 1.5}, "window"), ({"workers": 0}, "workers"),
        ({"alpha": 0}, "alpha"), ({"alpha": float("nan")}, "alpha"), ({"min_alpha": 1}, "alpha"),
        ({"sample": -1}, "sample"), ({"sg": 2}, "sg"), ({"hs": 1, "negative": 5}, "either hs=1 or negative"),
        ({"negative": 0}, "either hs=1 or negative"), ({"max_final_vocab": 0}, "max_final_vocab"),
        ({"sentences": [["a", "b"]], "corpus_file": "x"}, "both"),
    ],
)  # fmt: skip
def test_bad_options(options, message):
    with pytest.raises(ValueRangeError, match=message):
        Word2Vec(**options)


def test_texts_that_teach_nothing():
    with pytest.raises(DataError, match="no words"):
        Word2Vec([[]])
    with pytest.raises(DataError, match="at least two words"):
        Word2Vec([["alone"] * 20])
    with pytest.raises(DataError, match="min_count=5"):
        Word2Vec([["a", "few", "words"]])
    with pytest.raises(DataError, match="no word has a neighbour"):
        Word2Vec([["a"], ["b"], ["a"]], min_count=1)


def test_a_corpus_shorter_than_the_window_is_one_window():
    model = Word2Vec([["a", "b"]], min_count=1, window=50, sample=0)
    assert np.isfinite(model.wv.vectors).all()


def test_steps_too_large_are_told():
    with pytest.raises(NotFiniteError, match="smaller alpha"):
        Word2Vec(sentences(60), **SMALL | {"alpha": 1e30, "min_alpha": 1e30})


@pytest.mark.reference
def test_the_vocabulary_and_the_subsampling_are_gensims():
    from gensim.models import Word2Vec as Gensim

    text = sentences(200)
    theirs = Gensim(text, vector_size=8, min_count=3, sample=1e-2, hs=1, negative=0, seed=1, workers=1)
    words, counts = Corpus(text).count()
    ours = Vocabulary(words, counts, 3)
    assert dict(zip(ours.index_to_key, ours.counts.tolist(), strict=True)) == {
        word: theirs.wv.get_vecattr(word, "count") for word in theirs.wv.index_to_key
    }
    kept = [theirs.wv.get_vecattr(word, "sample_int") / (2**32 - 1) for word in ours.index_to_key]
    np.testing.assert_allclose(ours.keep_probabilities(1e-2), kept, rtol=1e-5)
    lengths = [len(theirs.wv.get_vecattr(word, "code")) for word in ours.index_to_key]
    code = HuffmanCode(ours.counts.tolist())
    assert np.dot(lengths, ours.counts) == sum(
        len(code.words[i]) * n for i, n in enumerate(ours.counts.tolist())
    )
