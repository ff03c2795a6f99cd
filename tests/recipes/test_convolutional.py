"""The recipes of the zoo: the papers' settings, networks that fit the pictures, and that they learn."""

import numpy as np
import pytest

from yuanli.data import Dataset, Split, load
from yuanli.errors import ValueRangeError
from yuanli.models import ZOO
from yuanli.nn import init
from yuanli.recipes import RECIPES
from yuanli.recipes.convolutional import convolutional
from yuanli.recipes.learn import batches_of, learn, untrained
from yuanli.tensor import Tensor
from yuanli.training.metrics import accuracy


def pictures(n=4, channels=3, size=32, classes=3):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, channels, size, size), np.uint8)
    return Dataset("pictures", x, np.arange(n) % classes, classes=tuple("abcdefghij"[:classes]))


def many(size=32, n=50_000):
    """As many pictures as CIFAR-10 has, without their memory."""
    x = np.broadcast_to(np.zeros((1, 3, size, size), np.uint8), (n, 3, size, size))
    return Dataset("many", x, np.zeros(n, np.int64), classes=("a", "b"))


def test_every_network_has_a_recipe():
    assert set(ZOO) <= set(RECIPES)
    assert {recipe.name for recipe in convolutional()} == set(ZOO) - {"lenet"}
    assert not any(recipe.compared for recipe in convolutional())


def test_resnet_learns_as_in_its_paper():
    """Section 4.2: 64,000 steps of 128, 0.1 falling tenfold at half and three quarters, 1e-4, shifts of 4."""
    recipe = RECIPES["resnet20"]
    settings = recipe.settings(many())
    assert settings.epochs == 164
    assert (settings.lr, settings.batch_size, settings.l2) == (0.1, 128, 1e-4)
    assert (settings.optimizer, settings.schedule, settings.augment) == ("momentum", "milestones", True)
    schedule = settings.make_schedule(64_000)
    assert [schedule(t) for t in (0, 31_999, 32_000, 47_999, 48_000)] == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    flip, crop = recipe.augmentation(many(), settings).config()["steps"]
    assert (flip["kind"], crop["kind"], crop["padding"]) == ("RandomHorizontalFlip", "RandomCrop", 4)


def test_a_square_is_cut_out_where_that_is_asked_for():
    recipe = RECIPES["resnet20"]
    asked = recipe.chosen(many(), {"cutout": 6})
    moved, cut = recipe.augmentation(many(), asked).config()["steps"]
    assert moved == recipe.augmentation(many(), recipe.settings(many())).config()
    assert cut == {"kind": "Cutout", "size": 6, "fill": 127}
    for bad in (-1, 2.5, "8", True):
        with pytest.raises(ValueRangeError, match="cutout"):
            recipe.chosen(many(), {"cutout": bad})
    with pytest.raises(ValueRangeError, match="cutout needs augment, which is switched off"):
        recipe.chosen(many(), {"cutout": 6, "augment": False})
    with pytest.raises(ValueRangeError, match="fewer pixels than an image's edge, 32, got 32"):
        recipe.augmentation(many(), recipe.chosen(many(), {"cutout": 32}))


@pytest.mark.parametrize(
    ("name", "size", "wanted"),
    [
        ("resnet20", 32, None),
        ("resnet20", 28, 32),
        ("resnet20", 224, 32),
        ("resnet18", 32, 64),
        ("resnet18", 100, None),
        ("resnet18", 500, 224),
        ("vgg16_bn", 32, None),
        ("alexnet_paper", 32, 67),
        ("inception_v3", 32, 128),
    ],
)
def test_pictures_are_brought_to_sizes_that_work(name, size, wanted):
    assert RECIPES[name].size(pictures(size=size)) == wanted


@pytest.mark.parametrize("recipe", convolutional(), ids=lambda r: r.name)
def test_the_network_has_the_classes_and_channels_of_the_data(recipe):
    data = pictures(channels=1, size=8)
    with init.skip_init():
        model = untrained(recipe, recipe.settings(data), data, np.random.default_rng(0)).model
    first, *_, last = (p for p in model.parameters() if p.ndim > 1)
    assert (first.shape[1], last.shape[0]) == (1, 3)
    rate = recipe.settings(data).dropout
    assert rate in {getattr(m, "p", rate) for m in model.modules()}


@pytest.mark.parametrize("name", ["resnet20", "plain20", "vgg11_bn", "mobilenet_v1", "densenet40_k12", "nin"])
def test_a_step_lowers_the_loss(name):
    recipe, data = RECIPES[name], pictures(3)
    settings = recipe.chosen(data, {"augment": False, "dropout": 0.0})
    predictor = untrained(recipe, settings, data, np.random.default_rng(0))
    x, y = next(iter(batches_of(predictor, data)))
    optimizer = settings.make_optimizer(predictor.model)
    optimizer.lr = 0.01
    losses = []
    for _ in range(4):
        loss = recipe.loss(settings)(predictor.model(x), y)
        predictor.model.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert losses[0] < 5


def test_label_smoothing_spreads_a_share_of_the_label():
    """Szegedy 2015, section 7: q(k) = (1 − ε) [k = y] + ε / K, and the loss −Σ q(k) log p(k)."""
    recipe, p = RECIPES["resnet20"], np.array([0.7, 0.2, 0.1])
    smoothed = recipe.chosen(pictures(3), {"label_smoothing": 0.3})
    scores, y = Tensor(np.log(p)[None]), np.array([0])
    assert recipe.loss(smoothed)(scores, y).item() == pytest.approx(-(0.8 * np.log(0.7) + 0.1 * np.log(0.02)))
    plain = recipe.chosen(pictures(3), {})
    assert recipe.loss(plain)(scores, y).item() == pytest.approx(-np.log(0.7))


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan"), "0.1"])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueRangeError, match="label_smoothing needs a share"):
        RECIPES["resnet20"].chosen(pictures(3), {"label_smoothing": share})


def test_tables_and_numbers_do_not_suit():
    recipe = RECIPES["resnet20"]
    assert "table" in recipe.unsuited(load("iris"))
    numbers = Dataset("numbers", pictures().x, np.zeros(4, np.float32))
    assert "number to predict" in recipe.unsuited(Split(numbers, numbers))
    assert recipe.unsuited(Split(pictures(), pictures())) == ""


@pytest.mark.slow
def test_resnet_reads_digits():
    split = load("digits")
    recipe = RECIPES["resnet20"]
    predictor, _ = learn(recipe, recipe.chosen(split.train, {"epochs": 6}), split.train, seed=0)
    assert accuracy(predictor(split.test.x), split.test.y) > 0.95
