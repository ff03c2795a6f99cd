"""`export`: a trained model as a file for others, an ONNX graph or weights alone."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from yuanli import ops
from yuanli.data.preprocess import Affine
from yuanli.errors import UnsupportedError
from yuanli.interchange import save_weights
from yuanli.nn import Module
from yuanli.recipes.evaluate import open_model
from yuanli.recipes.predictor import NetworkPredictor, Predictor
from yuanli.tensor import Tensor
from yuanli.training import Run

CLOSE = 1e-4  # of the largest answer: what single precision may differ by in another order of sums


def export(
    run: Run | str | Path, *, onnx: str | Path | None = None, weights: str | Path | None = None
) -> list[str]:
    """Write the run's model, as an ONNX graph from rows to answers or as weights alone; says what is there.

    The graph takes what `Deployed` takes, batches of any size; before it is reported as written it is read
    again by `load_onnx` and must give the model's answers.  weights: .safetensors, .pth or .pdparams.
    Raises: CheckpointError; UnsupportedError for a model that is no graph of operations.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    model = open_model(run)
    said = []
    if weights is not None:
        save_weights(_network(model, run), weights)
        said.append(f"Weights: {weights}")
    if onnx is not None:
        said += _export_onnx(model, run, Path(onnx))
    return said


def _network(model: Any, run: Run) -> Module:
    network = getattr(model, "model", None)
    if not isinstance(network, Module):
        raise UnsupportedError(
            f"{run.folder} holds a {run.config['model']}, which has no layers with weights"
        )
    return network


def _export_onnx(model: Any, run: Run, path: Path) -> list[str]:
    from yuanli.interchange.onnx_export import export_onnx
    from yuanli.interchange.onnx_import import load_onnx

    if not isinstance(model, NetworkPredictor):
        raise UnsupportedError(f"{run.folder} holds a {run.config['model']}, which is no graph of operations")
    whole = Deployed(model)
    example = whole.example(3)
    notes = {
        "model": run.config["model"],
        "input": whole.takes(),
        "classes": json.dumps(model.classes, ensure_ascii=False),
    }
    export_onnx(whole, example[:2], path, input="rows", outputs=(whole.gives,), notes=notes)
    expected = whole.eval()(example).data
    found = load_onnx(path)(example).data
    difference = float(np.abs(found - expected).max() / max(1e-30, np.abs(expected).max()))
    if not difference <= CLOSE:
        path.unlink()
        raise UnsupportedError(
            f"the graph answers otherwise than the model, by {difference:.1e}; nothing was kept"
        )
    shape = ", ".join(map(str, whole.shape))
    return [
        f"ONNX: {path}",
        f"rows (N, {shape}): {whole.takes()} → {whole.gives}; read again, it differs by {difference:.0e}",
    ]


class Deployed(Module):
    """A trained network with what stands before and after it: rows (N, …) → probabilities, or numbers.

    Of the preprocessing the last steps that are (x − shift)·factor belong to it; rows are what comes out of
    those before: images of the model's size with pixels from 0 to 255, or the columns of a table as numbers.
    """

    def __init__(self, predictor: Predictor) -> None:
        assert isinstance(predictor, NetworkPredictor)
        steps = list(predictor.prepare.steps)
        first = len(steps)
        while first and isinstance(steps[first - 1], Affine):
            first -= 1
        self.model, self.shape = predictor.model, predictor.shape
        self.columns = tuple(feature.name for feature in predictor.features)
        self.gives = "probabilities" if predictor.target is None else "numbers"
        self._before = [(_single(step.shift_), _single(step.factor_)) for step in steps[first:]]
        target = predictor.target
        self._after = None if target is None else (_single(target.shift_), _single(target.factor_))

    def forward(self, rows: Any) -> Tensor:
        for shift, factor in self._before:
            rows = ops.mul(ops.sub(rows, shift), factor)
        scores = self.model(rows)
        if self._after is None:
            return ops.softmax(scores, 1)
        shift, factor = self._after
        return ops.add(ops.div(scores, factor), shift)

    def takes(self) -> str:
        """What a row is, in words."""
        if len(self.shape) == 3:
            channels, height, width = self.shape
            return f"pixels from 0 to 255, {channels} channels, {height}×{width}"
        return (
            f"the columns {', '.join(self.columns)}, words as columns of 0 and 1"
            if self.columns
            else "numbers"
        )

    def example(self, count: int) -> np.ndarray:
        """Rows such as it takes."""
        rng = np.random.default_rng(0)
        rows = rng.normal(size=(count, *self.shape)).astype(np.float32)
        for shift, factor in self._before[::-1]:
            rows = rows / factor + shift
        return rows


def _single(numbers: np.ndarray) -> np.ndarray:
    return np.asarray(numbers, np.float32)
