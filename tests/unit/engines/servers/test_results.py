from __future__ import annotations

from typing import Any

import pytest

from multirecall.core.query import Facet
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import EngineHit, EngineRequest, Everything, FacetCount, Text, Vector
from multirecall.engines.servers.facets import aggregation
from multirecall.engines.servers.records import record, source
from multirecall.engines.servers.results import search_result
from tests.support.records import product, unit
from tests.unit.engines.servers.requests import DIALECTS, SCHEMA

VECTOR = Vector(field="dense", vector=unit(1, 0, 0, 0))


def answer(*hits: dict[str, Any], **other: Any) -> dict[str, Any]:
    return {"took": 3, "status": 200, "hits": {"total": {"value": 7}, "hits": list(hits)}, **other}


def hit(id: str, score: float | None, **other: Any) -> dict[str, Any]:
    return {"_index": "p-000001", "_score": score, "sort": [score, id], **other}


def test_text_hits_keep_their_scores_and_the_total() -> None:
    result = search_result(EngineRequest(clause=Text(text="x"), k=2), answer(hit("b", 2.5), hit("a", 1.5)), SCHEMA)
    assert result.hits == (EngineHit(id="b", score=2.5), EngineHit(id="a", score=1.5))
    assert (result.total, result.took_ms, result.status, result.error) == (7, 3.0, RouteStatus.OK, "")


@pytest.mark.parametrize("cosine", [1.0, 0.25, 0.0, -1.0])
def test_vector_scores_become_cosines(cosine: float) -> None:
    result = search_result(EngineRequest(clause=VECTOR, k=1), answer(hit("a", (1 + cosine) / 2)), SCHEMA)
    assert result.hits[0].score == pytest.approx(cosine)
    assert result.total is None


def test_rounding_never_gives_a_cosine_above_one() -> None:
    result = search_result(EngineRequest(clause=VECTOR, k=1), answer(hit("a", 1.0000001)), SCHEMA)
    assert result.hits[0].score == 1.0


def test_everything_scores_one_whatever_the_order() -> None:
    result = search_result(EngineRequest(clause=Everything(), k=1), answer(hit("a", None)), SCHEMA)
    assert result.hits == (EngineHit(id="a", score=1.0),)


def test_fields_come_from_columns_and_from_the_stored_product() -> None:
    request = EngineRequest(
        clause=Text(text="x"), k=1, fields=("brand", "category", "codes", "attributes.c", "attributes.n", "price_minor")
    )
    found = hit(
        "a",
        1.0,
        fields={"brand": ["HP"], "category": ["A", "A > B"]},
        _source={"codes": ["b", "a"], "attributes": {"c": "red", "other": 1}},
    )
    [only] = search_result(request, answer(found), SCHEMA).hits
    assert only.fields == {
        "brand": "HP",
        "category": ("A", "A > B"),
        "codes": ("b", "a"),
        "attributes.c": "red",
    }


@pytest.mark.parametrize(
    ("given", "status", "text"),
    [
        ({"error": {"type": "x", "reason": "bad query"}, "status": 400}, RouteStatus.FAILED, "bad query"),
        (answer(hit("a", 1.0), timed_out=True), RouteStatus.TIMED_OUT, "ran out of time"),
        (
            answer(hit("a", 1.0), _shards={"failed": 1, "failures": [{"reason": {"reason": "lost"}}]}),
            RouteStatus.PARTIAL,
            "1 shard(s) failed: lost",
        ),
    ],
)
def test_trouble_is_said_and_what_was_found_is_kept(given: dict[str, Any], status: RouteStatus, text: str) -> None:
    result = search_result(EngineRequest(clause=Text(text="x"), k=1), given, SCHEMA)
    assert result.status is status
    assert text in result.error
    assert len(result.hits) == (0 if status is RouteStatus.FAILED else 1)


def test_facets_are_read_back() -> None:
    facets = (
        Facet(field="attributes.a.b (c)"), Facet(field="price_minor", edges=(10.0,)), Facet(field="in_stock"),
    )  # fmt: skip
    aggregations = {
        "0": {"buckets": [{"key": "a.b (c)=red", "doc_count": 2}]},
        "1": {"buckets": [{"to": 10.0, "doc_count": 1}, {"from": 10.0, "doc_count": 4}]},
        "2": {"buckets": [{"key": 1, "key_as_string": "true", "doc_count": 3}]},
    }
    result = search_result(
        EngineRequest(clause=Everything(), k=0, facets=facets), answer(aggregations=aggregations), SCHEMA
    )
    assert [f.counts for f in result.facets] == [
        (FacetCount(count=2, value="red"),),
        (FacetCount(count=1, lt=10.0), FacetCount(count=4, gte=10.0)),
        (FacetCount(count=3, value=True),),
    ]
    assert aggregation(facets[0], SCHEMA)["terms"]["include"] == "a\\.b\\ \\(c\\)\\=.*"


@pytest.mark.parametrize("engine", DIALECTS)
def test_a_product_comes_back_as_it_was_written(engine: str) -> None:
    written = product("1", "Lamp", attributes={"width (max.)": 1.5}, brand=None, vectors={"dense": unit(1, 2, 3, 4)})
    stored = source(written, 7, DIALECTS[engine])
    assert stored["version"] == 7
    assert "brand" not in stored
    assert stored["attribute_numbers"] == {"width%20%28max%2E%29": 1.5}
    back = record(stored, ["id", "title", "brand", "attribute_numbers", "attribute_numbers.width (max.)", "version"])
    assert back == {
        "id": "1", "title": "Lamp", "attribute_numbers": {"width (max.)": 1.5},
        "attribute_numbers.width (max.)": 1.5, "version": 7,
    }  # fmt: skip
    assert "attribute_numbers" in written.fields
    assert "width (max.)" in written.fields["attribute_numbers"]
