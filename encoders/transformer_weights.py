"""The weights of a BERT-family transformer under one set of names, whatever its family calls them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from multirecall.core.errors import EncoderError, UnsupportedFeature
from multirecall.encoders.base import Float32Array
from multirecall.encoders.tensor_file import TensorFile

__all__ = ["FAMILIES", "Family", "Layer", "Linear", "Norm", "Transformer", "read_transformer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Names of one family's tensors (below its prefix) and of its config keys.

    `layer` holds `{}` for the number of the layer. `relative_bias` names a table of attention biases by distance.
    `position_pad_id` gives, for families that count positions from the padding token's id on and pass over padding
    tokens, that id; None for those that count from 0.
    """

    prefixes: tuple[str, ...]
    layer: str
    query: str
    key: str
    value: str
    attention_output: str
    attention_norm: str
    up: str
    down: str
    output_norm: str
    token_types: bool = True
    position_pad_id: Callable[[Mapping[str, Any]], int | None] = lambda _config: None
    relative_bias: str = ""
    n_layers: str = "num_hidden_layers"
    n_heads: str = "num_attention_heads"
    activation: str = "hidden_act"


_BERT = Family(
    prefixes=("", "bert."),
    layer="encoder.layer.{}.",
    query="attention.self.query",
    key="attention.self.key",
    value="attention.self.value",
    attention_output="attention.output.dense",
    attention_norm="attention.output.LayerNorm",
    up="intermediate.dense",
    down="output.dense",
    output_norm="output.LayerNorm",
)


def _like_bert(**changes: Any) -> Family:
    fields = {name: getattr(_BERT, name) for name in Family.__slots__}
    return Family(**{**fields, **changes})


_ROBERTA = _like_bert(prefixes=("", "roberta."), position_pad_id=lambda config: int(config.get("pad_token_id", 1)))

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {
        "bert": _BERT,
        "roberta": _ROBERTA,
        "xlm-roberta": _ROBERTA,
        "camembert": _ROBERTA,
        "distilbert": Family(
            prefixes=("", "distilbert."),
            layer="transformer.layer.{}.",
            query="attention.q_lin",
            key="attention.k_lin",
            value="attention.v_lin",
            attention_output="attention.out_lin",
            attention_norm="sa_layer_norm",
            up="ffn.lin1",
            down="ffn.lin2",
            output_norm="output_layer_norm",
            token_types=False,
            n_layers="n_layers",
            n_heads="n_heads",
            activation="activation",
        ),
        "mpnet": _like_bert(
            prefixes=("", "mpnet."),
            query="attention.attn.q",
            key="attention.attn.k",
            value="attention.attn.v",
            attention_output="attention.attn.o",
            attention_norm="attention.LayerNorm",
            token_types=False,
            position_pad_id=lambda _config: 1,
            relative_bias="encoder.relative_attention_bias.weight",
        ),
    }
)
"""By `model_type` of config.json."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Linear:
    """y = x @ weight + bias. Shapes: weight (in, out), bias (out,)."""

    weight: Float32Array
    bias: Float32Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Norm:
    """Layer normalisation over the last axis. Shapes: weight and bias (hidden,)."""

    weight: Float32Array
    bias: Float32Array
    epsilon: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One transformer layer. `attention_input` gives query, key and value side by side: (hidden, 3 * hidden)."""

    attention_input: Linear
    attention_output: Linear
    attention_norm: Norm
    up: Linear
    down: Linear
    output_norm: Norm


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Transformer:
    """All weights of an encoder that normalises after each sub-layer (BERT and its kin).

    Shapes: words (vocabulary, hidden); positions (n positions, hidden), with the embedding of token type 0
    already added, relative_bias (n_heads, n positions, n positions) or None. `position_pad_id` as in Family.
    """

    words: Float32Array
    positions: Float32Array
    embedding_norm: Norm
    layers: tuple[Layer, ...]
    n_heads: int
    activation: str
    position_pad_id: int | None = None
    relative_bias: Float32Array | None = None

    @property
    def hidden(self) -> int:
        return int(self.words.shape[1])


