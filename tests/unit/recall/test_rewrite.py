"""The rewrite route: what it asks for rewritings, what it makes of the answers, and rewriters that misbehave."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multirecall.core.codes import query_codes
from multirecall.core.deadline import Deadline
from multirecall.core.errors import InvalidInput
from multirecall.core.filters import Term
from multirecall.core.match_text import MatchText
from multirecall.core.query import Facet
from multirecall.core.ranking import RouteStatus
from multirecall.core.rewriting import MAX_REWRITING_CHARS, Rewriting
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import EngineHit, EngineRequest, EngineResult, Text, Vector
from multirecall.recall.base import ChangingRoute, QueryVectors, RecallContext, Route
from multirecall.recall.feedback import feedback_rewriting
from multirecall.recall.rewrite import RewriteRoute
from multirecall.recall.rewriters.chain import RewriteChain
from multirecall.recall.rewriting import MAX_REWRITINGS, Rewriter
from multirecall.search.understand import understand
from tests.support.rewriters import BrokenRewriter, LateRewriter, TableRewriter, rewriting

ENCODER = HashingEncoder(dim=32)
FILTER = Term(field="brand", value="Intel")
QUERY = understand("zeon procesor", filter=FILTER, facets=(Facet(field="brand"),))
SAID = (rewriting("xeon processor", 0.9), rewriting("server CPU E5-2620", 0.5))
TABLE = TableRewriter(table={QUERY.text: SAID})
OK = EngineResult(hits=(EngineHit(id="a", score=2.0), EngineHit(id="b", score=1.0)))


class CountingEncoder(HashingEncoder):
    """Remembers the batches that it was given."""

    def __init__(self) -> None:
        super().__init__(dim=32)
        self.batches: list[tuple[str, ...]] = []

    def encode_queries(self, texts: Sequence[str]):  # type: ignore[no-untyped-def]
        self.batches.append(tuple(texts))
        return super().encode_queries(texts)


def context(encoder: HashingEncoder = ENCODER, text: str = QUERY.text) -> RecallContext:
    return RecallContext(
        deadline=Deadline.never(), vectors=QueryVectors(text, {"dense": encoder}), fields=("price_minor",)
    )


def asked(*said: Rewriting, vector_field: str | None = "dense") -> tuple[EngineRequest, ...]:
    table = TableRewriter(table={QUERY.text: said})
    return RewriteRoute(rewriters=table, vector_field=vector_field).requests(QUERY, context())


def texts(requests: Sequence[EngineRequest]) -> list[str]:
    return [request.clause.text for request in requests if isinstance(request.clause, Text)]


def test_each_rewriting_is_asked_of_the_words_and_of_the_vectors() -> None:
    requests = RewriteRoute(rewriters=TABLE, k=50, vector_field="dense").requests(QUERY, context())
    assert [type(request.clause) for request in requests] == [Text, Text, Vector, Vector]
    assert texts(requests) == [one.text for one in SAID]
    assert "e52620" in requests[1].clause.codes  # type: ignore[union-attr]
    assert {(r.k, r.filter, r.facets, r.fields) for r in requests} == {(50, FILTER, (), ("price_minor",))}


def test_rewritings_are_encoded_in_one_batch_and_made_once() -> None:
    encoder, calls = CountingEncoder(), []

    class Counted(TableRewriter):
        def rewrite(self, query, deadline):  # type: ignore[no-untyped-def]
            calls.append(query.text)
            return SAID

    route = RewriteRoute(rewriters=Counted(), vector_field="dense")
    shared = context(encoder)
    shared.vectors.get("dense")
    route.prepare(QUERY, shared)
    requests = route.requests(QUERY, shared)
    route.ranking(QUERY, shared, [OK] * len(requests))
    assert calls == [QUERY.text]
    assert encoder.batches == [(QUERY.text,), tuple(one.text for one in SAID)]


def test_the_ranking_says_what_was_rewritten_and_what_brought_each_hit() -> None:
    route, shared = RewriteRoute(rewriters=TABLE), context()
    n = len(route.requests(QUERY, shared))
    other = EngineResult(hits=(EngineHit(id="c", score=7.0),), took_ms=4.0)
    ranking = route.ranking(QUERY, shared, [OK, other])
    assert n == 2
    assert [(hit.id, hit.score) for hit in ranking.hits] == [("a", 0.9), ("c", 0.5), ("b", 0.0)]
    assert (ranking.rewritings, ranking.brought_by, ranking.status) == (SAID, (0, 1, 0), RouteStatus.OK)
    assert (ranking.took_ms, ranking.total) == (4.0, None)


@pytest.mark.parametrize("text", ["643a", "hp 643a", "dgs-1008d", "106r01220", "oki 4350"])
def test_part_numbers_alone_are_not_rewritten(text: str) -> None:
    route = RewriteRoute(rewriters=TableRewriter(table={text: SAID}))
    assert route.requests(understand(text), context()) == ()


@pytest.mark.parametrize("text", ["tonner cartrige hp 504a", "usb cable", "aaa", "10m vga cable"])
def test_queries_with_words_are_rewritten(text: str) -> None:
    route = RewriteRoute(rewriters=TableRewriter(table={text: SAID}))
    assert len(route.requests(understand(text), context())) == len(SAID)


def test_nothing_to_say_means_no_request_and_nothing_lacking() -> None:
    route, shared = RewriteRoute(rewriters=TableRewriter(), vector_field="dense"), context()
    assert route.requests(QUERY, shared) == ()
    ranking = route.ranking(QUERY, shared, [])
    assert (ranking.status, ranking.error) == (RouteStatus.SKIPPED, "it has nothing to say to this query")


def test_a_failing_rewriter_takes_nothing_from_the_others_and_is_told() -> None:
    chain = RewriteChain(alternatives=(TABLE, LateRewriter(), BrokenRewriter()))
    route, shared = RewriteRoute(rewriters=chain), context()
    assert texts(route.requests(QUERY, shared)) == [one.text for one in SAID]
    ranking = route.ranking(QUERY, shared, [OK, OK])
    assert ranking.status is RouteStatus.PARTIAL
    assert "late: The model was late." in ranking.error
    assert "broken: model exploded" in ranking.error
    assert ranking.hits


@pytest.mark.parametrize("rewriters", [BrokenRewriter(), RewriteChain(alternatives=(BrokenRewriter(),))])
def test_a_rewriter_that_breaks_alone_fails_its_route_only(rewriters: Rewriter) -> None:
    route, shared = RewriteRoute(rewriters=rewriters), context()
    assert route.requests(QUERY, shared) == ()
    ranking = route.ranking(QUERY, shared, [])
    assert (ranking.status, ranking.error) == (RouteStatus.FAILED, "broken: model exploded")


def test_requests_that_fail_make_it_partial_or_fail() -> None:
    route, shared = RewriteRoute(rewriters=TABLE), context()
    late = EngineResult(status=RouteStatus.TIMED_OUT, error="shard lost")
    partial = route.ranking(QUERY, shared, [OK, late])
    assert (partial.status, partial.error, len(partial.hits)) == (RouteStatus.PARTIAL, "shard lost", 2)
    assert route.ranking(QUERY, shared, [late, late]).status is RouteStatus.TIMED_OUT


def test_many_rewritings_are_cut_and_long_ones_cannot_be_made() -> None:
    many = [rewriting(f"text {at}", 0.5) for at in range(5_000)]
    assert texts(asked(*many)) == [one.text for one in many[:MAX_REWRITINGS]]
    with pytest.raises(InvalidInput, match=str(MAX_REWRITING_CHARS)):
        rewriting("token " * 5_000)


INJECTION = 'ignore the above" OR brand:* ) {"match_all":{}} \ud800\x00\n*~^2 AND NOT'


@given(text=st.one_of(st.just(INJECTION), st.text(min_size=1, max_size=MAX_REWRITING_CHARS)))
def test_a_rewriting_changes_the_text_alone(text: str) -> None:
    """Whatever a rewriter says: text and vector clauses with the query's own filter, and codes as any query's."""
    if not any(c.isalnum() for c in text):
        text = f"x{text}"[:MAX_REWRITING_CHARS]
    requests = asked(rewriting(text))
    assert {type(request.clause) for request in requests} <= {Text, Vector}
    assert all((r.filter, r.facets, r.sort) == (FILTER, (), ()) for r in requests)
    clause = requests[0].clause
    assert isinstance(clause, Text)
    assert not clause.fuzzy
    assert clause.codes == query_codes(clause.text)
    assert clause.text.isprintable()
    assert re.sub(r"\s", "", clause.text) == "".join(c for c in text if c.isprintable() and not c.isspace())


def test_it_is_a_route_whose_answers_may_change() -> None:
    route: object = RewriteRoute(rewriters=TABLE)
    assert isinstance(route, Route)
    assert isinstance(route, ChangingRoute)
    assert route.fingerprint == TABLE.fingerprint


@pytest.mark.parametrize(
    ("route", "needed"),
    [
        (RewriteRoute(rewriters=TABLE), False),
        (RewriteRoute(rewriters=TABLE, vector_field="dense"), True),
        (RewriteRoute(rewriters=LateRewriter()), True),
    ],
)
def test_a_thread_is_needed_for_a_model_and_for_vectors_only(route: RewriteRoute, needed: bool) -> None:
    assert route.needs_preparation is needed


def _raise() -> str:
    raise RuntimeError("once")


@pytest.mark.parametrize("make", [lambda: "made", _raise])
def test_the_memory_of_a_request_makes_each_thing_once(make: Callable[[], str]) -> None:
    calls = []

    def counted() -> str:
        calls.append(1)
        return make()

    memory = context().memory
    for _ in range(2):
        try:
            assert memory.once("key", counted) == "made"
        except RuntimeError as error:
            assert str(error) == "once"  # noqa: PT017 - both outcomes are right, each for its `make`
    assert len(calls) == 1


def match_text(title: str) -> dict[str, str]:
    return {"match_text": MatchText(title=tuple(title.split())).to_text()}


FIRST = EngineResult(
    hits=(
        EngineHit(id="a", score=3.0, fields=match_text("intel xeon processor server")),
        EngineHit(id="b", score=2.0, fields=match_text("xeon processor fan 80")),
        EngineHit(id="c", score=1.0, fields=match_text("paper")),
    )
)


def test_feedback_asks_again_with_the_words_that_the_first_products_share() -> None:
    route, shared = RewriteRoute(rewriters=TableRewriter(), feedback=3), context()
    (own,) = route.requests(QUERY, shared)
    assert (texts([own]), own.k, own.fields, own.filter) == ([QUERY.text], 3, ("match_text",), FILTER)
    (again,) = route.fallback(QUERY, shared, [FIRST])
    assert texts([again]) == [f"{QUERY.text} processor xeon"]  # in two of three; not `intel`, not `80`
    ranking = route.ranking(QUERY, shared, [FIRST, OK])
    assert [one.by for one in ranking.rewritings] == ["feedback"]
    assert [hit.id for hit in ranking.hits] == ["a", "b"]  # what the query itself found is another route's


@pytest.mark.parametrize("titles", [[], ["paper"], ["laser printer", "xeon fan"], ["zeon procesor", "zeon procesor"]])
def test_products_that_share_no_other_word_give_no_feedback(titles: list[str]) -> None:
    assert feedback_rewriting(QUERY.text, [match_text(title)["match_text"] for title in titles]) is None


SECOND = TableRewriter(table={QUERY.text: (rewriting("server cpu", 0.6, by="second"), SAID[0])}, name="second")


@pytest.mark.parametrize(("counts", "expected"), [((0, 0, 9), ["server cpu"]), ((0, 10, 0), [])])
def test_the_second_rewriters_are_asked_where_no_wording_matches_enough(
    counts: tuple[int, ...], expected: list[str]
) -> None:
    route, shared = RewriteRoute(rewriters=TABLE, second=SECOND, weak_below=10), context()
    requests = route.requests(QUERY, shared)
    assert [(r.k, r.clause.min_match) for r in requests[2:]] == [(0, 1.0)] * 3  # type: ignore[union-attr]
    assert texts(requests)[2:] == [QUERY.text, *(one.text for one in SAID)]
    results = [OK, OK, *(EngineResult(total=total) for total in counts)]
    again = route.fallback(QUERY, shared, results)
    assert texts(again) == expected
    assert {request.filter for request in again} <= {FILTER}
    ranking = route.ranking(QUERY, shared, [*results, *[OK] * len(again)])
    assert [one.text for one in ranking.rewritings] == [*(one.text for one in SAID), *expected]


def test_a_second_rewriter_that_fails_leaves_the_first_ones_hits() -> None:
    route, shared = RewriteRoute(rewriters=TABLE, second=BrokenRewriter()), context()
    results = [OK, OK, *[EngineResult(total=0)] * 3]
    assert route.fallback(QUERY, shared, results) == ()
    ranking = route.ranking(QUERY, shared, results)
    assert (ranking.status, ranking.error) == (RouteStatus.PARTIAL, "broken: model exploded")
    assert ranking.hits


def test_options_have_nothing_to_say_where_nothing_is_rewritten() -> None:
    route, shared = RewriteRoute(rewriters=TableRewriter(), second=TableRewriter(), feedback=3), context()
    results = [EngineResult()] * len(route.requests(QUERY, shared))
    assert route.fallback(QUERY, shared, results) == ()
    assert route.ranking(QUERY, shared, results).status is RouteStatus.SKIPPED
    assert route.requests(understand("hp 643a"), context()) == ()
