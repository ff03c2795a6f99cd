"""Bases of image patches: each step against its definition, and on images whose parts are known."""

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import Lasso, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from yuanli.classical import PatchBases
from yuanli.classical.dictionary import k_means, sparse_codes, sparse_coding


def images(n=12, shape=(3, 9, 8), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape)).astype(np.uint8)


def loss(x, centres):
    return ((x[:, None] - centres) ** 2).sum(-1).min(1).sum()


def test_k_means_is_as_good_as_scikit_learns():
    rng = np.random.default_rng(0)
    x = (rng.integers(0, 8, (600, 1)) * 5 + rng.normal(size=(600, 4))).astype(np.float32)
    centres, steps = k_means(x, 8, 100, np.random.default_rng(3))
    theirs = KMeans(
        8, init=x[np.random.default_rng(3).choice(600, 8, replace=False)], n_init=1, max_iter=100
    ).fit(x)
    assert 1 < steps < 100
    np.testing.assert_allclose(loss(x, centres), theirs.inertia_, rtol=1e-5)


def test_k_means_of_few_different_vectors():
    """A centre without vectors starts again; none is lost and nothing divides by 0."""
    x = np.repeat(np.eye(3, dtype=np.float32), 50, 0)
    centres, _ = k_means(x, 10, 30, np.random.default_rng(0))
    assert centres.shape == (10, 3)
    assert loss(x, centres) == 0


def test_sparse_codes_equal_the_lasso():
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(12, 20))
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    x, alpha = rng.normal(size=(5, 20)), 0.3
    codes = sparse_codes(x, basis, alpha, steps=500)
    lasso = Lasso(alpha / 20, fit_intercept=False, tol=1e-10, max_iter=100_000).fit(basis.T, x.T)
    np.testing.assert_allclose(codes, lasso.coef_, atol=1e-6)
    assert (codes == 0).any()


def test_sparse_coding_finds_the_bases_that_made_the_data():
    rng = np.random.default_rng(0)
    made = rng.normal(size=(10, 16))
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    codes = rng.normal(size=(3000, 10)) * (rng.random((3000, 10)) < 0.15)
    found = sparse_coding((codes @ made).astype(np.float32), 10, 0.1, 200, np.random.default_rng(1))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    assert (np.abs(found @ made.T).max(0) > 0.97).all()  # up to sign and order


@pytest.mark.parametrize("method", ["kmeans", "sparse"])
def test_features_are_their_definition(method):
    """Every patch of every image by hand, in float64."""
    x = images()
    model = PatchBases(7, patch_size=4, method=method, n_patches=300, max_iter=5, random_state=0).fit(x)
    features = model.transform(x)
    expected = np.zeros((12, 2, 2, 14 if method == "sparse" else 7))
    for n, image in enumerate(x.astype(float)):
        for h in range(6):
            for w in range(5):
                patch = image[:, h : h + 4, w : w + 4].ravel()
                patch = (patch - patch.mean()) / np.sqrt(patch.var() + 10)
                white = (patch - model.mean_) @ model.whitening_
                scores = model.components_ @ white
                if method == "kmeans":
                    distances = np.linalg.norm(white - model.components_, axis=1)
                    activation = np.maximum(0, distances.mean() - distances)
                else:
                    activation = np.maximum(0, np.concatenate([scores, -scores]) - 0.25)
                expected[n, h * 2 // 6, 0 if w < 2 else 1] += activation
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, expected.reshape(12, -1), rtol=1e-3, atol=1e-3)
    assert len(model.get_feature_names_out()) == features.shape[1]


def test_patches_are_white():
    x = images(60)
    model = PatchBases(5, patch_size=3, whitening=1e-6, max_iter=1, random_state=0).fit(x)
    patches = model._some_patches(x, np.random.default_rng(0))
    white = (patches - model.mean_).astype(float) @ model.whitening_
    spectrum = np.linalg.eigvalsh(np.cov(white, rowvar=False))
    np.testing.assert_allclose(
        spectrum[1:], 1, atol=2e-2
    )  # the mean of each patch is 0: one direction is empty
    assert spectrum[0] < 1e-3
    np.testing.assert_allclose(model.whitening_, model.whitening_.T, atol=1e-4)  # ZCA, not PCA


