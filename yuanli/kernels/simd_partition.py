"""Vector code for dividing rows into two: sixteen at a time are packed to either side (see simd.py).

Only for processors with AVX-512, which pack the chosen numbers of a vector in one instruction.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS = 16  # of a vector
BIT, INT8, INT32, INT64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))
NUMBERS, BYTES, BITS = (ir.VectorType(kind, ROWS) for kind in (INT32, INT8, BIT))


@intrinsic(prefer_literal=True)
def bits_of(typing, address, count):
    """A bit for each of `count` bytes from the address on: whether it is not 0."""
    lanes = count.literal_value

    def generate(context, builder, signature, arguments):
        vector = ir.VectorType(INT8, lanes)
        given = _load(builder, arguments[0], vector)
        bits = builder.icmp_unsigned("!=", given, _everywhere(vector, 0))
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
        goes = _goes_left(builder, _looked_up(builder, rows, codes), _load(builder, table, NUMBERS))
        count = builder.zext(builder.ctpop(builder.bitcast(goes, ir.IntType(ROWS))), INT64)
        row, others = _load(builder, rows, NUMBERS), builder.sub(INT64(ROWS), count)
        _pack(builder, row, goes, count, left, backwards)
        _pack(builder, row, builder.not_(goes), others, right, backwards)
        return count

    return types.int64(*[types.intp] * 6), generate


def _looked_up(builder, rows, codes):
    """The codes of sixteen rows, one by one: the instructions that gather are slower."""
    halves = ir.VectorType(INT64, 2)
    found = ir.Constant(halves, ir.Undefined)
    numbers = builder.inttoptr(rows, INT32.as_pointer())
    for half in range(2):
        word = INT64(0)
        for k in range(8):
            row = builder.zext(builder.load(builder.gep(numbers, [INT64(8 * half + k)])), INT64)
            code = builder.load(builder.inttoptr(builder.add(codes, row), INT8.as_pointer()))
            word = builder.or_(word, builder.shl(builder.zext(code, INT64), INT64(8 * k)))
        found = builder.insert_element(found, word, INT32(half))
    return builder.bitcast(found, BYTES)


def _goes_left(builder, codes, table):
    """Each code's bit of the table: of the word that its upper bits name, the one that its lower five do."""
    code = builder.zext(codes, NUMBERS)
    place = builder.lshr(code, _everywhere(NUMBERS, 5))
    word = _call(builder, "llvm.x86.avx512.permvar.si.512", NUMBERS, table, place)
    return builder.trunc(builder.lshr(word, builder.and_(code, _everywhere(NUMBERS, 31))), BITS)


def _pack(builder, row, chosen, count, place, backwards):
    """The `count` chosen rows from the place on, or before it; memory beside them is left alone."""
    nothing = _everywhere(NUMBERS, 0)
    packed = _call(builder, f"llvm.x86.avx512.mask.compress.v{ROWS}i32", NUMBERS, row, nothing, chosen)
    before = builder.mul(builder.mul(count, backwards), INT64(4))
    target = builder.inttoptr(builder.sub(place, before), NUMBERS.as_pointer())
    first = builder.sub(builder.shl(INT32(1), builder.trunc(count, INT32)), INT32(1))
    mask = builder.bitcast(builder.trunc(first, ir.IntType(ROWS)), BITS)
    _call(builder, f"llvm.masked.store.v{ROWS}i32.p0", ir.VoidType(), packed, target, INT32(4), mask)


def _load(builder, address, vector):
    value = builder.load(builder.inttoptr(address, vector.as_pointer()))
    value.align = 1
    return value


def _everywhere(vector, number):
    return ir.Constant(vector, [number] * vector.count)


def _call(builder, name, result, *arguments):
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)
