"""The best cut of every feature's histogram.

A node with gradient sum G and hessian sum H has the value v = −G / (H + λ), kept within its bounds; its share
of the loss is, to second order, G·v / 2.  A split gains  G·v − G_left·v_left − G_right·v_right.

Source: Friedman 2001, Greedy function approximation; Chen & Guestrin 2016, XGBoost, arXiv:1603.02754,
eq. 5–7; Fisher 1958, On grouping for maximum homogeneity, for the order of categories.
"""

from typing import NamedTuple

import numpy as np

from yuanli.kernels.codes import CODES
from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import choose

SUPPORT = 10.0  # rows that a category needs to be ordered, and that smooth its place: LightGBM's cat_smooth
NO_GAIN = -1.0
SCANS = 128  # features whose histograms are gone through sooner than other threads wake


class Rules(NamedTuple):
    """What a split must keep to; λ = l2."""

    min_samples_leaf: int
    min_hessian: float
    l2: float


def best_splits_numpy(histogram, units, features, monotonic, node, rules, out):
    """The best split of every feature, into out (F, 6): gain, cut, missing, and q_g, q_h, rows on the left.

    `histogram` (3, F, 256) are sums in `units`; `features` (F, 3) are bins, whether there are missing values,
    whether it is categorical; `node` are q_g, q_h, rows, value, lowest and highest value.  Codes 1 … cut go
    left, and 0 if `missing`; of a category, the first `cut` of `category_order`, and of its end if `missing`.
    The gain is −1 where no split keeps to the rules.
    """
    for f, (bins, has_missing, categorical) in enumerate(features):
        sums = histogram[:, f].astype(np.float64)
        if categorical:
            order = category_order(histogram[:, f], units, features[f], node)
            middle = (len(order) + 1) // 2
            ways = [(order[:middle], 0, 0), (order[::-1][: middle - 1], 0, 1)] if len(order) > 1 else []
        else:
            codes = np.arange(1, bins)
            ways = [(np.append(codes, bins) if has_missing else codes, 0, 0)] + [(codes, 1, 1)] * has_missing
        out[f] = NO_GAIN, 0, 0, 0, 0, 0
        for codes, with_missing, missing in ways:
            left = np.cumsum(sums[:, codes], axis=1) + with_missing * sums[:, :1]  # (3, cuts)
            right = np.asarray(node[:3])[:, None] - left
            gain = _gain_numpy(left, right, units, monotonic[f], node, rules)
            at = len(gain) - 1 - gain[::-1].argmax() if with_missing and len(gain) else 0
            if len(gain) and not with_missing:
                at = gain.argmax()
            if len(gain) and gain[at] > out[f, 0]:
                out[f] = gain[at], at + 1, missing, *left[:, at]


def _gain_numpy(left, right, units, monotonic, node, rules):
    unit_g, unit_h = units
    *total, value, low, high = node
    v_left, v_right = (
        np.clip(-g * unit_g / (h * unit_h + rules.l2 + 1e-15), low, high) for g, h, _ in (left, right)
    )
    gain = (total[0] * value - left[0] * v_left - right[0] * v_right) * unit_g
    kept = np.minimum(left[2], right[2]) >= rules.min_samples_leaf
    kept &= np.minimum(left[1], right[1]) * unit_h >= rules.min_hessian
    return np.where(kept & (monotonic * (v_right - v_left) >= 0), gain, NO_GAIN)


def category_order(sums, units, feature, node):
    """The codes with enough rows, by gradient over hessian: the best two groups are a prefix and the rest."""
    bins, has_missing, _ = feature
    codes = np.concatenate([np.arange(1, bins + 1), np.zeros(int(has_missing), np.int64)])
    g, h = sums[0, codes] * units[0], sums[1, codes] * units[1]
    kept = h * (node[2] / (node[1] * units[1])) >= SUPPORT
    return codes[kept][np.argsort(g[kept] / (h[kept] + SUPPORT), kind="stable")]


def _best_splits(histogram, units, features, monotonic, node, rules, out):
    scan = _scan_features.on_one if len(features) < SCANS else _scan_features
    scan(histogram, units, features, monotonic, node, rules, out)


