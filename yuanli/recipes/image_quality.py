"""How good generated images are, in the eyes of a LeNet-5 that learned the data's classes."""

from dataclasses import asdict
from typing import Any

import numpy as np

from yuanli.data import Split
from yuanli.data.resize import Resize
from yuanli.inspection.feature_maps import replaced
from yuanli.inspection.frechet import frechet_distance
from yuanli.models import LeNet5
from yuanli.recipes.learn import learn
from yuanli.recipes.lenet import LeNet
from yuanli.recipes.predictor import AT_ONCE, NetworkPredictor
from yuanli.recipes.threads import suitable_threads
from yuanli.tensor import Tensor
from yuanli.training import Run
from yuanli.training.files import load as load_tree
from yuanli.training.files import save as save_tree
from yuanli.training.metrics import accuracy

PRESENT = 0.01  # the share of images from which on a class counts as present


def quality(
    judge: NetworkPredictor, y: np.ndarray, real: np.ndarray, made: np.ndarray, noise: np.ndarray
) -> dict[str, Any]:
    """What `judge` sees in real images (of classes y), in those made, and in an untrained generator's."""
    with suitable_threads(judge.work(AT_ONCE)):
        (of_real, p_real), (of_made, p_made), (of_noise, _) = (seen(judge, x) for x in (real, made, noise))
    shares = np.bincount(p_made.argmax(1), minlength=p_made.shape[1]) / len(made)
    apart, before = frechet_distance(of_made, of_real), frechet_distance(of_noise, of_real)
    return {
        "frechet": apart,
        "frechet_untrained": before,
        "ratio": apart / before,
        "judge_accuracy": accuracy(p_real, y),
        "judge_certainty": float(p_made.max(1).mean()),
        "judge_certainty_real": float(p_real.max(1).mean()),
        "classes_present": int((shares >= PRESENT).sum()),
        "least_class_share": float(shares.min()),
        "largest_class_share": float(shares.max()),
        "class_shares": shares.tolist(),
    }


def seen(judge: NetworkPredictor, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """LeNet-5's features, the 84 numbers of F6, and its probabilities for images."""
    parts: list[np.ndarray] = []

    def keep(output: Tensor) -> Tensor:
        parts.append(np.tanh(output.data))
        return output

    assert isinstance(judge.model, LeNet5)
    with replaced(judge.model.f6, keep):
        probabilities = judge.answer(Resize((judge.row[1], judge.row[2])).transform(x))
    return np.concatenate(parts), probabilities


def judge_of(run: Run, data: Split) -> NetworkPredictor:
    """A LeNet-5 trained on the data's classes, kept in the run."""
    path, recipe = run.folder / "judge.safetensors", LeNet()
    epochs = 2 if len(data.train) >= 10_000 else 15
    settings = recipe.chosen(data.train, {"epochs": epochs, "validation": 0.0})
    if not path.is_file():
        predictor, _ = learn(recipe, settings, data.train, seed=0)
        save_tree(path, {**predictor.state(), "config": predictor.config()})
    state = load_tree(path)
    return recipe.restore(asdict(settings), state.pop("config"), state)  # type: ignore[return-value]
