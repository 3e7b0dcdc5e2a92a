"""Searches with the rewrite route: what it adds, what the page says of it, and what a bad rewriter does to a search."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from multirecall.cli.show_page import page_as_dict, page_view
from multirecall.core.deadline import Deadline
from multirecall.core.filters import Term
from multirecall.core.query import Query
from multirecall.core.ranking import RouteStatus
from multirecall.core.rewriting import Rewriting
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import Engine, IndexedProduct, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.fusion import WeightedSum
from multirecall.recall import DenseRoute, LexicalRoute, Route
from multirecall.recall.rewrite import RewriteRoute
from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriting import Rewriter
from multirecall.search import Searcher, understand
from multirecall.search.frozen import frozen_list
from multirecall.search.page import Page
from multirecall.search.serving.frozen_json import list_from_bytes, list_to_bytes
from tests.support.rewriters import BrokenRewriter, HangingRewriter, TableRewriter, rewriting

TITLES = {"p1": ("Xeon processor E5", "Intel"), "p2": ("Xeon fan", "HP"), "p3": ("Printer paper", "HP")}
TYPED = "zeno prozesor"
SAID = (rewriting("xeon processor", 0.9, by="spelling"),)
TABLE = TableRewriter(table={TYPED: SAID})
ENCODER = open_encoder("hashing?dim=64")


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with ExactEngine(name="products") as engine:
        field = VectorField(name="dense", dim=ENCODER.dim, encoder=ENCODER.spec, fingerprint=ENCODER.fingerprint)
        index = engine.create(Schema(vectors=(field,)))
        for product_id, (title, brand) in TITLES.items():
            fields = {"id": product_id, "title": title, "brand": brand}
            vectors = {"dense": ENCODER.encode_products([title])[0]}
            (result,) = engine.write(
                [Upsert(product=IndexedProduct(id=product_id, fields=fields, vectors=vectors))], index=index
            )
            assert result.ok
        engine.refresh(index=index)
        engine.swap(index)
        yield engine


def searcher(engine: Engine, rewriters: Rewriter, *more: Route, timeout_s: float = 30.0) -> Searcher:
    routes = (LexicalRoute(fuzzy_below=0), *more, RewriteRoute(rewriters=rewriters, vector_field="dense"))
    return Searcher(engine, routes=routes, fusion=WeightedSum(), encoders={"dense": ENCODER}, timeout_s=timeout_s)


def test_a_rewriting_brings_what_the_words_do_not_and_the_page_says_so(engine: Engine) -> None:
    with searcher(engine, TABLE) as with_it:
        page = with_it.search(understand(TYPED))
    assert page.hits[0].id == "p1"
    assert {source.route for source in page.hits[0].sources} == {"rewrite"}
    assert page.rewritings == SAID
    assert (page.degraded, page.query.text) == ({}, TYPED)
    assert page_as_dict(page)["query"]["rewritings"] == SAID
    shown = [str(part) for part in page_view(page).renderables]  # type: ignore[union-attr]
    assert any("in other words: xeon processor 0.90 spelling" in line for line in shown)


def test_a_kept_list_remembers_what_was_rewritten(engine: Engine) -> None:
    with searcher(engine, TABLE) as with_it:
        frozen = frozen_list(with_it.rank(understand(TYPED), 10), generation="products-000001")
    assert list_from_bytes(list_to_bytes(frozen)) == frozen
    assert frozen.routes[-1].rewritings == SAID


def test_the_filter_holds_for_rewritings_too(engine: Engine) -> None:
    with searcher(engine, TABLE, DenseRoute()) as with_it:
        page = with_it.search(understand(TYPED, filter=Term(field="brand", value="HP")))
    assert page.hits
    assert {hit.product["brand"] for hit in page.hits} == {"HP"}


def test_a_rewriter_that_breaks_costs_its_rewritings_and_nothing_else(engine: Engine) -> None:
    with searcher(engine, RewriteChain(alternatives=(BrokenRewriter(),))) as broken:
        page = broken.search(understand("printer paper"))
    assert [hit.id for hit in page.hits] == ["p3"]
    assert page.degraded == {"rewrite": "failed"}
    with searcher(engine, RewriteChain(alternatives=(BrokenRewriter(), TABLE))) as half:
        page = half.search(understand(TYPED))
    assert page.hits[0].id == "p1"
    assert page.degraded == {"rewrite": "partial"}
    assert "model exploded" in page.routes[-1].error


def test_a_rewriter_that_hangs_is_not_waited_for(engine: Engine) -> None:
    gate = threading.Event()
    try:
        with searcher(engine, HangingRewriter(gate=gate), timeout_s=0.5) as hanging:
            page = hanging.search(understand("printer paper"))
        assert [hit.id for hit in page.hits] == ["p3"]
        assert page.degraded == {"rewrite": "timed_out"}
    finally:
        gate.set()


def test_nothing_to_rewrite_is_nothing_lacking(engine: Engine) -> None:
    with searcher(engine, TableRewriter()) as silent:
        answer = silent.rank(understand("printer paper"), 10)
    assert answer.degraded == {}
    assert answer.rankings[-1].status is RouteStatus.SKIPPED
    assert answer.rankings[-1].rewritings == ()


def test_what_is_cached_hangs_on_the_rewriters(engine: Engine) -> None:
    other = replace(TABLE, fingerprint="fedcba9876543210")
    with searcher(engine, TABLE) as one, searcher(engine, TABLE) as same, searcher(engine, other) as changed:
        assert one.fingerprint == same.fingerprint
        assert one.fingerprint is one.fingerprint
        assert one.fingerprint != changed.fingerprint


class Edited:
    """Rewriters whose file is edited while they are open."""

    name, is_model, fingerprint = "edited", False, "before"

    def rewrite(self, query: Query, deadline: Deadline) -> tuple[Rewriting, ...]:
        return ()


def test_a_route_that_changes_while_it_is_open_changes_the_key(engine: Engine) -> None:
    rewriters = Edited()
    with searcher(engine, rewriters) as edited:
        before, again = edited.fingerprint, edited.fingerprint
        rewriters.fingerprint = "after"
        assert before is again
        assert edited.fingerprint != before


def test_rewriters_of_the_fusion_that_break_cost_it_rewritings_and_nothing_else(engine: Engine) -> None:
    def searched(rewriters: Rewriter, text: str) -> Page:
        with Searcher(
            engine, routes=[LexicalRoute()], fusion=WeightedSum(), encoders={}, timeout_s=30.0, rewriters=rewriters
        ) as one:
            return one.search(understand(text))

    page = searched(BrokenRewriter(), "printer paper")
    assert [hit.id for hit in page.hits] == ["p3"]
    assert (page.degraded, page.rewritings) == ({"rewritings": "failed"}, ())
    page = searched(RewriteChain(alternatives=(BrokenRewriter(), TABLE)), TYPED)
    assert (page.degraded, page.rewritings) == ({"rewritings": "partial"}, SAID)


def test_what_the_fusion_saw_is_kept_with_the_list_and_hangs_on_the_rewriters(engine: Engine) -> None:
    made = {"routes": [LexicalRoute()], "fusion": WeightedSum(), "encoders": {}, "timeout_s": 30.0}
    other = replace(TABLE, fingerprint="fedcba9876543210")
    with (
        Searcher(engine, **made, rewriters=TABLE) as one,  # type: ignore[arg-type]
        Searcher(engine, **made, rewriters=other) as changed,  # type: ignore[arg-type]
        Searcher(engine, **made) as none,  # type: ignore[arg-type]
    ):
        assert len({one.fingerprint, changed.fingerprint, none.fingerprint}) == 3
        frozen = frozen_list(one.rank(understand(TYPED), 10), generation="products-000001")
    assert frozen.query.rewritings == SAID
    assert list_from_bytes(list_to_bytes(frozen)) == frozen
