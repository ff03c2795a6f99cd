"""Codes, packed gradients, histograms, splits and trees: compiled against twins, twins against plain sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yuanli.kernels import codes as byte_codes
from yuanli.kernels import histograms, partition, tree_children, tree_growth, tree_values
from yuanli.kernels.codes import CODES, STRETCH, row_bytes
from yuanli.kernels.histograms import FEW, GROUP, Rows
from yuanli.kernels.packing import BLOCK, NEAREST, pack_numpy


def a_table(seed, rows=600, features=6):
    """Values with missing ones, whose last two features are categories, and how they become codes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype(rng.choice([np.float32, np.float64]))
    x[:, -2:] = rng.integers(0, 12, (rows, 2))
    x[rng.random(x.shape) < 0.1] = np.nan
    x.flat[rng.integers(0, x.size, 4)] = [np.inf, -np.inf, 1e30, 0]
    edges = np.full((features, CODES), np.inf)
    bins = np.empty(features, np.int64)
    categorical = np.arange(features) >= features - 2
    for f in range(features):
        found = np.unique(
            rng.normal(size=rng.integers(0, 254)) if f < features - 2 else rng.integers(0, 12, 9)
        )
        edges[f, : len(found)] = found.astype(x.dtype)
        bins[f] = len(found) + (not categorical[f])
    return x, edges, bins, categorical


def gradients(seed, rows):
    rng = np.random.default_rng(seed)
    return rng.normal(size=rows).astype(np.float32), rng.random(rows).astype(np.float32)


@pytest.mark.parametrize("seed", range(6))
def test_codes_count_the_edges_below(seed):
    x, edges, bins, categorical = a_table(seed)
    codes = byte_codes.encode(x, edges, bins, categorical)
    np.testing.assert_array_equal(codes, byte_codes.encode_numpy(x, edges, bins, categorical))
    for i, f in np.ndindex(40, x.shape[1]):
        below = int((edges[f] < x[i, f]).sum())
        code = 1 + below if x[i, f] == x[i, f] else 0
        if categorical[f] and x[i, f] not in edges[f, : bins[f]]:
            code = 0
        assert codes[i, f] == code
    np.testing.assert_array_equal(byte_codes.transpose(codes, x.shape[1]), codes[:, : x.shape[1]].T)


def a_table_of_codes(rows, features, seed=0):
    """Of which one feature has so many rows in one bin that their packed sums are taken apart."""
    codes = np.random.default_rng(seed).integers(0, CODES, (rows, row_bytes(features))).astype(np.uint8)
    codes[:, features - 2] = 7
    return Rows(codes, byte_codes.transpose(codes, features), np.empty(rows, np.int64), rows)


@pytest.mark.parametrize("rows", [1, 600, NEAREST + 1])
def test_packed_gradients_are_right_to_a_unit(rows):
    g, h = gradients(rows, rows)
    packed = np.empty(rows, np.int64)
    units = pack_numpy(g, h, 5, packed)
    assert ((packed & ((1 << 13) - 1)) == 1).all()
    fields = packed >> 38, (packed >> 13) & ((1 << 25) - 1)
    for v, q, u in zip((g, h), fields, units, strict=True):
        off = q * u - v.astype(np.float64)
        assert np.abs(off).max() <= (u / 2 if rows <= NEAREST else u)
        assert np.log2(u) % 1 == 0
        assert abs(off.sum()) <= 3 * u * np.sqrt(rows)  # right on average
    assert units[0] <= np.abs(g).mean() / 256 or rows > NEAREST


@pytest.mark.parametrize("rows", [0, 1, 700, FEW + 1, NEAREST + 1])
@pytest.mark.parametrize("features", [3, 8, GROUP + 5])
def test_the_first_histogram_is_the_twins(rows, features):
    table, twin = a_table_of_codes(rows, features), a_table_of_codes(rows, features)
    room, sums = histograms.room_for(features), np.empty((2, 3, features, CODES), np.int64)
    units = histograms.first_histogram(table, *gradients(1, rows), 5, room, sums[0])
    assert units == histograms.first_histogram_numpy(twin, *gradients(1, rows), 5, room, sums[1])
    np.testing.assert_array_equal(table.packed, twin.packed)
    np.testing.assert_array_equal(*sums)
    for f in (0, features - 1):
        expected = np.bincount(table.codes[:, f], (table.packed >> 38).astype(float), CODES)
        np.testing.assert_array_equal(sums[0, 0, f], expected)


