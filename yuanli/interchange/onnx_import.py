"""ONNX models on this engine: read, run, trained further; and the `Backend` that the onnx package asks."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.backend.base import Backend as Base
from onnx.backend.base import BackendRep as BaseRep
from onnx.backend.base import namedtupledict

from yuanli.errors import UnsupportedError
from yuanli.interchange.onnx_files import check_model, read_model
from yuanli.interchange.onnx_graph import Graph
from yuanli.interchange.operators import OPERATORS
from yuanli.tensor import Tensor, no_grad


def load_onnx(path: str | Path) -> Graph:
    """The graph in an ONNX file.

    Raises: CheckpointError for a file that is missing or damaged; RefusedError where it passes a limit or
    reaches out of its folder; UnsupportedError naming every operator that this engine has not.
    """
    return Graph(read_model(path))


class BackendRep(BaseRep):
    """A model made ready: `run` takes arrays in the order of the graph's inputs and gives arrays."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._results = namedtupledict("Outputs", list(graph.outputs))

    def run(self, inputs: Any, **options: Any) -> tuple[Any, ...]:
        given = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
        with no_grad():
            results = self.graph.run(given)
        return self._results(*(r.data if isinstance(r, Tensor) else r for r in results))


class Backend(Base):
    """Runs ONNX models and nodes on this engine; on the CPU."""

    @classmethod
    def is_compatible(cls, model: Any, device: str = "CPU", **options: Any) -> bool:
        """Whether the engine has every operator of the model."""
        ours = all(node.domain in ("", "ai.onnx") and node.op_type in OPERATORS for node in model.graph.node)
        return cls.supports_device(device) and ours

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **options: Any) -> BackendRep:
        """Raises: CheckpointError for no valid model, UnsupportedError for what the engine has not."""
        if not cls.supports_device(device):
            raise UnsupportedError(f"this engine runs on the CPU, not on {device}")
        check_model(model)
        return BackendRep(Graph(model))

    @classmethod
    def run_node(
        cls, node: Any, inputs: Any, device: str = "CPU", outputs_info: Any = None, **options: Any
    ) -> tuple[Any, ...]:
        """The results of a single node, as a graph of its own."""
        given = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
        named = [name for name in node.input if name]
        infos = [
            onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
            for name, a in zip(named, given, strict=True)
        ]
        results = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        graph = onnx.helper.make_graph([node], "node", infos, results)
        version = options.get("opset_version", onnx.defs.onnx_opset_version())
        opset = onnx.helper.make_opsetid("", version)
        onnx.checker.check_node(node, _context(version))
        return BackendRep(Graph(onnx.helper.make_model(graph, opset_imports=[opset]))).run(given)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device == "CPU"


def _context(version: int) -> Any:
    context = onnx.checker.C.CheckerContext()
    context.ir_version = onnx.IR_VERSION
    context.opset_imports = {"": version}
    return context
