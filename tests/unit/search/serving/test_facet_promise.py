"""Facets keep their promises, on the engines of this process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.engines.base import Engine
from multirecall.engines.exact import ExactEngine
from multirecall.search import understand
from multirecall.search.page import Total
from tests.support.stores import engine_store
from tests.unit.search.serving.facet_promise import FACETS, chosen, fill, keeps_its_promises, searcher_of


@pytest.fixture(scope="module", params=["exact", "embedded"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    store = engine_store(request.param, tmp_path_factory)
    with store.open(store.unique_name()) as engine:
        fill(engine)
        yield engine


def test_choosing_a_facet_value_gives_the_number_it_promised(engine: Engine) -> None:
    with searcher_of(engine) as searcher:
        assert keeps_its_promises(searcher, n_queries=40) > 80


def test_one_counted_route_makes_the_total_of_the_page_exact_too(engine: Engine) -> None:
    with searcher_of(engine) as searcher:
        answer = searcher.rank(understand("printer", facets=FACETS), 10, routes=("lexical",))
        [facet, bucket] = FACETS[0], answer.facets[0].counts[0]
        promised = searcher.rank(chosen(answer.query, facet, bucket), 10, routes=("lexical",))
        assert promised.total == Total(value=bucket.count, relation="exact")


def test_the_total_does_not_depend_on_the_length_of_the_page(engine: Engine) -> None:
    with searcher_of(engine) as searcher:
        totals = {searcher.rank(understand("printer"), k).total for k in (1, 10, 50, 500)}
        assert len(totals) == 1
        assert totals.pop().relation == "at_least"


def test_of_a_pool_the_promised_ones_come_first_when_the_value_is_chosen() -> None:
    with ExactEngine("shop") as engine:
        fill(engine)
        with searcher_of(engine) as searcher:
            answer = searcher.rank(understand("printer", facets=FACETS[:1]), 200, routes=("dense",))
            assert (answer.facets_over, answer.totals["dense"].relation) == ("dense", "pool")
            ids = [hit.id for hit in answer.rankings[1].hits]
            records = engine.fetch(ids)
            for bucket in answer.facets[0].counts:
                pool = [one["id"] for one in records if one is not None and one.get("brand") == bucket.value]
                assert len(pool) == bucket.count
                promised = searcher.rank(chosen(answer.query, FACETS[0], bucket), 200, routes=("dense",))
                assert [hit.id for hit in promised.rankings[1].hits][: bucket.count] == pool
