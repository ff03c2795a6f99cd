"""Pooling, on numbers one can check in one's head."""

from pathlib import Path

import numpy as np

from yuanli import ops
from yuanli.demos import Demonstration
from yuanli.inspection.images import numbers as draw
from yuanli.inspection.receptive_field import Span
from yuanli.inspection.style import save
from yuanli.tensor import Tensor


def pool(out: Path, seed: int = 0, *, kernel: int = 2, stride: int = 2) -> Demonstration:
    """A 4×4 picture pooled by the largest and by the average, and which numbers the gradient goes back to."""
    table = np.random.default_rng(seed).permutation(16).reshape(4, 4).astype(np.float64)
    x = Tensor(table[None, None], requires_grad=True)
    largest = ops.max_pool2d(x, kernel, stride)
    largest.sum().backward()
    assert x.grad is not None
    sent = x.grad[0, 0]
    average = ops.avg_pool2d(x, kernel, stride).data[0, 0]
    whole = ops.adaptive_avg_pool2d(x, 1).item()
    tables = [
        ("input, maxima marked", table),
        ("maximum", largest.data[0, 0]),
        ("average", average),
        ("gradient of Σ maximum", sent),
    ]
    lines = [f"windows {kernel}×{kernel}, stride {stride}"]
    for name, values in tables:
        lines += [f"{name}:", *(" ".join(f"{v:6g}" for v in row) for row in values)]
    lines.append(f"global average: {whole:g}; pooling has no parameters")
    field = Span().window(3, padding=1).window(kernel, stride).window(3, padding=1)
    lines.append(f"3×3, this pooling, 3×3: an output sees {field.size}×{field.size}; 5×5 without it")
    figure = draw(tables, marked=[sent > 0])
    numbers = {
        "input": table.tolist(),
        "max": largest.data[0, 0].tolist(),
        "average": average.tolist(),
        "gradient": sent.tolist(),
        "global": whole,
        "sees": field.size,
    }
    return Demonstration(lines, numbers, [save(figure, out / "pool.png")])
