"""Vector code for word pairs: rows that may lie anywhere, found by their addresses (see simd.py)."""

from numba import types
from numba.extending import intrinsic

from yuanli.kernels.simd import Emitter


@intrinsic(prefer_literal=True)
def scores_tile(typing, x, p, out, out_row, steps, M, N, L):
    """out[m, n] = Σ over d of x[m, d] · p[n, d]: M rows by N rows of steps·L numbers each, M·N ≤ L

    x and p are lists of their rows' addresses: the rows may lie anywhere.  out_row is a stride.
    """
    rows, columns, lanes = (t.literal_value for t in (M, N, L))
    signature = types.void(*[types.intp] * 5, M, N, L)

    def generate(context, builder, signature, arguments):
        x, p, out, out_row, steps = arguments[:5]
        e = Emitter(builder)
        xs, ps = [e.listed(x, m) for m in range(rows)], [e.listed(p, n) for n in range(columns)]
        sums = [e.variable(e.constant(0, lanes)) for _ in range(rows * columns)]
        with e.loop(steps) as step:
            d = e.times(step, lanes)
            left = [e.load(e.at(x, d), lanes) for x in xs]
            for n in range(columns):
                right = e.load(e.at(ps[n], d), lanes)
                for m in range(rows):
                    total = sums[m * columns + n]
                    builder.store(e.multiply_add(left[m], right, builder.load(total)), total)
        totals = e.totals([builder.load(total) for total in sums])
        for m in range(rows):
            row = e.shuffle(totals, totals, range(m * columns, (m + 1) * columns))
            e.store(row, e.at(e.pointer(out), e.times(m, out_row)))
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def exchange_tile(typing, g, g_row, x, p, dx, dp, inputs, targets, steps, M, L):
    """dx[m] += Σ over n of g[m, n] · p[n] and dp[n] += Σ over m of g[m, n] · x[m]: rows as in `scores_tile`

    All four are lists of addresses; dx may be x, and dp may be p if its rows differ: a number changes after
    all that depends on it.  At each d the vectors of all inputs (M at most) stay in registers while n runs.
    """
    most, lanes = (t.literal_value for t in (M, L))
    signature = types.void(*[types.intp] * 9, M, L)

    def generate(context, builder, signature, arguments):
        g, g_row, x, p, dx, dp, inputs, targets, steps = arguments[:9]
        e = Emitter(builder)

        def exchange(rows):
            xs, dxs = ([e.listed(addresses, m) for m in range(rows)] for addresses in (x, dx))
            with e.loop(steps) as step:
                d = e.times(step, lanes)
                left = [e.load(e.at(row, d), lanes) for row in xs]
                sums = [e.variable(e.constant(0, lanes)) for _ in range(rows)]
                with e.loop(targets) as n:
                    right, place = e.load(e.at(e.listed(p, n), d), lanes), e.at(e.listed(dp, n), d)
                    total = e.load(place, lanes)
                    for m in range(rows):
                        factor = e.broadcast(e.at(e.pointer(g), e.times(m, g_row), n), lanes)
                        builder.store(e.multiply_add(factor, right, builder.load(sums[m])), sums[m])
                        total = e.multiply_add(factor, left[m], total)
                    e.store(total, place)
                for m in range(rows):  # one after the other: a row may be there twice
                    place = e.at(dxs[m], d)
                    e.store(builder.fadd(e.load(place, lanes), builder.load(sums[m])), place)

        for rows in range(1, most + 1):
            with builder.if_then(builder.icmp_signed("==", inputs, e.integer(rows))):
                exchange(rows)
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def merge_tile(typing, own, base, shared, steps, L):
    """shared += own − base, and all three are then what shared is: rows of steps·L numbers"""
    lanes = L.literal_value
    signature = types.void(*[types.intp] * 4, L)

    def generate(context, builder, signature, arguments):
        e = Emitter(builder)
        own, base, shared = map(e.pointer, arguments[:3])
        with e.loop(arguments[3]) as step:
            d = e.times(step, lanes)
            change = builder.fsub(e.load(e.at(own, d), lanes), e.load(e.at(base, d), lanes))
            value = builder.fadd(e.load(e.at(shared, d), lanes), change)
            for row in (own, base, shared):
                e.store(value, e.at(row, d))
        return context.get_dummy_value()

    return signature, generate
