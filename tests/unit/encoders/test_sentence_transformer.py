"""What `sentence_transformer` adds; that it agrees with `onnx` is in test_onnx_families.py."""

from __future__ import annotations

import builtins
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multirecall.core.errors import EncoderError, MissingExtra
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from tests.support.tiny_models import require_sentence_transformers, tiny_bert, write_json


def opened(model: Path | str, tmp_path: Path) -> Encoder:
    require_sentence_transformers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch and transformers say about themselves
        return open_encoder(f"sentence_transformer:{model}", cache_dir=tmp_path / "cache")


def test_rows_have_length_1_even_if_the_model_does_not_normalise(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "tiny")
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ]
    write_json(folder / "modules.json", modules)
    rows = opened(folder, tmp_path).encode_products(["laser", "usb cable"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-6)


def test_the_fingerprint_is_of_the_weights_and_the_settings(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "tiny")
    first = opened(folder, tmp_path)
    assert (first.name, first.dim, first.max_tokens) == ("tiny-torch", 32, 24)
    assert opened(tiny_bert(tmp_path / "copy"), tmp_path).fingerprint == first.fingerprint
    marks = {first.fingerprint, opened(tiny_bert(tmp_path / "other", seed=1), tmp_path).fingerprint}
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 20})
    marks.add(opened(folder, tmp_path).fingerprint)
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "q: "}})
    marks.add(opened(folder, tmp_path).fingerprint)
    assert len(marks) == 4


def test_encoding_does_not_change_the_fingerprint(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "tiny")
    encoder = opened(folder, tmp_path)
    encoder.encode_products(["laser " * 50])
    assert encoder.fingerprint == opened(folder, tmp_path).fingerprint


def test_a_folder_that_is_no_model_is_an_encoder_error(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match="could not be loaded"):
        opened(tmp_path / "empty", tmp_path)


def test_without_the_extra_the_error_holds_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "sentence_transformers":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra) as caught:
        open_encoder(f"sentence_transformer:{tmp_path}", cache_dir=tmp_path)
    assert "pip install 'multirecall[models]'" in caught.value.hint
