"""The built graphs against sentence-transformers, for every family and every part of a folder that matters."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multirecall.encoders.opening import open_encoder
from multirecall.encoders.transformer_weights import FAMILIES
from tests.support.tiny_models import (
    PAD_ID,
    VOCABULARY,
    require_default_model,
    require_sentence_transformers,
    tiny_bert,
    write_json,
    write_layout,
)
from tests.support.tricky_texts import TRICKY_TEXTS

TOLERANCE = 1e-5
TEXTS = (
    *TRICKY_TEXTS,
    "[PAD] laser [PAD] [PAD] usb",
    "laser printer usb cable",
    "toner 4250 black mouse notebook " * 8,
)

SHARED = {"vocab_size": len(VOCABULARY), "max_position_embeddings": 66, "pad_token_id": PAD_ID}
WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
CONFIGS: dict[str, dict[str, Any]] = {
    "bert": {**SHARED, **WIDE},
    "roberta": {**SHARED, **WIDE, "type_vocab_size": 1},
    "xlm-roberta": {**SHARED, **WIDE, "type_vocab_size": 1},
    "camembert": {**SHARED, **WIDE, "type_vocab_size": 1},
    "distilbert": {**SHARED, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "mpnet": {**SHARED, **WIDE, "layer_norm_eps": 1e-5},
}


def test_every_family_that_is_built_is_compared() -> None:
    assert set(CONFIGS) == set(FAMILIES)


def random_transformer(folder: Path, family: str, **changes: Any) -> Path:
    """A folder that the transformers package itself wrote, with weights far from their small initial values."""
    require_sentence_transformers()
    import torch
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(family, **{**CONFIGS[family], **changes})
    torch.manual_seed(7)
    model = AutoModel.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    folder.mkdir(parents=True)
    model.save_pretrained(folder)
    write_layout(folder, hidden=32)
    return folder


def differences(folder: Path, cache_dir: Path, precision: str = "fp32") -> tuple[float, float]:
    """The largest differences of queries and of products to what sentence-transformers gives."""
    require_sentence_transformers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch and transformers say about themselves
        reference = open_encoder(f"sentence_transformer:{folder}", cache_dir=cache_dir)
    built = open_encoder(f"onnx:{folder}?precision={precision}", cache_dir=cache_dir, threads=1)
    assert (built.dim, built.max_tokens) == (reference.dim, reference.max_tokens)
    return (
        float(np.abs(built.encode_queries(TEXTS) - reference.encode_queries(TEXTS)).max()),
        float(np.abs(built.encode_products(TEXTS) - reference.encode_products(TEXTS)).max()),
    )


@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_every_family_equals_sentence_transformers(family: str, tmp_path: Path) -> None:
    folder = random_transformer(tmp_path / family, family)
    assert max(differences(folder, tmp_path / "cache")) < TOLERANCE


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
def test_every_activation_equals_sentence_transformers(activation: str, tmp_path: Path) -> None:
    folder = random_transformer(tmp_path / activation, "bert", hidden_act=activation)
    assert max(differences(folder, tmp_path / "cache")) < TOLERANCE


def test_distances_beyond_the_exact_buckets_equal_sentence_transformers(tmp_path: Path) -> None:
    """MPNet's bias by distance has one bucket each up to 8, wider ones up to 128, and one for all beyond."""
    folder = random_transformer(tmp_path / "mpnet", "mpnet", max_position_embeddings=302)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 300})
    assert max(differences(folder, tmp_path / "cache")) < TOLERANCE


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_poolings_equal_sentence_transformers(pooling: str, tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "tiny", pooling=pooling)
    assert max(differences(folder, tmp_path / "cache")) < TOLERANCE


def test_prompts_equal_sentence_transformers(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "tiny")
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "usb ", "document": "black toner "}})
    assert max(differences(folder, tmp_path / "cache")) < TOLERANCE
    encoder = open_encoder(f"onnx:{folder}?precision=fp32", cache_dir=tmp_path / "cache")
    plain, prompted = encoder.encode_queries(["cable"]), encoder.encode_products(["cable"])
    assert np.abs(plain - prompted).max() > 0.01
    np.testing.assert_array_equal(encoder.encode_products(["x"]), encoder.encode_products(["x"]))


def test_lower_case_asked_for_beside_the_tokenizer_equals_sentence_transformers(tmp_path: Path) -> None:
    from tests.support.tiny_models import tiny_tokenizer

    folder = tiny_bert(tmp_path / "tiny")
    tiny_tokenizer(lowercase=False).save(str(folder / "tokenizer.json"))
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 24, "do_lower_case": True})
    assert max(differences(folder, tmp_path / "cache")) < TOLERANCE


def test_half_precision_weights_equal_sentence_transformers(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tiny_bert(tmp_path / "tiny")
    halved = {name: tensor.astype(np.float16) for name, tensor in load_file(folder / "model.safetensors").items()}
    wide = {name: tensor.astype(np.float32) for name, tensor in halved.items()}
    save_file(wide, folder / "model.safetensors", metadata={"format": "pt"})
    reference = open_encoder(f"onnx:{folder}?precision=fp32", cache_dir=tmp_path / "cache").encode_queries(TEXTS)
    save_file(halved, folder / "model.safetensors", metadata={"format": "pt"})
    vectors = open_encoder(f"onnx:{folder}?precision=fp32", cache_dir=tmp_path / "cache").encode_queries(TEXTS)
    np.testing.assert_array_equal(vectors, reference)


def test_the_default_model_equals_sentence_transformers(tmp_path: Path) -> None:
    assert max(differences(require_default_model(), tmp_path)) < TOLERANCE
