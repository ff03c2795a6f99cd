"""Sums down the columns of a matrix, which is what normalising channels-last images takes."""

import numpy as np

from yuanli.kernels.dispatch import choose


def column_sums_numpy(x):
    """s[c] = Σₘ x[m, c], as a product with a row of ones: faster than sum(0), and no less exact"""
    return np.ones(len(x), x.dtype) @ x


column_sums = choose(column_sums_numpy)
