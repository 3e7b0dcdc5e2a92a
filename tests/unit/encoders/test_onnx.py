from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from multirecall.core.errors import EncoderError, UnsupportedFeature
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import open_encoder
from tests.support.tiny_models import VOCABULARY, tiny_bert, tiny_tokenizer, write_json


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_bert(tmp_path / "tiny")


def opened(folder: Path, precision: str = "fp32", threads: int = 1) -> Encoder:
    return open_encoder(f"onnx:{folder}?precision={precision}", cache_dir=folder.parent / "cache", threads=threads)


def graphs(folder: Path) -> list[Path]:
    return sorted((folder.parent / "cache").glob("*.onnx"))


def test_the_graph_is_built_once_and_named_by_the_fingerprint(folder: Path) -> None:
    first = opened(folder)
    (graph,) = graphs(folder)
    assert graph.stem == first.fingerprint
    written = graph.stat().st_mtime_ns
    second = opened(folder)
    assert graph.stat().st_mtime_ns == written
    np.testing.assert_array_equal(first.encode_queries(["laser"]), second.encode_queries(["laser"]))


def test_precisions_have_graphs_and_fingerprints_of_their_own(folder: Path) -> None:
    assert opened(folder, "int8").fingerprint != opened(folder, "fp32").fingerprint
    assert len(graphs(folder)) == 2


def test_the_fingerprint_does_not_depend_on_where_the_model_lies(folder: Path, tmp_path: Path) -> None:
    assert opened(tiny_bert(tmp_path / "elsewhere" / "copy")).fingerprint == opened(folder).fingerprint


def test_other_weights_in_place_of_the_old_ones_give_another_encoder(folder: Path) -> None:
    before = opened(folder)
    tiny_bert(folder, seed=1)
    after = opened(folder)
    assert after.fingerprint != before.fingerprint
    assert np.abs(after.encode_queries(["laser"]) - before.encode_queries(["laser"])).max() > 0.01


@pytest.mark.parametrize("damage", [b"", b"not a graph", None])
def test_a_damaged_graph_is_built_again(folder: Path, damage: bytes | None, caplog: pytest.LogCaptureFixture) -> None:
    expected = opened(folder).encode_queries(["laser"])
    (graph,) = graphs(folder)
    whole = graph.read_bytes()
    graph.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    with caplog.at_level(logging.WARNING):
        np.testing.assert_array_equal(opened(folder).encode_queries(["laser"]), expected)
    assert "damaged" in caplog.text
    assert graph.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_logged_and_costs_only_time(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder.parent / "cache").write_bytes(b"a file where the folder should be")
    assert opened(folder).encode_queries(["laser"]).shape == (1, 32)
    assert "each start builds it" in caplog.text


def test_processes_that_start_together_share_one_cache(folder: Path) -> None:
    code = (
        "from pathlib import Path; from multirecall.encoders.opening import open_encoder\n"
        f"encoder = open_encoder('onnx:{folder}', cache_dir=Path({str(folder.parent / 'cache')!r}), threads=1)\n"
        "print(encoder.fingerprint, encoder.encode_queries(['laser']).tobytes().hex())"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = {process.communicate(timeout=120) for process in started}
    assert [process.returncode for process in started] == [0, 0, 0]
    assert len(answers) == 1
    assert len(graphs(folder)) == 1
    assert not list((folder.parent / "cache").glob("*.part"))


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_threads_at_the_same_time_get_their_own_answers(folder: Path, precision: str) -> None:
    encoder = opened(folder, precision, threads=2)
    texts = [f"{word} {n}" for n in range(8) for word in ("laser", "toner usb", "mouse")]
    expected = encoder.encode_products(texts)
    found: dict[int, np.ndarray] = {}

    def encode(worker: int) -> None:
        found[worker] = encoder.encode_products(texts[worker:])

    threads = [threading.Thread(target=encode, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for worker, rows in found.items():
        np.testing.assert_allclose(rows, expected[worker:], atol=1e-6)


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_thousands_of_texts_come_back_in_their_order(folder: Path, precision: str) -> None:
    encoder = opened(folder, precision, threads=2)
    words = VOCABULARY[-8:]
    texts = [" ".join(words[: 1 + n % 8]) for n in range(2_500)]
    rows = encoder.encode_products(texts)
    one_by_one = np.concatenate([encoder.encode_products([text]) for text in texts[:8]])
    np.testing.assert_allclose(rows, one_by_one[np.arange(2_500) % 8], atol=1e-6)


def test_a_tokenizer_that_gives_no_token_gives_a_row_of_zeros(folder: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.post_processor = None
    tokenizer.save(str(folder / "tokenizer.json"))
    rows = opened(folder).encode_products(["", "laser"])
    np.testing.assert_array_equal(rows[0], np.zeros(32))
    assert np.linalg.norm(rows[1]) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_weights_saved_from_a_larger_model_are_found_below_its_prefix(tmp_path: Path, prefix: str) -> None:
    plain = opened(tiny_bert(tmp_path / "plain"))
    prefixed = opened(tiny_bert(tmp_path / "prefixed", prefix=prefix))
    np.testing.assert_array_equal(prefixed.encode_queries(["usb"]), plain.encode_queries(["usb"]))


def test_the_old_names_of_layer_norms_are_read(folder: Path) -> None:
    expected = opened(folder).encode_queries(["usb"])
    renamed = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): tensor
        for name, tensor in load_file(folder / "model.safetensors").items()
    }
    save_file(renamed, folder / "model.safetensors")
    np.testing.assert_array_equal(opened(folder).encode_queries(["usb"]), expected)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model_type": "nomic_bert"}, "nomic_bert"),
        ({"model_type": None}, "None"),
        ({"position_embedding_type": "relative_key"}, "relative_key positions"),
        ({"hidden_act": "silu"}, "silu"),
    ],
)
def test_what_cannot_be_built_is_named_with_the_alternative(
    tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    with pytest.raises(UnsupportedFeature, match=named) as caught:
        opened(tiny_bert(tmp_path / "tiny", **changes))
    assert "sentence_transformer:" in caught.value.hint


def test_a_missing_tensor_is_named(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.bias"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(EncoderError, match=r"encoder\.layer\.1\.output\.dense\.bias"):
        opened(folder)


def test_a_config_that_does_not_say_its_size_is_named(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "tiny")
    config = {"model_type": "bert", "num_hidden_layers": 2}
    write_json(folder / "config.json", config)
    with pytest.raises(EncoderError, match="num_attention_heads"):
        opened(folder)


def test_heads_that_do_not_divide_the_width_are_an_encoder_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="7 attention heads"):
        opened(tiny_bert(tmp_path / "tiny", num_attention_heads=7))


def test_weights_that_contradict_each_other_are_an_encoder_error(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = "encoder.layer.0.intermediate.dense.weight"
    tensors[name] = tensors[name][:, :30]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(EncoderError, match="cannot open the graph"):
        opened(folder)


def test_a_truncated_weights_file_is_named(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1_000])
    with pytest.raises(EncoderError, match=r"model\.safetensors cannot be read"):
        opened(folder)


def test_a_tokenizer_of_another_model_is_an_encoder_error(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    name = "embeddings.word_embeddings.weight"
    tensors[name] = tensors[name][:20]
    save_file(tensors, folder / "model.safetensors")
    encoder = opened(folder)
    with pytest.raises(EncoderError, match=r"failed: .*") as caught:
        encoder.encode_queries(["laser"])
    assert "tokenizer.json" in caught.value.hint
