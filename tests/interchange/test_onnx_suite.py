"""The onnx package's own backend test suite, through its own runner; and the page that tells of it."""

from pathlib import Path

import pytest

from yuanli.interchange import scoreboard
from yuanli.interchange.operators import OPERATORS
from yuanli.interchange.operators.missing import MISSING, NOT_RUN

pytestmark = pytest.mark.reference
PAGE = Path(__file__).parents[2] / "docs" / "onnx.md"


@pytest.fixture(scope="module")
def cases():
    pytest.importorskip("onnx")
    return scoreboard.cases()


@pytest.mark.parametrize("part", scoreboard.PARTS)
def test_every_case_that_is_not_excluded_passes(part, cases):
    wanted = [case for case in cases if case.part == part and not case.reason]
    assert len(wanted) >= {"node": 1350, "simple": 7, "real": 9}.get(part, 35)
    assert scoreboard.failures(wanted) == {}


def test_the_families_are_whole(cases):
    """Nothing of what is promised is excluded, and of every family there are cases."""
    promised = {operator for family in scoreboard.FAMILIES.values() for operator in family}
    assert promised <= OPERATORS.keys()
    seen = set()
    for case in cases:
        if case.operators <= promised or case.part in ("real", "pytorch-converted", "pytorch-operator"):
            assert not case.reason, case
            seen |= case.operators
    assert promised <= seen


def test_what_is_excluded_is_listed_with_its_reason(cases):
    listed = [operator for operators in MISSING.values() for operator in operators]
    absent = {operator for case in cases for operator in case.operators} - OPERATORS.keys()
    assert sorted(listed) == sorted(absent)
    assert NOT_RUN.keys() <= {case.name for case in cases}
    assert all(case.reason or case.operators <= OPERATORS.keys() for case in cases)


def test_the_page_says_what_is_measured(cases):
    """The tests above run the cases; here, that the page counts them as they are."""
    assert PAGE.read_text(encoding="utf-8") == scoreboard.page(cases, failed=()), (
        "write it again: python -m yuanli.interchange.scoreboard > docs/onnx.md"
    )
