"""Vector code, emitted; simd_distances.py and simd_partition.py use its words for tiles of their own.

Numba turns a Python loop into machine code, but it cannot be told "keep these sixteen sums in registers".
LLVM, the compiler underneath, can: its language has vectors (`<16 x float>` is sixteen floats that are
added, multiplied, loaded and stored as one) on every processor; where the registers are shorter, LLVM splits
them.  An `@intrinsic` is a function whose body we write in that language: it returns its signature and a
function that, given a builder, appends instructions.  Integers that arrive as literals (P, B, L, M below)
are known while emitting, so that plain Python loops over them unroll into straight-line code.  Addresses are
integers, counted in bytes; strides are counted in floats.

A register tile is the idea behind every fast matrix product: hold P·B vectors of sums in registers, and for
each step of the inner loop load B vectors and P numbers and do P·B multiply-adds, so that loading is never
what one waits for.

Source: Goto & van de Geijn, Anatomy of High-Performance Matrix Multiplication, ACM TOMS 2008.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FLOAT, INT64, INT32 = ir.FloatType(), ir.IntType(64), ir.IntType(32)
LINE = 16  # floats that the cache loads together


class Emitter:
    """An LLVM builder with the few words that the tiles below are written in."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder

    def pointer(self, address):
        """An address as a pointer to floats."""
        return self.builder.inttoptr(address, FLOAT.as_pointer())

    def listed(self, addresses, k):
        """A pointer to floats: the k-th of a list of addresses that lies at the address `addresses`."""
        place = self.builder.gep(self.builder.inttoptr(addresses, INT64.as_pointer()), [self.integer(k)])
        return self.pointer(self.builder.load(place))

    def at(self, pointer, *offsets):
        """The pointer moved by the sum of the offsets, each a Python int or an LLVM integer."""
        for offset in offsets:
            pointer = self.builder.gep(pointer, [self.integer(offset)])
        return pointer

    def integer(self, value):
        return ir.Constant(INT64, value) if isinstance(value, int) else value

    def times(self, a, b):
        return self.builder.mul(self.integer(a), self.integer(b))

    def load(self, pointer, lanes):
        """`lanes` floats from memory; 4-byte alignment is all that is asked of it."""
        vector = ir.VectorType(FLOAT, lanes)
        value = self.builder.load(self.builder.bitcast(pointer, vector.as_pointer()))
        value.align = 4
        return value

    def store(self, value, pointer):
        self.builder.store(value, self.builder.bitcast(pointer, value.type.as_pointer())).align = 4

    def broadcast(self, pointer, lanes):
        """One float from memory, in every lane."""
        vector = ir.VectorType(FLOAT, lanes)
        nothing = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(nothing, self.builder.load(pointer), ir.Constant(INT32, 0))
        return self.builder.shuffle_vector(
            first, nothing, ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes)
        )

    def shuffle(self, a, b, lanes):
        """The lanes of a and, counted on from them, of b that have these numbers."""
        places = ir.Constant(ir.VectorType(INT32, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(a, b, places)

    def constant(self, number, lanes):
        return ir.Constant(ir.VectorType(FLOAT, lanes), [float(number)] * lanes)

    def store_first(self, value, pointer, count):
        """Store lanes 0 … count − 1 and leave the memory after them alone."""
        lanes = value.type.count
        mask = self._first(count, lanes)
        target = self.builder.bitcast(pointer, value.type.as_pointer())
        self.call(f"llvm.masked.store.v{lanes}f32.p0", ir.VoidType(), value, target, INT32(4), mask)

    def _first(self, count, lanes):
        """For each lane, whether its number is below count."""
        places = ir.VectorType(INT64, lanes)
        nothing = ir.Constant(places, ir.Undefined)
        first = self.builder.insert_element(nothing, count, ir.Constant(INT32, 0))
        zeros = ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes)
        number = ir.Constant(places, list(range(lanes)))
        return self.builder.icmp_signed("<", number, self.builder.shuffle_vector(first, nothing, zeros))

    def load_first(self, pointer, count, lanes):
        """Lanes 0 … count − 1 from memory, the others 0; the memory after them is not read."""
        vector = ir.VectorType(FLOAT, lanes)
        source = self.builder.bitcast(pointer, vector.as_pointer())
        mask = self._first(count, lanes)
        nothing = self.constant(0, lanes)
        return self.call(f"llvm.masked.load.v{lanes}f32.p0", vector, source, INT32(4), mask, nothing)

    def call(self, name, result, *arguments):
        """What one of LLVM's own functions, called by its name, gives."""
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), arguments)

    def take(self, address, offset, kind, lanes):
        """`lanes` numbers from memory, the offset in bytes; no alignment is asked of them."""
        vector = ir.VectorType(kind, lanes)
        where = self.builder.add(address, self.integer(offset))
        value = self.builder.load(self.builder.inttoptr(where, vector.as_pointer()))
        value.align = 1
        return value

    def multiply_add(self, a, b, c):
        """a·b + c: one instruction where the processor has it (llvm.fma would call a function where not)."""
        return self.call(f"llvm.fmuladd.v{a.type.count}f32", a.type, a, b, c)

    def within(self, number, first, last):
        """Whether first ≤ number < last."""
        after = self.builder.icmp_signed("<=", self.integer(first), self.integer(number))
        return self.builder.and_(
            after, self.builder.icmp_signed("<", self.integer(number), self.integer(last))
        )

    def variable(self, start):
        """A variable; LLVM keeps it in a register when it can."""
        place = cgutils.alloca_once(self.builder, start.type)
        self.builder.store(start, place)
        return place

    def loop(self, count):
        """`with emitter.loop(n) as i:` i = 0 … n − 1."""
        return _Loop(self.builder, count)


