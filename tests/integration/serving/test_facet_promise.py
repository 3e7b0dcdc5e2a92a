"""Facets keep their promises on the servers as well."""

from __future__ import annotations

import pytest

from tests.support.stores import engine_store
from tests.unit.search.serving.facet_promise import fill, keeps_its_promises, searcher_of


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["elasticsearch", "opensearch"])
def test_choosing_a_facet_value_gives_the_number_it_promised(
    kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = engine_store(kind, tmp_path_factory)
    try:
        with store.open(store.unique_name()) as engine:
            fill(engine)
            with searcher_of(engine) as searcher:
                assert keeps_its_promises(searcher, n_queries=7) > 10
    finally:
        store.clear()
