"""The `onnx` package's own backend test suite, run on this engine: `python -m yuanli.interchange.scoreboard`.

It prints the page docs/onnx.md.
"""

import os
import sys
import tempfile
import unittest
import warnings
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

from yuanli.interchange.operators import OPERATORS
from yuanli.interchange.operators.missing import MISSING, NOT_RUN

PARTS = {
    "node": "single operators, and the same written out in others",
    "simple": "small graphs",
    "pytorch-converted": "layers of torch",
    "pytorch-operator": "expressions of torch",
    "real": "nine networks, with made-up weights",
}
FAMILIES = {
    "Convolution": ("Conv", "ConvTranspose"),
    "Pooling": ("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"),
    "Normalisation": ("BatchNormalization", "LRN", "LayerNormalization"),
    "Products": ("Gemm", "MatMul"),
    "Softmax": ("Softmax", "LogSoftmax"),
    "Dropout": ("Dropout",),
    "Activations": ("Relu", "LeakyRelu", "Elu", "Sigmoid", "Tanh", "Gelu", "Softplus", "Clip"),
    "Arithmetic": (
        *("Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Exp", "Log", "Abs", "Neg", "Sum", "Mean", "Max", "Min"),
    ),
    "Reductions": (
        *("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2"),
        *("ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"),
    ),
    "Shapes": (
        *("Reshape", "Transpose", "Concat", "Split", "Pad", "Flatten", "Squeeze", "Unsqueeze", "Slice"),
        *("Gather", "Expand", "Identity", "Constant", "Shape", "Cast"),
    ),
    "Recurrent layers": ("RNN", "LSTM", "GRU"),
    "Losses": ("SoftmaxCrossEntropyLoss", "NegativeLogLikelihoodLoss"),
}


class Case(NamedTuple):
    """A case of the suite, and the operators its graph uses."""

    part: str
    name: str
    operators: frozenset[str]

    @property
    def family(self) -> str:
        """That of its only operator; of several, "several operators"."""
        if len(self.operators) > 1:
            return "several operators"
        (operator,) = self.operators
        return next((name for name, family in FAMILIES.items() if operator in family), "other operators")

    @property
    def reason(self) -> str:
        """Why it is not run; "" when it is."""
        absent = self.operators - OPERATORS.keys()
        reasons = [why for why, operators in MISSING.items() if absent & set(operators)]
        return NOT_RUN.get(self.name, "") or "; ".join(reasons)


def cases() -> list[Case]:
    """Every case of the suite."""
    import onnx
    from onnx.backend.test.loader import load_model_tests

    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some cases are about overflow, and overflow when they are made
        for part in PARTS:
            for test in load_model_tests(kind=part):
                model = test.model or onnx.load(_file(test))
                operators = frozenset(node.op_type for node in model.graph.node)
                found.append(Case(part, test.name, operators))
    return found


def _file(test: Any) -> Path:
    import onnx

    if test.model_dir:
        return Path(test.model_dir) / "model.onnx"
    return Path(onnx.__file__).parent.parent / test.url


def failures(wanted: Collection[Case]) -> dict[str, str]:
    """Of these cases those that fail, with the end of what they say."""
    import onnx.backend.test

    from yuanli.interchange.onnx_import import Backend

    names = {f"{case.name}_cpu" for case in wanted}
    before = os.environ.get("ONNX_HOME")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ["ONNX_HOME"] = folder  # where the suite keeps what it makes
        try:
            result = unittest.TestResult()
            suite: Any = onnx.backend.test.BackendTest(Backend, __name__).test_suite
            kept = [test for test in suite if test._testMethodName in names]
            unittest.TestSuite(kept).run(result)
        finally:
            os.environ.pop("ONNX_HOME")
            if before is not None:
                os.environ["ONNX_HOME"] = before
    if len(kept) != len(names) or result.testsRun != len(names) or result.skipped:
        raise RuntimeError(f"{len(names)} cases were to be run, {result.testsRun - len(result.skipped)} were")
    wrong = [*result.failures, *result.errors]
    return {test.id().rpartition(".")[2].removesuffix("_cpu"): said.strip()[-300:] for test, said in wrong}


def page(found: list[Case], failed: Collection[str]) -> str:
    """docs/onnx.md."""
    import onnx

    run = [case for case in found if not case.reason]
    passed = [case for case in run if case.name not in failed]
    lines = [
        "# ONNX: what runs here",
        "",
        "`yuanli.interchange.onnx_import` runs ONNX graphs on this engine, and they can be trained further.",
        "Below are the results of the `onnx` package's own backend test suite, written by",
        "`python -m yuanli.interchange.scoreboard > docs/onnx.md`; a test holds them to what is measured.",
        "",
        f"**{len(passed)} of {len(found)} cases pass**, {len(run) - len(passed)} fail, "
        f"{len(found) - len(run)} are not run for the reasons below. onnx {onnx.__version__}.",
        "",
        "| part of the suite | what | passed | of |",
        "|---|---|---|---|",
        *_rows(PARTS, [c.part for c in found], [c.part for c in passed]),
        "",
        "| family | operators | passed | of |",
        "|---|---|---|---|",
        *_rows(
            {name: " ".join(operators) for name, operators in FAMILIES.items()}
            | {"other operators": "one operator, not among these", "several operators": "graphs"},
            [c.family for c in found],
            [c.family for c in passed],
        ),
        "",
        f"Operators that are there: {len(OPERATORS)}. They are " + ", ".join(sorted(OPERATORS)) + ".",
        "",
        "## What is not run, and why",
        "",
        "| why | operators | cases |",
        "|---|---|---|",
    ]
    for why, operators in MISSING.items():
        count = sum(1 for case in found if case.operators & set(operators))
        lines.append(f"| {why} | {' '.join(operators)} | {count} |")
    lines += ["", *(f"- `{name}`: {why}." for name, why in NOT_RUN.items())]
    lines += [f"- fails: `{name}`" for name in sorted(failed)]
    return "\n".join(lines) + "\n"


def _rows(names: dict[str, str], of: list[str], passed: list[str]) -> list[str]:
    total, good = Counter(of), Counter(passed)
    return [f"| {name} | {what} | {good[name]} | {total[name]} |" for name, what in names.items()]


def main() -> None:
    found = cases()
    failed = failures([case for case in found if not case.reason])
    for name, said in failed.items():
        print(f"{name}: {said}", file=sys.stderr)
    print(page(found, failed), end="")


if __name__ == "__main__":
    main()
