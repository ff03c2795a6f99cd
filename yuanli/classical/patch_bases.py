"""Image features from bases that small patches of images are made of; from natural images they are edges."""

import math
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from yuanli.classical.base import check_choice, check_integer, check_real, whole
from yuanli.classical.dictionary import k_means, sparse_coding
from yuanli.errors import ShapeError, ValueRangeError
from yuanli.kernels.matmul import matmul
from yuanli.kernels.patches import threshold, triangle

LARGEST = 1e9  # pixels; the squares of larger ones leave float32
SCORES = 1 << 22  # scores held at a time, so that they stay in the last-level cache


class PatchBases(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Images -> how much of each learned base is in each of pool × pool regions.

    A patch x becomes p = (x − mean)/√(variance + contrast), and w = (p − mean of p)·V(Λ + whitening)^-½Vᵀ.
    From many w bases b are learned: method="kmeans", centres, activations max(0, mean distance − distance);
    "sparse": sparse coding, max(0, w·b − alpha) and max(0, −w·b − alpha).  Features are sums over regions.
    Shapes: (N, C, H, W), or rows with image_shape=(C, H, W), else one pixel high → (N, pool² · bases).
    Source: Coates, Lee & Ng 2011, Single-Layer Networks in Unsupervised Feature Learning, section 3;
    Coates & Ng 2011, The Importance of Encoding Versus Training with Sparse Coding, section 3.
    """

    def __init__(
        self,
        n_components: int = 400,
        *,
        patch_size: int = 6,
        method: str = "kmeans",
        pool: int = 2,
        n_patches: int = 100_000,
        max_iter: int = 20,
        contrast: float = 10.0,
        whitening: float = 0.1,
        alpha: float = 0.25,
        image_shape: tuple[int, int, int] | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.patch_size = patch_size
        self.method = method
        self.pool = pool
        self.n_patches = n_patches
        self.max_iter = max_iter
        self.contrast = contrast
        self.whitening = whitening
        self.alpha = alpha
        self.image_shape = image_shape
        self.random_state = random_state

    @whole
    def fit(self, X: Any, y: Any = None) -> Self:
        for name in ("n_components", "patch_size", "pool", "n_patches", "max_iter"):
            check_integer(self, name, 1)
        for name in ("contrast", "whitening"):
            check_real(self, name, 0, open_low=True)
        check_real(self, "alpha", 0)
        check_choice(self, "method", ("kmeans", "sparse"))
        images = self._images(X, reset=True)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(1 << 31))
        patches = self._some_patches(images, rng)
        self.mean_ = patches.mean(0)
        covariance = np.atleast_2d(np.cov(patches, rowvar=False, bias=True))
        variances, directions = np.linalg.eigh(covariance)
        scale = 1 / np.sqrt(np.maximum(variances, 0) + self.whitening)
        self.whitening_ = ((directions * scale) @ directions.T).astype(patches.dtype)
        white = (patches - self.mean_) @ self.whitening_
        if self.method == "kmeans":
            self.components_, self.n_iter_ = k_means(white, self.n_components, self.max_iter, rng)
        else:
            self.components_ = sparse_coding(white, self.n_components, self.alpha, self.max_iter, rng)
            self.n_iter_ = self.max_iter
        return self

    def transform(self, X: Any) -> np.ndarray:
        """(N, C, H, W), or rows -> features (N, regions · bases)."""
        check_is_fitted(self)
        images = self._images(X, reset=False)
        basis = np.ascontiguousarray(self.components_.T)
        lengths = (basis * basis).sum(0)
        each = self._windows(images[:1]).shape[1:3]
        pool = tuple(min(self.pool, length) for length in each)
        features = np.empty((len(images), self._n_features_out), basis.dtype)
        many = max(1, SCORES // (each[0] * each[1] * len(lengths)))
        for first in range(0, len(images), many):
            windows = self._windows(images[first : first + many])
            patches = self._normalised(windows.reshape(-1, len(self.mean_))) - self.mean_
            white = matmul(patches, self.whitening_)
            scores = matmul(white, basis).reshape(*windows.shape[:3], len(lengths))
            if self.method == "kmeans":
                squares = (white * white).sum(1).reshape(windows.shape[:3])
                pooled = triangle(scores, squares, lengths, pool)
            else:
                pooled = threshold(scores, self.alpha, pool)
            features[first : first + many] = pooled.reshape(len(windows), -1)
        return features

    def _images(self, X: Any, *, reset: bool) -> np.ndarray:
        """X as images (N, C, H, W): bytes and floats as they are, all else as float64."""
        X = X if issparse(X) else np.asarray(X)
        shape = X.shape[1:] if X.ndim == 4 else self.image_shape
        kind = None if X.dtype == np.uint8 else (np.float64, np.float32)
        rows = X.reshape(len(X), math.prod(X.shape[1:])) if X.ndim == 4 else X
        rows = validate_data(self, rows, dtype=kind, order="C", reset=reset)
        shape = tuple(shape or (1, 1, rows.shape[1]))
        if len(shape) != 3 or math.prod(shape) != rows.shape[1]:
            raise ShapeError(f"image_shape={shape} needs rows of C·H·W numbers, got rows of {rows.shape[1]}")
        if reset:
            self.image_shape_ = shape
        elif shape != self.image_shape_:
            raise ShapeError(f"PatchBases was fitted to images {self.image_shape_}, got {shape}")
        if kind and np.abs(rows).max() > LARGEST:
            raise ValueRangeError(
                f"PatchBases needs pixels of at most {LARGEST:g}, got {np.abs(rows).max():g}"
            )
        return rows.reshape(-1, *shape)

    def _windows(self, images: np.ndarray) -> np.ndarray:
        """(N, C, H, W) -> every patch (N, H', W', C, h, w), a view; no larger than the image."""
        size = tuple(min(self.patch_size, length) for length in images.shape[2:])
        return sliding_window_view(images, size, axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)

    def _some_patches(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(n, D): all patches, or n_patches of them drawn at random, contrast-normalised."""
        windows = self._windows(images)
        places = math.prod(windows.shape[:3])
        if min(places, self.n_patches) < self.n_components:
            raise ValueRangeError(
                f"n_components={self.n_components} needs as many patches, and n_samples={len(images)} images "
                f"of {self.image_shape_} with n_patches={self.n_patches} give {min(places, self.n_patches)}"
            )
        chosen = np.arange(places)
        if places > self.n_patches:
            chosen = np.sort(rng.choice(places, self.n_patches, replace=False))
        patches = windows[np.unravel_index(chosen, windows.shape[:3])]
        return self._normalised(patches.reshape(len(patches), -1))

    def _normalised(self, patches: np.ndarray) -> np.ndarray:
        """(p − mean)/√(variance + contrast) of each row."""
        kind = np.result_type(patches.dtype, np.float32)
        centred = patches - patches.mean(1, keepdims=True, dtype=kind)
        variance = (centred * centred).mean(1, keepdims=True)
        return centred / np.sqrt(variance + kind.type(self.contrast))

    @property
    def _n_features_out(self) -> int:
        size = (min(self.patch_size, length) for length in self.image_shape_[1:])
        regions = (
            min(self.pool, length - s + 1) for length, s in zip(self.image_shape_[1:], size, strict=True)
        )
        return math.prod(regions) * len(self.components_) * (2 if self.method == "sparse" else 1)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