def read_transformer(weights_file: Path, config: Mapping[str, Any]) -> Transformer:
    """The transformer in a safetensors file; weights of half precision are widened to float32.

    Raises UnsupportedFeature for an architecture outside `FAMILIES` and EncoderError for a damaged file or a
    missing tensor.
    """
    family = _family(config)
    tensors = _Tensors(TensorFile(weights_file), family)
    epsilon = float(config.get("layer_norm_eps", 1e-12))
    positions = tensors["embeddings.position_embeddings.weight"]
    if family.token_types:
        # Every text is one segment, so token type 0 is a constant.
        positions = positions + tensors["embeddings.token_type_embeddings.weight"][0]
    words = tensors["embeddings.word_embeddings.weight"]
    n_heads = int(config[family.n_heads])
    if n_heads < 1 or words.shape[1] % n_heads:
        raise EncoderError(
            f"config.json says {n_heads} attention heads, which do not divide the width {words.shape[1]}.",
            hint="Fetch the model again.",
            file=str(weights_file),
        )
    bias = None
    if family.relative_bias:
        bias = _relative_bias(tensors[family.relative_bias], len(positions))
    return Transformer(
        words=words,
        positions=positions,
        embedding_norm=tensors.norm("embeddings.LayerNorm", epsilon),
        layers=tuple(
            _layer(tensors, family, family.layer.format(at), epsilon) for at in range(int(config[family.n_layers]))
        ),
        n_heads=n_heads,
        activation=str(config.get(family.activation, "gelu")),
        position_pad_id=family.position_pad_id(config),
        relative_bias=bias,
    )


def _family(config: Mapping[str, Any]) -> Family:
    name = str(config.get("model_type", ""))
    family = FAMILIES.get(name)
    position_kind = config.get("position_embedding_type") or "absolute"
    if family is None or position_kind != "absolute":
        what = f"with {position_kind} positions" if family else "which the onnx encoder does not build"
        raise UnsupportedFeature(
            f"The model has the architecture {name or 'unknown'!r}, {what}.",
            hint=f"Built here: {', '.join(sorted(FAMILIES))}. For others use "
            "`sentence_transformer:NAME_OR_PATH` with the extra models.",
            architecture=name,
        )
    missing = [key for key in (family.n_layers, family.n_heads) if key not in config]
    if missing:
        raise EncoderError(
            f"config.json does not say {' and '.join(missing)}.", hint="Fetch the model again.", missing=missing
        )
    return family


def _layer(tensors: _Tensors, family: Family, at: str, epsilon: float) -> Layer:
    parts = [tensors.linear(at + name) for name in (family.query, family.key, family.value)]
    return Layer(
        attention_input=Linear(
            weight=np.concatenate([part.weight for part in parts], axis=1),
            bias=np.concatenate([part.bias for part in parts]),
        ),
        attention_output=tensors.linear(at + family.attention_output),
        attention_norm=tensors.norm(at + family.attention_norm, epsilon),
        up=tensors.linear(at + family.up),
        down=tensors.linear(at + family.down),
        output_norm=tensors.norm(at + family.output_norm, epsilon),
    )


class _Tensors:
    """The tensors of a file by their names below the family's prefix."""

    def __init__(self, file: TensorFile, family: Family) -> None:
        self._file = file
        probe = "embeddings.word_embeddings.weight"
        self._prefix = next((prefix for prefix in family.prefixes if prefix + probe in file.names), "")

    def __getitem__(self, name: str) -> Float32Array:
        # Checkpoints from before 2019's renaming say gamma and beta.
        older = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
        for candidate in (self._prefix + name, self._prefix + older):
            if candidate in self._file.names:
                return self._file[candidate]
        raise EncoderError(
            f"The weights {self._file.file} have no tensor {self._prefix + name!r}.",
            hint="The architecture is not what config.json says. Use `sentence_transformer:` with the extra models.",
            tensor=name,
        )

    def linear(self, name: str) -> Linear:
        return Linear(weight=np.ascontiguousarray(self[f"{name}.weight"].T), bias=self[f"{name}.bias"])

    def norm(self, name: str, epsilon: float) -> Norm:
        return Norm(weight=self[f"{name}.weight"], bias=self[f"{name}.bias"], epsilon=epsilon)


_FARTHEST = 128
"""All distances from here on share the last bucket."""


def _relative_bias(table: Float32Array, n_positions: int) -> Float32Array:
    """T5's buckets of distances (C. Raffel et al., JMLR 21 (2020), section 2.1), both directions, up to 128.

    `table` has shape (n_buckets, n_heads): half of the buckets for each direction, of which half exact.
    """
    half = len(table) // 2
    exact = half // 2
    distance = np.arange(n_positions)[None, :] - np.arange(n_positions)[:, None]
    apart = np.abs(distance)
    # In float32 as when the models were trained: at the powers of two the rounding decides the bucket.
    ratio = np.maximum(apart, 1).astype(np.float32) / np.float32(exact)
    steps = np.log(ratio) / np.float32(math.log(_FARTHEST / exact)) * np.float32(half - exact)
    far = np.minimum(exact + steps.astype(np.int64), half - 1)
    bucket = np.where(apart < exact, apart, far) + np.where(distance > 0, half, 0)
    return np.ascontiguousarray(table[bucket].transpose(2, 0, 1))
