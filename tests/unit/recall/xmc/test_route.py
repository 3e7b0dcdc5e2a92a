"""The route: named products that are there and pass the filter, in the tree's order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Term
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Engine, IndexedProduct, Upsert
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import Schema
from multirecall.recall.base import ChangingRoute, QueryVectors, RecallContext, Route
from multirecall.recall.xmc.route import XmcRoute
from multirecall.search.understand import understand
from multirecall.training.xmc.training import XmcTraining

WORDS = ("lamp", "chair", "printer", "cable")
PAIRS = [(f"{word} {at}", f"{word}-{at}") for word in WORDS for at in range(6)]
ROUTE = XmcRoute(tree=XmcTraining(branches=2, leaf=6, columns=1 << 16).fit(PAIRS, language="english"), k=6)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("xmc")
    with open_engine(f"embedded:{folder}/index", create=True) as opened:
        index = opened.create(Schema())
        products = [
            IndexedProduct(id=name, fields={"title": name, "brand": "odd" if int(name[-1]) % 2 else "even"})
            for _, name in PAIRS
            if name != "lamp-3"  # gone since training
        ]
        assert all(one.status for one in opened.write([Upsert(product=one) for one in products], index=index))
        opened.refresh(index=index)
        opened.swap(index)
        yield opened


def _ranking(engine: Engine, text: str, filter: Term | None = None):  # type: ignore[no-untyped-def]
    query = understand(text, filter=filter)
    context = RecallContext(deadline=Deadline.never(), vectors=QueryVectors(text, {}), fields=("brand",))
    ROUTE.prepare(query, context)
    requests = ROUTE.requests(query, context)
    results = engine.search_many(requests, Deadline.never()) if requests else []
    return ROUTE.ranking(query, context, results)


def test_only_products_that_are_there_by_the_trees_score(engine: Engine) -> None:
    named = ROUTE.tree.best("lamp 2", 6)
    ranking = _ranking(engine, "lamp 2")
    score_of = dict(zip(*named, strict=True))
    assert "lamp-3" in score_of
    assert {hit.id for hit in ranking.hits} == set(named.products) - {"lamp-3"}
    assert ranking.hits[0].id == "lamp-2"
    assert [(hit.score, hit.rank) for hit in ranking.hits] == [
        (score_of[hit.id], at) for at, hit in enumerate(ranking.hits, start=1)
    ]
    keys = [(-hit.score, hit.id) for hit in ranking.hits]
    assert keys == sorted(keys)
    assert ranking.hits[0].fields == {"brand": "even"}


def test_a_filter_is_honoured_and_more_are_named_for_it(engine: Engine) -> None:
    ranking = _ranking(engine, "lamp", Term(field="brand", value="odd"))
    assert len(ranking.hits) == 6
    assert all(hit.fields["brand"] == "odd" for hit in ranking.hits)


def test_nothing_known_is_nothing_asked(engine: Engine) -> None:
    assert _ranking(engine, "zzz").status is RouteStatus.SKIPPED
    assert isinstance(ROUTE, Route)
    assert isinstance(ROUTE, ChangingRoute)
