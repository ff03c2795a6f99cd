"""Estimators in files: safetensors + JSON, never code.

A file holds the name of the class, the parameters (`get_params`) and the state (`__getstate__` without the
parameters): numbers, strings, None, arrays, sparse ones, lists, tuples and dicts of these, and other
estimators of this package.  A class that keeps something else, or a cache, leaves it out in `__getstate__`
and makes it again in `__setstate__`, which also refuses a state that does not fit together.
"""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from yuanli.errors import CheckpointError, ModelError
from yuanli.training import files

_PLAIN = (type(None), bool, int, float, str)


def save(estimator: Any, path: str | Path) -> None:
    """Write an estimator, fitted or not, to one file.

    Raises: ModelError where a parameter or the state is something that files cannot hold, such as a function.
    """
    files.save(Path(path), {"content": encode(estimator)})


def load(path: str | Path) -> Any:
    """The estimator in a file that `save` wrote.

    Raises: CheckpointError where the file is missing, damaged, or holds something else.
    """
    return decode(files.load(Path(path)).get("content"), str(path))


def encode(estimator: Any) -> dict[str, Any]:
    """An estimator as a tree that yuanli.training.files can hold.  Raises: ModelError, as `save`."""
    return _encode(estimator, type(estimator).__name__)


def decode(tree: Any, path: str) -> Any:
    """The estimator that `encode` made a tree of.  Raises: CheckpointError naming `path`."""
    try:
        if not isinstance(tree, dict) or "$estimator" not in tree:
            raise ValueError("it holds no estimator")
        return _decode(tree)
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise CheckpointError(f"{path} holds no estimator this version can read: {error}") from None


def _encode(value: Any, name: str) -> Any:
    """`value` as a tree that yuanli.training.files can hold; what JSON has no word for is tagged with a $."""
    from yuanli.classical import ESTIMATORS

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "OUS":
        words = [_encode(word, f"{name}[{i}]") for i, word in enumerate(value.ravel().tolist())]
        return {"$words": words, "dtype": value.dtype.str, "shape": list(value.shape)}
    if sparse.issparse(value):
        rows = sparse.csr_array(value)
        return {"$sparse": [rows.data, rows.indices, rows.indptr], "shape": list(rows.shape)}
    if isinstance(value, list):
        return [_encode(part, f"{name}[{i}]") for i, part in enumerate(value)]
    if isinstance(value, tuple):
        return {"$tuple": [_encode(part, f"{name}[{i}]") for i, part in enumerate(value)]}
    if isinstance(value, dict):
        return {
            "$keys": [_encode(key, f"a key of {name}") for key in value],
            "$values": [_encode(part, f"{name}[{key!r}]") for key, part in value.items()],
        }
    if type(value) in ESTIMATORS:
        params = value.get_params(deep=False)
        state = {key: part for key, part in value.__getstate__().items() if key not in params}
        return {
            "$estimator": type(value).__name__,
            "params": {key: _encode(part, f"{name}.{key}") for key, part in params.items()},
            "state": {key: _encode(part, f"{name}.{key}") for key, part in state.items()},
        }
    raise ModelError(
        f"{name} cannot be saved: files hold numbers, names, arrays and estimators, got {value!r}"
    )


def _decode(value: Any) -> Any:
    from yuanli.classical import ESTIMATORS

    if isinstance(value, list):
        return [_decode(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "$words" in value:
        words = np.empty(len(value["$words"]), value["dtype"])
        words[:] = _decode(value["$words"])
        return words.reshape(value["shape"])
    if "$sparse" in value:
        rows = sparse.csr_array(tuple(value["$sparse"]), tuple(value["shape"]))
        rows.check_format()  # indices that point outside would be read from
        return rows
    if "$tuple" in value:
        return tuple(_decode(value["$tuple"]))
    if "$keys" in value:
        return dict(zip(_decode(value["$keys"]), _decode(value["$values"]), strict=True))
    classes = {kind.__name__: kind for kind in ESTIMATORS}
    if value["$estimator"] not in classes:
        raise ValueError(f"no estimator is called {value['$estimator']!r}; there are {', '.join(classes)}")
    params = {key: _decode(part) for key, part in value["params"].items()}
    estimator = classes[value["$estimator"]](**params)
    estimator.__setstate__(params | {key: _decode(part) for key, part in value["state"].items()})
    return estimator
