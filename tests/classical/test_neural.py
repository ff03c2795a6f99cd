"""Networks as estimators: any Module, rows or images, in scikit-learn's tools."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, make_moons
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from yuanli import classical, nn
from yuanli.classical import NeuralClassifier, NeuralRegressor
from yuanli.errors import ModelError, ShapeError
from yuanli.models import MLP, LeNet5


def test_a_plain_linear_module_is_ridge_regression():
    """One linear layer, full batches, λ/2 ‖w‖² on the standardised target: the closed form."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 3)).astype(np.float32)
    y = x @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.standard_normal(60)
    model = NeuralRegressor(
        nn.Linear(3, 1, rng=rng), optimizer="sgd", lr=0.2, epochs=400, batch_size=60, l2=0.1, random_state=0
    ).fit(x, y)
    target = (y - y.mean()) / y.std()
    centred = x - x.mean(0)
    w = np.linalg.solve(2 * centred.T @ centred / 60 + 0.1 * np.eye(3), 2 * centred.T @ target / 60)
    np.testing.assert_allclose(model.module_.weight.data[0], w, atol=1e-4)
    np.testing.assert_allclose(model.predict(x), (centred @ w) * y.std() + y.mean(), atol=1e-3)


def test_weights_count_as_repetitions_do_in_full_batches():
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((20, 3)).astype(np.float32), rng.integers(0, 2, 20)
    weight = rng.integers(0, 4, 20)
    options = {"optimizer": "sgd", "lr": 0.5, "epochs": 40, "batch_size": 1000, "random_state": 3}
    start = nn.Linear(3, 2, rng=rng)
    a = NeuralClassifier(start, **options).fit(x, y, sample_weight=weight)
    b = NeuralClassifier(start, **options).fit(np.repeat(x, weight, 0), np.repeat(y, weight))
    np.testing.assert_allclose(a.predict_proba(x), b.predict_proba(x), atol=1e-5)


def test_it_fits_a_pipeline_a_search_and_cross_validation():
    x, y = make_moons(200, noise=0.15, random_state=0)
    names = np.array(["left", "right"])[y]
    model = make_pipeline(StandardScaler(), NeuralClassifier(epochs=60, random_state=0))
    assert cross_val_score(model, x, names, cv=3).mean() > 0.93
    search = GridSearchCV(model, {"neuralclassifier__lr": [1e-5, 0.01]}, cv=2).fit(x, names)
    assert search.best_params_ == {"neuralclassifier__lr": 0.01}
    assert set(search.predict(x)) == {"left", "right"}


def test_a_function_makes_the_module_and_images_stay_images():
    images, y = load_digits(return_X_y=True)
    images = images[:600].reshape(-1, 1, 8, 8) / 16
    images = np.kron(images, np.ones((2, 2)))  # 16×16

    def lenet(shape, outputs, rng):
        return LeNet5(shape[0], outputs, image_size=shape[1:], rng=rng)

    model = NeuralClassifier(lenet, epochs=12, random_state=0).fit(images[:500], y[:500])
    assert model.score(images[500:], y[500:600]) > 0.85
    with pytest.raises(ValueError, match=r"rows of shape|features"):
        model.predict(images[:3, :, :8])


def test_the_module_given_stays_as_it_is_and_the_seed_decides(tmp_path):
    x, y = make_moons(60, random_state=0)
    start = MLP(2, (8,), 2, rng=np.random.default_rng(0))
    before = start.state_dict()
    fits = [NeuralClassifier(start, epochs=3, random_state=s).fit(x, y) for s in (0, 0, 1)]
    assert all((start.state_dict()[name] == array).all() for name, array in before.items())
    np.testing.assert_array_equal(fits[0].predict_proba(x), fits[1].predict_proba(x))
    assert (fits[0].predict_proba(x) != fits[2].predict_proba(x)).any()
    with pytest.raises(ModelError, match="cannot be saved"):
        classical.save(fits[0], tmp_path / "a.safetensors")


def test_a_module_that_does_not_fit_is_an_error():
    x, y = make_moons(20, random_state=0)
    with pytest.raises(ShapeError, match="a score for each of 2 classes"):
        NeuralClassifier(nn.Linear(2, 3), epochs=1).fit(x, y)
    with pytest.raises(ShapeError, match="one output a row"):
        NeuralRegressor(nn.Linear(2, 2), epochs=1).fit(x, y)
    for module in (3, lambda shape, outputs, rng: None):
        with pytest.raises(ModelError, match="module"):
            NeuralClassifier(module, epochs=1).fit(x, y)
    for options in ({"lr": 0}, {"epochs": 0}, {"optimizer": "none"}, {"l2": -1}, {"batch_size": 0}):
        with pytest.raises(ValueError, match=next(iter(options))):
            NeuralClassifier(**options).fit(x, y)