@parallel
def _scan_features(thread, histogram, units, features, monotonic, node, rules, out):
    for f in share(thread, len(features)):
        best_split(histogram[:, f], units, features[f], monotonic[f], node, rules, out[f])


@jit
def best_split(sums, units, feature, monotonic, node, rules, out):
    """Of one feature, whose histogram is `sums` (3, CODES)."""
    bins, has_missing, categorical = feature
    out[0] = NO_GAIN
    if node[2] < 2 * rules.min_samples_leaf:
        return
    if categorical:
        _scan_category(sums, units, bins, has_missing, monotonic, node, rules, out)
        return
    left, gains = np.empty((3, CODES)), np.empty(CODES)
    for missing in range(1 + has_missing):
        _scan(sums, units, bins, has_missing, missing, monotonic, node, rules, left, gains, out)


@jit
def _scan(sums, units, bins, has_missing, missing, monotonic, node, rules, left, gains, out):
    """Cuts from low to high, with the missing values on the left or on the right."""
    cuts = max(bins + has_missing - missing - 1, 0)
    for field in range(3):
        total = sums[field, 0] if missing else 0
        for k in range(cuts):
            total += sums[field, k + 1]
            left[field, k] = total
    _gains(left, units, monotonic, node, rules, gains[:cuts])
    best, at = out[0], -1
    for k in range(cuts):
        if gains[k] > best or (missing and at >= 0 and gains[k] == best):  # of equals, the most left
            best, at = gains[k], k
    if at >= 0:
        out[0], out[1], out[2] = best, at + 1, missing
        out[3], out[4], out[5] = left[0, at], left[1, at], left[2, at]


@jit
def _gains(left, units, monotonic, node, rules, gains):
    """The gain of each cut: no branches, so that eight are found at a time."""
    least, total_h, total_n = rules.min_samples_leaf, node[1], node[2]
    for k in range(len(gains)):
        h, n = left[1, k], left[2, k]
        kept = (n >= least) & (h * units[1] >= rules.min_hessian)
        kept &= (total_n - n >= least) & ((total_h - h) * units[1] >= rules.min_hessian)
        gain = _gain(left[0, k], h, units, monotonic, node, rules.l2)
        gains[k] = gain if kept else NO_GAIN


@jit
def _scan_category(sums, units, bins, has_missing, monotonic, node, rules, out):
    """Groups of categories from either end of their order, up to its middle."""
    codes, place, count = np.empty(CODES, np.int64), np.empty(CODES), 0
    rows_a_hessian = node[2] / (node[1] * units[1])
    for k in range(1, bins + 1 + has_missing):
        code = k if k <= bins else 0
        h = sums[1, code] * units[1]
        if h * rows_a_hessian >= SUPPORT:
            codes[count], place[count] = code, sums[0, code] * units[0] / (h + SUPPORT)
            count += 1
    order = np.argsort(place[:count], kind="mergesort")
    for backward in range(2):
        g = h = n = 0.0
        for k in range((count + 1) // 2 - backward if count > 1 else 0):
            code = codes[order[count - 1 - k if backward else k]]
            g += sums[0, code]
            h += sums[1, code]
            n += sums[2, code]
            if n < rules.min_samples_leaf or h * units[1] < rules.min_hessian:
                continue
            if node[2] - n < rules.min_samples_leaf or (node[1] - h) * units[1] < rules.min_hessian:
                break
            gain = _gain(g, h, units, monotonic, node, rules.l2)
            if gain > out[0]:
                out[0], out[1], out[2] = gain, k + 1, backward
                out[3], out[4], out[5] = g, h, n


@jit
def _gain(g, h, units, monotonic, node, l2):
    other_g, other_h, low, high = node[0] - g, node[1] - h, node[4], node[5]
    left = np.divide(-g * units[0], h * units[1] + l2 + 1e-15)
    right = np.divide(-other_g * units[0], other_h * units[1] + l2 + 1e-15)
    left, right = min(max(left, low), high), min(max(right, low), high)
    gain = (node[0] * node[3] - g * left - other_g * right) * units[0]
    return NO_GAIN if monotonic * (right - left) < 0 else gain


best_splits = choose(best_splits_numpy, lambda: _best_splits)
