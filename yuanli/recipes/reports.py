"""What a run and a comparison hand to the report."""

from pathlib import Path

from yuanli.data import Dataset, Split
from yuanli.inspection.report import Outcome, write_report
from yuanli.recipes.evaluate import Evaluation, evaluate, open_predictor
from yuanli.training import Run
from yuanli.training.files import save


def report(run: Run, split: Split) -> Path:
    """Write the run's report.html from what the run holds and its test rows; nothing is trained."""
    chosen = outcome(run, split.test)
    title = f"{chosen.title}: {split.test.name}"
    return write_report(run.report_path, [chosen], title=title, command=chosen.command, notes=split.notes)


def outcome(run: Run, test: Dataset) -> Outcome:
    """The run as the report shows it."""
    predictor, saved = open_predictor(run), run.predictions()
    rows = run.metrics()
    return Outcome(
        predictor.recipe.name,
        predictor.recipe.title,
        test,
        saved["predictions"],
        rows=rows,
        config=run.config,
        command=run.config["command"],
        templates=predictor.recipe.templates(predictor.model, predictor.shape),
        parameters=predictor.parameters,
        train_seconds=rows[-1]["seconds"],
        microseconds=saved["microseconds"],
    )


def keep_predictions(run: Run, split: Split) -> Evaluation:
    """Judge the run's model and keep its answers for the test rows, from which reports are made."""
    result = evaluate(run, split)
    answers = {"predictions": result.predictions, "labels": split.test.y, "microseconds": result.microseconds}
    save(run.predictions_path, answers)
    return result
