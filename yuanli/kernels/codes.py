"""Codes of one byte for the features of a table, row by row and column by column.

0 is a missing value, 1 … bins the rest.
"""

import numpy as np

from yuanli.kernels.compiler import numba, parallel, share
from yuanli.kernels.dispatch import choose
from yuanli.kernels.memory import empty

if numba:
    from yuanli.kernels.simd import address_of, count_smaller

CODES = 256  # of a feature: 0 is missing
LEAP = 16  # its square is CODES
STRETCH = 8192  # rows that one thread works off at a time


def encode_numpy(x, edges, bins, categorical):
    """codes[i, f] = 1 + #{edges[f] < x[i, f]}, 0 for nan; a category is its own edge, others missing."""
    codes = np.zeros((len(x), row_bytes(x.shape[1])), np.uint8)
    for f in range(x.shape[1]):
        inner = edges[f, : bins[f] - (not categorical[f])]
        place = np.searchsorted(inner, x[:, f])
        known = ~np.isnan(x[:, f])
        if categorical[f]:
            known &= np.append(inner, np.nan)[place] == x[:, f]
        codes[:, f] = np.where(known, place + 1, 0)
    return codes


def row_bytes(features):
    """Bytes from one row's codes to the next row's: cache lines are shared by whole rows only."""
    return 16 if features <= 16 else -(-features // 32) * 32


def transpose_numpy(codes, features):
    """The codes of each feature side by side."""
    return np.ascontiguousarray(codes[:, :features].T)


def _encode(x, edges, bins, categorical):
    codes = empty((len(x), row_bytes(x.shape[1])), np.uint8)
    _encode_stretches(x, edges.astype(x.dtype), bins, categorical, codes)
    return codes


def _transpose(codes, features):
    columns = empty((features, len(codes)), np.uint8)
    _transpose_stretches(codes, columns)
    return columns


@parallel
def _encode_stretches(thread, x, edges, bins, categorical, codes):
    """Sixteen comparisons at a time: which sixteenths of the edges to leap over, and how many edges then."""
    landings = np.empty(LEAP, x.dtype)
    for stretch in share(thread, -(-len(x) // STRETCH)):
        first, last = stretch * STRETCH, min(len(x), (stretch + 1) * STRETCH)
        for f in range(x.shape[1]):
            inner = edges[f]
            for k in range(LEAP):
                landings[k] = inner[LEAP * k + LEAP - 1]
            for i in range(np.uint64(first), np.uint64(last)):
                value = x[i, np.uint64(f)]
                leaps = count_smaller(address_of(landings), value, LEAP)  # the last edge is infinite
                here = address_of(inner) + np.int64(leaps) * LEAP * x.itemsize
                place = leaps * np.uint64(LEAP) + count_smaller(here, value, LEAP)
                known = value == value  # false for nan
                if categorical[f]:
                    known = known & (inner[place] == value) & (place < np.uint64(bins[f]))
                codes[i, np.uint64(f)] = np.uint8(place + np.uint64(1)) if known else np.uint8(0)
        for f in range(x.shape[1], codes.shape[1]):
            for i in range(first, last):
                codes[i, f] = 0


@parallel
def _transpose_stretches(thread, codes, columns):
    for stretch in share(thread, -(-len(codes) // 1024)):
        first, last = stretch * 1024, min(len(codes), (stretch + 1) * 1024)
        for f in range(len(columns)):
            for i in range(first, last):
                columns[f, i] = codes[i, f]


encode = choose(encode_numpy, lambda: _encode)
transpose = choose(transpose_numpy, lambda: _transpose)
