"""Sequential and ModuleList: modules in a row, under the names "0", "1", …"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from yuanli.errors import ModelError, ValueRangeError
from yuanli.nn.activation import ReLU, ReLU6
from yuanli.nn.linear import Linear
from yuanli.nn.module import Module
from yuanli.nn.norm import BatchNorm1d, BatchNorm2d
from yuanli.nn.pool import MaxPool2d

WITH_RELU = (Linear, BatchNorm1d, BatchNorm2d)  # layers that know how to compute a ReLU after them
WITH_RELU6 = (BatchNorm1d, BatchNorm2d)


class _Row(Module):
    """Modules in order; their names are their attributes."""

    def append(self, module: Module) -> "_Row":
        """Add a module at the end, named by its number."""
        self._name(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> "_Row":
        for module in modules:
            self.append(module)
        return self

    def _name(self, name: str, module: Module) -> None:
        if not isinstance(module, Module):
            raise ModelError(f"{type(self).__name__} needs Modules, got {type(module).__name__} for {name!r}")
        if not isinstance(name, str) or not name or "." in name or hasattr(self, name):
            raise ModelError(f"{type(self).__name__} needs an unused name without dots, got {name!r}")
        setattr(self, name, module)

    def _names(self) -> list[str]:
        return [name for name, value in vars(self).items() if isinstance(value, Module)]

    def __len__(self) -> int:
        return len(self._names())

    def __iter__(self) -> Iterator[Module]:
        return iter([value for value in vars(self).values() if isinstance(value, Module)])

    def __getitem__(self, index: Any) -> Any:
        """The module at a place; of a slice, a row of the same modules."""
        if isinstance(index, slice):
            return self._row({name: getattr(self, name) for name in self._names()[index]})
        return getattr(self, self._at(index))

    def __setitem__(self, index: int, module: Module) -> None:
        if not isinstance(module, Module):
            raise ModelError(f"{type(self).__name__} needs Modules, got {type(module).__name__}")
        setattr(self, self._at(index), module)

    def _row(self, named: dict[str, Module]) -> Module:
        raise NotImplementedError

    def _at(self, index: int) -> str:
        names = self._names()
        if not -len(names) <= index < len(names):
            raise ValueRangeError(f"{type(self).__name__} has {len(names)} modules, none is number {index}")
        return names[index]


class Sequential(_Row):
    """The modules one after the other: `Sequential(a, b)(x)` is b(a(x)).

    Sequential({"hidden": a, "output": b}) names them.  A linear layer or batch normalisation and the ReLU
    or ReLU6 after it are computed together (`ops.linear_relu`, `ops.batch_norm_relu`, …), and a ReLU before
    a max pooling after it, where there are fewer numbers: the largest of max(0, x) is max(0, the largest).
    Neither changes a value or a gradient.  Subclasses, whose `forward` may be another, are computed alone.
    """

    def __init__(self, *modules: Any) -> None:
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = modules[0]
        else:
            named = {str(i): module for i, module in enumerate(modules)}
        for name, module in named.items():
            self._name(name, module)

    def forward(self, x: Any) -> Any:
        modules = list(self)
        pairs = zip(modules, [*modules[1:], None], strict=False)
        for module, following in pairs:
            if type(following) is ReLU and type(module) in WITH_RELU:
                x = module.forward_relu(x)  # type: ignore[attr-defined]
                next(pairs)
            elif type(following) is ReLU6 and type(module) in WITH_RELU6:
                x = module.forward_relu6(x)  # type: ignore[attr-defined]
                next(pairs)
            elif (
                type(module) is ReLU
                and type(following) is MaxPool2d
                and following.dilation == (1, 1)  # every window sees the picture
            ):
                x = module(following(x))
                next(pairs)
            else:
                x = module(x)
        return x

    def _row(self, named: dict[str, Module]) -> Module:
        return Sequential(named)


class ModuleList(_Row):
    """A list of modules whose parameters are found; it computes nothing."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    def _row(self, named: dict[str, Module]) -> Module:
        return ModuleList(named.values())
