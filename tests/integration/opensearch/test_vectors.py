"""What only OpenSearch does: its vector index kinds, and vectors kept out of the stored product."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.engines.base import Engine
from multirecall.engines.opening import open_engine
from multirecall.engines.servers.opensearch import OpenSearchDialect
from tests.integration.vectors import check_scores_are_cosines, check_update_keeps_the_vector, indexed

pytestmark = pytest.mark.integration


@pytest.fixture
def engine(opensearch_url: str, index_prefix: str) -> Iterator[Engine]:
    with open_engine(f"{opensearch_url}/{index_prefix}") as opened:
        yield opened


@pytest.mark.parametrize("kind", OpenSearchDialect().vector_indexes)
def test_scores_are_the_cosines_of_the_full_vectors(engine: Engine, kind: str) -> None:
    check_scores_are_cosines(engine, kind, least_recall={"int8_hnsw": 0.93}.get(kind, 0.98))


@pytest.mark.parametrize("kind", OpenSearchDialect().vector_indexes)
def test_a_partial_update_leaves_the_vector_searchable(engine: Engine, kind: str) -> None:
    check_update_keeps_the_vector(engine, kind)


def test_vectors_come_back_when_asked_for_only(engine: Engine) -> None:
    vectors = indexed(engine, "int8_hnsw")
    [plain] = engine.fetch(["7"])
    assert plain is not None
    assert not any(name.startswith("vectors") for name in plain)
    [full] = engine.fetch(["7"], ["vectors.v"])
    assert full is not None
    assert full["vectors.v"] == pytest.approx(vectors[7].tolist(), abs=1e-6)
