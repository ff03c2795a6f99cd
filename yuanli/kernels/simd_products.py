"""Vector code for products: matrices', convolutions', and the blocks they are read from (see simd.py).

A register tile is the idea behind every fast matrix product: hold P·B vectors of sums in registers, and for
each step of the inner loop load B vectors and P numbers and do P·B multiply-adds, so that loading is never
what one waits for.

Source: Goto & van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 2008.
"""

from numba import types
from numba.extending import intrinsic

from yuanli.kernels.simd import Emitter


@intrinsic(prefer_literal=True)
def dot_tile(
    typing,
    x,
    w,
    start,
    out,
    blocks,
    rows,
    columns,
    depth,
    x_block,
    x_row,
    x_column,
    x_pixel,
    w_block,
    w_row,
    w_column,
    out_pixel,
    count,
    width,
    P,
    B,
    L,
):
    """out[p, :width] = start[:] + Σ over (block, row, column, d) of x[block, row, column, p, d] · w[…, d, :]

    A tile of P pixels (p < count ≤ P of them are stored) by B vectors of L lanes (width ≤ B·L of them are
    stored).  Along d, x and w[block, row, column] are packed; x_block … out_pixel are strides.
    """
    pixels, vectors, lanes = (t.literal_value for t in (P, B, L))
    signature = types.void(*[types.intp] * 18, P, B, L)

    def generate(context, builder, signature, arguments):
        x, w, start, out, blocks, rows, columns, depth, x_block, x_row, x_column, x_pixel = arguments[:12]
        w_block, w_row, w_column, out_pixel, count, width = arguments[12:18]
        e = Emitter(builder)
        x, w, start, out = map(e.pointer, (x, w, start, out))
        pixel_at = [e.times(p, x_pixel) for p in range(pixels)]
        sums = [
            [e.variable(e.load(e.at(start, j * lanes), lanes)) for j in range(vectors)] for _ in range(pixels)
        ]
        with e.loop(blocks) as block, e.loop(rows) as row, e.loop(columns) as column:
            corner = e.at(x, e.times(block, x_block), e.times(row, x_row), e.times(column, x_column))
            panel = e.at(w, e.times(block, w_block), e.times(row, w_row), e.times(column, w_column))
            with e.loop(depth) as d:
                here = e.at(panel, e.times(d, vectors * lanes))
                ws = [e.load(e.at(here, j * lanes), lanes) for j in range(vectors)]
                for p in range(pixels):
                    value = e.broadcast(e.at(corner, pixel_at[p], d), lanes)
                    for j in range(vectors):
                        builder.store(e.multiply_add(value, ws[j], builder.load(sums[p][j])), sums[p][j])
        whole = builder.and_(
            builder.icmp_signed("==", count, e.integer(pixels)),
            builder.icmp_signed("==", width, e.integer(vectors * lanes)),
        )
        with builder.if_else(whole) as (then, otherwise):
            with then:
                for p in range(pixels):
                    for j in range(vectors):
                        e.store(builder.load(sums[p][j]), e.at(out, e.times(p, out_pixel), j * lanes))
            with otherwise:
                for p in range(pixels):
                    with builder.if_then(builder.icmp_signed("<", e.integer(p), count)):
                        for j in range(vectors):
                            left = builder.sub(width, e.integer(j * lanes))
                            e.store_first(
                                builder.load(sums[p][j]), e.at(out, e.times(p, out_pixel), j * lanes), left
                            )
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def outer_tile(
    typing, x, d, out, images, rows, columns, x_image, x_row, x_column, d_image, d_row, d_column, M, L
):
    """out[m, :] += Σ over (image, row, column) of x[image, row, column, m] · d[image, row, column, :]

    m < M, L lanes, out of shape (M, L) packed; x_image … d_column are strides.
    """
    height, lanes = (t.literal_value for t in (M, L))
    signature = types.void(*[types.intp] * 12, M, L)

    def generate(context, builder, signature, arguments):
        x, d, out, images, rows, columns, x_image, x_row, x_column, d_image, d_row, d_column = arguments[:12]
        e = Emitter(builder)
        x, d, out = map(e.pointer, (x, d, out))
        sums = [e.variable(e.load(e.at(out, m * lanes), lanes)) for m in range(height)]
        with e.loop(images) as image, e.loop(rows) as row:
            x_at = e.at(x, e.times(image, x_image), e.times(row, x_row))
            d_at = e.at(d, e.times(image, d_image), e.times(row, d_row))
            with e.loop(columns) as column:
                x_here = e.at(x_at, e.times(column, x_column))
                vector = e.load(e.at(d_at, e.times(column, d_column)), lanes)
                for m in range(height):
                    value = e.broadcast(e.at(x_here, m), lanes)
                    builder.store(e.multiply_add(value, vector, builder.load(sums[m])), sums[m])
        for m in range(height):
            e.store(builder.load(sums[m]), e.at(out, m * lanes))
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def channel_tile(
    typing, x, w, start, out, rows, columns, x_row, x_column, x_pixel, w_row, w_column, out_pixel, P, L
):
    """out[p, :] = start[:] + Σ over (row, column) of x[row, column, p, :] · w[row, column, :], lane by lane

    P pixels by L lanes, each lane a channel of its own; x_row … out_pixel are strides.
    """
    pixels, lanes = P.literal_value, L.literal_value
    signature = types.void(*[types.intp] * 12, P, L)

    def generate(context, builder, signature, arguments):
        x, w, start, out, rows, columns, x_row, x_column, x_pixel, w_row, w_column, out_pixel = arguments[:12]
        e = Emitter(builder)
        x, w, start, out = map(e.pointer, (x, w, start, out))
        first = e.load(start, lanes)
        sums = [e.variable(first) for _ in range(pixels)]
        with e.loop(rows) as row, e.loop(columns) as column:
            x_at = e.at(x, e.times(row, x_row), e.times(column, x_column))
            weight = e.load(e.at(w, e.times(row, w_row), e.times(column, w_column)), lanes)
            for p in range(pixels):
                value = e.load(e.at(x_at, e.times(p, x_pixel)), lanes)
                builder.store(e.multiply_add(value, weight, builder.load(sums[p])), sums[p])
        for p in range(pixels):
            e.store(builder.load(sums[p]), e.at(out, e.times(p, out_pixel)))
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def channel_sums_tile(typing, x, d, out, count, x_pixel, d_pixel, x_row, x_column, o_row, o_column, R, Q, L):
    """out[r, q, :] += Σ over p < count of x[r, q, p, :] · d[p, :], lane by lane

    R rows by Q columns of sums of L lanes, each lane a channel of its own; x_pixel … o_column are strides.
    """
    places = [(r, q) for r in range(R.literal_value) for q in range(Q.literal_value)]
    lanes = L.literal_value
    signature = types.void(*[types.intp] * 10, R, Q, L)

    def generate(context, builder, signature, arguments):
        x, d, out, count, x_pixel, d_pixel, x_row, x_column, o_row, o_column = arguments[:10]
        e = Emitter(builder)
        x, d, out = map(e.pointer, (x, d, out))
        targets = [e.at(out, e.times(r, o_row), e.times(q, o_column)) for r, q in places]
        sums = [e.variable(e.load(target, lanes)) for target in targets]
        with e.loop(count) as p:
            x_at, vector = e.at(x, e.times(p, x_pixel)), e.load(e.at(d, e.times(p, d_pixel)), lanes)
            for (r, q), total in zip(places, sums, strict=True):
                value = e.load(e.at(x_at, e.times(r, x_row), e.times(q, x_column)), lanes)
                builder.store(e.multiply_add(value, vector, builder.load(total)), total)
        for total, target in zip(sums, targets, strict=True):
            e.store(builder.load(total), target)
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def transpose_tile(typing, source, s_row, rows, columns, target, t_row, width, L):
    """target[k, :width] = source[:, k] for k < columns: up to L rows of up to L floats, exchanged

    Rows from `rows` on and what lies beside `columns` are not read, and count as 0; s_row, t_row are strides.
    """
    lanes = L.literal_value
    signature = types.void(*[types.intp] * 7, L)

    def generate(context, builder, signature, arguments):
        source, s_row, rows, columns, target, t_row, width = arguments[:7]
        e = Emitter(builder)
        source, target = e.pointer(source), e.pointer(target)
        vectors = []
        for r in range(lanes):
            count = builder.select(e.within(r, 0, rows), columns, e.integer(0))
            vectors.append(e.load_first(e.at(source, e.times(r, s_row)), count, lanes))
        step = lanes // 2
        while step:  # exchange the two off-diagonal quarters of the square, then of each quarter, …
            for r in range(lanes):
                if not r & step:
                    a, b = vectors[r], vectors[r + step]
                    low = [k if not k & step else lanes + k - step for k in range(lanes)]
                    high = [k + step if not k & step else lanes + k for k in range(lanes)]
                    vectors[r], vectors[r + step] = e.shuffle(a, b, low), e.shuffle(a, b, high)
            step //= 2
        for k in range(lanes):
            with builder.if_then(e.within(k, 0, columns)):
                e.store_first(vectors[k], e.at(target, e.times(k, t_row)), width)
        return context.get_dummy_value()

    return signature, generate
