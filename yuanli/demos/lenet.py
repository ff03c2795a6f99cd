"""LeNet-5 on digits: its accuracy, and what its two convolutions see."""

from pathlib import Path

from yuanli import ops
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import table, with_interval
from yuanli.errors import DataError
from yuanli.inspection.images import maps
from yuanli.inspection.style import save
from yuanli.models import LeNet5
from yuanli.recipes.learn import learn
from yuanli.recipes.lenet import LeNet
from yuanli.tensor import Tensor, no_grad
from yuanli.training.metrics import accuracy


def lenet(out: Path, seed: int = 0, *, data: str = "digits", epochs: int = 10) -> Demonstration:
    """Train LeNet-5, judge it on images it has not seen, and show the feature maps of one of them."""
    split = load(data)
    recipe = LeNet()
    if reason := recipe.unsuited(split):
        raise DataError(f"lenet does not suit {data}: {reason}")
    settings = recipe.chosen(split.train, {"epochs": epochs})
    predictor, training = learn(recipe, settings, split.train, seed=seed)
    model, test = predictor.model, split.test
    assert isinstance(model, LeNet5)
    answers = predictor(test.x)
    right = accuracy(answers, test.y)
    index = seed % len(test)
    x = Tensor(predictor.prepare.transform(test.x[index : index + 1]))
    with no_grad():
        c1 = ops.tanh(model.c1(x))
        s2 = model.s2(c1)
        c3 = ops.tanh(model.c3(s2))
    layers = [
        [name, repr(module).split("\n")[0], sum(p.size for p in module.parameters())]
        for name, module in model.named_children()
    ]
    lines = [
        *table(["layer", "", "parameters"], layers),
        f"{predictor.parameters:,} parameters; {training.epoch} epochs in {training.seconds:.1f} s"
        f" (`yuanli train lenet --data {data}` takes {recipe.settings(split.train).epochs})",
        f"accuracy on {len(test):,} images not learned from: {with_interval(right, len(test))}",
        f"image {index}: {test.classes[test.y[index]]}, taken for {test.classes[answers[index].argmax()]}",
    ]
    numbers = {
        "accuracy": right,
        "parameters": predictor.parameters,
        "c1": list(c1.shape),
        "c3": list(c3.shape),
    }
    shown = [
        (f"the image, {_size(x)}", x.data[0]),
        (f"C1: 6 maps, {_size(c1)}", c1.data[0]),
        (f"S2: their averages, {_size(s2)}", s2.data[0]),
        (f"C3: 16 maps, {_size(c3)}", c3.data[0]),
    ]
    return Demonstration(lines, numbers, [save(maps(shown), out / "lenet.png")])


def _size(maps: Tensor) -> str:
    return "×".join(map(str, maps.shape[2:]))
