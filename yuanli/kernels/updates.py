"""The steps of the optimisers, in place: w, g and what is remembered are read and written once.

w, g and the state have one shape; `scratch`, of that shape too, is for the twins' results on the way.  The
compiled steps do the same operations in the same order, in float32, and so give the same bits.
"""

import numpy as np

from yuanli.kernels.compiler import jit, parallel, share
from yuanli.kernels.dispatch import choose
from yuanli.kernels.elementwise import LARGE

FLOAT32 = np.dtype(np.float32)
STRETCH = 1 << 14  # elements that one thread works off at a time


def descend_numpy(w, g, scratch, lr, decay):
    """w ← w − lr·(g + λ w)"""
    w -= np.multiply(g + decay * w if decay else g, lr, out=scratch)


def descend_with_momentum_numpy(w, g, v, scratch, lr, decay, momentum, gain, nesterov):
    """v ← μ v + gain·d with d = g + λ w,  w ← w − lr·v;  with Nesterov w ← w − lr·(d + μ v)"""
    if decay:
        g = g + decay * w
    v *= momentum
    v += g if gain == 1 else gain * g
    w -= np.multiply(g + momentum * v if nesterov else v, lr, out=scratch)


def adam_numpy(w, g, m, v, scratch, rate, decay, beta1, beta2, root2, eps):
    """m ← β₁ m + (1 − β₁) d,  v ← β₂ v + (1 − β₂) d²,  w ← w − rate · m / (√v / root2 + ε),  d = g + λ w"""
    if decay:
        g = g + decay * w
    m *= beta1
    m += np.multiply(g, 1 - beta1, out=scratch)
    v *= beta2
    np.multiply(g, g, out=scratch)
    scratch *= 1 - beta2
    v += scratch
    root = np.sqrt(v, out=scratch)
    root /= root2
    root += eps
    move = np.divide(m, root, out=scratch)
    move *= rate
    w -= move


def _descend(w, g, scratch, lr, decay):
    if not _suits(g, w):
        return descend_numpy(w, g, scratch, lr, decay)
    sweep = _descend_everywhere if w.size >= LARGE else _descend_here
    sweep(w.ravel(), g.ravel(), lr, decay)


def _descend_with_momentum(w, g, v, scratch, lr, decay, momentum, gain, nesterov):
    if not _suits(g, w, v):
        return descend_with_momentum_numpy(w, g, v, scratch, lr, decay, momentum, gain, nesterov)
    sweep = _momentum_everywhere if w.size >= LARGE else _momentum_here
    sweep(w.ravel(), g.ravel(), v.ravel(), lr, decay, momentum, gain, nesterov)


def _adam(w, g, m, v, scratch, rate, decay, beta1, beta2, root2, eps):
    if not _suits(g, w, m, v):
        return adam_numpy(w, g, m, v, scratch, rate, decay, beta1, beta2, root2, eps)
    sweep = _adam_everywhere if w.size >= LARGE else _adam_here
    sweep(w.ravel(), g.ravel(), m.ravel(), v.ravel(), rate, decay, beta1, beta2, root2, eps)


def _suits(g, *written):
    """Whether the sweep can run: what it writes into must be one stretch of memory, not a copy of one."""
    for a in written:
        if a.dtype != FLOAT32 or not a.flags.c_contiguous:
            return False
    return g.dtype == FLOAT32


@jit
def _descend_here(w, g, lr, decay):
    step, shrink = np.float32(lr), np.float32(decay)
    for i in range(w.size):
        d = g[i] + shrink * w[i] if decay != 0 else g[i]
        w[i] -= step * d


@jit
def _momentum_here(w, g, v, lr, decay, momentum, gain, nesterov):
    step, shrink, keep, add = np.float32(lr), np.float32(decay), np.float32(momentum), np.float32(gain)
    for i in range(w.size):
        d = g[i] + shrink * w[i] if decay != 0 else g[i]
        v[i] = keep * v[i] + add * d
        w[i] -= step * (d + keep * v[i] if nesterov else v[i])


@jit
def _adam_here(w, g, m, v, rate, decay, beta1, beta2, root2, eps):
    keep1, add1, keep2, add2 = (
        np.float32(beta1),
        np.float32(1 - beta1),
        np.float32(beta2),
        np.float32(1 - beta2),
    )
    step, shrink, divisor, least = np.float32(rate), np.float32(decay), np.float32(root2), np.float32(eps)
    for i in range(w.size):
        d = g[i] + shrink * w[i] if decay != 0 else g[i]
        m[i] = keep1 * m[i] + add1 * d
        v[i] = keep2 * v[i] + add2 * (d * d)
        w[i] -= step * (m[i] / (np.sqrt(v[i]) / divisor + least))


@parallel
def _descend_everywhere(thread, w, g, lr, decay):
    for part in share(thread, -(-w.size // STRETCH)):
        here = slice(part * STRETCH, (part + 1) * STRETCH)
        _descend_here(w[here], g[here], lr, decay)


@parallel
def _momentum_everywhere(thread, w, g, v, lr, decay, momentum, gain, nesterov):
    for part in share(thread, -(-w.size // STRETCH)):
        here = slice(part * STRETCH, (part + 1) * STRETCH)
        _momentum_here(w[here], g[here], v[here], lr, decay, momentum, gain, nesterov)


@parallel
def _adam_everywhere(thread, w, g, m, v, rate, decay, beta1, beta2, root2, eps):
    for part in share(thread, -(-w.size // STRETCH)):
        here = slice(part * STRETCH, (part + 1) * STRETCH)
        _adam_here(w[here], g[here], m[here], v[here], rate, decay, beta1, beta2, root2, eps)


descend = choose(descend_numpy, lambda: _descend)
descend_with_momentum = choose(descend_with_momentum_numpy, lambda: _descend_with_momentum)
adam = choose(adam_numpy, lambda: _adam)
