"""Items into an index, over the exact engine: one outcome each, vectors made only where nothing holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from multirecall.core.errors import EncoderError, FingerprintMismatch
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.encoders.hashing import HashingEncoder
from multirecall.engines.base import IndexInfo, WriteResult
from multirecall.engines.exact import ExactEngine
from multirecall.engines.schema import Schema, VectorField
from multirecall.indexer.applying import Applied, Applier, Outcome, OutcomeKind, product_of_record, worst
from multirecall.indexer.items import CopyItem, DeleteItem, Item, RowItem, UpdateItem
from multirecall.indexer.mapping import Mapping as FieldMapping
from multirecall.indexer.new_schema import IndexShape, new_schema
from multirecall.indexer.projection import to_record

MAPPING = FieldMapping.from_dict(
    {
        "id": "id", "title": "title", "description": "text", "brand": "brand", "category": {"field": ["area", "kind"]},
        "price": {"field": "price", "currency": "EUR"}, "in_stock": "stock", "popularity": "sold", "url": "link",
        "updated_at": "changed", "identifiers": "mpn", "attributes": {"fields": ["width", "colour", "lit"]},
        "numeric_attributes": ["width"], "image_url": "image", "allow_missing_fields": True,
    }
)  # fmt: skip
TITLES_ONLY = FieldMapping.from_dict({"id": "id", "title": "name", "allow_missing_fields": True})


class CountingEncoder(HashingEncoder):
    """Remembers what it encoded."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__(dim=dim)
        self.texts: list[str] = []

    def encode_products(self, texts: Sequence[str]) -> Float32Array:
        self.texts.extend(texts)
        return super().encode_products(texts)


class Cache:
    """A VectorCache in memory."""

    def __init__(self) -> None:
        self.held: dict[tuple[str, str], Float32Array] = {}

    def get(self, fingerprint: str, hashes: Sequence[str], dim: int) -> dict[str, Float32Array]:
        return {one: self.held[fingerprint, one] for one in hashes if (fingerprint, one) in self.held}

    def put(self, fingerprint: str, vectors: Mapping[str, Float32Array]) -> None:
        self.held |= {(fingerprint, one): vector for one, vector in vectors.items()}


@pytest.fixture
def engine() -> Iterator[ExactEngine]:
    with ExactEngine("shop") as engine:
        yield engine


def add_index(
    engine: ExactEngine, mapping: FieldMapping = MAPPING, encoders: Mapping[str, Encoder] | None = None
) -> IndexInfo:
    """A new, empty index by the mapping and the encoders."""
    schema = new_schema(engine, mapping, encoders or {}, IndexShape(), suggested=False, sources=(), mark={})
    return engine.info(index=engine.create(schema))


def no_encoder(field: VectorField, schema: Schema) -> Encoder:
    raise AssertionError("no vector is to be made")


def apply(engine: ExactEngine, index: IndexInfo, *items: Item, **options: Any) -> Applied:
    """Applies the items and refreshes."""
    encoder = options.pop("encoder", None)
    encoder_of = no_encoder if encoder is None else lambda field, schema: encoder
    applied = Applier(engine, encoder_of=encoder_of, cache=options.pop("cache", None)).apply(items, index, **options)
    engine.refresh(index=index.name)
    return applied


def row(id: str = "1", title: str = "Lamp", *, version: int | None = None, **fields: Any) -> RowItem:
    return RowItem(id=id, row={"id": id, "title": title, **fields}, version=version)


def kinds(applied: Applied) -> list[str]:
    return [outcome.kind.value for outcome in applied.outcomes]


def stored(engine: ExactEngine, index: IndexInfo, id: str = "1") -> dict[str, Any] | None:
    names = ["title", "price_minor", "in_stock", "record_version", "field_versions"]
    [record] = engine.fetch([id], names, index=index.name)
    return None if record is None else dict(record)


# ---------------------------------------------------------------- what goes in


def test_rows_become_products_at_their_versions(engine: ExactEngine) -> None:
    index = add_index(engine)
    applied = apply(engine, index, row(price="9.90", version=5), row("2", "Table"))
    assert kinds(applied) == ["done", "done"]
    assert stored(engine, index) == {"title": "Lamp", "price_minor": 990, "record_version": 5}
    assert stored(engine, index, "2") == {"title": "Table"}
    assert dict(applied.written) == {"created": 2}


@pytest.mark.parametrize(("own", "given", "expected"), [(None, None, None), (None, 7, 7), (3, 7, 3), (0, 7, 0)])
def test_a_row_without_a_version_gets_that_of_its_build(
    engine: ExactEngine, own: int | None, given: int | None, expected: int | None
) -> None:
    index = add_index(engine)
    apply(engine, index, row(version=own), unversioned=given)
    record = stored(engine, index)
    assert record is not None
    assert record.get("record_version") == expected


