"""The ONNX graphs of a T5-shaped model, written from its weights: one reads the texts, one says the next tokens.

`texts_graph` runs once per search. It gives, for each layer of the decoder, the keys and values of all source tokens,
(1, heads, positions, head_dim), the texts behind one another: positions = batch * tokens.

`step_graph` runs once per token, for all rows of a search:

    tokens, parents, owners    (rows,)   the token that continues a row, its row in the step before, its text
    positions                  (positions,)   which text each source position belongs to, -1 for padding
    keys{l}, values{l}         of the texts
    past_keys{l}, …            (rows before, heads, steps before, head_dim): what the last step gave
    -> log_probs (rows, vocab), next_keys{l}, next_values{l} (rows, heads, steps, head_dim)

All rows read the texts in one product per head, whichever text is theirs; the bias hides the others'. So beams share
the keys and values of their text instead of holding a copy each, and rows are put in order within the graph.

Attention is onnxruntime's MultiHeadAttention, with T5's scale of 1 and its bias by distance; norms are by the root of
the mean square, fused with the additions before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from onnx import TensorProto

from multirecall.encoders.base import Float32Array
from multirecall.encoders.graph_writer import RUNTIME_DOMAIN, TEXTS, GraphWriter, Input
from multirecall.encoders.quantising import quantised

__all__ = ["PRODUCTS", "Product", "Sequencer", "step_graph", "texts_graph"]

_HIDDEN = -1e9
"""Added where a row must not look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequencer:
    """A T5's weights as float32, by the names of `transformers`, its sizes, and its biases by distance.

    `reading`: (1, heads, n, n) for n source tokens. `writing`: (1, heads, 1, n), of the last of n steps to all of them.
    """

    weights: Mapping[str, Float32Array]
    output: Float32Array
    heads: int
    layers: int
    decoder_layers: int
    epsilon: float
    gated: bool
    scaled: bool
    reading: Float32Array
    writing: Float32Array


class Product(Protocol):
    """Writes y = x @ weight: the name of x and of the place in the model in, the name of y out."""

    def __call__(self, graph: GraphWriter, name: str, weight: Float32Array, at: str) -> str: ...


def _in_float32(graph: GraphWriter, name: str, weight: Float32Array, at: str) -> str:
    return graph.node("MatMul", [name, graph.constant(at, weight)])


def _in_int8(graph: GraphWriter, name: str, weight: Float32Array, at: str) -> str:
    """One scale for the activations of all rows: what a row gets depends a little on the others."""
    levels, scales = quantised(weight)
    return graph.node(
        "DynamicQuantizeMatMul",
        [
            name,
            graph.constant(f"{at}.levels", levels),
            graph.constant(f"{at}.scales", scales),
            graph.constant(f"{at}.zeros", np.zeros(len(scales), dtype=np.int8)),
        ],
        domain=RUNTIME_DOMAIN,
    )


PRODUCTS: Mapping[str, Product] = {"fp32": _in_float32, "int8": _in_int8}


def texts_graph(model: Sequencer, product: Product) -> bytes:
    """From `input_ids` and `attention_mask`, (batch, tokens) int64 padded on the right; see the module."""
    writer = _Layers(model, product)
    graph = writer.graph
    tokens = graph.node("Shape", ["input_ids"], start=1, end=2)
    mask = graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
    ends = graph.node("Concat", [tokens, tokens], axis=0)
    starts, axes = graph.constant("starts", np.array([0, 0])), graph.constant("axes", np.array([2, 3]))
    bias = graph.node("Slice", [graph.constant("bias_by_distance", model.reading), starts, ends, axes])
    hidden = graph.node("Gather", [graph.constant("words", model.weights["shared.weight"]), "input_ids"])
    normed = writer.first_norm(hidden, "encoder.block.0.layer.0.layer_norm")
    for number in range(model.layers):
        at = f"encoder.block.{number}.layer"
        asked = graph.split(writer.joined(normed, f"{at}.0.SelfAttention", "qkv"), 3)
        mixed = writer.attention([*asked, "", mask, bias], [f"{at}.0"])
        added = writer.product(graph, mixed, writer.weight(f"{at}.0.SelfAttention.o"), f"{at}.0.o")
        hidden, normed = writer.norm(hidden, added, f"{at}.1.layer_norm")
        added = writer.feed_forward(normed, f"{at}.1.DenseReluDense")
        above = f"encoder.block.{number + 1}.layer.0.layer_norm"
        hidden, normed = writer.norm(hidden, added, above if number + 1 < model.layers else "encoder.final_layer_norm")
    shape = graph.constant("by_head", np.array([1, -1, model.heads, writer.head_dim]))
    outputs = []
    for number in range(model.decoder_layers):
        at = f"decoder.block.{number}.layer.1.EncDecAttention"
        for name, part in zip(("keys", "values"), graph.split(writer.joined(normed, at, "kv"), 2), strict=True):
            by_head = graph.node("Reshape", [part, shape])
            graph.node("Transpose", [by_head], perm=[0, 2, 1, 3], output=f"{name}{number}")
            outputs.append((f"{name}{number}", (1, model.heads, "positions", writer.head_dim)))
    return graph.serialised(outputs, inputs=TEXTS, name="texts")


