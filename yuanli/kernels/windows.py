"""Where a sliding window lands: the arithmetic that convolution and pooling share.

A window of F elements, D apart, is moved in steps of S over an axis of H1 elements with P zeros before it:
output h looks at the inputs h·S + i·D − P for the F offsets i = 0 … F − 1.

Source: Dumoulin & Visin 2016, arXiv:1603.07285, sections 2 and 5.1.
"""

import math
from collections.abc import Iterator
from itertools import product

from yuanli.kernels.compiler import jit

Tap = tuple[slice, slice]


def output_size(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int) -> int:
    """H2 = ⌊(H1 + P_before + P_after − D(F − 1) − 1) / S⌋ + 1"""
    return (size + sum(padding) - dilation * (kernel - 1) - 1) // stride + 1


def taps(size: int, outputs: int, kernel: int, stride: int, before: int, dilation: int) -> list[Tap]:
    """For each of the F offsets, (which outputs see an input there, which inputs those are), as slices.

    The padding is in neither, so that nothing needs to be padded or cropped.
    """
    found = []
    for shift in range(-before, dilation * kernel - before, dilation):
        first = max(0, -(shift // stride))  # the least h with h·S + shift ≥ 0
        last = min(outputs - 1, (size - 1 - shift) // stride)  # the largest with h·S + shift ≤ H1 − 1
        if first > last:
            found.append((slice(0, 0), slice(0, 0)))
        else:
            found.append(
                (slice(first, last + 1), slice(first * stride + shift, last * stride + shift + 1, stride))
            )
    return found


def taps_that_see(size: int, outputs: int, kernel: int, stride: int, before: int, dilation: int) -> list[Tap]:
    """The taps without those at either end whose every input is padding: a huge kernel costs no more."""
    skip = max(0, -(((outputs - 1) * stride - before) // dilation))
    kernel = min(kernel, (size - 1 + before) // dilation + 1) - skip
    return taps(size, outputs, kernel, stride, before - skip * dilation, dilation)


@jit
def inside(start, step, many, size):
    """Of start, start + step, … (`many` of them) those within 0 … size − 1: the first, and the last + 1."""
    first = min(many, max(0, -(start // step)))
    return first, max(first, min(many, (size - 1 - start) // step + 1))


def phases(x_shape, weight_shape, stride, padding, dilation) -> Iterator[tuple]:
    """The gradient for x as convolutions of dy with stride 1, one for every phase of the stride.

    Row i = r + m·stride of x meets row j of dy through tap k when j·stride = i + padding − k·dilation: the
    rows of a phase r meet some of the taps, the last first.  Of each phase, (which rows and columns of x,
    its taps as an index of the weight, what the first window has above and left of dy, the dilation).
    """
    for where in product(*(range(min(stride[a], x_shape[1 + a])) for a in (0, 1))):
        taps, corner, apart = [slice(None)] * 2, [], []
        for r, K, S, (P, _), D in zip(where, weight_shape[2:], stride, padding, dilation, strict=True):
            found = [k for k in range(K) if (r + P - k * D) % S == 0]
            taps.append(slice(found[-1], found[0] - 1 if found[0] else None, -(S // math.gcd(S, D)))
                        if found else slice(0))  # fmt: skip
            corner.append(-((r + P - found[-1] * D) // S) if found else 0)
            apart.append(D // math.gcd(S, D))
        yield where, tuple(taps), tuple(corner), tuple(apart)
