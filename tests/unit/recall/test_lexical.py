"""The lexical route's requests and what it makes of the answers."""

from __future__ import annotations

from multirecall.core.deadline import Deadline
from multirecall.core.query import Facet
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import EngineHit, EngineResult, FacetCount, FacetCounts, Text
from multirecall.recall import LexicalRoute, QueryVectors, RecallContext
from multirecall.search.understand import understand

CONTEXT = RecallContext(deadline=Deadline.never(), vectors=QueryVectors("", {}), fields=("price_minor",))
QUERY = understand("black toner LJ-4250", facets=(Facet(field="brand"),))
FOUND = EngineResult(hits=(EngineHit(id="a", score=2.0), EngineHit(id="b", score=1.0)), total=500)
FACETS = (FacetCounts(field="brand", counts=(FacetCount(value="HP", count=3),)),)


def text(clause: object) -> Text:
    assert isinstance(clause, Text)
    return clause


def test_it_asks_for_the_ranking_and_counts_the_products_with_all_words() -> None:
    ranking, all_words = LexicalRoute(k=50).requests(QUERY, CONTEXT)
    assert (ranking.k, text(ranking.clause).min_match, ranking.facets) == (50, 0.0, ())
    assert ranking.fields == ("price_minor",)
    assert "lj4250" in text(ranking.clause).codes
    assert (all_words.k, text(all_words.clause).min_match, all_words.facets) == (0, 1.0, QUERY.facets)
    assert text(all_words.clause).codes == ()


def test_enough_products_with_all_words_need_no_second_look() -> None:
    route, results = LexicalRoute(fuzzy_below=10), [FOUND, EngineResult(total=10, facets=FACETS)]
    assert route.fallback(QUERY, CONTEXT, results) == ()
    ranking = route.ranking(QUERY, CONTEXT, results)
    assert [h.id for h in ranking.hits] == ["a", "b"]
    assert ranking.total == 10  # those with all words, not the 500 with any


def test_few_products_with_all_words_get_a_second_look_for_near_words() -> None:
    route, results = LexicalRoute(fuzzy_below=10), [FOUND, EngineResult(total=9)]
    (second,) = route.fallback(QUERY, CONTEXT, results)
    assert text(second.clause).fuzzy
    assert second.facets == QUERY.facets
    near = EngineResult(hits=(EngineHit(id="c", score=3.0),), total=40)
    assert [h.id for h in route.ranking(QUERY, CONTEXT, [*results, near]).hits] == ["c"]
    assert route.ranking(QUERY, CONTEXT, [*results, near]).total == 40


def test_a_second_look_that_failed_or_found_nothing_keeps_the_first() -> None:
    route, results = LexicalRoute(), [FOUND, EngineResult(total=1)]
    for second in (EngineResult(status=RouteStatus.TIMED_OUT), EngineResult(total=0)):
        assert [h.id for h in route.ranking(QUERY, CONTEXT, [*results, second]).hits] == ["a", "b"]


def test_the_second_look_can_be_switched_off_and_is_not_taken_on_a_failed_count() -> None:
    assert LexicalRoute(fuzzy_below=0).fallback(QUERY, CONTEXT, [FOUND, EngineResult(total=0)]) == ()
    failed = EngineResult(status=RouteStatus.FAILED, error="shard lost")
    assert LexicalRoute().fallback(QUERY, CONTEXT, [FOUND, failed]) == ()
    assert LexicalRoute().ranking(QUERY, CONTEXT, [FOUND, failed]).total is None
