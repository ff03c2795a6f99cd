"""Classical learners under scikit-learn's names and conventions: they fit its pipelines, splits and searches.

Importing this part imports scikit-learn.  Every estimator is saved and loaded without pickle by `save` and
`load`; `ESTIMATORS` are the classes a file may name.
"""

from yuanli.classical.boosting import GradientBoostingClassifier, GradientBoostingRegressor
from yuanli.classical.gbdt import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from yuanli.classical.knn import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestNeighbors,
    choose_n_neighbors,
)
from yuanli.classical.linear import LinearClassifier
from yuanli.classical.linear_svc import LinearSVC
from yuanli.classical.logistic import LogisticRegression
from yuanli.classical.neural import NeuralClassifier, NeuralRegressor
from yuanli.classical.patch_bases import PatchBases
from yuanli.classical.perceptron import Perceptron
from yuanli.classical.storage import load, save
from yuanli.classical.svm import SVC, SVR
from yuanli.classical.trees import DecisionTreeClassifier, DecisionTreeRegressor

ESTIMATORS = (
    KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors, PatchBases,
    LinearClassifier, LinearSVC, LogisticRegression, Perceptron, SVC, SVR,
    DecisionTreeClassifier, DecisionTreeRegressor, GradientBoostingClassifier, GradientBoostingRegressor,
    HistGradientBoostingClassifier, HistGradientBoostingRegressor, NeuralClassifier, NeuralRegressor,
)  # fmt: skip

__all__ = [
    "ESTIMATORS",
    "SVC",
    "SVR",
    "DecisionTreeClassifier",
    "DecisionTreeRegressor",
    "GradientBoostingClassifier",
    "GradientBoostingRegressor",
    "HistGradientBoostingClassifier",
    "HistGradientBoostingRegressor",
    "KNeighborsClassifier",
    "KNeighborsRegressor",
    "LinearClassifier",
    "LinearSVC",
    "LogisticRegression",
    "NearestNeighbors",
    "NeuralClassifier",
    "NeuralRegressor",
    "PatchBases",
    "Perceptron",
    "choose_n_neighbors",
    "load",
    "save",
]
