"""Threads, forked and fresh processes, and where compiled code is kept."""

import os
import shutil
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from yuanli.errors import ValueRangeError
from yuanli.kernels import compiler, elementwise
from yuanli.kernels.compiler import parallel, share
from yuanli.kernels.dispatch import KERNELS

COMPILED = pytest.mark.skipif(KERNELS == "numpy", reason="nothing is compiled")
COMPILES = KERNELS == "numba"
X = np.random.default_rng(0).normal(size=(300, 1000)).astype(np.float32)

RELU = """
import numpy as np
from yuanli.kernels import compiler, elementwise
x = np.random.default_rng(0).normal(size=(300, 1000)).astype(np.float32)
print(elementwise.relu(x).sum(dtype=float), compiler.threads(), compiler.CACHE)
"""


def in_a_fresh_process(code=RELU, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_kernels_run_after_a_fork():
    y = elementwise.relu(X)
    child = os.fork()
    if not child:
        os._exit(0 if compiler.threads() == 1 and (elementwise.relu(X) == y).all() else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("many", [1, 2, 3, 16])
@pytest.mark.parametrize("number", [0, 1, 2, 15, 1000])
def test_shares_are_all_of_the_work(number, many):
    share = getattr(compiler.share, "py_func", compiler.share)
    shares = [[int(i) for i in share((k, many), number)] for k in range(many)]
    assert list(chain(*shares)) == list(range(number))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@parallel
def fill(thread, x, factors, names, which):
    """Arrays, scalars and tuples reach every thread."""
    for i in share(thread, len(x)):
        if i == names.fails:
            raise ValueError
        x[i] = factors[0] * i + factors[1] if which else np.nan


class Names(NamedTuple):
    fails: int
    array: np.ndarray


@pytest.mark.parametrize("size", [0, 1, 2, 1001])
def test_a_kernel_on_all_threads(size):
    x = np.full(size, -1.0)
    fill(x, (2, 0.5), Names(-1, x), True)
    np.testing.assert_array_equal(x, np.arange(size) * 2 + 0.5)


@pytest.mark.parametrize("fails", [0, 1000])
def test_a_thread_that_fails_is_heard_of(fails):
    x = np.empty(1001)
    with pytest.raises((RuntimeError, ValueError), match="fill failed" if COMPILES else None):
        fill(x, (2, 0.5), Names(fails, x), True)
    test_a_kernel_on_all_threads(1001)


@COMPILED
@pytest.mark.parametrize("pool", ["omp", "workqueue"])
def test_either_pool_of_threads(pool):
    code = f"{RELU}import numba\nprint(numba.threading_layer())"
    (total, *_, used), _ = in_a_fresh_process(code, NUMBA_THREADING_LAYER=pool)
    assert used == pool
    assert float(total) == pytest.approx(np.maximum(X, 0).sum(dtype=float))


@COMPILED
def test_one_setting_for_the_threads():
    (total, threads, _), _ = in_a_fresh_process(YUANLI_THREADS="1")
    assert threads == "1"
    assert float(total) == pytest.approx(np.maximum(X, 0).sum(dtype=float))


@COMPILED
@pytest.mark.parametrize("before", ["numba", "numba; numba.get_num_threads()"])
def test_numba_may_be_imported_before(before):
    code = f"import {before}\n{RELU}"
    environment = os.environ | {"YUANLI_THREADS": "1", "NUMBA_NUM_THREADS": "2"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert done.stdout.split()[1] == "1"


@COMPILED
def test_numba_was_imported_before_with_fewer_threads():
    code = "import numba, yuanli.kernels.compiler"
    environment = os.environ | {"YUANLI_THREADS": "2", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "ValueRangeError: YUANLI_THREADS=2 is more than the 1 threads of Numba" in done.stderr


@COMPILED
def test_numpys_blas_keeps_to_one_thread():
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if "numpy" in pool["filepath"]]
    assert all(pool["num_threads"] == 1 for pool in pools)


def test_a_number_of_threads_that_makes_no_sense():
    for number in (0, -1, 10**6, 1.0, "2"):
        with pytest.raises(ValueRangeError, match="set_threads needs a whole number from 1 to"):
            compiler.set_threads(number)


@COMPILED
def test_fewer_threads_from_now_on():
    before = compiler.threads()
    try:
        compiler.set_threads(1)
        assert compiler.threads() == 1
    finally:
        compiler.set_threads(before)
    assert compiler.threads() == before


@COMPILED
def test_a_cache_folder_that_cannot_be_written(tmp_path):
    """A file where the folder should be: then compiled code is kept elsewhere, or nowhere."""
    (tmp_path / "file").touch()
    wrong = str(tmp_path / "file")
    (total, _, cache), _ = in_a_fresh_process(YUANLI_CACHE=wrong, XDG_CACHE_HOME=wrong, HOME=wrong)
    assert float(total) == pytest.approx(np.maximum(X, 0).sum(dtype=float))
    assert cache == "None"


@COMPILED
def test_what_is_kept_is_found_again(tmp_path):
    _, first = in_a_fresh_process(YUANLI_CACHE=str(tmp_path))
    (_, _, cache), second = in_a_fresh_process(YUANLI_CACHE=str(tmp_path))
    assert cache.startswith(str(tmp_path))
    assert "compiling" in first
    assert "compiling" not in second


KERNELS_OF_THREE_FILES = {
    "inner": """
from yuanli.kernels.compiler import jit
@jit
def double(x):
    return x * 2
""",
    "outer": """
from yuanli.kernels.compiler import jit
from yuanli.kernels import inner
double = inner.double
@jit
def shifted(x):
    return double(x) + 1
""",
    "other": """
from yuanli.kernels.compiler import jit
@jit
def negative(x):
    return -x
""",
}
CALLED = """
from yuanli.kernels import other, outer
for function in (outer.shifted, other.negative):
    print(function(20), sum(function.stats.cache_hits.values()))
"""


@COMPILED
def test_an_edited_kernel_never_runs_stale(tmp_path):
    """Nor does one that calls it; the others, and all in a copy elsewhere, are found again."""

    def package_at(place):
        kernels = tmp_path / place / "yuanli" / "kernels"
        shutil.copytree(Path(compiler.__file__).parents[1], kernels.parent, ignore=lambda *_: ["__pycache__"])
        for name, text in KERNELS_OF_THREE_FILES.items():
            (kernels / f"{name}.py").write_text(text)
        return kernels

    def answers(kernels):
        done = subprocess.run(
            [sys.executable, "-B", "-c", CALLED],
            cwd=kernels.parents[1],  # where Python looks first
            env=os.environ | {"YUANLI_CACHE": str(tmp_path / "cache")},
            capture_output=True,
            text=True,
        )
        return done.stdout.split() or done.stderr

    kernels, copy = package_at("here"), package_at("there")
    assert answers(kernels) == ["41", "0", "-20", "0"]
    assert answers(kernels) == answers(copy) == ["41", "1", "-20", "1"]
    (kernels / "inner.py").write_text(KERNELS_OF_THREE_FILES["inner"].replace("* 2", "* 3"))
    assert answers(kernels) == ["61", "0", "-20", "1"]
    assert answers(copy) == ["41", "1", "-20", "1"]
