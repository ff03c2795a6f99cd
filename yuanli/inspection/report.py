"""The report: one HTML file with everything inside, for one model or several compared on the same data."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.data import Dataset
from yuanli.errors import DataError, ShapeError
from yuanli.training.files import write_atomically
from yuanli.training.metrics import classification_metrics, regression_metrics

SAMPLES, MISTAKES, COLUMNS = 6, 24, 8  # predictions and mistakes shown, columns of a table's rows
LONGEST = 200  # characters shown of a text


@dataclass(frozen=True)
class Outcome:
    """A trained model and what it answered on the test data: all that a report shows of it.

    `predictions`: probabilities (N, K), or values (N,) for a regression.  `rows`: the epochs' metrics.
    `facts`: what else belongs into the summary, `{"parameters": 4_810, "training": "3.2 s"}`.
    `templates`: a linear model's weights on the pixels (K, C, H, W).  `command` repeats the training.
    """

    name: str
    title: str
    test: Dataset
    predictions: np.ndarray
    rows: Sequence[Mapping[str, Any]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    command: str = ""
    templates: np.ndarray | None = None
    parameters: int | None = None
    train_seconds: float | None = None
    microseconds: float | None = None  # a prediction

    def __post_init__(self) -> None:
        wanted = (len(self.test), len(self.test.classes)) if self.test.classes else (len(self.test),)
        if self.predictions.shape != wanted:
            raise ShapeError(f"{self.name}: predictions need shape {wanted}, got {self.predictions.shape}")

    @property
    def is_classifier(self) -> bool:
        return bool(self.test.classes)


def report(outcomes: Sequence[Outcome], *, title: str, command: str = "", notes: Sequence[str] = ()) -> str:
    """The HTML: the table, the comparing charts when there are several, then a section for each outcome.

    It needs no other file and no network; every name in it is escaped.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    if not outcomes:
        raise DataError("a report needs at least one trained model")
    environment = Environment(
        loader=PackageLoader("yuanli", "inspection"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    measured = [_measure(o) for o in outcomes]
    sections = [_section(o, m, f"model-{i}") for i, (o, m) in enumerate(zip(outcomes, measured, strict=True))]
    first = outcomes[0].test
    return environment.get_template("report.html").render(
        title=title,
        command=command,
        notes=notes,
        data=_describe(first),
        summary=_table(outcomes, measured, sections),
        pictures=_comparison(outcomes, measured) if len(outcomes) > 1 else [],
        sections=sections,
        interval=outcomes[0].is_classifier,
    )


def write_report(path: Path, outcomes: Sequence[Outcome], **options: Any) -> Path:
    """Write `report(outcomes, **options)` to `path`, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, report(outcomes, **options).encode())
    return path


# Numbers ---------------------------------------------------------------------------------------------------


def _measure(outcome: Outcome) -> dict[str, Any]:
    measure = classification_metrics if outcome.is_classifier else regression_metrics
    return measure(outcome.predictions, outcome.test.y)


def _describe(test: Dataset) -> str:
    """The test data in a line."""
    if test.is_image:
        _, C, H, W = test.x.shape
        rows = f"images, {H} × {W} pixels, {C} channel{'s' * (C > 1)}"
    else:
        rows = f"rows of {test.x.shape[1]} columns" if test.is_table else "texts"
    kind = f"{len(test.classes)} classes" if test.classes else "a number to predict"
    return f"{test.name}: {len(test):,} test {rows}; {kind}"


def _table(
    outcomes: Sequence[Outcome], measured: Sequence[Mapping[str, Any]], sections: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The summary: a row a model, the best first; columns nobody has a value for are left out."""
    if outcomes[0].is_classifier:
        columns = {
            "accuracy": [_percent(m["accuracy"]) for m in measured],
            "95 % interval": [" – ".join(map(_percent, _interval(m))) for m in measured],
            "log loss": [f"{m['log_loss']:.3f}" for m in measured],
        }
        best = np.argsort([-m["accuracy"] for m in measured], kind="stable")
    else:
        names = {"R²": "r2", "RMSE": "rmse", "MAE": "mae"}
        columns = {name: [_number(m[key]) for m in measured] for name, key in names.items()}
        best = np.argsort([m["mse"] for m in measured], kind="stable")
    columns["parameters"] = ["" if o.parameters is None else f"{o.parameters:,}" for o in outcomes]
    columns["training"] = ["" if o.train_seconds is None else _seconds(o.train_seconds) for o in outcomes]
    columns["a prediction"] = [
        "" if o.microseconds is None else f"{o.microseconds:,.1f} µs" for o in outcomes
    ]
    columns = {name: values for name, values in columns.items() if any(values)}
    rows = [
        {
            "title": outcomes[i].title,
            "anchor": sections[i]["anchor"],
            "values": [v[i] for v in columns.values()],
        }
        for i in best
    ]
    return {"columns": list(columns), "rows": rows}


def _per_class(outcome: Outcome) -> list[list[str]]:
    """Precision, recall, F1 and count of every class."""
    from sklearn.metrics import precision_recall_fscore_support

    classes = outcome.test.classes
    scores = precision_recall_fscore_support(
        outcome.test.y, outcome.predictions.argmax(1), labels=range(len(classes)), zero_division=0
    )
    return [
        [name, *(_percent(v) for v in (p, r, f)), f"{n:,}"]
        for name, p, r, f, n in zip(classes, *scores, strict=True)
    ]


# Pictures and rows -----------------------------------------------------------------------------------------


def _comparison(outcomes: Sequence[Outcome], measured: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    from yuanli.inspection import charts

    if not outcomes[0].is_classifier:
        return []
    names = [o.name for o in outcomes]
    accuracy, low, high = ([m[k] for m in measured] for k in ("accuracy", "accuracy_low", "accuracy_high"))
    bars = charts.accuracy_bars(names, accuracy, low, high)
    pictures = [picture(bars, "Accuracy on the test data, with 95 % intervals", wide=True)]
    costs: dict[str, list[Any]] = {
        "training time in seconds": [o.train_seconds for o in outcomes],
        "trainable parameters": [o.parameters for o in outcomes],
    }
    for label, cost in costs.items():
        known = [i for i, c in enumerate(cost) if c]
        if len(known) > 1:
            shown: list = [[v[i] for i in known] for v in (names, accuracy, cost)]
            chart = charts.accuracy_against(shown[0], shown[1], shown[2], label)
            pictures.append(picture(chart, f"Accuracy against {label}"))
    return pictures


def _section(outcome: Outcome, measured: Mapping[str, Any], anchor: str) -> dict[str, Any]:
    """What the template shows of one model."""
    from yuanli.inspection import charts, images

    test, predictions = outcome.test, outcome.predictions
    facts = dict(outcome.facts)
    if outcome.parameters is not None:
        facts.setdefault("trainable parameters", f"{outcome.parameters:,}")
    if outcome.train_seconds is not None:
        facts.setdefault("training time", _seconds(outcome.train_seconds))
    if outcome.microseconds is not None:
        facts.setdefault("time a prediction", f"{outcome.microseconds:,.1f} µs")
    pictures, tables = [], []
    if outcome.rows:
        pictures.append(picture(charts.learning_curves(outcome.rows), "Learning curves", wide=True))
    if outcome.is_classifier:
        interval = " to ".join(map(_percent, _interval(measured)))
        facts = {"accuracy": f"{_percent(measured['accuracy'])} (95 % interval {interval})"} | facts
        matrix = charts.confusion_matrix(np.array(measured["confusion"]), test.classes)
        pictures.append(picture(matrix, "Confusion matrix: how often each class was taken for each"))
        wrong = images.worst(test.y, predictions)
        if test.is_image:
            some = np.linspace(0, len(test) - 1, min(SAMPLES, len(test))).astype(int)
            samples = images.predictions(test.x[some], test.y[some], predictions[some], test.classes)
            pictures.append(
                picture(
                    samples,
                    "Some predictions with their probabilities: green the true class, red a wrong answer",
                )
            )
            if len(wrong):
                grid = images.mistakes(test.x, test.y, predictions, test.classes, MISTAKES)
                some_of = "The worst of" if len(wrong) > MISTAKES else "All"
                caption = f"{some_of} {len(wrong):,} mistakes, least probability for the true class first"
                pictures.append(picture(grid, caption, wide=True))
        else:
            tables.append(_rows(outcome, wrong[:MISTAKES], "The worst mistakes"))
            tables.append(_rows(outcome, np.arange(min(SAMPLES, len(test))), "Some predictions"))
        head = ["class", "precision", "recall", "F1", "test rows"]
        tables.append({"title": "Class by class", "head": head, "rows": _per_class(outcome)})
    else:
        names = {"R²": "r2", "root mean squared error": "rmse", "mean absolute error": "mae"}
        facts = {name: _number(measured[key]) for name, key in names.items()} | facts
        chart = charts.residuals(test.y, predictions)
        pictures.append(picture(chart, "Predictions and residuals on the test data", wide=True))
        far = np.argsort(-np.abs(test.y - predictions), kind="stable")
        tables.append(_rows(outcome, far[:SAMPLES], "The largest errors"))
    if outcome.templates is not None:
        chart = images.templates(outcome.templates, test.classes)
        pictures.append(
            picture(
                chart,
                "What speaks for each class (orange) and against it (purple): its weights as an image",
                wide=True,
            )
        )
    return {
        "anchor": anchor,
        "title": outcome.title,
        "facts": facts,
        "pictures": pictures,
        "tables": [t for t in tables if t["rows"]],
        "texts": [],
        "flawless": outcome.is_classifier and measured["accuracy"] == 1,
        "command": outcome.command,
        "config": json.dumps(outcome.config, ensure_ascii=False, indent=2, default=str)
        if outcome.config
        else "",
    }


def _rows(outcome: Outcome, chosen: np.ndarray, title: str) -> dict[str, Any]:
    """Rows of the test data as a table: the truth, the answer and the text or the first columns."""
    test = outcome.test
    shown = test.features[:COLUMNS]

    def cells(i: int) -> list[str]:
        if test.is_documents:
            return [str(test.x[i])[:LONGEST]]
        return [_cell(test.x[i, j], f.categories) for j, f in enumerate(shown)]

    rows = []
    for i in chosen:
        if outcome.is_classifier:
            guess = int(outcome.predictions[i].argmax())
            answer = [test.classes[test.y[i]], test.classes[guess], _percent(outcome.predictions[i, guess])]
        else:
            answer = [_number(float(test.y[i])), _number(float(outcome.predictions[i]))]
        rows.append([f"{i}", *answer, *cells(i)])
    head = ["row", "true", "predicted", *(["probability"] if outcome.is_classifier else [])]
    return {"title": title, "head": head + [f.name for f in shown], "rows": rows}


def picture(figure: Any, caption: str, *, wide: bool = False) -> dict[str, Any]:
    from yuanli.inspection.style import encode

    source = base64.b64encode(encode(figure)).decode("ascii")
    return {"source": f"data:image/png;base64,{source}", "caption": caption, "wide": wide}


def _cell(value: float, categories: tuple[str, ...]) -> str:
    if np.isnan(value):
        return "missing"
    if categories:
        return categories[int(value)] if 0 <= value < len(categories) else "unknown"
    return _number(float(value))


def _interval(measured: Mapping[str, Any]) -> tuple[float, float]:
    return measured["accuracy_low"], measured["accuracy_high"]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 100 else f"{seconds / 60:.1f} min"
