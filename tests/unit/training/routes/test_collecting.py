"""Each judged query is asked once of all routes; an incomplete answer teaches nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.core.errors import InvalidInput
from multirecall.core.query import Query
from multirecall.encoders.opening import open_encoder
from multirecall.engines.base import IndexedProduct, Upsert
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.evaluation.judgments import Judgments
from multirecall.evaluation.queries import JudgedQuery
from multirecall.fusion import RRF
from multirecall.recall import DenseRoute, LexicalRoute, RecallContext
from multirecall.search import Searcher
from multirecall.training.routes.collecting import ask_routes
from multirecall.training.routes.valuing import report_routes

TITLES = {"p1": "Black toner", "p2": "Cyan toner", "p3": "Laser printer", "p4": "USB cable"}
QUERIES = [JudgedQuery(qid="q1", text="toner"), JudgedQuery(qid="q2", text="cable"), JudgedQuery(qid="q3", text="x")]
JUDGMENTS = Judgments(grades={"q1": {"p1": 2.0, "p2": 1.0}, "q2": {"p4": 3.0, "p1": 0.0}, "q3": {"p1": 0.0}})


class BrokenRoute(DenseRoute):
    def prepare(self, query: Query, context: RecallContext) -> None:
        raise RuntimeError("the model is gone")


@pytest.fixture(scope="module")
def engine() -> Iterator[ExactEngine]:
    encoder = open_encoder("hashing?dim=32")
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


def opened(engine: ExactEngine, dense: DenseRoute) -> Searcher:
    encoders = {"dense": open_encoder("hashing?dim=32")}
    return Searcher(engine, routes=[LexicalRoute(), dense], fusion=RRF(), encoders=encoders, timeout_s=30.0)


def test_judged_queries_come_back_with_rankings_grades_and_times(engine: ExactEngine) -> None:
    steps: list[int] = []
    with opened(engine, DenseRoute()) as searcher:
        asked = ask_routes(searcher, QUERIES, JUDGMENTS, advance=lambda: steps.append(1))
    assert [one.qid for one in asked] == ["q1", "q2"]  # q3 has no relevant judgment
    assert len(steps) == len(QUERIES)
    for one in asked:
        assert one.routes == ("lexical", "dense")
        assert one.pool.grades == JUDGMENTS.of(one.qid)
        assert one.prepared_ms["dense"] > 0.0
        assert one.total_ms("dense") == one.prepared_ms["dense"] + one.engine_ms("dense")
        assert one.total_ms("lexical") == one.engine_ms("lexical")
    report = report_routes(asked, RRF(), segments=[], rounds=200)
    assert report.fusion == "RRF(k=60)"
    assert report.left_out.values["R@100"]["all routes"] == {"q1": 1.0, "q2": 1.0}
    assert report.left_out.values["nDCG@10"]["without dense"]["q2"] == 1.0  # only the cable has the word


def test_an_incomplete_answer_is_refused(engine: ExactEngine) -> None:
    with opened(engine, BrokenRoute()) as searcher, pytest.raises(InvalidInput, match=r"'q1' is incomplete.*dense"):
        ask_routes(searcher, QUERIES, JUDGMENTS)


def test_judgments_of_other_queries_are_told(engine: ExactEngine) -> None:
    with opened(engine, DenseRoute()) as searcher, pytest.raises(InvalidInput, match="judgment above 0"):
        ask_routes(searcher, QUERIES, Judgments(grades={"other": {"p1": 1.0}}))
