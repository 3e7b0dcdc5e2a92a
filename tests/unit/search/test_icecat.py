"""The judged queries on the real catalogue: the order in which an engine is asked changes no answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.query import Facet
from multirecall.engines.base import Capabilities, EngineRequest, EngineResult
from multirecall.engines.embedded.engine import EmbeddedEngine
from multirecall.evaluation.queries import read_queries
from multirecall.fusion import RRF
from multirecall.indexer.build import build
from multirecall.indexer.sources import Catalogue
from multirecall.recall import LexicalRoute
from multirecall.search.page import Answer
from multirecall.search.pipeline import Searcher
from multirecall.search.understand import understand

pytestmark = [pytest.mark.data, pytest.mark.slow]


class AsIfRemote:
    """The engine as if a round trip to it had a price; both rankings of a query go out at once then."""

    def __init__(self, engine: EmbeddedEngine) -> None:
        self._engine = engine

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._engine.capabilities, in_process=False)

    def search_many(
        self, requests: Sequence[EngineRequest], deadline: Deadline, *, index: str | None = None
    ) -> list[EngineResult]:
        return self._engine.search_many(requests, deadline, index=index)


def without_times(answer: Answer) -> Answer:
    rankings = tuple(replace(ranking, took_ms=0.0) for ranking in answer.rankings)
    return replace(answer, rankings=rankings, timings_ms={})


def test_every_query_is_answered_alike_in_both_orders(icecat_dir: Path, tmp_path: Path) -> None:
    queries = read_queries(icecat_dir / "queries.tsv")
    with EmbeddedEngine.open(tmp_path / "shop", create=True) as engine:
        build(engine, Catalogue([str(icecat_dir / "*.json.zip")]), encoders={})
        routes = [LexicalRoute()]
        with (
            Searcher(engine, routes=routes, fusion=RRF(), encoders={}, timeout_s=60) as lean,
            Searcher(AsIfRemote(engine), routes=routes, fusion=RRF(), encoders={}, timeout_s=60) as eager,  # type: ignore[arg-type]
        ):
            for query in queries:
                asked = understand(query.text, facets=(Facet(field="brand"),))
                assert without_times(lean.rank(asked, 100)) == without_times(eager.rank(asked, 100)), query.text
