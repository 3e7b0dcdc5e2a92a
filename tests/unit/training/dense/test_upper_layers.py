"""Upper layers over kept activations give what the whole model gives, and learn what it would learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.errors import InvalidInput
from multirecall.encoders.opening import open_encoder
from tests.support.tiny_models import require_sentence_transformers, tiny_bert
from tests.support.torch_extra import require_torch

torch = require_torch()
require_sentence_transformers()

from multirecall.training.dense.transformer_tower import TransformerTower  # noqa: E402 - it needs torch
from multirecall.training.dense.upper_layers import UpperLayers  # noqa: E402

TEXTS = ["laser printer", "usb cable with a long name 123", "mouse", "", "black notebook"]


@pytest.mark.parametrize("layers", [1, 2])
def test_they_give_what_the_whole_model_gives(tmp_path: Path, layers: int) -> None:
    base = str(tiny_bert(tmp_path / "tiny"))
    whole, upper = TransformerTower(base), TransformerTower(base, layers=layers)
    with torch.no_grad():
        for texts in (TEXTS, TEXTS[::-1], TEXTS[:1], TEXTS * 9):  # from the second on from what was kept
            torch.testing.assert_close(upper.encode(texts), whole.encode(texts), atol=1e-6, rtol=1e-5)


def test_gradients_are_those_of_the_whole_model_and_the_lower_layers_stay(tmp_path: Path) -> None:
    base = str(tiny_bert(tmp_path / "tiny"))
    whole, upper = TransformerTower(base), TransformerTower(base, layers=1)
    for tower in (whole, upper):
        vectors = tower.encode(TEXTS)
        (vectors[:2] * vectors[2:4]).sum().backward()
    assert upper.parameters().keys() < whole.parameters().keys()
    assert all(".layer.1." in name for name in upper.parameters())
    for name, parameter in upper.parameters().items():
        torch.testing.assert_close(parameter.grad, whole.parameters()[name].grad, atol=1e-6, rtol=1e-4)
    assert upper.fingerprint != whole.fingerprint


def test_what_has_no_room_is_computed_each_time(tmp_path: Path) -> None:
    tower = TransformerTower(str(tiny_bert(tmp_path / "tiny")), layers=1)
    tight = UpperLayers(tower._model, 1, keep_bytes=0)
    with torch.no_grad():
        torch.testing.assert_close(tight.encode(TEXTS), tower.encode(TEXTS))
    assert not tight._kept


def test_a_trained_upper_layer_is_served(tmp_path: Path) -> None:
    tower = TransformerTower(str(tiny_bert(tmp_path / "tiny")), layers=1)
    with torch.no_grad():
        for parameter in tower.parameters().values():
            parameter.add_(0.1)
        expected = torch.nn.functional.normalize(tower.encode(TEXTS[:2])).numpy()
    (tmp_path / "out").mkdir()
    tower.write(tmp_path / "out")
    served = open_encoder(f"onnx:{tmp_path / 'out'}?precision=fp32", cache_dir=tmp_path / "cache")
    np.testing.assert_allclose(served.encode_queries(TEXTS[:2]), expected, atol=1e-4)


def test_more_layers_than_there_are_and_a_device_that_is_not_there_are_told(tmp_path: Path) -> None:
    base = str(tiny_bert(tmp_path / "tiny"))
    with pytest.raises(InvalidInput, match="has 2 layers"):
        TransformerTower(base, layers=3)
    with pytest.raises(InvalidInput, match="cannot be used"):
        TransformerTower(base, device="nowhere")
