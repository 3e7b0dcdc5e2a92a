"""Reading back: fetch by id, scan everything, count."""

from __future__ import annotations

import pytest

from multirecall.core.filters import Term
from multirecall.engines.base import Engine
from multirecall.engines.fields import STORED_FIELDS
from tests.contract.asking import put
from tests.contract.shop import CROWD, NO_VECTOR, shop_products
from tests.support.records import product

__all__ = ["CountContract", "FetchContract", "ScanContract"]


class FetchContract:
    def test_records_come_in_the_order_asked_for(self, shop: Engine) -> None:
        records = shop.fetch(["p05", "nobody", "p01", "p05"], ["id", "price_minor"])
        assert records == [
            {"id": "p05", "price_minor": 999}, None, {"id": "p01", "price_minor": 24999},
            {"id": "p05", "price_minor": 999},
        ]  # fmt: skip

    def test_nothing_asked_for_gives_nothing(self, shop: Engine) -> None:
        assert shop.fetch([]) == []

    def test_the_whole_product_comes_back_as_it_was_written(self, shop: Engine) -> None:
        written = {row.id: row.fields for row in shop_products()}
        for record in shop.fetch(list(written)):
            assert record is not None
            expected = {k: v for k, v in written[record["id"]].items() if k in STORED_FIELDS}
            assert {k: list(v) if isinstance(v, tuple) else v for k, v in record.items()} == expected

    def test_vectors_come_only_when_asked_for(self, shop: Engine) -> None:
        [record] = shop.fetch(["p01"])
        assert record is not None
        assert not any("vector" in name for name in record)
        vectors = {row.id: row.vectors.get("dense") for row in shop_products()}
        records = shop.fetch(list(vectors), ["vectors.dense"])
        for (name, expected), found in zip(vectors.items(), records, strict=True):
            if name == NO_VECTOR:
                assert found == {}
            else:
                assert expected is not None
                assert found is not None
                assert list(found) == ["vectors.dense"]
                assert all(type(value) is float for value in found["vectors.dense"])
                assert found["vectors.dense"] == pytest.approx(expected.tolist(), abs=1e-6)

    def test_many_at_once(self, crowd: Engine) -> None:
        wanted = [f"c{n:05d}" for n in range(0, CROWD, 4)] + ["x"]
        records = crowd.fetch(wanted, ["id", "price_minor"])
        assert [r and r["id"] for r in records] == [*wanted[:-1], None]
        assert records[1] == {"id": "c00004", "price_minor": 4}

    def test_index_fields_can_be_fetched_by_name(self, empty: Engine) -> None:
        put(empty, product("1", content_hash="abc", url="https://x.example/?a=1&b=2", identifiers=("LJ-4250",)))
        [record] = empty.fetch(["1"], ["content_hash", "url", "identifiers", "codes"])
        assert record is not None
        assert record["content_hash"] == "abc"
        assert record["url"] == "https://x.example/?a=1&b=2"
        assert list(record["identifiers"]) == ["LJ-4250"]
        assert "lj4250" in record["codes"]


class ScanContract:
    def test_every_product_once_with_its_id(self, crowd: Engine) -> None:
        records = list(crowd.scan(["price_minor"]))
        assert len(records) == CROWD
        assert {r["id"]: r["price_minor"] for r in records} == {f"c{n:05d}": n for n in range(CROWD)}

    def test_vectors_on_request(self, shop: Engine) -> None:
        records = {r["id"]: r for r in shop.scan(["brand", "vectors.dense"])}
        assert set(records) == {row.id for row in shop_products()}
        for row in shop_products():
            if row.id == NO_VECTOR:
                assert records[row.id] == {"id": row.id, "brand": "Lenovo"}
            else:
                assert records[row.id]["vectors.dense"] == pytest.approx(row.vectors["dense"].tolist(), abs=1e-6)

    def test_an_empty_index_has_nothing_to_scan(self, empty: Engine) -> None:
        assert list(empty.scan(["title"])) == []

    def test_a_scan_may_be_left_early(self, crowd: Engine) -> None:
        scan = crowd.scan(["title"])
        assert next(iter(scan))["id"]
        del scan
        assert crowd.count() == CROWD

    def test_writing_while_scanning_harms_neither(self, empty: Engine) -> None:
        put(empty, *(product(f"{n:04d}", price_minor=n) for n in range(1500)))
        seen = []
        for record in empty.scan(["price_minor"]):
            seen.append(record["id"])
            if len(seen) in (1, 700):
                put(empty, product(f"new{len(seen)}"))
        assert len(seen) == len(set(seen))
        assert {f"{n:04d}" for n in range(1500)} <= set(seen)
        assert empty.count() == 1502


class CountContract:
    def test_count_follows_the_refresh(self, empty: Engine) -> None:
        assert empty.count() == 0
        put(empty, product("1", brand="Bosch"), product("2"))
        assert empty.count() == 2
        assert empty.count(Term(field="brand", value="Bosch")) == 1
        assert empty.info().count == 2

    def test_size_on_disk_is_told_where_there_is_a_disk(self, crowd: Engine) -> None:
        info = crowd.info()
        assert info.count == CROWD
        assert (info.bytes > 100_000) == crowd.capabilities.persistent
