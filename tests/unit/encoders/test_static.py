from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from multirecall.core.errors import EncoderError, InvalidSettings
from multirecall.encoders.opening import open_encoder
from multirecall.encoders.static import MAX_TOKENS, default_static_files
from tests.support.tiny_models import VOCABULARY, tiny_tokenizer
from tests.support.tricky_texts import TRICKY_TEXTS

DIM = 12
LASER, TONER, UNKNOWN = (VOCABULARY.index(token) for token in ("laser", "toner", "[UNK]"))


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(5).standard_normal((len(VOCABULARY), DIM)).astype(np.float32)


def folder_with(folder: Path, **tensors: np.ndarray) -> Path:
    folder.mkdir(parents=True)
    save_file({name.replace("__", "."): tensor for name, tensor in tensors.items()}, folder / "model.safetensors")
    tiny_tokenizer().save(str(folder / "tokenizer.json"))
    return folder


def unit(row: np.ndarray) -> np.ndarray:
    return row / np.linalg.norm(row)


def encoded(folder: Path, *texts: str, options: str = "") -> np.ndarray:
    return open_encoder(f"static:{folder}{options}", cache_dir=folder.parent / "cache").encode_products(texts)


def test_a_row_is_the_mean_of_the_tokens_at_length_1(tmp_path: Path, vectors: np.ndarray) -> None:
    rows = encoded(folder_with(tmp_path / "m", embedding__weight=vectors), "laser", "laser toner laser", "")
    np.testing.assert_allclose(rows[0], unit(vectors[LASER]), atol=1e-6)
    np.testing.assert_allclose(rows[1], unit((2 * vectors[LASER] + vectors[TONER]) / 3), atol=1e-6)
    np.testing.assert_array_equal(rows[2], np.zeros(DIM))


def test_model2vec_passes_over_the_unknown_token_and_others_do_not(tmp_path: Path, vectors: np.ndarray) -> None:
    model2vec = encoded(folder_with(tmp_path / "model2vec", embeddings=vectors), "laser ☃", "☃")
    other = encoded(folder_with(tmp_path / "other", embedding__weight=vectors), "laser ☃")
    np.testing.assert_allclose(model2vec[0], unit(vectors[LASER]), atol=1e-6)
    np.testing.assert_array_equal(model2vec[1], np.zeros(DIM))
    np.testing.assert_allclose(other[0], unit(vectors[LASER] + vectors[UNKNOWN]), atol=1e-6)


def test_shared_and_weighted_vectors_are_unfolded(tmp_path: Path, vectors: np.ndarray) -> None:
    mapping = np.arange(len(VOCABULARY), dtype=np.int64) % 7
    weights = np.linspace(0.5, 2.0, len(VOCABULARY), dtype=np.float32)
    folder = folder_with(tmp_path / "m", embeddings=vectors[:7], mapping=mapping, weights=weights)
    expected = weights[LASER] * vectors[mapping[LASER]] + weights[TONER] * vectors[mapping[TONER]]
    np.testing.assert_allclose(encoded(folder, "laser toner")[0], unit(expected), atol=1e-6)


def test_fewer_components_are_the_first_ones(tmp_path: Path, vectors: np.ndarray) -> None:
    folder = folder_with(tmp_path / "m", embedding__weight=vectors)
    np.testing.assert_allclose(encoded(folder, "laser", options="?dim=5")[0], unit(vectors[LASER][:5]), atol=1e-6)


def test_more_components_than_there_are_is_refused(tmp_path: Path, vectors: np.ndarray) -> None:
    folder = folder_with(tmp_path / "m", embedding__weight=vectors)
    with pytest.raises(InvalidSettings, match=f"have {DIM} components, got dim=13"):
        encoded(folder, "laser", options="?dim=13")


def test_a_sentence_transformers_folder_with_its_vectors_in_a_subfolder(tmp_path: Path, vectors: np.ndarray) -> None:
    folder_with(tmp_path / "m" / "0_StaticEmbedding", embedding__weight=vectors)
    np.testing.assert_allclose(encoded(tmp_path / "m", "laser")[0], unit(vectors[LASER]), atol=1e-6)


def test_tokens_beyond_the_limit_do_not_count(tmp_path: Path, vectors: np.ndarray) -> None:
    folder = folder_with(tmp_path / "m", embedding__weight=vectors)
    assert open_encoder(f"static:{folder}", cache_dir=tmp_path).max_tokens == MAX_TOKENS
    rows = encoded(folder, "laser " * MAX_TOKENS + "toner " * 9_000, "laser")
    np.testing.assert_allclose(rows[0], rows[1], atol=1e-5)


def test_the_fingerprint_changes_with_vectors_tokenizer_and_dim(tmp_path: Path, vectors: np.ndarray) -> None:
    def fingerprint(folder: Path, options: str = "") -> str:
        return open_encoder(f"static:{folder}{options}", cache_dir=tmp_path / "cache").fingerprint

    folder = folder_with(tmp_path / "a", embedding__weight=vectors)
    marks = {fingerprint(folder), fingerprint(folder, "?dim=5")}
    marks.add(fingerprint(folder_with(tmp_path / "b", embedding__weight=vectors + 1)))
    tiny_tokenizer(lowercase=False).save(str(folder / "tokenizer.json"))
    marks.add(fingerprint(folder))
    assert len(marks) == 4
    assert fingerprint(folder_with(tmp_path / "c", embedding__weight=vectors + 1)) in marks


@pytest.mark.parametrize(
    ("tensors", "message"), [({}, "holds no static vectors"), ({"other": np.ones(3)}, "no tensor `embeddings`")]
)
def test_a_folder_that_holds_no_static_vectors_is_named(
    tmp_path: Path, tensors: dict[str, np.ndarray], message: str
) -> None:
    folder = tmp_path / "m"
    if tensors:
        folder_with(folder, **tensors)
    else:
        folder.mkdir()
    with pytest.raises(EncoderError, match=message):
        encoded(folder, "laser")


@pytest.fixture
def root_logger_kept() -> Iterator[None]:
    """The oracle's import sets the level of the root logger and adds a handler: undone here."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.mark.usefixtures("root_logger_kept")
def test_the_default_vectors_equal_wordllamas_own(tmp_path: Path) -> None:
    from wordllama import WordLlama

    vectors_file, _ = default_static_files()
    oracle = WordLlama.load(cache_dir=vectors_file.parents[1], dim=256, disable_download=True)
    # The oracle cannot take lone surrogates, divides by 0 for texts without a token, and has no limit.
    texts = [text for text in TRICKY_TEXTS if text and len(text) < 400 and text.isprintable()]
    expected = oracle.embed(texts, norm=True)
    rows = open_encoder("static", cache_dir=tmp_path).encode_products(texts)
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert len(texts) >= 8
