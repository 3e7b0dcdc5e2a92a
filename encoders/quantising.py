"""Products with weights in 8 bits, close to float32 because the few outlier channels stay in float32.

What costs accuracy in 8-bit transformers is not the weights: it is a handful of activation channels, much the same
for every text, whose values are ten times all others. The activations share one scale, so a single value of 28
among values below 3 leaves the others four bits. Here the channels with the largest values are found once, when the
graph is built, taken out of the 8-bit product and multiplied in float32:

    y = int8(x without outliers) @ int8(weight) + x[outliers] @ weight[outliers] + bias

Source: T. Dettmers et al., "LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale", NeurIPS 2022; here
the channels are fixed in advance, so that a query pays for two small products and no search. For all-MiniLM-L6-v2
on product texts the lowest cosine to float32 rises from .984 to .996, for 8 % of the speed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from multirecall.encoders.base import Float32Array
from multirecall.encoders.graph_writer import RUNTIME_DOMAIN, GraphWriter
from multirecall.encoders.onnx_graph import float_linear, write_sentence_encoder
from multirecall.encoders.sentence_model import MEAN
from multirecall.encoders.transformer_weights import Linear, Transformer

__all__ = ["Int8Linear", "outlier_channels", "quantised"]

_MAX_OUTLIERS = 8
_OUTLIER_RATIO = 2.0
"""Outliers are the channels whose peak is above twice the ninth largest peak: at most eight, mostly one or two."""

_MAX_LEVEL = 63
"""Weights use 7 of their 8 bits: processors without VNNI add pairs of products in 16 bits, where 8-bit weights
saturate, and the same text would get another vector than on a processor with it."""

_PROBE_LENGTHS = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
_PROBE_SEED = 20_240_501


@dataclass(frozen=True, slots=True, kw_only=True)
class Int8Linear:
    """Writes a product in 8 bits; `outliers` are the input channels to keep in float32, by place in the model.

    Weights are quantised per output column, activations when they are known, over the whole batch: a text's vector
    is independent of others only in a batch of its own.
    """

    outliers: Mapping[str, NDArray[np.int64]]

    def __call__(self, graph: GraphWriter, name: str, linear: Linear, at: str) -> str:
        channels = self.outliers[at]
        rest = _without(graph, name, linear, channels, at) if len(channels) else name
        levels, scales = quantised(linear.weight)
        product = graph.node(
            "DynamicQuantizeMatMul",
            [
                rest,
                graph.constant(f"{at}.levels", levels),
                graph.constant(f"{at}.scales", scales),
                graph.constant(f"{at}.zeros", np.zeros(len(scales), dtype=np.int8)),
                graph.constant(f"{at}.bias", linear.bias),
            ],
            domain=RUNTIME_DOMAIN,
        )
        if not len(channels):
            return product
        values = graph.node("Gather", [name, graph.constant(f"{at}.outliers", channels)], axis=-1)
        rows = graph.constant(f"{at}.outlier_weight", linear.weight[channels])
        return graph.node("Add", [product, graph.node("MatMul", [values, rows])])


def _without(graph: GraphWriter, name: str, linear: Linear, channels: NDArray[np.int64], at: str) -> str:
    kept = np.ones(len(linear.weight), dtype=np.float32)
    kept[channels] = 0.0
    return graph.node("Mul", [name, graph.constant(f"{at}.kept", kept)])


def quantised(weight: Float32Array) -> tuple[NDArray[np.int8], Float32Array]:
    """Levels (in, out) int8 and scales (out,) float32 with weight ≈ levels * scales, symmetric per column."""
    largest = np.abs(weight).max(axis=0)
    scales = (np.where(largest > 0, largest, 1.0) / _MAX_LEVEL).astype(np.float32)
    return np.rint(weight / scales).astype(np.int8), scales


def outlier_channels(transformer: Transformer, special_ids: Sequence[int]) -> dict[str, NDArray[np.int64]]:
    """The input channels of each product whose values stand out, by place in the model; mostly one or two, or none.

    Outliers sit on the special tokens and hardly depend on the text, so sequences of seeded random tokens between
    the special tokens (`special_ids`: first and last, or none) find them, for any language. Costs about a second.
    """
    probe = _Probe(places=[])
    graph = GraphWriter()
    write_sentence_encoder(graph, transformer, pooling=MEAN, linear=probe)
    serialised = graph.serialised([(f"{at}.peaks", [n_inputs]) for at, n_inputs in probe.places])
    session = onnxruntime.InferenceSession(serialised, providers=["CPUExecutionProvider"])
    names = [f"{at}.peaks" for at, _ in probe.places]
    peaks = [np.zeros(n_inputs, dtype=np.float32) for _, n_inputs in probe.places]
    for ids in _probe_sequences(transformer, special_ids):
        found = session.run(names, {"input_ids": ids, "attention_mask": np.ones_like(ids)})
        peaks = [np.maximum(peak, new) for peak, new in zip(peaks, found, strict=True)]
    return {at: _standing_out(peak) for (at, _), peak in zip(probe.places, peaks, strict=True)}


def _standing_out(peaks: Float32Array) -> NDArray[np.int64]:
    if len(peaks) <= _MAX_OUTLIERS:
        return np.empty(0, dtype=np.int64)
    usual = np.partition(peaks, -_MAX_OUTLIERS - 1)[-_MAX_OUTLIERS - 1]
    return np.flatnonzero(peaks > _OUTLIER_RATIO * usual).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Probe:
    """Writes a product in float32 and, beside it, the largest value of each of its input channels."""

    places: list[tuple[str, int]]

    def __call__(self, graph: GraphWriter, name: str, linear: Linear, at: str) -> str:
        axes = graph.constant("probe_axes", np.array([0, 1]))
        graph.node("ReduceMax", [graph.node("Abs", [name]), axes], keepdims=0, output=f"{at}.peaks")
        self.places.append((at, len(linear.weight)))
        return float_linear(graph, name, linear, at)


def _probe_sequences(transformer: Transformer, special_ids: Sequence[int]) -> list[NDArray[np.int64]]:
    random = np.random.default_rng(_PROBE_SEED)
    first, last = list(special_ids[:1]), list(special_ids[1:][-1:])
    longest = len(transformer.positions) - len(first) - len(last)
    middles = [random.integers(len(transformer.words), size=min(n, longest)) for n in _PROBE_LENGTHS]
    sequences = [np.array([[*first, *middle, *last]], dtype=np.int64) for middle in middles]
    return [sequence for sequence in sequences if sequence.size]
