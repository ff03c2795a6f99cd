"""Weights to and from Paddle itself (`make paddle` installs it): its layers and ours give one answer."""

import warnings

import numpy as np
import pytest

from yuanli import nn
from yuanli.interchange import load_weights, save_weights
from yuanli.models import build

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    paddle = pytest.importorskip(
        "paddle", reason="Paddle is large: `make paddle` installs it", exc_type=ImportError
    )

pytestmark = [pytest.mark.reference, pytest.mark.filterwarnings("ignore")]


def network(library):
    """The same layers of ours, or of Paddle's."""
    norm = library.BatchNorm2d if library is nn else library.BatchNorm2D
    conv = library.Conv2d if library is nn else library.Conv2D
    layers = (conv(3, 6, 3, padding=1), norm(6), library.ReLU(), library.Flatten(), library.Linear(96, 6))
    return library.Sequential(*layers, library.Linear(6, 6))


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(3, 3, 4, 4)).astype(np.float32)


def test_paddle_loads_what_is_written(x, tmp_path):
    ours, theirs = network(nn), network(paddle.nn)
    ours.train()(x)  # running statistics other than 0 and 1
    save_weights(ours, tmp_path / "w.pdparams")
    missing, unexpected = theirs.set_state_dict(paddle.load(str(tmp_path / "w.pdparams")))
    assert (missing, unexpected) == ([], [])
    theirs.eval()
    expected = theirs(paddle.to_tensor(x)).numpy()
    np.testing.assert_allclose(ours.eval()(x).data, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_paddle_wrote_is_read(x, protocol, tmp_path):
    ours, theirs = network(nn), network(paddle.nn)
    theirs.train()
    theirs(paddle.to_tensor(x))
    paddle.save(theirs.state_dict(), str(tmp_path / "w.pdparams"), protocol=protocol)
    report = load_weights(ours, tmp_path / "w.pdparams", strict=True)
    assert not report.unexpected
    theirs.eval()
    expected = theirs(paddle.to_tensor(x)).numpy()
    np.testing.assert_allclose(ours.eval()(x).data, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "SimpleRNN"])
def test_recurrent_layers(name, tmp_path):
    theirs = getattr(paddle.nn, name)(5, 4, num_layers=2, direction="bidirect")
    ours = getattr(nn, name.replace("Simple", ""))(5, 4, num_layers=2, bidirectional=True, batch_first=True)
    paddle.save(theirs.state_dict(), str(tmp_path / "w.pdparams"))
    load_weights(ours, tmp_path / "w.pdparams", strict=True)
    x = np.random.default_rng(0).normal(size=(2, 7, 5)).astype(np.float32)
    expected = theirs(paddle.to_tensor(x))[0].numpy()
    np.testing.assert_allclose(ours(x)[0].data, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_a_network_of_paddles_zoo_gives_its_answers_here(name, tmp_path):
    """The names of layers are torchvision's in both."""
    compare_networks(name, tmp_path)


@pytest.mark.parametrize("name", ["mobilenet_v1", "densenet121", "shufflenet_v2_x1_0"])
def test_a_network_whose_layers_paddle_names_otherwise(name, tmp_path):
    compare_networks(name, tmp_path, by_order=True)


def compare_networks(name, tmp_path, **options):
    theirs, ours = getattr(paddle.vision.models, name)(), build(name)
    theirs.eval()
    paddle.save(theirs.state_dict(), str(tmp_path / "w.pdparams"))
    load_weights(ours, tmp_path / "w.pdparams", strict=True, **options)
    x = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
    expected, found = theirs(paddle.to_tensor(x)).numpy(), ours.eval()(x).data
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
    if not options:  # and back
        save_weights(ours, tmp_path / "back.pdparams")
        missing, unexpected = theirs.set_state_dict(paddle.load(str(tmp_path / "back.pdparams")))
        assert (missing, unexpected) == ([], [])
        np.testing.assert_array_equal(theirs(paddle.to_tensor(x)).numpy(), expected)


def test_an_optimisers_state_is_read(x, tmp_path):
    """`.pdopt`, of tensors, numbers and a schedule's dict: no names of a model, but nothing to refuse."""
    from yuanli.interchange import read_weights

    theirs = network(paddle.nn)
    optimizer = paddle.optimizer.Adam(paddle.optimizer.lr.NoamDecay(64, 100), parameters=theirs.parameters())
    theirs(paddle.to_tensor(x)).sum().backward()
    optimizer.step()
    paddle.save(optimizer.state_dict(), str(tmp_path / "w.pdopt"))
    assert len(read_weights(tmp_path / "w.pdopt")) > 10
