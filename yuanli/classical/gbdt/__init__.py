"""Gradient boosting on histograms: a file for each stage."""

from yuanli.classical.gbdt.estimators import HistGradientBoostingClassifier, HistGradientBoostingRegressor

__all__ = ["HistGradientBoostingClassifier", "HistGradientBoostingRegressor"]
