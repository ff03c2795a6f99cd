"""How a kernel is handed to the threads of Numba's pool.

Numba's own way, a loop over `prange` in a function compiled with `parallel=True`, puts the machine code of
the loop into five libraries, each optimised anew: half of the 24 s that a first LeNet step took.  Here a
kernel is compiled once, together with the few instructions that hand it to the pool.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.compiler import compile_internal
from numba.core.targetconfig import ConfigStack
from numba.extending import intrinsic
from numba.np.ufunc.parallel import _launch_threads as start_threads

__all__ = ["run_parts", "start_threads"]

NOTHING, WORD, BYTES = ir.VoidType(), ir.IntType(64), ir.IntType(8).as_pointer()
WORDS = WORD.as_pointer()


@intrinsic
def run_parts(typing, kernel, parts, arguments):
    """Call kernel((part, parts), *arguments) for every part, each on a thread; returns how many failed.

    One part alone is the caller's.
    """
    inner = (types.UniTuple(types.int64, 2), *arguments)

    def generate(context, builder, signature, values):
        _, parts, packed = values
        compiled = _compile(context, kernel.dispatcher.py_func, inner)
        shared = ir.LiteralStructType([packed.type, WORD, WORD])  # the arguments, parts, failures
        stretch = _stretch(builder.module, f"{builder.function.name}.stretch")
        b = ir.IRBuilder(stretch.append_basic_block())
        firsts, many, _, data = stretch.args
        given, of, failures = _fields(b, b.bitcast(data, shared.as_pointer()))
        first, unpacked = b.ptrtoint(b.load(firsts), WORD), cgutils.unpack_tuple(b, b.load(given))
        with cgutils.for_range(b, b.load(many)) as loop:
            part = cgutils.pack_array(b, [b.add(first, loop.index), b.load(of)])
            status, _ = context.call_internal_no_propagate(b, compiled, types.none(*inner), [part, *unpacked])
            b.atomic_rmw("add", failures, b.zext(status.is_error, WORD), "monotonic")
        b.ret_void()

        data = cgutils.alloca_once(builder, shared)
        for place, value in zip(_fields(builder, data), (packed, parts, WORD(0)), strict=True):
            builder.store(value, place)
        nought = ir.Constant(BYTES, None)
        pointers = [cgutils.alloca_once_value(builder, v) for v in (nought, parts, WORD(1))]
        with builder.if_else(builder.icmp_signed("==", parts, WORD(1))) as (alone, together):
            with alone:
                builder.call(stretch, [*pointers, builder.bitcast(data, BYTES)])
            with together:
                kind = ir.FunctionType(NOTHING, [BYTES] * 5 + [WORD] * 3)
                run = cgutils.get_or_insert_function(builder.module, kind, "numba_parallel_for")
                pointers = [builder.bitcast(p, BYTES) for p in (stretch, *pointers, data)]
                builder.call(run, [*pointers, WORD(0), WORD(1), parts])
        return builder.load(_fields(builder, data)[2])

    return types.int64(kernel, types.int64, arguments), generate


def _compile(context, function, arguments):
    """Compile a function into the library of the one that is being compiled."""
    flags = ConfigStack().top().copy()
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    library = context.active_code_library
    return compile_internal(
        context.typing_context, context, library, function, arguments, types.none, flags, {}
    ).fndesc


def _stretch(module, name):
    """What the pool calls on a thread, still empty: with the address of what belongs to the first of some
    parts, how many they are, how far it is from one part's address to the next's, and what all parts share.
    For an address it is told the number of the part: they begin at 0 and are 1 apart.
    """
    kind = ir.FunctionType(NOTHING, [BYTES.as_pointer(), WORDS, WORDS, BYTES])
    function = ir.Function(module, kind, name)
    function.linkage = "internal"
    return function


def _fields(builder, struct):
    return [cgutils.gep_inbounds(builder, struct, 0, k) for k in range(3)]
