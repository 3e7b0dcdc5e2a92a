"""A route policy in the search path: what it skips is not encoded, not asked, and said; no answer is lost by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pytest

from multirecall.core.errors import NotFound
from multirecall.core.query import Query
from multirecall.core.ranking import RouteStatus
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import IndexedProduct, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.fusion import RRF, WeightedSum
from multirecall.recall import DenseRoute, LexicalRoute
from multirecall.search import Searcher, understand

TITLES = {"p1": "Black toner cartridge", "p2": "Cyan toner cartridge", "p3": "Laser printer", "p4": "USB cable"}


class Counting:
    """An encoder that counts what it is asked for."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.asked: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> Float32Array:
        self.asked += texts
        return self._encoder.encode_queries(texts)


@dataclass(frozen=True)
class Skip:
    routes: tuple[str, ...]

    def skips(self, query: Query) -> Mapping[str, str]:
        return dict.fromkeys(self.routes, "because of the test")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return open_encoder("hashing?dim=64")


@pytest.fixture(scope="module")
def engine(encoder: Encoder) -> Iterator[ExactEngine]:
    with ExactEngine(name="products") as engine:
        field = VectorField(name="dense", dim=encoder.dim, encoder=encoder.spec, fingerprint=encoder.fingerprint)
        index = engine.create(Schema(vectors=(field,)))
        vectors = encoder.encode_products(list(TITLES.values()))
        writes = [
            Upsert(product=IndexedProduct(id=i, fields={"id": i, "title": title}, vectors={"dense": vector}))
            for (i, title), vector in zip(TITLES.items(), vectors, strict=True)
        ]
        assert all(result.ok for result in engine.write(writes, index=index))
        engine.refresh(index=index)
        engine.swap(index)
        yield engine


def searcher(engine: ExactEngine, encoder: object, *skip: str) -> Searcher:
    return Searcher(
        engine,
        routes=[LexicalRoute(), DenseRoute()],
        fusion=WeightedSum(),
        encoders={"dense": encoder},  # type: ignore[dict-item]
        timeout_s=30.0,
        policy=Skip(skip) if skip else None,
    )


def test_a_skipped_dense_route_encodes_nothing_and_the_page_says_why(engine: ExactEngine, encoder: Encoder) -> None:
    counting = Counting(encoder)
    with searcher(engine, counting, "dense") as with_policy, searcher(engine, counting) as without:
        page = with_policy.search(understand("black toner"))
        assert counting.asked == []
        traces = {route.name: route for route in page.routes}
        assert (traces["dense"].status, traces["dense"].n_hits) == (RouteStatus.SKIPPED, 0)
        assert traces["dense"].error == "because of the test"
        assert traces["lexical"].status is RouteStatus.OK
        assert page.degraded == {}
        assert [hit.id for hit in page.hits] == ["p1", "p2"]
        assert page.total.relation == "exact"
        without.search(understand("black toner"))
        assert counting.asked == ["black toner"]


def test_no_answer_is_lost_by_a_skip(engine: ExactEngine, encoder: Encoder) -> None:
    counting = Counting(encoder)
    with searcher(engine, counting, "dense") as opened:
        page = opened.search(understand("zzzzqq"))
        assert counting.asked == ["zzzzqq"]
        assert {route.name: route.status for route in page.routes}["dense"] is RouteStatus.OK
        assert any("asked after all" in note for note in page.notes)


def test_one_route_is_always_asked(engine: ExactEngine, encoder: Encoder) -> None:
    with searcher(engine, encoder, "dense", "lexical") as opened:
        page = opened.search(understand("toner"))
        assert [(r.name, r.status) for r in page.routes] == [
            ("lexical", RouteStatus.OK), ("dense", RouteStatus.SKIPPED),
        ]  # fmt: skip
        assert page.hits


def test_a_policy_that_skips_unknown_routes_or_meets_no_words_changes_nothing(
    engine: ExactEngine, encoder: Encoder
) -> None:
    with searcher(engine, encoder, "rewriter") as opened, searcher(engine, encoder) as plain:
        assert opened.search(understand("toner")).hits == plain.search(understand("toner")).hits
        assert [route.name for route in opened.search(understand("")).routes] == ["browse"]


def test_the_time_of_a_model_is_told_beside_that_of_the_engine(engine: ExactEngine, encoder: Encoder) -> None:
    with searcher(engine, encoder) as opened:
        traces = {route.name: route for route in opened.search(understand("toner")).routes}
        assert traces["dense"].prepared_ms > 0.0
        assert traces["lexical"].prepared_ms == 0.0


def test_hits_are_explained_when_asked_and_only_then(engine: ExactEngine, encoder: Encoder) -> None:
    with searcher(engine, encoder) as opened:
        plain, explained = (
            opened.search(understand("black toner")),
            opened.search(understand("black toner"), explain=True),
        )
        assert all(hit.explanation is None for hit in plain.hits)
        assert "explain" not in plain.timings_ms
        for hit in explained.hits:
            assert hit.explanation is not None
            assert (hit.explanation.product_id, hit.explanation.score) == (hit.id, hit.score)
            assert sum(share.contribution for share in hit.explanation.shares) == pytest.approx(hit.score)


def test_why_one_product_stands_before_another(engine: ExactEngine, encoder: Encoder) -> None:
    with searcher(engine, encoder) as opened:
        first, *_, last = opened.search(understand("black toner")).hits
        found = opened.why(understand("black toner", size=1), first.id, last.id)  # the last is on no page of one
        assert found.difference == pytest.approx(first.score - last.score)
        assert sum(share.difference for share in found.shares) == pytest.approx(found.difference)
        with pytest.raises(NotFound, match="none of the"):
            opened.why(understand("black toner"), first.id, "p99")


def test_browsing_explains_by_its_only_route(engine: ExactEngine, encoder: Encoder) -> None:
    with Searcher(
        engine, routes=[LexicalRoute()], fusion=RRF(), encoders={}, timeout_s=30.0
    ) as opened:  # fmt: skip
        page = opened.search(understand(""), explain=True)
        assert [hit.explanation.shares[0].name for hit in page.hits if hit.explanation] == ["browse"] * 4
