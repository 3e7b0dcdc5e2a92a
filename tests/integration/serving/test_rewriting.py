"""The rewrite route over the embedded engine and both servers: one round trip, the filter, and text that is data."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Term
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine, EngineRequest, EngineResult, IndexedProduct, Upsert
from multirecall.engines.schema import Schema, VectorField
from multirecall.fusion import WeightedSum
from multirecall.recall import DenseRoute, LexicalRoute
from multirecall.recall.rewrite import RewriteRoute
from multirecall.search import Searcher, understand
from tests.support.rewriters import TableRewriter, rewriting
from tests.support.stores import engine_store

ENCODER = open_encoder("hashing?dim=32")
PRODUCTS = {"p1": ("Xeon processor", "Intel"), "p2": ("Xeon fan", "HP"), "p3": ("Printer paper", "HP")}
INJECTED = 'xeon" OR brand:* ) {"match_all": {}} *:* ~2 \ud800 AND NOT (paper'
SAID = {"zeno": (rewriting("xeon processor", 0.9), rewriting("xeon fan", 0.5)), "harm": (rewriting(INJECTED, 0.5),)}


def fill(engine: Engine) -> None:
    field = VectorField(name="dense", dim=ENCODER.dim, encoder=ENCODER.spec, fingerprint=ENCODER.fingerprint)
    index = engine.create(Schema(vectors=(field,)))
    products = [
        IndexedProduct(
            id=product_id,
            fields={"id": product_id, "title": title, "brand": brand},
            vectors={"dense": ENCODER.encode_products([title])[0]},
        )
        for product_id, (title, brand) in PRODUCTS.items()
    ]
    assert all(result.ok for result in engine.write([Upsert(product=one) for one in products], index=index))
    engine.refresh(index=index)
    engine.swap(index)


def count_round_trips(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of requests of each round trip to come."""
    trips: list[int] = []
    search_many = engine.search_many

    def counted(
        requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        trips.append(len(requests))
        return search_many(requests, deadline, index=index)

    monkeypatch.setattr(engine, "search_many", counted)
    return trips


@pytest.mark.integration
@pytest.mark.parametrize("kind", ["embedded", "elasticsearch", "opensearch"])
def test_rewritings_are_asked_beside_the_query_in_its_round_trip_and_never_as_syntax(
    kind: str, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = engine_store(kind, tmp_path_factory)
    route = RewriteRoute(rewriters=TableRewriter(table=SAID), vector_field="dense")
    routes = [LexicalRoute(fuzzy_below=0), DenseRoute(), route]
    try:
        with store.open(store.unique_name()) as engine:
            fill(engine)
            trips = count_round_trips(engine, monkeypatch)
            with Searcher(
                engine, routes=routes, fusion=WeightedSum(), encoders={"dense": ENCODER}, timeout_s=30
            ) as searcher:
                found = searcher.search(understand("zeno"))
                if kind != "embedded":  # there a round trip costs nothing, and models are not waited for
                    assert trips == [2 + 1 + 4]  # ranking and count, vector, two rewritings in words and vectors
                assert found.degraded == {}
                assert [one.text for one in found.rewritings] == ["xeon processor", "xeon fan"]
                first = next(hit for hit in found.hits if hit.id == "p1")
                assert ("rewrite", 1) in {(source.route, source.rank) for source in first.sources}
                held = searcher.search(understand("zeno", filter=Term(field="brand", value="HP")))
                assert {hit.product["brand"] for hit in held.hits} == {"HP"}
                harmless = searcher.search(understand("harm", filter=Term(field="brand", value="Intel")))
                assert {hit.id for hit in harmless.hits} == {"p1"}
                assert harmless.degraded == {}
                assert [one.text for one in harmless.rewritings] == [INJECTED]
    finally:
        store.clear()
