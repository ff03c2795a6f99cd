"""`python -m tests.references.make_ops`: torch's answers to the table of operations, into ops.npz.

A row is one float32 array under the row's name: the value, then the gradient of each differentiable
input, all flattened.
"""

from pathlib import Path

import numpy as np

from tests.ops.case import Case, floats

PATH = Path(__file__).with_name("ops.npz")


def cotangent(shape: tuple[int, ...]) -> np.ndarray:
    """The seeded dy with which every row is differentiated, here and in the tests."""
    return np.random.default_rng(1).normal(size=shape)


def ask_torch(case: Case) -> tuple[np.ndarray, list[np.ndarray]]:
    """torch's value and gradients of a row, in float64."""
    import torch

    arrays = case.arrays()
    places = case.places()
    tensors = [torch.tensor(a.copy()).requires_grad_(i in places) for i, a in enumerate(floats(arrays))]

    def on_torch(*inputs, **options):
        return case.torch(torch, *(_tensor(torch, i) for i in inputs), **options)

    value = case.call(on_torch, arrays, tensors)
    if places:
        value.backward(torch.tensor(cotangent(tuple(value.shape))))
    zero = lambda t: np.zeros(t.shape) if t.grad is None else t.grad.numpy()
    return value.detach().numpy(), [zero(tensors[i]) for i in places]


def _tensor(torch, item):
    if isinstance(item, list | tuple):
        return type(item)(_tensor(torch, i) for i in item)
    return torch.tensor(item) if isinstance(item, np.ndarray) else item


def main() -> None:
    from tests.ops.test_ops import CASES

    rows = {}
    for case in CASES:
        if case.torch:
            value, gradients = ask_torch(case)
            rows[str(case)] = np.concatenate([a.ravel() for a in (value, *gradients)]).astype(np.float32)
    np.savez_compressed(PATH, **rows)
    print(f"{PATH.name}: {len(rows)} rows, {PATH.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
