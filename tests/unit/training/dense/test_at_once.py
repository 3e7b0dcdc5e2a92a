"""A batch that is encoded part by part learns what it would learn as a whole, and holds one part at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from multirecall.training.losses.info_nce import info_nce
from tests.support.tiny_models import require_sentence_transformers, tiny_bert
from tests.support.torch_extra import require_torch

torch = require_torch()
require_sentence_transformers()

from multirecall.training.dense.transformer_tower import TransformerTower  # noqa: E402 - it needs torch

QUERIES = ["laser printer", "usb cable with a long name 123", "mouse", "black notebook", "toner"]
PRODUCTS = ["printer", "cable usb", "a mouse of some kind", "notebook, black, 15", "black toner"]


@pytest.mark.parametrize("layers", [0, 1])
def test_the_gradients_are_those_of_the_whole_batch(tmp_path: Path, layers: int) -> None:
    base = str(tiny_bert(tmp_path / "tiny"))
    gradients = []
    for at_once in (0, 2):
        tower = TransformerTower(base, learn_words=layers == 0, layers=layers, at_once=at_once)
        tower._model.double()  # in 64 bits nothing but the order of sums differs
        info_nce(tower.encode(QUERIES), tower.encode(PRODUCTS)).backward()
        gradients.append({name: parameter.grad for name, parameter in tower.parameters().items()})
        assert tower.encode(QUERIES).shape == (5, 32)
    whole, in_parts = gradients
    assert max(float(one.abs().max()) for one in whole.values()) > 1e-4
    for name, gradient in whole.items():
        torch.testing.assert_close(in_parts[name], gradient, atol=1e-8, rtol=1e-6)


def test_what_is_kept_between_the_passes_does_not_grow_with_the_batch(tmp_path: Path) -> None:
    base = str(tiny_bert(tmp_path / "tiny"))

    def kept(at_once: int) -> int:
        tower = TransformerTower(base, at_once=at_once)
        sizes: list[int] = []

        def count(tensor: torch.Tensor) -> torch.Tensor:
            sizes.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            tower.encode(QUERIES * 4)
        return sum(sizes)

    assert kept(2) < 0.05 * kept(0)


def test_the_cpu_encodes_in_32_bits(tmp_path: Path) -> None:
    tower = TransformerTower(str(tiny_bert(tmp_path / "tiny")), device="cpu")
    seen: list[torch.dtype] = []
    tower._model[0].register_forward_hook(lambda module, given, out: seen.append(out["token_embeddings"].dtype))
    assert tower.encode(QUERIES).dtype == torch.float32
    assert seen == [torch.float32]
