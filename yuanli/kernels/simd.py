"""Vector code, emitted: the words for it and the short functions that many kernels need.

Numba turns a Python loop into machine code, but it cannot be told "keep these sixteen sums in registers".
LLVM, the compiler underneath, can: its language has vectors (`<16 x float>` is sixteen floats that are
added, multiplied, loaded and stored as one) on every processor; where the registers are shorter, LLVM splits
them.  An `@intrinsic` is a function whose body we write in that language: it returns its signature and a
function that, given a builder, appends instructions.  Integers that arrive as literals (P, B, L, M) are known
while emitting, so that plain Python loops over them unroll into straight-line code.  Addresses are integers,
counted in bytes; strides are counted in floats.

The tiles written in these words are in simd_products.py, simd_winograd.py, simd_word_pairs.py,
simd_distances.py and simd_partition.py.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

FLOAT, INT64, INT32 = ir.FloatType(), ir.IntType(64), ir.IntType(32)
LINE = 16  # floats that the cache loads together


class Emitter:
    """An LLVM builder with the few words that vector code is written in."""

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

    def totals(self, vectors):
        """The sum of the lanes of each vector, all in one vector.

        Halves are added, those of two vectors at a time, which then lie in one: 8 additions for 8 vectors of
        16 lanes, where each alone would take 4.
        """
        part = width = vectors[0].type.count  # lanes that belong to one sum, lanes in all
        while len(vectors) & (len(vectors) - 1):
            vectors = [*vectors, self.constant(0, width)]
        while part > 1:
            width = vectors[0].type.count
            starts = range(0, width * min(len(vectors), 2), part)
            halves = [[i + j + side for i in starts for j in range(part // 2)] for side in (0, part // 2)]
            pairs = zip(vectors[::2], vectors[1::2] or vectors, strict=True)
            vectors = [self.builder.fadd(*(self.shuffle(a, b, half) for half in halves)) for a, b in pairs]
            part //= 2
        return vectors[0]

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
        whole = e.totals([builder.fadd(builder.fadd(a, b), builder.fadd(c, d))])
        return builder.extract_element(whole, ir.Constant(INT32, 0))

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
