"""Data sets, preprocessing and batches.  `preprocess`, which loads scikit-learn, is imported by name."""

from yuanli.data.catalog import load, names
from yuanli.data.dataset import Dataset, Feature, Split

__all__ = ["Dataset", "Feature", "Split", "load", "names"]
