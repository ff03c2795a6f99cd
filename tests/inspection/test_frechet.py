"""The Fréchet distance, against SciPy's matrix root and closed forms."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from yuanli.errors import ShapeError
from yuanli.inspection.frechet import frechet_distance


def test_equals_the_formula_with_scipys_root():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((200, 6)) @ rng.standard_normal((6, 6))
    b = rng.standard_normal((150, 6)) @ rng.standard_normal((6, 6)) + 1
    ca, cb = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-8)


def test_of_numbers_it_is_the_distance_of_means_and_deviations():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((50, 1)) * 3, rng.standard_normal((70, 1)) + 5
    expected = (a.mean() - b.mean()) ** 2 + (a.std(ddof=1) - b.std(ddof=1)) ** 2
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)


def test_the_same_features_are_not_apart_even_when_some_are_constant():
    a = np.random.default_rng(2).standard_normal((40, 5))
    a[:, 3] = 7
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, a + 2) == pytest.approx(5 * 4, rel=1e-9)


@pytest.mark.parametrize("shapes", [((3, 2), (3, 4)), ((1, 2), (3, 2)), ((3,), (3,))])
def test_features_need_one_width_and_two_rows(shapes):
    with pytest.raises(ShapeError, match="Fréchet"):
        frechet_distance(*(np.ones(shape) for shape in shapes))
