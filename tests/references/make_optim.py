"""`python -m tests.references.make_optim`: where torch's optimisers are after 20 steps, into optim.npz.

Both libraries are handed the same gradients, those of a least-squares problem: only the steps are compared.
"""

from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("optim.npz")
STEPS = 20

# name, options; weight_decay is for the weight alone, as is the default here and takes two groups in torch
CONFIGURATIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.5}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}),
    ("Adam", {"lr": 0.1, "weight_decay": 0.5}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.5}),
    ("RMSprop", {}),
    ("RMSprop", {"lr": 0.05, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.5}),
    ("RMSprop", {"lr": 0.05, "momentum": 0.9}),
    ("RMSprop", {"lr": 0.05, "centered": True}),
    ("RMSprop", {"lr": 0.05, "centered": True, "momentum": 0.5}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.5, "lr_decay": 0.1, "weight_decay": 0.5}),
]


def title(name: str, options: dict) -> str:
    return " ".join([name, *(f"{k}={v}" for k, v in options.items())])


def start() -> tuple[np.ndarray, np.ndarray]:
    """Weight (3, 4) and bias (3,)."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(3, 4)), rng.normal(size=3)


def gradients(weight: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of the mean over 8 rows of ‖W x + b − y‖² / 2."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
    error = (x @ weight.T + bias - y) / len(x)
    return error.T @ x, error.sum(0)


def ask_torch(name: str, options: dict) -> np.ndarray:
    """Weight and bias after every step, (STEPS, 15)."""
    import torch

    weight, bias = (torch.tensor(a, requires_grad=True) for a in start())
    options = dict(options)
    decay = options.pop("weight_decay", 0.01 if name == "AdamW" else 0.0)
    groups = [{"params": [weight], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}]
    optimizer = getattr(torch.optim, name)(groups, **options)
    path = []
    for _ in range(STEPS):
        found = gradients(weight.detach().numpy(), bias.detach().numpy())
        weight.grad, bias.grad = (torch.tensor(g) for g in found)
        optimizer.step()
        path.append(np.concatenate([p.detach().numpy().ravel() for p in (weight, bias)]))
    return np.array(path)


def main() -> None:
    rows = {title(*c): ask_torch(*c).astype(np.float32) for c in CONFIGURATIONS}
    np.savez_compressed(PATH, **rows)
    print(f"{PATH.name}: {len(rows)} rows, {PATH.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
