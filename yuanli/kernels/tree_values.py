"""Trees at work: from codes to values, from leaves to rows, and the gradient of the log loss.

A node is one 64-bit number: its feature in bits 0–19, a cut in 20–27, in bit 28 whether missing values go
right, in bit 29 whether it is a table of codes, and its left child in bits 32–63; the right one follows that.
A leaf is a node whose every code goes left, to itself: all rows then take as many steps as the tree is deep,
and none waits for a branch.
"""

import numpy as np

from yuanli.kernels.codes import STRETCH
from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import choose
from yuanli.kernels.exponential import exponential

CUT_AT, MISSING_RIGHT_AT, TABLE_AT, LEFT_AT = 20, 28, 29, 32
FEATURES = 1 << CUT_AT  # that a node can tell apart
PARTS = 64  # of every leaf, for the threads to share; fixed, so that sums do not depend on their number
ROWS = 512  # whose codes stay in the cache while they pass through all trees


def pack_nodes(feature, cut, missing_left, table, left):
    """The nodes as numbers; `left` counts from the tree's root.  Numeric nodes have cuts from 1 on."""
    rotated = ~missing_left & ~table
    fields = (feature, cut - rotated, rotated, table, left)
    places = (0, CUT_AT, MISSING_RIGHT_AT, TABLE_AT, LEFT_AT)
    return sum(f.astype(np.uint64) << np.uint64(at) for f, at in zip(fields, places, strict=True))


def add_trees_numpy(codes, nodes, tables, start, depth, value, out):
    """out[i, t mod K] += the value of the leaf that row i reaches in tree t; tables are bits (nodes, 32)."""
    for t, deep in enumerate(depth):
        at = np.full(len(codes), start[t])
        for _ in range(deep):
            node = nodes[at]
            code = codes[np.arange(len(codes)), node & np.uint64(FEATURES - 1)].astype(np.uint64)
            rotated = (code - (node >> np.uint64(MISSING_RIGHT_AT) & np.uint64(1))) & np.uint64(255)
            right = rotated > (node >> np.uint64(CUT_AT) & np.uint64(255))
            bit = (tables[at, code >> np.uint64(3)] >> (np.uint64(7) - code % np.uint64(8))) & np.uint64(1)
            right = np.where(node >> np.uint64(TABLE_AT) & np.uint64(1), bit == 0, right)
            at = start[t] + (node >> np.uint64(LEFT_AT)).astype(np.int64) + right
        out[:, t % out.shape[1]] += value[at]


def add_leaves_numpy(raw, index, bounds, value):
    """raw[i] += the value of the leaf row i is in: leaf k has the rows index[bounds[k] : bounds[k + 1]]."""
    raw[index] += np.repeat(value, np.diff(bounds))


def leaf_sums_numpy(gradient, hessian, index, bounds):
    """(2, leaves): the sums of the gradients and of the hessians of each leaf's rows."""
    rows = np.stack([gradient[index], hessian[index]]).astype(np.float64)
    return np.add.reduceat(rows, bounds[:-1], axis=1)


def logistic_gradients_numpy(y, raw, gradient, hessian):
    """g = p − y, h = p·(1 − p) with p = 1 / (1 + e^−raw), in place; y is 0 or 1."""
    e = np.exp(-np.abs(raw)).astype(gradient.dtype)
    less, more = e / (1 + e), 1 / (1 + e)
    p, q = np.where(raw < 0, less, more), np.where(raw < 0, more, less)
    gradient[:] = np.where(y > 0, -q, p)
    hessian[:] = p * q


def _add_trees(codes, nodes, tables, start, depth, value, out):
    _add_trees_to_stretches(codes.reshape(-1), codes.shape[1], nodes, tables, start, depth, value, out)


def _add_leaves(raw, index, bounds, value):
    if len(index) < STRETCH:
        add_leaves_numpy(raw, index, bounds, value)
    else:
        _add_leaves_in_parts(raw, index, bounds, value)


def _leaf_sums(gradient, hessian, index, bounds):
    if len(index) < STRETCH:
        return leaf_sums_numpy(gradient, hessian, index, bounds)
    sums = np.empty((PARTS, 2, len(bounds) - 1))
    _leaf_sums_in_parts(gradient, hessian, index, bounds, sums)
    return sums.sum(0)


