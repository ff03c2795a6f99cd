"""`compare`: every suitable model on one split."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yuanli.data import Split
from yuanli.errors import CheckpointError, ValueRangeError
from yuanli.inspection.report import write_report
from yuanli.recipes.catalog import RECIPES, find
from yuanli.recipes.evaluate import open_predictor
from yuanli.recipes.recipe import Evaluation, Recipe, kept
from yuanli.recipes.supervised import Supervised
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
    """Train each model by its recipe and judge it on the test rows: those named, or all made for it.

    out: a new folder for a run of each model, comparison.json and report.html; without it nothing is kept.
    hooks: what goes round each model's training.  Raises: what `train` raises; CheckpointError.
    """
    recipes = chosen(models)
    if out is not None and Path(out).exists() and any(Path(out).iterdir()):
        raise CheckpointError(
            f"a comparison needs a new or empty folder, and {out} holds something; choose another"
        )
    with tempfile.TemporaryDirectory(prefix="yuanli-") as temporary:
        folder = Path(out or temporary)
        entries, outcomes = [], []
        for recipe in recipes:
            names = (recipe.name, recipe.title, recipe.title_zh)
            if reason := recipe.unsuited(split):
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
            entries.append(Entry(*names, evaluation=kept(run)))
            outcomes.append(recipe.outcome(run, open_predictor(run), split.test))
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


def chosen(models: Sequence[str] | None) -> list[Supervised]:
    """The recipes named, or all that are made to be compared.  Raises: UnknownNameError, ValueRangeError."""
    if models is None:
        return [r for r in RECIPES.values() if isinstance(r, Supervised) and r.compared]
    recipes = [find(name) for name in dict.fromkeys(models)]
    if other := [r.name for r in recipes if not isinstance(r, Supervised)]:
        raise ValueRangeError(f"compare judges answers to rows, and {', '.join(other)} gives none")
    return [r for r in recipes if isinstance(r, Supervised)]
