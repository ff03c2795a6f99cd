"""The whole path: data, features, model, evaluation, application."""

import tempfile
from pathlib import Path

import numpy as np

from yuanli.data import load
from yuanli.demos import Demonstration
from yuanli.demos.text import percent, with_interval
from yuanli.errors import DataError
from yuanli.inspection.images import predictions
from yuanli.inspection.style import save
from yuanli.recipes.evaluate import evaluate, open_predictor
from yuanli.recipes.train import train
from yuanli.training import Run

SHOWN = 5  # test images shown with their probabilities


def pipeline(out: Path, seed: int = 0, *, data: str = "digits", model: str = "mlp") -> Demonstration:
    """Load, prepare, train, judge, save; then open what was saved, as an application would, and predict."""
    split = load(data, seed=seed)
    if not (split.train.is_image and split.train.is_classification):
        raise DataError(
            f"this demonstration shows images, and {data} has none; `yuanli train` takes all data"
        )
    with tempfile.TemporaryDirectory() as folder:
        run = train(model, split, seed=seed, out=Path(folder) / "run", report=False)
        judged = evaluate(run, split)
        size = run.model_path.stat().st_size
        predictor = open_predictor(Run.open(run.folder))
        settings, rows = run.config["settings"], run.metrics()
    test, metrics = split.test, judged.metrics
    some = np.linspace(0, len(test) - 1, SHOWN).astype(int)
    answers = predictor(test.x[some])
    same = bool(np.allclose(answers, judged.predictions[some], atol=1e-6))
    steps = [type(step).__name__ for step in predictor.prepare.steps]
    lines = [
        f"data         {data}: {len(split.train):,} rows to learn from, {len(test):,} to be judged on",
        f"features     {' → '.join(steps)}: rows of shape {predictor.row} become {predictor.shape}",
        f"model        {model}: {predictor.parameters:,} parameters, {settings['optimizer']}, "
        f"{len(rows)} epochs, loss {rows[0]['train_loss']:.3f} → {rows[-1]['train_loss']:.3f}",
        f"evaluation   accuracy {with_interval(metrics['accuracy'], len(test))}",
        f"application  the saved model, {size:,} bytes, opened again; the same answers: {same}",
        *(
            f"             image {i}: {test.classes[int(p.argmax())]} with {percent(p.max())}, "
            f"truly {test.classes[test.y[i]]}"
            for i, p in zip(some, answers, strict=True)
        ),
    ]
    numbers = {"accuracy": metrics["accuracy"], "same": same, "bytes": size, "epochs": len(rows)}
    figure = predictions(test.x[some], test.y[some], answers, test.classes)
    return Demonstration(lines, numbers, [save(figure, out / "pipeline.png")])
