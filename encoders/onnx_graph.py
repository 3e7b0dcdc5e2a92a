"""The ONNX graph of a sentence encoder, written from its weights: no torch, no exporter.

Input: `input_ids` and `attention_mask`, (batch, tokens) int64, padded on the right. Output: `vectors`,
(batch, hidden) float32, rows of length 1. Attention is onnxruntime's own MultiHeadAttention; layer norms and
activations are standard operators, which onnxruntime fuses with the additions around them when it opens the graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from multirecall.core.errors import UnsupportedFeature
from multirecall.encoders.sentence_model import MEAN
from multirecall.encoders.transformer_weights import Linear, Norm, Transformer

__all__ = ["GRAPH_VERSION", "PRECISIONS", "sentence_encoder_graph"]

GRAPH_VERSION = 1
"""Raise it whenever a change here changes a vector: it is part of every fingerprint and cache key."""

PRECISIONS = ("int8", "fp32")

_OPSET = 20
_IR_VERSION = 9
_RUNTIME = "com.microsoft"
_ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {
        "gelu": ("Gelu", {}),
        "gelu_new": ("Gelu", {"approximate": "tanh"}),
        "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
        "relu": ("Relu", {}),
    }
)
_MAX_GRAPH_BYTES = 2_000_000_000
_MIN_NORM = 1e-12


def sentence_encoder_graph(transformer: Transformer, *, pooling: str, precision: str) -> bytes:
    """The serialised graph. `pooling` is `mean` or `cls`, `precision` one of `PRECISIONS`.

    With `int8` the matrix products with weights run in 8 bits, all else in float32. Raises UnsupportedFeature for
    an activation that is not built, or weights above 2 GB, which one ONNX file cannot hold.
    """
    graph = _Graph(quantised=precision == "int8")
    hidden = _embedded(graph, transformer)
    mask = graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
    bias = _attention_bias(graph, transformer)
    for number, layer in enumerate(transformer.layers):
        at = f"layer{number}"
        joined = graph.linear(hidden, layer.attention_input, f"{at}.attention_input")
        query, key, value = graph.nodes("Split", [joined], n_outputs=3, axis=-1, num_outputs=3)
        mixed = graph.node(
            "MultiHeadAttention",
            [query, key, value, "", mask, *([bias] if bias else [])],
            domain=_RUNTIME,
            num_heads=transformer.n_heads,
        )
        mixed = graph.linear(mixed, layer.attention_output, f"{at}.attention_output")
        hidden = graph.norm(graph.node("Add", [hidden, mixed]), layer.attention_norm, f"{at}.attention_norm")
        widened = graph.linear(hidden, layer.up, f"{at}.up")
        widened = _activated(graph, widened, transformer.activation)
        narrowed = graph.linear(widened, layer.down, f"{at}.down")
        hidden = graph.norm(graph.node("Add", [hidden, narrowed]), layer.output_norm, f"{at}.output_norm")
    _pooled(graph, hidden, pooling)
    return graph.serialised(transformer.hidden)


def _embedded(graph: _Graph, transformer: Transformer) -> str:
    words = graph.node("Gather", [graph.constant("words", transformer.words), "input_ids"])
    positions = graph.node(
        "Slice",
        [
            graph.constant("positions", transformer.positions),
            graph.constant("first", np.array([0])),
            graph.n_tokens,
        ],
    )
    return graph.norm(graph.node("Add", [words, positions]), transformer.embedding_norm, "embedding_norm")


def _attention_bias(graph: _Graph, transformer: Transformer) -> str:
    """The name of the bias by distance, cut to the batch: (1, n_heads, tokens, tokens); empty if there is none."""
    if transformer.relative_bias is None:
        return ""
    table = graph.constant("relative_bias", transformer.relative_bias[None])
    ends = graph.node("Concat", [graph.n_tokens, graph.n_tokens], axis=0)
    starts, axes = graph.constant("bias_starts", np.array([0, 0])), graph.constant("bias_axes", np.array([2, 3]))
    return graph.node("Slice", [table, starts, ends, axes])


def _activated(graph: _Graph, name: str, activation: str) -> str:
    if activation not in _ACTIVATIONS:
        raise UnsupportedFeature(
            f"The model has the activation {activation!r}, which the onnx encoder does not build.",
            hint="Use `sentence_transformer:NAME_OR_PATH` with the extra models.",
            activation=activation,
        )
    operator, attributes = _ACTIVATIONS[activation]
    return graph.node(operator, [name], **attributes)


def _pooled(graph: _Graph, hidden: str, pooling: str) -> None:
    if pooling == MEAN:
        mask = graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        mask = graph.node("Unsqueeze", [mask, graph.constant("last", np.array([-1]))])
        masked = graph.node("Mul", [hidden, mask])
        # The sum instead of the mean: they differ by a factor that the division by the length takes out.
        row = graph.node("ReduceSum", [masked, graph.constant("tokens_axis", np.array([1]))], keepdims=0)
    else:
        row = graph.node("Gather", [hidden, graph.constant("cls_position", np.array(0))], axis=1)
    length = graph.node("ReduceL2", [row, graph.constant("row_axis", np.array([-1]))], keepdims=1)
    length = graph.node("Max", [length, graph.constant("min_norm", np.float32(_MIN_NORM))])
    graph.node("Div", [row, length], output="vectors")


class _Graph:
    """A graph being written: each method adds nodes and returns the name of what they give."""

    def __init__(self, *, quantised: bool) -> None:
        self._quantised = quantised
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}
        self._n_bytes = 0
        self.n_tokens = self.node("Shape", ["input_ids"], start=1, end=2)

    def constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        array = np.ascontiguousarray(value) if np.ndim(value) else np.asarray(value)
        self._n_bytes += array.nbytes
        self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def node(
        self, operator: str, inputs: Sequence[str], *, domain: str = "", output: str = "", **attributes: Any
    ) -> str:
        name = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes))
        return name

    def nodes(self, operator: str, inputs: Sequence[str], *, n_outputs: int, **attributes: Any) -> list[str]:
        name = f"n{len(self._nodes)}"
        outputs = [f"{name}.{at}" for at in range(n_outputs)]
        self._nodes.append(helper.make_node(operator, inputs, outputs, name=name, **attributes))
        return outputs

    def norm(self, name: str, norm: Norm, at: str) -> str:
        weight, bias = self.constant(f"{at}.weight", norm.weight), self.constant(f"{at}.bias", norm.bias)
        return self.node("LayerNormalization", [name, weight, bias], axis=-1, epsilon=norm.epsilon)

    def linear(self, name: str, linear: Linear, at: str) -> str:
        bias = self.constant(f"{at}.bias", linear.bias)
        if not self._quantised:
            product = self.node("MatMul", [name, self.constant(f"{at}.weight", linear.weight)])
            return self.node("Add", [product, bias])
        levels, scales = quantised(linear.weight)
        inputs = [
            name,
            self.constant(f"{at}.levels", levels),
            self.constant(f"{at}.scales", scales),
            self.constant(f"{at}.zeros", np.zeros(len(scales), dtype=np.int8)),
            bias,
        ]
        return self.node("DynamicQuantizeMatMul", inputs, domain=_RUNTIME)

    def serialised(self, hidden: int) -> bytes:
        if self._n_bytes > _MAX_GRAPH_BYTES:
            raise UnsupportedFeature(
                f"The model has {self._n_bytes / 1e9:.1f} GB of weights; one ONNX file holds 2 GB.",
                hint="Use `precision=int8`, or `sentence_transformer:` with the extra models.",
            )
        shape = ["batch", "tokens"]
        graph = helper.make_graph(
            self._nodes,
            "sentence_encoder",
            [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", hidden])],
            list(self._constants.values()),
        )
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(_RUNTIME, 1)]
        model = helper.make_model(graph, opset_imports=opsets, producer_name="multirecall")
        model.ir_version = _IR_VERSION
        return bytes(model.SerializeToString())


def quantised(weight: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Levels (in, out) int8 and scales (out,) float32 with weight ≈ levels * scales, symmetric per output column.

    The levels use 7 of the 8 bits: processors without VNNI add two products in 16 bits, where 8-bit weights would
    saturate and give other results than processors with it.
    """
    largest = np.abs(weight).max(axis=0)
    scales = (np.where(largest > 0, largest, 1.0) / _MAX_LEVEL).astype(np.float32)
    return np.rint(weight / scales).astype(np.int8), scales


_MAX_LEVEL = 63
