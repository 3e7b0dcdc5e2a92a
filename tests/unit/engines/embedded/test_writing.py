from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from multirecall.core.filters import Range, Term
from multirecall.engines.base import Delete, IndexedProduct, Text, Update, Upsert, WriteStatus
from tests.unit.engines.embedded.making import make_engine, near, product, put, schema, search, unit_vectors

VECTORS = unit_vectors(1, 5)


def _rows_bytes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.glob("products-*/rows/*/*")}


def _versioned(version: float) -> Upsert:
    """The version in the record, where the writer did not check it."""
    return Upsert(product=IndexedProduct(id="a", fields={"version": version}))


def _statuses(results: Any) -> list[str]:
    return [result.status for result in results]


def test_a_partial_update_touches_no_vector(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product(f"p{n}", v, price_minor=n, currency="EUR") for n, v in enumerate(VECTORS)])
        before = _rows_bytes(tmp_path)
        put(engine, [Update(id="p1", fields={"price_minor": 99, "in_stock": True, "currency": None})])
        assert _rows_bytes(tmp_path) == before
        [record] = engine.fetch(["p1"], ["price_minor", "in_stock", "currency", "vectors.dense", "title"])
        assert record is not None
        np.testing.assert_allclose(record["vectors.dense"], VECTORS[1], atol=1e-7)
        assert {**record, "vectors.dense": 0} == {
            "price_minor": 99,
            "in_stock": True,
            "title": "lamp",
            "vectors.dense": 0,
        }
        assert search(engine, near(VECTORS[1])).hits[0].id == "p1"
        assert engine.count(Term(field="price_minor", value=1)) == 0
        assert engine.count(Term(field="price_minor", value=99)) == 1


@pytest.mark.parametrize("refreshed", [True, False])
def test_a_lower_version_is_stale_also_within_a_batch(tmp_path: Path, refreshed: bool) -> None:
    with make_engine(tmp_path) as engine:
        list(engine.write([product("a", version=5), product("b")]))
        if refreshed:
            engine.refresh()
        results = engine.write(
            [
                product("a", version=4, title="old"),
                Update(id="a", fields={"price_minor": 1}, version=4),
                Delete(id="a", version=4),
                product("a", version=5, title="same"),
                product("b", version=0, title="first version"),
                product("a", title="no version overwrites"),
                product("a", version=0),
            ]
        )
        stale, updated = WriteStatus.STALE, WriteStatus.UPDATED
        assert _statuses(results) == [stale, stale, stale, updated, updated, updated, updated]
        engine.refresh()
        assert engine.count() == 2


def test_the_last_write_of_an_id_wins_within_a_batch(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        results = put(
            engine,
            [
                product("a", VECTORS[0], title="one"),
                Update(id="a", fields={"price_minor": 7}),
                product("b", VECTORS[1]),
                Delete(id="b"),
                Update(id="b", fields={"price_minor": 7}),
                Delete(id="b"),
                product("a", VECTORS[2], title="two"),
                Update(id="a", fields={"popularity": 2.5}),
                product("c"),
                Delete(id="c"),
                product("c", title="three"),
            ],
        )
        assert _statuses(results) == [
            "created", "updated", "created", "deleted", "missing", "missing", "updated", "updated", "created",
            "deleted", "created",
        ]  # fmt: skip
        assert [r.ok for r in results] == [True] * 4 + [False] + [True] * 6
        assert engine.fetch(["a", "b", "c"], ["title", "price_minor", "popularity"]) == [
            {"title": "two", "popularity": 2.5}, None, {"title": "three"},
        ]  # fmt: skip
        assert [h.id for h in search(engine, near(VECTORS[2])).hits] == ["a"]
        assert search(engine, Text(text="one")).total == 0


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (product("x" * 513), "512"),
        (product("a\nb"), "control character"),
        (product("a\x00"), "control character"),
        (product("a", version=2**63), "version"),
        (product("a", VECTORS[0][:3]), "shape"),
        (product("a", attributes={"x": "\ud800"}), "cannot be stored"),
        (product("a", attributes={"x": object()}), "cannot be stored"),
        (product("a", attribute_names=[3]), "cannot be stored"),
        (_versioned(1.5), "whole number"),
        (_versioned(1e30), "whole number"),
        (Update(id="good", fields={"title": "x"}), "partial update"),
    ],
)  # fmt: skip
def test_a_bad_write_fails_alone(tmp_path: Path, bad: Upsert | Update, says: str) -> None:
    with make_engine(tmp_path) as engine:
        first, rejected, last = put(engine, [product("good", VECTORS[0]), bad, product("last", VECTORS[1])])
        assert (first.status, rejected.status, last.status) == ("created", "rejected", "created")
        assert not rejected.ok
        assert says in rejected.error
        assert engine.count() == 2
        assert [h.id for h in search(engine, near(VECTORS[1]), 1).hits] == ["last"]


