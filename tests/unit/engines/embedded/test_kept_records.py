"""Records that were read lately are kept with their snapshot: never older than the last refresh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from multirecall.engines.base import Delete, Engine
from multirecall.engines.embedded import EmbeddedEngine, snapshot
from multirecall.engines.schema import Schema
from tests.support.records import upsert


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with EmbeddedEngine.open(tmp_path / "shop", name="shop", create=True) as engine:
        index = engine.create(Schema())
        put(engine, "p1", 100, index=index)
        engine.swap(index)
        yield engine


def put(engine: Engine, product_id: str, price_minor: int, *, index: str | None = None) -> None:
    assert all(result.ok for result in engine.write([upsert(product_id, "Lamp", price_minor=price_minor)], index=index))
    engine.refresh(index=index)


def prices(engine: Engine, *ids: str) -> list[int | None]:
    return [None if record is None else record["price_minor"] for record in engine.fetch(ids)]


def test_a_change_is_seen_with_the_refresh_also_by_a_second_reader(engine: Engine, tmp_path: Path) -> None:
    with EmbeddedEngine.open(tmp_path / "shop", name="shop") as reader:
        for price in (200, 300):
            assert prices(engine, "p1", "p2", "p1") == prices(reader, "p1", "p2", "p1")
            put(engine, "p1", price)
            assert prices(engine, "p1", "p2") == prices(reader, "p1", "p2") == [price, None]
        put(engine, "p2", 5)
        assert prices(reader, "p2", "p1") == [5, 300]
        assert all(result.ok for result in engine.write([Delete(id="p1")]))
        engine.refresh()
        assert prices(reader, "p1", "p2") == [None, 5]


def test_what_a_caller_does_to_a_record_stays_with_the_caller(engine: Engine) -> None:
    [record] = engine.fetch(["p1"])
    assert isinstance(record, dict)
    record["price_minor"] = 0
    assert prices(engine, "p1") == [100]


def test_fields_that_were_asked_for_are_read_anew(engine: Engine) -> None:
    assert prices(engine, "p1") == [100]
    assert engine.fetch(["p1"], ["title"]) == [{"title": "Lamp"}]


def test_no_more_are_kept_than_there_is_room_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "_KEPT_RECORDS", 3)
    for n in range(10):
        assert prices(engine, f"x{n}", "p1") == [None, 100]
    assert isinstance(engine, EmbeddedEngine)
    assert len(engine._snapshot(None).records) <= 3
