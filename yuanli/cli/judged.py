"""How models and their answers are printed."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from yuanli.cli.output import console, print_table, table

if TYPE_CHECKING:
    from yuanli.recipes import Answer, Comparison, Evaluation


def print_evaluation(judged: "Evaluation") -> None:
    """Scores, costs, and for classes which are confused most."""
    m = judged.metrics
    has = "has" if judged.learned else "has not"
    print(f"{judged.model} on {judged.data}, {m['examples']:,} {judged.unit} it {has} learned from\n")
    lines = scores(judged) | costs(judged)
    width = max(16, *(len(name) + 2 for name in lines))
    for name, value in lines.items():
        print(f"{name:<{width}}{value}")
    print()


def print_comparison(result: "Comparison", out: Path) -> None:
    """A row a model, and where the report is."""
    screen = console()
    print(f"{result.data}: {result.train_rows:,} rows to learn from, {result.test_rows:,} to be judged on\n")
    judged = [entry.evaluation for entry in result.entries if entry.evaluation]
    rows = table("model", *scores(judged[0]), *costs(judged[0]))
    for one in judged:
        rows.add_row(one.model, *scores(one).values(), *costs(one).values())
    for column in rows.columns[1:]:
        column.justify = "right"
    print_table(rows)
    if left_out := reasons(result):
        screen.print("", *(f"Left out: {one}" for one in left_out), sep="\n")
    best = max(judged, key=lambda one: one.metrics.get("accuracy", one.metrics.get("r2")) or 0)
    print_places(
        f"\nReport: {result.report}", f"Next: yuanli predict {shlex.quote(str(out / best.model))} FILE"
    )


def reasons(result: "Comparison") -> list[str]:
    """Why models were left out, those with the same reason together."""
    names: dict[str, list[str]] = {}
    for entry in result.entries:
        if entry.unsuited:
            names.setdefault(entry.unsuited, []).append(entry.name)
    return [f"{', '.join(those)}: {reason}" for reason, those in names.items()]


def print_answers(answers: Sequence["Answer"]) -> None:
    """A row a picture or table row; only the columns that say something."""
    of_table = any(a.row is not None for a in answers)
    of_classes = any(a.best for a in answers)
    rows = table(
        "file",
        *(["row"] if of_table else []),
        *(["class", "probability", "next likely"] if of_classes else ["prediction"]),
    )
    for a in answers:
        others = ", ".join(f"{name} {share:.3f}" for name, share in a.best[1:])
        said = [str(a.answer), f"{a.probability:.3f}", others] if of_classes else [f"{a.answer:.6g}"]
        rows.add_row(a.file, *([str(a.row)] if of_table else []), *said)
    print_table(rows)


def print_places(*lines: str) -> None:
    """Paths and commands to copy, never wrapped; the last one dim."""
    screen = console()
    for line in lines:
        style = "dim" if line is lines[-1] else ""
        screen.print(line, style=style, soft_wrap=True)


def scores(judged: "Evaluation") -> dict[str, str]:
    m = judged.metrics
    if "accuracy" in m:
        interval = f"{100 * m['accuracy_low']:.1f}–{100 * m['accuracy_high']:.1f} %"
        return {"accuracy": f"{100 * m['accuracy']:.2f} %", "95 % interval": interval}
    if "r2" not in m:
        return {name.replace("_", " "): f"{value:.4g}" for name, value in m.items() if is_number(name, value)}
    r2 = "–" if m["r2"] is None else f"{m['r2']:.4f}"
    return {"R²": r2, "RMSE": f"{m['rmse']:.5g}", "MAE": f"{m['mae']:.5g}"}


def is_number(name: str, value: object) -> bool:
    return name != "examples" and isinstance(value, int | float)


def costs(judged: "Evaluation") -> dict[str, str]:
    return {
        "training": f"{judged.train_seconds:.1f} s",
        "a prediction": f"{judged.microseconds:.3g} µs",
        "parameters": f"{judged.parameters:,}",
    }
