"""`inspect` and `stress` of a run."""

import json

import numpy as np
import pytest

from yuanli.data import load
from yuanli.errors import CheckpointError, DataError
from yuanli.recipes import predict, train
from yuanli.recipes.look import inspect, stress_run

QUICK = {"source": {"spec": "digits"}, "report": False}


@pytest.fixture(scope="module")
def lenet(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "lenet"
    return train("lenet", load("digits"), out=out, epochs=1, batch_size=100, **QUICK)


@pytest.fixture
def picture(tmp_path):
    from PIL import Image

    Image.fromarray(load("digits").test.x[3, 0]).save(tmp_path / "七 7.png")
    return tmp_path / "七 7.png"


def test_a_look_answers_as_predict_does_and_writes_its_pictures(lenet, picture, tmp_path):
    look = inspect(lenet, picture, out=tmp_path / "out")
    assert look.answer == predict(lenet, [picture])[0]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    of = f"{picture.parent.name}-七 7"
    assert names == {f"{of}-{what}.png" for what in ("answer", "filters", "maps", "evidence")}
    assert {path.name for path in look.pictures} == names
    assert not look.notes


def test_a_model_without_convolutions_shows_what_it_can(picture, tmp_path):
    for name, options in (("knn", {}), ("linear", {"epochs": 1})):
        run = train(name, load("digits"), out=tmp_path / name, **QUICK, **options)
        look = inspect(run, picture)
        of = f"{picture.parent.name}-七 7"
        assert [path.name for path in look.pictures] == [f"{of}-answer.png", f"{of}-evidence.png"]
        assert len(look.notes) == 1
        assert all(path.parent == run.folder / "inspect" for path in look.pictures)


def test_a_stress_test_begins_with_the_accuracy_of_the_run(lenet, tmp_path):
    found = stress_run(lenet, images=2000, out=tmp_path)
    judged = (lenet.predictions()["predictions"].argmax(1) == lenet.predictions()["labels"]).mean()
    assert found.images == 360
    assert found.points[0].accuracy == pytest.approx(judged)
    assert found.picture == tmp_path / "stress.png"
    assert found.picture.is_file()
    json.dumps({**found.to_json(), "picture": ""})
    few = stress_run(lenet, images=20, seed=4, out=tmp_path)
    assert few.images == 20
    assert few.points == stress_run(lenet, images=20, seed=4, out=tmp_path).points


def test_only_classifiers_of_images_are_looked_into(tmp_path, picture):
    run = train("knn", load("iris"), out=tmp_path / "iris", report=False)
    with pytest.raises(CheckpointError, match="classifies no images"):
        inspect(run, picture)
    with pytest.raises(CheckpointError, match="classifies no images"):
        stress_run(run, load("iris"))
    digits = train("knn", load("digits"), out=tmp_path / "digits", report=False)
    with pytest.raises(DataError, match="no picture at"):
        inspect(digits, tmp_path / "none.png")
    assert np.isfinite(digits.predictions()["predictions"]).all()