def test_a_version_that_the_mapping_reads_counts_unless_the_item_has_one(engine: ExactEngine) -> None:
    index = add_index(engine, FieldMapping.from_dict({"id": "id", "title": "title", "version": "rev"}))
    apply(engine, index, row("1", rev=4), row("2", rev=4, version=9), unversioned=7)
    records = engine.fetch(["1", "2"], ["record_version"], index=index.name)
    assert records == [{"record_version": 4}, {"record_version": 9}]


def test_what_is_older_than_what_is_there_is_stale_and_changes_nothing(engine: ExactEngine) -> None:
    index = add_index(engine)
    items = [row(version=5), row(title="Old", version=4), UpdateItem(id="1", fields={"price_minor": 1}, version=3)]
    assert kinds(apply(engine, index, *items)) == ["done", "stale", "stale"]
    assert stored(engine, index) == {"title": "Lamp", "record_version": 5}


def test_applying_a_batch_twice_changes_nothing(engine: ExactEngine) -> None:
    index = add_index(engine)
    items = [row(version=3), UpdateItem(id="1", fields={"price_minor": 5}, version=4), DeleteItem(id="2", version=4)]
    apply(engine, index, *items)
    once = stored(engine, index)
    assert kinds(apply(engine, index, *items)) == ["done", "done", "done"]
    assert stored(engine, index) == once == {
        "title": "Lamp", "price_minor": 5, "record_version": 3, "field_versions": {"price_minor": 4}
    }  # fmt: skip


def test_an_update_of_a_product_that_is_not_there_is_missing_and_a_delete_is_done(engine: ExactEngine) -> None:
    index = add_index(engine)
    applied = apply(
        engine, index, UpdateItem(id="1", fields={"price_minor": 1}, version=3), DeleteItem(id="1", version=4)
    )
    assert kinds(applied) == ["missing", "done"]
    assert applied.outcomes[0].field == "id"
    assert "no product" in applied.outcomes[0].error
    assert [(one.id, one.version) for one in engine.deleted(index=index.name)] == [("1", 4)]


def test_one_id_several_times_in_a_batch_is_applied_in_order(engine: ExactEngine) -> None:
    index = add_index(engine)
    applied = apply(
        engine, index, row(title="One"), DeleteItem(id="1"), row(title="Two"), row(title="Three"),
        UpdateItem(id="1", fields={"in_stock": True}),
    )  # fmt: skip
    assert kinds(applied) == ["done"] * 5
    assert stored(engine, index) == {"title": "Three", "in_stock": True}


def test_refused_rows_say_which_field_and_the_others_go_in(engine: ExactEngine) -> None:
    index = add_index(engine)
    bad = [RowItem(id="2", row={"id": "2"}), RowItem(id="3", row={"title": "Lamp"})]
    applied = apply(engine, index, row(), *bad, row("4"))
    assert kinds(applied) == ["done", "refused", "refused", "done"]
    assert [outcome.field for outcome in applied.outcomes] == ["", "title", "id", ""]
    assert applied.outcomes[1].error == "title: neither title nor description"
    assert engine.count(index=index.name) == 2


def test_what_the_engine_refuses_is_refused_with_its_reason(engine: ExactEngine) -> None:
    index = add_index(engine)
    applied = apply(engine, index, row(), UpdateItem(id="1", fields={"title": "New"}, version=1))
    assert kinds(applied) == ["done", "refused"]
    assert "title" in applied.outcomes[1].error


