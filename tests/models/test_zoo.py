"""The zoo: published numbers of parameters, smallest pictures, options, and what is refused."""

import numpy as np
import pytest

from yuanli import Tensor, manual_seed, no_grad, ops
from yuanli.errors import ShapeError, UnknownNameError, ValueRangeError
from yuanli.models import VGG, ZOO, AlexNet, CifarDenseNet, CifarResNet, GoogLeNet, ShuffleNetV1, build
from yuanli.nn import init
from yuanli.ops import cross_entropy

PARAMETERS = {  # as the papers, torchvision, or the reference implementations have them
    "lenet": 61_706,
    "alexnet": 61_100_840,
    "alexnet_paper": 60_965_224,
    "nin": 966_986,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "googlenet": 13_004_888,
    "googlenet_paper": 13_378_280,
    "inception_v3": 27_161_264,
    "inception_v4": 42_679_816,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "plain18": 11_689_512 - 173_824,  # without the projections: 64·128 + 256, 128·256 + 512, 256·512 + 1024
    "plain34": 21_797_672 - 173_824,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "plain20": 269_722,
    "plain32": 464_154,
    "plain44": 658_586,
    "plain56": 853_018,
    "plain110": 1_727_962,
    "densenet121": 7_978_856,
    "densenet161": 28_681_000,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
    "densenet40_k12": 1_019_722,  # table 2: 1.0 M
    "densenet_bc100_k12": 769_162,  # table 2: 0.8 M
    "squeezenet1_0": 1_248_424,
    "squeezenet1_1": 1_235_496,
    "shufflenet_v1": 1_865_728,
    "shufflenet_v2_x0_5": 1_366_792,
    "shufflenet_v2_x1_0": 2_278_604,
    "shufflenet_v2_x1_5": 3_503_624,
    "shufflenet_v2_x2_0": 7_393_996,
    "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
}
SMALLEST = {  # pixels; the others take a single one
    "lenet": None,  # its size is an option
    "alexnet": 63,
    "alexnet_paper": None,
    "nin": 4,
    "googlenet": 15,
    "googlenet_paper": 15,
    "inception_v3": 75,
    "inception_v4": 75,
    "squeezenet1_0": 21,
    "squeezenet1_1": 17,
    **{name: 29 for name in ZOO if name.startswith("densenet") and "k12" not in name},
    "densenet40_k12": 4,
    "densenet_bc100_k12": 4,
    **{name: 32 for name in ZOO if name.startswith("vgg")},
}
KINDS = [
    "alexnet", "nin", "vgg11", "googlenet", "inception_v3", "inception_v4", "resnet18", "resnet50",
    "resnet20", "densenet121", "densenet40_k12", "densenet_bc100_k12", "squeezenet1_0", "squeezenet1_1",
    "shufflenet_v1", "shufflenet_v2_x0_5", "mobilenet_v1", "mobilenet_v2",
]  # fmt: skip


def count(model):
    return sum(p.size for p in model.parameters())


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def untrained(name, **options):
    with init.skip_init():
        return build(name, **options)


def test_every_network_is_counted():
    assert PARAMETERS.keys() == ZOO.keys()


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_number_of_parameters(name):
    assert count(untrained(name)) == PARAMETERS[name]


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("googlenet", 6_624_904), ("googlenet_paper", 6_998_552), ("inception_v3", 23_834_568)],
)
def test_without_auxiliary_heads(name, parameters):
    assert count(untrained(name, aux_logits=False)) == parameters


@pytest.mark.parametrize("name", KINDS)
def test_the_smallest_picture(name):
    """It works; one pixel less does not, for want of pixels, and the error says so in advance."""
    small = {"image_size": 32, "hidden": ()} if name.startswith("vgg") else {}
    model = untrained(name, num_classes=5, in_channels=2, **small).eval()
    least = SMALLEST.get(name, 1)
    with no_grad():
        assert model(images(2, 2, least, least + 3)).shape == (2, 5)
        assert model(images(0, 2, least, least)).shape == (0, 5)
        with pytest.raises(ShapeError, match=rf"of shape \(N, 2, H, W\), got \(1, 3, {least}, {least}\)"):
            model(images(1, 3, least, least))
        with pytest.raises(ShapeError, match=f"at least {least}×{least} pixels, got {least}×{least - 1}"):
            model(images(1, 2, least, least - 1))


@pytest.mark.parametrize("name", [name for name in KINDS if SMALLEST.get(name, 1) > 1])
def test_smaller_pictures_would_not_do(name, monkeypatch):
    """Without the check an operation finds nothing to look at: the bound is tight."""
    import importlib

    model = untrained(name, num_classes=2, **({"hidden": ()} if name.startswith("vgg") else {})).eval()
    module = importlib.import_module(type(model).__module__)
    monkeypatch.setattr(module, "need_images", lambda *_, **__: None)
    least = SMALLEST[name]
    with no_grad(), pytest.raises(ShapeError):
        model(images(1, 3, least, least - 1))


