"""Applier: items into an index, with one outcome per item. Safe to repeat: versions make a second time change nothing.

rows and copies -> records -> vectors (stored, cached, or made) -> labels -> Engine.write -> an outcome per item
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from multirecall.core.product import Product
from multirecall.encoders.base import Encoder, Float32Array
from multirecall.engines.base import Delete, Engine, IndexedProduct, IndexInfo, Update, Upsert, Write, WriteStatus
from multirecall.engines.schema import Schema, VectorField
from multirecall.indexer import mapping as mappings
from multirecall.indexer.items import CopyItem, DeleteItem, Item, RowItem, UpdateItem
from multirecall.indexer.projection import to_record
from multirecall.indexer.rows import Reject, RowReader, Warnings
from multirecall.indexer.sources.base import SourceRow
from multirecall.indexer.vectors import NoCache, VectorCache, reusable_fields, stored_vectors
from multirecall.recall.labelling import LabellerOf, no_labeller, with_labels

__all__ = ["Applied", "Applier", "EncoderOf", "Outcome", "OutcomeKind", "product_of_record"]

EncoderOf = Callable[[VectorField, Schema], Encoder]
"""The encoder that makes the vectors of a field; raises FingerprintMismatch if it no longer is the same."""


class OutcomeKind(StrEnum):
    DONE = "done"
    STALE = "stale"  # the index holds something newer: right, and nothing to do
    MISSING = "missing"  # an update of a product that is not there (yet)
    REFUSED = "refused"  # will never go in
    FAILED = "failed"  # given up for now


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one item. `error` for those that are not in; `field` where one is to blame."""

    kind: OutcomeKind
    error: str = ""
    field: str = ""


_FIRST = (OutcomeKind.FAILED, OutcomeKind.REFUSED, OutcomeKind.MISSING, OutcomeKind.DONE, OutcomeKind.STALE)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Of one item's outcomes in several indexes, the one that needs most care."""
    return min(outcomes, key=lambda outcome: _FIRST.index(outcome.kind))


@dataclass(slots=True, kw_only=True)
class Applied:
    """`outcomes` in the order of the items. `written` counts what the engine did, by its own words (created, …).
    `warnings`: what rows had that could not be used, by the position of their item."""

    outcomes: list[Outcome]
    written: Counter[str] = field(default_factory=Counter)
    encoded: int = 0
    reused: int = 0
    without_vector: int = 0
    encoding_s: float = 0.0
    writing_s: float = 0.0
    warnings: dict[int, Warnings] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class _Ready:
    """A product on its way into the index. `position`: of its item."""

    position: int
    product: Product
    version: int | None
    record: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    vectors: dict[str, Float32Array] = field(default_factory=dict)


