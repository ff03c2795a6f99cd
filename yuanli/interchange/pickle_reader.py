"""Reading a pickle without running it: a machine for the few instructions that tensor files need.

A pickle is a program for a stack machine whose instructions may import and call anything.  This machine
imports nothing.  A name in the file is looked up in a table of our own; what it may call are the table's
`Function`s, which make plain records.  Instructions that make objects in other ways (INST, OBJ, NEWOBJ, EXT,
and all of protocol 0) do not exist here.  Python's Unpickler with its `find_class` closed would still resize
its memo to any index in the file, and call what is left on its stack.

Every instruction makes at most one object, of no more bytes than it takes from the file, and there is a limit
to their number: a file cannot make the reader larger than itself by much, nor keep it busy.

Source: CPython's Lib/pickletools.py, which defines the instructions.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from yuanli.errors import CheckpointError, RefusedError

MOST_INSTRUCTIONS = 2_000_000  # a checkpoint of a thousand tensors and its optimiser takes 60,000
LARGEST_KEY = 2**48  # larger whole numbers can be chosen so that all fall into one place of a dict


class Function(NamedTuple):
    """What a file may call by name: a function of ours, which gives a plain record."""

    call: Callable[..., Any]


def shown(value: Any) -> str:
    """`value` in an error, which must not walk through what may be nested or shared without end."""
    return f"{value!r:.60}" if isinstance(value, str | int | float | None) else f"a {type(value).__name__}"


class Record:
    """Something that BUILD may complete with a state."""

    def build(self, state: Any) -> None:
        raise RefusedError("a pickle sets the state of something that has none")


class OrderedState(dict):
    """What stands for an OrderedDict; the attributes a file gives it are let fall."""


def read_pickle(
    data: bytes,
    start: int,
    names: Mapping[tuple[str, str], Any],
    persistent: Callable[[Any], Any] | None = None,
) -> tuple[Any, int]:
    """The value of the pickle at `start`, and where the next one begins.

    names: (module, name) → what the name stands for.  persistent: what an external reference stands for.
    Raises: RefusedError for what is no tensor, number, string or container; CheckpointError when damaged.
    """
    machine = _Machine(data, start, names, persistent)
    try:
        return machine.run(), machine.at
    except (IndexError, KeyError, ValueError, TypeError, struct.error, OverflowError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"the pickle is damaged at byte {machine.at}: {error!r:.120}") from None


class _Machine:
    def __init__(self, data: bytes, at: int, names: Mapping, persistent: Callable | None) -> None:
        self.data, self.at, self.names, self.persistent = data, at, names, persistent
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(MOST_INSTRUCTIONS):
            code = self.take(1)
            if code == b".":
                if self.below or len(self.stack) != 1:
                    raise CheckpointError("the pickle is damaged: it ends with other than one value")
                return self.stack.pop()
            if code not in _INSTRUCTIONS:
                raise RefusedError(
                    f"instruction {code!r} at byte {self.at - 1} of the pickle is none that tensors, "
                    "numbers, strings and containers need; nothing of the file was executed"
                )
            _INSTRUCTIONS[code](self)
        raise RefusedError(f"the pickle has more than {MOST_INSTRUCTIONS:,} instructions")

    def take(self, count: int) -> bytes:
        """The next `count` bytes, which must be there."""
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise CheckpointError(
                f"the pickle is cut short: {count} bytes are announced at byte {self.at} of {len(self.data)}"
            )
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        end = self.data.index(b"\n", self.at, self.at + 200)
        return self.take(end + 1 - self.at)[:-1].decode("ascii")

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def above_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def named(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str or (module, name) not in self.names:
            raise RefusedError(
                f"the file asks for {shown(module)} {shown(name)}: only plain tensors, numbers, strings and "
                "containers are read; nothing of the file was executed"
            )
        self.push(self.names[module, name])

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.named(module, name)

    def reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if type(function) is not Function or type(arguments) is not tuple:
            raise RefusedError("the pickle calls what is no function of a tensor file")
        self.push(function.call(*arguments))

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Record):
            target.build(state)
        elif type(target) is not OrderedState or type(state) is not dict:
            raise RefusedError(f"the pickle sets the state of a {type(target).__name__}")

    def persistent_id(self) -> None:
        if self.persistent is None:
            raise RefusedError("the pickle refers to something outside of it")
        self.push(self.persistent(self.stack.pop()))

    def append(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise RefusedError("the pickle appends to what is no list")
        self.stack[-1].extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) not in (dict, OrderedState) or len(items) % 2:
            raise RefusedError("the pickle sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not (isinstance(key, str | bytes) or (type(key) is int and abs(key) < LARGEST_KEY)):
                raise RefusedError(f"the pickle has {shown(key)} as a key of a dict")
            target[key] = value

    def tuple_of(self, count: int) -> None:
        if len(self.stack) < count:
            raise CheckpointError("the pickle is damaged: it takes more from the stack than there is")
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def remember(self, index: int) -> None:
        self.memo[index] = self.stack[-1]


_INSTRUCTIONS: dict[bytes, Callable[[_Machine], Any]] = {
    b"\x80": lambda m: m.number("<B"),  # PROTO
    b"\x95": lambda m: m.number("<Q"),  # FRAME: a hint for buffering
    b"(": _Machine.mark,
    b"0": lambda m: m.stack.pop(),
    b"1": lambda m: m.above_mark(),  # POP_MARK
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"J": lambda m: m.push(m.number("<i")),
    b"K": lambda m: m.push(m.number("<B")),
    b"M": lambda m: m.push(m.number("<H")),
    b"\x8a": lambda m: m.push(int.from_bytes(m.take(m.number("<B")), "little", signed=True)),  # LONG1
    b"G": lambda m: m.push(m.number(">d")),
    b"T": lambda m: m.push(m.take(m.number("<i")).decode("latin-1")),  # BINSTRING, of Python 2
    b"U": lambda m: m.push(m.take(m.number("<B")).decode("latin-1")),
    b"X": lambda m: m.push(m.take(m.number("<I")).decode()),
    b"\x8c": lambda m: m.push(m.take(m.number("<B")).decode()),
    b"\x8d": lambda m: m.push(m.take(m.number("<Q")).decode()),
    b"B": lambda m: m.push(m.take(m.number("<I"))),
    b"C": lambda m: m.push(m.take(m.number("<B"))),
    b"\x8e": lambda m: m.push(m.take(m.number("<Q"))),
    b"}": lambda m: m.push({}),
    b"]": lambda m: m.push([]),
    b")": lambda m: m.push(()),
    b"t": lambda m: m.push(tuple(m.above_mark())),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"a": lambda m: m.append([m.stack.pop()]),
    b"e": lambda m: m.append(m.above_mark()),
    b"s": lambda m: m.set_items([m.stack.pop(-2), m.stack.pop()]),
    b"u": lambda m: m.set_items(m.above_mark()),
    b"q": lambda m: m.remember(m.number("<B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"h": lambda m: m.push(m.memo[m.number("<B")]),
    b"j": lambda m: m.push(m.memo[m.number("<I")]),
    b"c": lambda m: m.named(m.line(), m.line()),
    b"\x93": _Machine.stack_global,
    b"R": _Machine.reduce,
    b"b": _Machine.build,
    b"Q": _Machine.persistent_id,
}
