"""Runs of GANs: what is kept, what can be made with them, and what is refused."""

import json
import os
import signal

import numpy as np
import pytest

from yuanli.data import load
from yuanli.errors import CheckpointError, DataError, ValueRangeError
from yuanli.recipes import evaluate, find, generate, kept, makes_images, paint, predict, train
from yuanli.training import Hook, Interrupted
from yuanli.training.files import load as load_tree

QUICK = {"epochs": 3, "source": {"spec": "digits"}, "width": 8, "noise": 16}


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def run(digits, tmp_path_factory):
    return train("dcgan", digits, out=tmp_path_factory.mktemp("runs") / "dcgan", **QUICK)


def test_a_run_keeps_the_game_and_the_film(run, digits):
    steps = 3 * (len(digits.train) // 64)
    assert [row["epoch"] for row in run.metrics()] == [1, 2, 3]
    assert {
        "train_discriminator_loss",
        "train_generator_loss",
        "train_real_known",
        "train_made_known",
    } <= set(run.metrics()[0])
    film = sorted(path.name for path in (run.folder / "samples").iterdir())
    assert film == ["step-0000000.png", f"step-{steps:07d}.png"]
    assert run.report_path.read_text().count("data:image/png;base64,") == 3
    judged = kept(run)
    assert judged.metrics["classes_present"] == sum(s >= 0.01 for s in judged.metrics["class_shares"])
    assert sum(judged.metrics["class_shares"]) == pytest.approx(1)
    assert judged.metrics["ratio"] == pytest.approx(
        judged.metrics["frechet"] / judged.metrics["frechet_untrained"]
    )
    assert judged.metrics["judge_accuracy"] > 0.9
    json.dumps(judged.to_json())
    assert evaluate(run.folder).metrics == judged.metrics


def test_images_are_made_the_same_again_and_written_in_rows(run, tmp_path):
    from PIL import Image

    assert makes_images(run)
    images, picture = paint(run, 10, seed=3, out=tmp_path / "out" / "some.png")
    assert (images.shape, images.dtype) == ((10, 1, 8, 8), np.uint8)
    sheet = np.asarray(Image.open(picture))
    assert sheet.shape == (16, 64)
    np.testing.assert_array_equal(sheet[8:, 8:16], images[9, 0])
    np.testing.assert_array_equal(paint(run, 10, seed=3, out=tmp_path / "b.png")[0], images)
    assert (paint(run, 10, seed=4, out=tmp_path / "b.png")[0] != images).any()
    assert paint(run)[1] == run.folder / "generated.png"
    for name in ("g.foo", "g"):
        with pytest.raises(ValueRangeError, match=f"is called .png, .jpg or the like, got '{name}'"):
            paint(run, out=run.folder / name)


class PressCtrlC(Hook):
    def on_step(self, training):
        if training.step == 30:
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupted_run_resumes_to_the_same_bits(run, digits, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(Interrupted, match="--resume"):
        train("dcgan", digits, out=out, hooks=[PressCtrlC()], **QUICK)
    again = train("dcgan", digits, out=out, resume=True, source={"spec": "digits"}, report=False)
    for name, array in load_tree(run.model_path)["learned"].items():
        np.testing.assert_array_equal(load_tree(again.model_path)["learned"][name], array)


def test_the_first_gan_learns_pictures_of_any_size_without_classes(tmp_path):
    from PIL import Image

    (tmp_path / "photos" / "all").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(40):
        size = (20, 40) if i % 2 else (64, 50)
        Image.fromarray(rng.integers(0, 255, (*size, 3)).astype(np.uint8)).save(
            tmp_path / "photos" / "all" / f"{i}.png"
        )
    source = {"spec": str(tmp_path / "photos")}
    for name in ("gan", "dcgan"):
        made = train(
            name,
            find(name).load(**source),
            out=tmp_path / name,
            source=source,
            epochs=1,
            batch_size=16,
            width=8,
        )
        assert paint(made, 4)[0].shape == (4, 3, 32, 32)
        assert set(kept(made).metrics) == {"examples"}
        assert made.report_path.is_file()


def test_what_cannot_be_is_refused(run, digits, tmp_path):
    with pytest.raises(DataError, match="makes images, and these are none"):
        train("gan", load("iris"), out=tmp_path / "a")
    wrong = [({"batch_size": 5000}, "more than the 1437"), ({"batch_size": 1}, "at least 2"),
             ({"smoothing": 0.7}, "smoothing"), ({"lr": 0}, "lr"), ({"width": 0}, "width")]  # fmt: skip
    for options, message in wrong:
        with pytest.raises(ValueRangeError, match=message):
            train("gan", digits, out=tmp_path / "a", **options)
        assert not (tmp_path / "a").exists()
    with pytest.raises(ValueRangeError, match="from 1 to"):
        paint(run, 0)
    with pytest.raises(CheckpointError, match="answers no rows"):
        predict(run, [tmp_path])
    with pytest.raises(CheckpointError, match="writes no text"):
        generate(run, "a")
    linear = train("linear", digits, out=tmp_path / "linear", epochs=1, report=False)
    assert not makes_images(linear)
    with pytest.raises(CheckpointError, match="makes no images"):
        paint(linear)
