"""Vector code for distances: tiles of queries × points whose sums stay in registers (see simd.py).

Bytes have instructions of their own: x86's `psadbw` adds the absolute differences of 8 bytes at once,
`vpdpbusd` the products of 4 unsigned with 4 signed ones, `pmaddwd` those of 2 int16.  WIDTH is how many bytes
the processor takes at once; where it has no such instruction, LLVM makes the tile of what there is.
"""

import platform

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from yuanli.kernels.compiler import AVX512, processor_has
from yuanli.kernels.simd import Emitter

INT8, INT16, INT32, INT64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))
FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()

X86 = platform.machine().lower() in ("x86_64", "amd64")
WIDTH = 64 if processor_has("avx512bw") else 32 if processor_has("avx2") else 16
VNNI = WIDTH == 64 and processor_has("avx512vnni")
LANES = 16 if AVX512 else 8  # float32 in a vector
QUERIES, POINTS = (4, 4) if WIDTH == 64 else (2, 4)  # of a tile of bytes: 16 sums in 32 registers, or 8 in 16

SAD = {64: "llvm.x86.avx512.psad.bw.512", 32: "llvm.x86.avx2.psad.bw", 16: "llvm.x86.sse2.psad.bw"}[WIDTH]
MADD = {64: "llvm.x86.avx512.pmaddw.d.512", 32: "llvm.x86.avx2.pmadd.wd", 16: "llvm.x86.sse2.pmadd.wd"}[WIDTH]


