"""Layers without torch: state names from its committed list, closed forms, statistics, wrong options."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests.nn.layers import LAYERS, LOSSES, OURS, RECURRENT
from yuanli import Tensor, manual_seed, nn
from yuanli.errors import ShapeError, UnknownNameError, ValueRangeError

STATES = json.loads((Path(__file__).parents[1] / "references" / "layers.json").read_text(encoding="utf-8"))


def test_every_layer_and_loss_has_a_case():
    modules = {
        n for n in nn.__all__ if isinstance(getattr(nn, n), type) and issubclass(getattr(nn, n), nn.Module)
    }
    tested = {case.name for case in (*LAYERS, *RECURRENT, *LOSSES)} | OURS
    assert tested == modules - {"Module", "Sequential", "ModuleList"}
    assert set(STATES) <= {str(case) for case in (*LAYERS, *RECURRENT)}


@pytest.mark.parametrize("case", [*LAYERS, *RECURRENT], ids=str)
def test_state_has_torch_s_names_and_shapes(case):
    state = case.make(nn).state_dict()
    assert {name: list(value.shape) for name, value in state.items()} == STATES.get(str(case), {})
    assert list(state) == list(STATES.get(str(case), {}))


# Closed forms -----------------------------------------------------------------------------------------------


def test_linear():
    layer = nn.Linear(2, 3)
    layer.load_state_dict({"weight": [[1, 2], [3, 4], [5, 6]], "bias": [10, 20, 30]})
    assert layer(Tensor([[1.0, -1.0]])).numpy().tolist() == [[9, 19, 29]]


def test_convolution_of_the_note():
    """32×32×3, ten 5×5 filters, stride 1, padding 2 → 32×32×10, with 5·5·3·10 + 10 = 760 parameters."""
    layer = nn.Conv2d(3, 10, 5, stride=1, padding=2)
    assert sum(p.size for p in layer.parameters()) == 760
    for p in layer.parameters():
        nn.init.ones_(p)
    y = layer(np.ones((1, 3, 32, 32), np.float32)).numpy()
    assert y.shape == (1, 10, 32, 32)
    np.testing.assert_allclose(y[0, :, 16, 16], 5 * 5 * 3 + 1)
    np.testing.assert_allclose(y[0, :, 0, 0], 3 * 3 * 3 + 1)


def test_a_transposed_convolution_undoes_a_stride():
    """A kernel of ones as wide as the stride repeats every pixel."""
    layer = nn.ConvTranspose2d(1, 1, 2, stride=2, bias=False)
    nn.init.ones_(layer.weight)
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 2, 2)
    np.testing.assert_array_equal(layer(x).numpy(), x.repeat(2, 2).repeat(2, 3))


def test_embedding_padding_learns_nothing():
    layer = nn.Embedding(4, 2, padding_idx=-1)
    layer(np.array([[0, 3, 0]])).sum().backward()
    np.testing.assert_array_equal(layer.weight.grad, [[2, 2], [0, 0], [0, 0], [0, 0]])


def test_activations_at_known_points():
    x = Tensor([-1.0, 0.0, 1.0])
    e = math.e
    expected = {
        nn.Sigmoid(): [1 / (1 + e), 0.5, e / (1 + e)],
        nn.Tanh(): [-math.tanh(1), 0, math.tanh(1)],
        nn.ReLU(): [0, 0, 1],
        nn.LeakyReLU(0.2): [-0.2, 0, 1],
        nn.ELU(2.0): [2 / e - 2, 0, 1],
        nn.GELU(): [-(1 + math.erf(-(0.5**0.5))) / 2, 0, (1 + math.erf(0.5**0.5)) / 2],
        nn.Softplus(): [math.log(1 + 1 / e), math.log(2), math.log(1 + e)],
        nn.SiLU(): [-1 / (1 + e), 0, e / (1 + e)],
        nn.Softmax(0): np.exp([-1, 0, 1]) / (1 / e + 1 + e),
        nn.LogSoftmax(0): np.array([-1, 0, 1]) - math.log(1 / e + 1 + e),
    }
    for layer, y in expected.items():
        np.testing.assert_allclose(layer(x).numpy(), y, rtol=1e-6, atol=1e-7, err_msg=repr(layer))


def test_losses_of_uniform_scores():
    """Equal scores for ten classes cost ln 10 under softmax and 9 under the multiclass hinge."""
    scores, classes = np.zeros((4, 10), np.float32), np.arange(4)
    assert nn.CrossEntropyLoss()(scores, classes).item() == pytest.approx(math.log(10))
    assert nn.MulticlassHingeLoss()(scores, classes).item() == pytest.approx(9)
    assert nn.MultiMarginLoss()(scores, classes).item() == pytest.approx(0.9)
    assert nn.HingeLoss()(scores[:, 0], np.array([1.0, -1, 1, 1])).item() == pytest.approx(1)
    assert nn.RMSELoss()(scores[0], np.full(10, 3.0)).item() == pytest.approx(3)


# Training and evaluation ------------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_dropout(p):
    n = 100_000
    layer = nn.Dropout(p, rng=np.random.default_rng(0))
    x = Tensor(np.full(n, 3.0, np.float32), requires_grad=True)
    y = layer(x)
    off = (y.numpy() == 0).mean()
    assert abs(off - p) <= 5 * math.sqrt(p * (1 - p) / n)
    if p < 1:
        np.testing.assert_allclose(np.unique(y.numpy()[y.numpy() != 0]), 3 / (1 - p), rtol=1e-6)
        assert abs(y.numpy().mean() - 3) <= 5 * 3 * math.sqrt(p / (1 - p) / n) + 1e-5
    y.sum().backward()
    np.testing.assert_allclose(x.grad * 3, y.numpy(), rtol=1e-6)  # the same mask
    np.testing.assert_array_equal(layer.eval()(x).numpy(), x.numpy())


def test_dropout_draws_from_its_generator_or_the_package_s():
    x = np.ones(1000, np.float32)
    a, b = nn.Dropout(rng=np.random.default_rng(5)), nn.Dropout(rng=np.random.default_rng(5))
    first = a(x).numpy()
    np.testing.assert_array_equal(first, b(x).numpy())
    assert not np.array_equal(first, a(x).numpy())  # each call draws anew
    manual_seed(1)
    c = nn.Dropout()(x).numpy()
    manual_seed(1)
    np.testing.assert_array_equal(nn.Dropout()(x).numpy(), c)


@pytest.mark.parametrize("shape", [(50, 3), (10, 3, 5)])
def test_batch_norm_in_training_and_evaluation(shape):
    rng = np.random.default_rng(0)
    x = (rng.normal(size=shape) * 4 + 2).astype(np.float32)
    layer = nn.BatchNorm1d(3, momentum=0.25, eps=1e-8)
    y = layer(x).numpy()
    axes = tuple(i for i in range(x.ndim) if i != 1)
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axes), 1, rtol=1e-5)
    np.testing.assert_allclose(layer.running_mean, 0.25 * x.mean(axes), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, 0.75 + 0.25 * x.var(axes, ddof=1), rtol=1e-5)
    assert layer.num_batches_tracked == 1
    mean, std = (np.expand_dims(v, axes) for v in (layer.running_mean, np.sqrt(layer.running_var)))
    np.testing.assert_allclose(layer.eval()(x).numpy(), (x - mean) / std, rtol=1e-4, atol=1e-5)
    assert layer.num_batches_tracked == 1


def test_batch_norm_without_momentum_averages_all_batches():
    layer = nn.BatchNorm1d(1, momentum=None)
    batches = np.random.default_rng(0).normal(size=(4, 20, 1)).astype(np.float32)
    for batch in batches:
        layer(batch)
    np.testing.assert_allclose(layer.running_mean, batches.mean(1).mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.running_var, batches.var(1, ddof=1).mean(0), rtol=1e-5)


def test_a_batch_that_fails_leaves_the_statistics_alone():
    layer = nn.BatchNorm2d(3)
    before = layer.state_dict()
    with pytest.raises(ShapeError, match=r"BatchNorm2d needs x of shape \(N, C, H, W\), got \(5, 3\)"):
        layer(np.ones((5, 3), np.float32))
    with pytest.raises(ValueRangeError, match="more than one value per channel"):
        layer(np.ones((1, 3, 1, 1), np.float32))
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


# Wrong options ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear(0, 3), "Linear needs in_features to be a whole number ≥ 1, got 0"),
        (lambda: nn.Linear(3, 2.5), "out_features to be a whole number ≥ 1, got 2.5"),
        (lambda: nn.Linear(True, 3), "in_features .* got True"),
        (lambda: nn.Flatten("all"), "two axes"),
        (lambda: nn.Conv2d(3, -1, 3), "out_channels .* got -1"),
        (lambda: nn.Conv2d(3, 4, 0), "kernel_size to be a whole number ≥ 1 or 2 of them, got 0"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"kernel_size .* got \(3, 3, 3\)"),
        (lambda: nn.Conv2d(3, 4, 3, stride=0), "stride .* got 0"),
        (lambda: nn.Conv2d(3, 4, 3, padding=-1), "padding to be a whole number ≥ 0"),
        (lambda: nn.Conv2d(3, 4, 3, padding="full"), "'same' or 'valid', got 'full'"),
        (lambda: nn.Conv2d(3, 4, 3, stride=2, padding="same"), "stride 1 for padding 'same'"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "got 3 → 4 in 2 groups"),
        (lambda: nn.Conv2d(3, 4, 3, dilation=0.5), "dilation .* got 0.5"),
        (lambda: nn.Conv1d(3, 4, (3, 3)), "kernel_size to be a whole number ≥ 1, got"),
        (
            lambda: nn.ConvTranspose2d(3, 4, 3, output_padding=1),
            r"output_padding below stride \(1, 1\), got 1",
        ),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding="same"), "padding as numbers, got 'same'"),
        (lambda: nn.MaxPool2d(0), "MaxPool2d needs kernel_size"),
        (lambda: nn.MaxPool2d(2, padding=2), "at most half the kernel"),
        (lambda: nn.AvgPool2d(2, stride="2"), "AvgPool2d needs stride"),
        (lambda: nn.AdaptiveAvgPool2d((0, 1)), "AdaptiveAvgPool2d needs output_size"),
        (lambda: nn.BatchNorm1d(3, momentum=2), r"momentum in \[0, 1\], got 2"),
        (lambda: nn.BatchNorm2d(3, eps=0), "positive eps, got 0"),
        (lambda: nn.LayerNorm(()), "LayerNorm needs normalized_shape"),
        (lambda: nn.LayerNorm((3, 0)), r"normalized_shape .* got \(3, 0\)"),
        (lambda: nn.LocalResponseNorm(0), "size .* got 0"),
        (lambda: nn.LocalResponseNorm(3, alpha=-1), "alpha at least 0, got -1"),
        (lambda: nn.Dropout(1.5), r"Dropout needs p in \[0, 1\], got 1.5"),
        (lambda: nn.Dropout(math.nan), "got nan"),
        (lambda: nn.Dropout("half"), "got 'half'"),
        (lambda: nn.Embedding(3, 2, padding_idx=3), "padding_idx to be one of 3 rows, got 3"),
        (lambda: nn.ELU(0), "positive alpha"),
        (lambda: nn.GELU("fast"), "'none' or 'tanh', got 'fast'"),
        (lambda: nn.HuberLoss(delta=0), "positive delta"),
        (lambda: nn.SmoothL1Loss(beta=-1), "beta at least 0"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=2), r"label_smoothing in \[0, 1\]"),
    ],
)
def test_wrong_options(make, message):
    with pytest.raises(ValueRangeError, match=message):
        make()


def test_wrong_reductions():
    with pytest.raises(
        UnknownNameError, match="MSELoss needs a reduction of 'mean', 'sum', 'none', got 'avg'"
    ):
        nn.MSELoss("avg")
    with pytest.raises(UnknownNameError, match="'batchmean'"):
        nn.KLDivLoss(reduction="x")
