"""`python -m benchmarks [--only WORD] [--json FILE] [--markdown FILE]`: measure, print the table, keep it."""

import argparse
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import foreign_load, interleaved
from benchmarks.training_steps import BENCHMARKS, Benchmark

# The first losses of every side must agree.  From the second on they also measure gradients, which rounding
# alone changes in deep nets, where it moves numbers across ReLU's kink.  For MobileNet v2 at its random start
# torch's own float32 gradients are 1 % off its float64 ones, and its third losses in its two layouts differ
# by 3e-3; our float32 gradients are as far off, and our float64 ones agree with torch's to 1e-10.
LOSS_TOLERANCES = (1e-5, 1e-3, 1e-2)


def run(benchmark: Benchmark, seconds: float) -> dict:
    """One row: losses compared, then all sides timed together."""
    steps = benchmark.steps()
    losses = {name: [step() for _ in LOSS_TOLERANCES] for name, step in steps.items()}
    ours = losses["yuanli"]
    for name, theirs in losses.items():
        for loss, other, tolerance in zip(ours, theirs, LOSS_TOLERANCES, strict=True):
            np.testing.assert_allclose(
                loss, other, rtol=tolerance, err_msg=f"{benchmark.name}: losses of {name} differ"
            )
    times = interleaved(steps, seconds)
    best = min(t.median for name, t in times.items() if name != "yuanli")
    return {
        "name": benchmark.name,
        "target": benchmark.target,
        "ratio": times["yuanli"].median / best,
        "loss": ours[-1],
        "milliseconds": {name: asdict(t) for name, t in times.items()},
    }


def markdown(rows: list[dict], machine: str) -> str:
    """The table as people read it."""
    peers = sorted({name for row in rows for name in row["milliseconds"]} - {"yuanli"})
    lines = [
        f"Milliseconds a training step, median (quartiles); {machine}",
        "",
        "| step | yuanli | " + " | ".join(peers) + " | ours ÷ best peer | target |",
        "|---" * (len(peers) + 4) + "|",
    ]
    for row in rows:
        cells = []
        for name in ("yuanli", *peers):
            t = row["milliseconds"].get(name)
            cells.append(f"{t['median']:.3g} ({t['low']:.3g}–{t['high']:.3g})" if t else "–")
        lines.append(
            f"| {row['name']} | " + " | ".join(cells) + f" | {row['ratio']:.2f} | ≤ {row['target']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--seconds", type=float, default=20.0, help="time for each row")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count(), help="for torch; ours follows YUANLI_THREADS"
    )
    parser.add_argument("--json", type=Path, help="also write the numbers here")
    parser.add_argument("--markdown", type=Path, help="also write the table here")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    chosen = [b for b in BENCHMARKS if options.only.lower() in b.name.lower()]
    if not chosen:
        parser.error(f"no row contains {options.only!r}; there are: " + "; ".join(b.name for b in BENCHMARKS))
    if (load := foreign_load()) > 0.1:
        print(f"Other processes use {load:.1f} cores: the numbers below are less sure.")
    rows = []
    for benchmark in chosen:
        print(f"{benchmark.name} …", flush=True)
        rows.append(run(benchmark, options.seconds))
    machine = (
        f"{platform.machine()}, {options.threads} threads, torch {torch.__version__}, NumPy {np.__version__}"
    )
    table = markdown(rows, machine)
    print("\n" + table)
    if options.markdown:
        options.markdown.write_text(
            f"# Benchmarks\n\n`make bench` measures them anew.\n\n{table}", encoding="utf-8"
        )
    if options.json:
        options.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