def test_what_is_not_finite_has_no_unit():
    for bad in (np.inf, np.nan):
        g, h = gradients(0, FEW)
        g[7] = bad
        table, out = a_table_of_codes(FEW, 3), np.empty((3, 3, CODES), np.int64)
        for first in (histograms.first_histogram, histograms.first_histogram_numpy):
            assert np.isnan(first(table, g, h, 0, histograms.room_for(3), out)[0])


@pytest.mark.parametrize("value", [1.0, -1.0, 3e38, -1e-40])
def test_sums_of_the_largest_gradients_do_not_overflow(value):
    rows = 5 * BLOCK + 3
    g, h = np.full(rows, value, np.float32), np.full(rows, abs(value), np.float32)
    table = a_table_of_codes(rows, 2)
    table.columns[1] = table.codes[:, 1] = 1
    out = np.empty((3, 2, CODES), np.int64)
    units = histograms.first_histogram(table, g, h, 0, histograms.room_for(2), out)
    sums = out[:2, 1, 1] * np.array(units)
    np.testing.assert_allclose(sums, [rows * float(g[0]), rows * float(h[0])], rtol=1e-3)
    assert out[2, 1, 1] == rows == out[2].sum() // 2


def test_sums_that_need_no_looking_after():
    """Once it is known that no code has more than BLOCK rows, sums are taken apart at the end only."""
    rows = 20 * BLOCK
    table, h = a_table_of_codes(rows, 4), np.ones(rows, np.float32)
    table.columns[2] = table.codes[:, 2] = np.arange(rows) % 20  # BLOCK rows each
    out = np.empty((2, 3, 4, CODES), np.int64)
    most = max(np.bincount(column).max() for column in table.columns)
    assert most == BLOCK
    for some, known in zip(out, (table, table._replace(most=most)), strict=True):
        histograms.first_histogram(known, -h, h, 0, histograms.room_for(4), some)
    np.testing.assert_array_equal(*out)


def a_node(seed):
    """A table with its units, what its features are, directions and rules."""
    rng = np.random.default_rng(seed)
    rows, features = int(rng.integers(20, 3000)), 6
    bins = rng.integers(1, 255, features)
    kinds = np.stack([bins, rng.integers(0, 2, features), [0, 0, 0, 0, 1, 1]], axis=1).astype(np.int64)
    codes = np.zeros((rows, 16), np.uint8)
    for f, (count, missing, _) in enumerate(kinds):
        codes[:, f] = rng.integers(0 if missing else 1, count + 1, rows)
    table = Rows(codes, byte_codes.transpose(codes, features), np.empty(rows, np.int64), rows)
    units = pack_numpy(*gradients(seed, rows), 0, table.packed)
    rules = tree_growth.Rules(int(rng.integers(1, 20)), 1e-3, float(rng.integers(0, 2)))
    return table, units, kinds, rng.integers(-1, 2, features).astype(np.int8), rules


def vector(sums, units, rules, bounds):
    """A node as `best_splits` takes it, from its histogram."""
    total = sums[:, 0].sum(1)
    value = np.clip(-total[0] * units[0] / (total[1] * units[1] + rules.l2), *bounds)
    return np.array([*total, value, *bounds])


def same_splits(out, twin):
    found = twin[..., 0] > 0
    np.testing.assert_array_equal(out[..., 0] > 0, found)
    np.testing.assert_allclose(out[found][:, 0], twin[found][:, 0], rtol=1e-9)
    np.testing.assert_array_equal(out[found][:, 1:], twin[found][:, 1:])


