"""Vector code for Winograd's transforms, and their matrices (see simd.py, winograd.py)."""

from numba import types
from numba.extending import intrinsic

from yuanli.kernels.simd import FLOAT, Emitter

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
