"""The search path over the exact engine: real routes, a real encoder, and routes that break on purpose."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.errors import EngineUnavailable, InvalidFilter, InvalidSettings, NotFound
from multirecall.core.filters import Range, Term
from multirecall.core.query import Facet, Query, Sort
from multirecall.core.ranking import Fused, FusedHit, Ranking, RouteStatus, ScoreKind
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Capabilities, EngineRequest, EngineResult, IndexedProduct, Text, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.fusion import RRF, WeightedSum
from multirecall.recall import BrowseRoute, DenseRoute, LexicalRoute, RecallContext
from multirecall.search import Searcher, understand

PRODUCTS = {
    "p1": ("Black toner cartridge LJ-4250", "HP", 4_999, 9.0),
    "p2": ("Cyan toner cartridge", "HP", 5_999, 5.0),
    "p3": ("Laser printer", "Brother", 19_999, 7.0),
    "p4": ("USB-C cable 2 m", "StarTech.com", 1_299, None),
    "p5": ("Printer paper A4 500 sheets", "HP", None, 1.0),
}


@pytest.fixture(scope="module")
def encoder():  # type: ignore[no-untyped-def]
    return open_encoder("hashing?dim=64")


@pytest.fixture(scope="module")
def engine(encoder) -> Iterator[ExactEngine]:  # type: ignore[no-untyped-def]
    with ExactEngine(name="products") as engine:
        field = VectorField(name="dense", dim=encoder.dim, encoder=encoder.spec, fingerprint=encoder.fingerprint)
        index = engine.create(Schema(vectors=(field,)))
        writes = []
        for product_id, (title, brand, price_minor, popularity) in PRODUCTS.items():
            fields = {
                "id": product_id,
                "title": title,
                "brand": brand,
                "codes": ["lj4250"] if product_id == "p1" else [],
            }
            if price_minor is not None:
                fields["price_minor"] = price_minor
            if popularity is not None:
                fields["popularity"] = popularity
            vector = encoder.encode_products([title])[0]
            writes.append(Upsert(product=IndexedProduct(id=product_id, fields=fields, vectors={"dense": vector})))
        assert all(result.ok for result in engine.write(writes, index=index))
        engine.refresh(index=index)
        engine.swap(index)
        yield engine


@pytest.fixture
def searcher(engine, encoder) -> Iterator[Searcher]:  # type: ignore[no-untyped-def]
    with Searcher(
        engine, routes=[LexicalRoute(), DenseRoute()], fusion=WeightedSum(), encoders={"dense": encoder}, timeout_s=30
    ) as searcher:
        yield searcher


def test_a_page_holds_the_products_with_their_sources(searcher: Searcher) -> None:
    page = searcher.search(understand("black toner"))
    assert page.hits[0].id == "p1"
    assert page.hits[0].product["title"] == PRODUCTS["p1"][0]
    assert {s.route for s in page.hits[0].sources} == {"lexical", "dense"}
    assert [(r.name, r.status) for r in page.routes] == [("lexical", RouteStatus.OK), ("dense", RouteStatus.OK)]
    assert page.degraded == {}
    assert page.total.relation == "at_least"
    assert page.fusion == "WeightedSum()"
    assert {"prepare", "engine", "fuse", "fetch"} <= set(page.timings_ms)


def test_pages_follow_each_other_without_gap_or_repeat(searcher: Searcher) -> None:
    whole = [h.id for h in searcher.search(understand("printer", size=5)).hits]
    parts = [h.id for offset in range(5) for h in searcher.search(understand("printer", offset=offset, size=1)).hits]
    assert parts == whole
    assert len(set(whole)) == len(whole) == 5
    assert searcher.search(understand("printer", offset=50)).hits == ()


def test_filters_act_on_every_route(searcher: Searcher) -> None:
    page = searcher.search(understand("toner", filter=Range(field="price_minor", lte=4_999)))
    assert {h.id for h in page.hits} == {"p1", "p4"}
    page = searcher.search(understand("toner", filter=Term(field="brand", value="Nobody")))
    assert page.hits == ()


def test_an_unknown_filter_field_is_an_error_that_lists_the_known_ones(searcher: Searcher) -> None:
    with pytest.raises(InvalidFilter, match="brand"):
        searcher.search(understand("toner", filter=Term(field="colour", value="x")))


def test_facets_count_the_lexical_matches(searcher: Searcher) -> None:
    page = searcher.search(understand("toner", facets=(Facet(field="brand"),)))
    assert page.facets_over == "lexical"
    assert [(c.value, c.count) for c in page.facets[0].counts] == [("HP", 2)]


def test_sort_orders_the_candidates_and_puts_the_unknown_last(searcher: Searcher) -> None:
    page = searcher.search(understand("printer", sort=(Sort(field="price_minor"),)))
    assert [h.id for h in page.hits] == ["p4", "p1", "p2", "p3", "p5"]
    page = searcher.search(understand("printer", sort=(Sort(field="price_minor", descending=True),)))
    assert [h.id for h in page.hits] == ["p3", "p2", "p1", "p4", "p5"]
    assert [h.rank for h in page.hits] == [1, 2, 3, 4, 5]


@dataclass(frozen=True)
class CheapestNamed:
    """The cheapest first, and what is named in the query before all others: looks at stored values and the query."""

    fields: tuple[str, ...] = ("price_minor", "brand")

    def __call__(self, rankings: Sequence[Ranking], k: int, query: Query | None = None) -> Fused:
        assert query is not None
        values = {hit.id: hit.fields for ranking in rankings for hit in ranking.hits}

        def key(product_id: str) -> tuple[bool, float]:
            brand, price = values[product_id].get("brand", ""), values[product_id].get("price_minor", math.inf)
            return str(brand).lower() not in query.text, price  # type: ignore[return-value]

        best = enumerate(sorted(values, key=key)[:k], start=1)
        hits = [FusedHit(id=i, score=-rank, rank=rank, sources=(), fields=values[i]) for rank, i in best]
        return Fused(fusion=repr(self), hits=tuple(hits))


@pytest.mark.parametrize("in_process", [True, False])
def test_a_fusion_gets_the_query_and_the_stored_values_it_wants(engine: ExactEngine, encoder, in_process: bool) -> None:  # type: ignore[no-untyped-def]
    counted = FailOn(engine, call=99, in_process=in_process)
    with Searcher(
        counted,  # type: ignore[arg-type]
        routes=[LexicalRoute(fuzzy_below=0), DenseRoute()],
        fusion=CheapestNamed(),
        encoders={"dense": encoder},
        timeout_s=30,
    ) as searcher:
        answer = searcher.rank(understand("brother printer"), 10)
        assert [hit.id for hit in answer.hits] == ["p3", "p4", "p1", "p2", "p5"]
        for ranking in answer.rankings:
            for hit in ranking.hits:
                title, brand, price, _ = PRODUCTS[hit.id]
                assert hit.fields == {"brand": brand} | ({} if price is None else {"price_minor": price}), title
        assert in_process or counted.calls == 1
        by_title = searcher.rank(understand("brother printer", sort=(Sort(field="popularity"),)), 10)
        assert [hit.id for hit in by_title.hits] == ["p5", "p2", "p3", "p1", "p4"]
        assert set(by_title.hits[0].fields) == {"popularity", "brand"}


def test_the_empty_query_browses_by_popularity(searcher: Searcher) -> None:
    page = searcher.search(understand(""))
    assert [h.id for h in page.hits] == ["p1", "p3", "p2", "p5", "p4"]
    assert page.total.value == 5
    assert page.total.relation == "exact"
    assert "empty" in page.notes[0]


def test_punctuation_alone_finds_nothing_and_says_why(searcher: Searcher) -> None:
    page = searcher.search(understand('"'))
    assert page.hits == ()
    assert "nothing to look for" in page.notes[0]


def test_a_typo_gets_a_second_look(searcher: Searcher) -> None:
    answer = searcher.rank(understand("tonner"), 10)
    lexical = next(r for r in answer.rankings if r.route == "lexical")
    assert {h.id for h in lexical.hits} == {"p1", "p2"}


@dataclass(frozen=True)
class BrokenRoute:
    """Fails, or waits until it is released, while it prepares."""

    name: str = "broken"
    gate: threading.Event | None = None
    kind: ScoreKind = ScoreKind.COSINE
    needs_preparation: bool = True
    n_provisional: int = 0

    def prepare(self, query: Query, context: RecallContext) -> None:
        if self.gate is None:
            raise RuntimeError("model exploded")
        self.gate.wait(20)

    def requests(self, query: Query, context: RecallContext) -> tuple[EngineRequest, ...]:
        raise AssertionError("a route that is not ready is not asked")

    def fallback(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> tuple[()]:
        return ()

    def ranking(self, query: Query, context: RecallContext, results: Sequence[EngineResult]) -> Ranking:
        raise AssertionError("a route that is not ready has no results")


def test_a_route_that_fails_is_named_and_the_others_answer(engine: ExactEngine) -> None:
    with Searcher(engine, routes=[LexicalRoute(), BrokenRoute()], fusion=RRF(), encoders={}, timeout_s=30) as searcher:
        page = searcher.search(understand("toner"))
    assert {h.id for h in page.hits} == {"p1", "p2"}
    assert page.degraded == {"broken": "failed"}
    assert "model exploded" in page.routes[1].error


def test_a_route_that_is_late_is_named_and_the_others_answer(engine: ExactEngine) -> None:
    gate = threading.Event()
    try:
        with Searcher(
            engine, routes=[LexicalRoute(), BrokenRoute(gate=gate)], fusion=RRF(), encoders={}, timeout_s=1.0
        ) as searcher:
            page = searcher.search(understand("toner"))
    finally:
        gate.set()
    assert {h.id for h in page.hits} == {"p1", "p2"}
    assert page.degraded == {"broken": "timed_out"}


def test_a_missing_encoder_is_an_error_of_the_setup(engine: ExactEngine) -> None:
    with (
        Searcher(engine, routes=[DenseRoute()], fusion=RRF(), encoders={}, timeout_s=30) as searcher,
        pytest.raises(InvalidSettings, match="dense"),
    ):
        searcher.search(understand("toner"))


class FailOn:
    """The real engine as if behind a network, failing on its n-th call of `search_many`."""

    def __init__(self, engine: ExactEngine, call: int, *, in_process: bool = False) -> None:
        self._engine, self._call, self._in_process = engine, call, in_process
        self.calls = 0
        self.asked: list[EngineRequest] = []

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._engine.capabilities, in_process=self._in_process)

    def search_many(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        self.calls += 1
        self.asked += requests
        if self.calls == self._call:
            raise EngineUnavailable("The engine does not answer.")
        return self._engine.search_many(requests, deadline, index=index)

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def test_all_routes_share_one_round_trip(engine: ExactEngine, encoder) -> None:  # type: ignore[no-untyped-def]
    counted = FailOn(engine, call=99)
    routes = [LexicalRoute(fuzzy_below=0), DenseRoute(), BrowseRoute()]
    with Searcher(counted, routes=routes, fusion=RRF(), encoders={"dense": encoder}, timeout_s=30) as searcher:  # type: ignore[arg-type]
        searcher.rank(understand("toner"), 10)
    assert counted.calls == 1


@pytest.mark.parametrize(
    "text", ["toner", "black toner", "black tonner", "tonner", "prynter a4", "zzzz", "CE278A tonr"]
)
def test_an_engine_in_this_process_answers_as_one_behind_a_network(engine: ExactEngine, encoder, text: str) -> None:  # type: ignore[no-untyped-def]
    answers = []
    for in_process in (True, False):
        with Searcher(
            FailOn(engine, call=99, in_process=in_process),  # type: ignore[arg-type]
            routes=[LexicalRoute(fuzzy_below=2), DenseRoute()],
            fusion=WeightedSum(),
            encoders={"dense": encoder},
            timeout_s=30,
        ) as searcher:
            answer = searcher.rank(understand(text, facets=(Facet(field="brand"),)), 10)
            rankings = [replace(ranking, took_ms=0.0) for ranking in answer.rankings]
            answers.append(replace(answer, rankings=tuple(rankings), timings_ms={}, prepared_ms={}))
    assert answers[0] == answers[1]


@pytest.mark.parametrize(("text", "fuzzy"), [("toner", [False]), ("tonner", [True]), ("zzzz", [True, False])])
def test_an_engine_in_this_process_is_asked_for_the_ranking_that_is_used(
    engine: ExactEngine, text: str, fuzzy: list[bool]
) -> None:
    counted = FailOn(engine, call=99, in_process=True)
    with Searcher(
        counted,  # type: ignore[arg-type]
        routes=[LexicalRoute(fuzzy_below=2)],
        fusion=RRF(),
        encoders={},
        timeout_s=30,
    ) as searcher:
        searcher.rank(understand(text), 10)
    count, *rankings = [request.clause for request in counted.asked]
    assert isinstance(count, Text)
    assert count.min_match == 1.0
    assert [clause.fuzzy for clause in rankings if isinstance(clause, Text)] == fuzzy


def test_an_engine_that_is_down_is_an_error(engine: ExactEngine) -> None:
    with (
        Searcher(FailOn(engine, call=1), routes=[LexicalRoute()], fusion=RRF(), encoders={}, timeout_s=30) as searcher,  # type: ignore[arg-type]
        pytest.raises(EngineUnavailable),
    ):
        searcher.rank(understand("toner"), 10)


@pytest.mark.parametrize("in_process", [True, False])
def test_a_failed_second_look_leaves_the_words_as_typed(engine: ExactEngine, in_process: bool) -> None:
    failing = FailOn(engine, call=2, in_process=in_process)
    with Searcher(failing, routes=[LexicalRoute()], fusion=RRF(), encoders={}, timeout_s=30) as searcher:  # type: ignore[arg-type]
        answer = searcher.rank(understand("toner"), 10)
    assert {h.id for h in answer.hits} == {"p1", "p2"}
    assert answer.degraded == {"lexical": "partial"}


def test_two_routes_of_one_name_are_refused(engine: ExactEngine) -> None:
    with pytest.raises(InvalidSettings, match="different names"):
        Searcher(engine, routes=[LexicalRoute(), LexicalRoute()], fusion=RRF(), encoders={})


def test_a_searcher_held_to_an_index_stays_there_when_another_goes_live(encoder) -> None:  # type: ignore[no-untyped-def]
    with ExactEngine(name="shop") as engine:
        held = engine.create(Schema())
        other = engine.create(Schema())
        for index, title in ((held, "Old lamp"), (other, "New lamp")):
            fields = {"id": "p1", "title": title}
            assert all(
                r.ok for r in engine.write([Upsert(product=IndexedProduct(id="p1", fields=fields))], index=index)
            )
            engine.refresh(index=index)
        engine.swap(held)

        def opened(index: str | None) -> Searcher:
            return Searcher(engine, routes=[LexicalRoute()], fusion=RRF(), encoders={}, timeout_s=30, index=index)

        with opened(held) as pinned, opened(None) as following:
            engine.swap(other)
            assert pinned.search(understand("lamp")).hits[0].product["title"] == "Old lamp"
            assert following.search(understand("lamp")).hits[0].product["title"] == "New lamp"
            assert pinned.search(understand("old", facets=(Facet(field="brand"),))).total.value == 1
            engine.drop(held)
            with pytest.raises(NotFound, match=held):
                pinned.search(understand("lamp"))