def step_graph(model: Sequencer, product: Product) -> bytes:
    """One more token for every row; see the module."""
    writer = _Layers(model, product)
    graph = writer.graph
    past, texts, following = (
        [f"{kind}{part}{number}" for number in range(model.decoder_layers) for part in ("keys", "values")]
        for kind in ("past_", "", "next_")
    )
    bias = _step_bias(graph, model, past[0])
    hidden_texts = _others_hidden(graph)
    one = graph.constant("second_axis", np.array([1]))
    words = graph.node("Gather", [graph.constant("words", model.weights["shared.weight"]), "tokens"])
    hidden = graph.node("Unsqueeze", [words, one])
    normed = writer.first_norm(hidden, "decoder.block.0.layer.0.layer_norm")
    for number in range(model.decoder_layers):
        at, of = f"decoder.block.{number}.layer", slice(2 * number, 2 * number + 2)
        asked = graph.split(writer.joined(normed, f"{at}.0.SelfAttention", "qkv"), 3)
        before = [graph.node("Gather", [name, "parents"]) for name in past[of]]
        mixed = writer.attention([*asked, "", "", bias, *before], [f"{at}.0", *following[of]])
        added = writer.product(graph, mixed, writer.weight(f"{at}.0.SelfAttention.o"), f"{at}.0.o")
        hidden, normed = writer.norm(hidden, added, f"{at}.1.layer_norm")
        query = writer.product(graph, normed, writer.weight(f"{at}.1.EncDecAttention.q"), f"{at}.1.q")
        side_by_side = graph.node("Transpose", [query], perm=[1, 0, 2])
        mixed = writer.attention([side_by_side, *texts[of], "", "", hidden_texts], [f"{at}.1"])
        behind = graph.node("Transpose", [mixed], perm=[1, 0, 2])
        added = writer.product(graph, behind, writer.weight(f"{at}.1.EncDecAttention.o"), f"{at}.1.o")
        hidden, normed = writer.norm(hidden, added, f"{at}.2.layer_norm")
        added = writer.feed_forward(normed, f"{at}.2.DenseReluDense")
        above = f"decoder.block.{number + 1}.layer.0.layer_norm"
        last = number + 1 == model.decoder_layers
        hidden, normed = writer.norm(hidden, added, "decoder.final_layer_norm" if last else above)
    logits = product(graph, graph.node("Squeeze", [normed, one]), model.output, "output")
    graph.node("LogSoftmax", [logits], axis=-1, output="log_probs")
    by_head: dict[str, tuple[str | int, ...]] = {
        **dict.fromkeys(past, ("rows_before", model.heads, "steps_before", writer.head_dim)),
        **dict.fromkeys(texts, (1, model.heads, "positions", writer.head_dim)),
        **dict.fromkeys(following, ("rows", model.heads, "steps", writer.head_dim)),
    }
    inputs: list[Input] = [(name, TensorProto.INT64, ("rows",)) for name in ("tokens", "parents", "owners")]
    inputs.append(("positions", TensorProto.INT64, ("positions",)))
    inputs += [(name, TensorProto.FLOAT, by_head[name]) for name in (*texts, *past)]
    outputs = [("log_probs", ("rows", model.output.shape[1])), *((name, by_head[name]) for name in following)]
    return graph.serialised(outputs, inputs=inputs, name="step")