def test_rows_are_the_same_as_images():
    x = images()
    model = PatchBases(5, patch_size=4, random_state=0)
    of_images = model.fit_transform(x)
    rows = PatchBases(5, patch_size=4, image_shape=(3, 9, 8), random_state=0).fit_transform(x.reshape(12, -1))
    np.testing.assert_array_equal(of_images, rows)
    np.testing.assert_allclose(model.transform(x.astype(float)), of_images, rtol=1e-3, atol=1e-3)


def test_the_same_seed_gives_the_same_bits():
    x = images()
    one, two, other = (PatchBases(6, patch_size=3, random_state=seed).fit_transform(x) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_patches_larger_than_the_image_are_the_image():
    features = PatchBases(2, patch_size=50, random_state=0).fit_transform(images(shape=(1, 3, 4)))
    assert features.shape == (12, 2)


def test_features_of_digits_are_better_than_pixels():
    x, y = load_digits(return_X_y=True)
    half = len(x) // 2
    bases = PatchBases(60, patch_size=3, image_shape=(1, 8, 8), contrast=1.0, random_state=0)
    with_bases = make_pipeline(bases, StandardScaler(), RidgeClassifier(10.0)).fit(x[:half], y[:half])
    plain = make_pipeline(StandardScaler(), RidgeClassifier(10.0)).fit(x[:half], y[:half])
    found, pixels = (model.score(x[half:], y[half:]) for model in (with_bases, plain))
    assert found > 0.95
    assert found > pixels + 0.03


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "'n_components' parameter"),
        ({"patch_size": 2.5}, "'patch_size' parameter"),
        ({"pool": 0}, "'pool' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"whitening": 0}, r"'whitening' parameter .* \(0, inf\]"),
        ({"contrast": -1}, "'contrast' parameter"),
        ({"alpha": -0.1}, "'alpha' parameter"),
        ({"method": "pca"}, "'method' parameter .* must be one of 'kmeans', 'sparse'"),
        ({"n_components": 1000}, "n_components=1000 needs as many patches, and n_samples=12 images"),
        ({"n_patches": 3}, "with n_patches=3 give 3"),
    ],
    ids=str,
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        PatchBases(**{"n_components": 5, "patch_size": 4} | parameters).fit(images())


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((2, 3, 9)), "dim 3"),
        (np.zeros((0, 3, 9, 8)), "0 sample"),
        (np.full((2, 3, 9, 8), np.nan), "NaN"),
        (np.full((2, 3, 9, 8), 1e12), "pixels of at most 1e"),
        (images(shape=(3, 8, 9)), r"fitted to images \(3, 9, 8\), got \(3, 8, 9\)"),
        (images(shape=(1, 9, 8)), "72 features, but PatchBases is expecting 216"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(value.shape),
)
def test_bad_images(x, message):
    model = PatchBases(5, patch_size=4, random_state=0).fit(images())
    with pytest.raises(ValueError, match=message):
        model.transform(x)


def test_rows_that_are_no_images():
    with pytest.raises(
        ValueError, match=r"image_shape=\(3, 9, 8\) needs rows of C·H·W numbers, got rows of 10"
    ):
        PatchBases(2, image_shape=(3, 9, 8)).fit(np.zeros((4, 10)))
    with pytest.raises(ValueError, match="image_shape"):
        PatchBases(2, image_shape=(10,)).fit(np.zeros((4, 10)))


def test_constant_images():
    """Nothing to see: all features are finite and equal."""
    features = PatchBases(4, patch_size=3, random_state=0).fit_transform(np.full((6, 1, 7, 7), 9, np.uint8))
    assert np.isfinite(features).all()
    assert (features == features[0]).all()
