"""Writes: one result each, visible after refresh, versions in order, deletes without ghosts, partial updates."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from multirecall.core.filters import Range, Term
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import Delete, Engine, Everything, Text, Update, Upsert, Vector, WriteStatus
from tests.contract.asking import found, ids, put, search, text_ids
from tests.contract.shop import DIM, QUERY_VECTOR
from tests.support.records import product, unit, upsert

__all__ = ["DeleteContract", "UpdateContract", "VersionContract", "WriteContract"]

AXIS = unit(*([1.0] + [0.0] * (DIM - 1)))

BAD = [
    (Upsert(product=product("bad", vectors={"dense": unit(1, 2, 3)})), ("dense", "3", str(DIM))),
    (Upsert(product=product("bad", vectors={"dense": np.full(DIM, np.nan, np.float32)})), ("dense",)),
    (Upsert(product=product("bad", vectors={"dense": np.zeros(DIM, np.float32)})), ("dense", "zero")),
    (Upsert(product=product("bad", vectors={"image": AXIS})), ("image",)),
    (upsert("bad", price_minor="12,50 €"), ("price_minor",)),
    (upsert("bad", popularity=float("inf")), ("popularity",)),
    (upsert("bad", in_stock="maybe"), ("in_stock",)),
    (upsert(""), ("id",)),
    (upsert("\ud800"), ("id",)),
]
"""What no engine can take, and what its error must name."""


class WriteContract:
    def test_each_write_has_its_result_in_order(self, empty: Engine) -> None:
        results = list(empty.write([upsert("b"), upsert("a"), upsert("b", "Again"), Delete(id="zz")]))
        assert [r.id for r in results] == ["b", "a", "b", "zz"]
        assert [r.status for r in results] == ["created", "created", "updated", "missing"]
        assert all(r.ok and not r.error for r in results)

    def test_writes_are_seen_after_refresh_and_not_before(self, empty: Engine) -> None:
        assert [r.ok for r in empty.write([upsert("1", "lamp")])] == [True]
        assert empty.count() == 0
        assert text_ids(empty, "lamp") == []
        empty.refresh()
        assert empty.count() == 1
        assert text_ids(empty, "lamp") == ["1"]

    def test_no_writes_give_no_results(self, empty: Engine) -> None:
        assert list(empty.write([])) == []
        empty.refresh()
        assert empty.count() == 0

    def test_the_same_id_replaces_everything(self, empty: Engine) -> None:
        assert put(empty, product("1", "lamp", brand="Bosch", vectors={"dense": AXIS})) == [WriteStatus.CREATED]
        assert put(empty, product("1", "chair")) == [WriteStatus.UPDATED]
        assert empty.count() == 1
        assert text_ids(empty, "lamp") == []
        assert text_ids(empty, "chair") == ["1"]
        assert empty.count(Term(field="brand", value="Bosch")) == 0
        assert found(empty, Vector(field="dense", vector=AXIS)) == []

    def test_of_several_writes_of_one_id_in_a_batch_the_last_wins(self, empty: Engine) -> None:
        put(empty, *(product("1", f"word{n}") for n in range(5)), product("2", "other"))
        assert empty.count() == 2
        assert text_ids(empty, "word4") == ["1"]
        assert text_ids(empty, "word3") == []
        results = list(empty.write([upsert("3", "first"), Delete(id="3"), upsert("3", "second"), Delete(id="1")]))
        assert all(r.ok for r in results)
        empty.refresh()
        assert text_ids(empty, "first second") == ["3"]
        assert text_ids(empty, "first") == []
        assert empty.fetch(["1"]) == [None]

    def test_writes_are_taken_as_they_come(self, empty: Engine) -> None:
        taken = 0

        def endless() -> Iterator[Upsert]:
            nonlocal taken
            while True:
                taken += 1
                yield upsert(f"{taken:07d}")

        results = empty.write(endless())
        assert next(iter(results)).ok
        assert taken < 20_000
        getattr(results, "close", lambda: None)()

    def test_bad_products_fail_alone_with_a_reason(self, empty: Engine) -> None:
        results = list(empty.write([upsert("1", "lamp"), *(bad for bad, _ in BAD), upsert("2", "lamp")]))
        assert [r.ok for r in results] == [True, *(False for _ in BAD), True]
        for (bad, reason), result in zip(BAD, results[1:-1], strict=True):
            assert result.id == bad.id
            assert (result.status, result.retryable) == (WriteStatus.REJECTED, False), bad
            assert all(name in result.error for name in reason), result.error
        empty.refresh()
        assert text_ids(empty, "lamp") == ["1", "2"]
        assert empty.count() == 2

    def test_a_batch_larger_than_a_request_goes_in_whole(self, empty: Engine) -> None:
        megabyte = ("w" * 99 + " ") * 10_000
        put(empty, *(product(f"{n:02d}", "lamp", description=megabyte) for n in range(12)))
        assert empty.count() == 12
        assert len(text_ids(empty, "lamp")) == 12

    def test_a_product_without_a_vector_is_found_by_its_words_only(self, empty: Engine) -> None:
        put(empty, product("1", "lamp"), product("2", "lamp", vectors={"dense": AXIS}))
        assert text_ids(empty, "lamp") == ["1", "2"]
        assert found(empty, Vector(field="dense", vector=AXIS)) == ["2"]


class VersionContract:
    def test_a_lower_version_never_overwrites_a_higher_one(self, empty: Engine) -> None:
        put(empty, upsert("1", "new", version=7))
        [stale] = empty.write([upsert("1", "old", version=6)])
        assert (stale.ok, stale.status) == (True, WriteStatus.STALE)
        [stale] = empty.write([Update(id="1", fields={"price_minor": 1}, version=6)])
        assert (stale.ok, stale.status) == (True, WriteStatus.STALE)
        [stale] = empty.write([Delete(id="1", version=6)])
        assert (stale.ok, stale.status) == (True, WriteStatus.STALE)
        empty.refresh()
        assert empty.fetch(["1"], ["title", "price_minor", "version"]) == [{"title": "new", "version": 7}]

    def test_an_equal_or_higher_version_and_none_at_all_overwrite(self, empty: Engine) -> None:
        put(empty, upsert("1", "first", version=7))
        assert put(empty, upsert("1", "second", version=7)) == [WriteStatus.UPDATED]
        assert put(empty, upsert("1", "third", version=8)) == [WriteStatus.UPDATED]
        assert empty.count(Term(field="version", value=8)) == 1
        assert put(empty, upsert("1", "fourth")) == [WriteStatus.UPDATED]
        assert text_ids(empty, "fourth") == ["1"]

    def test_versions_hold_inside_one_batch(self, empty: Engine) -> None:
        writes = [upsert("1", f"title{v}", version=v) for v in (2, 5, 3, 4)]
        assert [r.status for r in empty.write(writes)] == ["created", "updated", "stale", "stale"]
        empty.refresh()
        assert text_ids(empty, "title5") == ["1"]

    def test_a_version_in_force_lets_update_and_delete_through(self, empty: Engine) -> None:
        put(empty, upsert("1", version=3), upsert("2", version=3))
        put(empty, Update(id="1", fields={"price_minor": 9}, version=4))
        assert empty.fetch(["1"], ["price_minor", "version"]) == [{"price_minor": 9, "version": 4}]
        [stale] = empty.write([upsert("1", "late", version=2)])
        assert stale.status == WriteStatus.STALE
        assert put(empty, Delete(id="2", version=3)) == [WriteStatus.DELETED]


class DeleteContract:
    def test_a_deleted_product_leaves_no_ghost(self, empty: Engine) -> None:
        rows = [product(f"{n}", "lamp", brand="Bosch", price_minor=n, vectors={"dense": AXIS}) for n in range(4)]
        put(empty, *rows)
        assert put(empty, Delete(id="0"), Delete(id="2")) == [WriteStatus.DELETED] * 2
        assert text_ids(empty, "lamp") == ["1", "3"]
        assert found(empty, Everything()) == ["1", "3"]
        assert sorted(found(empty, Vector(field="dense", vector=AXIS), k=2)) == ["1", "3"]
        assert empty.count() == 2
        assert empty.info().count == 2
        assert empty.count(Term(field="brand", value="Bosch")) == 2
        assert empty.fetch(["0", "1"], ["price_minor"]) == [None, {"price_minor": 1}]
        assert [r["id"] for r in sorted(empty.scan(["title"]), key=lambda r: str(r["id"]))] == ["1", "3"]
        [facet] = search(empty, Everything(), facets=(Facet(field="brand"),)).facets
        assert [c.count for c in facet.counts] == [2]

    def test_an_absent_product_is_missing_and_no_failure(self, empty: Engine) -> None:
        assert put(empty, Delete(id="nobody")) == [WriteStatus.MISSING]
        put(empty, product("1"), Delete(id="1"))
        assert put(empty, Delete(id="1")) == [WriteStatus.MISSING]

    def test_a_deleted_product_can_come_back(self, empty: Engine) -> None:
        put(empty, product("1", "lamp", vectors={"dense": AXIS}))
        put(empty, Delete(id="1"))
        assert put(empty, product("1", "chair", vectors={"dense": QUERY_VECTOR})) == [WriteStatus.CREATED]
        assert text_ids(empty, "lamp chair") == ["1"]
        [hit] = search(empty, Vector(field="dense", vector=QUERY_VECTOR)).hits
        assert hit.score == pytest.approx(1.0, abs=1e-4)

    def test_the_whole_index_can_be_emptied(self, empty: Engine) -> None:
        put(empty, *(product(f"{n}", "lamp", vectors={"dense": AXIS}) for n in range(10)))
        put(empty, *(Delete(id=f"{n}") for n in range(10)))
        assert empty.count() == 0
        assert text_ids(empty, "lamp") == []
        assert found(empty, Vector(field="dense", vector=AXIS)) == []


class UpdateContract:
    def test_a_partial_update_changes_its_fields_and_nothing_else(self, empty: Engine) -> None:
        vector = unit(*range(1, DIM + 1))
        put(
            empty,
            product("1", "Desk lamp", brand="Bosch", price_minor=100, in_stock=True, attributes={"width": 4.5},
                    identifiers=("LJ-4250",), vectors={"dense": vector}),
            product("2", "Desk", price_minor=300, vectors={"dense": AXIS}),
        )  # fmt: skip
        changes = {"price_minor": 900, "in_stock": False, "popularity": 2.5, "currency": "EUR", "updated_at": 1.5e9}
        assert put(empty, Update(id="1", fields=changes)) == [WriteStatus.UPDATED]
        assert empty.count() == 2
        assert empty.count(Range(field="price_minor", gte=900)) == 1
        assert empty.count(Term(field="price_minor", value=100)) == 0
        assert empty.count(Term(field="in_stock", value=False)) == 1
        assert ids(search(empty, Everything(), sort=(Sort(field="price_minor", descending=True),))) == ["1", "2"]
        assert text_ids(empty, "lamp") == ["1"]
        assert found(empty, Text(text="", codes=("lj4250",))) == ["1"]
        assert empty.count(Term(field="brand", value="Bosch")) == 1
        assert empty.count(Range(field="attributes.width", gte=4)) == 1
        hits = search(empty, Vector(field="dense", vector=vector)).hits
        assert hits[0].id == "1"
        assert hits[0].score == pytest.approx(1.0, abs=1e-4)
        assert hits[1].score == pytest.approx(float(vector @ AXIS), abs=1e-4)
        [record] = empty.fetch(["1"], ["title", "brand", *changes])
        assert record == {"title": "Desk lamp", "brand": "Bosch", **changes}

    def test_none_takes_the_value_away(self, empty: Engine) -> None:
        put(empty, product("1", price_minor=100, in_stock=True))
        put(empty, Update(id="1", fields={"price_minor": None}))
        assert empty.count(Range(field="price_minor", gte=0)) == 0
        assert empty.fetch(["1"], ["price_minor", "in_stock"]) == [{"in_stock": True}]

    def test_an_absent_product_is_missing_and_not_made(self, empty: Engine) -> None:
        [result] = empty.write([Update(id="nobody", fields={"price_minor": 1})])
        assert (result.ok, result.status) == (False, WriteStatus.MISSING)
        empty.refresh()
        assert empty.count() == 0

    @pytest.mark.parametrize("fields", [{"title": "other"}, {"price_minor": "cheap"}, {"in_stock": 3}, {"nonsense": 1}])
    def test_what_cannot_be_updated_is_refused_by_name(self, empty: Engine, fields: dict[str, object]) -> None:
        put(empty, product("1", "lamp", price_minor=5), product("2", "lamp", price_minor=5))
        results = list(empty.write([Update(id="1", fields=fields), Update(id="2", fields={"price_minor": 6})]))
        assert [(r.ok, r.status) for r in results] == [(False, WriteStatus.REJECTED), (True, WriteStatus.UPDATED)]
        assert next(iter(fields)) in results[0].error
        empty.refresh()
        assert empty.fetch(["1", "2"], ["title", "price_minor"]) == [
            {"title": "lamp", "price_minor": 5},
            {"title": "lamp", "price_minor": 6},
        ]

    def test_an_upsert_and_updates_of_it_in_one_batch_add_up(self, empty: Engine) -> None:
        put(
            empty,
            upsert("1", "lamp", price_minor=1),
            Update(id="1", fields={"price_minor": 2}),
            Update(id="1", fields={"in_stock": True}),
        )
        assert empty.fetch(["1"], ["title", "price_minor", "in_stock"]) == [
            {"title": "lamp", "price_minor": 2, "in_stock": True}
        ]
