"""Classical learners under scikit-learn's names and conventions: they fit its pipelines, splits and searches.

Importing this part imports scikit-learn.  Every estimator is saved and loaded without pickle by `save` and
`load`; `ESTIMATORS` are the classes a file may name.
"""

from yuanli.classical.knn import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestNeighbors,
    choose_n_neighbors,
)
from yuanli.classical.storage import load, save

ESTIMATORS = (KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors)

__all__ = [
    "ESTIMATORS",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "NearestNeighbors",
    "choose_n_neighbors",
    "load",
    "save",
]
