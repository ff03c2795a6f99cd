"""A row's gradient, hessian and a 1 in one 64-bit integer, so that one addition adds to all three sums.

    packed = q_g · 2³⁸ + q_h · 2¹³ + 1      q = ⌊v / u + r⌋,  u a power of two

The sums of BLOCK rows fit their 26, 25 and 13 bits; before a bin has more rows, they are added to 64-bit
ones.  u is the smallest power of two for which they must: about min(BLOCK · max |v|, Σ |v|) / 2²⁵.  Up to
NEAREST rows r is ½: u is at most a 256th of the mean |v|, values are off by half of that, and equal ones stay
equal.  Beyond, r is random in [0, 1): off by less than u, right on average, and a sum over m rows off by
about u · √m / 2.  Multiples of u, such as the hessian 1, are exact.  Integers add up to the same in any
order, on any number of threads.

Source: Shi 2022, Quantized training of gradient boosting decision trees, arXiv:2207.09682, sec. 3.  Differs:
25 bits for a block of rows, where theirs has 2 to 5 a row: small data split as with exact sums.
"""

import math

import numpy as np

from yuanli.kernels.codes import STRETCH
from yuanli.kernels.compiler import jit, parallel, share

BLOCK = 4096  # rows in one bin whose packed sums cannot overflow
HESSIAN_AT, GRADIENT_AT = 13, 38  # the lowest bits of the fields
NEAREST = 1 << 16  # rows up to which values are rounded to the nearest multiple
LANES = 64  # of the sums of an extent
LIMIT = (1 << 25) - 1 - BLOCK  # of a sum before rounding up adds one a row


def pack_numpy(gradient, hessian, seed, packed):
    """packed of each row, in place; returns the two units u, and packs nothing where one is nan."""
    sizes = [np.abs(v) for v in (gradient, hessian)]
    units = tuple(_unit(size.max(initial=0), size.sum(dtype=np.float64)) for size in sizes)
    if math.isnan(sum(units)):
        return units
    noise = _noise(np.arange(len(gradient), dtype=np.uint32), np.uint32(seed))
    fine, coarse = (noise & 0xFFFF) / 65536, (noise >> np.uint32(16)) / 65536
    if len(packed) <= NEAREST:
        fine = coarse = 0.5
    q_g, q_h = np.floor(gradient / units[0] + fine), np.floor(hessian / units[1] + coarse)
    packed[:] = (q_g.astype(np.int64) << GRADIENT_AT) + (q_h.astype(np.int64) << HESSIAN_AT) + 1
    return units


def _unit(largest, total):
    """The power of two by which a block's sum of |v| / u stays within LIMIT; nan where one is not finite."""
    if not math.isfinite(total):
        return math.nan
    bound = min(float(largest) * BLOCK, float(total))
    return math.ldexp(1.0, math.frexp(bound / LIMIT)[1]) if bound > 0 else 1.0


def _noise(row, seed):
    """32 random bits for a row: the finaliser of MurmurHash3, in which every bit of the input moves all."""
    with np.errstate(over="ignore"):
        r = row * np.uint32(2654435761) + seed
        r = (r ^ (r >> np.uint32(15))) * np.uint32(2246822519)
        r = (r ^ (r >> np.uint32(13))) * np.uint32(3266489917)
    return r ^ (r >> np.uint32(16))


def how_to_pack(gradient, hessian, seed):
    """The units, and what `pack_some` is to be told; nan units where a value is not finite."""
    extent = np.empty((-(-len(gradient) // STRETCH), 4))
    _extents(gradient, hessian, extent)
    units = tuple(_unit(extent[:, k].max(initial=0), extent[:, k + 1].sum()) for k in (0, 2))
    least, spread = (0.5, 0.0) if len(gradient) <= NEAREST else (0.0, 1 / 65536)
    return units, (1 / units[0], 1 / units[1], np.uint32(seed), least, spread)


@parallel
def _extents(thread, gradient, hessian, extent):
    """max |g|, Σ |g|, max h, Σ h of each stretch"""
    for stretch in share(thread, len(extent)):
        first, last = stretch * STRETCH, min(len(gradient), (stretch + 1) * STRETCH)
        largest, total = _extent(gradient[first:last])
        extent[stretch, 0], extent[stretch, 1] = largest, total
        largest, total = _extent(hessian[first:last])
        extent[stretch, 2], extent[stretch, 3] = largest, total


@jit
def _extent(v):
    """max |v| and Σ |v|, in LANES sums side by side, so that none waits for the one before."""
    largest, total = np.zeros(LANES, np.float32), np.zeros(LANES)
    whole = len(v) // LANES * LANES
    for i in range(0, whole, LANES):
        some = v[i : i + LANES]
        for lane in range(LANES):
            size = abs(some[lane])
            largest[lane] = size if size > largest[lane] else largest[lane]
            total[lane] += size
    for i in range(whole, len(v)):
        largest[0] = max(largest[0], abs(v[i]))
        total[0] += abs(v[i])
    return largest.max(), total.sum()


@jit
def pack_some(gradient, hessian, how, start, stop, packed):
    """Rows start … stop − 1.  Slices count from 0: only so are eight rows packed at a time."""
    per_g, per_h, seed, least, spread = how
    gradient, hessian, packed = gradient[start:stop], hessian[start:stop], packed[start:stop]
    for k in range(len(packed)):
        r = np.uint32(np.uint32(np.uint32(start + k) * np.uint32(2654435761)) + seed)
        r = np.uint32(np.uint32(r ^ np.uint32(r >> np.uint32(15))) * np.uint32(2246822519))
        r = np.uint32(np.uint32(r ^ np.uint32(r >> np.uint32(13))) * np.uint32(3266489917))
        r = np.uint32(r ^ np.uint32(r >> np.uint32(16)))
        fine, coarse = np.uint32(r & np.uint32(0xFFFF)), np.uint32(r >> np.uint32(16))
        q_g = np.int64(np.floor(gradient[k] * per_g + least + np.int32(fine) * spread))
        q_h = np.int64(np.floor(hessian[k] * per_h + least + np.int32(coarse) * spread))
        packed[k] = (q_g << GRADIENT_AT) + (q_h << HESSIAN_AT) + 1


@jit
def fullest(sums):
    """The most rows in a bin."""
    most = np.int64(0)
    for k in range(len(sums)):
        most = max(most, sums[k] & ((1 << 13) - 1))
    return most


@jit
def _fields(packed):
    """q_g, q_h and the count"""
    return packed >> GRADIENT_AT, (packed >> HESSIAN_AT) & ((1 << 25) - 1), packed & ((1 << 13) - 1)


@jit
def unpack(sums, gradients, hessians, counts):
    """The fields of packed sums."""
    for k in range(len(sums)):
        gradients[k], hessians[k], counts[k] = _fields(sums[k])


@jit
def take_apart(sums, gradients, hessians, counts):
    """Add the fields of packed sums to sums of their own, and begin anew."""
    for k in range(len(sums)):
        q_g, q_h, count = _fields(sums[k])
        gradients[k] += q_g
        hessians[k] += q_h
        counts[k] += count
        sums[k] = 0
