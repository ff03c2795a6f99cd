"""Every demonstration runs, writes its pictures, repeats itself, and finds the numbers others say it must."""

import inspect
import math
import subprocess
import sys
from collections.abc import Callable
from math import atanh, log, sqrt
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import special, stats
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import Lasso, LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.svm import SVC as LibSVM

from yuanli import nn
from yuanli.data import load
from yuanli.data.synthetic import spirals
from yuanli.demos import TOPICS, demonstration
from yuanli.demos.loss import SHOWN
from yuanli.demos.rnn import BATCH, gradient_by_distance, problem
from yuanli.demos.words import ROLES
from yuanli.errors import DataError, UnknownNameError, ValueRangeError

ERRORS = np.array(SHOWN)


class Case(NamedTuple):
    topic: str
    check: Callable[[dict[str, Any]], None]
    options: dict[str, Any] = {}


def losses(value: Callable, gradient: Callable) -> Callable:
    """A check of every curve of a loss; names end in the parameter, "Huber, δ = 0.5"."""

    def check(numbers):
        for name, found in numbers.items():
            parameter = float(name.split("=")[1]) if "=" in name else name
            np.testing.assert_allclose(found["values"], value(ERRORS, parameter), atol=1e-12)
            np.testing.assert_allclose(found["gradients"], gradient(ERRORS, parameter), atol=1e-12)

    return check


def smooth_l1(e, beta):
    return np.where(np.abs(e) < beta, e**2 / (2 * beta), np.abs(e) - beta / 2)


def rmse(e, name):
    return np.sqrt((e**2 + 3) / 4) if "among" in name else np.abs(e)


def rmse_gradient(e, name):
    return e / 4 / np.sqrt((e**2 + 3) / 4) if "among" in name else np.sign(e)


def kl(numbers):
    p, q = np.array([0.3, 0.7]), np.array([0.95, 0.05])
    assert abs(numbers["at_p"]) < 1e-15
    assert abs(numbers["slope_at_p"]) < 1e-12
    assert numbers["forward"] == pytest.approx(special.rel_entr(p, q).sum(), rel=1e-12)
    assert numbers["backward"] == pytest.approx(special.rel_entr(q, p).sum(), rel=1e-12)


def ce(numbers):
    assert numbers["at_initialisation"] == pytest.approx(log(10), abs=1e-3)  # cs231n: 2.302
    assert numbers["at_0"] == pytest.approx(log(3), rel=1e-12)
    assert numbers["far_wrong"] == pytest.approx(1e4 + log(2), rel=1e-12)  # two classes share the rest
    assert numbers["far_right"] == 0


def log_loss(numbers):
    assert numbers["at_0"] == pytest.approx(log(2), rel=1e-12)
    assert (numbers["far_wrong"], numbers["far_right"]) == (1e4, 0)
    assert numbers["exact_40"] == pytest.approx(40, rel=1e-12)


def hinge(numbers):
    assert numbers["at_initialisation"] == pytest.approx(9, abs=0.01)  # cs231n: 9
    assert (numbers["binary_at_0"], numbers["at_the_kink"]) == (1, 0)


