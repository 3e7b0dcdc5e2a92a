import csv
from pathlib import Path

import numpy as np
import pytest

from multirecall.encoders.opening import open_encoder
from multirecall.encoders.quantising import outlier_channels, quantised
from multirecall.encoders.sentence_model import read_sentence_model
from multirecall.encoders.transformer_weights import Transformer, read_transformer
from tests.support.tiny_models import CLS_ID, SEP_ID, require_default_model, tiny_bert

SPECIAL_IDS = (CLS_ID, SEP_ID)
LOWEST_COSINE = 0.99


def test_levels_and_scales_give_the_weights_back_within_half_a_step() -> None:
    weight = np.random.default_rng(3).standard_normal((50, 7)).astype(np.float32)
    levels, scales = quantised(weight)
    assert levels.dtype == np.int8
    assert np.abs(levels).max() == 63
    np.testing.assert_array_less(np.abs(levels * scales - weight), 0.5001 * np.broadcast_to(scales, weight.shape))


def test_a_column_of_zeros_stays_zero() -> None:
    levels, scales = quantised(np.zeros((4, 2), dtype=np.float32))
    np.testing.assert_array_equal(levels, 0)
    assert np.isfinite(scales).all()


def transformer_of(folder: Path) -> Transformer:
    model = read_sentence_model(folder)
    return read_transformer(model.weights_file, model.config)


def test_a_channel_made_to_stand_out_is_found_where_it_is_read(tmp_path: Path) -> None:
    transformer = transformer_of(tiny_bert(tmp_path / "tiny"))
    transformer.layers[0].attention_norm.bias[11] = 60.0
    found = outlier_channels(transformer, SPECIAL_IDS)
    assert found["layer0.up"].tolist() == [11]
    assert found["layer0.attention_input"].tolist() == []


def test_a_model_without_outliers_has_none(tmp_path: Path) -> None:
    found = outlier_channels(transformer_of(tiny_bert(tmp_path / "tiny")), SPECIAL_IDS)
    assert sorted(found) == sorted(
        f"layer{n}.{part}" for n in range(2) for part in ("attention_input", "attention_output", "up", "down")
    )
    assert max(len(channels) for channels in found.values()) <= 2


def test_outliers_are_found_for_a_tokenizer_without_special_tokens(tmp_path: Path) -> None:
    transformer = transformer_of(tiny_bert(tmp_path / "tiny"))
    transformer.layers[0].attention_norm.bias[11] = 60.0
    assert outlier_channels(transformer, ())["layer0.up"].tolist() == [11]


def test_int8_is_near_fp32_even_with_a_strong_outlier(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tiny_bert(tmp_path / "tiny")
    tensors = load_file(folder / "model.safetensors")
    tensors["encoder.layer.0.attention.output.LayerNorm.bias"][11] = 60.0
    save_file(tensors, folder / "model.safetensors")
    exact, fast = (
        open_encoder(f"onnx:{folder}?precision={precision}", cache_dir=tmp_path / "cache", threads=1)
        for precision in ("fp32", "int8")
    )
    texts = [f"{word} {n}" for word in ("laser", "usb cable", "black toner") for n in range(20)]
    cosines = (exact.encode_products(texts) * fast.encode_products(texts)).sum(axis=1)
    assert cosines.min() > LOWEST_COSINE


@pytest.mark.data
def test_the_default_model_in_int8_is_near_fp32_on_every_development_query(
    icecat_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with (icecat_dir / "queries.tsv").open(encoding="utf-8") as lines:
        queries = [row["query"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]
    cache = tmp_path_factory.mktemp("encoders")
    require_default_model()
    exact, fast = (open_encoder(f"onnx?precision={precision}", cache_dir=cache) for precision in ("fp32", "int8"))
    cosines = (exact.encode_queries(queries) * fast.encode_queries(queries)).sum(axis=1)
    assert cosines.min() > LOWEST_COSINE
