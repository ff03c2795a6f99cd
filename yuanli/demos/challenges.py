"""What makes recognition hard: a network that reads digits, on digits that are disturbed."""

from pathlib import Path

from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, table, with_interval
from yuanli.errors import DataError
from yuanli.inspection.stress import stress, stress_chart
from yuanli.inspection.style import save
from yuanli.recipes.learn import learn
from yuanli.recipes.lenet import LeNet
from yuanli.recipes.predictor import AT_ONCE
from yuanli.recipes.threads import suitable_threads


def challenges(out: Path, seed: int = 0, *, data: str = "digits", epochs: int = 12) -> Demonstration:
    """Train LeNet-5, then turn, move, resize, cover, and blur what it has to read, ever more."""
    split = load(data)
    recipe = LeNet()
    if reason := recipe.unsuited(split):
        raise DataError(f"lenet does not suit {data}: {reason}")
    predictor, _ = learn(recipe, recipe.chosen(split.train, {"epochs": epochs}), split.train, seed=seed)
    test = split.test
    with suitable_threads(predictor.work(min(AT_ONCE, len(test)))):
        points = stress(predictor, test.x, test.y, seed=seed)
    untouched = next(p.accuracy for p in points if p.strength == 0)
    names = list(dict.fromkeys(p.disturbance for p in points))
    rows = []
    for name in names:
        worst = min((p for p in points if p.disturbance == name), key=lambda p: p.accuracy)
        half = next((p for p in points if p.disturbance == name and p.accuracy < untouched / 2), None)
        strength = f"{worst.strength:g} {worst.unit}"
        rows.append([name, strength, percent(worst.accuracy), f"{half.strength:g}" if half else "–"])
    lines = [
        f"accuracy on {len(test):,} images as they are: {with_interval(untouched, len(test))}",
        "",
        *table(["disturbance", "worst at", "accuracy", "below half of it at"], rows),
    ]
    numbers = {
        "untouched": untouched,
        "accuracy": {name: [p.accuracy for p in points if p.disturbance == name] for name in names},
    }
    chart = stress_chart(points, test.x[0], len(test.classes), seed=seed, title=f"LeNet-5 on {data}")
    return Demonstration(lines, numbers, [save(chart, out / "challenges.png")])