@pytest.mark.parametrize("bounds", [(-np.inf, np.inf), (-0.05, 0.03)])
@pytest.mark.parametrize("seed", range(10))
def test_the_best_splits_are_the_twins(seed, bounds):
    table, units, kinds, monotonic, rules = a_node(seed)
    sums = np.empty((3, 6, CODES), np.int64)
    histograms.histogram_numpy(table, slice(None), sums)
    node = vector(sums, units, rules, bounds)
    for directions in (monotonic * (kinds[:, 2] == 0), np.zeros(6, np.int8)):
        out, twin = np.full((2, 6, 6), 7.0)
        arguments = (sums, units, kinds, directions.astype(np.int8), node, rules)
        tree_growth.best_splits(*arguments, out)
        tree_growth.best_splits_numpy(*arguments, twin)
        same_splits(out, twin)


@pytest.mark.parametrize("share", [0.5, 0.3, 0.01])
@pytest.mark.parametrize("features", [3, 8, GROUP + 5])
@pytest.mark.parametrize("rows", [2, 700, 10 * FEW])
def test_children_are_known_by_their_rows(share, features, rows):
    """Against histograms of their own rows, and the splits of these."""
    table, kinds = a_table_of_codes(rows, features), np.tile(np.array([[CODES - 1, 1, 0]]), (features, 1))
    kinds[-1, 2] = 1
    g, h = gradients(1, rows)
    units = pack_numpy(g + table.codes[:, 0] / 99, h, 0, table.packed)
    chosen = np.random.default_rng(0).random(rows) < share
    chosen[[0, -1]] = True, False
    everything, sums = np.arange(rows, dtype=np.uint32), np.empty((3, 3, features, CODES), np.int64)
    for index, out in zip((everything, everything[chosen], everything[~chosen]), sums, strict=True):
        histograms.histogram_numpy(table, index, out)
    rules, monotonic = tree_growth.Rules(5, 1e-3, 1.0), np.zeros(features, np.int8)
    nodes = np.array([vector(s, units, rules, (-np.inf, np.inf)) for s in sums[1:]])
    twin, room = np.empty((2, features, 6)), histograms.room_for(features)
    for histogram, node, out in zip(sums[1:], nodes, twin, strict=True):
        tree_growth.best_splits_numpy(histogram, units, kinds, monotonic, node, rules, out)
    assert (twin[1, 0, 0] > 0) == (rows > 2)
    for find in (tree_children.children, tree_children.children_numpy):
        small, large, out = np.empty_like(sums[0]), sums[0].copy(), np.full(twin.shape, 7.0)
        find(table, everything[chosen], room, small, large, units, kinds, monotonic, nodes, rules, out)
        np.testing.assert_array_equal([small, large], sums[1:])
        same_splits(out, twin)


def test_the_best_group_of_categories_is_found():
    """Against all 2⁷ groups; a group's gain is Σ G² / H less the node's."""
    rng = np.random.default_rng(0)
    sums = np.zeros((3, 1, CODES), np.int64)
    sums[0, 0, 1:9] = rng.integers(-10_000, 10_000, 8)
    sums[1:, 0, 1:9] = 1_000_000  # so many rows that smoothing (10) does not change the order
    total = sums[:, 0].sum(1)
    node = np.array([*total, -total[0] / total[1], -np.inf, np.inf])
    kinds, rules, out = np.array([[8, 0, 1]]), tree_growth.Rules(1, 1e-3, 0.0), np.empty((1, 6))
    tree_growth.best_splits(sums, (1.0, 1.0), kinds, np.zeros(1, np.int8), node, rules, out)
    groups = [np.flatnonzero([k >> c & 1 for c in range(8)]) + 1 for k in range(1, 255)]
    sides = [(sums[:, 0, group].sum(1), total - sums[:, 0, group].sum(1)) for group in groups]
    gains = [a[0] ** 2 / a[1] + b[0] ** 2 / b[1] - total[0] ** 2 / total[1] for a, b in sides]
    np.testing.assert_allclose(out[0, 0], max(gains), rtol=1e-6)


