"""RQ-VAE: its loss, that it learns, that serving's maps are its encoder, and that a seed gives one result."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.vector_clouds import zipf_clusters
from multirecall.core.errors import InvalidInput
from tests.support.torch_extra import require_torch

torch = require_torch()

from multirecall.training.semantic_id.rq_vae import RqVae, _Model  # noqa: E402 - it needs torch


def test_the_loss_is_the_sheets() -> None:
    torch.manual_seed(1)
    model = _Model((4, 3), 2, 2)
    for book in model.books:
        torch.nn.init.normal_(book)
    vectors = torch.randn(5, 4)
    loss, codes, residuals = model.loss(vectors, 0.25)
    encoded = model.encoder(vectors)
    chosen = [book[code] for book, code in zip(model.books, codes, strict=True)]
    wanted = ((model.decoder(chosen[0] + chosen[1]) - vectors) ** 2).sum(dim=1)
    for left, one in zip((encoded, encoded - chosen[0]), chosen, strict=True):
        wanted = wanted + 1.25 * ((left - one) ** 2).sum(dim=1)
    torch.testing.assert_close(loss, wanted.mean())
    torch.testing.assert_close(residuals[1], encoded - chosen[0])


def test_training_lowers_the_error_and_serving_gives_the_same_codes() -> None:
    vectors = zipf_clusters(300, 8, size=6, seed=4)
    recipe = RqVae(sizes=(6, 6), hidden=(12,), width=4, rounds=6, batch=64, learning_rate=5e-3, seed=2)
    quantiser = recipe.fit(vectors)
    assert (quantiser.sizes, quantiser.dim, len(quantiser.encoder)) == ((6, 6), 8, 2)
    codes = quantiser.codes(vectors)
    centred = quantiser.encoded(vectors)
    spread = float(((centred - centred.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert quantiser.error(vectors, codes) < 0.3 * spread
    np.testing.assert_array_equal(codes, recipe.fit(vectors).codes(vectors))
    with pytest.raises(InvalidInput):
        recipe.fit(np.empty((0, 8), dtype=np.float32))
