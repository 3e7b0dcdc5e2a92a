"""Every encoder against the contract."""

from __future__ import annotations

import pytest

from tests.contract.encoder_contract import EncoderContract
from tests.support.tiny_models import require_default_model, require_sentence_transformers


@pytest.fixture(scope="module")
def _default_model() -> None:
    require_default_model()


class TestHashing(EncoderContract):
    spec = "hashing"


class TestHashingSmall(EncoderContract):
    spec = "hashing?dim=64"


class TestStatic(EncoderContract):
    spec = "static"


class TestStaticSmall(EncoderContract):
    spec = "static?dim=64"


@pytest.mark.usefixtures("_default_model")
class TestOnnxInt8(EncoderContract):
    spec = "onnx"
    nonzero_empty = True  # its two special tokens


@pytest.mark.usefixtures("_default_model")
class TestOnnxFloat(EncoderContract):
    spec = "onnx?precision=fp32"
    nonzero_empty = True


@pytest.fixture(scope="module")
def _models_extra() -> None:
    require_sentence_transformers()


@pytest.mark.usefixtures("_models_extra", "_default_model")
class TestSentenceTransformer(EncoderContract):
    spec = "sentence_transformer"
    nonzero_empty = True
