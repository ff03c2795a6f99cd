"""What must be known of a node's children before they can be split: a sweep over rows, one over features."""

import numpy as np

from yuanli.kernels.codes import CODES
from yuanli.kernels.compiler import parallel, share
from yuanli.kernels.dispatch import choose
from yuanli.kernels.histograms import accumulate, bring_together, histogram_numpy, shares
from yuanli.kernels.tree_growth import best_split, best_splits_numpy


def children_numpy(rows, index, room, small, large, units, features, monotonic, nodes, rules, out):
    """The histograms of both children of a node, and the best splits of every feature of both.

    small: of the child with the rows `index`, ascending, to be found; large: the node's, and then that of the
    other child, the difference.  nodes (2, 6) and out (2, F, 6), the small child first, as in `best_splits`.
    """
    histogram_numpy(rows, index, small)
    large -= small
    for histogram, node, splits in zip((small, large), nodes, out, strict=True):
        best_splits_numpy(histogram, units, features, monotonic, node, rules, splits)


def _children(rows, index, room, small, large, units, features, monotonic, nodes, rules, out):
    sums, taken = shares(len(index), room)
    anything = np.zeros(len(sums), np.bool_)
    add, look = (_add, _look) if len(sums) > 1 else (_add.on_one, _look.on_one)
    add(rows, index, sums, taken, anything)
    look(sums, taken, anything, small, large, units, features, monotonic, nodes, rules, out)


@parallel
def _add(thread, rows, index, sums, taken, anything):
    for part in share(thread, len(sums)):
        anything[part] = accumulate(rows, index, part, sums, taken)


@parallel
def _look(thread, sums, taken, anything, small, large, units, features, monotonic, nodes, rules, out):
    for f in share(thread, len(features)):
        bring_together(sums, taken, anything, f, small)
        for field in range(3):
            for code in range(CODES):
                large[field, f, code] -= small[field, f, code]
        best_split(small[:, f], units, features[f], monotonic[f], nodes[0], rules, out[0, f])
        best_split(large[:, f], units, features[f], monotonic[f], nodes[1], rules, out[1, f])


children = choose(children_numpy, lambda: _children)