def test_numbers_at_the_edge_are_kept_and_found(tmp_path: Path) -> None:
    with make_engine(tmp_path) as engine:
        put(engine, [product("a", popularity=-0.0, price_minor=0, version=2**63 - 1), product("b", popularity=1e308)])
        for field, value, found in (
            ("popularity", 0, 1), ("popularity", 0.0, 1), ("price_minor", -0.0, 1), ("popularity", 10**400, 0),
            ("popularity", 1e308, 1), ("version", 2**63 - 1, 1),
        ):  # fmt: skip
            assert engine.count(Term(field=field, value=value)) == found, (field, value)
        assert _statuses(engine.write([product("a", version=2**63 - 2)])) == ["stale"]


def test_results_come_while_writes_are_read(tmp_path: Path) -> None:
    taken = 0

    def endless():  # type: ignore[no-untyped-def]
        nonlocal taken
        while True:
            taken += 1
            yield product(f"p{taken}")

    with make_engine(tmp_path) as engine:
        results = engine.write(endless())
        assert [next(results).id for _ in range(3)] == ["p1", "p2", "p3"]
        assert taken <= 128  # a chunk, however long the stream is


_CHANGES: list[dict[str, Any]] = [
    {"price_minor": 1_234, "popularity": 1698.6177391999279, "in_stock": False},
    {"price_minor": None, "currency": "SEK", "updated_at": 1.75e9},
    {"price_minor": 77, "currency": None},
]


@pytest.mark.parametrize("refreshed", [True, False])
def test_an_updated_product_is_the_one_that_an_upsert_would_have_made(tmp_path: Path, refreshed: bool) -> None:
    fields: dict[str, Any] = {
        "title": "Lampe für Küchen", "description": "warm light " * 40, "brand": "Ørsted",
        "category": ["Home", "Home > Lamps"],
        "codes": ["LX-100", "lx100"], "attributes_text": ["Color Type red", "Watt 0.1"], "currency": "EUR",
        "attribute_pairs": ["Color Type=red"], "attribute_names": ["Color Type", "Watt"],
        "attribute_numbers": {"Watt": 0.1 + 0.2, "Depth": 23957.515365261122}, "price_minor": 5,
        "match_text": "lamp\t\t\t\t",
    }  # fmt: skip
    used = schema(numeric_attributes=("Watt", "Depth"))
    merged = {**fields, **_CHANGES[0], **_CHANGES[1], **_CHANGES[2]}
    with make_engine(tmp_path / "updated", used) as updated, make_engine(tmp_path / "upserted", used) as upserted:
        list(updated.write([product("a", VECTORS[0], **fields), product("b", VECTORS[1], title="chair")]))
        for change in _CHANGES:
            if refreshed:
                updated.refresh()
            list(updated.write([Update(id="a", fields=change)]))
        updated.refresh()
        put(upserted, [product("a", VECTORS[0], **merged), product("b", VECTORS[1], title="chair")])
        names = ["match_text", "vectors.dense", *(name for name in merged if name != "match_text")]
        assert updated.fetch(["a", "b"], names) == upserted.fetch(["a", "b"], names)
        words = ["lampe", "kuchen", "warm", "orsted", "lamps", "red"]
        for clause in [*(Text(text=word) for word in words), Text(text="", codes=("lx100",))]:
            assert [hit.id for hit in search(updated, clause).hits] == ["a"], clause
            assert [hit.id for hit in search(upserted, clause).hits] == ["a"], clause
        for name, value in [
            ("popularity", 1698.6177391999279), ("price_minor", 77), ("in_stock", False), ("updated_at", 1.75e9),
            ("attributes.Color Type", "red"), ("brand", "Ørsted"), ("category", "Home"),
        ]:  # fmt: skip
            assert updated.count(Term(field=name, value=value)) == 1, name
        for name, number in fields["attribute_numbers"].items():  # not off by one bit
            assert updated.count(Range(field=f"attributes.{name}", gte=number, lte=number)) == 1, name
        assert updated.count(Term(field="currency", value="EUR")) == 0
