"""Module: something with parameters and a forward pass; parameters are found, not registered."""

import textwrap
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from yuanli.arithmetic import quiet
from yuanli.errors import CheckpointError, DTypeError, ModelError
from yuanli.tensor import Tensor, as_array

_CONTAINERS = (list, tuple, set, frozenset, deque, Mapping)


class Parameter(Tensor):
    """A tensor that is trained.  It owns its array (a copy), because optimisers write into it."""

    __slots__ = ()

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(np.array(as_array(data)), requires_grad)


class Misfits(NamedTuple):
    """What `load_state_dict(..., strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """A layer or model.  Attributes that are Parameters are its parameters, and Modules its children.

    Both are found in `vars(self)`, in the order they were set, so `__init__` needs no `super().__init__()`.
    Layers in a plain list, tuple or dict are an error when parameters are collected: use ModuleList.
    """

    training: bool = True
    frozen: bool = False
    _buffer_names: tuple[str, ...] = ()

    def forward(self, *inputs: Any, **options: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} needs a method forward(self, x)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    # What it consists of -----------------------------------------------------------------------------------

    def named_modules(
        self, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, "Module"]]:
        """This module (named "") and all below it, parents first; each once, or under each of its names."""
        stack: list[tuple[str, Module, tuple[int, ...]]] = [(prefix, self, ())]
        seen: set[int] = set()
        while stack:
            path, module, above = stack.pop()
            if id(module) in (seen if remove_duplicate else above):  # above: a module inside itself
                continue
            seen.add(id(module))
            yield path, module
            above = (*above, id(module))
            children = [(_join(path, name), child, above) for name, child in module._own(Module)]
            stack.extend(reversed(children))

    def modules(self) -> Iterator["Module"]:
        return (module for _, module in self.named_modules())

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        return _once(self._own(Module))

    def children(self) -> Iterator["Module"]:
        return (child for _, child in self.named_children())

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """(dotted name, parameter), this module's before those of its children; a shared one once."""
        modules = self.named_modules(prefix) if recurse else [(prefix, self)]
        return _once((_join(path, name), p) for path, m in modules for name, p in m._own(Parameter))

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (p for _, p in self.named_parameters(recurse=recurse))

    def register_buffer(self, name: str, value: Any) -> None:
        """Keep an array that is saved but not trained, as attribute `name`; None for none."""
        if not name.isidentifier() or hasattr(self, name):
            raise ModelError(f"a buffer needs an unused attribute name, got {name!r}")
        setattr(self, name, None if value is None else np.array(as_array(value)))
        self._buffer_names = (*self._buffer_names, name)

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, np.ndarray]]:
        modules = self.named_modules(prefix) if recurse else [(prefix, self)]
        return _once((_join(path, name), b) for path, m in modules for name, b in m._own_buffers())

    def buffers(self, recurse: bool = True) -> Iterator[np.ndarray]:
        return (b for _, b in self.named_buffers(recurse=recurse))

    def generators(self) -> Iterator[np.random.Generator]:
        """The random generators that modules hold, each once; checkpoints keep their states in this order."""
        held = (
            ("", g) for m in self.modules() for g in vars(m).values() if isinstance(g, np.random.Generator)
        )
        return (g for _, g in _once(held))

    def _own(self, kind: type) -> Iterator[tuple[str, Any]]:
        """This module's attributes that are Parameters, or Modules."""
        for name, value in list(vars(self).items()):
            if isinstance(value, kind):
                yield name, value
            elif isinstance(value, _CONTAINERS) and _hides_parameters(value):
                raise ModelError(
                    f"{type(self).__name__}.{name} keeps Modules or Parameters in a plain "
                    f"{type(value).__name__}, where they are not found: "
                    f"use nn.ModuleList or nn.Sequential, or an attribute for each"
                )

    def _own_buffers(self) -> Iterator[tuple[str, np.ndarray]]:
        return ((n, vars(self)[n]) for n in self._buffer_names if vars(self).get(n) is not None)

    # State -------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of all parameters and buffers by dotted name; a shared one under each of its names.

        Differs: torch gives views, which training goes on changing; a state kept here stays as it was.
        """
        return {name: np.array(value) for name, _, _, value in self._state()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> Misfits:
        """Take over the values of `state`, cast to each entry's dtype.

        A shared one may come under any of its names.  With strict=False, missing and unexpected entries are
        passed over and returned, wrong shapes not.
        Raises: CheckpointError that names every entry that does not fit; then nothing has changed.
        """
        if not isinstance(state, Mapping):
            raise CheckpointError(f"a state is a dict of name → array, got {type(state).__name__}")
        own = list(self._state())
        names = {name for name, *_ in own}
        given = {id(value): name for name, _, _, value in own if name in state}
        missing = [name for name, _, _, value in own if id(value) not in given]
        unexpected = [str(name) for name in state if name not in names]
        new = {name: _numbers(state[name]) for name in names if name in state}
        problems = [f"missing {n}" for n in missing] + [f"unexpected {n}" for n in unexpected]
        problems = problems if strict else []
        for name, _, _, value in own:
            array = new.get(name)
            if name in new and (array is None or array.shape != value.shape):
                problems.append(f"{name} needs {_describe(value)}, got {_describe(array)}")
            elif array is not None and not _same(array, new[given[id(value)]]):
                problems.append(f"{name} and {given[id(value)]} are one array here, but not in the state")
        if problems:
            raise CheckpointError(f"this state does not fit {type(self).__name__}: " + "; ".join(problems))
        with quiet():  # a number may be too large for the dtype
            for name, module, attribute, value in own:
                if (array := new.get(name)) is None:
                    continue
                if isinstance(vars(module)[attribute], Parameter):
                    value[...] = array  # in place: optimisers may hold it
                else:
                    setattr(module, attribute, array.astype(value.dtype))
        return Misfits(missing, unexpected)

    def _state(self) -> Iterator[tuple[str, "Module", str, np.ndarray]]:
        """(dotted name, module, attribute, array) of every parameter and buffer, in torch's order."""
        for path, module in self.named_modules(remove_duplicate=False):
            for name, p in module._own(Parameter):
                yield _join(path, name), module, name, p.data
            for name, b in module._own_buffers():
                yield _join(path, name), module, name, np.asarray(b)

    # Changing everything below at once ---------------------------------------------------------------------

    def train(self, mode: bool = True) -> Self:
        """Training mode: dropout drops, batch normalisation uses the batch's statistics."""
        if not isinstance(mode, bool):
            raise ModelError(f"train(mode) needs True or False, got {type(mode).__name__}")
        for module in self.modules():
            module.training = mode and not module.frozen
        return self

    def eval(self) -> Self:
        """Evaluation mode: dropout is the identity, batch normalisation uses its running statistics."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Forget all gradients (set them to None)."""
        for p in self.parameters():
            p.grad = None

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let all parameters be trained, or freeze them."""
        for p in self.parameters():
            p.requires_grad = requires_grad
        return self

    def to(self, dtype: Any) -> Self:
        """Cast parameters and real-valued buffers to float32 or float64; their gradients are forgotten."""
        if (dtype := np.dtype(dtype)) not in (np.float32, np.float64):
            raise DTypeError(f"to() needs float32 or float64, got {dtype}")
        for module in self.modules():
            for _, p in module._own(Parameter):
                p.data, p.grad = p.data.astype(dtype), None
            for name, b in module._own_buffers():
                if b.dtype.kind == "f":
                    setattr(module, name, b.astype(dtype))
        return self

    def freeze(self) -> Self:
        """Let nothing of it change: no gradients, and evaluation mode whatever `train` says."""
        for module in self.modules():
            module.frozen, module.training = True, False
        return self.requires_grad_(False)

    def apply(self, function: Callable[["Module"], object]) -> Self:
        """Call `function` on every module, children before their parents: for initialisation."""
        for module in reversed(list(self.modules())):
            function(module)
        return self

    # What it looks like ------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """The options shown between the parentheses of `repr`."""
        return ""

    def __repr__(self) -> str:
        return _tree(self, ())


def _tree(module: Module, above: tuple[int, ...]) -> str:
    name = type(module).__name__
    if id(module) in above:
        return f"{name}(…)"  # a module inside itself
    children = [
        f"({n}): {_tree(child, (*above, id(module)))}"
        for n, child in vars(module).items()
        if isinstance(child, Module)
    ]
    if not children:
        return f"{name}({module.extra_repr()})"
    lines = [module.extra_repr(), *children] if module.extra_repr() else children
    return f"{name}(\n" + textwrap.indent("\n".join(lines), "  ") + "\n)"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _once(named: Any) -> Iterator[tuple[str, Any]]:
    """Each value once, by its first name."""
    seen: set[int] = set()
    for name, value in named:
        if id(value) not in seen:
            seen.add(id(value))
            yield name, value


def _hides_parameters(container: Any) -> bool:
    """Whether a Module or Parameter lies somewhere in a nest of plain containers."""
    stack, seen = [container], set()
    while stack:
        value = stack.pop()
        if isinstance(value, Module | Parameter):
            return True
        if isinstance(value, _CONTAINERS) and id(value) not in seen:
            seen.add(id(value))
            stack.extend(value.values() if isinstance(value, Mapping) else value)
    return False


def _numbers(value: Any) -> np.ndarray | None:
    """`value` as an array of numbers; None where it is nothing of the kind."""
    try:
        array = value.data if isinstance(value, Tensor) else np.asarray(value)
    except (ValueError, TypeError, RuntimeError):
        return None
    return array if array.dtype.kind in "fiub" else None


def _same(a: np.ndarray, b: np.ndarray | None) -> bool:
    return a is b or (b is not None and np.array_equal(a, b, equal_nan=True))


def _describe(array: np.ndarray | None) -> str:
    return "no array of numbers" if array is None else f"{array.dtype}{list(array.shape)}"
