"""Sentence encoders small enough to build in a test: real files in the real layout, random weights."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from multirecall.core.errors import MissingExtra
from multirecall.encoders.locating import default_model_folder

__all__ = [
    "VOCABULARY",
    "require_default_model",
    "require_sentence_transformers",
    "tiny_bert",
    "tiny_tokenizer",
    "write_json",
    "write_layout",
]

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ("laser", "printer", "toner", "cable", "usb", "black", "notebook", "mouse")
VOCABULARY = ("[UNK]", "[PAD]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS)
UNKNOWN_ID, PAD_ID, CLS_ID, SEP_ID = range(4)

TINY_BERT: Mapping[str, Any] = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "vocab_size": len(VOCABULARY),
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 64,
    "type_vocab_size": 2,
    "pad_token_id": PAD_ID,
}


def require_sentence_transformers() -> ModuleType:
    """The package; without it the test is skipped at home and fails in CI."""
    if os.environ.get("CI"):
        import sentence_transformers

        return sentence_transformers
    found: ModuleType = pytest.importorskip("sentence_transformers", reason="the extra `models` is not installed")
    return found


def require_default_model() -> Path:
    """The folder of the packaged default model; without it the test is skipped at home and fails in CI."""
    try:
        return default_model_folder()
    except MissingExtra as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(str(error))


def write_json(file: Path, content: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content), encoding="utf-8")


def tiny_tokenizer(*, lowercase: bool = True) -> Tokenizer:
    """A word-piece tokenizer over letters, digits and a few words; everything else is unknown."""
    ids = {token: at for at, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", CLS_ID), ("[SEP]", SEP_ID)]
    )
    # As every published tokenizer.json does: a text that spells out "[PAD]" gets the token.
    tokenizer.add_special_tokens(["[UNK]", "[PAD]", "[CLS]", "[SEP]"])
    return tokenizer


def tiny_bert(folder: Path, *, seed: int = 0, pooling: str = "mean", prefix: str = "", **config: Any) -> Path:
    """A sentence-transformers folder with a random two-layer BERT of 32 dimensions; returns `folder`."""
    settings = {**TINY_BERT, **config}
    random = np.random.default_rng(seed)
    hidden, inner = settings["hidden_size"], settings["intermediate_size"]
    tensors: dict[str, np.ndarray] = {}

    def add(name: str, *shape: int, around: float = 0.0) -> None:
        tensors[prefix + name] = (around + 0.3 * random.standard_normal(shape)).astype(np.float32)

    def add_norm(name: str) -> None:
        add(f"{name}.weight", hidden, around=1.0)
        add(f"{name}.bias", hidden)

    def add_linear(name: str, n_out: int, n_in: int) -> None:
        add(f"{name}.weight", n_out, n_in)
        add(f"{name}.bias", n_out)

    add("embeddings.word_embeddings.weight", settings["vocab_size"], hidden)
    add("embeddings.position_embeddings.weight", settings["max_position_embeddings"], hidden)
    add("embeddings.token_type_embeddings.weight", settings["type_vocab_size"], hidden)
    add_norm("embeddings.LayerNorm")
    for layer in range(settings["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        for name in ("query", "key", "value"):
            add_linear(f"{at}attention.self.{name}", hidden, hidden)
        add_linear(f"{at}attention.output.dense", hidden, hidden)
        add_norm(f"{at}attention.output.LayerNorm")
        add_linear(f"{at}intermediate.dense", inner, hidden)
        add_linear(f"{at}output.dense", hidden, inner)
        add_norm(f"{at}output.LayerNorm")
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", settings)
    write_layout(folder, hidden=hidden, pooling=pooling)
    return folder


def write_layout(folder: Path, *, hidden: int, pooling: str = "mean", max_tokens: int = 24) -> None:
    """Everything of a sentence-transformers folder but the transformer itself."""
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    write_json(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **names})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_tokens, "do_lower_case": False})
    write_json(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    )
    (folder / "2_Normalize").mkdir(exist_ok=True)
    modes = {"mean": "pooling_mode_mean_tokens", "cls": "pooling_mode_cls_token"}
    flags = {flag: mode == pooling for mode, flag in modes.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": hidden, **flags})