def test_sizes_that_are_options():
    with init.skip_init():
        model = AlexNet("paper", num_classes=5, image_size=(67, 99)).eval()
        with pytest.raises(ShapeError, match="at least 67×67 pixels, got 66×70; enlarge"):
            AlexNet("paper", image_size=(66, 70))
        with pytest.raises(ShapeError, match="at least 32×32 pixels, got 32×31"):
            VGG(16, image_size=(32, 31))
        small = VGG(11, image_size=(64, 32), hidden=(20,), num_classes=5)
    with no_grad():
        assert model(images(2, 3, 67, 99)).shape == (2, 5)
        with pytest.raises(ShapeError, match=r"of size \(67, 99\), got \(99, 99\)"):
            model(images(2, 3, 99, 99))
    assert [p.shape for p in small.classifier.parameters()] == [(20, 1024), (20,), (5, 20), (5,)]
    assert small.eval()(images(1, 3, 32, 64)).shape == (1, 5)  # averages bring it to 2×1 maps


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: VGG(15), "depth of 11, 13, 16, 19, got 15"),
        (lambda: AlexNet("caffe"), '"paper" or "torchvision", got \'caffe\''),
        (lambda: GoogLeNet("v2"), '"paper" or "torchvision", got \'v2\''),
        (lambda: CifarResNet(21), r"6n \+ 2 layers: 8, 14, 20, …; got 21"),
        (lambda: CifarResNet(2), "got 2"),
        (lambda: CifarDenseNet(41), r"depth of 3n \+ 4 layers, got 41"),
        (lambda: CifarDenseNet(43, bottleneck=True), r"depth of 6n \+ 4 layers, got 43"),
        (lambda: ShuffleNetV1(5), "groups of 1, 2, 3, 4 or 8, got 5"),
        (lambda: build("shufflenet_v2_x0_5", num_classes=0), "Linear needs out_features"),
    ],
)
def test_wrong_options_are_refused(make, match):
    with init.skip_init(), pytest.raises(ValueRangeError, match=match):
        make()


def test_an_unknown_network_is_met_with_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean mobilenet_v2"):
        build("mobilenet-v2")
    with pytest.raises(UnknownNameError, match="there are: lenet, alexnet"):
        build("zzz")


@pytest.mark.parametrize("name", ["resnet20", "mobilenet_v2", "vgg11"])
def test_the_signal_keeps_its_size_at_the_start(name):
    """He's initialisation: ten times as deep is not ten times as quiet."""
    small = {"image_size": 32, "hidden": ()} if name.startswith("vgg") else {}
    model = build(name, num_classes=10, rng=np.random.default_rng(0), **small).eval()
    with no_grad():
        scores = model(images(8, 3, 32, 32)).data
    assert 0.01 < scores.std() < 30


@pytest.mark.parametrize("block", [True, False], ids=["residual", "plain"])
def test_gradient_of_the_loss_along_a_random_direction(block):
    rng = np.random.default_rng(0)
    model = build("resnet20" if block else "plain20", rng=rng).to(np.float64)
    x, y = Tensor(rng.normal(size=(4, 3, 8, 8))), np.array([0, 1, 2, 0])
    loss = lambda: cross_entropy(model(x), y)
    loss().backward()
    start = [p.data.copy() for p in model.parameters()]
    direction = [rng.normal(size=p.shape) for p in model.parameters()]
    slope = sum((p.grad * d).sum() for p, d in zip(model.parameters(), direction, strict=True))

    def at(step):
        for p, s, d in zip(model.parameters(), start, direction, strict=True):
            p.data[...] = s + step * d
        return loss().item()

    near = (at(1e-8) - at(-1e-8)) / 2e-8  # so near that no ReLU bends in between
    assert slope == pytest.approx(near, rel=1e-5)


def test_without_its_residual_a_block_is_its_input():
    """relu(x + 0) = x for x ≥ 0: the reason why depth does no harm; a plain block forgets x."""
    for name, kept in (("resnet20", True), ("plain20", False)):
        block = build(name, rng=np.random.default_rng(0)).eval().layer1[0]
        block.bn2.weight.data[...] = 0
        x = np.abs(images(2, 16, 6, 6))
        np.testing.assert_allclose(block(x).data, x if kept else 0 * x, atol=1e-6)


def test_option_a_pads_channels_with_zeros():
    shortcut = build("resnet20").layer2[0].downsample
    x = images(2, 16, 6, 6)
    y = shortcut(Tensor(x)).data
    np.testing.assert_array_equal(y[:, 8:24], x[:, :, ::2, ::2])
    assert y.shape == (2, 32, 3, 3)
    assert not y[:, :8].any()
    assert not y[:, 24:].any()


def test_a_dense_layer_sees_all_before_it():
    block = build("densenet40_k12", rng=np.random.default_rng(0)).eval().features.denseblock1
    x = images(2, 16, 5, 5)
    seen, before = [x], ops.cat([x], 1)
    for layer in block:
        seen.append(layer(before).data)
        before = ops.cat(seen, 1)
    np.testing.assert_array_equal(block(Tensor(x)).data, before.data)
    assert [layer.norm1.num_features for layer in block] == [16 + 12 * i for i in range(12)]


def test_auxiliary_heads_answer_in_training_only():
    model = build("googlenet", num_classes=3, rng=np.random.default_rng(0))
    answers = model(images(2, 3, 64, 64))
    assert [a.shape for a in answers] == [(2, 3)] * 3
    (answers.logits + 0.3 * (answers.aux_logits1 + answers.aux_logits2)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert model.eval()(images(2, 3, 64, 64)).shape == (2, 3)


def test_the_head_of_inception_v3_needs_more_pixels_than_the_rest():
    model = untrained("inception_v3")
    with no_grad(), pytest.raises(ShapeError, match="at least 299×299 pixels, got 298×299"):
        model(images(1, 3, 298, 299))
    smaller = untrained("inception_v3", aux_logits=False, num_classes=2)
    assert smaller(images(2, 3, 107, 107)).shape == (2, 2)


def test_the_same_seed_makes_the_same_network():
    for name in ("resnet20", "shufflenet_v2_x0_5", "squeezenet1_1"):
        manual_seed(0)
        a = build(name).state_dict()
        manual_seed(0)
        for key, value in build(name).state_dict().items():
            np.testing.assert_array_equal(value, a[key])