def penalty(numbers):
    data = load("diabetes").train
    x = data.x.astype(np.float64)
    x = (x - x.mean(0)) / x.std(0)
    y = data.y - data.y.mean(dtype=np.float64)
    zeros = numbers["zeros"]
    assert zeros[0] == 10
    assert zeros[-1] == 0
    assert sum(numbers["zeros_l2"]) == 0
    for i, strength in enumerate(numbers["strengths"]):  # scikit-learn halves the squared error
        lasso = Lasso(strength / 2, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(x, y).coef_
        ridge = Ridge(strength * len(y) / 2, fit_intercept=False).fit(x, y).coef_
        atol = 1e-3 if strength > 0.5 else 1.0  # weak penalties leave a narrow valley, slow to descend
        np.testing.assert_allclose(numbers["lasso"][i], lasso, atol=atol)
        np.testing.assert_allclose(numbers["ridge"][i], ridge, atol=atol)
        assert zeros[i] == (lasso == 0).sum()


def softmax(numbers):
    expected = special.softmax([3.2, 5.1, -1.7])
    np.testing.assert_allclose(numbers["p"], expected, rtol=1e-14)
    np.testing.assert_allclose(numbers["shifted"], expected, rtol=1e-12)
    assert numbers["huge"] == [1, 0, 0]


def sigmoid(numbers):
    assert max(numbers["identities"]) < 1e-15
    assert numbers["ends"] == [0, 1]


def entropy(numbers):
    text = load_breast_cancer().DESCR
    counts = np.unique(list(text), return_counts=True)[1]
    assert numbers["entropy"] == pytest.approx(stats.entropy(counts, base=2), rel=1e-12)
    assert numbers["entropy"] <= numbers["length"] < numbers["entropy"] + 1
    assert numbers["bits"] == round(numbers["length"] * len(text))
    assert numbers["round_trip"]
    assert numbers["dyadic"] == [1.75, 1.75]


def gd(numbers):
    assert max(numbers["ends"].values()) < 1e-3  # they start at f = ½(16 + 80) = 48
    for name, line in numbers["fitted"].items():
        np.testing.assert_allclose(line, numbers["least_squares"], atol=0.01 if "batch:" in name else 0.1)
    stopped = numbers["stopped"]
    assert stopped["MaxSteps"]["step"] == 40
    for rule, word in (("MaxSteps", "steps"), ("SmallGradient", "gradient"), ("Converged", "loss")):
        assert word in stopped[rule]["reason"]


def backprop(numbers):
    x, t = np.array([1.0, -2.0]), 1.0
    W1, b, w2 = (np.array(numbers["parameters"][name]) for name in ("W1", "b", "w2"))
    h = np.maximum(0, W1 @ x + b)
    error = w2 @ h - t
    dh = 2 * error * w2 * (h > 0)
    assert numbers["loss"] == error**2
    assert numbers["gradients"] == {
        "W1": np.outer(dh, x).tolist(),
        "b": dh.tolist(),
        "w2": (2 * error * h).tolist(),
    }
    assert numbers["operations"] == ["mul", "sub", "matmul", "relu", "add", "matmul"]
    assert numbers["error"] <= 1e-7


def mlp(numbers):
    width = {row["width"]: row["own"] for row in numbers["width"]}
    data = spirals(rng=np.random.default_rng(0))
    assert width[0] == pytest.approx(
        LogisticRegression(C=1e6).fit(data.x, data.y).score(data.x, data.y), abs=0.02
    )
    assert 0.45 < width[0] < 0.56  # cs231n: 49 %, on its own points
    assert width[100] >= 0.98  # cs231n: 98 %
    penalised = numbers["penalty"]
    assert np.all(np.diff([row["squares"] for row in penalised]) < 0)
    assert np.all(np.diff([row["own"] for row in penalised]) < 0)
    gaps = [row["own"] - row["new"] for row in penalised]
    assert gaps[0] > 0.02
    assert gaps[0] > max(gaps[2:])


def activation(numbers):
    found = numbers["saturation"]
    edge = {
        "sigmoid": log((1 + sqrt(0.96)) / (1 - sqrt(0.96))),
        "tanh": atanh(sqrt(0.99)),
    }  # |f′| = 0.01 there
    for name, x in edge.items():
        assert found[name] == pytest.approx(2 * stats.norm.sf(x / 3), abs=0.005)
    assert found["relu"] == pytest.approx(0.5, abs=0.01)
    assert found["leaky_relu"] == 0


def preprocess(numbers):
    np.testing.assert_allclose(numbers["centred"]["mean"], 0, atol=1e-9)
    np.testing.assert_allclose(numbers["standardised"]["mean"], 0, atol=1e-9)
    np.testing.assert_allclose(numbers["standardised"]["std"], 1, rtol=1e-9)
    for name, low in (("[0, 1]", 0), ("[−1, 1]", -1)):
        np.testing.assert_allclose(numbers[name]["low"], low, atol=1e-12)
        np.testing.assert_allclose(numbers[name]["high"], 1, atol=1e-12)
    assert numbers["standardised"]["loss"] < numbers["raw"]["loss"] / 10
    assert numbers["standardised"]["accuracy"] > 0.9


def init(numbers):
    small = numbers["0.01·randn, ReLU"]["rms"]
    shrink = 0.01 * sqrt(numbers["width"] / 2)  # of the mean square's root, by each layer
    np.testing.assert_allclose(np.array(small[1:]) / small[:-1], shrink, rtol=0.25)
    assert numbers["0.01·randn, tanh"]["gradient"] < 1e-6
    assert all(0.5 < v < 2 for v in numbers["He, ReLU"]["rms"])
    assert 0.5 < numbers["He, ReLU"]["gradient"] < 2
    assert numbers["Xavier, tanh"]["rms"][-1] > 0.15


def dropout(numbers):
    assert set(np.ravel(numbers["mask"])) == {0, 2}
    assert numbers["mean"] == pytest.approx(1, abs=4 / sqrt(100_000))
    assert numbers["identity"]
    assert numbers["gaps"][1] < numbers["gaps"][0] / 2
    assert numbers["accuracy"][1] > numbers["accuracy"][0]


def batchnorm(numbers):
    assert numbers["accuracy"][0] < 0.2  # the signal of ten layers of 0.05·randn has died
    assert numbers["accuracy"][1] > 0.85
    np.testing.assert_allclose(numbers["mean"], 0, atol=1e-5)
    np.testing.assert_allclose(numbers["std"], 1, atol=1e-3)
    np.testing.assert_allclose(numbers["running_mean"], [0, 5, -2], atol=0.2)
    np.testing.assert_allclose(numbers["running_var"], [1, 4, 0.25], rtol=0.25)
    assert numbers["independent"]


def convolution(size: int, depth: int, parameters: int, sees: int) -> Callable:
    def check(numbers):
        assert numbers["output"] == numbers["layer"] == [size, size, depth]
        assert numbers["parameters"] == numbers["counted"] == parameters
        assert numbers["sees"] == sees

    return check


def pool(numbers):
    windows = np.array(numbers["input"]).reshape(2, 2, 2, 2).swapaxes(1, 2)
    assert numbers["max"] == windows.max((2, 3)).tolist()
    assert numbers["average"] == windows.mean((2, 3)).tolist()
    assert (np.array(numbers["gradient"]) == np.isin(numbers["input"], numbers["max"])).all()
    assert numbers["global"] == 7.5
    assert numbers["sees"] == 8  # 3, then 4 in steps of 2, then 4 + 2·2


def image(numbers):
    assert numbers["shape"] == [1437, 1, 8, 8]
    assert numbers["mean"] == pytest.approx([load_digits().images.mean() / 16], abs=0.005)
    assert np.mean(numbers["part"]) == pytest.approx(numbers["sample_mean"])


def linear(numbers):
    assert max(numbers["additivity"], numbers["homogeneity"], numbers["affine"]) < 1e-12
    assert numbers["accuracy"] > 0.92


def pipeline(numbers):
    assert numbers["accuracy"] > 0.92
    assert numbers["same"]


def challenges(least: float) -> Callable:
    def check(numbers):
        accuracy = numbers["accuracy"]
        assert numbers["untouched"] == accuracy["rotation"][0] == accuracy["scale"][3] > least
        for name in accuracy.keys() - {"scale"}:  # the worst disturbance costs at least a fifth
            assert accuracy[name][-1] < 0.8 * numbers["untouched"], name

    return check


def rnn(numbers):
    assert numbers["RNN"]["error"] > 0.12  # no better than always saying the mean: 1/6
    for gated in ("LSTM", "GRU"):
        assert numbers[gated]["error"] < 0.03
        assert numbers[gated]["far after"] > 10 * numbers["RNN"]["far after"]
    assert numbers["LSTM"]["far before"] > 10 * numbers["RNN"]["far before"]


def lstm(numbers):
    assert numbers["accuracy"] > 0.85
    assert numbers["gap"] < 1e-4
    assert numbers["probability"][-1] < 0.2  # "… the ending was really weak"
    assert all(0 < value < 1 for gate in numbers["gates"].values() for value in gate)


def textcnn(numbers):
    assert numbers["bow"] < 0.62
    assert numbers["textcnn"] > 0.85
    assert numbers["gap"] < 1e-4


def gan(numbers):
    assert numbers["modes"] == 8
    assert numbers["near"] == pytest.approx(sum(numbers["shares"]))
    assert numbers["near"] > 0.6
    assert 0.4 < numbers["real_known"] < 0.75


def lenet(least: float) -> Callable:
    def check(numbers):
        assert numbers["parameters"] == 61_706
        assert (numbers["c1"], numbers["c3"]) == ([1, 6, 28, 28], [1, 16, 10, 10])
        assert numbers["accuracy"] > least

    return check


def alexnet(numbers):
    assert (numbers["layers"], numbers["parameters"]) == (8, 60_965_224)
    assert numbers["linear"] > 0.95 * numbers["parameters"]
    x, y = np.array(numbers["before"]), np.array(numbers["after"])
    squares = np.array([np.sum(x[max(0, i - 2) : i + 3] ** 2) for i in range(12)])
    np.testing.assert_allclose(y, x / (1 + squares) ** 0.75, rtol=1e-12)


def vgg(numbers):
    depth, size = numbers["depth"], numbers["size"]
    whole = {11: 132_863_336, 16: 138_357_544}[depth]  # for 224 pixels, of which 7×7 are left
    assert numbers["parameters"] == whole - (25_088 - 512 * (size // 32) ** 2) * 4096
    if size == 224:  # cs231n's table: 15.2 million numbers without the picture, 15.5 billion multiply-adds
        assert numbers["numbers"] == pytest.approx(15.1e6, rel=0.01)
        assert numbers["macs"] == pytest.approx(15.47e9, rel=0.001)
    assert len(numbers["signal"]["He 2015"]) == depth - 3
    assert all(0.2 < v < 5 for v in numbers["signal"]["He 2015"])
    assert numbers["signal"]["0.01·randn"][-1] < 1e-3 * numbers["signal"]["0.01·randn"][0]


def receptive(numbers):
    stacks = numbers["stacks"]
    assert [s["sees"] for s in stacks.values()] == [5, 5, 7, 7]
    assert [s["weights"] for s in stacks.values()] == [c * 64**2 for c in (25, 18, 49, 27)]
    assert [s["macs"] for s in stacks.values()] == [256 * s["weights"] for s in stacks.values()]
    assert {name: sizes[-1] for name, sizes in numbers["fields"].items()}["mobilenet_v1"] == 315


def inception(numbers):
    assert numbers["parameters"]["with 1×1"] == 163_696  # 159 K in table 1, without some of the biases
    assert numbers["macs"]["with 1×1"] == pytest.approx(128e6, rel=0.01)  # table 1
    assert numbers["macs"]["naive"] == 784 * 192 * (64 + 9 * 128 + 25 * 32)
    assert numbers["weights"] == [192 * 192 * 49, 192 * 192 * 14]
    assert numbers["difference"] < 1e-12
    assert 1 / 7 < numbers["kept"] < 1


def resnet(numbers):
    shallow, deep = sorted({int(name.split("-")[1]) for name in numbers})
    last = {name: found["loss"][-1] for name, found in numbers.items()}
    assert last[f"plain-{deep}"] > 1.15 * last[f"plain-{shallow}"]  # degradation
    assert last[f"residual-{deep}"] < last[f"plain-{deep}"] / 2
    for depth in (shallow, deep):
        assert numbers[f"plain-{depth}"]["parameters"] == numbers[f"residual-{depth}"]["parameters"]


def densenet(numbers):
    for block in numbers["used"]:
        table = np.array(block, float)
        assert np.isnan(table[np.tril_indices(len(table), -1)]).all()  # nothing from later layers
        np.testing.assert_allclose(np.nanmax(table, 0), 1)
        assert (table[np.triu_indices(len(table))] > 0).all()
    assert numbers["costs"]["densenet201"] < numbers["costs"]["resnet101"] / 2
    assert numbers["accuracy"] > 0.3


def light(numbers):
    for name, (gmacs, parameters) in {
        "squeezenet1_1": (0.349, 1_235_496),
        "shufflenet_v2_x1_0": (0.145, 2_278_604),
        "mobilenet_v2": (0.301, 3_504_872),
        "googlenet": (1.498, 6_624_904),
    }.items():
        assert numbers[name]["gmacs"] == pytest.approx(gmacs, abs=6e-4)
        assert numbers[name]["parameters"] == parameters


def knn(numbers):
    """Digits have a small best k; what the neighbours share is the background."""
    for curve in numbers["curves"].values():
        assert max(curve) > 0.97
        assert max(curve) > curve[-1] + 0.01
    assert all(score > 0.97 for scores in numbers["accuracy"].values() for score in scores.values())
    assert numbers["seen"]["background"] > 0.99
    assert 0.1 < numbers["seen"]["digit"] < 0.7


def bases(numbers):
    directed = numbers["directed"]
    assert min(directed["k-means"], directed["sparse coding"]) > 2 * directed["noise"]
    assert numbers["features"] > numbers["pixels"] + 0.1


ALEXNET = {"size": 227, "filters": 96, "kernel": 11, "stride": 4, "padding": 0}
GROUPED = {"size": 12, "channels": 4, "filters": 8, "kernel": 3, "dilation": 3, "groups": 2}


def weights_travel(numbers):
    assert set(numbers["differences"].values()) == {0}
    assert numbers["accuracy"] >= 0.9
    assert numbers["turned"]
    assert numbers["shapes"][".pdparams"] == numbers["shapes"][".pth"][::-1] == [64, 3]


def words_cbow(numbers):
    assert numbers["losses"][-1] < 0.9 * numbers["losses"][0]
    people = {person for pair in ROLES for person in pair}
    assert all(near in people for words in numbers["near"].values() for near in words)


def words_sg(numbers):
    assert numbers["losses"][-1] < numbers["losses"][0] < 6 * log(2)
    assert numbers["right"] == len(numbers["analogies"]) == 4


def words_hs(numbers):
    assert numbers["sum"] == pytest.approx(1, abs=1e-6)
    assert numbers["layer"] == pytest.approx(numbers["product"], rel=1e-5)
    assert numbers["nodes"] < log(42, 2)
    assert numbers["losses"][-1] < numbers["losses"][0] < log(42)


def words_neg(numbers):
    wanted = np.array(numbers["counts"]) ** 0.75
    np.testing.assert_allclose(numbers["wanted"], wanted / wanted.sum(), rtol=1e-12)
    np.testing.assert_allclose(numbers["found"], numbers["wanted"], atol=0.003)
    assert numbers["losses"][-1] < numbers["losses"][0] < 6 * log(2)


def gbdt(numbers):
    """scikit-learn's boosting leaves the same residuals."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.random(120))
    y = np.sin(2 * np.pi * x) + np.where(x > 0.7, 0.8, 0) + 0.15 * rng.normal(size=120)
    theirs = GradientBoostingRegressor(n_estimators=20, max_depth=2, learning_rate=0.5).fit(x[:, None], y)
    sums = [np.full(120, y.mean()), *theirs.staged_predict(x[:, None])]
    expected = [np.sqrt(np.mean((y - sums[trees]) ** 2)) for trees in (0, 1, 2, 5, 20)]
    np.testing.assert_allclose(numbers["residual"], expected, rtol=1e-6)
    assert numbers["errors"]["training"][-1] == 0
    assert numbers["errors"]["test"][-1] < 0.07 < numbers["errors"]["test"][0]


def svm(numbers):
    x, y = np.array(numbers["x"]), np.array(numbers["y"])
    machine = LibSVM(kernel="linear", C=10.0, tol=1e-6).fit(x, y)
    assert numbers["support"] == machine.support_.tolist()
    assert numbers["width"] == pytest.approx(2 / np.linalg.norm(machine.coef_), rel=1e-3)
    assert numbers["moved"] < 2e-3
    assert numbers["largest"] <= 1.001
    kernels = numbers["kernels"]
    assert kernels["rbf"]["accuracy"] > kernels["linear"]["accuracy"] + 0.05
    assert kernels["rbf"]["support"] < kernels["linear"]["support"]
    wine, cultivar = load_wine(return_X_y=True)
    assert numbers["raw"] == pytest.approx(cross_val_score(LibSVM(), wine, cultivar, cv=5).mean(), abs=0.01)
    assert numbers["scaled"] > 0.95


def logistic(numbers):
    assert numbers["moved"]["logistic regression"] > 2
    assert numbers["moved"]["SVM"] < 0.01
    assert numbers["accuracy"] > 0.95
    data = load("breast-cancer").train
    model = LogisticRegression(tol=1e-8).fit((data.x - data.x.mean(0)) / data.x.std(0), data.y)
    np.testing.assert_allclose(numbers["coef"], model.coef_, atol=0.01)
    losses = numbers["losses"]
    assert all(
        a >= b
        for name in ("hinge (SVM)", "squared")
        for a, b in zip(losses[name], losses["0-1"], strict=True)
    )


CASES = [
    Case("pipeline", pipeline),
    Case("bases", bases, {"components": 48, "steps": 15}),
    Case("image", image),
    Case("challenges", challenges(0.3), {"epochs": 1}),
    Case("knn", knn, {"rows": 700, "largest": 40}),
    Case("linear", linear, {"epochs": 8}),
    Case("loss.mse", losses(lambda e, _: e**2, lambda e, _: 2 * e)),
    Case("loss.mae", losses(lambda e, _: np.abs(e), lambda e, _: np.sign(e))),
    Case("loss.rmse", losses(rmse, rmse_gradient)),
    Case("loss.smooth_l1", losses(smooth_l1, lambda e, b: np.clip(e / b, -1, 1))),
    Case("loss.huber", losses(lambda e, d: special.huber(d, e), lambda e, d: np.clip(e, -d, d))),
    Case("loss.kl", kl),
    Case("loss.ce", ce),
    Case("loss.log", log_loss),
    Case("loss.hinge", hinge),
    Case("penalty", penalty, {"steps": 1000}),
    Case("softmax", softmax),
    Case("sigmoid", sigmoid),
    Case("entropy", entropy),
    Case("gd", gd),
    Case("backprop", backprop),
    Case("mlp", mlp, {"steps": 400}),
    Case("activation", activation),
    Case("preprocess", preprocess),
    Case("init", init, {"width": 100, "rows": 100}),
    Case("dropout", dropout, {"epochs": 35}),
    Case("batchnorm", batchnorm, {"epochs": 6}),
    Case("words.cbow", words_cbow, {"many": 1000}),
    Case("words.sg", words_sg, {"many": 1000}),
    Case("words.hs", words_hs, {"many": 500}),
    Case("words.neg", words_neg, {"many": 500}),
    Case("conv", convolution(32, 10, 760, 5)),  # the syllabus's own example
    Case("conv", convolution(55, 96, 34_944, 11), ALEXNET),  # Krizhevsky 2012: 55×55×96
    Case("conv", convolution(10, 8, 8 * 9 * 2 + 8, 7), GROUPED),
    Case("pool", pool),
    Case("lenet", lenet(0.3), {"epochs": 1}),
    Case("alexnet", alexnet),
    Case("vgg", vgg, {"depth": 11, "size": 32}),
    Case("receptive", receptive, {"nets": "mobilenet_v1", "size": 64}),
    Case("inception", inception),
    Case("resnet", resnet, {"shallow": 8, "deep": 20, "epochs": 4, "rows": 96}),
    Case("densenet", densenet, {"depth": 10, "epochs": 1}),
    Case("light", light, {"nets": "squeezenet1_1,shufflenet_v2_x1_0,mobilenet_v2,googlenet"}),
    Case("rnn", rnn, {"length": 30, "steps": 600}),
    Case("lstm", lstm, {"epochs": 8}),
    Case("textcnn", textcnn, {"epochs": 8}),
    Case("gan", gan),
    Case("gbdt", gbdt, {"trees": 60}),
    Case("zoo.paddle", weights_travel, {"epochs": 20}),
    Case("svm", svm),
    Case("logistic", logistic),
]


def test_every_demonstration_has_a_case():
    assert {case.topic for case in CASES} == set(TOPICS)


@pytest.mark.parametrize("case", CASES, ids=lambda c: " ".join([c.topic, *map(str, c.options.values())]))
def test_numbers_and_pictures(case, tmp_path):
    shown = demonstration(case.topic)(tmp_path, 0, **case.options)
    case.check(shown.numbers)
    assert shown.lines
    assert all(len(line) < 180 and "\n" not in line for line in shown.lines)
    assert shown.pictures
    for picture in shown.pictures:
        assert picture.parent == tmp_path
        assert picture.name.startswith(case.topic)
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(shown.pictures) == sorted(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("topic", "options"),
    [
        ("backprop", {}),
        ("pool", {}),
        ("gd", {"rows": 32}),
        ("linear", {"epochs": 2}),
        ("batchnorm", {"epochs": 1}),
    ],
)
def test_the_same_seed_is_the_same_demonstration(topic, options, tmp_path):
    first, second = (demonstration(topic)(tmp_path / name, 7, **options) for name in "ab")
    assert first.lines == second.lines
    assert first.numbers == second.numbers
    for a, b in zip(first.pictures, second.pictures, strict=True):
        assert a.read_bytes() == b.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    "topic", [case.topic for case in CASES if case.options and "kernel" not in case.options]
)
def test_at_full_size(topic, tmp_path):
    {case.topic: case for case in CASES}[topic].check(demonstration(topic)(tmp_path, 0).numbers)


def test_gradients_far_back_are_the_product_of_the_steps_jacobians():
    """∂h_T/∂xₜ = D_T W_hh ⋯ D_{t+1} W_hh Dₜ W_ih with D = diag(1 − h²), multiplied out."""
    layer = nn.RNN(2, 8, rng=np.random.default_rng(0))
    w = {name: value.astype(np.float64) for name, value in layer.state_dict().items()}
    rng = np.random.default_rng([3, 1])  # as the demonstration draws
    x = problem(rng, BATCH, 12)[0]
    d = rng.standard_normal((BATCH, 8)).astype(np.float32)
    h = np.asarray(layer(x)[0], np.float64)
    back, norms = d.astype(np.float64), []
    for t in reversed(range(12)):
        back = back * (1 - h[t] ** 2)
        norms.append(np.linalg.norm(back @ w["weight_ih_l0"], axis=1).mean())
        back = back @ w["weight_hh_l0"]
    np.testing.assert_allclose(gradient_by_distance(layer, 12, 3), norms, rtol=1e-4)


@pytest.mark.slow
def test_lenet_learns_the_digits(tmp_path):
    lenet(0.96)(demonstration("lenet")(tmp_path, 0).numbers)


def test_wrong_requests_say_what_is_wrong(tmp_path):
    with pytest.raises(UnknownNameError, match="backprop"):
        demonstration("os")
    with pytest.raises(ValueRangeError, match="stride needs a whole number from 1 up, got 0"):
        demonstration("conv")(tmp_path, stride=0)
    with pytest.raises(DataError, match="set of images"):
        demonstration("image")(tmp_path, data="wine")
    with pytest.raises(DataError, match="cannot be read"):
        demonstration("entropy")(tmp_path, file=str(tmp_path / "missing.txt"))
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(DataError, match="empty"):
        demonstration("entropy")(tmp_path, file=str(tmp_path / "empty.txt"))
    with pytest.raises(DataError, match="at least one word"):
        demonstration("lstm")(tmp_path, text=" ", epochs=1)
    with pytest.raises(DataError, match="texts of two classes"):
        demonstration("textcnn")(tmp_path, data="iris")


@pytest.mark.parametrize("topic", TOPICS)
def test_a_number_of_nothing_is_refused(topic, tmp_path):
    run = demonstration(topic)
    for name, parameter in inspect.signature(run, eval_str=True).parameters.items():
        if parameter.annotation is int:
            with pytest.raises(ValueRangeError, match=f"^{name} needs a whole number from [01] up, got -1"):
                run(tmp_path, **{name: -1})
        if parameter.annotation is float:
            with pytest.raises(ValueRangeError, match=f"^{name} needs a number, got nan"):
                run(tmp_path, **{name: math.nan})
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("topic", "name", "value"),
    [
        ("dropout", "p", 1.0),
        ("gbdt", "learning_rate", 0.0),
        ("knn", "rows", 10),
        ("rnn", "length", 1),
        ("bases", "size", 1),
    ],
)
def test_a_number_that_shows_nothing_is_refused(topic, name, value, tmp_path):
    with pytest.raises(ValueRangeError, match=f"^{name} needs .*, got "):
        demonstration(topic)(tmp_path, **{name: value})


def test_a_text_with_one_character(tmp_path):
    (tmp_path / "a.txt").write_text("aaaa")
    numbers = demonstration("entropy")(tmp_path / "out", file=str(tmp_path / "a.txt")).numbers
    assert (numbers["entropy"], numbers["length"], numbers["bits"], numbers["round_trip"]) == (0, 1, 4, True)


def test_the_list_of_topics_loads_nothing():
    code = "import sys, yuanli.demos; print(*{'numpy', 'matplotlib', 'sklearn', 'numba'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(found.split()) <= {"numpy"}
