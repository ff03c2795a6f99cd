"""LeNet-5 on digits: its accuracy, and what its two convolutions see."""

from pathlib import Path

from yuanli import ops
from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.table import table
from yuanli.errors import DataError
from yuanli.inspection.images import maps
from yuanli.inspection.style import save
from yuanli.recipes.catalog import find
from yuanli.recipes.learn import learn
from yuanli.recipes.train import choose
from yuanli.tensor import Tensor, no_grad
from yuanli.training.metrics import accuracy, wilson_interval


def lenet(out: Path, seed: int = 0, *, data: str = "digits", epochs: int | None = None) -> Demonstration:
    """Train LeNet-5, judge it on images it has not seen, and show the feature maps of one of them."""
    split = load(data)
    recipe = find("lenet")
    if reason := recipe.unsuited(split.train):
        raise DataError(f"lenet does not suit {data}: {reason}")
    settings = choose(recipe, split.train, {} if epochs is None else {"epochs": epochs})
    predictor, training = learn(recipe, settings, split.train, seed=seed)
    model, test = predictor.model, split.test
    right = accuracy(predictor(test.x), test.y)
    low, high = wilson_interval(round(right * len(test)), len(test))
    index = seed % len(test)
    x = predictor.prepare.transform(test.x[index : index + 1])
    with no_grad():
        c1 = ops.tanh(model.c1(Tensor(x)))
        s2 = model.s2(c1)
        c3 = ops.tanh(model.c3(s2))
    layers = [
        [name, module, sum(p.size for p in module.parameters())] for name, module in model.named_children()
    ]
    lines = [
        *table(["layer", "", "parameters"], [[n, repr(m).split("\n")[0], p] for n, m, p in layers]),
        f"{predictor.parameters:,} parameters, {training.epoch} epochs, {training.seconds:.1f} s",
        f"accuracy on {len(test):,} images not learned from: {100 * right:.2f} % "
        f"(95 % interval {100 * low:.1f} to {100 * high:.1f} %)",
        f"image {index}: a {test.classes[test.y[index]]}, "
        f"taken for {test.classes[int(predictor(test.x[index : index + 1]).argmax())]}",
    ]
    numbers = {
        "accuracy": right,
        "parameters": predictor.parameters,
        "c1": list(c1.shape),
        "c3": list(c3.shape),
    }
    shown = [(f"the image, {x.shape[2]}×{x.shape[3]}", x[0]), (f"C1: 6 maps, {c1.shape[2]}×{c1.shape[3]}", c1.data[0]),
             (f"S2: their averages, {s2.shape[2]}×{s2.shape[3]}", s2.data[0]),
             (f"C3: 16 maps, {c3.shape[2]}×{c3.shape[3]}", c3.data[0])]  # fmt: skip
    return Demonstration(lines, numbers, [save(maps(shown), out / "lenet.png")])
