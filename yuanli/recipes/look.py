"""`inspect` and `stress`: how an image classifier sees one picture, and how much disturbance it bears."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.data import Dataset, Split
from yuanli.data.pictures import read_pictures
from yuanli.errors import CheckpointError, ModelError
from yuanli.inspection.evidence import evidence_chart, grad_cam, occlusion_map
from yuanli.inspection.feature_maps import convolutions, feature_maps, filters_chart, maps_chart
from yuanli.inspection.images import predictions
from yuanli.inspection.stress import Point, stress, stress_chart
from yuanli.inspection.style import save
from yuanli.recipes.evaluate import load_again, open_predictor
from yuanli.recipes.predict import Answer, answers
from yuanli.recipes.predictor import NetworkPredictor, Predictor
from yuanli.training import Run


@dataclass(frozen=True)
class Look:
    """What the model makes of a picture, and the `pictures` that show why."""

    answer: Answer
    pictures: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def inspect(run: Run | str | Path, file: str | Path, *, out: str | Path | None = None) -> Look:
    """The run's answer to a picture, the evidence for it, and, of a convolutional network, filters and maps.

    out: the folder for the pictures; RUN/inspect unless given.
    Raises: CheckpointError for a run that classifies no images; DataError that names the file.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    predictor = of_images(run)
    channels, height, width = predictor.row
    x = read_pictures([file], channels=channels, size=(height, width))
    folder = Path(out or run.folder / "inspect")
    stem = "-".join(filter(None, (Path(file).parent.name, Path(file).stem)))  # 0.png may be in every folder
    (answer,) = answers(predictor, x, [(str(file), None)])
    probabilities = predictor(x)
    k = int(probabilities[0].argmax())
    name, p = predictor.classes[k], f"{100 * probabilities[0, k]:.1f} %"
    evidence = [(f"covered: what {name}, {p}, loses", occlusion_map(predictor, x[0], k))]
    charts: dict[str, Any] = {"answer": predictions(x, None, probabilities, predictor.classes, shown=5)}
    notes = []
    try:
        if not isinstance(predictor, NetworkPredictor):
            raise ModelError(f"{run.config['model']} is no network: no filters, maps or gradients to show")
        convolutions(predictor.model)
        prepared = predictor.prepare.transform(x)
        evidence.append((f"Grad-CAM: what speaks for {name}", grad_cam(predictor.model, prepared, k)))
        charts["filters"] = filters_chart(predictor.model)
        charts["maps"] = maps_chart(feature_maps(predictor.model, prepared), x[0])
    except ModelError as reason:
        notes.append(str(reason))
    charts["evidence"] = evidence_chart(x[0], evidence)
    written = [save(figure, folder / f"{stem}-{what}.png") for what, figure in charts.items()]
    return Look(answer, tuple(written), tuple(notes))


@dataclass(frozen=True)
class Stress:
    """The accuracies of a run's model under every disturbance, and the picture of them."""

    model: str
    data: str
    images: int
    points: tuple[Point, ...]
    picture: Path

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"points": [asdict(point) for point in self.points]}


def stress_run(
    run: Run | str | Path,
    split: Split | None = None,
    *,
    images: int = 1000,
    seed: int = 0,
    out: str | Path | None = None,
    root: str | Path | None = None,
    tell: Callable[[str], Any] = lambda line: None,
) -> Stress:
    """Judge the run's model on test images that are turned, moved, resized, covered, made noisy or blurred.

    images: at most so many test images, drawn by `seed`.  out: the folder of stress.png; RUN unless given.
    Raises: CheckpointError for a run that classifies no images; DataError.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    predictor = of_images(run)
    test = (split or load_again(run, root)).test
    predictor.check(test)
    test = some_of(test, images, seed)
    points = stress(predictor, test.x, test.y, seed=seed, tell=tell)
    title = f"{run.config['model']} on {test.name}, {len(test):,} test images"
    chart = stress_chart(points, test.x[0], len(test.classes), seed=seed, title=title)
    picture = save(chart, Path(out or run.folder) / "stress.png")
    return Stress(run.config["model"], test.name, len(test), tuple(points), picture)


def of_images(run: Run) -> Predictor:
    """The run's predictor, when it classifies images."""
    predictor = open_predictor(run)
    if len(predictor.row) != 3 or not predictor.classes:
        raise CheckpointError(f"{run.folder} classifies no images; this needs a run that does")
    return predictor


def some_of(data: Dataset, most: int, seed: int) -> Dataset:
    if len(data) <= most:
        return data
    chosen = np.random.default_rng(seed).choice(len(data), most, replace=False)
    return data.subset(np.sort(chosen))