class _Loop:
    def __init__(self, builder, count):
        self.context = cgutils.for_range(builder, count)

    def __enter__(self):
        return self.context.__enter__().index

    def __exit__(self, *error):
        return self.context.__exit__(*error)


@intrinsic
def address_of(typing, array):
    """Where an array's first number lies.  (`array.ctypes.data` takes many times as long to compile.)"""

    def generate(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        return builder.ptrtoint(data, INT64)

    return types.intp(array), generate


@intrinsic(prefer_literal=True)
def copy_vector(typing, source, target, L):
    """target[:] = source[:], L floats."""
    lanes = L.literal_value

    def generate(context, builder, signature, arguments):
        e = Emitter(builder)
        e.store(e.load(e.pointer(arguments[0]), lanes), e.pointer(arguments[1]))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, L), generate


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
        totals = _totals(e, [builder.load(total) for total in sums])
        for m in range(rows):
            row = e.shuffle(totals, totals, range(m * columns, (m + 1) * columns))
            e.store(row, e.at(e.pointer(out), e.times(m, out_row)))
        return context.get_dummy_value()

    return signature, generate


def _totals(e, vectors):
    """The sum of the lanes of each vector, all in one vector.

    Halves are added, those of two vectors at a time, which then lie in one: 8 additions for 8 vectors of 16
    lanes, where each alone would take 4.
    """
    part = width = vectors[0].type.count  # lanes that belong to one sum, lanes in all
    while len(vectors) & (len(vectors) - 1):
        vectors = [*vectors, e.constant(0, width)]
    while part > 1:
        width = vectors[0].type.count
        starts = range(0, width * min(len(vectors), 2), part)
        halves = [[i + j + side for i in starts for j in range(part // 2)] for side in (0, part // 2)]
        pairs = zip(vectors[::2], vectors[1::2] or vectors, strict=True)
        vectors = [e.builder.fadd(*(e.shuffle(a, b, half) for half in halves)) for a, b in pairs]
        part //= 2
    return vectors[0]


@intrinsic(prefer_literal=True)
def dot_product(typing, x, w, steps, L):
    """Σ x·w over steps·4·L numbers: four sums side by side, so that none waits for itself"""
    lanes = L.literal_value
    signature = types.float32(types.intp, types.intp, types.intp, L)

    def generate(context, builder, signature, arguments):
        e = Emitter(builder)
        x, w = map(e.pointer, arguments[:2])
        sums = [e.variable(e.constant(0, lanes)) for _ in range(4)]
        with e.loop(arguments[2]) as step:
            for i, total in enumerate(sums):
                place = builder.add(e.times(step, 4 * lanes), e.integer(i * lanes))
                product = e.multiply_add(
                    e.load(e.at(x, place), lanes), e.load(e.at(w, place), lanes), builder.load(total)
                )
                builder.store(product, total)
        a, b, c, d = [builder.load(total) for total in sums]
        whole = _totals(e, [builder.fadd(builder.fadd(a, b), builder.fadd(c, d))])
        return builder.extract_element(whole, ir.Constant(INT32, 0))

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
def add_tile(typing, x, y, steps, L):
    """y += x: rows of steps·L numbers"""
    lanes = L.literal_value
    signature = types.void(types.intp, types.intp, types.intp, L)

    def generate(context, builder, signature, arguments):
        e = Emitter(builder)
        x, y = map(e.pointer, arguments[:2])
        with e.loop(arguments[2]) as step:
            place = e.at(y, e.times(step, lanes))
            e.store(builder.fadd(e.load(place, lanes), e.load(e.at(x, e.times(step, lanes)), lanes)), place)
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


@intrinsic(prefer_literal=True)
def count_smaller(typing, address, value, L):
    """How many of the L numbers from the address on are smaller than the value; all are of its type."""
    lanes = L.literal_value
    signature = types.uint64(types.intp, value, L)

    def generate(context, builder, signature, arguments):
        address, value = arguments[:2]
        vector = ir.VectorType(value.type, lanes)
        numbers = builder.load(builder.inttoptr(address, vector.as_pointer()))
        numbers.align = context.get_abi_sizeof(value.type)
        nothing = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(nothing, value, INT32(0))
        values = builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(INT32, lanes), [0] * lanes))
        smaller = builder.bitcast(builder.fcmp_ordered("<", numbers, values), ir.IntType(lanes))
        return builder.zext(builder.ctpop(smaller), INT64)

    return signature, generate


@intrinsic(prefer_literal=True)
def prefetch(typing, x, count, level):
    """Ask for `count` floats from the address x on, to be in the cache of that level when they are needed.

    The first level has room for some twenty requests at a time; what comes late, or is asked for far ahead,
    keeps it from everything else, and is better asked for in the second.
    """
    locality = 4 - level.literal_value
    signature = types.void(types.intp, types.intp, level)

    def generate(context, builder, signature, arguments):
        e = Emitter(builder)
        x, count = arguments[:2]
        byte = ir.IntType(8).as_pointer()
        with e.loop(builder.sdiv(count, e.integer(LINE))) as line:
            place = builder.bitcast(e.at(e.pointer(x), e.times(line, LINE)), byte)
            how = INT32(0), INT32(locality), INT32(1)  # to read, where to, data
            e.call("llvm.prefetch.p0", ir.VoidType(), place, *how)
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


@intrinsic(prefer_literal=True)
def transform_tile(
    typing, source, s_row, s_column, above, below, left, right,
    target, t_row, t_column, rows, columns, width, matrix, add, L,
):  # fmt: skip
    """target = M · source · Mᵀ for L lanes at once (+= where `add` is not 0), M = MATRICES[matrix]

    Of the source, what lies outside above ≤ row < below and left ≤ column < right counts as 0 and is not
    read; of the target, lanes < `width` of row < `rows` and column < `columns` are written.
    """
    coefficients, adds, lanes = MATRICES[matrix.literal_value], add.literal_value, L.literal_value
    height, breadth = len(coefficients), len(coefficients[0])
    signature = types.void(*[types.intp] * 13, matrix, add, L)

    def generate(context, builder, signature, arguments):
        source, s_row, s_column, above, below, left, right = arguments[:7]
        target, t_row, t_column, rows, columns, width = arguments[7:13]
        e = Emitter(builder)
        source, target = e.pointer(source), e.pointer(target)
        nothing = e.at(e.builder.bitcast(e.variable(e.constant(0, lanes)), FLOAT.as_pointer()))
        seen_rows = [e.within(r, above, below) for r in range(breadth)]
        seen_columns = [e.within(c, left, right) for c in range(breadth)]
        halfway = []
        for c in range(breadth):
            column = []
            for r in range(breadth):
                there = e.at(source, e.times(r, s_row), e.times(c, s_column))
                seen = builder.and_(seen_rows[r], seen_columns[c])
                column.append(e.load(builder.select(seen, there, nothing), lanes))
            halfway.append(_product(e, coefficients, column))
        values = [_product(e, coefficients, [column[r] for column in halfway]) for r in range(height)]

        def store(r, c, put):
            place = e.at(target, e.times(r, t_row), e.times(c, t_column))
            put(builder.fadd(values[r][c], e.load(place, lanes)) if adds else values[r][c], place)

        whole = e.within(lanes - 1, 0, width)
        for r, limit in ((height, rows), (height, columns)):
            whole = builder.and_(whole, e.within(r - 1, 0, limit))
        with builder.if_else(whole) as (then, otherwise):
            with then:
                for r in range(height):
                    for c in range(height):
                        store(r, c, e.store)
            with otherwise:
                for r in range(height):
                    for c in range(height):
                        wanted = builder.and_(e.within(r, 0, rows), e.within(c, 0, columns))
                        with builder.if_then(wanted):
                            store(r, c, lambda value, place: e.store_first(value, place, width))
        return context.get_dummy_value()

    return signature, generate


def _product(e, matrix, vectors):
    """matrix · vectors, in few instructions: rows that are even + odd and even − odd share both halves."""
    result, lanes = {}, vectors[0].type.count

    def combination(row):
        total = None
        for factor, vector in sorted(zip(row, vectors, strict=True), key=lambda term: abs(term[0]) != 1):
            if factor and total is None:
                total = vector if factor == 1 else e.builder.fmul(e.constant(factor, lanes), vector)
            elif factor == 1:
                total = e.builder.fadd(total, vector)
            elif factor == -1:
                total = e.builder.fsub(total, vector)
            elif factor:
                total = e.multiply_add(e.constant(factor, lanes), vector, total)
        return total

    for i, first in enumerate(matrix):
        for j, second in enumerate(matrix):
            even = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
            odd = [(a - b) / 2 for a, b in zip(first, second, strict=True)]
            apart = not any(a and b for a, b in zip(even, odd, strict=True))
            if i < j and i not in result and j not in result and any(even) and any(odd) and apart:
                a, b = combination(even), combination(odd)
                result[i], result[j] = e.builder.fadd(a, b), e.builder.fsub(a, b)
        if i not in result:
            result[i] = combination(first)
    return [result[i] for i in range(len(matrix))]


# Winograd's F(4×4, 3×3): Lavin & Gray 2015, arXiv:1509.09308, section 4.2.  y = Aᵀ[(G g Gᵀ) ⊙ (Bᵀ d B)]A.
_BT3 = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_G3 = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)
_AT3 = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))
# F(4×4, 2×2) by the same construction from the points 0, 1, −1, 2 and ∞.
_BT2 = ((2, -1, -2, 1, 0), (0, -2, -1, 1, 0), (0, 2, -3, 1, 0), (0, -1, 0, 1, 0), (0, 2, -1, -2, 1))
_G2 = ((1 / 2, 0), (-1 / 2, -1 / 2), (-1 / 6, 1 / 6), (1 / 6, 1 / 3), (0, 1))
_AT2 = ((1, 1, 1, 1, 0), (0, 1, -1, 2, 0), (0, 1, 1, 4, 0), (0, 1, -1, 8, 1))


def _transposed(matrix):
    return tuple(zip(*matrix, strict=True))


# Which matrix carries what over: the input, the kernel, the output; dy and the kernel's gradient.
MATRICES = (
    *(_BT3, _G3, _AT3, _transposed(_AT3), _transposed(_G3)),
    *(_BT2, _G2, _AT2, _transposed(_AT2), _transposed(_G2)),
)
INPUT3, KERNEL3, OUTPUT3, GRADIENT3, KERNEL_GRADIENT3 = range(5)
INPUT2, KERNEL2, OUTPUT2, GRADIENT2, KERNEL_GRADIENT2 = range(5, 10)
