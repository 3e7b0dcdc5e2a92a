"""The ONNX graph of a sentence encoder, written from its weights: no torch, no exporter.

Input: `input_ids` and `attention_mask`, (batch, tokens) int64, padded on the right. Output: `vectors`,
(batch, hidden) float32, rows of length 1. Attention is onnxruntime's own MultiHeadAttention; layer norms and
activations are standard operators, which onnxruntime fuses with the additions around them when it opens the graph.
How a product with weights is written (in float32, in 8 bits) is the caller's choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np
from onnx import TensorProto

from multirecall.core.errors import UnsupportedFeature
from multirecall.encoders.graph_writer import RUNTIME_DOMAIN, GraphWriter
from multirecall.encoders.sentence_model import MEAN
from multirecall.encoders.transformer_weights import Linear, Transformer

__all__ = ["LinearStyle", "float_linear", "sentence_encoder_graph", "write_sentence_encoder"]

_ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType(
    {
        "gelu": ("Gelu", {}),
        "gelu_new": ("Gelu", {"approximate": "tanh"}),
        "gelu_pytorch_tanh": ("Gelu", {"approximate": "tanh"}),
        "relu": ("Relu", {}),
    }
)
_MIN_LENGTH = 1e-12


class LinearStyle(Protocol):
    """Writes y = x @ weight + bias: the name of x and of the place in the model in, the name of y out."""

    def __call__(self, graph: GraphWriter, name: str, linear: Linear, at: str) -> str: ...


def float_linear(graph: GraphWriter, name: str, linear: Linear, at: str) -> str:
    """The product in float32."""
    product = graph.node("MatMul", [name, graph.constant(f"{at}.weight", linear.weight)])
    return graph.node("Add", [product, graph.constant(f"{at}.bias", linear.bias)])


def sentence_encoder_graph(transformer: Transformer, *, pooling: str, linear: LinearStyle) -> bytes:
    """The serialised graph. `pooling` is `mean` or `cls`.

    Raises UnsupportedFeature for an activation that is not built, or for weights above 2 GB.
    """
    graph = GraphWriter()
    write_sentence_encoder(graph, transformer, pooling=pooling, linear=linear)
    return graph.serialised([("vectors", ["batch", transformer.hidden])])


def write_sentence_encoder(graph: GraphWriter, transformer: Transformer, *, pooling: str, linear: LinearStyle) -> None:
    """Writes the encoder into `graph`, from the inputs to `vectors`."""
    n_tokens = graph.node("Shape", ["input_ids"], start=1, end=2)
    hidden = _embedded(graph, transformer, n_tokens)
    mask = graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
    bias = _attention_bias(graph, transformer, n_tokens)
    for number, layer in enumerate(transformer.layers):
        at = f"layer{number}"
        joined = linear(graph, hidden, layer.attention_input, f"{at}.attention_input")
        mixed = graph.node(
            "MultiHeadAttention",
            [*graph.split(joined, 3), "", mask, *bias],
            domain=RUNTIME_DOMAIN,
            num_heads=transformer.n_heads,
        )
        mixed = linear(graph, mixed, layer.attention_output, f"{at}.attention_output")
        hidden = graph.norm(graph.node("Add", [hidden, mixed]), layer.attention_norm, f"{at}.attention_norm")
        widened = linear(graph, hidden, layer.up, f"{at}.up")
        narrowed = linear(graph, _activated(graph, widened, transformer.activation), layer.down, f"{at}.down")
        hidden = graph.norm(graph.node("Add", [hidden, narrowed]), layer.output_norm, f"{at}.output_norm")
    _write_pooling(graph, hidden, pooling)


def _embedded(graph: GraphWriter, transformer: Transformer, n_tokens: str) -> str:
    words = graph.node("Gather", [graph.constant("words", transformer.words), "input_ids"])
    table = graph.constant("positions", transformer.positions)
    if transformer.position_pad_id is None:
        positions = graph.node("Slice", [table, graph.constant("first", np.array([0])), n_tokens])
    else:
        positions = graph.node("Gather", [table, _counted_positions(graph, transformer.position_pad_id)])
    return graph.norm(graph.node("Add", [words, positions]), transformer.embedding_norm, "embedding_norm")


def _counted_positions(graph: GraphWriter, pad_id: int) -> str:
    """Position numbers that pass over padding tokens, also those that a text spells out: (batch, tokens)."""
    pad = graph.constant("pad_id", np.array(pad_id))
    is_pad = graph.node("Equal", ["input_ids", pad])
    is_token = graph.node("Cast", [graph.node("Not", [is_pad])], to=TensorProto.INT64)
    count = graph.node("CumSum", [is_token, graph.constant("count_axis", np.array(1))])
    return graph.node("Add", [graph.node("Mul", [count, is_token]), pad])


def _attention_bias(graph: GraphWriter, transformer: Transformer, n_tokens: str) -> list[str]:
    """The bias by distance, cut to the batch: (1, n_heads, tokens, tokens); nothing if the family has none."""
    if transformer.relative_bias is None:
        return []
    table = graph.constant("relative_bias", transformer.relative_bias[None])
    starts = graph.constant("bias_starts", np.array([0, 0]))
    ends = graph.node("Concat", [n_tokens, n_tokens], axis=0)
    return [graph.node("Slice", [table, starts, ends, graph.constant("bias_axes", np.array([2, 3]))])]


def _activated(graph: GraphWriter, name: str, activation: str) -> str:
    if activation not in _ACTIVATIONS:
        raise UnsupportedFeature(
            f"The model has the activation {activation!r}, which the onnx encoder does not build.",
            hint="Use `sentence_transformer:NAME_OR_PATH` with the extra models.",
            activation=activation,
        )
    operator, attributes = _ACTIVATIONS[activation]
    return graph.node(operator, [name], **attributes)


def _write_pooling(graph: GraphWriter, hidden: str, pooling: str) -> None:
    if pooling == MEAN:
        mask = graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
        mask = graph.node("Unsqueeze", [mask, graph.constant("last_axis", np.array([-1]))])
        masked = graph.node("Mul", [hidden, mask])
        # The sum instead of the mean: dividing by the length takes the factor out.
        row = graph.node("ReduceSum", [masked, graph.constant("token_axis", np.array([1]))], keepdims=0)
    else:
        row = graph.node("Gather", [hidden, graph.constant("cls_position", np.array(0))], axis=1)
    length = graph.node("ReduceL2", [row, graph.constant("row_axis", np.array([-1]))], keepdims=1)
    length = graph.node("Max", [length, graph.constant("min_length", np.float32(_MIN_LENGTH))])
    graph.node("Div", [row, length], output="vectors")
