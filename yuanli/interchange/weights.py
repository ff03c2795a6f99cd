"""Weights in and out: safetensors, torch's `.pth` and Paddle's `.pdparams`, without torch or Paddle."""

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yuanli.errors import CheckpointError
from yuanli.interchange import paddle_files, torch_files
from yuanli.interchange.numbers import checked_shape, from_bytes
from yuanli.interchange.pickle_reader import shown
from yuanli.nn import Module
from yuanli.training.files import write_atomically

SAFETENSORS = {
    "F64": "f8", "F32": "f4", "F16": "f2", "BF16": "bf16", "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
WRITTEN = (".safetensors", ".pth", ".pt", ".pdparams")


@dataclass(frozen=True)
class Report:
    """What became of a file's weights: names of the model that `matched`, that the file lacks (`missing`),
    that only the file has (`unexpected`), and that differ in shape (`misshapen`), left as they were."""

    path: Path
    matched: list[str]
    missing: list[str]
    unexpected: list[str]
    misshapen: list[str]
    prefix: str = ""

    def lines(self) -> list[str]:
        """In words, the long lists cut short."""
        total = len(self.matched) + len(self.missing) + len(self.misshapen)
        lines = [f"{self.path}: {len(self.matched)} of the model's {total} arrays taken over"]
        if self.prefix:
            lines.append(f"without the prefix {self.prefix!r} of the names in the file")
        for label in ("missing", "unexpected", "misshapen"):
            if names := getattr(self, label):
                lines.append(f"{label}: {_some(names)}")
        return lines


def read_weights(path: str | Path, part: str | None = None) -> dict[str, np.ndarray]:
    """The arrays in a file of weights, by name.

    What the file is, its first bytes say.  A checkpoint may hold several dicts (model, optimiser): `part`
    names one; without it, the only one that is all arrays is taken.  float16 and bfloat16 become float32.
    Raises: RefusedError (a CheckpointError) for whatever is no tensor, number, string or container, none of
    which is executed; CheckpointError when the file is missing, damaged or holds no arrays.
    """
    path = Path(path)
    return _arrays(_read(path), part, path)


def load_weights(
    model: Module, path: str | Path, part: str | None = None, strict: bool = False, by_order: bool = False
) -> Report:
    """Give `model` the weights in a file, as far as they fit, and say what fitted.

    A prefix before the model's names ("module.", "backbone.", a run's "learned/") is taken off; Paddle's
    names and layouts become ours.  Arrays of another shape, as the last layer's for other classes, are left
    as they are.
    strict: everything of the model must be in the file, and fit.  by_order: the file's names are not looked
    at, for it has others for the same layers; its arrays are the model's in order, and all shapes must agree.
    A safetensors file keeps no order.
    Raises: RefusedError, CheckpointError as read_weights; CheckpointError when nothing fits, or by strict.
    """
    path = Path(path)
    found = read_weights(path, part)
    kind = kind_of(path)
    if by_order:
        if kind == "safetensors":
            raise CheckpointError(f"{path}: a safetensors file keeps no order that by_order could go by")
        found, strict = _in_order(found, model, path), True
    if kind == "paddle":
        found = paddle_files.from_paddle(found, model)
    own = {name: np.shape(value) for name, value in model.state_dict().items()}
    prefix = _prefix(found, own)
    state = {_renamed(name.removeprefix(prefix), own): array for name, array in found.items()}
    matched = [name for name, shape in own.items() if name in state and state[name].shape == shape]
    misshapen = [name for name in own if name in state and name not in matched]
    missing = [name for name in own if name not in state and not name.endswith("num_batches_tracked")]
    unexpected = [name for name in state if name not in own]
    if not matched or (strict and (missing or misshapen)):
        wrong = [f"{n} is {state[n].shape} there and {own[n]} here" for n in misshapen]
        raise CheckpointError(
            f"{path} does not fit {type(model).__name__}: missing {_some(missing) or 'nothing'}; "
            f"of another shape {_some(wrong) or 'nothing'}; it has {_some(list(state))}"
        )
    model.load_state_dict({name: state[name] for name in matched}, strict=False)
    return Report(path, matched, missing, unexpected, misshapen, prefix)


def save_weights(model: Module, path: str | Path) -> None:
    """Write the weights of `model`, for whom the ending says: .safetensors, torch's .pth, Paddle's .pdparams.

    torch.load(path, weights_only=True) and paddle.load(path) give state dicts that their own models take.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        from safetensors.numpy import save

        content = save({name: np.asarray(a, order="C") for name, a in model.state_dict().items()})
    elif suffix in (".pth", ".pt"):
        content = torch_files.write(model.state_dict())
    elif suffix == ".pdparams":
        content = paddle_files.write(paddle_files.to_paddle(model))
    else:
        raise CheckpointError(f"weights are written as {', '.join(WRITTEN)}, got {path.name!r}")
    write_atomically(path, content)


def kind_of(path: Path) -> str:
    """What a file of weights is, by its first bytes."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file")
    with open(path, "rb") as file:
        start = file.read(16)
    if start[:2] == b"PK":
        return "torch"
    if start[: len(torch_files.LEGACY)] == torch_files.LEGACY:
        return "legacy torch"
    if start[8:9] == b"{":
        return "safetensors"
    if start[:1] == b"\x80":
        return "paddle"
    raise CheckpointError(f"{path} is no file of weights that is known: safetensors, .pth or .pdparams")


