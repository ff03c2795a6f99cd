"""Every operation against its formula, finite differences, its own float32, and torch, row by row."""

import numpy as np
import pytest

from tests.ops import (
    cases_activation,
    cases_basic,
    cases_convolution,
    cases_loss_classes,
    cases_loss_margins,
    cases_loss_numbers,
    cases_loss_probabilities,
    cases_normalisation,
    cases_pooling,
    cases_recurrent,
    cases_shape,
)
from tests.ops.case import Case, ErrorCase, floats
from tests.references.make_ops import PATH, ask_torch, cotangent
from yuanli import Tensor, gradcheck, ops
from yuanli.arithmetic import quiet
from yuanli.tensor import _is_fresh

FAMILIES = (
    cases_basic,
    cases_activation,
    cases_shape,
    cases_convolution,
    cases_pooling,
    cases_normalisation,
    cases_recurrent,
    cases_loss_numbers,
    cases_loss_classes,
    cases_loss_probabilities,
    cases_loss_margins,
)
ROWS = [row for family in FAMILIES for row in family.CASES]
CASES = [row for row in ROWS if isinstance(row, Case)]
REFUSED = [row for row in ROWS if isinstance(row, ErrorCase)]
TORCH_ANSWERS = dict(np.load(PATH)) if PATH.exists() else {}


def every(cases):
    return pytest.mark.parametrize("case", cases, ids=str)


def run(case, dtype=np.float64):
    """Value and gradients, for dy of seeded normal numbers."""
    arrays = case.arrays(dtype)
    places = case.places()
    tensors = [Tensor(a, requires_grad=i in places) for i, a in enumerate(floats(arrays))]
    value = case.call(case.op, arrays, tensors)
    if places:
        value.backward(cotangent(value.shape))
    return value, [tensors[i].grad for i in places]


def close(ours, theirs, tolerance, what):
    """Equal up to `tolerance` times the largest number, infinities and nans included."""
    theirs = np.asarray(theirs)
    finite = theirs[np.isfinite(theirs)] if theirs.dtype.kind == "f" else theirs
    scale = max(1.0, float(np.abs(finite).max())) if finite.size else 1.0
    assert np.shape(ours) == theirs.shape, what
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * scale, err_msg=what)


def test_every_operation_has_a_row():
    assert {op.__name__ for op in ops.ALL} - {case.op.__name__ for case in CASES} == set()


def test_every_operation_has_a_row_for_what_it_refuses():
    assert {op.__name__ for op in ops.ALL} - {case.op.__name__ for case in REFUSED} == set()


def test_rows_have_names_of_their_own():
    names = [str(row) for row in CASES]
    assert sorted(set(names)) == sorted(names)


@every([case for case in CASES if case.reference])
def test_value(case):
    arrays = case.arrays()
    value = case.call(case.op, arrays, [Tensor(a) for a in floats(arrays)])
    close(value.data, case.formula(case.reference), 1e-12, "value")


@every([case for case in CASES if case.places() and not case.subgradients])
def test_gradient(case):
    arrays = case.arrays()
    places = case.places()
    tensors = [Tensor(a, requires_grad=i in places) for i, a in enumerate(floats(arrays))]
    gradcheck(lambda *tensors: case.call(case.op, arrays, tensors), tensors, tolerance=case.tolerance)


@every(
    [
        c
        for c in CASES
        if c.places() and c not in cases_recurrent.CASES and c.op is not ops.batch_norm_add_relu
    ]
)
def test_gradients_are_free_to_be_written_into(case):
    """Whatever is done to a fresh gradient, the same gradient function gives the same again.

    Those of recurrent layers and of a shortcut are given away once each: to copy them would cost time.
    """
    arrays = case.arrays()
    places = case.places()
    tensors = [Tensor(a, requires_grad=i in places) for i, a in enumerate(floats(arrays))]
    value = case.call(case.op, arrays, tensors)
    dy = cotangent(value.shape)
    rules = [rule for _, rule in value._parents]
    with quiet():
        results = [np.asarray(rule(dy)) for rule in rules]
        copies = [result.copy() for result in results]
        for result in results:
            if _is_fresh(result, dy):
                result[...] = np.nan
        again = [rule(dy) for rule in rules]
    for before, after in zip(copies, again, strict=True):
        np.testing.assert_array_equal(before, after)


@every([case for case in CASES if case.subgradients])
def test_subgradient(case):
    arrays = case.arrays()
    places = case.places()
    tensors = [Tensor(a, requires_grad=i in places) for i, a in enumerate(floats(arrays))]
    value = case.call(case.op, arrays, tensors)
    value.backward(np.ones(value.shape))
    for place, expected in zip(places, case.formula(case.subgradients), strict=True):
        close(tensors[place].grad, np.asarray(expected, float), 1e-12, f"gradient of float input {place}")


@every([case for case in CASES if floats(case.arrays())])
def test_float32_stays_float32_and_close_to_float64(case):
    single, single_gradients = run(case, np.float32)
    double, double_gradients = run(case)
    assert single.dtype == (np.float32 if double.dtype == np.float64 else double.dtype)
    close(single.data, double.data, case.float32, "value")
    for place, ours, exact in zip(case.places(), single_gradients, double_gradients, strict=True):
        assert ours.dtype == np.float32
        close(ours, exact, case.float32, f"gradient of float input {place}")


@every([case for case in CASES if case.torch])
def test_equals_what_torch_gave(case):
    assert str(case) in TORCH_ANSWERS, "no reference for this row: run `python -m tests.references.make_ops`"
    value, gradients = run(case)
    ours = np.concatenate([np.ravel(a) for a in (value.data, *gradients)])
    close(ours, TORCH_ANSWERS[str(case)], 1e-6, "value and gradients, one after the other")  # kept in float32


@pytest.mark.reference
@every([case for case in CASES if case.torch])
def test_equals_torch(case):
    value, gradients = run(case)
    their_value, their_gradients = ask_torch(case)
    close(value.data, their_value, 1e-9, "value")
    for place, ours, theirs in zip(case.places(), gradients, their_gradients, strict=True):
        close(ours, theirs, 1e-9, f"gradient of float input {place}")


@every(REFUSED)
def test_refuses(case):
    inputs = [
        Tensor(a, requires_grad=True) if isinstance(a, np.ndarray) and a.dtype == np.float64 else a
        for a in Case(case.op, case.inputs).arrays()
    ]
    with pytest.raises(case.error, match=case.match):
        case.op(*inputs, **case.options)
