"""`export`: a trained model as a file for others, an ONNX graph or weights alone."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.errors import UnsupportedError
from yuanli.interchange import save_weights
from yuanli.nn import Module
from yuanli.recipes.adversarial import Painter
from yuanli.recipes.deployed import Continues, Deployed, Network, Paints, Texts, Vectors
from yuanli.recipes.deployed_estimators import Estimated
from yuanli.recipes.estimator import EstimatorPredictor
from yuanli.recipes.evaluate import open_model
from yuanli.recipes.predictor import NetworkPredictor
from yuanli.recipes.word2vec import Words
from yuanli.recipes.writer import Writer
from yuanli.tensor import Tensor, no_grad
from yuanli.training import Run
from yuanli.training.files import write_atomically

CLOSE = 1e-4  # of the largest answer: what single precision may differ by in another order of sums


def export(
    run: Run | str | Path, *, onnx: str | Path | None = None, weights: str | Path | None = None
) -> list[str]:
    """Write the run's model, as an ONNX graph or as weights alone; what was written, in words.

    The graph takes batches of any size; it is kept only if `load_onnx` reads it again and it gives the
    model's answers.  weights: .safetensors, .pth or .pdparams.
    Raises: CheckpointError; UnsupportedError for a model that has no layers, or is no graph of operations.
    """
    run = run if isinstance(run, Run) else Run.open(run)
    model = open_model(run)
    said = []
    if weights is not None:
        save_weights(_network(model, run), weights)
        said.append(f"Weights: {weights}")
    if onnx is not None:
        said += _export_onnx(deployed(model, run), model, run, Path(onnx))
    return said


def deployed(model: Any, run: Run) -> Deployed:
    """The run's model as operations alone.  Raises: UnsupportedError where it is none."""
    if isinstance(model, NetworkPredictor):
        return Network(model) if model.row else Texts(model)
    if isinstance(model, EstimatorPredictor):
        return Estimated(model)
    if isinstance(model, Writer):
        return Continues(model.model)
    if isinstance(model, Painter):
        return Paints(model.game)
    if isinstance(model, Words):
        return Vectors(np.asarray(model.wv.vectors, np.float32))
    raise UnsupportedError(f"{run.folder} holds a {run.config['model']}, which is no graph of operations")


def _network(model: Any, run: Run) -> Module:
    network = model.game if isinstance(model, Painter) else getattr(model, "model", None)
    if not isinstance(network, Module):
        raise UnsupportedError(
            f"{run.folder} holds a {run.config['model']}, which has no layers with weights"
        )
    return network


def _export_onnx(whole: Deployed, model: Any, run: Run, path: Path) -> list[str]:
    try:
        from yuanli.interchange.onnx_export import export_onnx
        from yuanli.interchange.onnx_import import load_onnx
    except ModuleNotFoundError:
        raise UnsupportedError("ONNX files need the package onnx: pip install 'yuanli[onnx]'") from None

    first, second = whole.examples()
    notes = {"model": run.config["model"], "takes": whole.takes()}
    for name, words in (
        ("classes", getattr(model, "classes", ())),
        ("columns", [[f.name, *f.categories] for f in getattr(model, "features", ())]),
        ("vocabulary", vocabulary_of(whole, model)),
    ):
        if words:
            notes[name] = json.dumps(words, ensure_ascii=False)
    options = {"inputs": whole.inputs, "outputs": whole.outputs, "sizes": whole.sizes, "notes": notes}
    with tempfile.TemporaryDirectory(prefix="yuanli-") as folder:
        unchecked = Path(folder, "model.onnx")
        export_onnx(whole, first, unchecked, other=second, **options)
        with no_grad():
            expected = _several(whole.eval()(*map(Tensor, second)))
            found = load_onnx(unchecked).run(second)
        content = unchecked.read_bytes()
    difference = max(_difference(a.data, b.data) for a, b in zip(found, expected, strict=True))
    if not difference <= CLOSE:
        raise UnsupportedError(
            f"the graph answers otherwise than the model, by {difference:.1e}; none was kept"
        )
    write_atomically(path, content)
    return [
        f"ONNX: {path}",
        f"{whole.takes()} → {', '.join(whole.outputs)}; read again, it differs by {difference:.0e}",
    ]


def vocabulary_of(whole: Deployed, model: Any) -> tuple[str, ...]:
    """The tokens by number, of a model of texts."""
    if isinstance(whole, Texts):
        return whole.vocabulary
    if isinstance(model, Words):
        return tuple(model.wv.index_to_key)
    return tuple(model.vocabulary.tokens) if isinstance(model, Writer) else ()


def _several(result: Any) -> tuple[Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    """The largest, relative to the largest number."""
    return float(np.abs(found - expected).max() / max(1e-30, np.abs(expected).max()))
