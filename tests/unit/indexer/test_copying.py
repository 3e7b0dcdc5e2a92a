"""The live index into a new one, over the exact and the embedded engine: whole, with its versions, or not at all."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from multirecall.core.errors import EngineError, InvalidInput, InvalidMapping, NotFound
from multirecall.encoders.base import Float32Array
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import Delete, Engine, Update, Write, WriteResult, WriteStatus
from multirecall.engines.opening import open_engine
from multirecall.engines.schema import Schema
from multirecall.indexer.build import BuildOptions, build
from multirecall.indexer.copying import CopyReport, copy_batches, copy_live, copy_tombstones, mapping_of
from multirecall.indexer.items import CopyItem
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.progress import BuildProgress
from multirecall.indexer.sources import Records
from tests.support.records import upsert

MAPPING = FieldMapping.from_dict(
    {
        "id": "id", "title": "title", "description": "text", "price": "price", "version": "rev", "in_stock": "stock",
        "attributes": {"fields": ["width"]}, "allow_missing_fields": True,
    }
    | {"price": {"field": "price", "currency": "EUR"}}
)  # fmt: skip
PRODUCTS = 40


class CountingEncoder(HashingEncoder):
    def __init__(self, dim: int = 32) -> None:
        super().__init__(dim=dim)
        self.texts: list[str] = []

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        self.texts.extend(texts)
        return super().encode_products(texts)


@pytest.fixture(params=["exact", "embedded"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = "exact:shop" if request.param == "exact" else f"embedded:{tmp_path / 'shop'}"
    with open_engine(url, create=True) as engine:
        yield engine


@pytest.fixture
def encoder() -> CountingEncoder:
    return CountingEncoder()


@pytest.fixture
def live(engine: Engine, encoder: CountingEncoder) -> str:
    """A live index of PRODUCTS, all of version 10; p1 was updated, p2 deleted at version 20."""
    rows: list[dict[str, Any]] = [
        {"id": f"p{n}", "title": f"Lamp {n}", "text": "Bright", "price": n, "rev": 10, "width": n}
        for n in range(PRODUCTS)
    ]
    index = build(engine, Records(rows), encoders={"dense": encoder}, mapping=MAPPING).index
    changes: list[Write] = [
        Update(id="p1", fields={"price_minor": 7}, version=20),
        Update(id="p1", fields={"in_stock": True}, version=15),
        Delete(id="p2", version=20),
    ]
    assert all(result.ok for result in engine.write(changes))
    encoder.texts.clear()
    return index


def copy(engine: Engine, encoder: HashingEncoder, **options: Any) -> CopyReport:
    return copy_live(engine, encoders={"dense": encoder}, batch_rows=16, **options)


def everything(engine: Engine) -> dict[str, dict[str, Any]]:
    names = ["title", "description", "price_minor", "currency", "in_stock", "attributes", "record_version"]
    names += ["version", "field_versions", "content_hash", "match_text", "vectors.dense"]
    return {record["id"]: dict(record) for record in engine.scan(names)}


def state(engine: Engine) -> list[tuple[str, bool]]:
    return [(info.name, info.live) for info in engine.indexes()]


def test_a_copy_holds_the_same_products_versions_and_vectors(
    engine: Engine, live: str, encoder: CountingEncoder
) -> None:
    engine.refresh()
    before = everything(engine)
    vectors = {product_id: record.pop("vectors.dense") for product_id, record in before.items()}
    report = copy(engine, encoder)
    after = everything(engine)
    for product_id, record in after.items():
        assert record.pop("vectors.dense") == pytest.approx(
            vectors[product_id], abs=1e-6
        )  # scaled to length 1 once more
    assert after == before
    assert len(before) == PRODUCTS - 1
    assert before["p1"]["field_versions"] == {"price_minor": 20, "in_stock": 15}
    assert (report.products, report.reused, report.encoded) == (PRODUCTS - 1, PRODUCTS - 1, 0)
    assert (report.previous, report.dropped) == (live, ())
    assert encoder.texts == []
    assert state(engine) == [(live, False), (report.index, True)]


def test_writes_that_no_search_sees_yet_are_copied_too(engine: Engine, live: str, encoder: CountingEncoder) -> None:
    copy(engine, encoder)
    found = everything(engine)
    assert "p2" not in found
    assert found["p1"]["price_minor"] == 7


def test_late_changes_find_the_versions_of_before(engine: Engine, live: str, encoder: CountingEncoder) -> None:
    copy(engine, encoder)
    late: list[Write] = [
        upsert("p2", "Old lamp", version=15),
        Update(id="p1", fields={"price_minor": 1}, version=18),
        Update(id="p1", fields={"in_stock": False}, version=17),
        upsert("p3", "Old lamp", version=9),
    ]
    assert [result.status for result in engine.write(late)] == ["stale", "stale", "updated", "stale"]
    assert {one.id: one.version for one in engine.deleted()} == {"p2": 20}


def test_another_encoder_makes_all_vectors_anew(engine: Engine, live: str) -> None:
    other = CountingEncoder(dim=64)
    report = copy(engine, other)
    assert (report.encoded, report.reused) == (PRODUCTS - 1, 0)
    assert len(other.texts) == PRODUCTS - 1
    assert {len(record["vectors.dense"]) for record in everything(engine).values()} == {64}


def test_another_template_makes_all_vectors_anew(engine: Engine, live: str, encoder: CountingEncoder) -> None:
    report = copy(engine, encoder, mapping=MAPPING.model_copy(update={"text": "{title}"}))
    assert report.encoded == PRODUCTS - 1
    assert sorted(encoder.texts)[0] == "Lamp 0"


def test_without_encoders_the_copy_has_no_vectors(engine: Engine, live: str) -> None:
    report = copy_live(engine, encoders={})
    assert (report.encoded, report.reused) == (0, 0)
    assert engine.info().schema.vectors == ()


def test_a_gate_that_raises_leaves_the_live_index_alone(engine: Engine, live: str, encoder: CountingEncoder) -> None:
    seen: list[tuple[str, str]] = []

    def gate(old: str, new: str) -> None:
        seen.append((old, new))
        assert engine.count(index=new) == PRODUCTS - 1  # complete
        raise InvalidInput("worse")

    with pytest.raises(InvalidInput, match="worse"):
        copy(engine, encoder, on_ready=gate)
    assert seen[0][0] == live
    assert state(engine) == [(live, True)]


def test_ctrl_c_leaves_the_live_index_alone(engine: Engine, live: str, encoder: CountingEncoder) -> None:
    def interrupted(progress: BuildProgress) -> None:
        if progress.written:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(engine, encoder, on_progress=interrupted)
    assert state(engine) == [(live, True)]


def test_a_product_that_will_not_go_in_stops_the_copy(
    engine: Engine, live: str, encoder: CountingEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = engine.write

    def refusing(writes: Any, *, index: str | None = None) -> Iterator[WriteResult]:
        for result in write(writes, index=index):
            yield result if result.id != "p7" else WriteResult(id="p7", ok=False, status="rejected", error="too red")

    monkeypatch.setattr(type(engine), "write", lambda self, writes, *, index=None: refusing(writes, index=index))
    with pytest.raises(EngineError, match="'p7' could not be copied: too red"):
        copy(engine, encoder)
    monkeypatch.undo()
    assert state(engine) == [(live, True)]


def test_old_generations_go_beyond_those_that_are_kept(engine: Engine, live: str, encoder: CountingEncoder) -> None:
    second = copy(engine, encoder, keep=2)
    third = copy(engine, encoder, keep=2)
    assert third.dropped == (live,)
    assert state(engine) == [(second.index, False), (third.index, True)]
    fourth = copy(engine, encoder, keep=1)
    assert set(fourth.dropped) == {second.index, third.index}
    assert state(engine) == [(fourth.index, True)]


def test_progress_says_how_far_it_is(engine: Engine, live: str, encoder: CountingEncoder) -> None:
    engine.refresh()
    told: list[BuildProgress] = []
    copy(engine, encoder, on_progress=told.append)
    assert [one.stage for one in told] == ["writing"] * 3 + ["verifying"]
    assert [one.written for one in told] == [16, 32, PRODUCTS - 1, PRODUCTS - 1]
    assert told[-1].share == 1.0


def test_there_must_be_something_to_copy(engine: Engine, encoder: CountingEncoder) -> None:
    with pytest.raises(NotFound, match="no index to rebuild from"):
        copy(engine, encoder)


def test_an_index_that_does_not_know_its_mapping_cannot_be_copied(engine: Engine, encoder: CountingEncoder) -> None:
    engine.swap(engine.create(Schema()))
    with pytest.raises(InvalidInput, match="by which mapping") as caught:
        copy(engine, encoder)
    assert "rebuild SOURCE" in caught.value.hint
    assert len(engine.indexes()) == 1


def test_the_mapping_of_an_index_is_the_one_it_was_made_by(engine: Engine, live: str) -> None:
    assert mapping_of(engine.info()) == MAPPING


@pytest.mark.parametrize(
    ("rows", "n_bytes", "sizes"), [(16, 10**9, [16, 16, 7]), (10**6, 10**9, [39]), (100, 1, [1] * 39)]
)
def test_batches_are_bounded_by_rows_and_bytes(
    engine: Engine, live: str, rows: int, n_bytes: int, sizes: list[int]
) -> None:
    engine.refresh()
    batches = list(copy_batches(engine, live, rows=rows, n_bytes=n_bytes))
    assert [len(items) for items in batches] == sizes
    items = {item.id: item for batch in batches for item in batch}
    assert items["p3"] == CopyItem(
        id="p3",
        record={
            "id": "p3", "title": "Lamp 3", "description": "Bright", "price_minor": 300, "currency": "EUR",
            "attributes": {"width": 3.0},
        },
        record_version=10,
    )  # fmt: skip
    assert items["p1"].field_versions == {"price_minor": 20, "in_stock": 15}


def test_tombstones_are_counted_and_carry_their_versions(engine: Engine, live: str) -> None:
    engine.refresh()
    new = engine.create(Schema())
    assert copy_tombstones(engine, live, new) == 1
    engine.refresh(index=new)
    assert [(one.id, one.version) for one in engine.deleted(index=new)] == [("p2", 20)]


def test_old_tombstones_are_not_copied(engine: Engine, live: str) -> None:
    day, now = 86_400, time.time()
    made = {"young": now - 20 * day, "old": now - 40 * day}
    assert all(r.ok for r in engine.write([Delete(id=one, version=5, deleted_at=at) for one, at in made.items()]))
    engine.refresh()
    first, second, none = (engine.create(Schema()) for _ in range(3))
    assert copy_tombstones(engine, live, first) == 2
    engine.refresh(index=first)
    assert {one.id: one.deleted_at for one in engine.deleted(index=first) if one.id != "p2"} == {"young": made["young"]}
    assert copy_tombstones(engine, first, second, keep_s=10 * day) == 1  # a copy makes none of them younger
    assert copy_tombstones(engine, live, none, keep_s=0.0) == 0


def test_fields_set_later_than_the_delete_outlive_a_rebuild(engine: Engine, live: str) -> None:
    """Record 4, price 7, delete 5, a rebuild, record 6: the price is that of 7, as without the rebuild."""
    price = Update(id="new", fields={"price_minor": 7}, version=7)
    writes = [upsert("new", version=4), price, Delete(id="new", version=5)]
    assert all(result.ok for result in engine.write(writes))
    copy_live(engine, encoders={})
    assert [result.status for result in engine.write([upsert("new", "six", version=6)])] == [WriteStatus.CREATED]
    engine.refresh()
    [record] = engine.fetch(["new"], ["title", "price_minor", "version"])
    assert record is not None
    assert (record["title"], record["price_minor"], record["version"]) == ("six", 7, 7)


def test_versions_of_the_shop_and_those_of_the_clock_do_not_mix(engine: Engine, live: str) -> None:
    unversioned = MAPPING.model_copy(update={"version": ()})
    with pytest.raises(InvalidMapping, match="Name a source"):
        copy_live(engine, encoders={}, mapping=unversioned)
    assert [info.name for info in engine.indexes()] == [live]
    new = build(
        engine,
        Records([{"id": "p2", "title": "Again"}]),
        encoders={},
        mapping=unversioned,
        options=BuildOptions(allow_shrink=True),
    ).index
    assert list(engine.deleted(index=new)) == []


def test_a_copy_after_an_unversioned_build_takes_changes_of_the_clock(engine: Engine) -> None:
    rows = Records([{"id": "1", "title": "Lamp"}, {"id": "2", "title": "Table"}])
    build(engine, rows, encoders={}, mapping=MAPPING.model_copy(update={"version": ()}), options=BuildOptions(keep=1))
    assert all(result.ok for result in engine.write([Update(id="1", fields={"price_minor": 5}, version=1000)]))
    copy_live(engine, encoders={}, keep=1)
    late = [Update(id="1", fields={"in_stock": True}, version=900), Delete(id="2", version=900)]
    assert [result.status for result in engine.write(late)] == ["updated", "deleted"]
