"""The kernels compiled for other processors: with vectors of 16 bytes, and with AVX2 but not AVX-512."""

import os
import platform
import subprocess
import sys

import pytest

from yuanli.kernels.dispatch import KERNELS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(KERNELS == "numpy", reason="the compiled kernels are switched off"),
    pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of this family"),
]

COMPARISONS = (
    "fast_convolution",
    "convolution",
    "pooling",
    "sweeps",
    "updates",
    "rows",
    "linear_layer",
    "distances",
    "word_pairs",
    "gram",
    "histograms",
)

ONE_KERNEL = """
import numpy as np
from yuanli.kernels import updates
w, g, scratch = np.ones(9, np.float32), np.ones(9, np.float32), np.empty(9, np.float32)
updates.descend(w, g, scratch, 0.25, 0.0)
assert (w == 0.75).all()
print("hits", sum(updates._descend_here.stats.cache_hits.values()))
"""


def run(cpu, cache, *arguments):
    """Python with these arguments in a process of its own, its kernels for `cpu`, a name+feature or None."""
    names = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")
    environment = {k: v for k, v in os.environ.items() if k not in names} | {"YUANLI_CACHE": str(cache)}
    if cpu:
        name, plus, feature = cpu.partition("+")
        environment |= {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": plus + feature}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("cpu", ["generic", "haswell+avx2"])
def test_every_kernel_equals_its_twin(cpu, tmp_path):
    """The comparisons of the other files, run again."""
    files = [os.path.join(os.path.dirname(__file__), f"test_{name}.py") for name in COMPARISONS]
    told = run(
        cpu, tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "-m", "not reference and not slow", *files
    )
    assert " passed" in told
    assert "failed" not in told


def test_one_cache_keeps_processors_apart(tmp_path):
    """What was compiled for one is never run for another, and is found again for its own."""
    seen = set()
    for cpu in ("generic", "haswell", None, "haswell", "generic", None):
        hits = run(cpu, tmp_path, "-c", ONE_KERNEL).strip()
        assert hits == f"hits {int(cpu in seen)}"
        seen.add(cpu)
