"""The first LeNet step of a process, from its start: how long one waits who has just typed a command."""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any

TIMES = 3  # processes a side


@dataclass(frozen=True)
class FirstStep:
    """A row of the table: seconds from the start of a process to its end, after one step on 128 images."""

    name: str
    side: str
    kept: bool  # whether kernels that were compiled before are found
    target: float | None = None


FIRST_STEPS = (
    FirstStep("yuanli, on an empty cache: kernels are compiled", "yuanli", kept=False, target=15),
    FirstStep("yuanli, kernels kept from before", "yuanli", kept=True, target=2),
    FirstStep("torch", "torch", kept=True),
)


def measure(row: FirstStep) -> dict[str, Any]:
    """The row's numbers: the seconds of each process."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(TIMES + row.kept):
            cache = folder if row.kept else os.path.join(folder, str(k))
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "benchmarks.first_step", row.side],
                env=os.environ | {"YUANLI_CACHE": cache},
                stderr=subprocess.DEVNULL,
                check=True,
            )
            seconds.append(time.perf_counter() - start)
    return {"name": row.name, "target": row.target, "seconds": sorted(seconds[row.kept :])}


def table(rows: list[dict[str, Any]]) -> str:
    lines = ["| | median, s | all, s | target |", "|---" * 4 + "|"]
    for row in rows:
        median, every = row["seconds"][TIMES // 2], ", ".join(f"{s:.2f}" for s in row["seconds"])
        target = f"≤ {row['target']} s" if row["target"] else ""
        lines.append(f"| {row['name']} | {median:.2f} | {every} | {target} |")
    return "\n".join(lines) + "\n"


def _lenet(nn: Any) -> Any:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


def _step(side: str) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    x, y = rng.random((128, 1, 28, 28), np.float32), rng.integers(0, 10, 128)
    if side == "yuanli":
        from yuanli import Tensor, nn, optim
        from yuanli.ops import cross_entropy

        net, inputs, target = _lenet(nn), Tensor(x), y
    else:
        import torch
        from torch import nn, optim
        from torch.nn.functional import cross_entropy

        net, inputs, target = _lenet(nn), torch.tensor(x), torch.tensor(y)
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    cross_entropy(net(inputs), target).backward()
    optimizer.step()


if __name__ == "__main__":
    _step(sys.argv[1])
