"""The k smallest of what goes by: a heap whose largest pair (key, number) is on top.

Pairs are ordered by key and then by number, so what is kept depends on no order of arrival.
"""

from yuanli.kernels.compiler import jit


@jit
def replace_largest(keys, numbers, key, number):
    """Put a pair in the place of the largest; it must be smaller than that.  O(log k)"""
    k, here = len(keys), 0
    while True:
        below = 2 * here + 1
        if below >= k:
            break
        if below + 1 < k and is_less(keys[below], numbers[below], keys[below + 1], numbers[below + 1]):
            below += 1
        if is_less(keys[below], numbers[below], key, number):
            break
        keys[here], numbers[here] = keys[below], numbers[below]
        here = below
    keys[here], numbers[here] = key, number


@jit
def is_less(key, number, other_key, other_number):
    return key < other_key or (key == other_key and number < other_number)
