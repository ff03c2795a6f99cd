"""A run's folder: all that is needed to rebuild, judge, use or go on with one training.

config.json               model, data, preprocessing, options, seed, versions
metrics.jsonl             one line an epoch
checkpoints/              where --resume goes on
model.safetensors         the trained weights and the fitted preprocessing
predictions.safetensors   the test set's labels and predictions, for the report
report.html
"""

import importlib.metadata
import itertools
import json
import platform
from pathlib import Path
from typing import Any

from yuanli.errors import CheckpointError
from yuanli.training import files
from yuanli.training.state import Hook, Training

FORMAT = 1
NEEDED = {"model": str, "data": dict, "seed": int, "settings": dict, "command": str}


class Run:
    """One training's folder and its `config`, opened with `Run.open`, made with `Run.create`."""

    def __init__(self, folder: Path, config: dict[str, Any]) -> None:
        self.folder = folder
        self.config = config

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @classmethod
    def create(cls, folder: str | Path, config: dict[str, Any]) -> "Run":
        """A new run in `folder`, which must be empty or not exist: no run is ever overwritten."""
        folder = Path(folder)
        if (folder / "config.json").exists():
            raise CheckpointError(
                f"{folder} already holds a run: go on with it by --resume, or choose another --out"
            )
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CheckpointError(f"a run needs a new or empty folder, but {folder} holds other things")
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"format": FORMAT, **config}, ensure_ascii=False, indent=2, allow_nan=False)
        files.write_atomically(folder / "config.json", f"{text}\n".encode())
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> "Run":
        """The run in `folder`.  Raises CheckpointError when it is not there, not a run or not readable."""
        folder = Path(folder)
        path = folder / "config.json"
        if not folder.is_dir():
            raise CheckpointError(f"there is no run {folder}: no such folder")
        if not path.is_file():
            raise CheckpointError(f"{folder} is not a run: it has no config.json (`yuanli train` makes runs)")
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, OSError, RecursionError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}; train again into a new folder") from None
        if not isinstance(config, dict) or config.get("format") != FORMAT:
            raise CheckpointError(f"{path} is not the config of a run that this version of yuanli can read")
        if wrong := [key for key, kind in NEEDED.items() if not isinstance(config.get(key), kind)]:
            raise CheckpointError(
                f"{path} is damaged: {', '.join(wrong)} is missing; train again into a new folder"
            )
        return cls(folder, config)

    @property
    def name(self) -> str:
        return self.folder.resolve().name

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def is_finished(self) -> bool:
        return self.model_path.is_file()

    @property
    def model_path(self) -> Path:
        return self.folder / "model.safetensors"

    @property
    def report_path(self) -> Path:
        return self.folder / "report.html"

    @property
    def predictions_path(self) -> Path:
        return self.folder / "predictions.safetensors"

    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl, one an epoch; a last line that was cut short is left out.

        Raises: CheckpointError when another line is damaged.
        """
        path = self.folder / "metrics.jsonl"
        try:
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.is_file() else []
            rows = [json.loads(line) for line in lines if line.endswith("\n")]
        except (ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} is damaged: {error}; train again into a new folder") from None
        if not all(isinstance(row, dict) and "seconds" in row for row in rows):
            raise CheckpointError(f"{path} is damaged: a line is no row of metrics; train again")
        return rows

    def model(self) -> dict[str, Any]:
        """What model.safetensors holds.  Raises CheckpointError when the run is unfinished or damaged."""
        if not self.is_finished:
            raise CheckpointError(f"the run {self.folder} is not finished: go on with it by --resume")
        return files.load(self.model_path)

    def predictions(self) -> dict[str, Any]:
        """The test set's `labels` (N,) and `predictions`: probabilities (N, K), or values (N,)."""
        return files.load(self.predictions_path)


def new_folder(parent: str | Path, name: str) -> Path:
    """A new folder `parent/name`, or `parent/name-2` and so on when that is taken."""
    for number in itertools.count(1):
        folder = Path(parent) / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise AssertionError("unreachable")


def surroundings() -> dict[str, Any]:
    """What the bits of a result may depend on besides the seed: versions, processor, kernels, threads."""
    from yuanli import __version__
    from yuanli.kernels.compiler import threads
    from yuanli.kernels.dispatch import KERNELS

    packages = ("numpy", "scipy", "numba", "scikit-learn")
    versions = {name: importlib.metadata.version(name) for name in packages}
    return {
        "versions": {"yuanli": __version__, "python": platform.python_version(), **versions},
        "machine": platform.machine(),
        "kernels": KERNELS,
        "threads": threads(),
    }


class MetricsFile(Hook):
    """Appends each epoch's row to metrics.jsonl; a resumed run begins with the rows its checkpoint knows."""

    def __init__(self, run: Run) -> None:
        self.path = run.folder / "metrics.jsonl"

    def on_start(self, training: Training) -> None:
        files.write_atomically(self.path, "".join(map(line, training.rows)).encode())

    def on_epoch(self, training: Training) -> None:
        self.write(training.rows[-1])

    def write(self, row: dict[str, Any]) -> None:
        """Append a row."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(line(row))


def line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"
