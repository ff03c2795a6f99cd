"""Functions on tensors, with torch.nn.functional's names and argument order.

Every function takes Tensors (or arrays) first and options after, and gives a Tensor; the rule behind it
returns the value and one gradient function per input (see `yuanli.tensor.differentiable`).
"""

from yuanli.tensor import (
    abs,
    add,
    div,
    exp,
    getitem,
    log,
    matmul,
    max,
    mean,
    min,
    mul,
    neg,
    pow,
    reshape,
    sqrt,
    sub,
    sum,
    transpose,
)

ALL = (
    *(
        abs,
        add,
        div,
        exp,
        getitem,
        log,
        matmul,
        max,
        mean,
        min,
        mul,
        neg,
        pow,
        reshape,
        sqrt,
        sub,
        sum,
        transpose,
    ),
)
"""Every differentiable function: the tests demand a row for each."""