def test_a_write_that_fails_for_now_is_no_refusal(engine: ExactEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    index = add_index(engine)

    def failing(writes: Any, *, index: str) -> Iterator[WriteResult]:
        for write in writes:
            yield WriteResult(id=write.id, ok=False, status="failed", error="429 too many requests", tries=5)

    monkeypatch.setattr(engine, "write", failing)
    applied = apply(engine, index, row(), DeleteItem(id="2", version=1))
    assert kinds(applied) == ["failed", "failed"]
    assert applied.outcomes[0].error == "429 too many requests"


def test_warnings_are_those_of_this_batch(engine: ExactEngine) -> None:
    index = add_index(engine)
    applier = Applier(engine, encoder_of=no_encoder)
    first = applier.apply([row(price="cheap"), row("2", price="dear")], index)
    second = applier.apply([row("3", price="cheap"), row("4", price=1)], index)
    told = [{at: sorted(warnings.counts.values()) for at, warnings in one.warnings.items()} for one in (first, second)]
    assert told == [{0: [1], 1: [1]}, {0: [1]}]


def test_two_indexes_read_one_row_by_their_own_mappings(engine: ExactEngine) -> None:
    item = RowItem(id="1", row={"id": "1", "title": "Lamp", "name": "LAMP-1", "price": 3})
    only_name = RowItem(id="2", row={"id": "2", "name": "LAMP-2"})
    old, new = add_index(engine), add_index(engine, TITLES_ONLY)
    applier = Applier(engine, encoder_of=no_encoder)
    assert [kinds(applier.apply([item, only_name], one)) for one in (old, new)] == [["done", "refused"], ["done"] * 2]
    for one in (old, new):
        engine.refresh(index=one.name)
    assert stored(engine, old) == {"title": "Lamp", "price_minor": 300}
    assert stored(engine, new) == {"title": "LAMP-1"}
    assert stored(engine, new, "2") == {"title": "LAMP-2"}


def test_the_worst_outcome_of_several_indexes_counts() -> None:
    order = ["failed", "refused", "missing", "done", "stale"]
    outcomes = [Outcome(kind=OutcomeKind(kind)) for kind in order]
    for n in range(len(order)):
        assert worst(outcomes[n:]).kind == order[n]
        assert worst(outcomes[n:][::-1]).kind == order[n]


# ---------------------------------------------------------------- copies


FULL = {
    "id": "1", "title": "Lamp LX-200", "text": "Bright", "brand": "Lux", "area": "Home", "kind": "Lamps",
    "price": "9.90", "stock": True, "sold": 3, "link": "https://x.example/1", "image": "https://x.example/1.png",
    "changed": "2026-01-01", "mpn": ["LX-200", "4006381333931"], "width": 12.5, "colour": ["red", "blue"], "lit": True,
}  # fmt: skip


def test_a_copy_is_the_product_it_was_made_of(engine: ExactEngine) -> None:
    old, new = add_index(engine), add_index(engine)
    apply(engine, old, RowItem(id="1", row=FULL, version=3))
    [record] = engine.fetch(["1"], index=old.name)
    assert record is not None
    apply(engine, new, CopyItem(id="1", record={k: v for k, v in record.items() if k != "version"}, record_version=3))
    everything = [
        *record,
        "codes",
        "attribute_pairs",
        "attribute_numbers",
        "content_hash",
        "match_text",
        "category",
        "record_version",
    ]
    assert engine.fetch(["1"], everything, index=new.name) == engine.fetch(["1"], everything, index=old.name)


def test_a_record_names_the_product_that_it_was_made_of() -> None:
    with ExactEngine("shop") as engine:
        index = add_index(engine)
        apply(engine, index, RowItem(id="1", row=FULL))
        [record] = engine.fetch(["1"], index=index.name)
    product = product_of_record(record)
    again, _ = to_record(product, template=MAPPING.template, language=MAPPING.language, numeric_attributes={"width"})
    assert product_of_record(again) == product
    assert product.attributes == {"width": 12.5, "colour": ("red", "blue"), "lit": True}
    assert product.category_path == ("Home", "Lamps")


def test_a_copy_brings_the_versions_of_its_fields(engine: ExactEngine) -> None:
    index = add_index(engine)
    copy = CopyItem(
        id="1", record={"id": "1", "title": "Lamp", "price_minor": 8, "in_stock": True}, record_version=3,
        field_versions={"price_minor": 8, "in_stock": 5, "popularity": 8},
    )  # fmt: skip
    assert kinds(apply(engine, index, copy)) == ["done"]
    late = [
        UpdateItem(id="1", fields={"price_minor": 7}, version=7),
        UpdateItem(id="1", fields={"in_stock": False}, version=6),
        row(title="New lamp", price="0.04", version=4),
    ]
    assert kinds(apply(engine, index, *late)) == ["stale", "done", "done"]
    assert stored(engine, index) == {
        "title": "New lamp", "price_minor": 8, "in_stock": False, "record_version": 4,
        "field_versions": {"price_minor": 8, "in_stock": 6, "popularity": 8},
    }  # fmt: skip


def test_a_copy_that_comes_after_a_newer_record_or_a_delete_is_stale(engine: ExactEngine) -> None:
    index = add_index(engine)
    copy = {"record": {"id": "1", "title": "Old"}, "record_version": 3}
    apply(engine, index, row(version=5), DeleteItem(id="2", version=4))
    applied = apply(engine, index, CopyItem(id="1", **copy), CopyItem(id="2", **copy))  # type: ignore[arg-type]
    assert kinds(applied) == ["stale", "stale"]
    assert engine.count(index=index.name) == 1


# ---------------------------------------------------------------- vectors


def vector(engine: ExactEngine, index: IndexInfo, id: str = "1") -> list[float] | None:
    [record] = engine.fetch([id], ["vectors.dense"], index=index.name)
    return None if record is None else record.get("vectors.dense")


def test_each_text_is_encoded_once(engine: ExactEngine) -> None:
    encoder = CountingEncoder()
    index = add_index(engine, encoders={"dense": encoder})
    applied = apply(engine, index, row("1"), row("2"), row("3", "Table"), encoder=encoder)
    assert sorted(encoder.texts) == ["Lamp", "Table"]
    assert (applied.encoded, applied.reused, applied.without_vector) == (2, 0, 0)
    assert (
        vector(engine, index, "1") == vector(engine, index, "2") == pytest.approx(encoder.encode_queries(["Lamp"])[0])
    )


def test_vectors_come_from_the_cache_then_an_index_then_the_encoder(engine: ExactEngine) -> None:
    encoder, cache = CountingEncoder(), Cache()
    old = add_index(engine, encoders={"dense": encoder})
    new = add_index(engine, encoders={"dense": encoder})
    apply(engine, old, row("1", "Lamp"), row("2", "Table"), encoder=encoder)
    encoder.texts.clear()
    marked = np.zeros(32, dtype=np.float32)
    marked[3] = 1.0
    [record] = engine.fetch(["1"], ["content_hash"], index=old.name)
    assert record is not None
    cache.put(new.schema.vectors[0].fingerprint, {record["content_hash"]: marked})
    items = [row("1", "Lamp"), row("2", "Table"), row("3", "Chair")]
    applied = apply(engine, new, *items, encoder=encoder, cache=cache, reuse=[old])
    assert vector(engine, new, "1") == marked.tolist()
    assert vector(engine, new, "2") == vector(engine, old, "2")
    assert encoder.texts == ["Chair"]
    assert (applied.encoded, applied.reused) == (1, 2)
    assert len(cache.held) == 2  # what was made is kept


def test_a_changed_text_is_encoded_anew_and_an_unchanged_one_is_not(engine: ExactEngine) -> None:
    encoder = CountingEncoder()
    index = add_index(engine, encoders={"dense": encoder})
    apply(engine, index, row("1"), row("2"), encoder=encoder)
    encoder.texts.clear()
    applied = apply(engine, index, row("1", price=5), row("2", "Floor lamp"), encoder=encoder)
    assert encoder.texts == ["Floor lamp"]
    assert (applied.encoded, applied.reused) == (1, 1)


def test_vectors_of_another_encoder_are_not_taken(engine: ExactEngine) -> None:
    small, large = CountingEncoder(16), CountingEncoder(32)
    old = add_index(engine, encoders={"dense": small})
    new = add_index(engine, encoders={"dense": large})
    apply(engine, old, row(), encoder=small)
    applied = apply(engine, new, row(), encoder=large, reuse=[old])
    assert (applied.encoded, applied.reused) == (1, 0)
    assert len(vector(engine, new) or []) == 32


def test_a_text_without_a_token_gets_no_vector_and_is_not_encoded_again_and_again(engine: ExactEngine) -> None:
    encoder, cache = CountingEncoder(), Cache()
    index = add_index(engine, encoders={"dense": encoder})
    for encoded in (1, 0):
        applied = apply(engine, index, row("1", "—"), encoder=encoder, cache=cache)
        assert kinds(applied) == ["done"]
        assert (applied.encoded, applied.without_vector) == (encoded, 1)
    assert vector(engine, index) is None


def test_updates_and_deletes_need_no_model(engine: ExactEngine) -> None:
    encoder = CountingEncoder()
    index = add_index(engine, encoders={"dense": encoder})
    apply(engine, index, row("1"), row("2"), encoder=encoder)
    before = vector(engine, index)
    apply(engine, index, UpdateItem(id="1", fields={"price_minor": 5}), DeleteItem(id="2"))
    assert vector(engine, index) == before


@pytest.mark.parametrize("error", [FingerprintMismatch("another model"), EncoderError("out of memory")])
def test_what_the_encoder_raises_comes_out_and_nothing_is_written(engine: ExactEngine, error: Exception) -> None:
    index = add_index(engine, encoders={"dense": CountingEncoder()})

    def failing(field: VectorField, schema: Schema) -> Encoder:
        raise error

    with pytest.raises(type(error)):
        Applier(engine, encoder_of=failing).apply([row()], index)
    engine.refresh(index=index.name)
    assert engine.count(index=index.name) == 0


def test_nothing_to_apply_is_fine(engine: ExactEngine) -> None:
    assert apply(engine, add_index(engine)).outcomes == []