def _step_bias(graph: GraphWriter, model: Sequencer, past: str) -> str:
    """Of the step at hand to those before and itself: the last columns of the table, (1, heads, 1, steps)."""
    before = graph.node("Shape", [past], start=2, end=3)
    most = model.writing.shape[3]
    start = graph.node("Sub", [graph.constant("last_column", np.array([most - 1])), before])
    end, axis = graph.constant("columns", np.array([most])), graph.constant("column_axis", np.array([3]))
    return graph.node("Slice", [graph.constant("bias_by_distance", model.writing), start, end, axis])


def _others_hidden(graph: GraphWriter) -> str:
    """(1, 1, rows, positions): 0 where the position is of the row's own text."""
    of_row = graph.node("Unsqueeze", ["owners", graph.constant("across", np.array([1]))])
    own = graph.node("Equal", [of_row, "positions"])
    zero, hidden = graph.constant("seen", np.float32(0)), graph.constant("hidden", np.float32(_HIDDEN))
    bias = graph.node("Where", [own, zero, hidden])
    return graph.node("Unsqueeze", [bias, graph.constant("outer_axes", np.array([0, 1]))])


class _Layers:
    """What layers of both sides are made of."""

    def __init__(self, model: Sequencer, product: Product) -> None:
        self.graph = GraphWriter()
        self.product = product
        self._model = model
        self.head_dim = self.weight("encoder.block.0.layer.0.SelfAttention.q").shape[1] // model.heads

    def weight(self, at: str) -> Float32Array:
        """(in, out)."""
        return np.ascontiguousarray(self._model.weights[f"{at}.weight"].T)

    def joined(self, name: str, at: str, parts: str) -> str:
        """Several products of one input as one."""
        weights = [self.weight(f"{at}.{part}") for part in parts]
        return self.product(self.graph, name, np.concatenate(weights, axis=1), f"{at}.{parts}")

    def attention(self, inputs: list[str], outputs: list[str]) -> str:
        attributes = {"num_heads": self._model.heads, "scale": 1.0}
        self.graph.parts("MultiHeadAttention", inputs, outputs, domain=RUNTIME_DOMAIN, **attributes)
        return outputs[0]

    def feed_forward(self, name: str, at: str) -> str:
        if self._model.gated:
            wide, gate = self.graph.split(self._both(name, at), 2)
            wide = self.graph.node("Gelu", [wide], approximate="tanh")
            wide = self.graph.node("Mul", [wide, gate])
        else:
            wide = self.graph.node("Relu", [self.product(self.graph, name, self.weight(f"{at}.wi"), f"{at}.wi")])
        return self.product(self.graph, wide, self.weight(f"{at}.wo"), f"{at}.wo")

    def _both(self, name: str, at: str) -> str:
        weights = [self.weight(f"{at}.wi_{side}") for side in (0, 1)]
        return self.product(self.graph, name, np.concatenate(weights, axis=1), f"{at}.wi")

    def first_norm(self, hidden: str, at: str) -> str:
        return self.graph.node(
            "SimplifiedLayerNormalization", [hidden, self._scale(at)], axis=-1, epsilon=self._model.epsilon
        )

    def norm(self, hidden: str, added: str, at: str) -> tuple[str, str]:
        """Their sum, and the sum normed."""
        normed, total = f"{at}.normed", f"{at}.sum"
        self.graph.parts(
            "SkipSimplifiedLayerNormalization",
            [hidden, added, self._scale(at)],
            [normed, "", "", total],
            domain=RUNTIME_DOMAIN,
            epsilon=self._model.epsilon,
        )
        return total, normed

    def _scale(self, at: str) -> str:
        scale = self._model.weights[f"{at}.weight"]
        if self._model.scaled and at == "decoder.final_layer_norm":
            scale = scale * np.float32(len(scale) ** -0.5)
        return self.graph.constant(f"{at}.weight", scale)
