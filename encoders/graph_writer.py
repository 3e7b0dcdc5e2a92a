"""GraphWriter: an ONNX graph, node by node, under names that read well in a viewer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from multirecall.core.errors import UnsupportedFeature
from multirecall.encoders.transformer_weights import Norm

__all__ = ["RUNTIME_DOMAIN", "TEXTS", "GraphWriter", "Input"]

RUNTIME_DOMAIN = "com.microsoft"
"""Operators that onnxruntime adds to the standard ones."""

Input = tuple[str, int, Sequence[str | int]]
"""Name, type (of TensorProto) and shape."""
TEXTS: Sequence[Input] = tuple(
    (name, TensorProto.INT64, ("batch", "tokens")) for name in ("input_ids", "attention_mask")
)
"""Texts as token ids, padded on the right."""

_OPSET = 20
_IR_VERSION = 9
_MAX_GRAPH_BYTES = 2_000_000_000


class GraphWriter:
    """Each method adds to the graph and returns the name of what it gives."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._n_bytes = 0

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        self._n_bytes += array.nbytes
        self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(
        self, operator: str, inputs: Sequence[str], *, domain: str = "", output: str = "", **attributes: Any
    ) -> str:
        """A node with one output, named `output` or by its number."""
        name = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def parts(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: Any
    ) -> None:
        """A node with several outputs, under names of the caller's; an empty one is not wanted."""
        name = f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, outputs, name=name, domain=domain, **attributes))

    def split(self, joined: str, n_parts: int) -> list[str]:
        """Equal parts along the last axis."""
        parts = [f"n{len(self._nodes)}.{at}" for at in range(n_parts)]
        self.parts("Split", [joined], parts, axis=-1, num_outputs=n_parts)
        return parts

    def norm(self, name: str, norm: Norm, at: str) -> str:
        weight, bias = self.constant(f"{at}.weight", norm.weight), self.constant(f"{at}.bias", norm.bias)
        return self.node("LayerNormalization", [name, weight, bias], axis=-1, epsilon=norm.epsilon)

    def serialised(
        self,
        outputs: Sequence[tuple[str, Sequence[str | int]]],
        *,
        inputs: Sequence[Input] = TEXTS,
        name: str = "sentence_encoder",
    ) -> bytes:
        """The graph as a file holds it. `outputs`: name and shape of each, float32.

        Raises UnsupportedFeature above 2 GB of constants, which is the most one ONNX file can hold.
        """
        if self._n_bytes > _MAX_GRAPH_BYTES:
            raise UnsupportedFeature(
                f"The model has {self._n_bytes / 1e9:.1f} GB of weights; one ONNX file holds 2 GB.",
                hint="Use `sentence_transformer:` with the extra models.",
                bytes=self._n_bytes,
            )
        graph = helper.make_graph(
            self._nodes,
            name,
            [helper.make_tensor_value_info(name, kind, list(shape)) for name, kind, shape in inputs],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)) for name, shape in outputs],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(RUNTIME_DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="multirecall")
        model.ir_version = _IR_VERSION
        return bytes(model.SerializeToString())
