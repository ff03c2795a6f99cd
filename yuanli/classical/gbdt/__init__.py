"""Gradient boosting on histograms: a file for each stage."""

from yuanli.classical.gbdt.boosting import HistGradientBoostingClassifier, HistGradientBoostingRegressor

__all__ = ["HistGradientBoostingClassifier", "HistGradientBoostingRegressor"]
