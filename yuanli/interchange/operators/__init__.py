"""The operators of ONNX on this engine: `OPERATORS` by name, and why the others are missing."""

from yuanli.interchange.operators import (
    casts,
    elementwise,
    losses,
    normalisation,
    products,
    recurrent,
    reductions,
    shapes,
    windows,
)
from yuanli.interchange.operators.node import Node, Operator, Value, array, value

OPERATORS: dict[str, Operator] = {
    **elementwise.OPERATORS,
    **shapes.OPERATORS,
    **reductions.OPERATORS,
    **products.OPERATORS,
    **windows.OPERATORS,
    **normalisation.OPERATORS,
    **recurrent.OPERATORS,
    **losses.OPERATORS,
    **casts.OPERATORS,
}

__all__ = ["OPERATORS", "Node", "Operator", "Value", "array", "value"]