class DistanceEmitter(Emitter):
    """The words for distances; addresses and offsets are counted in bytes."""

    def spread(self, address, offset, kind, lanes):
        """One number from memory, in every lane."""
        one = self.take(address, offset, kind, 1)
        return self.pick(one, one, [0] * lanes)

    def put(self, value, address, offset):
        where = self.builder.add(address, self.integer(offset))
        self.builder.store(value, self.builder.inttoptr(where, value.type.as_pointer())).align = 1

    def add_differences(self, total, a, b):
        """total + |a − b|, over bytes; where in `total` a pair's share goes does not matter."""
        if X86:
            return self.builder.add(total, self.call(SAD, total.type, a, b))
        larger, smaller = (
            self.builder.select(self.builder.icmp_unsigned(sign, a, b), a, b) for sign in (">", "<")
        )
        wide = ir.VectorType(INT32, a.type.count)
        return self.fold(total, self.builder.zext(self.builder.sub(larger, smaller), wide))

    def add_products(self, total, a, b):
        """total + a · b, over unsigned (a) and signed (b) bytes with VNNI, else over int16."""
        if VNNI:
            return self.call("llvm.x86.avx512.vpdpbusd.512", total.type, total, a, b)
        if X86:
            return self.builder.add(total, self.call(MADD, total.type, a, b))
        wide = ir.VectorType(INT32, a.type.count)
        return self.fold(total, self.builder.mul(self.builder.sext(a, wide), self.builder.sext(b, wide)))

    def add_float(self, what, total, x, q):
        """total + the share of one d, as float_tile says."""
        if what == NEAR:
            return self.multiply_add(self.builder.fneg(q), x, total)
        if what == PRODUCTS:
            return self.builder.fsub(total, self.builder.fmul(q, x))
        difference = self.builder.fsub(q, x)
        if what == SQUARES:
            return self.builder.fadd(total, self.builder.fmul(difference, difference))
        size = self.call(f"llvm.fabs.v{x.type.count}f64", x.type, difference)
        if what == DIFFERENCES:
            return self.builder.fadd(total, size)
        return self.builder.select(self.builder.fcmp_ordered(">", size, total), size, total)

    def fold(self, total, wide):
        """total + the parts of a vector that is 2, 4, … times as long."""
        lanes = total.type.count
        for start in range(0, wide.type.count, lanes):
            total = self.builder.add(total, self.pick(wide, wide, range(start, start + lanes)))
        return total

    def pick(self, a, b, places):
        """The lanes at `places` of a and b one after the other."""
        places = list(places)
        mask = ir.Constant(ir.VectorType(INT32, len(places)), places)
        return self.builder.shuffle_vector(a, b, mask)

    def sums(self, vectors):
        """The sum of each vector, all in one vector of int32: neighbours are added, halving the lanes."""
        for _ in range(vectors[0].type.count.bit_length() - 1):
            both = range(2 * vectors[0].type.count)
            vectors = [
                self.builder.add(self.pick(a, b, both[::2]), self.pick(a, b, both[1::2]))
                for a, b in zip(vectors[::2], vectors[1::2], strict=True)
            ]
        if vectors[0].type.element == INT64:
            vectors = [self.builder.trunc(v, ir.VectorType(INT32, v.type.count)) for v in vectors]
        while len(vectors) > 1:
            both = range(2 * vectors[0].type.count)
            vectors = [self.pick(a, b, both) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
        return vectors[0]


@intrinsic(prefer_literal=True)
def byte_tile(typing, queries, points, steps, shift, limits, out, factor):
    """out[i] = shift[i] + factor · Σ for each pair i of QUERIES × POINTS; whether any is < limits[i].

    Σ is |q − x| over bytes where the factor is 1, q · x where it is −2.  Both operands are packed: in each of
    `steps` come WIDTH bytes of every query (point) of the tile.  shift, limits and out are int32.
    """
    scale = factor.literal_value
    signature = types.boolean(*[types.intp] * 6, factor)

    def generate(context, builder, signature, arguments):
        queries, points, steps, shift, limits, out, _ = arguments
        e = DistanceEmitter(builder)
        if scale == 1:
            add, taken = e.add_differences, (INT8, WIDTH)
            total = ir.VectorType(INT64, WIDTH // 8) if X86 else ir.VectorType(INT32, WIDTH // 4)
        else:
            add, taken = e.add_products, (INT32, WIDTH // 4) if VNNI else (INT16, WIDTH // 2)
            total = ir.VectorType(INT32, WIDTH // 4)
        totals = []
        for _ in range(QUERIES * POINTS):
            totals.append(e.variable(ir.Constant(total, None)))
        with e.loop(steps) as step:
            q_at = builder.add(queries, e.times(step, WIDTH * QUERIES))
            x_at = builder.add(points, e.times(step, WIDTH * POINTS))
            qs = [e.take(q_at, i * WIDTH, *taken) for i in range(QUERIES)]
            xs = [e.take(x_at, j * WIDTH, *taken) for j in range(POINTS)]
            for i, place in enumerate(totals):
                builder.store(add(builder.load(place), xs[i % POINTS], qs[i // POINTS]), place)
        pairs = len(totals)
        value = e.sums([builder.load(place) for place in totals])
        value = builder.mul(value, ir.Constant(value.type, [scale] * pairs))
        value = builder.add(value, e.take(shift, 0, INT32, pairs))
        e.put(value, out, 0)
        below = builder.icmp_signed("<", value, e.take(limits, 0, INT32, pairs))
        bits = builder.bitcast(below, ir.IntType(pairs))
        return builder.icmp_unsigned("!=", bits, ir.Constant(bits.type, 0))

    return signature, generate


NEAR, DIFFERENCES, SQUARES, LARGEST, PRODUCTS = range(5)  # what float_tile adds up
ROWS = {NEAR: 12 if AVX512 else 6} | dict.fromkeys((DIFFERENCES, SQUARES, LARGEST, PRODUCTS), 4)
VECTORS = 2  # of points in a tile


@intrinsic(prefer_literal=True)
def float_tile(typing, queries, points, depth, start, limits, out, kind):
    """out[i, j] = start[j] + Σ over queries[:, i] and points[:, j]; and bit i is whether any is < limits[i].

    Σ is −q·x for NEAR, in float32, and in float64 |q − x|, (q − x)², the largest |q − x|, or −q·x (PRODUCTS);
    these round as a plain loop does.  queries are (depth, ROWS[kind]), points (depth, VECTORS · lanes).
    """
    what = kind.literal_value
    number, lanes = (FLOAT, LANES) if what == NEAR else (DOUBLE, LANES // 2)
    size = 4 if what == NEAR else 8
    rows, columns = ROWS[what], VECTORS * lanes
    signature = types.int64(*[types.intp] * 6, kind)

    def generate(context, builder, signature, arguments):
        queries, points, depth, start, limits, out, _ = arguments
        e = DistanceEmitter(builder)
        first = [e.take(start, j * lanes * size, number, lanes) for j in range(VECTORS)]
        totals = [[e.variable(vector) for vector in first] for _ in range(rows)]
        with e.loop(depth) as d:
            q_at = builder.add(queries, e.times(d, rows * size))
            x_at = builder.add(points, e.times(d, columns * size))
            xs = [e.take(x_at, j * lanes * size, number, lanes) for j in range(VECTORS)]
            for i, places in enumerate(totals):
                q = e.spread(q_at, i * size, number, lanes)
                for place, x in zip(places, xs, strict=True):
                    builder.store(e.add_float(what, builder.load(place), x, q), place)
        bits = e.integer(0)
        for i, places in enumerate(totals):
            limit, below = e.spread(limits, i * size, number, lanes), None
            for j, place in enumerate(places):
                value = builder.load(place)
                e.put(value, out, (i * columns + j * lanes) * size)
                here = builder.fcmp_ordered("<", value, limit)
                below = here if below is None else builder.or_(below, here)
            below = builder.bitcast(below, ir.IntType(lanes))
            bit = builder.zext(builder.icmp_unsigned("!=", below, ir.Constant(below.type, 0)), INT64)
            bits = builder.or_(bits, builder.shl(bit, e.integer(i)))
        return bits

    return signature, generate
