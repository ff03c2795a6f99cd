"""Language models learn a text whose entropy is known; runs of them resume, are judged, and write."""

import hashlib
import json
import math
import os
import signal

import numpy as np
import pytest

from yuanli.cli import main
from yuanli.errors import CheckpointError, DataError, UnknownNameError, ValueRangeError
from yuanli.interchange import save_weights
from yuanli.recipes import RECIPES, compare, evaluate, find, generate, load_other, train
from yuanli.recipes.evaluate import open_model
from yuanli.training import Hook, Interrupted

CHAIN = np.array([[0.1, 0.8, 0.1], [0.0, 0.25, 0.75], [0.5, 0.0, 0.5]])  # from row to column
QUICK = {
    "epochs": 6, "batch_size": 8, "steps": 32, "lr": 0.01, "dropout": 0.0,
    "hidden_size": 12, "embedding_dim": 4, "report": False,
}  # fmt: skip
POEM = "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。\n" * 30


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    rng = np.random.default_rng(0)
    letters, state = [], 0
    for _ in range(12_000):
        letters.append("abc"[state])
        state = rng.choice(3, p=CHAIN[state])
    path = tmp_path_factory.mktemp("texts") / "chain.txt"
    path.write_text("".join(letters))
    return path


def trained(name, path, out, **options):
    source = {"spec": str(path)}
    return train(name, find(name).load(**source), out=out, source=source, **QUICK | options)


@pytest.fixture(scope="module")
def gru(chain, tmp_path_factory):
    return trained("gru", chain, tmp_path_factory.mktemp("runs") / "gru")


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_the_loss_becomes_the_text_s_own_entropy(name, chain, gru, tmp_path):
    run = gru if name == "gru" else trained(name, chain, tmp_path / "run")
    judged = evaluate(run)
    test = find(name).load(str(chain)).test
    codes = np.array([ord(c) - ord("a") for c in test.classes])
    own = -np.log(CHAIN[codes[test.x], codes[test.y]]).mean()  # of the chain that wrote it
    assert judged.metrics["loss"] == pytest.approx(own, abs=0.02)
    assert judged.metrics["perplexity"] == pytest.approx(math.exp(judged.metrics["loss"]))
    assert judged.metrics["bits"] == pytest.approx(judged.metrics["loss"] / math.log(2))
    rows = run.metrics()
    assert rows[-1]["validation_loss"] == pytest.approx(own, abs=0.05)
    assert rows[-1]["validation_perplexity"] == pytest.approx(math.exp(rows[-1]["validation_loss"]))
    assert rows[0]["train_loss"] > rows[-1]["train_loss"]


def test_what_it_writes_follows_the_chain(gru):
    text = generate(gru, "ab", length=2500, temperature=1.0)
    assert text.startswith("ab")
    assert len(text) == 2502
    codes = np.frombuffer(text[2:].encode(), np.uint8) - ord("a")
    pairs = np.zeros((3, 3))
    np.add.at(pairs, (codes[:-1], codes[1:]), 1)
    np.testing.assert_allclose(pairs / pairs.sum(1, keepdims=True), CHAIN, atol=0.08)
    assert generate(gru, "a", length=2, temperature=0) == "abc"
    assert generate(gru, length=30, seed=1) == generate(gru, length=30, seed=1)
    assert generate(gru, length=30, seed=1) != generate(gru, length=30, seed=2)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        (
            {"prompt": "abé"},
            DataError,
            "'é' at position 2 is nothing the model has ever seen; it knows 'abc'",
        ),
        ({"length": 0}, ValueRangeError, "length needs a whole number of tokens from 1 up, got 0"),
        ({"temperature": -1}, ValueRangeError, "temperature"),
        ({"top_k": 0}, ValueRangeError, "top_k"),
    ],
)
def test_bad_prompts_and_options_are_refused(gru, options, error, says):
    with pytest.raises(error, match=says):
        generate(gru, **options)


class CtrlC(Hook):
    """Pressed during a step."""

    def __init__(self, step):
        self.step = step

    def on_step(self, training):
        if training.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_run_ends_with_the_same_bits(gru, chain, tmp_path):
    data = find("gru").load(str(chain))
    settings = {"source": {"spec": str(chain)}, **QUICK}
    for step in (1, 50):
        out = tmp_path / str(step)
        with pytest.raises(Interrupted, match="--resume"):
            train("gru", data, out=out, hooks=[CtrlC(step)], **settings)
        run = train("gru", data, out=out, resume=True, **settings)
        assert digest(run) == digest(gru)


def digest(run):
    return hashlib.sha256(run.model_path.read_bytes()).hexdigest()


