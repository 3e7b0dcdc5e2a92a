"""What OpenSearch's adapter says when the URL does not fit."""

from __future__ import annotations

import socket

import pytest

from multirecall.core.errors import EngineUnavailable, InvalidSettings, UnsupportedFeature
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import Schema, VectorField
from tests.support.engines import http_address

pytestmark = pytest.mark.integration


def test_a_server_that_is_down_is_named_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else can answer here
        with pytest.raises(EngineUnavailable, match="multirecall engine up opensearch"):
            open_engine(f"opensearch+http://127.0.0.1:{taken.getsockname()[1]}/p")


def test_an_opensearch_opened_as_elasticsearch_is_said(opensearch_url: str) -> None:
    address = http_address(opensearch_url)
    with pytest.raises(InvalidSettings, match="answers OpenSearch, not Elasticsearch") as raised:
        open_engine(f"elasticsearch+{address}/p")
    assert f"opensearch+{address}/NAME" in raised.value.hint


@pytest.mark.parametrize("kind", ["bbq_hnsw", "flat"])
def test_a_vector_index_it_does_not_have_is_refused_before_anything_is_made(
    opensearch_url: str, index_prefix: str, kind: str
) -> None:
    field = VectorField(name="v", dim=8, encoder="hashing", fingerprint="0" * 16, index=kind)
    with open_engine(f"{opensearch_url}/{index_prefix}") as engine:
        with pytest.raises(UnsupportedFeature, match=kind):
            engine.create(Schema(vectors=(field,)))
        assert engine.indexes() == []