def _logistic_gradients(y, raw, gradient, hessian):
    if len(raw) < STRETCH or gradient.dtype != np.float32:
        logistic_gradients_numpy(y, raw, gradient, hessian)
    else:
        _logistic_stretches(y, raw, gradient, hessian)


@parallel
def _add_trees_to_stretches(thread, codes, row_bytes, nodes, tables, start, depth, value, out):
    rows, outputs = out.shape
    for stretch in share(thread, -(-rows // ROWS)):
        first, last = stretch * ROWS, min(rows, (stretch + 1) * ROWS)
        for t in range(len(depth)):
            root, column = np.uint64(start[t]), t % outputs
            for i in range(first, last - 3, 4):  # four at a time: none waits for its own last step
                at = np.uint64(i) * np.uint64(row_bytes)
                a = b = c = d = root
                for _ in range(depth[t]):
                    a = root + _next(nodes, tables, codes, at, a)
                    b = root + _next(nodes, tables, codes, at + np.uint64(row_bytes), b)
                    c = root + _next(nodes, tables, codes, at + np.uint64(2 * row_bytes), c)
                    d = root + _next(nodes, tables, codes, at + np.uint64(3 * row_bytes), d)
                out[i, column] += value[a]
                out[i + 1, column] += value[b]
                out[i + 2, column] += value[c]
                out[i + 3, column] += value[d]
            for i in range(last - (last - first) % 4, last):
                a = root
                for _ in range(depth[t]):
                    a = root + _next(nodes, tables, codes, np.uint64(i) * np.uint64(row_bytes), a)
                out[i, column] += value[a]


@jit
def _next(nodes, tables, codes, row, at):
    node = nodes[at]
    code = np.uint64(codes[row + (node & np.uint64(FEATURES - 1))])
    left = node >> np.uint64(LEFT_AT)
    if node & np.uint64(1 << TABLE_AT):
        bits = np.uint64(tables[at, code >> np.uint64(3)])
        return left + (np.uint64(1) ^ ((bits >> (np.uint64(7) - (code & np.uint64(7)))) & np.uint64(1)))
    rotated = (code - ((node >> np.uint64(MISSING_RIGHT_AT)) & np.uint64(1))) & np.uint64(255)
    return left + np.uint64(rotated > ((node >> np.uint64(CUT_AT)) & np.uint64(255)))


@parallel
def _add_leaves_in_parts(thread, raw, index, bounds, value):
    for part in share(thread, PARTS):
        for k in range(len(value)):
            first, last = _part(bounds, k, part)
            more = value[k]
            for row in index[first:last]:
                raw[np.uint64(row)] += more


@parallel
def _leaf_sums_in_parts(thread, gradient, hessian, index, bounds, sums):
    for part in share(thread, PARTS):
        for k in range(len(bounds) - 1):
            first, last = _part(bounds, k, part)
            g = h = 0.0
            for row in index[first:last]:
                g += gradient[np.uint64(row)]
                h += hessian[np.uint64(row)]
            sums[part, 0, k], sums[part, 1, k] = g, h


@jit
def _part(bounds, k, part):
    """The rows of leaf k that are one part's."""
    rows = bounds[k + 1] - bounds[k]
    return bounds[k] + part * rows // PARTS, bounds[k] + (part + 1) * rows // PARTS


@parallel
def _logistic_stretches(thread, y, raw, gradient, hessian):
    for stretch in share(thread, -(-len(raw) // STRETCH)):
        here = slice(stretch * STRETCH, (stretch + 1) * STRETCH)
        _logistic(y[here], raw[here], gradient[here], hessian[here])


@jit
def _logistic(y, raw, gradient, hessian):
    one = np.float32(1)
    for i in range(len(raw)):
        x = np.float32(raw[i])
        power, part = exponential(-abs(x))
        e = power + power * part
        more = np.divide(one, one + e)
        less = e * more
        size = more if (x < 0) == (y[i] > 0) else less  # 1 − p above, p below
        gradient[i] = -size if y[i] > 0 else size
        hessian[i] = less * more


add_trees = choose(add_trees_numpy, lambda: _add_trees)
add_leaves = choose(add_leaves_numpy, lambda: _add_leaves)
leaf_sums = choose(leaf_sums_numpy, lambda: _leaf_sums)
logistic_gradients = choose(logistic_gradients_numpy, lambda: _logistic_gradients)
