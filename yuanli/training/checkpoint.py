"""Checkpoints on the disk: the two newest, so that a damaged one does not matter."""

import re
import time
import warnings
from pathlib import Path
from typing import Any

from yuanli.errors import CheckpointError
from yuanli.training import files
from yuanli.training.finite import check_weights
from yuanli.training.state import Hook, Training, snapshot


class Checkpoints(Hook):
    """Saves into `folder` at the start, the end, and when `every` seconds have passed; 0 is every step.

    The two newest are kept, `<step>.safetensors`, the older in case the newer is damaged.
    """

    def __init__(self, folder: str | Path, every: float = 10.0) -> None:
        self.folder = Path(folder)
        self.every = every

    def on_start(self, training: Training) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self.folder.glob(".*.tmp"):  # of a process that was killed
            unfinished.unlink()
        self.last = time.monotonic()
        for path in self.paths():
            if int(path.stem) > training.step:  # damaged, or training would go on from it
                self._drop_damaged(path)
        if not self.paths():
            self.save(training)

    def on_step(self, training: Training) -> None:
        if time.monotonic() - self.last >= self.every:
            self.save(training)

    def on_epoch(self, training: Training) -> None:
        if time.monotonic() - self.last >= self.every or training.is_over:
            self.save(training)

    def on_interrupt(self, training: Training) -> None:
        self.save(training)

    def save(self, training: Training) -> None:
        """Write this moment's checkpoint, then delete all but the two newest."""
        check_weights(training)
        files.save(self.folder / f"{training.step:08d}.safetensors", snapshot(training))
        for old in self.paths()[2:]:
            old.unlink()
        self.last = time.monotonic()

    def _drop_damaged(self, path: Path) -> None:
        try:
            files.load(path)
        except CheckpointError:
            path.unlink()
        else:
            raise CheckpointError(
                f"{path} is of a training further on: resume from it, or use another folder"
            )

    def paths(self) -> list[Path]:
        """The checkpoints there are, the newest first."""
        found = self.folder.glob("*.safetensors")
        return sorted((p for p in found if re.fullmatch(r"\d{8,}", p.stem)), reverse=True)

    def load(self) -> dict[str, Any]:
        """The newest checkpoint that is whole; a warning names those that are not."""
        notes: list[str] = []
        for path in self.paths():
            try:
                saved = files.load(path)
            except CheckpointError as error:
                notes.append(str(error))
                continue
            if notes:
                warnings.warn(f"{'; '.join(notes)}; going on from {path.name}", stacklevel=2)
            return saved
        if not notes:
            raise CheckpointError(f"{self.folder} holds no checkpoint; train again without --resume")
        raise CheckpointError(f"no checkpoint in {self.folder} can be read: {'; '.join(notes)}")
