"""A trained policy as a folder that is served without torch: two graphs, the tokenizer and a card."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from multirecall.core.errors import InvalidInput, InvalidSettings, UnsupportedFeature
from multirecall.encoders.base import Float32Array
from multirecall.encoders.fingerprint import FileDigests, fingerprint
from multirecall.recall.generation.onnx_steps import CARD, FORMAT, STEP_GRAPH, TEXTS_GRAPH, TOKENIZER
from multirecall.training.blender.placing import may_replace, written_whole
from multirecall.training.generation.extras import required
from multirecall.training.generation.policy import Policy
from multirecall.training.generation.steps_graph import PRODUCTS, Sequencer, step_graph, texts_graph

__all__ = ["check_steps_target", "export_steps"]


def export_steps(
    policy: Policy,
    folder: Path,
    *,
    precision: str = "fp32",
    max_source_tokens: int = 128,
    card: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """Writes the folder that `open_onnx_steps` opens, in one step, in the place of one that lies there.

    Texts are cut after `max_source_tokens`. `int8` is smaller and faster, and takes a step's activations at one scale.
    `card`: what the caller says of the model, kept as `training` of the card. Returns the fingerprint, 16 hex digits
    over all that the probabilities depend on.

    Raises UnsupportedFeature for a model of another shape than T5's, InvalidSettings if something else lies there or
    it cannot be written; then nothing has changed.
    """
    if precision not in PRODUCTS:
        raise InvalidInput(f"Precisions are {', '.join(PRODUCTS)}, got {precision!r}.", field="precision")
    if max_source_tokens < 2:
        raise InvalidInput(f"Texts have 2 tokens or more, got {max_source_tokens}.", field="max_source_tokens")
    check_steps_target(folder)
    model = policy.plain_model()
    _check_shape(model)
    files = _files(policy, model, precision, max_source_tokens)
    with written_whole(folder) as made:
        for name, content in files.items():
            (made / name).write_bytes(content)
        whole = _card(policy, model, precision, max_source_tokens, made, card)
        (made / CARD).write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    return str(whole["fingerprint"])


def check_steps_target(folder: Path) -> None:
    """Raises InvalidSettings if something lies there that is no exported model."""
    if not may_replace(folder, CARD):
        raise InvalidSettings(f"{folder} exists and is no exported model.", hint="Choose another folder.", field="out")


def _files(policy: Policy, model: Any, precision: str, max_source_tokens: int) -> dict[str, bytes]:
    config = model.config
    with required("torch").inference_mode():
        sequencer = Sequencer(
            weights={name: _array(tensor) for name, tensor in model.state_dict().items()},
            output=_array(model.get_output_embeddings().weight.T),
            heads=config.num_heads,
            layers=config.num_layers,
            decoder_layers=config.num_decoder_layers,
            epsilon=config.layer_norm_epsilon,
            gated=config.is_gated_act,
            scaled=bool(config.scale_decoder_outputs),
            reading=_array(_bias_table(model.encoder, max_source_tokens)),
            writing=_array(_bias_table(model.decoder, policy.max_tokens)[:, :, -1:]),
        )
    return {
        TEXTS_GRAPH: texts_graph(sequencer, PRODUCTS[precision]),
        STEP_GRAPH: step_graph(sequencer, PRODUCTS[precision]),
        TOKENIZER: policy.tokenizer.backend_tokenizer.to_str().encode(),
    }


def _check_shape(model: Any) -> None:
    config = model.config
    activation = getattr(config, "feed_forward_proj", "")
    if config.model_type not in ("t5", "mt5") or activation not in ("relu", "gated-gelu"):
        raise UnsupportedFeature(
            f"Models of the type {config.model_type!r} ({activation or 'no feed-forward'}) are not exported.",
            hint="Serve it with torch (`TorchSteps`), or train one from scratch.",
            model_type=config.model_type,
        )


def _bias_table(stack: Any, n: int) -> Any:
    """(1, heads, n, n): what a token of n adds to its attention to each, by their distance."""
    return stack.block[0].layer[0].SelfAttention.compute_bias(n, n)


def _array(tensor: Any) -> Float32Array:
    made: Float32Array = np.ascontiguousarray(tensor.detach().cpu().float().numpy())
    return made


def _card(
    policy: Policy, model: Any, precision: str, max_source_tokens: int, made: Path, card: Mapping[str, Any]
) -> dict[str, Any]:
    digests = FileDigests(None)
    meaning = {
        "format": FORMAT,
        "precision": precision,
        "prompt": policy.prompt,
        "vocab": int(model.config.vocab_size),
        "start": int(model.config.decoder_start_token_id),
        "end": policy.end,
        "pad": int(policy.tokenizer.pad_token_id),
        "heads": int(model.config.num_heads),
        "head_dim": int(model.config.d_kv),
        "layers": int(model.config.num_decoder_layers),
        "max_source_tokens": max_source_tokens,
        "max_tokens": policy.max_tokens,
        "files": {name: digests.digest(made / name) for name in (TEXTS_GRAPH, STEP_GRAPH, TOKENIZER)},
    }
    return {**meaning, "fingerprint": fingerprint(meaning), "training": dict(card)}
