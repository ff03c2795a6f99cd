"""How each operation of `ops` is written in ONNX.

A rule takes the writer and the call as both traces have it, adds nodes, and gives the name of the result.
"""

from yuanli.interchange.rules import elementwise, layers, recurrent, shapes
from yuanli.interchange.rules.arguments import Rule

RULES: dict[str, Rule] = {**elementwise.RULES, **shapes.RULES, **layers.RULES, **recurrent.RULES}