@pytest.mark.parametrize("rows", [1, 16, 500, partition.MANY + 19])
def test_partition_keeps_the_order(rows):
    rng = np.random.default_rng(rows)
    codes = rng.integers(0, CODES, 2 * rows).astype(np.uint8)
    index = np.sort(rng.choice(2 * rows, rows, replace=False)).astype(np.uint32)
    for goes_left in (rng.integers(0, 2, CODES), np.zeros(CODES), np.ones(CODES)):
        goes = goes_left[codes[index]] > 0
        out, twin = np.zeros((2, rows), np.uint32)
        left = int(goes.sum())
        partition.partition(codes, index, goes_left.astype(np.uint8), left, out)
        partition.partition_numpy(codes, index, goes_left.astype(np.uint8), left, twin)
        np.testing.assert_array_equal(out, twin)
        np.testing.assert_array_equal(out, [*index[goes], *index[~goes]])


@pytest.mark.parametrize("rows", [1, 515, 2 * STRETCH])
def test_leaves_and_gradients(rows):
    rng = np.random.default_rng(rows)
    y, raw = rng.integers(0, 2, rows).astype(float), rng.normal(size=rows) * 30
    index = rng.permutation(rows).astype(np.uint32)
    bounds, value = np.array([0, rows // 3, rows]) if rows > 2 else np.array([0, rows]), rng.normal(size=2)
    value = value[: len(bounds) - 1]
    g, h, twin_g, twin_h = np.empty((4, rows), np.float32)
    tree_values.logistic_gradients(y, raw, g, h)
    tree_values.logistic_gradients_numpy(y, raw, twin_g, twin_h)
    wide_g, wide_h = np.empty((2, rows))
    tree_values.logistic_gradients_numpy(y, raw, wide_g, wide_h)
    np.testing.assert_allclose(wide_g, 1 / (1 + np.exp(-raw)) - y, atol=1e-15)
    for found, twin, wide in ((g, twin_g, wide_g), (h, twin_h, wide_h)):
        np.testing.assert_allclose(found, wide, rtol=1e-5, atol=1e-36)
        np.testing.assert_allclose(twin, wide, rtol=1e-5, atol=1e-36)
    sums = tree_values.leaf_sums(g, h, index, bounds)
    np.testing.assert_allclose(sums, tree_values.leaf_sums_numpy(g, h, index, bounds), rtol=1e-9)
    found, twin = raw.copy(), raw.copy()
    tree_values.add_leaves(found, index, bounds, value)
    tree_values.add_leaves_numpy(twin, index, bounds, value)
    np.testing.assert_array_equal(found, twin)
    assert found[index[0]] == raw[index[0]] + value[0]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 70))
def test_trees_take_rows_to_their_leaves(seed, rows):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, CODES, (rows, 16)).astype(np.uint8)
    tables = rng.integers(0, 256, (10, 32)).astype(np.uint8)
    feature = rng.integers(0, 16, 10)
    cut, missing_left, table = (
        rng.integers(1, 255, 10),
        rng.integers(0, 2, 10) > 0,
        rng.integers(0, 2, 10) > 0,
    )
    left = np.array([1, 3, 2, 3, 5, 5, 6, 0, 1, 2])  # a tree of depth 3, 7 nodes, and one of depth 1
    leaf = np.isin(np.arange(10), [2, 3, 5, 6, 8, 9])
    left[[7, 8, 9]] = [1, 1, 2]
    cut, missing_left, table = np.where(leaf, 255, cut), missing_left | leaf, table & ~leaf
    nodes = tree_values.pack_nodes(feature, cut, missing_left, table, left)
    value, start, depth = rng.normal(size=10), np.array([0, 7]), np.array([3, 1])
    out, twin, plain = np.zeros((3, rows, 1))
    tree_values.add_trees(codes, nodes, tables, start, depth, value, out)
    tree_values.add_trees_numpy(codes, nodes, tables, start, depth, value, twin)
    for i, (root, at) in ((i, (root, root)) for i in range(rows) for root in start):
        while not leaf[at]:
            code = codes[i, feature[at]]
            goes_left = (code <= cut[at]) if code else missing_left[at]
            if table[at]:
                goes_left = np.unpackbits(tables[at])[code]
            at = root + left[at] + (not goes_left)
        plain[i, 0] += value[at]
    np.testing.assert_array_equal(out, twin)
    np.testing.assert_allclose(out, plain, rtol=1e-12, atol=1e-12)