def test_words_seen_once_are_unknown(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("the cat sat on the mat .\nthe dog ran to the cat .\nonce " * 40 + "unheard-of\n")
    run = trained("lstm", path, tmp_path / "run", tokens="words", epochs=8, patience=None)
    writer = open_model(run)
    assert writer.vocabulary.tokens[0] == "<unk>"
    assert {"the", "cat", ".", "\n", "once"} <= set(writer.vocabulary.tokens)
    text = generate(run, "the zebra", length=12)
    assert text.startswith("the zebra ")
    judged = evaluate(run)
    assert judged.unit == "words"
    assert judged.metrics["perplexity"] < len(writer.vocabulary)


def test_chinese_text(tmp_path):
    path = tmp_path / "诗.txt"
    path.write_text(POEM, encoding="utf-8")
    run = trained("gru", path, tmp_path / "run", epochs=25, lr=0.02, hidden_size=32, report=True)
    text = generate(run, "床前", length=22, temperature=0)
    assert text == POEM[:24]
    assert "举头" in run.report_path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (b"", {}, "at least two characters, got 0"),
        (b"word", {}, "3 characters of text cannot be split"),
        (b"one two three four five", {}, "fewer than one stretch of 32 steps"),
        (b"to be or not to be " * 30, {"tokens": "words", "min_count": 99}, "no word is seen 99 times"),
        (b"ab" * 60, {"batch_size": 90}, "too few for 90 streams"),
        (b"once upon a time, there was " * 4, {"tokens": "words"}, "words to learn from are fewer than one"),
        ("schön".encode("latin-1") * 20, {}, "not UTF-8: byte 0xf6 at position 3, line 1"),
    ],
)
def test_bad_texts_are_refused_before_anything_is_written(tmp_path, text, options, says):
    path = tmp_path / "bad.txt"
    path.write_bytes(text)
    with pytest.raises(DataError, match=says):
        trained("lstm", path, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"tokens": "letters"}, UnknownNameError, "no kind of tokens is called 'letters'"),
        ({"steps": 0}, ValueRangeError, "steps needs a whole number from 1 up, got 0"),
        ({"num_layers": 1.5}, ValueRangeError, "num_layers needs a whole number"),
        ({"augment": True}, ValueRangeError, "no images to shift"),
        ({"hidden": 3}, UnknownNameError, "did you mean hidden_size"),
    ],
)
def test_bad_options_are_refused(chain, tmp_path, options, error, says):
    with pytest.raises(error, match=says):
        trained("lstm", chain, tmp_path / "run", **options)


def test_training_starts_from_another_run_s_weights(gru, chain, tmp_path):
    """What is frozen stays as it was there; the rest has learned already."""
    weights = tmp_path / "weights.safetensors"
    save_weights(open_model(gru).model, weights)
    run = trained("gru", chain, tmp_path / "run", epochs=1, weights=str(weights), freeze="embedding")
    before, after = (open_model(r).model.state_dict() for r in (gru, run))
    np.testing.assert_array_equal(before["embedding.weight"], after["embedding.weight"])
    assert not np.array_equal(before["output.weight"], after["output.weight"])
    assert run.metrics()[0]["train_loss"] < gru.metrics()[0]["train_loss"] - 0.1


def test_data_of_another_kind_is_refused(tmp_path):
    with pytest.raises(DataError, match="continues a text"):
        train("lstm", find("lstm").load("digits"), out=tmp_path / "run")
    with pytest.raises(DataError, match="textlstm classifies them"):
        train("lstm", find("lstm").load("reviews"), out=tmp_path / "run")
    with pytest.raises(ValueRangeError, match="lstm gives none"):
        compare(find("lstm").load("reviews"), ["lstm"])
    assert not any(RECIPES[name].compared for name in ("rnn", "lstm", "gru"))


def test_any_file_but_a_table_is_text(tmp_path):
    for name in ("novel", "program.py", "letters.log"):
        (tmp_path / name).write_text("abcd\r\n" * 30)
        data = find("lstm").load(str(tmp_path / name))
        assert data.train.is_text
        assert data.train.classes == ("\n", "a", "b", "c", "d")
        assert (len(data.train), len(data.test)) == (134, 15)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n")
    with pytest.raises(DataError, match="not UTF-8: byte 0x89 at position 0"):
        find("lstm").load(str(tmp_path / "picture.png"))
    with pytest.raises(DataError, match="only a table needs a target"):
        find("lstm").load(str(tmp_path / "program.py"), target="x")


def test_another_text_is_judged_with_what_the_model_knows(gru, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("abcc" * 400)
    assert evaluate(gru, load_other(gru, other)).metrics["loss"] < 1.2
    other.write_text("abxc" * 400)
    with pytest.raises(DataError, match="'x' at position"):
        evaluate(gru, load_other(gru, other))
    with pytest.raises(DataError, match="continues a text"):
        evaluate(gru, load_other(gru, "digits"))


def test_an_altered_vocabulary_is_a_damaged_run(gru, tmp_path):
    from yuanli.recipes.evaluate import recipe_of

    state = gru.model()
    config = state.pop("config")
    for change in ({"vocabulary": ["a"]}, {"vocabulary": None}, {}):
        with pytest.raises(CheckpointError, match="do not fit"):
            recipe_of(gru).restore(gru.config["settings"], {"tokens": "characters"} | change, state)
    assert config["tokens"] == "characters"


def test_the_command_line_writes(gru, capsys):
    def run(*arguments):
        with pytest.raises(SystemExit) as stopped:
            main([str(a) for a in arguments])
        return stopped.value.code or 0, capsys.readouterr()

    code, printed = run("generate", gru.folder, "--prompt", "ab", "--length", 5, "--top-k", 2, "--json")
    assert code == 0
    assert len(json.loads(printed.out)["text"]) == 7
    code, printed = run("generate", gru.folder, "--prompt", "é")
    assert (code, printed.out) == (2, "")
    assert "'é' at position 0" in printed.err
    code, printed = run("evaluate", gru.folder)
    assert code == 0
    assert "perplexity" in printed.out
    assert f"Next: yuanli generate {gru.folder} --prompt TEXT" in printed.out
