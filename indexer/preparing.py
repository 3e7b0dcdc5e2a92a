"""From rows to writes: the stages of a build before the engine, each a generator of batches."""

from __future__ import annotations

import itertools
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from multirecall.encoders.base import Encoder
from multirecall.engines.base import Engine, Float32Array, IndexedProduct, Upsert
from multirecall.engines.schema import Schema
from multirecall.indexer.projection import to_record
from multirecall.indexer.rows import Reject, RowReader
from multirecall.indexer.seen_ids import Places, SeenIds
from multirecall.indexer.sources.base import Row, RowSource
from multirecall.indexer.vectors import reusable_fields, stored_vectors
from multirecall.recall.labelling import Labeller, with_labels

__all__ = ["Prepared", "Reuse", "Written", "encoded_batches", "prepared_batches", "reusable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A product on its way, with the row it came from and the text that the encoders read."""

    upsert: Upsert
    text: str
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """One batch: `read` rows gave `products`, or a reject each; `duplicates` of the rejects repeat an id."""

    products: tuple[Written, ...]
    rejects: tuple[Reject, ...]
    read: int
    duplicates: int
    bytes_read: int
    reading_s: float
    encoding_s: float = 0.0
    encoded: int = 0
    reused: int = 0
    without_vector: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reuse:
    """Where vectors may be taken from: the live index, and its vector fields whose fingerprint is still the same."""

    index: str
    names: tuple[str, ...]


def prepared_batches(source: RowSource, reader: RowReader, batch_size: int) -> Generator[Prepared, None, None]:
    """Records without vectors, `batch_size` rows a batch. Of several rows with one id the first one counts."""
    template = reader.mapping.template
    language, numeric = reader.mapping.language, frozenset(reader.mapping.numeric_attributes)
    seen = SeenIds()
    places = Places()
    stream = source.rows()
    while True:
        started = time.perf_counter()
        rows = list(itertools.islice(stream, batch_size))
        if not rows:
            return
        products: list[Written] = []
        rejects: list[Reject] = []
        duplicates = 0
        for row in rows:
            product = reader.read(row)
            if isinstance(product, Reject):
                rejects.append(product)
                continue
            first = seen.first_place(product.id, places.number(row))
            if first is not None:
                duplicates += 1
                rejects.append(Reject.of(row, "id", f"read before: {places.text(first)}"))
                continue
            record, text = to_record(product, template=template, language=language, numeric_attributes=numeric)
            indexed = IndexedProduct(id=product.id, fields=record)
            products.append(Written(upsert=Upsert(product=indexed, version=product.version), text=text, row=row))
        yield Prepared(
            products=tuple(products),
            rejects=tuple(rejects),
            read=len(rows),
            duplicates=duplicates,
            bytes_read=source.bytes_read,
            reading_s=time.perf_counter() - started,
        )


def encoded_batches(
    batches: Iterable[Prepared],
    encoders: Mapping[str, Encoder],
    labellers: Sequence[Labeller],
    engine: Engine,
    reuse: Reuse | None,
) -> Generator[Prepared, None, None]:
    """The batches with their vectors, taken from the live index where the encoder's text did not change, else made;
    and with the labels that follow from them.

    A text of which the model sees no token gives no vector: its product is found by the other routes only.
    """
    for batch in batches:
        started = time.perf_counter()
        known = _known_vectors(batch, engine, reuse) if reuse is not None and batch.products else {}
        vectors: list[dict[str, Float32Array]] = [{} for _ in batch.products]
        encoded = reused = without = 0
        for name, encoder in encoders.items():
            missing: list[int] = []
            for position, product in enumerate(batch.products):
                vector = known.get((product.upsert.id, name))
                if vector is not None and vector.shape == (encoder.dim,):
                    vectors[position][name] = vector
                    reused += 1
                else:
                    missing.append(position)
            if not missing:
                continue
            rows = encoder.encode_products([batch.products[position].text for position in missing])
            encoded += len(missing)
            for position, vector in zip(missing, rows, strict=True):
                if vector.any():
                    vectors[position][name] = vector
                else:
                    without += 1
        indexed = [replace(p.upsert.product, vectors=v) for p, v in zip(batch.products, vectors, strict=True)]
        indexed = with_labels(indexed, labellers)
        yield replace(
            batch,
            products=tuple(
                replace(p, upsert=replace(p.upsert, product=made))
                for p, made in zip(batch.products, indexed, strict=True)
            ),
            encoding_s=time.perf_counter() - started,
            encoded=encoded,
            reused=reused,
            without_vector=without,
        )


def _known_vectors(batch: Prepared, engine: Engine, reuse: Reuse) -> dict[tuple[str, str], Float32Array]:
    """(id, vector field) to the live index's vector, where the encoder's text is still the same."""
    wanted = [(p.upsert.id, str(p.upsert.product.fields["content_hash"])) for p in batch.products]
    return stored_vectors(wanted, engine, reuse.index, reuse.names)


def reusable(live_index: str, live: Schema, wanted: Schema) -> Reuse | None:
    """Which vectors of the live index may be taken over; None if none."""
    names = reusable_fields(live, wanted)
    return Reuse(index=live_index, names=names) if names else None
