"""Versioned writes merge field by field in any order; deletes leave tombstones that are no products."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from typing import Any

import pytest

from multirecall.core.errors import EngineBusy, InvalidInput, NotFound
from multirecall.core.filters import And, Exists, Not, Range, Term
from multirecall.core.query import Facet, Sort
from multirecall.engines.base import Delete, Engine, Everything, Kept, Update, Vector, Write, WriteStatus
from multirecall.engines.fields import UPDATABLE_FIELDS
from tests.contract.asking import found, ids, put, search, text_ids
from tests.contract.engine.merge_model import Merged, random_writes
from tests.contract.gaps import gap
from tests.contract.shop import DIM, contract_schema
from tests.support.records import product, unit, upsert
from tests.support.stores import Store

__all__ = ["MergeContract", "PruneContract", "TombstoneContract"]

S = WriteStatus
AXIS = unit(*([1.0] + [0.0] * (DIM - 1)))
SHOWN = ("title", "version", *UPDATABLE_FIELDS)
NOT_RED = Not(part=Term(field="brand", value="Red"))


def price(version: int | None, value: int = 7, id: str = "1", **fields: Any) -> Update:
    return Update(id=id, fields={"price_minor": value, **fields}, version=version)


def statuses(engine: Engine, *writes: Write) -> list[str]:
    """Applies the writes, refreshes, and returns their statuses, whether they are ok or not."""
    done = [result.status for result in engine.write(writes)]
    engine.refresh()
    return done


def shown(engine: Engine, id: str = "1") -> dict[str, Any] | None:
    [record] = engine.fetch([id], SHOWN)
    return None if record is None else dict(record)


def graves(engine: Engine) -> dict[str, int]:
    return {one.id: one.version for one in engine.deleted()}


class MergeContract:
    @pytest.mark.parametrize("batched", [True, False])
    def test_a_late_record_does_not_bring_a_deleted_product_back(self, empty: Engine, batched: bool) -> None:
        put(empty, upsert("1", "lamp", version=3))
        writes = [Delete(id="1", version=5), upsert("1", "lamp", version=4), price(5), upsert("1", "lamp", version=5)]
        if batched:
            assert statuses(empty, *writes) == [S.DELETED, S.STALE, S.STALE, S.STALE]
        else:
            assert [statuses(empty, w) for w in writes] == [[S.DELETED], [S.STALE], [S.STALE], [S.STALE]]
        assert shown(empty) is None
        assert text_ids(empty, "lamp") == []
        assert statuses(empty, upsert("1", "lamp", version=6)) == [S.CREATED]
        assert text_ids(empty, "lamp") == ["1"]
        assert graves(empty) == {}

    @pytest.mark.parametrize("batched", [True, False])
    def test_a_delete_before_its_record_wins(self, empty: Engine, batched: bool) -> None:
        writes = [Delete(id="1", version=5), upsert("1", version=4), Delete(id="1", version=3)]
        if batched:
            assert statuses(empty, *writes) == [S.MISSING, S.STALE, S.MISSING]
        else:
            assert [statuses(empty, w) for w in writes] == [[S.MISSING], [S.STALE], [S.MISSING]]
        assert graves(empty) == {"1": 5}
        assert empty.count() == 0

    @pytest.mark.parametrize("batched", [True, False])
    def test_a_late_record_keeps_what_was_set_after_it(self, empty: Engine, batched: bool) -> None:
        writes = [
            upsert("1", "three", version=3, price_minor=3, in_stock=True, vectors={"dense": AXIS}),
            price(5),
            upsert("1", "four", version=4, price_minor=4, in_stock=False, vectors={"dense": unit(*range(1, DIM + 1))}),
        ]
        if batched:
            assert statuses(empty, *writes) == [S.CREATED, S.UPDATED, S.UPDATED]
        else:
            assert [statuses(empty, w) for w in writes] == [[S.CREATED], [S.UPDATED], [S.UPDATED]]
        assert shown(empty) == {"title": "four", "price_minor": 7, "in_stock": False, "version": 5}
        assert empty.count(Term(field="price_minor", value=7)) == 1
        assert empty.count(Term(field="price_minor", value=4)) == 0
        assert text_ids(empty, "four") == ["1"]
        assert text_ids(empty, "three") == []
        [hit] = search(empty, Vector(field="dense", vector=unit(*range(1, DIM + 1)))).hits
        assert hit.score == pytest.approx(1.0, abs=1e-4)
        assert statuses(empty, upsert("1", "six", version=6)) == [S.UPDATED]
        assert shown(empty) == {"title": "six", "version": 6}

    def test_fields_have_versions_of_their_own(self, empty: Engine) -> None:
        put(empty, upsert("1", version=1, price_minor=1, in_stock=True, popularity=1.0))
        assert statuses(empty, price(5), price(3, 3, in_stock=False), price(4, 4)) == [S.UPDATED, S.UPDATED, S.STALE]
        assert shown(empty) == {
            "title": "Product", "price_minor": 7, "in_stock": False, "popularity": 1.0, "version": 5,
        }  # fmt: skip
        late = Update(id="1", fields={"in_stock": True, "popularity": 2.0}, version=2)
        assert statuses(empty, late) == [S.UPDATED]
        assert shown(empty) == {
            "title": "Product", "price_minor": 7, "in_stock": False, "popularity": 2.0, "version": 5,
        }  # fmt: skip

    def test_a_value_that_was_taken_away_stays_away(self, empty: Engine) -> None:
        put(empty, upsert("1", version=1, price_minor=1), Update(id="1", fields={"price_minor": None}, version=3))
        put(empty, upsert("1", version=2, price_minor=2))
        assert shown(empty) == {"title": "Product", "version": 3}
        assert empty.count(Range(field="price_minor", gte=0)) == 0

    def test_a_price_set_before_the_delete_below_it_is_kept_for_the_record_between(self, empty: Engine) -> None:
        put(empty, upsert("1", version=4, price_minor=4), price(7), Delete(id="1", version=5))
        assert shown(empty) is None
        assert statuses(empty, upsert("1", "six", version=6, price_minor=6)) == [S.CREATED]
        assert shown(empty) == {"title": "six", "price_minor": 7, "version": 7}

    def test_an_update_before_its_record_is_missing_and_is_taken_when_tried_again(self, empty: Engine) -> None:
        assert statuses(empty, price(5), Delete(id="1", version=3), price(5)) == [S.MISSING] * 3
        [again] = empty.write([price(5)])
        assert (again.ok, again.status) == (False, S.MISSING)
        assert statuses(empty, upsert("1", version=4, price_minor=4), price(5)) == [S.CREATED, S.UPDATED]
        assert shown(empty) == {"title": "Product", "price_minor": 7, "version": 5}

    def test_the_same_write_twice_changes_nothing(self, empty: Engine) -> None:
        writes = [upsert("1", "two", version=2, price_minor=2), price(5), Delete(id="2", version=3)]
        put(empty, *writes)
        before = (shown(empty), graves(empty))
        assert statuses(empty, *writes, *reversed(writes)) == [
            S.UPDATED, S.UPDATED, S.MISSING, S.MISSING, S.UPDATED, S.UPDATED,
        ]  # fmt: skip
        assert (shown(empty), graves(empty)) == before

    def test_of_equal_versions_the_later_one_is_applied_but_a_delete_wins(self, empty: Engine) -> None:
        put(empty, upsert("1", "first", version=7, price_minor=1), upsert("1", "second", version=7))
        assert shown(empty) == {"title": "second", "version": 7}
        assert statuses(empty, price(7, 1), price(7, 2)) == [S.UPDATED] * 2
        assert shown(empty) == {"title": "second", "price_minor": 2, "version": 7}
        assert statuses(empty, Delete(id="1", version=7), upsert("1", version=7)) == [S.DELETED, S.STALE]
        assert statuses(empty, Delete(id="2", version=7), upsert("2", version=7)) == [S.MISSING, S.STALE]
        assert graves(empty) == {"1": 7, "2": 7}

    def test_a_delete_below_the_record_is_stale(self, empty: Engine) -> None:
        put(empty, upsert("1", version=5), price(9), upsert("2", version=5), price(9, id="2"))
        assert statuses(empty, Delete(id="1", version=4), Delete(id="2", version=6)) == [S.STALE, S.DELETED]
        assert shown(empty) is not None
        assert graves(empty) == {"2": 6}

    def test_writes_without_a_version_know_no_order(self, empty: Engine) -> None:
        put(empty, upsert("1", "old", version=5), price(9))
        assert statuses(empty, price(None, 3)) == [S.UPDATED]
        assert shown(empty) == {"title": "old", "price_minor": 3, "version": 9}
        assert statuses(empty, price(8, 8), upsert("1", "none", price_minor=1)) == [S.STALE, S.UPDATED]
        assert shown(empty) == {"title": "none", "price_minor": 1}
        assert statuses(empty, price(1, 5), upsert("1", "zero", version=0)) == [S.UPDATED, S.UPDATED]
        assert shown(empty) == {"title": "zero", "price_minor": 5, "version": 1}
        assert statuses(empty, Delete(id="1"), upsert("1", "back", version=0)) == [S.DELETED, S.CREATED]
        assert graves(empty) == {}

    def test_writes_without_a_version_over_a_tombstone(self, empty: Engine) -> None:
        put(empty, *(Delete(id=name, version=5) for name in "1234"))
        assert statuses(empty, price(None, id="1"), upsert("2"), Delete(id="3")) == [S.MISSING, S.UPDATED, S.DELETED]
        assert graves(empty) == {"1": 5, "4": 5}
        assert sorted(found(empty, Everything())) == ["2"]
        assert empty.count(Range(field="price_minor", gte=0)) == 0  # what the update left behind is not seen
        [facet] = search(empty, Everything(), facets=(Facet(field="price_minor", edges=(0.0,)),)).facets
        assert [c.count for c in facet.counts] == [0, 0]
        written = [upsert(name, version=2) for name in "1234"]
        assert statuses(empty, *written) == [S.STALE, S.UPDATED, S.CREATED, S.STALE]

    @pytest.mark.parametrize("seed", range(4))
    def test_every_order_gives_what_the_plain_rule_gives(self, empty: Engine, seed: int) -> None:
        """Many products at once, each with a handful of writes, delivered shuffled and partly twice."""
        rng = random.Random(seed)
        writes = random_writes(rng, products=40)
        expected = Merged.of(writes)
        delivered = writes + rng.sample(writes, len(writes) // 4)
        rng.shuffle(delivered)
        for batch in range(3):
            for result in empty.write(delivered[batch::3]):
                assert result.status != S.REJECTED, result
            empty.refresh()
        late = [write for write in writes if isinstance(write, Update)]  # missing at first, maybe
        for _ in range(2):
            list(empty.write(late))
        empty.refresh()
        assert {record.pop("id"): record for record in map(dict, empty.scan(SHOWN))} == expected.products
        assert graves(empty) == expected.graves
        assert empty.count() == empty.info().count == len(expected.products)

    def test_the_versions_of_record_and_fields_are_told_if_asked_for(self, empty: Engine) -> None:
        put(empty, upsert("1", version=3, price_minor=3, in_stock=True), price(5), upsert("2", version=4), upsert("3"))
        names = ["title", "record_version", "field_versions"]
        expected = {
            "1": {"title": "Product", "record_version": 3, "field_versions": {"price_minor": 5}},
            "2": {"title": "Product", "record_version": 4},
            "3": {"title": "Product"},
        }
        assert dict(zip("123", empty.fetch(["1", "2", "3"], names), strict=True)) == expected
        scanned = {record["id"]: dict(record) for record in empty.scan(names)}
        assert scanned == {name: {"id": name, **record} for name, record in expected.items()}
        put(empty, upsert("1", version=5, price_minor=8))
        assert empty.fetch(["1"], names) == [{"title": "Product", "record_version": 5}]


class TombstoneContract:
    def test_no_read_shows_a_tombstone(self, empty: Engine) -> None:
        rows = [
            product(str(n), "lamp", brand="Blue", price_minor=n, in_stock=True, vectors={"dense": AXIS})
            for n in range(4)
        ]
        put(empty, *rows, price(9, id="0"))
        put(empty, Delete(id="0", version=5), Delete(id="2", version=5), Delete(id="never", version=5))
        left = ["1", "3"]
        assert graves(empty) == {"0": 5, "2": 5, "never": 5}
        assert text_ids(empty, "lamp") == left
        assert text_ids(empty, "0") == text_ids(empty, "never") == []
        assert sorted(found(empty, Vector(field="dense", vector=AXIS))) == left
        assert sorted(found(empty, Vector(field="dense", vector=AXIS), filter=NOT_RED)) == left
        for passing in (None, NOT_RED, And(parts=()), Not(part=Exists(field="popularity"))):
            assert found(empty, Everything(), filter=passing) == left
            assert empty.count(passing) == 2
            result = search(empty, Everything(), filter=passing, facets=(Facet(field="brand"),), fields=("brand",))
            assert result.total == 2
            assert [(c.value, c.count) for c in result.facets[0].counts] == [("Blue", 2)]
        assert ids(search(empty, Everything(), sort=(Sort(field="price_minor", descending=True),))) == ["3", "1"]
        [ranges] = search(empty, Everything(), k=0, facets=(Facet(field="price_minor", edges=(2.0,)),)).facets
        assert [c.count for c in ranges.counts] == [1, 1]
        assert empty.count(Term(field="id", value="0")) == 0
        assert empty.count(Range(field="version", gte=0)) == 0
        assert [empty.info().count, *(info.count for info in empty.indexes())] == [2, 2]
        assert empty.fetch(["0", "1", "never"], ["price_minor"]) == [None, {"price_minor": 1}, None]
        assert sorted(record["id"] for record in empty.scan(["price_minor"])) == left

    def test_tombstones_are_listed_with_their_time(self, empty: Engine) -> None:
        started = time.time()
        put(empty, upsert("1", version=1), upsert("2"), upsert("3"))
        longest = "x" * 500  # longer than what servers take for an id, in bytes, once it is escaped
        put(
            empty,
            Delete(id="1", version=2),
            Delete(id="2"),
            Delete(id="é/ü b", version=0),
            Delete(id=longest, version=3),
        )
        listed = sorted(empty.deleted(), key=lambda one: one.version)
        assert [(one.id, one.version) for one in listed] == [("é/ü b", 0), ("1", 2), (longest, 3)]
        assert all(started - 1 <= one.deleted_at <= time.time() + 1 for one in listed)
        assert list(empty.deleted(index=empty.info().name)) == list(empty.deleted())

    def test_the_higher_version_stays_and_keeps_its_time(self, empty: Engine) -> None:
        put(empty, Delete(id="1", version=5))
        [first] = empty.deleted()
        put(empty, Delete(id="1", version=4), Delete(id="1", version=5))
        assert list(empty.deleted()) == [first]
        put(empty, Delete(id="1", version=6))
        assert graves(empty) == {"1": 6}

    def test_a_tombstone_is_copied_with_its_time_and_the_fields_set_later(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        first, second = fresh.create(schema), fresh.create(schema)
        put(fresh, upsert("1", version=4), price(7, id="1"), Delete(id="1", version=5), index=first)
        [gone] = fresh.deleted(index=first)
        assert gone.kept == {"price_minor": Kept(value=7, version=7)}
        copy = replace(gone.write, deleted_at=gone.deleted_at - 1000)
        put(fresh, copy, upsert("2", version=6), replace(copy, id="2"), index=second)
        assert list(fresh.deleted(index=second)) == [replace(gone, deleted_at=gone.deleted_at - 1000)]
        assert fresh.prune_deleted(2000, index=second) == 0
        put(fresh, upsert("1", "six", version=6), index=second)
        fresh.swap(second)
        assert shown(fresh) == {"title": "six", "price_minor": 7, "version": 7}
        assert shown(fresh, "2") == {"title": "Product", "price_minor": 7, "version": 7}

    def test_a_tombstone_that_cannot_be_is_rejected(self, empty: Engine) -> None:
        later, title = {"price_minor": Kept(value=1, version=5)}, {"title": Kept(value="x", version=9)}
        wrong = [
            Delete(id="1", version=version, kept=kept) for version, kept in ((5, later), (None, later), (5, title))
        ]
        assert statuses(empty, *wrong) == [S.REJECTED] * 3

    def test_tombstones_belong_to_an_index(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        first, second = fresh.create(schema), fresh.create(schema)
        fresh.swap(first)
        put(fresh, Delete(id="1", version=5))
        put(fresh, *(Delete(id=one.id, version=one.version) for one in fresh.deleted()), index=second)
        put(fresh, Delete(id="2", version=1), index=second)
        assert {one.id for one in fresh.deleted(index=first)} == {"1"}
        assert {one.id for one in fresh.deleted(index=second)} == {"1", "2"}
        fresh.swap(second)
        assert statuses(fresh, upsert("1", version=4)) == [S.STALE]
        assert [info.count for info in fresh.indexes()] == [0, 0]

    @gap("exact", "never", "it lives in memory, so closing it loses everything", raises=NotFound)
    def test_tombstones_and_versions_are_there_when_opened_again(self, empty: Engine, store: Store) -> None:
        put(empty, upsert("1", version=1), upsert("2", "two", version=2), price(9, id="2"))
        put(empty, Delete(id="1", version=5))
        empty.close()
        with store.open(empty.name) as again:
            assert graves(again) == {"1": 5}
            assert statuses(again, upsert("1", version=4), upsert("2", "eight", version=8, price_minor=8)) == [
                S.STALE, S.UPDATED,
            ]  # fmt: skip
            assert shown(again, "2") == {"title": "eight", "price_minor": 7, "version": 9}

    @gap("exact", "never", "it lives in memory, so a second engine has products of its own", raises=NotFound)
    def test_a_second_engine_sees_the_tombstones(self, empty: Engine, store: Store) -> None:
        put(empty, upsert("1", version=1), Delete(id="1", version=5))
        with store.open(empty.name) as other:
            assert graves(other) == {"1": 5}
            assert other.count() == 0
            put(empty, upsert("1", version=6))
            assert graves(other) == {}
            try:
                assert statuses(other, upsert("1", version=5)) == [S.STALE]
            except EngineBusy:
                assert not other.capabilities.concurrent_writers


class PruneContract:
    def test_old_tombstones_are_forgotten(self, empty: Engine) -> None:
        put(empty, upsert("1", version=1), upsert("2", version=1))
        put(empty, Delete(id="1", version=5), Delete(id="never", version=5))
        assert empty.prune_deleted(3600) == 0
        assert graves(empty) == {"1": 5, "never": 5}
        assert empty.prune_deleted(0) == 2
        empty.refresh()
        assert graves(empty) == {}
        assert empty.prune_deleted(0) == 0
        assert sorted(found(empty, Everything())) == ["2"]
        assert statuses(empty, upsert("1", version=4)) == [S.CREATED]

    def test_a_product_that_came_back_is_no_tombstone_to_prune(self, empty: Engine) -> None:
        put(empty, Delete(id="1", version=5), Delete(id="2", version=5))
        list(empty.write([upsert("1", version=6)]))  # not refreshed: the list still shows the tombstone
        assert empty.prune_deleted(0) == 1
        empty.refresh()
        assert graves(empty) == {}
        assert shown(empty) == {"title": "Product", "version": 6}

    def test_only_those_of_one_index_and_only_old_ones_go(self, fresh: Engine) -> None:
        schema = contract_schema(fresh.capabilities)
        first, second = fresh.create(schema), fresh.create(schema)
        fresh.swap(first)
        put(fresh, Delete(id="1", version=5))
        put(fresh, Delete(id="1", version=5), index=second)
        time.sleep(0.3)
        put(fresh, Delete(id="2", version=5), index=second)
        assert fresh.prune_deleted(0.2, index=second) == 1
        fresh.refresh(index=second)
        assert {one.id for one in fresh.deleted(index=second)} == {"2"}
        assert {one.id for one in fresh.deleted()} == {"1"}

    def test_more_tombstones_than_fit_a_page(self, empty: Engine) -> None:
        put(empty, *(Delete(id=f"{n:05d}", version=n) for n in range(2_300)))
        assert graves(empty) == {f"{n:05d}": n for n in range(2_300)}
        assert empty.prune_deleted(0) == 2_300
        empty.refresh()
        assert graves(empty) == {}

    @pytest.mark.parametrize("age", [-1.0, float("nan")])
    def test_a_time_to_come_is_refused(self, empty: Engine, age: float) -> None:
        with pytest.raises(InvalidInput, match="older"):
            empty.prune_deleted(age)
