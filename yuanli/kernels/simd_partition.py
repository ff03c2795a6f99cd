"""Vector code for dividing rows into two: sixteen at a time are packed to either side (see simd.py).

Only for processors with AVX-512, which pack the chosen numbers of a vector in one instruction.
"""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from yuanli.kernels.simd import Emitter

ROWS = 16  # of a vector
BIT, INT8, INT16, INT32, INT64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
NUMBERS, BITS = ir.VectorType(INT32, ROWS), ir.VectorType(BIT, ROWS)


@intrinsic(prefer_literal=True)
def bits_of(typing, address, count):
    """A bit for each of `count` bytes from the address on: whether it is not 0."""
    lanes = count.literal_value

    def generate(context, builder, signature, arguments):
        given = Emitter(builder).take(arguments[0], 0, INT8, lanes)
        bits = builder.icmp_unsigned("!=", given, _everywhere(given.type, 0))
        return builder.zext(builder.bitcast(bits, ir.IntType(lanes)), INT64)

    return types.uint64(types.intp, count), generate


@intrinsic
def divide_tile(typing, rows, codes, table, left, right, backwards):
    """Of sixteen rows, those whose code is in the table to `left` on, the others to `right` on, in order.

    All but `backwards`, 0 or 1, are addresses: of uint32, bytes, 256 bits (of the 512 that are read), uint32.
    backwards: to the places before `left` and `right`.  Gives how many went left.
    """

    def generate(context, builder, signature, arguments):
        rows, codes, table, left, right, backwards = arguments
        e = Emitter(builder)
        goes = _goes_left(e, _looked_up(e, rows, codes), e.take(table, 0, INT32, ROWS))
        count = builder.zext(builder.ctpop(builder.bitcast(goes, INT16)), INT64)
        row, others = e.take(rows, 0, INT32, ROWS), builder.sub(INT64(ROWS), count)
        _pack(e, row, goes, count, left, backwards)
        _pack(e, row, builder.not_(goes), others, right, backwards)
        return count

    return types.int64(*[types.intp] * 6), generate


def _looked_up(e, rows, codes):
    """The codes of sixteen rows, one by one: the instructions that gather are slower."""
    halves = ir.VectorType(INT64, 2)
    found = ir.Constant(halves, ir.Undefined)
    numbers = e.builder.inttoptr(rows, INT32.as_pointer())
    for half in range(2):
        word = INT64(0)
        for k in range(8):
            row = e.builder.zext(e.builder.load(e.at(numbers, 8 * half + k)), INT64)
            code = e.builder.load(e.builder.inttoptr(e.builder.add(codes, row), INT8.as_pointer()))
            word = e.builder.or_(word, e.builder.shl(e.builder.zext(code, INT64), INT64(8 * k)))
        found = e.builder.insert_element(found, word, INT32(half))
    return e.builder.bitcast(found, ir.VectorType(INT8, ROWS))


def _goes_left(e, codes, table):
    """Each code's bit of the table: of the word that its upper bits name, the one that its lower five do."""
    code = e.builder.zext(codes, NUMBERS)
    place = e.builder.lshr(code, _everywhere(NUMBERS, 5))
    word = e.call("llvm.x86.avx512.permvar.si.512", NUMBERS, table, place)
    return e.builder.trunc(e.builder.lshr(word, e.builder.and_(code, _everywhere(NUMBERS, 31))), BITS)


def _pack(e, row, chosen, count, place, backwards):
    """The `count` chosen rows from the place on, or before it; memory beside them is left alone."""
    nothing = _everywhere(NUMBERS, 0)
    packed = e.call(f"llvm.x86.avx512.mask.compress.v{ROWS}i32", NUMBERS, row, nothing, chosen)
    before = e.times(e.times(count, backwards), 4)
    target = e.builder.inttoptr(e.builder.sub(place, before), NUMBERS.as_pointer())
    first = e.builder.sub(e.builder.shl(INT32(1), e.builder.trunc(count, INT32)), INT32(1))
    mask = e.builder.bitcast(e.builder.trunc(first, INT16), BITS)
    e.call(f"llvm.masked.store.v{ROWS}i32.p0", ir.VoidType(), packed, target, INT32(4), mask)


def _everywhere(vector, number):
    return ir.Constant(vector, [number] * vector.count)