def _read(path: Path) -> Any:
    kind = kind_of(path)
    if kind == "torch":
        return torch_files.read_zip(path)
    if kind == "legacy torch":
        return torch_files.read_legacy(path)
    return paddle_files.read(path) if kind == "paddle" else _read_safetensors(path)


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError, deserialize

    try:
        tensors = deserialize(path.read_bytes())
    except SafetensorError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    found = {}
    for name, tensor in tensors:
        if tensor["dtype"] not in SAFETENSORS:
            raise CheckpointError(f"{path}: {name} is of dtype {tensor['dtype']}, which is not read")
        kind, shape = SAFETENSORS[tensor["dtype"]], checked_shape(tensor["shape"])
        found[name] = from_bytes(bytes(tensor["data"]), kind, math.prod(shape), "<").reshape(shape)
    return found


def _arrays(tree: Any, part: str | None, path: Path) -> dict[str, np.ndarray]:
    """The arrays of the dict in `tree` that is meant."""
    dicts = {"": tree} | (tree if isinstance(tree, dict) else {})
    if part is not None:
        if part not in dicts:
            names = [shown(key) for key in tree] if isinstance(tree, dict) else []
            raise CheckpointError(f"{path} has no part {part!r}; it has {_some(names) or 'no parts'}")
        return _leaves(dicts[part], path)
    if own := _leaves(tree, path):
        return own
    filled = {str(name): arrays for name, value in dicts.items() if (arrays := _leaves(value, path))}
    if len(filled) == 1:
        return next(iter(filled.values()))
    if filled:
        raise CheckpointError(f"{path} holds arrays in {_some(list(filled))}; name one of them as part")
    raise CheckpointError(f"{path} holds no arrays by name")


def _leaves(value: Any, path: Path) -> dict[str, np.ndarray]:
    if not isinstance(value, Mapping):
        return {}
    found: dict[str, np.ndarray] = {}
    for name, leaf in value.items():
        array = leaf.array() if isinstance(leaf, torch_files.Window | paddle_files.Array) else leaf
        if isinstance(array, np.ndarray):
            found[str(name)] = array
    return found


def _in_order(found: Mapping[str, np.ndarray], model: Module, path: Path) -> dict[str, np.ndarray]:
    """The file's arrays under the model's names, one after the other."""
    names = [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]
    arrays = [array for name, array in found.items() if not name.endswith("num_batches_tracked")]
    if len(names) != len(arrays):
        raise CheckpointError(
            f"{path} has {len(arrays)} arrays, and {type(model).__name__} needs {len(names)}"
        )
    return dict(zip(names, arrays, strict=True))


def _prefix(found: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """What stands before most of the model's names in the file; nothing rather than something."""
    counts: Counter[str] = Counter()
    for name in found:
        for start in (0, *(m.end() for m in re.finditer(r"[./]", name))):
            if name[start:] in own:
                counts[name[:start]] += 1
    return max(counts, key=lambda p: (counts[p], -len(p)), default="")


def _renamed(name: str, own: Mapping[str, Any]) -> str:
    """torchvision's published DenseNet of 2017 says norm.1 where the layer is called norm1."""
    newer = re.sub(r"\.(norm|conv|relu)\.(\d)\.", r".\1\2.", name)
    return newer if newer in own and name not in own else name


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
