"""Which kernels run."""

import os
import subprocess
import sys

import pytest

from yuanli.errors import UnknownNameError
from yuanli.kernels import dispatch


@pytest.mark.parametrize(
    ("asked", "installed", "runs"),
    [
        (None, True, "numba"),
        (None, False, "numpy"),
        ("", True, "numba"),
        ("numpy", True, "numpy"),
        ("numpy", False, "numpy"),
        ("numba", True, "numba"),
    ],
)
def test_what_runs(asked, installed, runs):
    assert dispatch.decide(asked, installed) == runs


@pytest.mark.parametrize(
    ("asked", "installed", "match"), [("cuda", True, "got 'cuda'"), ("numba", False, "needs Numba")]
)
def test_what_cannot_run(asked, installed, match):
    with pytest.raises(UnknownNameError, match=match):
        dispatch.decide(asked, installed)


def test_the_twins_run_without_importing_numba():
    program = (
        "import sys, yuanli.ops; from yuanli.kernels import convolution as c, dispatch;"
        "assert dispatch.KERNELS == 'numpy'; assert c.conv2d is c.conv2d_numpy;"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | {"YUANLI_KERNELS": "numpy"})
