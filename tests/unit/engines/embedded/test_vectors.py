from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from multirecall.core.deadline import Deadline
from multirecall.core.filters import Range, Term
from multirecall.core.query import Facet
from multirecall.core.ranking import RouteStatus
from multirecall.engines.base import Delete, EngineRequest, Update
from multirecall.engines.embedded import EmbeddedEngine
from tests.unit.engines.embedded.making import (
    DIM,
    TUNING,
    make_engine,
    near,
    product,
    put,
    schema,
    search,
    unit_vectors,
)

N = 1_500
VECTORS = unit_vectors(1, N)
QUERIES = unit_vectors(2, 10)


def _fill(engine: EmbeddedEngine) -> EmbeddedEngine:
    put(
        engine,
        [product(f"p{n:04d}", v, price_minor=n, brand="HP" if n % 3 else "Dell") for n, v in enumerate(VECTORS)],
    )
    return engine


def _ids(rows: np.ndarray) -> list[str]:
    return [f"p{n:04d}" for n in rows]


@pytest.mark.parametrize("index", ["flat", "hnsw", "int8_hnsw"])
def test_scores_are_cosines_and_the_nearest_come_first(tmp_path: Path, index: str) -> None:
    with _fill(make_engine(tmp_path, schema(index))) as engine:
        hits_right = 0
        for query in QUERIES:
            result = search(engine, near(query), 20)
            cosines = VECTORS.astype(np.float64) @ query
            for hit in result.hits:
                assert hit.score == pytest.approx(cosines[int(hit.id[1:])], abs=1e-6)
            assert [h.score for h in result.hits] == sorted((h.score for h in result.hits), reverse=True)
            assert result.total is None
            hits_right += len({h.id for h in result.hits} & set(_ids(np.argsort(-cosines)[:20])))
        assert hits_right / (20 * len(QUERIES)) >= (1.0 if index == "flat" else 0.97)


@pytest.mark.parametrize("limit", [5, 40, 400, 1_200])
def test_a_filter_acts_inside(tmp_path: Path, limit: int) -> None:
    with _fill(make_engine(tmp_path)) as engine:
        right = 0
        for query in QUERIES:
            cosines = (VECTORS @ query)[:limit]
            wanted = _ids(np.argsort(-cosines)[:20])
            result = search(engine, near(query), 20, filter=Range(field="price_minor", lt=limit))
            assert len(result.hits) == min(20, limit)
            right += len({h.id for h in result.hits} & set(wanted)) / len(wanted)
        assert right / len(QUERIES) >= 0.97


def test_products_without_vector_and_gone_ones_are_never_found(tmp_path: Path) -> None:
    with _fill(make_engine(tmp_path)) as engine:
        put(engine, [product("none"), *(Delete(id=f"p{n:04d}") for n in range(0, N, 2))])
        put(engine, [product("p0001", unit_vectors(9, 1)[0]), product("p0003")])  # another vector; none any more
        result = search(engine, near(VECTORS[1]), 2_000)
        assert {h.id for h in result.hits} == set(_ids(np.arange(1, N, 2))) - {"p0003"}
        own = search(engine, near(unit_vectors(9, 1)[0]), 1)
        assert (own.hits[0].id, own.hits[0].score) == ("p0001", pytest.approx(1.0, abs=1e-6))


def test_new_rows_are_found_before_the_graph_knows_them(tmp_path: Path) -> None:
    with _fill(make_engine(tmp_path)) as engine:
        [graph] = tmp_path.glob("products-000001/graphs/*.usearch")
        put(engine, [product("new", QUERIES[0])])
        assert [p.name for p in tmp_path.glob("products-000001/graphs/*.usearch")] == [graph.name]
        assert search(engine, near(QUERIES[0]), 5).hits[0].id == "new"


@pytest.mark.parametrize("copies", [30, 400])
def test_equal_vectors_tie_by_id_also_at_the_cut(tmp_path: Path, copies: int) -> None:
    with make_engine(tmp_path, schema("flat")) as engine:
        names = [f"t{n:03d}" for n in np.random.default_rng(3).permutation(copies)]
        put(
            engine,
            [
                *(product(name, QUERIES[0]) for name in names),
                *(product(f"o{n}", v) for n, v in enumerate(VECTORS[:50])),
            ],
        )
        result = search(engine, near(QUERIES[0]), 10)
        assert [h.id for h in result.hits] == sorted(names)[:10]
        assert len({h.score for h in result.hits}) == 1


def test_a_query_of_any_length_gives_cosines(tmp_path: Path) -> None:
    with _fill(make_engine(tmp_path)) as engine:
        one, ten = search(engine, near(QUERIES[0])), search(engine, near(QUERIES[0] * 10))
        assert [h.id for h in one.hits] == [h.id for h in ten.hits]
        assert one.hits[0].score == pytest.approx(ten.hits[0].score, abs=1e-6)


def test_more_candidates_than_rows_are_no_error(tmp_path: Path) -> None:
    with _fill(make_engine(tmp_path)) as engine:
        assert len(search(engine, near(QUERIES[0], n_candidates=100_000), 10).hits) == 10
        assert len(search(engine, near(QUERIES[0]), 10_000).hits) == N


def test_facets_and_fields_of_vector_hits(tmp_path: Path) -> None:
    with _fill(make_engine(tmp_path)) as engine:
        put(engine, [Update(id="p0003", fields={"price_minor": 777})])
        request = {
            "fields": ("price_minor", "brand", "id", "currency"),
            "facets": (Facet(field="brand"), Facet(field="price_minor", edges=(700.0,))),
        }
        result = search(engine, near(VECTORS[3]), 30, **request)
        assert result.hits[0].fields == {"price_minor": 777, "brand": "Dell", "id": "p0003"}
        brands = [str(h.fields["brand"]) for h in result.hits]
        assert {c.value: c.count for c in result.facets[0].counts} == {b: brands.count(b) for b in set(brands)}
        below = sum(int(h.fields["price_minor"]) < 700 for h in result.hits)  # type: ignore[arg-type]
        assert [c.count for c in result.facets[1].counts] == [below, 30 - below]


def test_a_past_deadline_costs_nothing(tmp_path: Path) -> None:
    with _fill(make_engine(tmp_path)) as engine:
        requests = [EngineRequest(clause=near(QUERIES[0]), k=5, filter=Term(field="brand", value="HP"))] * 2
        results = engine.search_many(requests, Deadline.after(0))
        assert [r.status for r in results] == [RouteStatus.TIMED_OUT] * 2
        assert all(r.error for r in results)


def test_the_same_filter_value_of_another_type_is_another_filter(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        pairs = {"a": "x=1", "b": "x=true"}
        put(engine, [product(name, QUERIES[0], attribute_pairs=[pair]) for name, pair in pairs.items()])
        for value, name in ((1, "a"), (True, "b"), (1.0, "a")):
            result = search(engine, near(QUERIES[0]), filter=Term(field="attributes.x", value=value))
            assert [h.id for h in result.hits] == [name]


def test_dimension_is_small() -> None:
    assert (DIM, TUNING.min_graph_rows) == (16, 200)  # else the graphs above would not be made