class Applier:
    """Writes items into one physical index at a time. Blocking; for one thread.

    `unversioned`: what a row without a version gets as its version (None: none, it then overwrites whatever is there).
    """

    def __init__(
        self,
        engine: Engine,
        *,
        encoder_of: EncoderOf,
        labeller_of: LabellerOf = no_labeller,
        cache: VectorCache | None = None,
    ) -> None:
        self._engine = engine
        self._encoder_of = encoder_of
        self._labeller_of = labeller_of
        self._cache = cache or NoCache()
        self._readers: dict[str, RowReader] = {}

    def apply(
        self,
        items: Sequence[Item],
        index: IndexInfo,
        *,
        reuse: Sequence[IndexInfo] = (),
        unversioned: int | None = None,
    ) -> Applied:
        """Writes all items; visible after the engine's next refresh.

        Vectors are taken from the index itself or those of `reuse` where text and encoder are the same, then from the
        cache, and made otherwise. Raises what the engine and the encoder raise: then any part of the items may be in,
        and applying them again is right.
        """
        applied = Applied(outcomes=[Outcome(kind=OutcomeKind.DONE) for _ in items])
        ready = self._products(items, index, applied, unversioned)
        started = time.perf_counter()
        self._fill_vectors(ready, index, reuse, applied)
        self._label(ready, index.schema)
        applied.encoding_s = time.perf_counter() - started
        self._write(items, ready, index, applied)
        applied.writing_s = time.perf_counter() - started - applied.encoding_s
        return applied

    # ---------------------------------------------------------------- products

    def _products(
        self, items: Sequence[Item], index: IndexInfo, applied: Applied, unversioned: int | None
    ) -> dict[int, _Ready]:
        """The products among the items by position, as records of this index."""
        reader = self._reader(index)
        ready: dict[int, _Ready] = {}
        for position, item in enumerate(items):
            if isinstance(item, RowItem):
                row = SourceRow(file=item.file, row=item.number, line=item.line, record=item.row)
                reader.warnings = Warnings()
                product = reader.read(row)
                if reader.warnings.counts:
                    applied.warnings[position] = reader.warnings
                if isinstance(product, Reject):
                    applied.outcomes[position] = Outcome(
                        kind=OutcomeKind.REFUSED, error=f"{product.field}: {product.reason}", field=product.field
                    )
                    continue
                version = product.version if item.version is None else item.version
                ready[position] = _Ready(
                    position=position, product=product, version=unversioned if version is None else version
                )
            elif isinstance(item, CopyItem):
                ready[position] = _Ready(
                    position=position, product=product_of_record(item.record), version=item.record_version
                )
        template, numeric = reader.mapping.template, frozenset(reader.mapping.numeric_attributes)
        for one in ready.values():
            one.record, one.text = to_record(
                one.product, template=template, language=index.schema.language, numeric_attributes=numeric
            )
        return ready

    def _reader(self, index: IndexInfo) -> RowReader:
        """By the mapping that the index was made with."""
        if index.name not in self._readers:
            self._readers[index.name] = RowReader(mappings.Mapping.from_dict(index.schema.metadata["mapping"]))
        return self._readers[index.name]

    # ---------------------------------------------------------------- vectors

    def _fill_vectors(
        self, ready: dict[int, _Ready], index: IndexInfo, reuse: Sequence[IndexInfo], applied: Applied
    ) -> None:
        """Gives each product its vectors; the text of which a model sees no token gets none.

        The cache is asked first: it costs a tenth of what an index takes to give vectors back.
        """
        if not ready or not index.schema.vectors:
            return
        products = list(ready.values())
        for made in index.schema.vectors:
            self._take_cached(products, made)
        for holder in (index, *reuse):
            names = reusable_fields(holder.schema, index.schema)
            wanting = [one for one in products if any(name not in one.vectors for name in names)]
            wanted = [(one.product.id, one.record["content_hash"]) for one in wanting]
            found = stored_vectors(wanted, self._engine, holder.name, names)
            for one in wanting:
                for name in names:
                    if (one.product.id, name) in found:
                        one.vectors.setdefault(name, found[one.product.id, name])
        applied.reused = sum(len(one.vectors) for one in products)
        for made in index.schema.vectors:
            self._encode([one for one in products if made.name not in one.vectors], made, index.schema, applied)
        for one in products:  # from the cache, too, comes a vector of zeros: no token, no direction
            for name in [name for name, vector in one.vectors.items() if not vector.any()]:
                del one.vectors[name]
                applied.without_vector += 1

    def _take_cached(self, products: list[_Ready], made: VectorField) -> None:
        hashes = list({one.record["content_hash"] for one in products})
        cached = self._cache.get(made.fingerprint, hashes, made.dim)
        for one in products:
            if one.record["content_hash"] in cached:
                one.vectors[made.name] = cached[one.record["content_hash"]]

    def _encode(self, products: list[_Ready], made: VectorField, schema: Schema, applied: Applied) -> None:
        """By the encoder; each text once, however many products share it."""
        texts = {one.record["content_hash"]: one.text for one in products}
        if not texts:
            return
        rows = self._encoder_of(made, schema).encode_products(list(texts.values()))
        fresh = dict(zip(texts, rows, strict=True))
        applied.encoded += len(fresh)
        self._cache.put(made.fingerprint, fresh)
        for one in products:
            one.vectors[made.name] = fresh[one.record["content_hash"]]

    def _label(self, ready: dict[int, _Ready], schema: Schema) -> None:
        """Gives each record its labels; a label depends on the vectors, so it comes after them."""
        if not ready or not schema.labels:
            return
        labellers = [self._labeller_of(field, schema) for field in schema.labels]
        products = list(ready.values())
        indexed = [IndexedProduct(id=one.product.id, fields=one.record, vectors=one.vectors) for one in products]
        for one, product in zip(products, with_labels(indexed, labellers), strict=True):
            one.record = dict(product.fields)

    # ---------------------------------------------------------------- writing

    def _write(self, items: Sequence[Item], ready: dict[int, _Ready], index: IndexInfo, applied: Applied) -> None:
        writes: list[tuple[int, Write]] = []
        for position, item in enumerate(items):
            if position in ready:
                one = ready[position]
                product = IndexedProduct(id=one.product.id, fields=one.record, vectors=one.vectors)
                writes.append((position, Upsert(product=product, version=one.version)))
            match item:
                case CopyItem():
                    writes += [(position, write) for write in _field_updates(item)]
                case UpdateItem():
                    writes.append((position, Update(id=item.id, fields=item.fields, version=item.version)))
                case DeleteItem():
                    writes.append((position, Delete(id=item.id, version=item.version)))
        results = self._engine.write((write for _, write in writes), index=index.name)
        seen: set[int] = set()
        for (position, _), result in zip(writes, results, strict=True):
            applied.written[result.status] += 1
            outcome = Outcome(kind=_OUTCOMES.get(result.status, OutcomeKind.DONE), error=result.error)
            if result.status == WriteStatus.MISSING:
                outcome = Outcome(kind=OutcomeKind.DONE if result.ok else OutcomeKind.MISSING)
            if outcome.kind is OutcomeKind.MISSING:
                outcome = Outcome(kind=OutcomeKind.MISSING, error="There is no product of this id.", field="id")
            # a copy is several writes: none of them may hide that another one is not in
            applied.outcomes[position] = worst([applied.outcomes[position], outcome]) if position in seen else outcome
            seen.add(position)


_OUTCOMES = {
    WriteStatus.STALE: OutcomeKind.STALE,
    WriteStatus.REJECTED: OutcomeKind.REFUSED,
    WriteStatus.FAILED: OutcomeKind.FAILED,
}


def _field_updates(item: CopyItem) -> list[Update]:
    """One partial update per version that single fields of a copied product have."""
    versions = sorted(set(item.field_versions.values()))
    return [
        Update(
            id=item.id,
            fields={name: item.record.get(name) for name, at in item.field_versions.items() if at == version},
            version=version,
        )
        for version in versions
    ]


def product_of_record(record: Any) -> Product:
    """The Product that a stored record was made of (`projection.to_record`)."""
    attributes = {
        name: tuple(value) if isinstance(value, list) else value for name, value in record.get("attributes", {}).items()
    }
    return Product(
        id=record["id"],
        title=record.get("title", ""),
        description=record.get("description", ""),
        brand=record.get("brand"),
        category_path=tuple(record.get("category_path", ())),
        attributes=attributes,
        identifiers=tuple(record.get("identifiers", ())),
        price_minor=record.get("price_minor"),
        currency=record.get("currency"),
        in_stock=record.get("in_stock"),
        popularity=record.get("popularity"),
        updated_at=record.get("updated_at"),
        url=record.get("url"),
        image_url=record.get("image_url"),
    )
