"""A sample of an index has its products as they are, with today's vectors or another encoder's."""

from __future__ import annotations

import numpy as np
import pytest

from multirecall.encoders.opening import open_encoder
from multirecall.engines.exact import ExactEngine
from multirecall.indexer.build import build
from multirecall.indexer.mapping import Mapping
from multirecall.indexer.sources.base import Records
from multirecall.training.tuning.sample_index import copy_sample

IDS = ["p1", "p3", "gone"]


@pytest.fixture
def shop() -> ExactEngine:
    engine = ExactEngine("shop")
    rows = [{"id": f"p{at}", "title": f"desk lamp {at}", "maker": "Acme", "part": f"AB-{at}"} for at in range(5)]
    mapping = Mapping.from_dict({"id": ["id"], "title": ["title"], "brand": ["maker"], "identifiers": ["part"]})
    build(engine, Records(rows), encoders={"dense": open_encoder("hashing?dim=16")}, mapping=mapping)
    return engine


def test_products_and_vectors_are_those_of_the_index(shop: ExactEngine) -> None:
    fields = ["title", "brand", "identifiers", "codes", "match_text", "vectors.dense"]
    target = ExactEngine("sample")
    assert copy_sample(shop, shop.info(), IDS, target) == 2
    assert target.fetch(IDS, fields) == shop.fetch(IDS, fields)
    assert target.info().schema.vectors[0].fingerprint == shop.info().schema.vectors[0].fingerprint


def test_another_encoder_makes_other_vectors(shop: ExactEngine) -> None:
    target, other = ExactEngine("sample"), open_encoder("hashing?dim=8")
    copy_sample(shop, shop.info(), IDS, target, encoder=other)
    found = target.fetch(["p1"], ["vectors.dense"])[0]
    assert found is not None
    np.testing.assert_allclose(found["vectors.dense"], other.encode_products(["desk lamp 1"])[0], atol=1e-6)
    assert target.info().schema.vectors[0].encoder == other.spec


def test_what_is_whole_is_used_again(shop: ExactEngine) -> None:
    target = ExactEngine("sample")
    copy_sample(shop, shop.info(), IDS, target)
    written: list[None] = []
    assert copy_sample(shop, shop.info(), IDS, target, advance=lambda: written.append(None)) == 2
    assert not written
