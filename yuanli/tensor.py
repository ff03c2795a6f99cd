"""Tensor, the tape, and `@differentiable`: reverse-mode differentiation in one file.

A differentiable function takes arrays and returns its value and one gradient function per input; what the
gradient functions close over is what the backward pass remembers.  The tape is the order of creation: every
Tensor carries a counter, so walking the reachable nodes from the youngest to the oldest visits each one after
everything that was computed from it.  Nothing recurses.

Source: Griewank & Walther, Evaluating Derivatives, 2008, chapter 3.  Differs: first-order gradients only.
"""

import builtins
import functools
import inspect
import itertools
import operator
from collections.abc import Callable, Iterator
from contextlib import ContextDecorator, contextmanager
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from yuanli import arithmetic
from yuanli.arithmetic import quiet
from yuanli.errors import DTypeError, GradientError, ShapeError, YuanliError

_clock = itertools.count().__next__
_order_of = operator.attrgetter("_order")
_recording: ContextVar[bool] = ContextVar("recording", default=True)
_watchers: list[Callable] = []
_FREED: list = []  # the parents of a node whose graph an earlier backward() has used up

FLOAT32 = np.dtype(np.float32)
NUMBERS = (int, float, np.ndarray, np.number, np.bool)  # what stands beside Tensors in an operation
DTYPES = frozenset(map(np.dtype, ("f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")))


