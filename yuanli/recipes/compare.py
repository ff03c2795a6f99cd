"""`compare`: every suitable model on one split."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yuanli.data import Split
from yuanli.errors import CheckpointError
from yuanli.inspection.report import write_report
from yuanli.recipes.catalog import RECIPES, find
from yuanli.recipes.evaluate import Evaluation
from yuanli.recipes.recipe import Recipe
from yuanli.recipes.reports import keep_predictions, outcome
from yuanli.recipes.train import train
from yuanli.training import Hook
from yuanli.training.files import write_atomically


@dataclass(frozen=True)
class Entry:
    """A model in the comparison: how it did, or why it does not suit the data."""

    name: str
    title: str
    title_zh: str
    evaluation: Evaluation | None = None
    unsuited: str = ""

    def to_json(self) -> dict[str, Any]:
        return vars(self) | {"evaluation": self.evaluation and self.evaluation.to_json()}


@dataclass(frozen=True)
class Comparison:
    """Models on one split, in the order they were trained; `report` is the file with the pictures."""

    data: str
    seed: int
    train_rows: int
    test_rows: int
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    report: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return vars(self) | {"entries": [entry.to_json() for entry in self.entries]}


def compare(
    split: Split,
    models: Sequence[str] | None = None,
    *,
    seed: int = 0,
    out: str | Path | None = None,
    source: dict[str, Any] | None = None,
    hooks: Callable[[Recipe], Sequence[Hook]] = lambda recipe: (),
) -> Comparison:
    """Train each model (all, or those named) on the split by its recipe, and judge it on the test rows.

    out: a new folder for a run of each model, comparison.json and report.html; without it nothing is kept.
    hooks: what goes round each model's training.  Raises: what `train` raises; CheckpointError.
    """
    recipes = [find(name) for name in dict.fromkeys(models)] if models is not None else list(RECIPES.values())
    if out is not None and Path(out).exists() and any(Path(out).iterdir()):
        raise CheckpointError(
            f"a comparison needs a new or empty folder, and {out} holds something; choose another"
        )
    with tempfile.TemporaryDirectory(prefix="yuanli-") as temporary:
        folder = Path(out or temporary)
        entries, outcomes = [], []
        for recipe in recipes:
            names = (recipe.name, recipe.title, recipe.title_zh)
            if reason := recipe.unsuited(split.train):
                entries.append(Entry(*names, unsuited=reason))
                continue
            run = train(
                recipe.name,
                split,
                seed=seed,
                out=folder / recipe.name,
                source=source,
                hooks=hooks(recipe),
                report=False,
            )
            entries.append(Entry(*names, evaluation=keep_predictions(run, split)))
            outcomes.append(outcome(run, split.test))
        page = folder / "report.html"
        result = Comparison(
            split.test.name,
            seed,
            len(split.train),
            len(split.test),
            tuple(entries),
            split.notes,
            str(page) if out and outcomes else None,
        )
        if outcomes and out:
            write_report(page, outcomes, title=f"Models compared: {split.test.name}", notes=split.notes)
            text = json.dumps(result.to_json(), ensure_ascii=False, indent=2)
            write_atomically(folder / "comparison.json", f"{text}\n".encode())
    return result
