import json
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EncoderError, UnsupportedFeature
from multirecall.encoders.fingerprint import FileDigests
from multirecall.encoders.sentence_model import Prompts, prompts_from, read_sentence_model
from tests.support.tiny_models import tiny_bert, write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_bert(tmp_path / "tiny")


def test_reads_what_the_folder_says(folder: Path) -> None:
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "q: ", "passage": "p: "}})
    model = read_sentence_model(folder)
    assert (model.pooling, model.max_tokens, model.lowercase) == ("mean", 24, False)
    assert model.prompts == Prompts(query="q: ", product="p: ")


@pytest.mark.parametrize(
    ("prompts", "product"),
    [
        ({}, ""),
        ({"query": "q: ", "document": ""}, ""),
        ({"document": "d: ", "passage": "p: "}, "d: "),
        ({"passage": "p: ", "corpus": "c: "}, "p: "),
        ({"corpus": "c: "}, "c: "),
        ({"document": None}, ""),
    ],
)
def test_the_prompt_of_products_is_the_first_of_its_three_names(prompts: dict[str, Any], product: str) -> None:
    assert prompts_from(prompts).product == product


def test_a_folder_without_modules_is_pooled_by_mean(folder: Path) -> None:
    (folder / "modules.json").unlink()
    assert read_sentence_model(folder).pooling == "mean"


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({"pooling_mode": "cls"}, "cls"),
        ({"pooling_mode": ["mean"]}, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
    ],
)
def test_both_spellings_of_the_pooling_are_read(folder: Path, config: dict[str, Any], pooling: str) -> None:
    write_json(folder / "1_Pooling" / "config.json", config)
    assert read_sentence_model(folder).pooling == pooling


@pytest.mark.parametrize(
    "config",
    [
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True},
        {"pooling_mode": "lasttoken"},
        {},
    ],
)
def test_other_poolings_are_unsupported_and_name_the_alternative(folder: Path, config: dict[str, Any]) -> None:
    write_json(folder / "1_Pooling" / "config.json", config)
    with pytest.raises(UnsupportedFeature, match="sentence_transformer:"):
        read_sentence_model(folder)


def test_a_dense_layer_after_the_pooling_is_unsupported(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text())
    modules.insert(2, {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"})
    write_json(folder / "modules.json", modules)
    with pytest.raises(UnsupportedFeature, match="Dense module"):
        read_sentence_model(folder)


@pytest.mark.parametrize(
    ("stated", "tokenizer_limit", "positions", "family", "expected"),
    [
        (24, 512, 64, "bert", 24),
        (None, 48, 64, "bert", 48),
        (None, 1e30, 64, "bert", 64),
        (None, None, 64, "bert", 64),
        (512, None, 64, "bert", 64),
        # RoBERTa numbers its positions from pad_token_id + 1 = 2.
        (512, None, 66, "roberta", 64),
    ],
)
def test_the_limit_is_the_stated_one_within_the_positions(
    folder: Path, stated: int | None, tokenizer_limit: float | None, positions: int, family: str, expected: int
) -> None:
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": stated})
    write_json(folder / "tokenizer_config.json", {"model_max_length": tokenizer_limit})
    config = {"model_type": family, "max_position_embeddings": positions, "pad_token_id": 1}
    write_json(folder / "config.json", config)
    assert read_sentence_model(folder).max_tokens == expected


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(EncoderError, match=f"has no {name}"):
        read_sentence_model(folder)


@pytest.mark.parametrize("other", ["pytorch_model.bin", "model.safetensors.index.json"])
def test_weights_in_another_form_are_unsupported(folder: Path, other: str) -> None:
    (folder / "model.safetensors").rename(folder / other)
    with pytest.raises(UnsupportedFeature, match="sentence_transformer:"):
        read_sentence_model(folder)


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_a_damaged_config_is_named(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(EncoderError, match=r"config\.json"):
        read_sentence_model(folder)


def test_the_identity_changes_with_all_that_changes_a_vector(folder: Path) -> None:
    def identity() -> str:
        return json.dumps(read_sentence_model(folder).identity(FileDigests(None)), sort_keys=True)

    seen = {identity()}
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 20})
    seen.add(identity())
    write_json(folder / "config_sentence_transformers.json", {"prompts": {"query": "q: "}})
    seen.add(identity())
    write_json(folder / "1_Pooling" / "config.json", {"pooling_mode": "cls"})
    seen.add(identity())
    (folder / "tokenizer.json").write_text((folder / "tokenizer.json").read_text() + " ")
    seen.add(identity())
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    seen.add(identity())
    assert len(seen) == 6