class Tensor:
    """An array of numbers, and where it came from.

    `data` is the NumPy array; `grad`, after `backward()`, the array ∂(result)/∂(this), shaped like it.
    Python numbers and lists become float32 (or int64, bool); arrays keep their dtype and are not copied.
    """

    __slots__ = ("__weakref__", "_order", "_parents", "_rule", "data", "grad", "requires_grad")
    __array_ufunc__ = None  # array + Tensor is Tensor.__radd__, not an array of objects
    __hash__ = object.__hash__

    data: np.ndarray
    grad: np.ndarray | None
    _rule: Callable

    def __init__(self, data: Any, requires_grad: bool = False) -> None:
        self.data = as_array(data)
        if requires_grad and self.data.dtype.kind != "f":
            raise DTypeError(f"only float tensors have gradients, got dtype {self.data.dtype}")
        self.grad = None
        self.requires_grad = requires_grad
        self._parents: Any = None
        self._order = _clock()

    # What it is ------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape

    @property
    def ndim(self) -> int:
        return self.data.ndim

    @property
    def size(self) -> int:
        return self.data.size

    @property
    def dtype(self) -> np.dtype:
        return self.data.dtype

    def item(self) -> float:
        """The one number inside."""
        if self.data.size != 1:
            raise ShapeError(f"item() needs a tensor of one number, got shape {self.shape}")
        return self.data.item()

    def numpy(self) -> np.ndarray:
        """The array itself, not a copy."""
        return self.data

    def detach(self) -> "Tensor":
        """The same numbers, without their history."""
        return Tensor(self.data)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.data, dtype=dtype, copy=copy)

    def __len__(self) -> int:
        if not self.data.ndim:
            raise ShapeError("len() of a single number: this tensor has no axes")
        return len(self.data)

    def __iter__(self) -> Iterator["Tensor"]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __repr__(self) -> str:
        text = np.array2string(self.data, separator=", ", prefix="tensor(", threshold=100, precision=4)
        tail = ", requires_grad=True" if self.requires_grad else ""
        return f"tensor({text}, {self.data.dtype}{tail})"

    # The backward pass -----------------------------------------------------------------------------------

    def backward(self, gradient: Any = None) -> None:
        """Add ∂self/∂leaf to the `grad` of every leaf that requires it; the graph is freed as it is walked.

        `gradient` is ∂(result)/∂self, needed unless self is a single number (then it is 1).
        """
        if not self.requires_grad:
            raise GradientError("backward() needs a result computed from a tensor with requires_grad=True")
        if gradient is None:
            if self.data.size != 1:
                raise GradientError(
                    f"backward() of shape {self.shape} needs `gradient`; or reduce it to one number first"
                )
            gradient = np.ones(self.data.shape, self.data.dtype)
        else:
            gradient = np.array(as_array(gradient), self.data.dtype)
            if gradient.shape != self.data.shape:
                raise ShapeError(f"backward() needs a gradient of shape {self.shape}, got {gradient.shape}")
        nodes = ancestors(self)
        nodes.sort(key=_order_of)
        try:
            with quiet():
                self._walk(nodes, gradient)
        finally:
            for node in nodes:  # after an error: nothing half added up is left behind
                if node._parents is not None:
                    node.grad = None

    def _walk(self, nodes: list["Tensor"], gradient: np.ndarray) -> None:
        """Hand every node's gradient on to its parents; it lies in `grad` until then, and in leaves stays."""
        owned = {id(self)}  # whose gradients are ours to write into
        self.grad = gradient if self.grad is None else np.asarray(arithmetic.plus(self.grad, gradient))
        while nodes:
            node = nodes.pop()
            dy, parents = node.grad, node._parents
            if dy is None or parents is None:
                continue
            node.grad, node._parents = None, _FREED
            for parent, rule in parents:
                g = rule(dy)
                data, held = parent.data, parent.grad
                if g.shape != data.shape:
                    g = sum_to(g, data.shape)
                if g.dtype is not data.dtype or type(g) is not np.ndarray:
                    g = np.asarray(g, data.dtype)  # NumPy makes numbers of arrays without axes
                if held is None:
                    if parent._parents is None:
                        owned.add(id(parent))
                        g = g if _is_fresh(g, dy) else g.copy()
                    parent.grad = g
                elif id(parent) in owned:
                    held += g
                else:
                    parent.grad = np.asarray(arithmetic.plus(held, g))
                    owned.add(id(parent))

    # Operators and everyday methods; their rules are below -------------------------------------------------

    def __add__(self, other: Any) -> "Tensor":
        return add(self, other)

    def __radd__(self, other: Any) -> "Tensor":
        return add(other, self)

    def __sub__(self, other: Any) -> "Tensor":
        return sub(self, other)

    def __rsub__(self, other: Any) -> "Tensor":
        return sub(other, self)

    def __mul__(self, other: Any) -> "Tensor":
        return mul(self, other)

    def __rmul__(self, other: Any) -> "Tensor":
        return mul(other, self)

    def __truediv__(self, other: Any) -> "Tensor":
        return div(self, other)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return div(other, self)

    def __pow__(self, other: Any) -> "Tensor":
        return pow(self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return pow(other, self)

    def __matmul__(self, other: Any) -> "Tensor":
        return matmul(self, other)

    def __rmatmul__(self, other: Any) -> "Tensor":
        return matmul(other, self)

    def __neg__(self) -> "Tensor":
        return neg(self)

    def __getitem__(self, index: Any) -> "Tensor":
        return getitem(self, index)

    # Comparisons give plain arrays of booleans: they have no gradient.

    def __eq__(self, other: Any) -> np.ndarray:  # type: ignore[override]
        return _compare(np.equal, self, other)

    def __ne__(self, other: Any) -> np.ndarray:  # type: ignore[override]
        return _compare(np.not_equal, self, other)

    def __lt__(self, other: Any) -> np.ndarray:
        return _compare(np.less, self, other)

    def __le__(self, other: Any) -> np.ndarray:
        return _compare(np.less_equal, self, other)

    def __gt__(self, other: Any) -> np.ndarray:
        return _compare(np.greater, self, other)

    def __ge__(self, other: Any) -> np.ndarray:
        return _compare(np.greater_equal, self, other)

    def sum(self, dim: Any = None, keepdim: bool = False) -> "Tensor":
        return sum(self, dim, keepdim)

    def mean(self, dim: Any = None, keepdim: bool = False) -> "Tensor":
        return mean(self, dim, keepdim)

    def max(self, dim: Any = None, keepdim: bool = False) -> "Tensor":
        return max(self, dim, keepdim)

    def min(self, dim: Any = None, keepdim: bool = False) -> "Tensor":
        return min(self, dim, keepdim)

    def reshape(self, *shape: Any) -> "Tensor":
        return reshape(self, shape[0] if len(shape) == 1 else shape)

    def transpose(self, dim0: int, dim1: int) -> "Tensor":
        return transpose(self, dim0, dim1)

    @property
    def T(self) -> "Tensor":
        if self.data.ndim != 2:
            raise ShapeError(
                f"T needs a matrix (2 axes), got shape {self.shape}; transpose(dim0, dim1) names the axes"
            )
        return transpose(self, 0, 1)

    def exp(self) -> "Tensor":
        return exp(self)

    def log(self) -> "Tensor":
        return log(self)

    def sqrt(self) -> "Tensor":
        return sqrt(self)

    def abs(self) -> "Tensor":
        return abs(self)


# The engine ------------------------------------------------------------------------------------------------


class no_grad(ContextDecorator):
    """Inside, nothing is recorded: `with no_grad(): ...` or `@no_grad()`."""

    def __enter__(self) -> Self:
        self._token = _recording.set(False)
        return self

    def __exit__(self, *error: object) -> None:
        _recording.reset(self._token)


@contextmanager
def watch(watcher: Callable[[Callable, tuple, dict, Any], None]) -> Iterator[None]:
    """Inside, `watcher(rule, inputs, options, result)` hears of every operation and comparison."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.pop()


def as_array(data: Any) -> np.ndarray:
    """`data` as an array of a dtype a Tensor holds; Python floats become float32."""
    if isinstance(data, Tensor):
        return data.data
    if not isinstance(data, np.ndarray | np.generic):
        try:
            data = np.asarray(data)
        except (ValueError, TypeError) as error:
            raise DTypeError(f"a Tensor needs numbers or a regular nest of them: {error}") from None
        if data.dtype == np.float64:
            data = data.astype(np.float32)
    data = np.asarray(data)
    if data.dtype not in DTYPES:
        raise DTypeError(f"a Tensor holds float32, float64, integers or booleans, got dtype {data.dtype}")
    return data


def plain(value: Any) -> Any:
    """The arrays inside Tensors, also in a tuple or list; NumPy numbers as Python's, which widen nothing."""
    if isinstance(value, Tensor):
        return value.data
    if isinstance(value, np.ndarray):
        return as_array(value)
    if isinstance(value, np.generic):
        return value.item()
    return type(value)(map(plain, value)) if type(value) in (tuple, list) else value


def differentiable(rule: Callable[..., tuple[Any, tuple]]) -> Callable[..., Tensor]:
    """Turn `rule(*arrays, **options) -> value, (one gradient function per input)` into a function of Tensors.

    A gradient function takes dy = ∂(result)/∂value and returns ∂(result)/∂input: a fresh array, dy itself or
    a view of it; what it keeps, at most once.  None marks an input without gradient.  Broadcasting is undone
    by the engine.  Inside a rule overflow and division by zero are silent.
    """
    signature = inspect.signature(rule)
    quietly = quiet()(rule)

    @functools.wraps(rule)
    def operation(*inputs: Any, **options: Any) -> Tensor:
        try:
            if options:
                if any(isinstance(v, Tensor) for v in options.values()):
                    inputs, options = _positional(signature, inputs, options)
                options = {k: plain(v) for k, v in options.items()}
            arrays = [i.data if isinstance(i, Tensor) else plain(i) for i in inputs]
            value, gradients = quietly(*arrays, **options)
            if type(value) is not np.ndarray:
                value = np.asarray(value)
            if value.dtype is not FLOAT32 and (narrow := _narrow(value, arrays, gradients)):
                value, gradients = quietly(*narrow, **options)
                value = np.asarray(value)
        except YuanliError:
            raise
        except (ValueError, TypeError, IndexError, AttributeError) as error:
            raise _explain(rule.__name__, inputs, options, error) from error
        result = Tensor.__new__(Tensor)
        result.data = value
        result.grad = None
        result.requires_grad = False
        result._parents = None
        result._order = _clock()
        parents = []
        for i, g in zip(inputs, gradients):  # noqa: B905  (options may follow the inputs)
            if isinstance(i, Tensor):
                if i.requires_grad and g is not None:
                    parents.append((i, g))
            elif g is not None and i is not None and not isinstance(i, NUMBERS):  # None: a bias left out
                raise _not_numbers(rule.__name__, i)
        if parents and _recording.get():
            result.requires_grad = True
            result._parents = parents
            result._rule = rule  # its name and formula, for the microscope
        if _watchers:
            _watchers[-1](rule, inputs, options, result)
        return result

    return operation


def _narrow(value: np.ndarray, arrays: list, gradients: tuple) -> list | None:
    """The inputs with whole numbers as float32, if these made NumPy widen the value; torch does not."""
    if value.dtype.kind != "f" and value.dtype not in DTYPES:
        raise TypeError(f"the result would have dtype {value.dtype}")
    if value.dtype.kind != "f" or any(getattr(a, "dtype", None) == np.float64 for a in arrays):
        return None
    narrow = list(arrays)
    for i, (a, g) in enumerate(zip(arrays, gradients, strict=False)):
        if g is not None and isinstance(a, NUMBERS) and getattr(a, "dtype", None) != FLOAT32:
            narrow[i] = np.asarray(a, np.float32)
    return narrow if any(n is not a for n, a in zip(narrow, arrays, strict=True)) else None


def ancestors(root: Tensor) -> list[Tensor]:
    """`root` and every tensor it was computed from through recorded operations, in no set order."""
    nodes, stack = {id(root): root}, [root]
    while stack:
        parents = stack.pop()._parents
        if parents is _FREED:
            raise GradientError(
                "an earlier backward() has freed part of this graph; "
                "run the forward pass again, or add the losses and call backward() once"
            )
        for parent, _ in parents or ():
            if id(parent) not in nodes:
                nodes[id(parent)] = parent
                stack.append(parent)
    return list(nodes.values())


def sum_to(g: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Undo broadcasting: add up the axes along which an input of `shape` was repeated."""
    extra = g.ndim - len(shape)
    repeated = tuple(range(extra)) + tuple(
        i + extra for i, n in enumerate(shape) if n == 1 and g.shape[i + extra] != 1
    )
    return g.sum(repeated, keepdims=True).reshape(shape)


def _is_fresh(g: np.ndarray, dy: np.ndarray) -> bool:
    """Whether a gradient function made g anew, so that it may be kept and written into."""
    return g is not dy and (g.base is None or (g.flags.writeable and not np.may_share_memory(g, dy)))


def _positional(signature: inspect.Signature, inputs: tuple, options: dict) -> tuple[tuple, dict]:
    """Move Tensors given by name (`bias=b`) to their place, so that the engine sees them."""
    bound = signature.bind(*inputs, **options)
    bound.apply_defaults()
    names = list(signature.parameters)
    last = builtins.max(i for i, n in enumerate(names) if isinstance(options.get(n), Tensor)) + 1
    moved = tuple(bound.arguments[n] for n in names[:last])
    return moved, {k: v for k, v in options.items() if k not in names[:last]}


def _compare(ufunc: np.ufunc, a: Tensor, b: Any) -> np.ndarray:
    if not isinstance(b, (Tensor, *NUMBERS)):
        raise _not_numbers(ufunc.__name__, b)
    try:
        result = np.asarray(ufunc(a.data, plain(b)))
    except ValueError as error:
        raise _explain(ufunc.__name__, (a, b), {}, error) from None
    if _watchers:
        _watchers[-1](ufunc, (a, b), {}, result)
    return result


def _not_numbers(name: str, came: Any) -> DTypeError:
    return DTypeError(f"{name} needs Tensors, arrays or numbers, got {came!r:.40} ({type(came).__name__})")


def _explain(name: str, inputs: tuple, options: dict, error: Exception) -> YuanliError:
    """Say which operation failed and on what, whichever way NumPy put it."""
    name = name.lstrip("_")  # cat's rule is _cat
    shapes = [i.shape for i in inputs if hasattr(i, "shape")]
    if "broadcast" in str(error) and len(shapes) > 1:
        return ShapeError(f"{name} needs shapes that broadcast, got {' and '.join(map(str, shapes))}")
    if isinstance(error, TypeError | AttributeError):
        for i in inputs:
            if not isinstance(i, (Tensor, tuple, *NUMBERS)):
                return _not_numbers(name, i)
            if isinstance(error, AttributeError) and error.obj is i:
                return DTypeError(f"{name} needs a Tensor or an array here, got the number {i!r}")
    came = [f"{i.dtype}{list(i.shape)}" if hasattr(i, "shape") else f"{i!r:.40}" for i in inputs]
    came += [f"{k}={v!r:.40}" for k, v in options.items()]
    kind = ShapeError if isinstance(error, ValueError | IndexError) else DTypeError
    return kind(f"{name} cannot take ({', '.join(came)}): {error}")


add = differentiable(arithmetic.add)
sub = differentiable(arithmetic.sub)
mul = differentiable(arithmetic.mul)
div = differentiable(arithmetic.div)
pow = differentiable(arithmetic.pow)
neg = differentiable(arithmetic.neg)
exp = differentiable(arithmetic.exp)
log = differentiable(arithmetic.log)
sqrt = differentiable(arithmetic.sqrt)
abs = differentiable(arithmetic.abs)
matmul = differentiable(arithmetic.matmul)
getitem = differentiable(arithmetic.getitem)
reshape = differentiable(arithmetic.reshape)
transpose = differentiable(arithmetic.transpose)
sum = differentiable(arithmetic.sum)
mean = differentiable(arithmetic.mean)
max = differentiable(arithmetic.max)
min = differentiable(arithmetic.min)
