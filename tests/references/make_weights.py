"""Makes weights/: one small state, written by torch (both formats) and by Paddle.  Needs both.

python tests/references/make_weights.py
"""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent / "weights"


def state() -> dict[str, np.ndarray]:
    """What the files hold: every kind of number, a number without axes, and an array without elements."""
    rng = np.random.default_rng(0)
    return {
        "layer.weight": rng.normal(size=(3, 2)).astype(np.float32),
        "layer.bias": rng.normal(size=3),
        "half": rng.normal(size=4).astype(np.float16),
        "count": np.array(7),
        "bytes": np.arange(5, dtype=np.uint8),
        "mask": np.array([True, False, True]),
        "none": np.zeros((0, 2), np.float32),
    }


def main() -> None:
    import paddle
    import torch

    HERE.mkdir(exist_ok=True)
    tensors = {name: torch.from_numpy(array) for name, array in state().items()}
    tensors["brain"] = torch.arange(4, dtype=torch.bfloat16) / 3
    tensors["turned"] = tensors["layer.weight"].T  # another window on the same numbers
    torch.save({"epoch": 3, "model": tensors, "loss": [0.5, None]}, HERE / "zip.pth")
    legacy = HERE / "legacy.pth"
    torch.save({"epoch": 3, "model": tensors}, legacy, _use_new_zipfile_serialization=False)
    arrays = {name: paddle.to_tensor(array) for name, array in state().items()}
    paddle.save(arrays, str(HERE / "protocol4.pdparams"))
    paddle.save(arrays, str(HERE / "protocol2.pdparams"), protocol=2)


if __name__ == "__main__":
    main()
