"""Vectors of queries are computed once, and are the same as ever."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from multirecall.encoders.base import Encoder, Float32Array
from multirecall.encoders.opening import open_encoder
from multirecall.search.serving.query_vectors import RememberingEncoder


class Counting:
    """A real encoder that counts the texts it is given."""

    def __init__(self) -> None:
        self.encoder = open_encoder("hashing?dim=64")
        self.texts: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        self.texts += texts
        return self.encoder.encode_queries(texts)

    def __getattr__(self, name: str) -> object:
        return getattr(self.encoder, name)


def test_a_query_is_encoded_once_and_a_product_always() -> None:
    counting = Counting()
    remembering = RememberingEncoder(counting, max_bytes=10_000)  # type: ignore[arg-type]
    first, again = (remembering.encode_queries(["red lamp"]) for _ in range(2))
    assert counting.texts == ["red lamp"]
    assert np.array_equal(first, again)
    assert np.array_equal(first, counting.encoder.encode_queries(["red lamp"]))
    assert (remembering.hits, remembering.misses) == (1, 1)
    assert np.array_equal(remembering.encode_products(["red lamp"]), counting.encoder.encode_products(["red lamp"]))
    assert remembering.encode_queries(["red lamp", "chair"]).shape == (2, 64)
    assert counting.texts == ["red lamp", "red lamp", "chair"]


def test_nobody_can_change_what_is_kept() -> None:
    vector = RememberingEncoder(open_encoder("hashing?dim=64"), max_bytes=10_000).encode_queries(["lamp"])
    with pytest.raises(ValueError, match="read-only"):
        vector[0, 0] = 9.0


def test_it_keeps_no_more_bytes_than_it_may_and_is_the_encoder_otherwise() -> None:
    inner = open_encoder("hashing?dim=64")
    remembering: Encoder = RememberingEncoder(inner, max_bytes=5_000)
    for n in range(100):
        remembering.encode_queries([f"lamp {n}"])
    assert isinstance(remembering, RememberingEncoder)
    assert 2_000 < remembering.nbytes <= 5_000
    assert (remembering.spec, remembering.name, remembering.dim, remembering.max_tokens, remembering.fingerprint) == (
        inner.spec, inner.name, inner.dim, inner.max_tokens, inner.fingerprint,
    )  # fmt: skip
