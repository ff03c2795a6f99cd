"""eˣ and what is made of it, for one float32: plain arithmetic, so that LLVM makes vectors of a loop."""

import numpy as np

from yuanli.kernels.compiler import jit


@jit
def exponential(x):
    """(2ⁿ, p) with eˣ = 2ⁿ·(1 + p): n = round(x / ln 2), p = expm1(x − n·ln 2) by its Taylor polynomial.

    Within 1.5 units in the last place for |x| ≤ 87, beyond which it stays.  Source: Cody & Waite 1980, ch. 6.
    """
    x = np.float32(-87) if x < np.float32(-87) else x  # comparisons with nan are false: it passes
    x = np.float32(87) if x > np.float32(87) else x
    shifted = x * np.float32(1.44269504) + np.float32(12582912)  # 1.5·2²³: what is added last is n's integer
    n = shifted - np.float32(12582912)
    r = (x - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)
    p = np.float32(1 / 5040)
    p = p * r + np.float32(1 / 720)
    p = p * r + np.float32(1 / 120)
    p = p * r + np.float32(1 / 24)
    p = p * r + np.float32(1 / 6)
    p = p * r + np.float32(1 / 2)
    p = (p * r) * r + r
    bits = np.int32(np.int32(np.float32(shifted).view(np.int32) << np.int32(23)) + np.int32(127 << 23))
    return bits.view(np.float32), p


@jit
def sigmoid(x):
    """1 / (1 + e⁻ˣ), within 3 units in the last place down to x = −87"""
    power, p = exponential(-x)
    return np.divide(np.float32(1), np.float32(1) + (power + power * p))


@jit
def tanh(x):
    """E / (E + 2) with E = e²ˣ − 1 = 2ⁿ·p + (2ⁿ − 1), within 4 units in the last place, also near 0"""
    power, p = exponential(np.float32(2) * x)
    e = power * p + (power - np.float32(1))
    return np.divide(e, e + np.float32(2))


@jit
def logarithm(x):
    """ln x = e·ln 2 + 2·artanh((m − 1)/(m + 1)), x = 2ᵉ·m, √½ ≤ m < √2, artanh by its Taylor polynomial

    Within 2 units in the last place, and 1e-7 near 1, for normal x > 0.  Source: Cody & Waite 1980, ch. 5.
    """
    bits = np.int32(np.float32(x).view(np.int32))
    e = np.int32(np.int32(bits - np.int32(0x3F3504F3)) >> np.int32(23))
    m = np.int32(bits - np.int32(e << np.int32(23))).view(np.float32)
    s = np.divide(m - np.float32(1), m + np.float32(1))
    q = s * s
    p = np.float32(2 / 9)
    p = p * q + np.float32(2 / 7)
    p = p * q + np.float32(2 / 5)
    p = p * q + np.float32(2 / 3)
    p = p * q * s + np.float32(2) * s
    exponent = np.float32(e)
    rest = exponent * np.float32(-2.12194440e-4) + p + (x - x)  # x − x: what is not a number stays so
    return exponent * np.float32(0.693359375) + rest
