"""`python -m benchmarks`: measure, check that the answers agree, print the tables, keep them."""

import argparse
import json
import os
import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import first_step, peers, training_steps, words
from benchmarks.boosting import BOOSTING
from benchmarks.inference import INFERENCES
from benchmarks.linear_and_kernel_machines import MACHINES
from benchmarks.memory import PEAKS, PeakMemory
from benchmarks.neighbours import NEIGHBOURS
from benchmarks.small_operations import SMALL_OPERATIONS
from benchmarks.timing import Timing, foreign_load, interleaved
from benchmarks.training_steps import TRAINING_STEPS
from yuanli.kernels.compiler import threads

SECTIONS: dict[str, tuple[tuple, float, str]] = {  # title: rows, milliseconds in its unit, unit
    "Training steps": (TRAINING_STEPS, 1.0, "milliseconds a step"),
    "Peak memory of a training step": (PEAKS, 1.0, "megabytes"),
    "Inference": (INFERENCES, 1.0, "milliseconds a batch"),
    "Boosted trees": (BOOSTING, 1e3, "seconds"),
    "Linear and kernel machines": (MACHINES, 1e3, "seconds"),
    "Small operations, forward and backward": (SMALL_OPERATIONS, 1e-3, "microseconds"),
    "Nearest neighbours": (NEIGHBOURS, 1.0, "milliseconds"),
}
OWN_TABLES: dict[str, tuple[str, tuple, Any]] = {  # title: what is measured, rows, their module
    "word2vec": ("Whole trainings from a text file.", words.WORDS, words),
    "First step": (
        "LeNet, 128 images, from the start of the process; three processes each.",
        first_step.FIRST_STEPS,
        first_step,
    ),
}

EAGER = ("torch", "torch channels-last")  # where these are measured, the ratio is to the better of them
OPTIONAL = ("torch.compile", *peers.NAMES)  # left out, with a line that says so, where they fail
SLOW = 0.5  # seconds from which a step that gave its answer needs no further call before it is timed


def run(benchmark: Any, seconds: float) -> dict[str, Any]:
    """One row: answers compared, then all sides timed together; or each side's memory."""
    times = benchmark.measure() if isinstance(benchmark, PeakMemory) else timed(benchmark, seconds)
    against = [name for name in EAGER if name in times] or [name for name in times if name != "yuanli"]
    ours, best = times["yuanli"].median, min(times[name].median for name in against)
    targets: dict[str, float] = getattr(benchmark, "targets", {})  # where each peer has one of its own
    return {
        "name": benchmark.name,
        "target": None if targets else benchmark.target,
        "targets": {
            name: {"most": most, "ratio": ours / times[name].median} for name, most in targets.items()
        },
        "ratio": ours / best,
        "milliseconds": {name: asdict(t) for name, t in times.items()},
    }


def timed(benchmark: Any, seconds: float) -> dict[str, Timing]:
    """Every side's time, after its answers have been compared."""
    steps = benchmark.steps()
    answers, slow = {}, set()
    for name, step in list(steps.items()):
        start = time.perf_counter()
        try:
            answers[name] = [step() for _ in benchmark.tolerances]
        except Exception as error:  # such as a compiler that a peer needs and this machine lacks
            if name not in OPTIONAL:
                raise
            print(f"{name}: left out, {peers.reason(error)}")
            del steps[name]
            continue
        if time.perf_counter() - start > SLOW * len(benchmark.tolerances):
            slow.add(name)
    for name, theirs in answers.items():
        for ours, other, tolerance in zip(answers["yuanli"], theirs, benchmark.tolerances, strict=True):
            message = f"{benchmark.name}: yuanli and {name} differ"
            np.testing.assert_allclose(ours, other, rtol=tolerance, atol=1e-6, err_msg=message)
    return interleaved(steps, seconds, warm=slow)


def table(rows: list[dict[str, Any]], unit: float) -> str:
    """The rows as people read them: median (quartiles)."""
    columns = sorted({name for row in rows for name in row["milliseconds"]} - {"yuanli"})
    best = "best torch eager" if EAGER[0] in columns else "best peer"
    lines = [
        "| | yuanli | " + " | ".join(columns) + f" | ours ÷ {best} | target |",
        "|---" * (len(columns) + 4) + "|",
    ]
    for row in rows:
        cells = []
        for name in ("yuanli", *columns):
            t = row["milliseconds"].get(name)
            numbers = [t[part] / unit for part in ("median", "low", "high")] if t else []
            cells.append("{:.3g} ({:.3g}–{:.3g})".format(*numbers) if t else "–")
        target = f"≤ {row['target']:.2f}" if row["target"] else ""
        for peer, its in row["targets"].items():
            target += f"{'; ' if target else ''}{peer} {its['ratio']:.2f} ≤ {its['most']:.2f}"
        lines.append(f"| {row['name']} | " + " | ".join(cells) + f" | {row['ratio']:.2f} | {target} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name, or whose table's, contains this")
    parser.add_argument("--seconds", type=float, default=20.0, help="time for each row")
    parser.add_argument("--threads", type=int, default=threads(), help="for torch; ours: YUANLI_THREADS")
    parser.add_argument("--compile", action="store_true", help="torch.compile beside torch: takes minutes")
    known = ", ".join(peers.NAMES)
    parser.add_argument(
        "--peers", nargs="*", choices=peers.NAMES, default=peers.chosen, help=f"of {known}; all when left out"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--markdown", type=Path, help="also write the tables here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    training_steps.compiled = options.compile
    peers.chosen = tuple(options.peers)
    wanted = options.only.lower()
    chosen = {
        title: [b for b in rows if wanted in b.name.lower() or wanted in title.lower()]
        for title, (rows, _, _) in SECTIONS.items()
    }
    own = {
        title: [row for row in rows if wanted in row.name.lower() or wanted in title.lower()]
        for title, (_, rows, _) in OWN_TABLES.items()
    }
    if not any([*chosen.values(), *own.values()]):
        every = [*(s[0] for s in SECTIONS.values()), *(s[1] for s in OWN_TABLES.values())]
        names = "; ".join(b.name for rows in every for b in rows)
        parser.error(f"no row contains {options.only!r}; there are: {names}")
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores; threads: ours {threads()}, torch {options.threads}; "
        f"torch {torch.__version__}, NumPy {np.__version__}; other processes used {foreign_load():.2f} cores"
    )
    print(machine)
    text, results = [f"Measured on {machine}.\n"], {}
    for title, benchmarks in chosen.items():
        rows = []
        for benchmark in benchmarks:
            print(f"{benchmark.name} …", flush=True)
            rows.append(run(benchmark, options.seconds))
        if rows:
            _, unit, name = SECTIONS[title]
            text.append(f"## {title}\n\nIn {name}, median (quartiles).\n\n{table(rows, unit)}")
            results[title] = rows
            print("\n" + text[-1])
    for title, rows in own.items():
        if rows:
            what, _, module = OWN_TABLES[title]
            results[title] = [module.measure(row) for row in rows]
            text.append(f"## {title}\n\n{what}\n\n{module.table(results[title])}")
            print("\n" + text[-1])
    if options.markdown:
        head = (
            "# Benchmarks\n\n`make bench` measures them anew: all sides in turn, in one run, on the same "
            "data from the same weights.\n"
        )
        options.markdown.write_text("\n".join([head, *text]), encoding="utf-8")
    if options.json:
        content = json.dumps({"machine": machine, "results": results}, indent=2, ensure_ascii=False)
        options.json.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
