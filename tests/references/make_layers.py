"""Write layers.json: torch's state names and shapes of every layer.

python -m tests.references.make_layers
"""

import json
from pathlib import Path

import torch

from tests.nn.layers import LAYERS, RECURRENT


def main() -> None:
    states = {str(case): case.make(torch.nn).state_dict() for case in (*LAYERS, *RECURRENT)}
    shapes = {
        case: {name: list(v.shape) for name, v in state.items()} for case, state in states.items() if state
    }
    rows = (f"{json.dumps(case)}: {json.dumps(names)}" for case, names in shapes.items())
    text = "{\n" + ",\n".join(rows) + "\n}\n"
    Path(__file__).with_name("layers.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
